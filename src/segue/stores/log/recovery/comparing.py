"""What copies of a store tell of it without being read: a store that was set back to an older copy looks sound by itself."""

from collections.abc import Iterator, Sequence

from segue.core.errors import SegueError
from segue.core.log.events import Head
from segue.core.log.ids import uuid7
from segue.ports import Finding
from segue.stores.log.logs import Logs
from segue.stores.log.recovery.places import Place


def compare(logs: Logs, copies: Sequence[Place], session: str | None = None) -> Iterator[Finding]:
    """Yield what the latest backup and the mirror have of the store's sessions, or of one, and the store has not.

    Only where their logs end is compared. What is kept as a fork already is not told of.
    """
    latest = [next((place for place in copies if place.kind == kind), None) for kind in ("backup", "mirror")]
    ids = {*logs.ids()}
    told: set[str] = set()
    for place in latest:
        for name in place.logs() if place else ():
            own = name.partition("/")[2]
            if not name.startswith("sessions/") or session not in (None, own) or own in told:
                continue
            for finding in _compare(own, logs, place, name, ids) if place else ():
                told.add(own)
                yield finding


def _compare(own: str, logs: Logs, place: Place, name: str, ids: set[str]) -> Iterator[Finding]:
    if own not in ids:
        if not (logs.directory / own).exists():
            yield Finding("gap", own, "the session", f"a {place.kind} has it, the store does not: {place.where}")
        return
    for tip in (place.tips(name) or ())[:1]:
        try:
            journal = logs.any(own)
            head = journal.head()
            event = journal.event(tip.seq) if journal.base.seq < tip.seq <= head.seq else None
        except (SegueError, OSError):  # that is found by looking at the log itself
            return
        if tip.seq > head.seq:
            many = f"events {head.seq + 1} to {tip.seq} are" if tip.seq > head.seq + 1 else f"event {tip.seq} is"
            reason = f"{many} in a {place.kind}: the store is an older copy, or lost its end: {place.where}"
            yield Finding("gap", own, "the end of the log", reason, head.seq + 1)
        elif event is not None and tip.digest not in logs.env.cipher.names(event.digest) and not _is_kept(tip, ids):
            reason = f"it is another in a {place.kind}: the two went on separately: {place.where}"
            yield Finding("gap", own, f"event {tip.seq}", reason, tip.seq)


def _is_kept(tip: Head, ids: set[str]) -> bool:
    """Return whether the fork is there that recovery makes of what ends with *tip*."""
    if len(tip.digest) != 64:
        return False
    end = uuid7(0, bytes.fromhex(tip.digest)[:10])[14:]
    return any(one[14:] == end for one in ids)
