"""From lines to events, each verified: its own digest, its place in the numbering, and that it follows the one before.

A line that fails is reported and left out; the events around it are given. A whole line that does not follow its intact
predecessor (another log's, an older copy's) is left out too.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from segue.core.errors import DamagedError, GoneError, NotFoundError, StoreUnusableError
from segue.core.log.codec import BadLine, decode_line
from segue.core.log.events import Damage, Event, Head
from segue.stores.log.marks import NOTHING, Lost, is_deleted
from segue.stores.log.segments import Block, View, blocks, seq_of

OnDamage = Callable[[Damage], None]
LoadBlob = Callable[[str], bytes]


class Source(NamedTuple):
    """One log's own events: its name, what may be seen of it, and what they follow."""

    session: str
    view: View
    base: Head
    lost: Lost = NOTHING


def read_events(
    source: Source,
    after: int,
    upto: int | None,
    *,
    reverse: bool = False,
    load_blob: LoadBlob | None = None,
    on_damage: OnDamage | None = None,
) -> Iterator[Event]:
    """Yield the log's own events with after < seq <= upto. Raises DamagedError without *on_damage*."""
    low = max(after, source.base.seq) + 1
    high = source.view.head.seq if upto is None else min(upto, source.view.head.seq)
    if low > high:
        return
    reader = _Reader(source, low, high, load_blob, on_damage or _refuse)
    yield from reader.backwards() if reverse else reader.forwards()


def while_there(directory: Path, session: str, events: Iterator[Event]) -> Iterator[Event]:
    """Yield *events* of the log in *directory*; one that is deleted meanwhile is gone, not damaged.

    Raises:
        GoneError: it was deleted.
        DamagedError: as *events*.
        StoreUnusableError: the system refuses.
    """
    try:
        yield from events
    except (OSError, DamagedError) as e:
        if is_deleted(directory):
            raise GoneError("session", session) from e
        if isinstance(e, DamagedError):
            raise
        raise StoreUnusableError(f"events cannot be read: {(e.strerror or str(e)).lower()}", hint="segue doctor") from e


def unless_deleted(directory: Path, session: str, on_damage: OnDamage) -> OnDamage:
    """Return *on_damage*, not to be told of what is missing because the log was deleted: that raises GoneError."""

    def told(damage: Damage) -> None:
        if is_deleted(directory):
            raise GoneError("session", session)
        on_damage(damage)

    return told


def _refuse(damage: Damage) -> None:
    raise DamagedError(
        f"log of session {damage.session!r}",
        f"{damage.reason} ({damage.where})",
        session=damage.session,
        seq=damage.seq,
        where=damage.where,
    )


class _Reader:
    def __init__(self, source: Source, low: int, high: int, load_blob: LoadBlob | None, on_damage: OnDamage) -> None:
        self._source = source
        self._low = low
        self._high = high
        self._load_blob = load_blob
        self._on_damage = on_damage

    def forwards(self) -> Iterator[Event]:
        base = self._source.base
        run = _Run(self, self._low, base.digest if self._low == base.seq + 1 else None)
        for block in blocks(self._source.view, self._low):
            for event in self._events(block, run):
                yield event
                if event.seq == self._high:
                    return
        run.end(self._high)

    def backwards(self) -> Iterator[Event]:
        base = self._source.base
        later = Head(self._high + 1, "")
        for block in blocks(self._source.view, self._low, reverse=True):
            first = max(block.first, self._low)
            run = _Run(self, first, base.digest if first == base.seq + 1 else None)
            found = list(self._events(block, run))
            run.end(min(later.seq - 1, block.until, self._high))
            if found and later.digest and found[-1].seq == later.seq - 1 and found[-1].digest != later.digest:
                self.report(block.where, later.seq, "it does not follow the event before it")
            yield from reversed(found)
            if found:
                later = Head(found[0].seq, found[0].prev)
            if later.seq <= self._low:
                return

    def _events(self, block: Block, run: "_Run") -> Iterator[Event]:
        if block.error:
            run.lost(block)
        for i, line in enumerate(block.lines):
            said = seq_of(line)
            if said is not None and said < self._low:
                continue
            where = f"{block.where} line {block.skipped + i + 1}"
            try:
                event = self._decode(line, where)
            except BadLine as e:
                if self._low <= block.first + i <= min(self._high, block.until):
                    run.bad(where, block.first + i, str(e))
                continue
            if event.seq > min(self._high, block.until):
                return
            if run.accept(event, where):
                yield event

    def _decode(self, line: bytes, where: str) -> Event:
        if self._load_blob is None:
            return decode_line(line)
        try:
            return decode_line(line, self._load_blob)
        except (NotFoundError, DamagedError) as e:
            event = decode_line(line)
            if str(e.fields.get("ref", e.fields.get("blob"))) not in self._source.lost.blobs:
                self.report(where, event.seq, e.message)
            return event

    def is_lost(self, first: int, last: int) -> bool:
        return self._source.lost.has(first, last)

    def report(self, where: str, seq: int | None, reason: str) -> None:
        self._on_damage(Damage(self._source.session, where, seq, reason))


class _Run:
    """Events in a row: what comes next, what it must follow, and how many bad lines were told of since."""

    def __init__(self, reader: _Reader, next_seq: int, prev: str | None) -> None:
        self._reader = reader
        self._next = next_seq
        self._prev = prev
        self._bad = 0

    def accept(self, event: Event, where: str) -> bool:
        if event.seq < self._next:
            self._reader.report(where, event.seq, f"event {event.seq} is there twice")
            return False
        if event.seq > self._next:
            self._missing(event.seq - 1, where)
        elif self._prev is not None and event.prev != self._prev:
            self.bad(where, event.seq, "it does not follow the event before it")
            return False
        self._next, self._prev, self._bad = event.seq + 1, event.digest, 0
        return True

    def bad(self, where: str, seq: int, reason: str) -> None:
        self._reader.report(where, seq, reason)
        self._bad += 1
        self._prev = None

    def lost(self, block: Block) -> None:
        self._reader.report(block.where, block.first, block.error)
        self._bad += block.lost
        self._prev = None

    def end(self, last: int) -> None:
        if self._next <= last:
            self._missing(last, "the end of the log")

    def _missing(self, last: int, where: str) -> None:
        """Tell of numbers that no line has, unless bad lines that were told of stood in their places."""
        if last - self._next + 1 > self._bad and not self._reader.is_lost(self._next, last):
            what = f"event {self._next} is" if last == self._next else f"events {self._next} to {last} are"
            self._reader.report(where, self._next, f"{what} missing")
        self._prev, self._bad = None, 0
