"""Evidence: what a search found, packed into a budget of tokens for somebody who reads it in place of the logs."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from segue.core.context.pack import Counter, shortened
from segue.core.context.quoting import MARK, fence, line, quoted
from segue.core.errors import SegueError
from segue.core.session.words import words_of
from segue.engine.loading import event_at
from segue.ports import Hit, Store

_SMALLEST: Final = 40
"""Tokens below which a shortened event is not worth its place."""
_SHARE: Final = 4
"""No event takes more than one in so many parts of the budget while others wait."""
_TURN: Final = 30
"""Tokens of a short turn: a budget has room for no more turns than this gives."""
_MOST_HITS: Final = 1_500


def hits_for(budget: int) -> int:
    """Return how many hits it takes to fill *budget* tokens."""
    return min(max(budget // _TURN, 20), _MOST_HITS)


def pack_evidence(store: Store, hits: Sequence[Hit], budget: int, counter: Counter, name: Callable[[str], str]) -> dict[str, Any]:
    """Return `text`, at most *budget* tokens by *counter* (its margin included), with the events that *hits* name, best first.

    It stands between marks that it cannot contain, like a restored context: what was found is data to whoever reads it. Events
    of one session stand together, in their order. What is over when the room ends is not read.

    *name* gives the name of a session. `tokens`, `budget`, `family` and `method` say how it was counted, `items` what became of
    each hit: loaded, shortened or skipped.
    """
    limit = int(budget / (1 + counter.margin)) - counter.count(_framed(" ")) - 1
    pack = _Pack(store, counter, limit, name)
    for number, hit in enumerate(hits):
        pack.take(number, hit, alone=len(hits) == 1)
    pack.fill()
    text = pack.text()
    return {
        "text": text,
        "tokens": counter.count(text),
        "budget": budget,
        "family": counter.family,
        "method": counter.method,
        "items": [
            {"session": hit.session, "seq": hit.seq, "status": status, "reason": reason}
            for hit, (status, reason) in zip(hits, pack.fates(len(hits)), strict=True)
        ],
    }


class _Pack:
    """Takes events while there is room."""

    def __init__(self, store: Store, counter: Counter, limit: int, name: Callable[[str], str]) -> None:
        self._store, self._counter, self._name = store, counter, name
        self._limit, self._room = limit, limit
        self._sessions: dict[str, dict[int, str]] = {}
        """Session -> number of an event -> how it is shown."""
        self._heads: dict[str, str] = {}
        self._taken: list[tuple[int, Hit]] = []
        self._fates: dict[int, tuple[str, str]] = {}
        self._waiting: tuple[int, Hit, str] | None = None
        """The best hit for which there was no room whole."""

    def take(self, number: int, hit: Hit, *, alone: bool) -> None:
        """Take a hit whole; or the beginning and the end of one that is longer than its share."""
        if self._room < _SMALLEST and self._taken:
            return
        try:
            words = words_of(event_at(self._store, hit.session, hit.seq))
        except SegueError as e:
            self._fates[number] = "skipped", e.message
            return
        said = words.text if words else ""
        room = self._room - self._opening(hit)
        most = room if alone else min(room, max(self._limit // _SHARE, _SMALLEST))
        if self._put(number, hit, _shown(hit, said), most, "loaded", ""):
            return
        if most == room and not alone:
            self._waiting = self._waiting or (number, hit, said)
        else:
            self._shorten(number, hit, said, most)

    def fill(self) -> None:
        """Give what is left of the room to the best that did not fit."""
        if self._waiting is not None:
            number, hit, said = self._waiting
            self._shorten(number, hit, said, self._room - self._opening(hit))

    def _shorten(self, number: int, hit: Hit, said: str, room: int) -> None:
        if room >= _SMALLEST:
            text = shortened(said, room - 1, counter=self._counter, render=lambda part: _shown(hit, part))
            if text:
                self._put(number, hit, text, room, "shortened", f"room for {room:,} tokens")

    def _put(self, number: int, hit: Hit, text: str, room: int, status: str, reason: str) -> bool:
        cost = self._counter.count(text) + 1 if len(text) <= room * 16 else room + 1
        if cost > room:
            return False
        self._room -= cost + self._opening(hit)
        self._heads.setdefault(hit.session, self._head(hit))
        self._sessions.setdefault(hit.session, {})[hit.seq] = text
        self._taken.append((number, hit))
        self._fates[number] = status, reason
        return True

    def _head(self, hit: Hit) -> str:
        return f"{MARK} {line(self._name(hit.session), 80)} {hit.at[:10]}"

    def _opening(self, hit: Hit) -> int:
        """Return what it costs that *hit* is the first of its session."""
        return 0 if hit.session in self._sessions else self._counter.count(self._head(hit)) + 1

    def text(self) -> str:
        """Return what was taken; what was taken last goes first, should the whole be longer than its parts."""
        while self._taken:
            blocks = (
                "\n".join([self._heads[name], *(text for _, text in sorted(shown.items()))])
                for name, shown in self._sessions.items()
                if shown
            )
            content = "\n".join(blocks)
            if self._counter.count(content) <= self._limit:
                return _framed(content)
            number, hit = self._taken.pop()
            del self._sessions[hit.session][hit.seq]
            self._fates[number] = "skipped", "no room"
        return ""

    def fates(self, count: int) -> list[tuple[str, str]]:
        """Return what became of each of *count* hits."""
        return [self._fates.get(number, ("skipped", "no room")) for number in range(count)]


def _shown(hit: Hit, text: str) -> str:
    return f"{MARK}{hit.seq} {line(hit.role or hit.kind, 80)}: {quoted(text)}"


def _framed(content: str) -> str:
    before, after = fence(content)
    return f"{before}\n{content}\n{after}\n"
