"""Searching the full text: which entries match, for whom they are shown, and their snippets."""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from typing import Final, NamedTuple

from segue.core.errors import SegueError
from segue.core.log.dating import happened
from segue.core.log.events import Event
from segue.core.session.scripts import joined, spaced
from segue.core.session.words import is_about, role_of, words_of
from segue.ports import EVERYTHING, Filters, Hit, Hits, Ranking, Spot, Store
from segue.stores.index import querying, sharing
from segue.stores.index.looking import Found, Place, Scope
from segue.stores.index.schema import DEAD

_MOST_SESSIONS: Final = 500
"""A filter that leaves more sessions than this is checked hit by hit."""
_MOST_READ: Final = 1_000
"""Of what may have a phrase, or be about a file, so many events beyond the limit are read to see whether it does."""
_PIECE: Final = 8_192
_OVERLAP: Final = 160
_PIECES: Final = 1 << 32
"""A text of an answer is looked at in pieces of so many characters, because the time of `snippet` grows with the square of
the matches in it (40,000: 10 s); so many pieces a text may have."""


class Question(NamedTuple):
    """What is looked for: words, in which sessions, and in which of their events."""

    query: querying.Query
    filters: Filters
    kind: str | None = None
    role: str | None = None
    file: str | None = None

    @property
    def is_read(self) -> bool:
        """Whether an event must be read to see that it fits."""
        return bool(self.query.phrases or self.file)

    def fits(self, event: Event) -> bool:
        """Return whether an event that was read is one that is meant."""
        if self.query.phrases:
            said = words_of(event)
            if said is None or not self.query.is_in(f"{said.text}\n{said.names}"):
                return False
        return self.file is None or is_about(event, self.file)


class _Asked:
    """A question to the full text of an index."""

    def __init__(self, db: sqlite3.Connection, store: Store, question: Question) -> None:
        self._db = db
        self._store = store
        self._question = question
        filters, kind, role = question.filters, question.kind, question.role
        chosen = _chosen(db, filters)
        logs = None if chosen is None else sharing.logs_of(db, chosen)
        few = sorted(logs) if logs is not None and len(logs) <= _MOST_SESSIONS else None
        self._readers = sharing.Readers(db, chosen)
        self.is_empty = logs is not None and not logs
        must = [*question.query.must(), *(querying.file_of(question.file) if question.file else ())]
        range_ = querying.id_range(filters)
        self._scope = Scope(range_, must, querying.scope_of(few, kind, role), logs, _sorts(db, kind, role))

    def newest(self) -> Iterator[Place]:
        """Yield the places that have all words, newest first."""
        match = self._question.query.all_of((*self._scope.must, *self._scope.narrow))
        ask = (
            "SELECT events.no, events.seq FROM words CROSS JOIN events ON events.id = words.rowid"
            f" WHERE words MATCH ? AND events.no <> {DEAD} AND words.rowid BETWEEN ? AND ? ORDER BY words.rowid DESC"
        )
        for no, seq in self._db.execute(ask, (match, *self._scope.range)):
            session = self._readers.of(no, seq)
            if session is not None:
                yield Place(session, no, seq)

    def some(self) -> Found:
        """Return the places that have some words, to be taken best first."""
        return Found(self._db, self._question.query.telling, self._scope, self._readers)

    def read(self, places: Iterator[Place], limit: int) -> "tuple[list[tuple[Place, Event]], bool]":
        """Return the first *limit* places whose events fit, and whether there are more. Revisions show once."""
        found: list[tuple[Place, Event]] = []
        seen: set[tuple[str, str, str]] = set()
        for place in islice(places, limit + _MOST_READ):
            event = _event(self._store, place.session, place.seq)
            if event is None or (place.session, event.stream, event.node) in seen or not self._question.fits(event):
                continue
            if len(found) == limit:
                return found, True
            seen.add((place.session, event.stream, event.node))
            found.append((place, event))
        return found, next(places, None) is not None


def search(db: sqlite3.Connection, store: Store, question: Question, limit: int, order: str) -> Hits:
    """Return where the words of a *question* stand (see `Index.search`)."""
    asked = _Asked(db, store, question)
    query = question.query
    if asked.is_empty or not query.terms:
        return Hits([], more=False, window=None)
    if order == "newest":
        found, more = asked.read(asked.newest(), limit)
        if found or len(query.terms) == 1:
            return Hits(_shown(db, query.shown(), found), more, None)
    some = asked.some()
    found, more = asked.read(some.best(), limit)
    return Hits(_shown(db, query.any_of(), found), more, some.window)


def rank(db: sqlite3.Connection, store: Store, question: Question, limit: int) -> Ranking:
    """Return what a *question* is about (see `Index.rank`)."""
    asked = _Asked(db, store, question)
    if asked.is_empty or not question.query.terms:
        return Ranking([], None)
    some = asked.some()
    if question.is_read:
        found: Iterable[Place] = (place for place, _ in asked.read(some.best(), limit)[0])
    else:
        found = islice(some.best(around=True), limit)
    return Ranking([Spot(place.session, place.seq, place.step, round(place.score, 6)) for place in found], some.window)


def _sorts(db: sqlite3.Connection, kind: str | None, role: str | None) -> set[int] | None:
    if kind is None and role is None:
        return None
    ask = "SELECT what FROM sorts WHERE (?1 IS NULL OR kind = ?1) AND (?2 IS NULL OR role = ?2)"
    return {what for (what,) in db.execute(ask, (kind, role))}


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


def _shown(db: sqlite3.Connection, match: str, found: Sequence[tuple[Place, Event]]) -> list[Hit]:
    """Return hits for events that match: a table that holds them alone, in pieces, makes snippets, and scores of the newest."""
    db.execute("DELETE FROM temp.scratch")
    for number, (_, event) in enumerate(found):
        words = words_of(event)
        text, names = (spaced(part.encode("utf-8", "replace").decode()) for part in words) if words else ("", "")
        for piece, at in enumerate(range(0, len(text) or 1, _PIECE)):
            row = (number * _PIECES + piece, text[at : at + _PIECE + _OVERLAP], "" if at else names)
            db.execute("INSERT INTO temp.scratch (rowid, text, names) VALUES (?, ?, ?)", row)
    ask = "SELECT rowid, bm25(scratch, 1.0, 1.5) FROM temp.scratch WHERE scratch MATCH ? ORDER BY 2 DESC, 1 DESC"
    best = {row // _PIECES: (row, -rank) for row, rank in db.execute(ask, (match,))}  # the last of a number is its best
    rows = ", ".join(str(row) for row, _ in best.values())
    cut = f"CASE WHEN rowid IN ({rows}) THEN snippet(scratch, 0, '[', ']', '…', 24) END"
    snippets = dict(db.execute(f"SELECT rowid, {cut} FROM temp.scratch WHERE scratch MATCH ?", (match,)))
    hits: list[Hit] = []
    for number, (place, event) in enumerate(found):
        row, here = best.get(number, (-1, 0.0))
        shown = joined(" ".join(snippets.get(row, "").split()))
        score = round(place.score or max(here, 0.0), 6)
        hits.append(Hit(place.session, event.seq, happened(event), event.kind, role_of(event), event.actor, shown, score))
    return hits


def _overlook(_damage: object) -> None:
    """A hit whose event is damaged is left out."""
