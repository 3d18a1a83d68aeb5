"""What a start costs: modules are counted, which is the same on every machine."""

import os
import subprocess
import sys

import pytest

COSTLY = {"asyncio", "email", "http", "logging", "pydantic", "rich", "ssl", "unittest", "urllib.request", "xml"}


def loaded(*arguments: str) -> set[str]:
    """Return the modules that a command loads, in a process of its own."""
    program = (
        f"import sys; sys.argv = ['segue', *{list(arguments)!r}]; from segue.__main__ import main; code = main();"
        "sys.stdout.flush(); print(*sys.modules, file=sys.stderr); sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env={**os.environ, "SEGUE_UPKEEP": "off"}
    )
    return set(done.stderr.split())


@pytest.mark.parametrize(
    ("arguments", "without"),
    [
        (["--help"], {"click", "json", "sqlite3", "typing", "segue.app", "segue.core"}),
        (["--version"], {"click", "json", "sqlite3", "typing", "segue.app", "segue.core"}),
        (["list", "--help"], {"sqlite3", "segue.stores.log.store", "segue.engine.capture.importing", "zstandard"}),
        (["config"], {"sqlite3", "segue.stores.log.store", "segue.engine.capture.importing", "zstandard"}),
        (["start"], {"sqlite3", "segue.transcripts", "segue.core.context"}),
        (["list"], {"segue.transcripts", "segue.core.context", "segue.engine.context.restoring"}),
    ],
)
def test_a_command_loads_what_it_needs_and_nothing_costly(arguments, without):
    assert loaded(*arguments) & (COSTLY | without) == set()
