"""Packing: what of a session goes into a context of so many tokens, and what is left out, with the reason for each.

Lanes take their share one after the other (see `lanes`); one that needs less leaves the rest to those after it. The result is
counted as a whole at the end, and trimmed until it fits: it never exceeds the budget, margin included.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final, Literal, NamedTuple, Protocol

from segue.core.context.prompt import Block, Frame, Section, compose, frame_cost, heading_cost
from segue.core.context.tokens import Count, Family, Method

LEVELS: Final = {"minimal": 5_000, "balanced": 25_000, "full": 40_000}
"""The levels of restoring, in tokens."""
Status = Literal["loaded", "shortened", "skipped", "missing"]
_SLACK: Final = 6
"""Tokens by which a whole may be longer than its parts: words join differently at their edges."""
_DENSEST: Final = 16
"""Characters that a token is at the most: what is longer than that cannot fit, and is not even counted."""
_UNSURE: Final = 24
"""Tokens that an estimate may be off besides its margin: of a small context the error is a larger share."""
_TRIES: Final = 6
_FULL: Final = 0.96
"""The share of its room that a shortened text uses, if a few tries can make it."""
_SHORT: Final = 400
"""Characters of a line that is left out rather than cut."""
_SMALLEST: Final = 24
"""Tokens below which a shortened text is not worth its place."""
_COUNTED: Final = 1_000_000
"""Characters of a text that are counted to know what share of it has room."""
_LEAST: Final = 8
"""Tokens below which what was shortened is not widened."""


class Counter(Protocol):
    """What counts: an `Estimator`, or an exact tokenizer."""

    @property
    def family(self) -> Family:
        """Whose tokens."""
        ...

    @property
    def method(self) -> Method:
        """How."""
        ...

    @property
    def margin(self) -> float:
        """How far off it may be, as a share."""
        ...

    def count(self, text: str) -> int:
        """Return the tokens of *text*."""
        ...


class Entry(NamedTuple):
    """What became of one element: it is in the text, whole or shortened, or it is not, and why."""

    seq: int
    what: str
    status: Status
    reason: str = ""
    tokens: int = 0
    lane: str = ""
    """Where it was considered; what was considered in several was taken in the first that had room."""
    priority: float = 0.0
    """1.0 essential, 0.9 recommended, 0.8 recent, 0.5 formerly loaded."""
    relevance: float = 0.0
    """How much it is about the task that was given, from 0 to 1."""


class Lane(NamedTuple):
    """A lane: how many tokens it might take, and how many it took."""

    name: str
    priority: float
    cap: int
    used: int


class Context(NamedTuple):
    """A restored context: at most `budget` tokens, and what became of each element."""

    text: str
    size: Count
    budget: int
    items: tuple[Entry, ...]
    lanes: tuple[Lane, ...] = ()
    """In the order in which they took their share."""

    def to_json(self) -> dict[str, Any]:
        """Return the shape that `--format json` prints."""
        size = self.size
        return {
            "text": self.text,
            "tokens": size.tokens,
            "budget": self.budget,
            "family": size.family,
            "method": size.method,
            "margin": size.margin,
            "lanes": [lane._asdict() for lane in self.lanes],
            "items": [entry._asdict() for entry in self.items],
        }


class Candidate(NamedTuple):
    """A block that may be taken, what to call it (empty: it is not accounted for), and what makes it shorter: given tokens, it
    returns a text of at most so many, or none. With `render` the block holds the raw text, which is rendered only where it may
    fit: what is rendered is never shorter.
    """

    block: Block
    seq: int
    what: str
    shorter: Callable[[int], str] | None = None
    render: Callable[[str], str] | None = None
    priority: float | None = None
    """None: its lane's."""
    relevance: float = 0.0

    def whole(self, room: int) -> str | None:
        """Return the text, or None where it cannot fit into *room* tokens."""
        text = self.block.text
        if len(text) > room * _DENSEST:
            return None
        return self.render(text) if self.render else text


class Packer:
    """Takes blocks while there is room. One for each context."""

    def __init__(self, frame: Frame, budget: int, counter: Counter) -> None:
        """Begin with the frame alone."""
        self.counter = counter
        self.budget = budget
        unsure = _UNSURE if counter.margin else 0
        self.room = int(budget / (1 + counter.margin)) - counter.count(frame_cost(frame)) - _SLACK - unsure
        self._frame = frame
        self._taken: list[tuple[Block, tuple[int, str]]] = []
        self._cut: list[tuple[int, Candidate, int]] = []
        self._waiting: list[Candidate] = []
        self._entries: dict[tuple[int, str], Entry] = {}
        self._sections: set[Section] = set()
        self._lanes: list[Lane] = []
        self._began = self.room

    def begin(self, lane: str, priority: float, cap: int) -> None:
        """Let what is taken and left from now on belong to a lane, which takes at most about *cap* tokens."""
        self._rest()
        self._lanes.append(Lane(lane, priority, max(cap, 0), 0))
        self._began = self.room

    def _rest(self) -> None:
        if self._lanes:
            self._lanes[-1] = self._lanes[-1]._replace(used=max(self._began - self.room, 0))

    def cost(self, text: str) -> int:
        """Return what *text* costs as a block."""
        return self.counter.count(text) + 1

    def take(self, found: Candidate, limit: int | None = None) -> Entry | None:
        """Take a block, or its shorter form, if it fits into *limit* and the room; return what became of it, or None."""
        block, section = found.block, found.block.section
        opening = 0 if section in self._sections else self.counter.count(heading_cost(section))
        room = self.room - opening if limit is None else min(limit, self.room - opening)
        if room < 1:
            return None
        text = found.whole(room)
        cost = room + 1 if text is None else self.cost(text)
        lane = self._lanes[-1] if self._lanes else Lane("", 0.0, 0, 0)
        priority = lane.priority if found.priority is None else found.priority
        entry = Entry(found.seq, found.what, "loaded", "", cost, lane.name, priority, found.relevance)
        if text is None or cost > room:
            text = found.shorter(room - 1) if found.shorter and room >= _SMALLEST else ""
            if not text or (cost := self.cost(text)) > room:
                return None
            entry = entry._replace(status="shortened", reason=f"room for {room:,} tokens", tokens=cost)
            self._cut.append((len(self._taken), found, cost))
        self._sections.add(section)
        self.room -= cost + opening
        key = (found.seq, found.what)
        self._taken.append((block._replace(text=text), key))
        if found.what:
            self._entries[key] = entry
        return entry

    def widen(self, *, notes: bool = False) -> None:
        """Give what is left of the room to what was shortened, in the order in which it was taken; to *notes* in the end only."""
        missed = 0
        for order, (place, found, had) in enumerate(self._cut):
            if self.room < _LEAST or (missed > _TRIES and self.room < self.budget * (1 - _FULL)):
                return
            if found.block.section == "notes" and not notes:
                continue
            room = self.room + had
            text = found.whole(room)
            cost = room + 1 if text is None else self.cost(text)
            whole = cost <= room
            if not whole:
                text = found.shorter(room - 1) if found.shorter else ""
                cost = self.cost(text)
            if not text or cost > room or cost <= had:
                missed += 1
                continue
            missed = 0
            _, key = self._taken[place]
            self._taken[place] = (found.block._replace(text=text), key)
            self._cut[order] = (place, found, cost)
            self._entries[key] = self._entries[key]._replace(
                status="loaded" if whole else "shortened", reason="" if whole else f"room for {room:,} tokens", tokens=cost
            )
            self.room -= cost - had

    def leave(self, seq: int, what: str, status: Status, reason: str, relevance: float = 0.0) -> None:
        """Note that an element is not in the text, unless it is."""
        lane = self._lanes[-1] if self._lanes else Lane("", 0.0, 0, 0)
        self._entries.setdefault((seq, what), Entry(seq, what, status, reason, 0, lane.name, lane.priority, relevance))

    def put_off(self, found: Candidate, reason: str) -> None:
        """Leave a block, unless in the end there is room that nothing else wants: see `once_more`."""
        self.leave(found.seq, found.what, "skipped", reason, found.relevance)
        priority = self._lanes[-1].priority if found.priority is None and self._lanes else found.priority
        self._waiting.append(found._replace(priority=priority))

    def once_more(self) -> None:
        """Give what is left of the room to what was put off, in that order."""
        waiting, self._waiting, missed = self._waiting, [], 0
        for found in waiting:
            if self.room < _LEAST or missed > _TRIES:
                return
            missed = 0 if self.take(found) else missed + 1

    def finish(self) -> Context:
        """Return the context: the blocks that were taken last go first, until the whole fits."""
        self._rest()
        while True:
            text = compose(self._frame, [block for block, _ in self._taken])
            count = self._count(text)
            if count.upper <= self.budget or not self._taken:
                break
            _, key = self._taken.pop()
            if key in self._entries:
                self._entries[key] = self._entries[key]._replace(status="skipped", reason="trimmed: no room")
        while count.upper > self.budget and text:
            text = text[: min(len(text) - 1, len(text) * self.budget // count.upper)]
            count = self._count(text)
        entries = sorted(self._entries.values(), key=lambda entry: (entry.seq, entry.what))
        return Context(text, count, self.budget, tuple(entries), tuple(self._lanes))

    def _count(self, text: str) -> Count:
        counter = self.counter
        return Count(counter.count(text), counter.family, counter.method, counter.margin)


def shortened(text: str, tokens: int, *, counter: Counter, render: Callable[[str], str]) -> str:
    """Return *text* rendered in at most *tokens*: its beginning and its end, whole lines where they are short. Empty: no room."""
    framing, most = counter.count(render("")), _about(text, counter)
    wanted = tokens - framing - 8
    best, used = "", 0
    for ends in (_whole_ends, _ends):  # where whole lines leave room, parts of them do not
        share = wanted / most
        for _ in range(_TRIES):
            room = int(len(text) * share)
            if room < 2 * _SMALLEST:
                break
            found = render(_with_gap(text, *ends(text, room)))
            cost = counter.count(found)
            best, used = (found, cost - framing) if cost <= tokens and len(found) > len(best) else (best, used)
            if wanted * _FULL <= cost - framing <= tokens - framing:
                return best
            share *= (wanted if cost <= tokens else wanted * _FULL) / max(cost - framing, 1)
            share = min(share, 1.0)
        if used >= wanted * _FULL:
            break
    return best


def _about(text: str, counter: Counter) -> int:
    """Return the tokens of *text*; of a huge one about how many, by its ends: to count 30 MB takes seconds."""
    counted = "".join(_ends(text, _COUNTED)) if len(text) > _COUNTED else text
    return counter.count(counted) * len(text) // max(len(counted), 1) or 1


def _ends(text: str, room: int) -> tuple[str, str]:
    """Return the beginning and the end of *text*, *room* characters in all."""
    return text[: room * 3 // 5], text[len(text) - room * 2 // 5 :]


def _whole_ends(text: str, room: int) -> tuple[str, str]:
    """Return the beginning and the end of *text*, about *room* characters in all, in whole lines where they are short."""
    start, end = _ends(text, room)
    if "\n" in start[len(start) // 2 :][-_SHORT:]:
        start = start[: start.rindex("\n")]
    if "\n" in end[: len(end) // 2][:_SHORT]:
        end = end[end.index("\n") + 1 :]
    return start, end


def _with_gap(text: str, start: str, end: str) -> str:
    """Return the two ends of *text* with how much is left out between them."""
    gone = text[len(start) : len(text) - len(end)]
    lines = gone.count("\n") - 1
    left = f"{lines:,} lines" if lines > 1 else f"{len(gone):,} characters"
    return f"{start}\n[... {left} left out ...]\n{end}"


def divide(costs: Sequence[int], room: int) -> int:
    """Return the most that each may cost so that all cost at most *room*; those that need less leave it to the others."""
    left, ahead = room, len(costs)
    for cost in sorted(costs):
        share = left // ahead
        if cost > share:
            return share
        left -= cost
        ahead -= 1
    return max(costs, default=0)
