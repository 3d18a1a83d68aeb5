"""A store that a newer program wrote: every command refuses it by its number, with exit code 8, and changes nothing in it."""

import json
from pathlib import Path

import pytest

from segue.cli.main import SECTIONS

COMMANDS = {
    "start": ["--task", "pears"],
    "status": [],
    "budget": ["last"],
    "delta": ["last"],
    "predict": ["last"],
    "note": ["list"],
    "mcp": ["audit"],
    "restore": ["last"],
    "pause": ["last"],
    "resume": ["last", "--print"],
    "end": ["last"],
    "checkpoint": ["create", "last"],
    "forget": ["last"],
    "erase": ["last", "--yes"],
    "fork": ["last"],
    "list": [],
    "show": ["last"],
    "log": ["last"],
    "search": ["pears"],
    "watch": ["last"],
    "follow": ["."],
    "import": ["."],
    "moved": ["/a", "/b"],
    "restore-transcript": ["last"],
    "append": ["last", "--stdin"],
    "validate": [],
    "recover": [],
    "repair": [],
    "backup": [],
    "scan": ["last"],
    "reconstruct": ["."],
    "encrypt": ["--key-file", "key"],
    "decrypt": ["--yes"],
    "key": [],
}
"""Each command with what it needs to get as far as the store."""
WITHOUT = {"init", "why", "completion", "config", "doctor", "restore-store", "statusline"}
"""They need no store, say what is wrong with it among other things, put another in its place, or must never fail."""


@pytest.fixture
def newer(shop):
    """The store of the shop, as next year's program has left it."""
    store = Path(shop.home) / "segue" / "store"
    document = json.loads((store / "format.json").read_text())
    (store / "format.json").write_text(json.dumps({**document, "segue": 99}))
    return store


def contents(place):
    return {str(path.relative_to(place)): path.read_bytes() for path in sorted(place.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_a_store_of_a_newer_program_is_refused_and_left_as_it_is(shop, newer, name):
    before = contents(newer)
    said = shop(name, *COMMANDS[name])
    assert (said.code, said.out) == (8, ""), said
    assert "99" in said.err
    assert contents(newer) == before


def test_every_command_is_among_them():
    assert {name for section in SECTIONS.values() for name in section} - COMMANDS.keys() == WITHOUT
