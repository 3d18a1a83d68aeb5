"""Nothing is imported before it is needed: which modules each way in loads, beyond what the interpreter has loaded itself."""

import subprocess
import sys
from pathlib import Path

# Never needed to start.
COSTLY = {
    "asyncio",
    "click.testing",
    "email",
    "http",
    "logging",
    "multiprocessing",
    "pydantic",
    "rich",
    "sqlite3",
    "ssl",
    "unittest",
    "urllib.request",
    "xml",
    "zstandard",
}


def loaded(code: str, *flags: str) -> list[str]:
    """Return the modules that *code* loads in a fresh interpreter, sorted."""
    program = f"import sys; before = set(sys.modules); exec({code!r}); print(*sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, *flags, "-c", program], capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_importing_segue_loads_segue_alone():
    assert loaded("import segue") == ["segue"]


def test_importing_the_errors_loads_nothing_costly():
    assert set(loaded("import segue.core.errors")) & COSTLY == set()


def test_the_mcp_server_is_ready_without_anything_costly():
    """Every agent starts one with itself: what a call needs is loaded with the first call."""
    assert set(loaded("import segue.mcp.stdio, segue.app")) & COSTLY == set()


def test_the_file_that_marks_segue_as_typed_is_shipped():
    import segue

    assert (Path(segue.__file__).parent / "py.typed").is_file()
