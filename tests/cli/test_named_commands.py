"""Commands that messages and help name are there: what is copied from a hint runs."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import click

from segue.cli.main import cli as root

SOURCES = Path(__file__).parents[2] / "src" / "segue"


def texts(path: Path, wanted: re.Pattern[str]) -> Iterator[str]:
    source = path.read_text(encoding="utf-8")
    if wanted.search(re.sub(r"[\s\"]+", " ", source)):
        strings = (node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant))
        yield from (re.sub(r"\s+", " ", text) for text in strings if isinstance(text, str))


def test_every_command_of_a_group_that_a_text_names_is_there():
    context = click.Context(root)
    commands = {name: root.get_command(context, name) for name in root.list_commands(context)}
    groups = {name: found.list_commands(context) for name, found in commands.items() if isinstance(found, click.Group)}
    wanted = re.compile(rf"\bsegue ({'|'.join(groups)}) ([a-z][a-z-]+)")

    named = {found for path in SOURCES.rglob("*.py") for text in texts(path, wanted) for found in wanted.findall(text)}

    assert ("checkpoint", "list") in named
    assert sorted((group, command) for group, command in named if command not in groups[group]) == []
