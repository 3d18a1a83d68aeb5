"""Evidence: what a question is about, packed into a budget of tokens for somebody who reads it in place of the logs."""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Final, NamedTuple

from segue.core.context.excerpt import excerpt
from segue.core.context.pack import Counter, Status
from segue.core.context.quoting import MARK, fence, line, quoted
from segue.core.context.tokens import Family, Method
from segue.core.errors import SegueError
from segue.core.log.dating import happened
from segue.core.log.events import Event
from segue.core.session.words import role_of, shown_of, words_of
from segue.engine.context.fusing import MOST, fused
from segue.ports import EVERYTHING, Filters, Index, Spot, Store
from segue.ports.nearness import Nearness

_SMALLEST: Final = 24
"""Tokens below which nothing is worth its place."""
_SHARE: Final = 4
"""No entry takes more than one in so many parts of the budget while others wait."""
_SHORT: Final = 64
"""Tokens up to which the best has its room all the same: of a small budget a part is too little for any."""
_BESIDE: Final = 6
"""Events that are read on either side of one, to see what stands beside it."""
_MISSES: Final = 5
"""So many entries in a row that do not fit, and no more are read."""
_TOKENS_EACH: Final = 8
"""An entry has hardly fewer: so many are asked of the index."""


class Piece(NamedTuple):
    """What became of an entry: it is in the text, whole or shortened, or it is not, and why."""

    session: str
    seq: int
    status: Status
    reason: str = ""
    tokens: int = 0


class Evidence(NamedTuple):
    """What a question is about, in at most `budget` tokens, margin included."""

    text: str
    tokens: int
    budget: int
    family: Family
    method: Method
    margin: float
    items: tuple[Piece, ...]
    """What became of each entry, best first."""

    def to_json(self) -> dict[str, Any]:
        """Return the shape that `--json` prints."""
        return self._asdict() | {"items": [piece._asdict() for piece in self.items]}


class _Entry(NamedTuple):
    session: str
    seq: int
    head: str
    """The line above it and those beside it."""
    text: str
    cost: int


class Wanted(NamedTuple):
    """What evidence is wanted of: see `Index.search`."""

    query: str
    filters: Filters = EVERYTHING
    kind: str | None = None
    role: str | None = None
    file: str | None = None


def gather(
    index: Index, store: Store, wanted: Wanted, budget: int, counter: Counter, nearness: Nearness | None = None
) -> Evidence:
    """Find what is wanted and pack it into *budget* tokens. With *nearness*, what words find is put in order by meaning too."""
    query, filters, kind, role, file = wanted
    limit = most = budget // _TOKENS_EACH + 8
    if nearness is not None:
        most = max(limit, MOST)
    spots = index.rank(query, filters, kind=kind, role=role, file=file, limit=most).spots
    reader = Reader(store)
    if nearness is not None:
        spots = fused(spots, [reader.text(spot) for spot in spots], query, nearness)[:limit]
    name = cache(lambda id_: index.session(id_).name or id_)
    return pack_evidence(store, spots, query, budget, counter, name, reader)


def pack_evidence(
    store: Store,
    spots: Sequence[Spot],
    query: str,
    budget: int,
    counter: Counter,
    name: Callable[[str], str],
    reader: "Reader | None" = None,
) -> Evidence:
    """Return the entries at *spots*, best first while there is room: whole, or where one is long what of it is about *query*.

    They stand in the order of their logs, by session and day, each with its number for `segue show`; between marks that they
    cannot contain, like a restored context: what was found is data to whoever reads it. *name* gives the name of a session.
    """
    room = int(budget / (1 + counter.margin)) - counter.count(_framed([])) - 2
    reader, limit = reader or Reader(store), room
    taken: list[_Entry] = []
    pieces: list[Piece] = []
    said: dict[str, _Entry] = {}
    heads: set[str] = set()
    misses = 0
    for number, spot in enumerate(spots):
        if (room < _SMALLEST and taken) or misses == _MISSES:
            break
        try:
            event = reader.event(spot)
        except SegueError as e:
            pieces.append(Piece(spot.session, spot.seq, "skipped", e.message))
            continue
        text = shown_of(event).strip() if event else ""
        if event is None or not text:
            continue
        if before := said.get(text):
            pieces.append(Piece(spot.session, event.seq, "skipped", f"the same as {before.seq} of {name(before.session)}"))
            continue
        head = f"{MARK} {line(name(spot.session), 80)} {happened(event)[:10]}"
        free = room - (0 if head in heads else counter.count(f"{head}\n"))
        most = free if number == len(spots) - 1 else min(free, max(limit // _SHARE, _SHORT))
        entry, whole = _entry(spot.session, event, head, text, query, most, counter)
        if entry is None:
            pieces.append(Piece(spot.session, event.seq, "skipped", "no room"))
            misses += 1
            continue
        misses = 0
        heads.add(head)
        said[text] = entry
        taken.append(entry)
        room = free - entry.cost
        why = "" if whole else f"room for {most:,} tokens"
        pieces.append(Piece(spot.session, event.seq, "loaded" if whole else "shortened", why, entry.cost))
    return _finished(taken, pieces, budget, counter)


def _entry(
    session: str, event: Event, head: str, text: str, query: str, most: int, counter: Counter
) -> "tuple[_Entry | None, bool]":
    """Return an event as it is shown in at most so many tokens, and whether it is whole."""

    def shown(said: str) -> str:
        return f"{MARK}{event.seq} {line(role_of(event) or event.kind, 80)}: {quoted(said)}"

    if len(text) <= most * 16:
        found = shown(text)
        cost = counter.count(f"{found}\n")
        if cost <= most:
            return _Entry(session, event.seq, head, found, cost), True
    found = excerpt(text, query, most - 1, counter=counter, render=shown) if most >= _SMALLEST else ""
    return (_Entry(session, event.seq, head, found, counter.count(f"{found}\n")), False) if found else (None, False)


def _finished(taken: list[_Entry], pieces: list[Piece], budget: int, counter: Counter) -> Evidence:
    """Return the evidence; what was taken last goes until the whole fits."""
    while True:
        text = _framed(taken) if taken else ""
        tokens = counter.count(text)
        if not taken or tokens + -int(-tokens * counter.margin // 1) <= budget:
            break
        gone = taken.pop()
        pieces = [
            p._replace(status="skipped", reason="no room", tokens=0) if p[:2] == gone[:2] and p.tokens else p for p in pieces
        ]
    return Evidence(text, tokens, budget, counter.family, counter.method, counter.margin, tuple(pieces))


def _framed(taken: Sequence[_Entry]) -> str:
    ranks: dict[str, int] = {}
    for entry in taken:
        ranks.setdefault(entry.session, len(ranks))
    lines: list[str] = []
    head = ""
    for entry in sorted(taken, key=lambda e: (ranks[e.session], e.seq)):
        if entry.head != head:
            head = entry.head
            lines.append(head)
        lines.append(entry.text)
    content = "\n".join(lines)
    before, after = fence(content)
    return f"{before}\n{content}\n{after}\n"


class Reader:
    """Reads events where a search found something, and those beside them."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[tuple[str, int], Event] = {}
        self._read: set[tuple[str, int]] = set()

    def event(self, spot: Spot) -> Event | None:
        """Return the event of a spot; None where there is none. Raises NotFoundError, DamagedError."""
        if not spot.step:
            return self._at(spot.session, spot.seq)
        self._around(spot.session, spot.seq)
        way = 1 if spot.step > 0 else -1
        left = abs(spot.step)
        seq = spot.seq
        while left and (event := self._known.get((spot.session, seq + way))):
            seq += way
            left -= words_of(event) is not None
        return self._known[spot.session, seq] if not left else None

    def text(self, spot: Spot) -> str:
        """Return what the event of a spot says, nothing where it cannot be read."""
        try:
            event = self.event(spot)
        except SegueError:
            return ""
        return shown_of(event) if event else ""

    def _at(self, session: str, seq: int) -> Event | None:
        if (session, seq) not in self._known:
            for event in self._store.read(session, after=seq - 1, upto=seq):
                self._known[session, event.seq] = event
        return self._known.get((session, seq))

    def _around(self, session: str, seq: int) -> None:
        if (session, seq) not in self._read:
            self._read.add((session, seq))
            after, upto = max(seq - 1 - _BESIDE, 0), seq + _BESIDE
            for event in self._store.read(session, after=after, upto=upto, on_damage=_overlook):
                self._known.setdefault((session, event.seq), event)


def _overlook(_damage: object) -> None:
    """What is damaged stands beside nothing."""
