"""The index behind `ports.Index`."""

import json
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Final, Literal

from segue.core.errors import NotFoundError
from segue.core.log.ids import parse_ref
from segue.core.session.catalogue import PlaceRow, SessionRow, called
from segue.core.session.refs import Target, resolve
from segue.ports import EVERYTHING, Filters, Hits, IndexStatus, Ranking, Store
from segue.stores.index import feeding, querying, searching, sharing, writing
from segue.stores.index.database import Database, Stale, no_key
from segue.stores.index.schema import COLUMNS, DEAD, VERSION, storable

_SAFE_SQLITE: Final = (3, 51, 3)
_FIELDS: Final = ", ".join(("id", *COLUMNS))
_LISTS: Final = frozenset({"agents", "tags", "foreign_ids"})
_THERE: Final = "status <> 'archived'"
_PAIRS: Final = frozenset({"tasks"})
_CANDIDATES: Final = 100
_MOST_DEAD: Final = 1_000
Progress = Callable[[int, int], None]


def check_full_text() -> None:
    """Return where this SQLite has FTS5. Raises ImportError."""
    with closing(sqlite3.connect(":memory:")) as db:
        if ("ENABLE_FTS5",) not in db.execute("PRAGMA compile_options"):
            raise ImportError("this SQLite has no FTS5")


class SqliteIndex:
    """The index of a store in an SQLite file, or in memory. Safe between threads and processes; a lost file is made anew."""

    def __init__(
        self, store: Store, path: str | Path, *, key: Callable[[], str] = no_key, progress: Progress | None = None
    ) -> None:
        """Know the *store* and where its index is; `:memory:` is in memory. Nothing is opened before it is asked for.

        Args:
            store: the store that is indexed.
            path: the file, made with mode 0600 where it is missing; its directory must be there.
            key: says, each time it is asked, under which key the store is now: 64 hex digits, or nothing for a store in the
                clear. The index is under the same; without the library that this takes it is in memory.
            progress: is told how many of how many sessions were taken in, while it takes long.
        """
        self._store = store
        self._data = Database(path, key)
        self._progress = progress

    # --- taking in

    def catch_up(self) -> int:
        """See `Index.catch_up`."""
        return self._data.use(self._catch_up)

    def _catch_up(self, db: sqlite3.Connection, session: str | None = None) -> int:
        """Take in what is new in the store, or in one *session* of it."""
        pending, gone = feeding.moved(self._store, feeding.marks(db, session), session)
        taken = self._take_in(db, pending, gone) if pending or gone else 0
        for want in sharing.wanted(db, self._store):
            for past in feeding.read_past(self._store, want):
                with self._data.writing(db):
                    writing.write_past(db, past)
                taken += len(past.entries)
        return taken

    def _take_in(self, db: sqlite3.Connection, pending: list[tuple[str, str]], gone: list[str]) -> int:
        taken = 0
        batch: list[feeding.Update] = []
        chars = 0
        for done, (name, stamp) in enumerate(pending, 1):
            mark = feeding.mark_of(db, name)
            if mark is not None and mark.stamp == stamp:
                continue  # another process was faster
            for update in feeding.read(self._store, name, stamp, mark):
                batch.append(update)
                chars += sum(len(e.words.text) for e in update.entries)
                if len(batch) >= writing.BATCH_SESSIONS or chars >= writing.BATCH_CHARS:
                    taken += self._write(db, batch, [])
                    batch, chars = [], 0
            if self._progress:
                self._progress(done, len(pending))
        taken += self._write(db, batch, gone)
        if gone:
            self._tidy(db)
        return taken

    def _tidy(self, db: sqlite3.Connection) -> None:
        """Have the index made anew when much of it is words that nothing leads to."""
        dead, entries = _entries(db)
        if dead > _MOST_DEAD and dead * 4 > entries:
            raise Stale(f"it has the words of {dead} entries that are gone")

    def _write(self, db: sqlite3.Connection, batch: list[feeding.Update], gone: list[str]) -> int:
        with self._data.writing(db):
            return writing.write(db, batch, [s for s in gone if not sharing.is_there(self._store, s)])

    def _catch_up_with_past(self, db: sqlite3.Connection, session: str | None) -> None:
        """Take in what is new in the store, or in one *session* and the logs that it is a fork of."""
        self._catch_up(db, session)
        if session is not None:
            with suppress(NotFoundError):
                for point in self._store.lineage(session):
                    self._catch_up(db, point.session)

    # --- the catalogue

    def sessions(
        self, filters: Filters = EVERYTHING, *, text: str = "", limit: int | None = None, offset: int = 0
    ) -> list[SessionRow]:
        """See `Index.sessions`."""

        def ask(db: sqlite3.Connection) -> list[SessionRow]:
            self._catch_up(db)
            where = querying.sessions_where(filters, text)
            order = "ORDER BY last_activity DESC, id DESC LIMIT ? OFFSET ?"
            values = (*where.values, -1 if limit is None else max(limit, 0), max(offset, 0))
            return [_row(r) for r in db.execute(f"SELECT {_FIELDS} FROM live WHERE {where.sql} {order}", values)]

        return self._data.use(ask)

    def session(self, session: str) -> SessionRow:
        """See `Index.session`. Only this session is caught up with."""

        def ask(db: sqlite3.Connection) -> list[SessionRow]:
            self._catch_up(db, session)
            return _rows(db, "id = ?", (storable(session),))

        found = self._data.use(ask)
        if not found:
            raise NotFoundError("session", session, hint="segue list")
        return found[0]

    def offspring(self, session: str) -> list[SessionRow]:
        """See `Index.offspring`."""
        origins = (session, *self.session(session).foreign_ids)

        def ask(db: sqlite3.Connection) -> list[SessionRow]:
            self._catch_up(db)
            named = ", ".join("?" * len(origins))
            where = f"(parent <> '' AND parent = ?) OR (origin <> '' AND origin IN ({named}))"
            return _rows(db, f"({where}) AND id <> ? ORDER BY created, id", (session, *origins, session))

        return self._data.use(ask)

    def places(self, session: str | None = None) -> list[PlaceRow]:
        """See `Index.places`."""

        def ask(db: sqlite3.Connection) -> list[PlaceRow]:
            self._catch_up(db, session)
            return _places(db, "?1 IS NULL OR live.id = ?1", (session,))

        return self._data.use(ask)

    def resolve(self, ref: str, *, workspace: str = "") -> Target:
        """See `Index.resolve`. Only rows that can be meant are looked at."""
        workspace = storable(workspace)

        def ask(db: sqlite3.Connection) -> Target:
            self._catch_up(db)
            parsed = parse_ref(ref.encode("utf-8", "replace").decode())
            rows = [r for form in parsed.forms for r in _candidates(db, form, parsed.text, workspace)]
            places = _places(db, "places.name = ?", (parsed.text,)) if {"recovery", "continuation"} & {*parsed.forms} else []
            for place in places if len(places) > 1 else ():
                rows += _rows(db, "id = ?", (place.session,))
            return resolve(parsed, {r.id: r for r in rows}.values(), places=places, workspace=workspace)

        return self._data.use(ask)

    # --- full text

    def search(
        self,
        query: str,
        filters: Filters = EVERYTHING,
        *,
        kind: str | None = None,
        role: str | None = None,
        file: str | None = None,
        limit: int = 20,
        order: Literal["newest", "best"] = "newest",
    ) -> Hits:
        """See `Index.search`."""
        question = searching.Question(querying.parse(query), filters, kind, role, file)

        def ask(db: sqlite3.Connection) -> Hits:
            self._catch_up_with_past(db, filters.session)
            if limit < 1:
                return Hits([], more=False, window=None)
            return searching.search(db, self._store, question, limit, order)

        return self._data.use(ask)

    def rank(
        self,
        query: str,
        filters: Filters = EVERYTHING,
        *,
        kind: str | None = None,
        role: str | None = None,
        file: str | None = None,
        limit: int = 1_000,
    ) -> Ranking:
        """See `Index.rank`."""
        question = searching.Question(querying.parse(query), filters, kind, role, file)

        def ask(db: sqlite3.Connection) -> Ranking:
            self._catch_up_with_past(db, filters.session)
            return searching.rank(db, self._store, question, max(limit, 0))

        return self._data.use(ask)

    # --- upkeep

    def rebuild(self) -> int:
        """See `Index.rebuild`."""
        self._data.drop("asked for")
        return self.catch_up()

    def status(self) -> IndexStatus:
        """See `Index.status`."""

        def ask(db: sqlite3.Connection) -> IndexStatus:
            sessions, damaged = db.execute("SELECT count(*), coalesce(sum(damaged), 0) FROM live").fetchone()
            dead, entries = _entries(db)
            return IndexStatus(
                path=self._data.path,
                version=VERSION,
                sqlite=".".join(map(str, self._data.driver.version)),
                bytes=self._data.size(),
                sessions=sessions,
                entries=entries,
                dead=dead,
                damaged=damaged,
                rebuilt=_meta(db, "rebuilt"),
                fallback=self._data.fallback,
                guarded=self._data.driver.version < _SAFE_SQLITE,
                hint=self._data.hint,
            )

        return self._data.use(ask)

    def shortfall(self) -> str:
        """See `Index.shortfall`."""
        why, hint = self._data.fallback, self._data.hint
        return f"the index is in memory and made anew by each command: {why} ({hint})" if why and hint else ""

    def close(self) -> None:
        """See `Index.close`."""
        self._data.close()


def _entries(db: sqlite3.Connection) -> tuple[int, int]:
    """Return how many entries are dead, and how many are not."""
    row = db.execute("SELECT coalesce(sum(no = ?), 0), count(*) FROM events", (DEAD,)).fetchone()
    return row[0], row[1] - row[0]


def _meta(db: sqlite3.Connection, name: str) -> str:
    row = db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
    return str(row[0]) if row else ""


def _candidates(db: sqlite3.Connection, form: str, text: str, workspace: str) -> list[SessionRow]:
    """Return rows that a reference of this *form* may mean: enough to see that it is ambiguous."""
    low = text.lower()
    if form == "last":
        order = "ORDER BY last_activity DESC, id DESC LIMIT 1"
        found = _rows(db, f"{_THERE} AND reason <> 'superseded' {order}")
        return found or _rows(db, f"{_THERE} {order}")
    if form == "current":
        return _current(db, workspace, ("status NOT IN ('ended', 'archived')", f"{_THERE} AND reason <> 'superseded'", _THERE))
    if form == "paused":
        return _current(db, workspace, ("status = 'paused'",))
    if form == "id":
        return _rows(db, "id = ?", (low,))
    if form == "prefix":
        return _rows(db, "id >= ? AND id < ? LIMIT ?", (low, f"{low}g", _CANDIDATES))
    named = "no IN (SELECT no FROM refs WHERE ref IN (?, ?)) ORDER BY +last_activity DESC LIMIT ?"
    exact = _rows(db, named, (low, called(text), _CANDIDATES))
    if exact or form != "foreign" or not low:
        return exact
    return _rows(db, "no IN (SELECT no FROM refs WHERE ref >= ? AND ref < ? LIMIT ?)", (low, f"{low}\U0010ffff", _CANDIDATES))


def _current(db: sqlite3.Connection, workspace: str, states: Sequence[str]) -> list[SessionRow]:
    """Return the row of the nearest directory above *workspace* with a session in one of *states*, the first ones preferred."""
    path = workspace.rstrip("/")
    while workspace:
        places = (path or "/", f"{path}/")
        for state in states:
            order = "ORDER BY last_activity DESC, id DESC LIMIT 1"
            found = _rows(db, f"workspace IN (?, ?) AND {state} {order}", places)
            if found:
                return found
        if not path:
            break
        path = path.rpartition("/")[0]
    return []


def _rows(db: sqlite3.Connection, where: str, values: Sequence[Any] = ()) -> list[SessionRow]:
    return [_row(r) for r in db.execute(f"SELECT {_FIELDS} FROM live WHERE {where}", values)]


def _row(values: Sequence[Any]) -> SessionRow:
    fields = dict(zip(COLUMNS, values[1:], strict=True))
    for name in _LISTS:
        fields[name] = tuple(json.loads(fields[name]))
    for name in _PAIRS:
        fields[name] = tuple(map(tuple, json.loads(fields[name])))
    return SessionRow(values[0], **fields)


def _places(db: sqlite3.Connection, where: str, values: Sequence[Any]) -> list[PlaceRow]:
    found = db.execute(
        "SELECT places.name, live.id, position, places.seq, at, automatic, description FROM places JOIN live USING (no)"
        f" WHERE {where} ORDER BY at DESC, places.seq DESC",
        values,
    )
    return [PlaceRow(name, id_, position, seq, at, bool(auto), about) for name, id_, position, seq, at, auto, about in found]
