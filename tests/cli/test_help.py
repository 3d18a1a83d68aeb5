"""Help: answered before anything is imported, and the same as click would give."""

import subprocess
import sys
from pathlib import Path

import pytest

from segue.cli.main import HIDDEN, SECTIONS

ROOT = Path(__file__).parents[2]
COMMANDS = [name for section in SECTIONS.values() for name in section]


def test_the_help_that_is_printed_first_is_current():
    done = subprocess.run([sys.executable, "scripts/write_help.py", "--check"], cwd=ROOT, check=False)
    assert done.returncode == 0, "run: make docs"


@pytest.mark.parametrize("argument", ["--help", "-h", "--version"])
def test_help_and_version_are_answered_before_anything_else_is_loaded(argument):
    program = (
        f"import sys; before = set(sys.modules); sys.argv = ['segue', {argument!r}]; from segue.__main__ import main; code = main();"
        "print(code, *sorted(m for m in set(sys.modules) - before), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    code, *modules = done.stderr.split()
    assert code == "0"
    assert done.stdout.startswith(("Usage: segue", "segue 0."))
    assert set(modules) <= {"segue", "segue.__main__", "segue.cli", "segue.cli.helptext"}


@pytest.mark.parametrize("command", [*COMMANDS, *HIDDEN])
def test_every_command_explains_itself(cli, command):
    said = cli(command, "--help")
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith(f"Usage: segue {command}")
    assert "--json" in said.out
    assert "--store" in said.out or "COMMAND" in said.out


def test_the_help_within_is_the_same_as_the_one_in_front(cli):
    from segue.cli.helptext import TEXT

    assert cli("--help").out.split() == TEXT.split()


def test_every_shell_gets_its_completion(cli):
    for shell in ("bash", "zsh", "fish"):
        said = cli("completion", shell)
        assert said.code == 0
        assert "_SEGUE_COMPLETE" in said.out
