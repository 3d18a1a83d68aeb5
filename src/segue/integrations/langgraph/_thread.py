"""A thread's checkpoints, folded from its session's events: a cache that follows the log, never the truth."""

import threading
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from segue.core.errors import DamagedError
from segue.core.log.events import MAIN, Body, Commit, Damage, Draft, Event
from segue.integrations.langgraph._values import Codec, Element, Packed, describe, digest, is_list
from segue.ports import Store

CHECKPOINT: Final = "langgraph.checkpoint"
WRITE: Final = "langgraph.write"

_STREAM_NAME = 512
_LISTS = 8
"""How many lists are kept in memory element by element: the last one of each busy channel."""

Place = tuple[str, str]
"""A checkpoint's namespace and id."""


class Stored(NamedTuple):
    """A checkpoint as it was stored. `values` says by which event each channel's value was stored."""

    seq: int
    ns: str
    id: str
    parent: str | None
    state: Packed
    metadata: Packed
    values: dict[str, int]


class Write(NamedTuple):
    """A pending write. Its order within its checkpoint is (path, task, idx)."""

    path: str
    task: str
    idx: int
    channel: str
    value: Packed


class Thread:
    """What is known of one thread's session, up to `seq`. Hold `lock` to use it."""

    def __init__(self, session: str) -> None:
        """Begin knowing nothing."""
        self.session = session
        self.lock = threading.Lock()
        self.seq = 0
        self.checkpoints: dict[Place, Stored] = {}
        self.writes: dict[Place, dict[tuple[str, int], Write]] = {}
        self.damage: list[Damage] = []
        self._stamp = ""
        self._values: dict[tuple[int, str], Packed] = {}
        self._lists: dict[tuple[int, str], list[Element]] = {}

    def catch_up(self, store: Store) -> None:
        """Take in what is new in the session's log. Damaged places are kept in mind, not fatal for what is whole."""
        stamp = store.stamp(self.session)
        if stamp == self._stamp:
            return
        for event in store.read(self.session, after=self.seq, on_damage=self.damage.append):
            self._take(event)
            self.seq = event.seq
        self._stamp = stamp

    def take_own(self, drafts: Sequence[Draft], commit: Commit) -> None:
        """Take in what was just appended without reading it again, if nothing else came between."""
        if commit.head.seq != self.seq + len(drafts) or not all(entry.new for entry in commit.entries):
            return
        for new, entry in zip(drafts, commit.entries, strict=True):
            self._note(entry.seq, new.kind, new.body)
        self.seq = commit.head.seq

    def _take(self, event: Event) -> None:
        if not event.erased:
            self._note(event.seq, event.kind, event.body)

    def _note(self, seq: int, kind: str, body: Body) -> None:
        if kind not in {CHECKPOINT, WRITE}:
            return
        place = body.get("ns", ""), body["checkpoint"]
        if kind == WRITE:
            write = Write(body["path"], body["task"], body["idx"], body["channel"], body["value"])
            self.writes.setdefault(place, {})[write.task, write.idx] = write
            return
        values = dict(body["same"])
        for channel, spec in body["values"].items():
            self._values[seq, channel] = spec
            values[channel] = seq
        self.checkpoints[place] = Stored(seq, *place, body["parent"], body["state"], body["metadata"], values)

    def latest(self, ns: str) -> Stored | None:
        """Return the checkpoint of a namespace with the greatest id."""
        ids = [checkpoint for n, checkpoint in self.checkpoints if n == ns]
        return self.checkpoints[ns, max(ids)] if ids else None

    def pending(self, place: Place) -> list[Write]:
        """Return a checkpoint's writes in the order in which they are to be applied."""
        return sorted(self.writes.get(place, {}).values())

    def value(self, seq: int, channel: str, codec: Codec) -> Any:
        """Return the value of *channel* that event *seq* stored.

        Raises:
            DamagedError: that event, or one that its list goes back to, could not be read.
        """
        spec = self._spec(seq, channel)
        if is_list(spec):
            return [codec.load(e.packed) for e in self._elements(seq, channel)]
        return codec.load(spec)

    def describe(self, channel: str, value: Any, base: int | None, codec: Codec) -> Packed:
        """Return what is to be stored for *value*, given the event that stored the channel's value before."""
        if type(value) is not list:
            return codec.pack(value)
        spec = None if base is None else self._values.get((base, channel))
        if base is None or spec is None or not is_list(spec):
            return describe(value, (), None, codec)
        return describe(value, self._elements(base, channel), base, codec)

    def _spec(self, seq: int, channel: str) -> Packed:
        try:
            return self._values[seq, channel]
        except KeyError:
            raise self._damaged(seq, channel) from None

    def _elements(self, seq: int, channel: str) -> list[Element]:
        """Return a list element by element: from the event where it began, or from one that is at hand, forward."""
        chain: list[int] = []
        at: int | None = seq
        while at is not None and (at, channel) not in self._lists:
            chain.append(at)
            earlier = self._spec(at, channel).get("of")
            if earlier is not None and not earlier < at:
                raise self._damaged(at, channel)
            at = earlier
        elements = [] if at is None else self._lists[at, channel]
        for step in reversed(chain):
            elements = list(self._step(elements, step, channel))
        self._lists.pop((seq, channel), None)
        self._lists[seq, channel] = elements
        while len(self._lists) > _LISTS:
            del self._lists[next(iter(self._lists))]
        return elements

    def _step(self, base: list[Element], seq: int, channel: str) -> Iterator[Element]:
        for item in self._spec(seq, channel)["items"]:
            if isinstance(item, dict):
                yield Element(item)
            else:
                start, stop = item
                if not 0 <= start <= stop <= len(base):
                    raise self._damaged(seq, channel)
                yield from base[start:stop]

    def _damaged(self, seq: int, channel: str) -> DamagedError:
        reasons = "; ".join(sorted({d.reason for d in self.damage})) or "it is not there"
        return DamagedError(f"event {seq} of session {self.session!r}, which holds channel {channel!r}", reasons)


def stream(ns: str) -> str:
    """Return the stream of a namespace: its name where a stream can have it."""
    if not ns:
        return MAIN
    if len(ns) > _STREAM_NAME or not ns.isprintable() or ns == MAIN:
        return f"ns#{digest(('ns', ns.encode('utf-8', 'surrogatepass'))).hex()}"
    return ns


def draft(kind: str, ns: str, key: tuple[Any, ...], body: dict[str, Any]) -> Draft:
    """Return an event of a namespace; *key* is what makes it the same event when it comes again."""
    name = digest((kind, repr((ns, *key)).encode("utf-8", "backslashreplace"))).hex()
    return Draft(
        kind,
        {"ns": ns, **body} if ns else body,
        actor="langgraph",
        stream=stream(ns),
        key=f"{kind}:{name}",
    )
