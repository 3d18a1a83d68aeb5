"""Writing what was read of the logs (`feeding`): within one transaction, and only where no other process was faster."""

import json
import sqlite3
from typing import Any, Final

from segue.core.session.catalogue import PlaceRow, SessionRow, called
from segue.core.session.scripts import spaced
from segue.stores.index import sharing
from segue.stores.index.feeding import Entry, Mark, Past, Update, mark_of
from segue.stores.index.schema import COLUMNS, DEAD, SLOTS, scope_word, second_of, storable

BATCH_SESSIONS: Final = 64
BATCH_CHARS: Final = 4_000_000
"""One transaction takes so many sessions, or so much text."""
_LISTS: Final = frozenset({"agents", "tags", "foreign_ids", "tasks"})


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


def _drop(db: sqlite3.Connection, session: str) -> None:
    found = db.execute("SELECT no FROM live WHERE id = ?", (session,)).fetchone()
    if found is not None:
        sharing.drop(db, *found)


def _storable(values: list[Any]) -> list[Any]:
    return [storable(v) if isinstance(v, str) else v for v in values]


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
