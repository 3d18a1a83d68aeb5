"""What forks share with the logs that they left: whose words they are, and what becomes of them when that log is deleted.

The words of an event are in the full text once, under the number of the log that holds it. `shares` says which further
sessions read them: fork, log, and the first and last number of what it reads there. A deleted log that forks still read
stays in `sessions` as `gone`: no list shows it, and its words are found for a fork. Where the index never saw it alive they
are read through a fork.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from segue.core.errors import NotFoundError
from segue.core.log.events import ForkPoint
from segue.ports import Store
from segue.stores.index.schema import DEAD


class Share(NamedTuple):
    """What a fork reads of the log of *session*: the events from *first* to *upto*."""

    session: str
    first: int
    upto: int


class Want(NamedTuple):
    """A deleted log whose words from *first* to *upto* are missing, and a fork to read them through."""

    no: int
    session: str
    seq: int
    """How far it was taken in."""
    through: str
    first: int
    upto: int


def shares_of(lineage: Iterable[ForkPoint]) -> list[Share]:
    """Return what a fork reads of each log that it comes from, the nearest first; none of a log that it left behind its part."""
    points = list(lineage)
    found: list[Share] = []
    limit = points[0].seq if points else 0
    firsts = [*(above.seq + 1 for above in points[1:]), 1]
    for point, first in zip(points, firsts, strict=False):
        limit = min(limit, point.seq)
        if first <= limit:
            found.append(Share(point.session, first, limit))
    return found


def put_shares(db: sqlite3.Connection, no: int, shares: list[Share]) -> None:
    """Write down what session number *no* shares. A log that was not met yet counts as gone until it is."""
    db.execute("DELETE FROM shares WHERE no = ?", (no,))
    for share in shares:
        row = db.execute("SELECT no FROM sessions WHERE id = ?", (share.session,)).fetchone()
        if row is None:
            unmet = "INSERT INTO sessions (id, stamp, seq, digest, damaged, gone) VALUES (?, '', 0, '', 0, 1)"
            row = (db.execute(unmet, (share.session,)).lastrowid,)
        db.execute("INSERT INTO shares VALUES (?, ?, ?, ?)", (no, row[0], share.first, share.upto))


def drop(db: sqlite3.Connection, no: int) -> None:
    """Take a deleted session away; of its words those stay that forks read. Its ancestors go with their last fork."""
    above = [log for (log,) in db.execute("SELECT log FROM shares WHERE no = ?", (no,))]
    for table in ("refs", "places", "shares"):
        db.execute(f"DELETE FROM {table} WHERE no = ?", (no,))
    db.execute("UPDATE sessions SET gone = 1 WHERE no = ?", (no,))
    for log in (no, *above):
        _trim(db, log)


def _trim(db: sqlite3.Connection, no: int) -> None:
    """Take away what nobody reads of a log that is gone. The ids of entries stay taken: their words are in the full text."""
    gone = db.execute("SELECT 1 FROM sessions WHERE no = ? AND gone", (no,)).fetchone()
    if gone is None:
        return
    last = db.execute("SELECT max(upto) FROM shares WHERE log = ?", (no,)).fetchone()[0]
    db.execute(f"UPDATE events SET no = {DEAD} WHERE no = ? AND seq > ?", (no, last or 0))
    db.execute("UPDATE sessions SET seq = min(seq, ?) WHERE no = ?", (last or 0, no))
    if last is None:
        db.execute("DELETE FROM sessions WHERE no = ?", (no,))


_WANTED: Final = (
    "SELECT log.no, log.id, log.seq, fork.id, shares.first, max(shares.upto) FROM sessions AS log"
    " JOIN shares ON shares.log = log.no JOIN sessions AS fork ON fork.no = shares.no"
    " WHERE log.gone GROUP BY log.no HAVING max(shares.upto) > log.seq"
)


def wanted(db: sqlite3.Connection, store: Store) -> list[Want]:
    """Return the deleted logs of which words are missing."""
    found = [Want(*row) for row in db.execute(_WANTED)]
    return [want for want in found if not is_there(store, want.session)]


def is_there(store: Store, session: str) -> bool:
    """Return whether the store has a session."""
    try:
        store.stamp(session)
    except NotFoundError:
        return False
    return True


def logs_of(db: sqlite3.Connection, sessions: Iterable[int]) -> set[int]:
    """Return the numbers of all logs that sessions read, their own among them."""
    found = set(sessions)
    if db.execute("SELECT 1 FROM shares LIMIT 1").fetchone():
        for no in list(found):
            found.update(log for (log,) in db.execute("SELECT log FROM shares WHERE no = ?", (no,)))
    return found


class Readers:
    """Who an entry is shown for: its own session where that is there and asked for, else the oldest fork that reads it."""

    def __init__(self, db: sqlite3.Connection, chosen: frozenset[int] | None) -> None:
        """Ask for *chosen* sessions; None: all."""
        self._db = db
        self._chosen = chosen
        self._own: dict[int, str] = {}
        self._forks: dict[int, list[tuple[str, int]]] = {}

    def of(self, no: int, seq: int) -> str | None:
        """Return the session's id; None where nobody who is asked for reads it."""
        if no not in self._own:
            row = self._db.execute("SELECT id FROM live WHERE no = ?", (no,)).fetchone()
            self._own[no] = row[0] if row and (self._chosen is None or no in self._chosen) else ""
        return self._own[no] or next((fork for fork, upto in self._sharing(no) if seq <= upto), None)

    def _sharing(self, no: int) -> Iterator[tuple[str, int]]:
        if no not in self._forks:
            ask = "SELECT live.no, live.id, upto FROM shares JOIN live USING (no) WHERE log = ? ORDER BY live.id"
            rows = self._db.execute(ask, (no,)).fetchall()
            self._forks[no] = [(id_, upto) for fork, id_, upto in rows if self._chosen is None or fork in self._chosen]
        return iter(self._forks[no])
