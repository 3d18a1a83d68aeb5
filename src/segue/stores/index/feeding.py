"""Taking in what is new: which logs moved, what their new events say, and the writes that follow from it.

A log is read outside the write lock. The write then holds only if the session's row is still where the reading began;
if another process was faster, what was read is thrown away. So any number of processes may catch up at once.
"""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from typing import Any, Final, NamedTuple

from segue.core.errors import DamagedError, NotFoundError, SegueError
from segue.core.log.codec import load_blobs
from segue.core.log.dating import happened
from segue.core.log.events import Event
from segue.core.log.times import seconds
from segue.core.session.catalogue import PlaceRow, SessionRow, called, place_rows, session_row
from segue.core.session.recall import recalling
from segue.core.session.state import SCHEMA, Recall, State, fold, with_texts
from segue.core.session.words import Words, role_of, words_of
from segue.ports import Damage, Snapshot, Store
from segue.stores.index import sharing
from segue.stores.index.schema import COLUMNS, DEAD, SLOTS, START
from segue.stores.index.scripts import spaced
from segue.stores.index.sharing import Share, Want

CHUNK: Final = 250
"""Events read and folded at a time: of each up to a million characters are kept until they are written."""
BATCH_SESSIONS: Final = 64
BATCH_CHARS: Final = 4_000_000
"""One transaction takes so many sessions, or so much text."""
SNAPSHOT_EVERY: Final = 128
_LISTS: Final = frozenset({"agents", "tags", "foreign_ids", "tasks"})
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


# --- writing


def write(db: sqlite3.Connection, updates: list[Update], gone: list[str]) -> int:
    """Write *updates* within a transaction; return the number of events taken in. Those overtaken by others are left out."""
    taken = 0
    rows: list[tuple[int, Entry]] = []
    for update in updates:
        now = mark_of(db, update.session)
        if _reached(now) != _reached(update.before):
            continue
        if update.reset and now:
            db.execute(f"UPDATE events SET no = {DEAD} WHERE no = ?", (now.no,))
            db.execute("UPDATE sessions SET entries = 0 WHERE no = ?", (now.no,))
        no = _put_session(db, update, now and now.no)
        _put_refs(db, no, update.row)
        if update.places is not None:
            _put_places(db, no, update.places)
        if update.shares is not None:
            sharing.put_shares(db, no, update.shares)
        rows += [(no, entry) for entry in update.entries]
        taken += update.events
    _put_entries(db, rows)
    for session in gone:
        _drop(db, session)
    return taken


def write_past(db: sqlite3.Connection, past: Past) -> None:
    """Write a piece of a deleted log within a transaction, unless another process did."""
    step = "UPDATE sessions SET seq = ? WHERE no = ? AND seq = ? AND gone"
    if db.execute(step, (past.seq, past.no, past.before)).rowcount:
        _put_entries(db, [(past.no, entry) for entry in past.entries])


def _reached(mark: Mark | None) -> tuple[int, str]:
    return (mark.seq, mark.digest) if mark else (0, "")


def _put_session(db: sqlite3.Connection, update: Update, no: int | None) -> int:
    values: list[Any] = [update.stamp, update.seq, update.digest]
    values += [json.dumps(v) if name in _LISTS else v for name in COLUMNS for v in [getattr(update.row, name)]]
    names = ("stamp", "seq", "digest", *COLUMNS)
    if no is None:
        marks_ = ", ".join("?" * len(values))
        statement = f"INSERT INTO sessions (id, damaged, gone, {', '.join(names)}) VALUES (?, ?, 0, {marks_})"
        return db.execute(statement, (update.session, update.damaged, *_storable(values))).lastrowid or 0
    sets = ", ".join(f"{name} = ?" for name in names)
    damaged = "damaged = ?" if update.reset else "damaged = damaged + ?"
    db.execute(f"UPDATE sessions SET {sets}, {damaged}, gone = 0 WHERE no = ?", (*_storable(values), update.damaged, no))
    return no


def _put_refs(db: sqlite3.Connection, no: int, row: SessionRow) -> None:
    tasks = {called(name) for name in (row.task, *(name for task in row.tasks for name in task))}
    refs = {row.name.lower(), row.slug.lower(), *(f.lower() for f in row.foreign_ids), *tasks} - {""}
    known = {ref for (ref,) in db.execute("SELECT ref FROM refs WHERE no = ?", (no,))}
    if refs != known:
        db.execute("DELETE FROM refs WHERE no = ?", (no,))
        db.executemany("INSERT INTO refs VALUES (?, ?)", [(*_storable([ref]), no) for ref in refs])


def _put_places(db: sqlite3.Connection, no: int, places: list[PlaceRow]) -> None:
    db.execute("DELETE FROM places WHERE no = ?", (no,))
    rows = [(no, *_storable([p.name]), p.position, p.seq, p.at, p.automatic, *_storable([p.description])) for p in places]
    db.executemany("INSERT OR REPLACE INTO places VALUES (?, ?, ?, ?, ?, ?, ?)", rows)


def _put_entries(db: sqlite3.Connection, rows: list[tuple[int, Entry]]) -> None:
    if not rows:
        return
    ids, places, sorts = Slots(db), _Places(db), _Sorts(db)
    timed = [(ids.take(entry.at), no, places.take(no), sorts.of(entry), entry) for no, entry in rows]
    for row in sorted(timed, key=lambda row: row[0]):  # FTS5 begins a new segment wherever ids go down
        _put_entry(db, *row)
    places.keep()
    size = sum(len(entry.words.text) for _, entry in rows)
    db.executemany("UPDATE meta SET value = value + ? WHERE name = ?", [(len(rows), "entries"), (size, "size")])


def _put_entry(db: sqlite3.Connection, id_: int, no: int, place: int, what: int, entry: Entry) -> None:
    scope = " ".join(scope_word(k, v) for k, v in (("s", str(no)), ("k", entry.kind), ("r", entry.role)) if v)
    text, names = (spaced(storable(part)) for part in entry.words)
    db.execute("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?)", (id_, no, entry.seq, place, len(entry.words.text), what))
    db.execute("INSERT INTO words (rowid, text, names, scope) VALUES (?, ?, ?, ?)", (id_, text, names, scope))


def scope_word(what: str, value: str) -> str:
    """Return the word of the scope column for a session's number (`s`), a kind (`k`), a role (`r`): letters and digits only."""
    return f"x{what}x{value.encode('utf-8', 'replace').hex() if what != 's' else value}"


def _drop(db: sqlite3.Connection, session: str) -> None:
    found = db.execute("SELECT no FROM live WHERE id = ?", (session,)).fetchone()
    if found is not None:
        sharing.drop(db, *found)


def _storable(values: list[Any]) -> list[Any]:
    return [storable(v) if isinstance(v, str) else v for v in values]


def storable(value: str) -> str:
    """Return a text that SQLite takes: lone surrogates have no UTF-8."""
    return value if value.isascii() else value.encode("utf-8", "replace").decode()


class _Places:
    """The next places in the logs, within one transaction."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._next: dict[int, int] = {}

    def take(self, no: int) -> int:
        """Return the next place in the log of session number *no*."""
        if no not in self._next:
            (self._next[no],) = self._db.execute("SELECT entries FROM sessions WHERE no = ?", (no,)).fetchone()
        self._next[no] += 1
        return self._next[no] - 1

    def keep(self) -> None:
        """Write down how many entries each log has by now."""
        self._db.executemany("UPDATE sessions SET entries = ? WHERE no = ?", [(n, no) for no, n in self._next.items()])


class _Sorts:
    """The numbers of kinds with roles, within one transaction."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._known: dict[tuple[str, str], int] = {}

    def of(self, entry: Entry) -> int:
        """Return the number of an entry's kind and role."""
        key = (storable(entry.kind), storable(entry.role))
        if key not in self._known:
            self._db.execute("INSERT OR IGNORE INTO sorts (kind, role) VALUES (?, ?)", key)
            (self._known[key],) = self._db.execute("SELECT what FROM sorts WHERE kind = ? AND role = ?", key).fetchone()
        return self._known[key]


class Slots:
    """Free ids by time, within one transaction."""

    def __init__(self, db: sqlite3.Connection) -> None:
        """Begin with what *db* has."""
        self._db = db
        self._next: dict[int, int] = {}
        self._full: dict[int, int] = {}

    def take(self, at: str) -> int:
        """Return the first free id at or after a time."""
        second = second_of(at)
        path = []
        while second in self._full:  # full seconds lead on to the first that may not be
            path.append(second)
            second = self._full[second]
        while True:
            base = second * SLOTS
            free = self._next.get(second)
            if free is None:
                row = self._db.execute("SELECT max(id) FROM events WHERE id BETWEEN ? AND ?", (base, base + SLOTS - 1)).fetchone()
                free = base if row[0] is None else row[0] + 1
            if free < base + SLOTS:
                break
            path.append(second)
            second += 1
        self._next[second] = free + 1
        self._full.update(dict.fromkeys(path, second))
        return int(free)


def second_of(at: str) -> int:
    """Return the second of an event's time, counted from START; 0 for one that is none or before."""
    try:
        return min(max(int(seconds(at)) - START, 0), 2**40)
    except (ValueError, TypeError):
        return 0
