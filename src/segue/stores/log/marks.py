"""What stands beside a log: where it left its parent, and that it was deleted."""

import json
import os
from pathlib import Path

from segue.core.errors import DamagedError
from segue.core.log.events import ForkPoint
from segue.stores.log import files


def is_deleted(directory: Path | str) -> bool:
    """Return whether a log was deleted; its bytes may still be there for its forks."""
    return os.path.exists(f"{directory}/deleted")


def mark_deleted(directory: Path) -> None:
    """Delete a log: from now on it is gone, after a power loss too."""
    files.replace(directory / "deleted", b"")


def read_fork(directory: Path) -> ForkPoint | None:
    """Return where a log left its parent. Raises DamagedError."""
    try:
        found = json.loads(files.read_file(directory / "fork.json"))
        return ForkPoint(str(found["session"]), int(found["seq"]), str(found["digest"]))
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as e:
        raise DamagedError(f"fork header of session {directory.name!r}", str(e), session=directory.name) from e


def write_fork(directory: Path, fork: ForkPoint) -> None:
    """Keep where a log left its parent."""
    files.replace(directory / "fork.json", json.dumps(fork._asdict()).encode())  # any cut shows: it ends in a brace
