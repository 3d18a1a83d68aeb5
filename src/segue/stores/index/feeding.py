"""Reading what is new: which logs moved since they were taken in, and what their new events say.

A log is read outside the write lock. The write that follows (`writing`) holds only if the session's row is still where the
reading began; if another process was faster, what was read is thrown away. So any number of processes may catch up at once.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from typing import Final, NamedTuple

from segue.core.errors import DamagedError, NotFoundError, SegueError
from segue.core.log.codec import load_blobs
from segue.core.log.dating import happened
from segue.core.log.events import Event
from segue.core.session.catalogue import PlaceRow, SessionRow, place_rows, session_row
from segue.core.session.recall import recalling
from segue.core.session.state import SCHEMA, Recall, State, fold, with_texts
from segue.core.session.words import Words, role_of, words_of
from segue.ports import Damage, Snapshot, Store
from segue.stores.index import sharing
from segue.stores.index.schema import storable
from segue.stores.index.sharing import Share, Want

CHUNK: Final = 250
"""Events read and folded at a time: of each up to a million characters are kept until they are written."""
SNAPSHOT_EVERY: Final = 128
_PLACES: Final = frozenset(
    {"checkpoint.created", "checkpoint.forgotten", "continuation.set", "session.created", "session.forked"}
)


class Mark(NamedTuple):
    """How far a session was taken in: its row's number, its log's stamp then, its last event."""

    no: int
    stamp: str
    seq: int
    digest: str


class Entry(NamedTuple):
    """What an event adds to the full text."""

    seq: int
    at: str
    kind: str
    role: str
    words: Words


class Update(NamedTuple):
    """What a piece of a session's log changes in the index."""

    session: str
    before: Mark | None
    reset: bool
    """The log is not the one that was taken in: what is there of it goes first."""
    stamp: str
    seq: int
    digest: str
    row: SessionRow
    places: list[PlaceRow] | None
    shares: list[Share] | None
    entries: list[Entry]
    events: int
    damaged: int


class Past(NamedTuple):
    """A piece of a deleted log, read through a fork."""

    no: int
    before: int
    seq: int
    entries: list[Entry]


def mark_of(db: sqlite3.Connection, session: str) -> Mark | None:
    """Return how far a session was taken in."""
    row = db.execute("SELECT no, stamp, seq, digest FROM sessions WHERE id = ?", (session,)).fetchone()
    return Mark(*row) if row else None


def marks(db: sqlite3.Connection, session: str | None = None) -> dict[str, Mark]:
    """Return how far each session was taken in, or the one that is named."""
    if session is not None:
        row = db.execute("SELECT no, stamp, seq, digest FROM live WHERE id = ?", (storable(session),)).fetchone()
        return {session: Mark(*row)} if row else {}
    return {id_: Mark(*rest) for id_, *rest in db.execute("SELECT id, no, stamp, seq, digest FROM live")}


def moved(store: Store, known: dict[str, Mark], session: str | None = None) -> tuple[list[tuple[str, str]], list[str]]:
    """Return which sessions (of all, or the one that is named) are not as known, each with its stamp, and which are gone."""
    found: list[tuple[str, str]] = []
    gone = set(known)
    for name in store.sessions() if session is None else (session,):
        try:
            stamp = store.stamp(name)
        except NotFoundError:
            continue
        gone.discard(name)
        mark = known.get(name)
        if mark is None or mark.stamp != stamp:
            found.append((name, stamp))
    return found, sorted(gone)


def read(store: Store, session: str, stamp: str, mark: Mark | None) -> Iterator[Update]:
    """Yield what is new in a session's log since *mark*, a piece at a time; nothing where it was deleted meanwhile."""
    with suppress(NotFoundError):
        if mark is not None and not _continues(store, session, mark):
            yield from _pieces(store, session, stamp, mark, reset=True)
        else:
            yield from _pieces(store, session, stamp, mark, reset=False)


def _continues(store: Store, session: str, mark: Mark) -> bool:
    """Return whether the log still has the event that was taken in last."""
    if not mark.seq:
        return True
    if store.info(session).head.seq < mark.seq:
        return False
    first = next(store.read(session, after=mark.seq - 1, upto=mark.seq + 1, blobs=False, on_damage=_overlook), None)
    if first is None:
        return True  # damaged now: what was taken in of it stays
    return mark.digest == (first.digest if first.seq == mark.seq else first.prev)


def _pieces(store: Store, session: str, stamp: str, mark: Mark | None, *, reset: bool) -> Iterator[Update]:
    first = store.info(session).first
    done = mark.seq if mark and not reset else 0
    state = _snapshot(store, session)
    start = min(state.seq, max(done, first - 1))  # the words of a fork's past are those of the log that holds them
    snapped = state.seq
    recall = _recalling(store, session)
    damage: list[Damage] = []
    before, head, digest = mark, done, mark.digest if mark and not reset else ""
    events = with_texts(store.read(session, after=start, blobs=False, on_damage=damage.append), store.blob)
    while True:
        chunk = list(islice(events, CHUNK))
        state = fold(chunk, state, recall=recall)
        new = [e for e in chunk if e.seq > head]
        if new:
            head, digest = new[-1].seq, new[-1].digest
        last = len(chunk) < CHUNK
        if not (last or new):
            continue
        begun = reset or before is None or not before.seq
        touched = begun or any(e.kind in _PLACES for e in new)
        entries = [entry for e in new if e.seq >= first and (entry := _entry(store, e))]
        update = Update(
            session=session,
            before=before,
            reset=reset,
            stamp=stamp if last else "",
            seq=head,
            digest=digest,
            row=session_row(state),
            places=place_rows(state) if touched else None,
            shares=sharing.shares_of(store.lineage(session)) if begun else None,
            entries=entries,
            events=len(new),
            damaged=sum(d.seq is None or d.seq > done for d in damage),
        )
        yield update
        if last:
            break
        damage.clear()
        reset, before = False, Mark(-1, "", head, digest)
    if state.seq - snapped >= SNAPSHOT_EVERY and not damage:
        with suppress(SegueError, OSError):
            store.put_snapshot(session, Snapshot(state.seq, state.digest, SCHEMA, state.to_bytes()))


def read_past(store: Store, want: Want) -> Iterator[Past]:
    """Yield what is missing of a deleted log, a piece at a time; nothing where the fork was deleted meanwhile."""
    before = want.seq
    with suppress(NotFoundError):
        raw = store.read(want.through, after=max(want.seq, want.first - 1), upto=want.upto, blobs=False, on_damage=_overlook)
        events = with_texts(raw, store.blob)
        while True:
            chunk = list(islice(events, CHUNK))
            last = len(chunk) < CHUNK
            seq = want.upto if last else chunk[-1].seq
            yield Past(want.no, before, seq, [entry for e in chunk if (entry := _entry(store, e))])
            if last:
                return
            before = seq


def _recalling(store: Store, session: str) -> Recall:
    def read(after: int, upto: int) -> Iterator[Event]:
        events = store.read(session, after=after, upto=upto, blobs=False, on_damage=_overlook)
        return with_texts(events, store.blob)

    return recalling(session, read, lambda at: _snapshot(store, session, at))


def _snapshot(store: Store, session: str, upto: int | None = None) -> State:
    with suppress(DamagedError):
        found = store.snapshot(session, SCHEMA, upto)
        if found is not None:
            state = State.from_bytes(found.data)
            if state.seq == found.seq and state.session == session:
                return state
    return State(session)


def _entry(store: Store, event: Event) -> Entry | None:
    if event.body.get("role") == "tool":  # what others have large was loaded for the state
        with suppress(SegueError):  # a blob that is gone or damaged: what is left of the event is found
            event = load_blobs(event, store.blob)
    words = words_of(event)
    return Entry(event.seq, happened(event), event.kind, role_of(event), words) if words else None


def _overlook(_damage: Damage) -> None:
    """Damage is counted where the event is taken in."""
