"""Searching the full text: which entries match, for whom they are shown, and their snippets."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Final, NamedTuple

from segue.core.errors import SegueError
from segue.core.log.dating import happened
from segue.core.log.events import Event
from segue.core.session.words import role_of, words_of
from segue.ports import EVERYTHING, Filters, Hit, Hits, Store
from segue.stores.index import querying, ranking, sharing
from segue.stores.index.schema import DEAD

WINDOW: Final = 5_000
"""Of the newest matches so many are ranked."""
_MOST_SESSIONS: Final = 500
"""A filter that leaves more sessions than this is checked hit by hit."""
_PIECE: Final = 8_192
_OVERLAP: Final = 160
_PIECES: Final = 1 << 32
"""A text of an answer is looked at in pieces of so many characters, because the time of `snippet` grows with the square of
the matches in it (40,000: 10 s); so many pieces a text may have."""

_MATCHING: Final = (
    "FROM words CROSS JOIN events ON events.id = words.rowid"
    f" WHERE words MATCH ? AND events.no <> {DEAD} AND words.rowid BETWEEN ? AND ? ORDER BY words.rowid DESC LIMIT ?"
)


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

    def best(self, query: querying.Query, scope: Sequence[str], *, around: bool) -> tuple[list[_Place], int | None]:
        """Return the places of the newest WINDOW matches, best first; and the window where there were more."""
        ask = f"SELECT words.rowid, events.no, events.seq, -bm25(words, 1.0, 1.5, 0.0) {_MATCHING}"
        found = self._db.execute(ask, (query.any_of(scope), *self._range, WINDOW + 1)).fetchall()
        places = {row: (no, seq) for row, no, seq, _ in found[:WINDOW]}
        own = {(no, seq): max(score, 0.0) for _, no, seq, score in found[:WINDOW]}
        span = (min(places, default=0), max(places, default=0))
        terms = [self._having(term, places, span) for term in query.telling]
        known = querying.numbers(no for no, _ in own)
        sizes = dict(self._db.execute(f"SELECT no, head FROM sessions WHERE no IN ({known})")) if own else {}
        best = ranking.ranked(own, terms, self._entries(span if len(found) > WINDOW else self._range), sizes, around=around)
        shown = [_Place(s, no, seq, score) for (no, seq), score in best if (s := self._readers.of(no, seq)) is not None]
        return shown, WINDOW if len(found) > WINDOW else None

    def _having(self, term: str, places: dict[int, ranking.At], span: tuple[int, int]) -> set[ranking.At]:
        """Return which of *places* have *term*."""
        ask = "SELECT rowid FROM words WHERE words MATCH ? AND rowid BETWEEN ? AND ?"
        return {places[row] for (row,) in self._db.execute(ask, (querying.within(term), *span)) if row in places}

    def _entries(self, span: tuple[int, int]) -> int:
        count: int = self._db.execute("SELECT count(*) FROM events WHERE id BETWEEN ? AND ?", span).fetchone()[0]
        return count


class Wish(NamedTuple):
    """What of the matches is wanted (see `Index.search`)."""

    kind: str | None
    role: str | None
    limit: int
    order: str
    around: bool


def search(db: sqlite3.Connection, store: Store, query: querying.Query, filters: Filters, wish: Wish) -> Hits:
    """Return where *query* stands, for the sessions that *filters* leave."""
    kind, role, limit, order, around = wish
    chosen = _chosen(db, filters)
    if chosen is not None and not chosen:
        return Hits([], more=False, window=None)
    logs = None if chosen is None else sharing.logs_of(db, chosen)
    few = sorted(logs) if logs is not None and len(logs) <= _MOST_SESSIONS else None
    scope = querying.scope_of(few, kind, role)
    ask = _Ask(db, filters, chosen)
    if order == "newest":
        found = _hits(db, store, query.shown(), ask.newest(query.all_of(scope)), limit)
        if found.hits or len(query.terms) == 1:
            return found
    around = around and (kind, role, filters.since, filters.until) == (None, None, None, None)
    ranked, window = ask.best(query, scope, around=around)
    found = _hits(db, store, query.any_of(), iter(ranked), limit)
    hits = sorted(found.hits, key=lambda h: -h.score) if order == "best" else found.hits
    return Hits(hits, found.more, window)


def _hits(db: sqlite3.Connection, store: Store, match: str, places: Iterator[_Place], limit: int) -> Hits:
    """Return the first *limit* places whose events can be read, with their snippets. Revisions show only their newest."""
    events: list[tuple[str, float, Event]] = []
    seen: set[tuple[str, str, str]] = set()
    more = False
    for place in places:
        session, event = place.session, _event(store, place.session, place.seq)
        if event is None or (session, event.stream, event.node) in seen or words_of(event) is None:
            continue
        if len(events) == limit:
            more = True
            break
        seen.add((session, event.stream, event.node))
        events.append((session, place.score, event))
    return Hits(_shown(db, match, events), more, None)


def _event(store: Store, session: str, seq: int) -> Event | None:
    """Return an event that was found, or None where it cannot be read: it was deleted, erased or damaged meanwhile."""
    with suppress(SegueError):
        for event in store.read(session, after=seq - 1, upto=seq, on_damage=_overlook):
            return event
    return None


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


def _overlook(_damage: object) -> None:
    """A hit whose event is damaged is left out."""
