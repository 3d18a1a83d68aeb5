"""What stands beside a log: where it left its parent, that it was deleted, that events of it are lost."""

import json
import os
from pathlib import Path

from segue.core.errors import DamagedError
from segue.core.log.events import ForkPoint
from segue.stores.log import files


def is_deleted(directory: Path) -> bool:
    """Return whether a log was deleted; its bytes may still be there for its forks."""
    return os.path.exists(f"{directory}/deleted")


def mark_deleted(directory: Path) -> None:
    """Delete a log: from now on it is gone, after a power loss too."""
    files.replace(directory / "deleted", b"")


def note_lost(directory: Path, first: int, last: int) -> None:
    """Keep that the events *first* to *last* were there and are not: their numbers will be used again."""
    files.make_dir(directory / "aside")
    files.replace(directory / "aside" / f"{first:06d}-{last:06d}.lost", b"")


def read_lost(name: str) -> tuple[int, int] | None:
    """Return which events the name of a file in `aside` says are lost, or None."""
    first, _, last = name.removesuffix(".lost").partition("-")
    return (int(first), int(last)) if name.endswith(".lost") and first.isdigit() and last.isdigit() else None


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
    files.replace(directory / "fork.json", json.dumps(fork._asdict()).encode() + b"\n")
