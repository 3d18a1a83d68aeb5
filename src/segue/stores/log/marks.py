"""What stands beside a log: where it left its parent, that it was deleted, and what is known to be lost of it."""

import json
import os
from pathlib import Path
from typing import Final, NamedTuple

from segue.core.errors import DamagedError
from segue.core.log.events import ForkPoint
from segue.core.log.rejoining import Range
from segue.stores.log import files


def is_deleted(directory: Path | str) -> bool:
    """Return whether a log was deleted; its bytes may still be there for its forks."""
    return os.path.exists(f"{directory}/deleted")


def mark_deleted(directory: Path) -> None:
    """Delete a log: from now on it is gone, after a power loss too."""
    files.replace(directory / "deleted", b"")


def is_given_up(directory: Path) -> bool:
    """Return whether recovery marked a log as deleted because no copy had anything of it, and it is still so."""
    try:
        return is_deleted(directory) and bool(read_lost(directory).events) and not os.listdir(directory / "log")
    except OSError:
        return False


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


class Lost(NamedTuple):
    """What recovery found in no copy of a log: that it is missing is known, and no damage any more."""

    events: tuple[Range, ...] = ()
    blobs: frozenset[str] = frozenset()

    def has(self, first: int, last: int) -> bool:
        """Return whether all events from *first* to *last* are known to be lost."""
        return any(low <= first and last <= high for low, high in self.events)

    @property
    def size(self) -> int:
        """How many events are known to be lost."""
        return sum(high - low + 1 for low, high in self.events)


NOTHING: Final = Lost()


def read_lost(directory: Path) -> Lost:
    """Return what is known to be lost of a log; what cannot be read says nothing."""
    try:
        found = json.loads(files.read_file(directory / "lost.json"))
        events = tuple((int(first), int(last)) for first, last in found["events"])
        return Lost(events, frozenset(str(name) for name in found["blobs"]))
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return NOTHING


def write_lost(directory: Path, lost: Lost) -> None:
    """Keep what is known to be lost of a log."""
    if lost == NOTHING:
        (directory / "lost.json").unlink(missing_ok=True)
        return
    record = {"events": [list(one) for one in lost.events], "blobs": sorted(lost.blobs)}
    files.replace(directory / "lost.json", json.dumps(record).encode() + b"\n")
