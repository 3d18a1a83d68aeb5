"""Temporary files beside the transcript that they are to become, in a directory of an agent.

`host.beside` is its twin: neither layer sees the other, and what is below both does no I/O.
"""

import os
from contextlib import suppress
from pathlib import Path


def beside(path: Path) -> Path:
    """Return the name of a new temporary file beside *path*; those that killed processes left of it are removed."""
    begin = f".{path.name}.segue-"
    with suppress(OSError):  # no such directory yet, or not one to look into
        for other in path.parent.iterdir():
            if other.name.startswith(begin) and _is_gone(other.name[len(begin) :].partition("-")[0]):
                other.unlink(missing_ok=True)
    return path.with_name(f"{begin}{os.getpid()}-{os.urandom(4).hex()}")


def _is_gone(pid: str) -> bool:
    if not (pid.isascii() and pid.isdigit()):
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        return False
    return False
