"""The outline of a conversation's older part: what a context must have of it, however long ago it was said.

A context is made of the newest part of a conversation, read as it is, and of the outline of what is before that: everything
that the user said, the files that it was about, and the calls that failed and were never repeated with success. An outline is
a fold of the line's events in their order, its size has a limit, and it is kept beside the log like a snapshot of the state:

    outline = Outline(); for event in events: outline.take(event)
    Outline.from_bytes(outline.to_bytes())       the same

`take` follows a line that goes on, with the calls and answers that agents write as siblings. Where it cannot (the
conversation goes back, a parent is unknown) it says so by `Turned`: then the outline is made of the whole line, see `outlined`.
"""

from collections.abc import Iterable
from json import dumps, loads
from typing import Any, Final, Self

from segue.core.context.condense import Unit, failed, head_of
from segue.core.context.items import Item, items_of, mentions
from segue.core.context.ledger import Use, weight_of
from segue.core.context.line import NEAR, Line, goes_on_in
from segue.core.errors import DamagedError
from segue.core.log.events import MAIN, Event
from segue.core.log.kinds import is_node
from segue.core.session.tree import tree

SCHEMA: Final = "segue-outline-3"
"""Names the shape of `to_bytes`, and what `take` makes of events: it changes with either."""

_MOST_SAID: Final = 2_000
_MOST_CHARACTERS: Final = 240_000
"""Of what the user said, all told. Beyond it the oldest are kept by their beginning and end."""
_LONGEST: Final = 16_000
_ENDS: Final = (200, 100)
_MOST_FILES: Final = 3_000
_MOST_ERRORS: Final = 8
_LONGEST_ERROR: Final = 2_000
_LONGEST_HEAD: Final = 400


class Turned(Exception):  # noqa: N818 - not an error: the line does not simply go on
    """The event does not follow the line."""


class Outline:
    """What is known of a conversation up to the event `seq`."""

    __slots__ = ("_calls", "_files", "_line", "_off", "_open", "_recent", "_said", "_size", "digest", "left", "seq", "units")

    def __init__(self) -> None:
        """Begin before the first event."""
        self.seq = 0
        self.digest = ""
        self.units = 0
        """Things said and called so far."""
        self.left = 0
        """Things that the user said and that are not kept: there were too many."""
        self._said: dict[str, list[Any]] = {}  # node -> [seq, at, text]
        self._size = 0
        self._files: dict[str, list[Any]] = {}  # path -> [weight, {op: times}, seq]
        self._open: dict[str, list[Any]] = {}  # head of a call -> [seq, at, op, text]
        self._calls: dict[str, list[Any]] = {}  # id of a call -> [seq, head, op], the last ones
        self._recent: dict[str, Any] = {}  # node -> [[[path, op], ...], units], the last ones: they may be revised
        self._line = Line()
        self._off: list[list[int]] = []  # spans of events that are not of the line, first and last

    # --- the fold

    def take(self, event: Event) -> None:
        """Take in the next event of the log. Raises Turned, and is then as it was."""
        if event.stream == MAIN:
            if not self._line.goes_on(event):
                raise Turned
            if is_node(event.kind):
                self.add(event)
                self._line.take(event)
        self.seq, self.digest = event.seq, event.digest

    def add(self, event: Event) -> None:
        """Take in an event that is known to be of the line: its next node, or a revision of one of the last."""
        old_uses, old_units = self._recent.pop(event.node, ((), 0))
        uses: list[list[str]] = []
        said: list[str] = []
        units = 0
        for item in items_of(event):
            units += item.kind not in {"result", "error"}
            uses += self._uses(item)
            if item.kind == "instruction":
                said.append(item.text)
            elif item.kind == "call":
                self._call(item)
            elif item.kind in {"result", "error"}:
                self._answer(item)
        for path, op in uses:
            self._use(path, op, 1, event.seq)
        for path, op in old_uses:
            self._use(path, op, -1, event.seq)
        self.units += units - old_units
        if said or event.node in self._said:
            self._hear(event, "\n".join(said))
        self._recent[event.node] = [uses, units]
        if len(self._recent) > NEAR:
            self._recent.pop(next(iter(self._recent)))

    def _hear(self, event: Event, text: str) -> None:
        old = self._said.pop(event.node, None)
        self._size -= len(old[2]) if old else 0
        if not text:
            return
        self._said[event.node] = [event.seq, event.at, ends(text, _LONGEST)]
        self._size += len(self._said[event.node][2])
        if len(self._said) > _MOST_SAID:
            self._size -= len(self._said.pop(next(node for place, node in enumerate(self._said) if place == 1))[2])
            self.left += 1
        if self._size > _MOST_CHARACTERS:
            self._shorten()

    def _shorten(self) -> None:
        """Keep beginning and end of the oldest things said, but for the first, until all have room."""
        most = sum(_ENDS) + 50
        for place, entry in enumerate(self._said.values()):
            if self._size <= _MOST_CHARACTERS * 3 // 4:
                break
            if place and len(entry[2]) > most:
                self._size -= len(entry[2])
                entry[2] = ends(entry[2], most)
                self._size += len(entry[2])

    def _uses(self, item: Item) -> list[list[str]]:
        if item.kind in {"prose", "instruction"}:
            return [[path, "said"] for path in mentions(item.text)]
        if item.kind == "call" or item.call not in self._calls or not self._calls[item.call][3]:
            return [[touch.path, touch.op] for touch in item.touches if touch.path and not touch.path.endswith("/")]
        return []

    def _use(self, path: str, op: str, times: int, seq: int) -> None:
        found = self._files.setdefault(path, [0.0, {}, seq])
        found[0] = round(found[0] + weight_of(op) * times, 6)
        found[1][op] = found[1].get(op, 0) + times
        found[2] = seq
        if len(self._files) > _MOST_FILES * 4 // 3:
            ranked = sorted(self._files.items(), key=lambda entry: (-entry[1][0], -entry[1][2], entry[0]))
            self._files = dict(ranked[:_MOST_FILES])

    def _call(self, item: Item) -> None:
        if item.call:
            self._calls.pop(item.call, None)
            self._calls[item.call] = [item.seq, head_of(item)[:_LONGEST_HEAD], item.op, bool(item.touches)]
            if len(self._calls) > NEAR:
                self._calls.pop(next(iter(self._calls)))

    def _answer(self, item: Item) -> None:
        seq, head, op, _ = self._calls.get(item.call, [0, "", "", False])
        if not seq:
            return
        self._open.pop(head, None)
        if failed(item):
            self._open[head] = [seq, item.at, op, ends(item.text, _LONGEST_ERROR)]
            if len(self._open) > _MOST_ERRORS:
                self._open.pop(next(iter(self._open)))

    def end(self, last: Event, line: Line, off: list[list[int]]) -> None:
        """Be where the log is at its event *last*, where the conversation's line is *line* and *off* are spans beside it."""
        self._off = off
        self.seq, self.digest, self._line = last.seq, last.digest, line
        self._recent = {node: entry for node, entry in self._recent.items() if node in line.nodes}

    # --- what a packer takes of it

    def goes_on_in(self, events: Iterable[Event]) -> bool:
        """Return whether *events*, the next of the log, go on where this ends: none goes back to what is before them."""
        return goes_on_in(self._line, events, self.seq)

    def conversation(self) -> list[Unit]:
        """Return what the user said, and the calls that failed and never succeeded since, as units in their order."""
        found = [Unit(seq, at, "instruction", "", text) for seq, at, text in self._said.values()]
        for head, (seq, at, op, text) in self._open.items():
            found.append(Unit(seq, at, "exchange", f"{head} (failed)", text, op, failed=True))
        return sorted(found, key=lambda unit: (unit.seq, unit.kind))

    def is_of_the_line(self, seq: int) -> bool:
        """Return whether the event of a number is part of the conversation as it stands, as far as that is known here."""
        return seq <= self.seq and not any(first <= seq <= last for first, last in self._off)

    def files(self) -> dict[str, Use]:
        """Return what was done to files, by path."""
        return {
            path: Use(weight, {op: n for op, n in times.items() if n > 0}, seq)
            for path, (weight, times, seq) in self._files.items()
            if weight > 0
        }

    # --- as bytes

    def to_bytes(self) -> bytes:
        """Return it as text, for a store's snapshot."""
        fields = {name: getattr(self, name) for name in self.__slots__} | {"_line": self._line.to_json()}
        return dumps({"schema": SCHEMA} | fields).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Return the outline of `to_bytes`. Raises DamagedError: it can be dropped, and made again."""
        try:
            found = loads(data)
            fits = found["schema"] == SCHEMA
            found["_line"] = Line.of(found["_line"])
            given = [found[name] for name in cls.__slots__]
        except (ValueError, KeyError, TypeError, RecursionError) as e:
            raise DamagedError("outline", str(e)) from e
        outline = cls()
        if not fits or any(type(v) is not type(getattr(outline, n)) for n, v in zip(cls.__slots__, given, strict=True)):
            raise DamagedError("outline", f"it is not of schema {SCHEMA}")
        for name, value in zip(cls.__slots__, given, strict=True):
            setattr(outline, name, value)
        return outline


def outlined(events: Iterable[Event], upto: int | None = None) -> Outline:
    """Return the outline of the active line of *events*, as far as *upto*, whatever turns the conversation took."""
    outline = Outline()
    events = list(events)
    found = tree(events).streams.get(MAIN)
    seen = [event for event in events if upto is None or event.seq <= upto]
    chain = found.chain(found.head) if found else []
    for event in sorted(chain, key=lambda event: event.seq):
        if upto is None or event.seq <= upto:
            outline.add(event)
    if seen:
        line = Line()
        nodes = [event for event in seen if event.stream == MAIN and is_node(event.kind)]
        line.end(nodes, {event.node for event in chain}, (found.head if found else None) or "")
        outline.end(seen[-1], line, _spans(nodes, {event.seq for event in chain}))
    return outline


def _spans(nodes: Iterable[Event], line: set[int]) -> list[list[int]]:
    """Return the spans of *nodes*, in the order of the log, none of which is of the *line*."""
    spans: list[list[int]] = []
    beside = False
    for event in nodes:
        if event.seq in line:
            beside = False
        elif beside:
            spans[-1][1] = event.seq
        else:
            beside = True
            spans.append([event.seq, event.seq])
    return spans


def ends(text: str, most: int) -> str:
    """Return *text*, or where it is longer than *most* characters its beginning and end."""
    if len(text) <= most:
        return text
    start, end = (_ENDS[0], _ENDS[1]) if most < 1_000 else (most * 2 // 3, most // 3 - 50)
    return f"{text[:start]}\n[... {len(text) - start - end:,} characters left out ...]\n{text[len(text) - end :]}"
