"""The index behind `ports.Index`."""

import json
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

from segue.core.errors import NotFoundError, SegueError
from segue.core.log.dating import happened
from segue.core.log.events import Event
from segue.core.log.ids import parse_ref
from segue.core.session.catalogue import PlaceRow, SessionRow
from segue.core.session.refs import Target, resolve
from segue.core.session.words import role_of, words_of
from segue.ports import EVERYTHING, Filters, Hit, Hits, IndexStatus, Store
from segue.stores.index import feeding, querying, sharing
from segue.stores.index.database import Database, Stale
from segue.stores.index.schema import COLUMNS, DEAD, VERSION

WINDOW: Final = 5_000
"""Of the newest matches so many are ranked."""
_MOST_SESSIONS: Final = 500
"""A filter that leaves more sessions than this is checked hit by hit."""
_SAFE_SQLITE: Final = (3, 51, 3)
_FIELDS: Final = ", ".join(("id", *COLUMNS))
_LISTS: Final = frozenset({"agents", "tags", "foreign_ids"})
_CANDIDATES: Final = 100
_PIECE: Final = 8_192
_OVERLAP: Final = 160
_PIECES: Final = 1 << 32
"""A text of an answer is looked at in pieces of so many characters, because the time of `snippet` grows with the square of
the matches in it (40,000: 10 s); so many pieces a text may have."""
_MOST_DEAD: Final = 1_000
_NEIGHBOURS: Final = ((-1, 0.3), (1, 0.3), (-2, 0.12), (2, 0.12))
"""Step in the log -> share of that event's score. Measured on LoCoMo: recall at a token budget rises by 3 to 8 points."""

_MATCHING: Final = (
    "FROM words CROSS JOIN events ON events.id = words.rowid"
    f" WHERE words MATCH ? AND events.no <> {DEAD} AND words.rowid BETWEEN ? AND ? ORDER BY words.rowid DESC LIMIT ?"
)

Progress = Callable[[int, int], None]


def check_full_text() -> None:
    """Return where this SQLite has FTS5. Raises ImportError."""
    with closing(sqlite3.connect(":memory:")) as db:
        if ("ENABLE_FTS5",) not in db.execute("PRAGMA compile_options"):
            raise ImportError("this SQLite has no FTS5")


class SqliteIndex:
    """The index of a store in an SQLite file, or in memory. Safe between threads and processes; a lost file is made anew."""

    def __init__(self, store: Store, path: str | Path, *, progress: Progress | None = None) -> None:
        """Know the *store* and where its index is; `:memory:` is in memory. Nothing is opened before it is asked for.

        Args:
            store: the store that is indexed.
            path: the file, made with mode 0600 where it is missing; its directory must be there.
            progress: is told how many of how many sessions were taken in, while it takes long.
        """
        self._store = store
        self._data = Database(path)
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
                    feeding.write_past(db, past)
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
                if len(batch) >= feeding.BATCH_SESSIONS or chars >= feeding.BATCH_CHARS:
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
            return feeding.write(db, batch, [s for s in gone if not sharing.is_there(self._store, s)])

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
            return _rows(db, "id = ?", (feeding.storable(session),))

        found = self._data.use(ask)
        if not found:
            raise NotFoundError("session", session, hint="segue list")
        return found[0]

    def places(self, session: str | None = None) -> list[PlaceRow]:
        """See `Index.places`."""

        def ask(db: sqlite3.Connection) -> list[PlaceRow]:
            self._catch_up(db, session)
            return _places(db, "?1 IS NULL OR live.id = ?1", (session,))

        return self._data.use(ask)

    def resolve(self, ref: str, *, workspace: str = "") -> Target:
        """See `Index.resolve`. Only rows that can be meant are looked at."""

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
        limit: int = 20,
        order: Literal["newest", "best"] = "newest",
    ) -> Hits:
        """See `Index.search`."""
        parsed = querying.parse(query)

        def ask(db: sqlite3.Connection) -> Hits:
            self._catch_up_with_past(db, filters.session)
            if not parsed.terms or limit < 1:
                return Hits([], more=False, window=None)
            return self._search(db, parsed, filters, kind, role, limit, order)

        return self._data.use(ask)

    def _search(
        self,
        db: sqlite3.Connection,
        query: querying.Query,
        filters: Filters,
        kind: str | None,
        role: str | None,
        limit: int,
        order: str,
    ) -> Hits:
        chosen = _chosen(db, filters)
        if chosen is not None and not chosen:
            return Hits([], more=False, window=None)
        logs = None if chosen is None else sharing.logs_of(db, chosen)
        few = sorted(logs) if logs is not None and len(logs) <= _MOST_SESSIONS else None
        scope = querying.scope_of(few, kind, role)
        ask = _Ask(db, filters, chosen)
        if order == "newest":
            found = self._hits(db, query.shown(), ask.newest(query.all_of(scope)), limit)
            if found.hits or len(query.terms) == 1:
                return found
        ranked, window = ask.best(query.any_of(scope))
        found = self._hits(db, query.any_of(), iter(ranked), limit)
        hits = sorted(found.hits, key=lambda h: -h.score) if order == "best" else found.hits
        return Hits(hits, found.more, window)

    def _hits(self, db: sqlite3.Connection, match: str, places: Iterator["_Place"], limit: int) -> Hits:
        """Return the first *limit* places whose events can be read, with their snippets. Revisions show only their newest."""
        events: list[tuple[str, float, Event]] = []
        seen: set[tuple[str, str, str]] = set()
        more = False
        for place in places:
            session, event = place.session, self._event(place.session, place.seq)
            if event is None or (session, event.stream, event.node) in seen:
                continue
            if len(events) == limit:
                more = True
                break
            seen.add((session, event.stream, event.node))
            events.append((session, place.score, event))
        return Hits(_shown(db, match, events), more, None)

    def _event(self, session: str, seq: int) -> Event | None:
        """Return an event that was found, or None where it cannot be read: it was deleted, erased or damaged meanwhile."""
        with suppress(SegueError):
            for event in self._store.read(session, after=seq - 1, upto=seq, on_damage=_overlook):
                return event
        return None

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
                sqlite=sqlite3.sqlite_version,
                bytes=self._data.size(),
                sessions=sessions,
                entries=entries,
                dead=dead,
                damaged=damaged,
                rebuilt=_meta(db, "rebuilt"),
                fallback=self._data.fallback,
                guarded=sqlite3.sqlite_version_info < _SAFE_SQLITE,
            )

        return self._data.use(ask)

    def close(self) -> None:
        """See `Index.close`."""
        self._data.close()


class _Place(NamedTuple):
    session: str
    """For which it is shown."""
    no: int
    seq: int
    score: float = 0.0


class _Ask:
    """One question to the full text."""

    def __init__(self, db: sqlite3.Connection, filters: Filters, chosen: frozenset[int] | None) -> None:
        self._db = db
        self._readers = sharing.Readers(db, chosen)
        self._range = querying.id_range(filters)

    def newest(self, match: str) -> Iterator[_Place]:
        """Yield the places that match, newest first."""
        for no, seq in self._db.execute(f"SELECT events.no, events.seq {_MATCHING}", (match, *self._range, -1)):
            session = self._readers.of(no, seq)
            if session is not None:
                yield _Place(session, no, seq)

    def best(self, match: str) -> tuple[list[_Place], int | None]:
        """Return the places of the newest WINDOW matches, best first; and the window where there were more."""
        ask = f"SELECT events.no, events.seq, -bm25(words, 1.0, 1.5, 0.0) {_MATCHING}"
        found = self._db.execute(ask, (match, *self._range, WINDOW + 1)).fetchall()
        places = [_Place(s, no, *rest) for no, *rest in found[:WINDOW] if (s := self._readers.of(no, rest[0])) is not None]
        return sorted(_smoothed(places), key=lambda p: -p.score), WINDOW if len(found) > WINDOW else None


def _smoothed(places: list[_Place]) -> list[_Place]:
    """Return places whose scores gain from their neighbours': what is told over several turns is told there."""
    scores = {(p.no, p.seq): p.score for p in places}
    return [
        p._replace(score=p.score + sum(share * scores.get((p.no, p.seq + step), 0.0) for step, share in _NEIGHBOURS))
        for p in places
    ]


def _entries(db: sqlite3.Connection) -> tuple[int, int]:
    """Return how many entries are dead, and how many are not."""
    row = db.execute("SELECT coalesce(sum(no = ?), 0), count(*) FROM events", (DEAD,)).fetchone()
    return row[0], row[1] - row[0]


def _meta(db: sqlite3.Connection, name: str) -> str:
    row = db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
    return str(row[0]) if row else ""


def _chosen(db: sqlite3.Connection, filters: Filters) -> frozenset[int] | None:
    """Return the numbers of the sessions that *filters* leave; None where they leave all."""
    if filters._replace(since=None, until=None) == EVERYTHING:
        return None
    where = querying.sessions_where(filters, times=False)
    return frozenset(no for (no,) in db.execute(f"SELECT no FROM live WHERE {where.sql}", where.values))


def _shown(db: sqlite3.Connection, match: str, events: Sequence[tuple[str, float, Event]]) -> list[Hit]:
    """Return hits for events that match: a table that holds them alone, in pieces, makes snippets and scores."""
    db.execute("DELETE FROM temp.scratch")
    for number, (_, _, event) in enumerate(events):
        words = words_of(event)
        text, names = (part.encode("utf-8", "replace").decode() for part in words) if words else ("", "")
        for piece, at in enumerate(range(0, len(text) or 1, _PIECE)):
            row = (number * _PIECES + piece, text[at : at + _PIECE + _OVERLAP], "" if at else names)
            db.execute("INSERT INTO temp.scratch (rowid, text, names) VALUES (?, ?, ?)", row)
    ask = "SELECT rowid, bm25(scratch, 1.0, 1.5) FROM temp.scratch WHERE scratch MATCH ? ORDER BY 2 DESC, 1 DESC"
    best = {row // _PIECES: (row, -rank) for row, rank in db.execute(ask, (match,))}  # the last of a number is its best
    rows = ", ".join(str(row) for row, _ in best.values())
    cut = f"CASE WHEN rowid IN ({rows}) THEN snippet(scratch, 0, '[', ']', '…', 24) END"
    snippets = dict(db.execute(f"SELECT rowid, {cut} FROM temp.scratch WHERE scratch MATCH ?", (match,)))
    hits: list[Hit] = []
    for number, (session, rank, event) in enumerate(events):
        row, score = best.get(number, (-1, 0.0))
        shown = " ".join(snippets.get(row, "").split())
        score = rank or max(score, 0.0)
        hits.append(Hit(session, event.seq, happened(event), event.kind, role_of(event), event.actor, shown, round(score, 6)))
    return hits


def _candidates(db: sqlite3.Connection, form: str, text: str, workspace: str) -> list[SessionRow]:
    """Return rows that a reference of this *form* may mean: enough to see that it is ambiguous."""
    low = text.lower()
    if form == "last":
        return _rows(db, "status <> 'archived' ORDER BY last_activity DESC, id DESC LIMIT 1")
    if form == "current":
        return _current(db, workspace, ("status NOT IN ('ended', 'archived')", "status <> 'archived'"))
    if form == "paused":
        return _current(db, workspace, ("status = 'paused'",))
    if form == "id":
        return _rows(db, "id = ?", (low,))
    if form == "prefix":
        return _rows(db, "id >= ? AND id < ? LIMIT ?", (low, f"{low}g", _CANDIDATES))
    exact = _rows(db, "no IN (SELECT no FROM refs WHERE ref = ?) LIMIT ?", (low, _CANDIDATES))
    if exact or form != "foreign" or not low:
        return exact
    return _rows(db, "no IN (SELECT no FROM refs WHERE ref >= ? AND ref < ? LIMIT ?)", (low, f"{low}\U0010ffff", _CANDIDATES))


def _current(db: sqlite3.Connection, workspace: str, states: Sequence[str]) -> list[SessionRow]:
    """Return the row of the nearest directory above *workspace* with a session in one of *states*, the first ones preferred."""
    path = workspace.rstrip("/")
    while workspace:
        places = (path or "/", f"{path}/")
        for state in states:
            found = _rows(db, f"workspace IN (?, ?) AND {state} ORDER BY last_activity DESC, id DESC LIMIT 1", places)
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
    return SessionRow(values[0], **fields)


def _places(db: sqlite3.Connection, where: str, values: Sequence[Any]) -> list[PlaceRow]:
    found = db.execute(
        "SELECT places.name, live.id, position, places.seq, at, automatic, description FROM places JOIN live USING (no)"
        f" WHERE {where} ORDER BY at DESC, places.seq DESC",
        values,
    )
    return [PlaceRow(name, id_, position, seq, at, bool(auto), about) for name, id_, position, seq, at, auto, about in found]


def _overlook(_damage: object) -> None:
    """A hit whose event is damaged is left out."""
