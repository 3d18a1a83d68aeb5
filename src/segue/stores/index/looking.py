"""Looking up: which entries have a word of a question, at a cost that does not grow with the store.

For each word its entries are looked up, newest first, QUOTA for all words together: what rare words leave over goes to common
ones. So a rare word is found however old its entry is, no word is left out for being common, and of a word that is nearly
everywhere the newest entries count. A word weighs as in BM25, an entry's length by its root; whether a word occurs counts, how
often does not (no worse on LoCoMo, and FTS5 would count every entry of the word for it).
"""

import sqlite3
from collections.abc import Iterator, Sequence
from math import log, sqrt
from typing import Final, NamedTuple

from segue.stores.index import sharing
from segue.stores.index.querying import within
from segue.stores.index.ranking import LOG, Term, ranked
from segue.stores.index.schema import DEAD

QUOTA: Final = 12_000
"""Entries that are looked at for a question, over all its words."""
_K1: Final = 1.2
_B: Final = 0.75
_SAMPLE: Final = 50_000
"""How common a word is that was not looked up whole is told from so many of the newest entries."""


class Place(NamedTuple):
    """An entry that a question is about."""

    session: str
    """For which it is shown."""
    no: int
    seq: int
    score: float = 0.0
    step: int = 0
    """Not the entry at `seq`, but so many entries behind (or before) it in its log."""


class Scope(NamedTuple):
    """Which entries may be found."""

    range: tuple[int, int]
    """Their ids, from and to."""
    must: Sequence[str]
    """Expressions that they fit: phrases, a file."""
    narrow: Sequence[str]
    """Expressions that `logs` and `sorts` say too, for words with many entries."""
    logs: set[int] | None
    sorts: set[int] | None


class Found:
    """The entries that the words of a question stand in."""

    def __init__(self, db: sqlite3.Connection, terms: Sequence[str], scope: Scope, readers: sharing.Readers) -> None:
        """Look the *terms* up."""
        self._db = db
        self._readers = readers
        self._own: dict[int, float] = {}
        self._where: dict[int, tuple[int, int]] = {}
        """Where an entry stands -> the number of its event, and its id."""
        total, size = (int(n) for (n,) in db.execute("SELECT value FROM meta WHERE name IN ('entries', 'size') ORDER BY name"))
        self._total = max(total, 1)
        self._mean = max(size / self._total, 1.0)
        words = [_Word(db, term, scope) for term in terms]
        _look_up(words)
        self._terms = [self._take(word) for word in words]
        self.window = len(self._own) if any(word.open for word in words) else None
        """How many entries were looked at, where there are more."""

    def best(self, *, around: bool = False) -> Iterator[Place]:
        """Yield the places that have a word of the question, best first, of equals the latest; and those *around* them."""
        logs = ", ".join(map(str, {at // LOG for at in self._own}))
        sizes = dict(self._db.execute(f"SELECT no, entries FROM sessions WHERE no IN ({logs})"))
        scores = ranked(self._own, self._terms, sizes, around=around)
        where = self._where
        for at in sorted(scores, key=lambda at: (-scores[at], -where[at][1] if at in where else 0, -at)):
            no, place = divmod(at, LOG)
            step = 0 if at in where else self._step(at)
            if step is None or place >= sizes.get(no, 0):
                continue
            seq = where[at - step][0]
            session = self._readers.of(no, seq)
            if session is not None:
                yield Place(session, no, seq, scores[at], step)

    def _step(self, at: int) -> int | None:
        """Return how far a place is behind (or before) the nearest one that has a word of the question."""
        return next((step for far in range(1, 6) for step in (far, -far) if at - step in self._where), None)

    def _take(self, word: "_Word") -> Term:
        n = min(word.entries(self._total), self._total)
        weight = log(1 + (self._total - n + 0.5) / (n + 0.5))
        places = []
        for id_, no, seq, place, size, _ in word.rows:
            at = no * LOG + place
            norm = (_K1 + 1) / (1 + _K1 * (1 - _B + _B * sqrt(size / self._mean)))
            self._own[at] = self._own.get(at, 0.0) + weight * norm
            self._where[at] = (seq, id_)
            places.append(at)
        return Term(weight, places)


class _Word:
    """The entries of one word, newest first, as far as they were looked up."""

    def __init__(self, db: sqlite3.Connection, term: str, scope: Scope) -> None:
        self._db = db
        self._term = term
        self._scope = scope
        self._narrow: Sequence[str] = ()
        self._first, self._last = scope.range
        self._until = self._last
        self.rows: list[tuple[int, int, int, int, int, int]] = []
        """Of each entry: id, number of its log, number of its event, place, size, what it is."""
        self.open = True
        """There are more."""

    def more(self, n: int) -> int:
        """Look at up to *n* further entries; return at how many there were."""
        found = self._ask(n)
        if len(found) == n and self._scope.narrow and not self._narrow:  # so many that it pays to have FTS5 intersect them
            self._narrow = self._scope.narrow
            found = self._ask(n)
        self.open = len(found) == n
        if found:
            self._until = found[-1][0] - 1
        logs, sorts = self._scope.logs, self._scope.sorts
        self.rows += [r for r in found if (logs is None or r[1] in logs) and (sorts is None or r[5] in sorts)]
        return len(found)

    def entries(self, total: int) -> float:
        """Return about how many entries have the word: counted, or told from how dense they are among the newest."""
        if not self.open or not self.rows:
            return len(self.rows)
        count = "SELECT count(*) FROM (SELECT 1 FROM events WHERE id BETWEEN ? AND ? LIMIT ?)"
        (newer,) = self._db.execute(count, (self._until, self._last, _SAMPLE)).fetchone()
        return len(self.rows) * total / max(int(newer), 1)

    def _ask(self, n: int) -> list[tuple[int, int, int, int, int, int]]:
        match = within(self._term, (*self._scope.must, *self._narrow))
        ask = (
            "SELECT events.id, no, seq, place, size, what FROM words CROSS JOIN events ON events.id = words.rowid"
            f" WHERE words MATCH ? AND words.rowid BETWEEN ? AND ? AND no <> {DEAD} ORDER BY words.rowid DESC LIMIT ?"
        )
        return self._db.execute(ask, (match, self._first, self._until, n)).fetchall()


def _look_up(words: Sequence[_Word]) -> None:
    """Look up the entries of all words: each has an equal share of QUOTA, and those that need less leave it to the others."""
    left = QUOTA
    while (waiting := [word for word in words if word.open]) and left >= len(waiting):
        share = left // len(waiting)
        left -= sum(word.more(share) for word in waiting)
