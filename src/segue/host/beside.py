"""Temporary files beside the file that they are to become."""

import os
from contextlib import suppress
from pathlib import Path


def beside(path: Path) -> Path:
    """Return the name of a temporary file of this process beside *path*; those that killed processes left there are removed."""
    begin = f".{path.name}.segue-"
    with suppress(OSError):  # no such directory yet, or not one to look into
        for other in path.parent.iterdir():
            if other.name.startswith(begin) and is_gone(other.name[len(begin) :]):
                other.unlink(missing_ok=True)
    return path.with_name(f"{begin}{os.getpid()}")


def is_gone(pid: str) -> bool:
    """Return whether *pid* is a number of a process that there is not."""
    if not (pid.isascii() and pid.isdigit()):
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        return False
    return False
