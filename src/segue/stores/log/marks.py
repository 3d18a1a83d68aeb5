"""What stands beside a log: where it left its parent, that it was deleted, and what is known to be lost of it."""

import json
import os
from pathlib import Path
from typing import Any, Final, NamedTuple

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


class Doing(NamedTuple):
    """An erasure that was begun: whose it is, the events, the large values that they named, and what the log is to tell."""

    id: str
    seqs: tuple[int, ...]
    blobs: tuple[str, ...]
    note: dict[str, Any]


class Erased(NamedTuple):
    """What is known of erasures in a log: which snapshots are not to be believed, and what is to be finished."""

    first: int = 0
    until: int = 0
    doing: Doing | None = None
    seqs: tuple[Range, ...] = ()
    """The log's own events that are erased: no copy brings their contents back."""
    counts: tuple[tuple[int, int], ...] = ()
    """Of a scope's log: which of them stand for another number of changes than one, and for how many; none: it never happened."""

    def has(self, seq: int) -> bool:
        """Return whether an event is erased, or about to be."""
        return any(low <= seq <= high for low, high in self.seqs)

    def forbids(self, seq: int) -> bool:
        """Return whether a snapshot of that position may hold what was erased."""
        return self.first <= seq <= self.until


NOTHING_ERASED: Final = Erased()


def read_erased(directory: Path) -> Erased:
    """Return what is known of erasures in a log. Raises DamagedError."""
    try:
        found = json.loads(files.read_file(directory / "erased.json"))
        doing = found["doing"]
        begun = Doing(str(doing["id"]), tuple(doing["seqs"]), tuple(doing["blobs"]), dict(doing["note"])) if doing else None
        seqs = tuple((int(a), int(b)) for a, b in found["seqs"])
        counts = tuple((int(seq), int(count)) for seq, count in found.get("counts", ()))
        return Erased(int(found["first"]), int(found["until"]), begun, seqs, counts)
    except FileNotFoundError:
        return Erased()
    except (ValueError, KeyError, TypeError, RecursionError) as e:
        raise DamagedError(f"erased.json of {directory.name!r}", str(e), session=directory.name) from e


def write_erased(directory: Path, mark: Erased) -> None:
    """Keep what is known of erasures in a log."""
    doing = mark.doing._asdict() if mark.doing else None
    record: dict[str, Any] = {"first": mark.first, "until": mark.until, "doing": doing, "seqs": [list(one) for one in mark.seqs]}
    if mark.counts:
        record["counts"] = [list(one) for one in mark.counts]
    files.replace(directory / "erased.json", json.dumps(record).encode() + b"\n")
