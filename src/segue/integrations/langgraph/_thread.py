"""A thread's checkpoints, folded from its session's events: a cache that follows the log, never the truth."""

import threading
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from segue.core.errors import DamagedError
from segue.core.log.events import MAIN, Body, Commit, Damage, Draft, Event
from segue.integrations.langgraph._said import MESSAGES, Said, recovered
from segue.integrations.langgraph._seen import seen
from segue.integrations.langgraph._values import Codec, Element, Packed, digest, is_list
from segue.ports import Store

CHECKPOINT: Final = "langgraph.checkpoint"
WRITE: Final = "langgraph.write"
DROPPED: Final = "langgraph.dropped"

_STREAM_NAME = 512
_LISTS = 8
"""How many lists are kept in memory element by element: the last one of each busy channel."""

Place = tuple[str, str]
"""A checkpoint's namespace and id."""
Value = tuple[int, str]
"""The event by which a channel's value was stored, and the channel."""


class Stored(NamedTuple):
    """A checkpoint as it was stored. `values` says by which event each channel's value was stored."""

    seq: int
    ns: str
    id: str
    parent: str | None
    state: Packed
    metadata: Packed
    values: dict[str, int]

    @property
    def place(self) -> Place:
        """Its namespace and id."""
        return self.ns, self.id


class Write(NamedTuple):
    """A pending write. Its order within its checkpoint is (path, task, idx)."""

    path: str
    task: str
    idx: int
    channel: str
    value: Packed
    seq: int


class Thread:
    """What is known of one thread's session, up to `seq`. Hold `lock` to use it."""

    def __init__(self, session: str) -> None:
        """Begin knowing nothing."""
        self.session = session
        self.lock = threading.Lock()
        self.drops = 0
        """How often something was taken away: what was decided before holds while this is the same."""
        self._begin()

    def _begin(self) -> None:
        self.seq = 0
        self.checkpoints: dict[Place, Stored] = {}
        self.writes: dict[Place, dict[tuple[str, int], Write]] = {}
        self.histories: dict[Place, tuple[int, dict[str, Any]]] = {}
        """Of checkpoints whose parents were dropped: what their channels without a value are rebuilt from, and the event."""
        self.hidden: set[Place] = set()
        """What was dropped: in a copy, what it shares with its source may hold it still."""
        self.said: dict[int, Said | None] = {}
        """Messages, by event; None for one that was erased."""
        self.tips: dict[str, str] = {}
        """The last node of each stream's conversation."""
        self.nodes: set[tuple[str, str]] = set()
        self.owners: dict[str, str] = {}
        """The channel whose messages a stream's conversation is."""
        self.specs: dict[Value, Packed] = {}
        self.moved: dict[Value, int] = {}
        """Values that another event holds than the one that stored them."""
        self.events: dict[int, str] = {}
        """The kinds of all events of ours that were not erased."""
        self.damage: list[Damage] = []
        self._recent: dict[Place, int] = {}
        self._latest: dict[str, str] = {}
        self._stamp = ""
        self._untidy = False
        self._lists: dict[Value, list[Element]] = {}

    # --- following the log

    def catch_up(self, store: Store) -> None:
        """Take in what is new in the session's log. Damaged places are kept in mind, not fatal for what is whole."""
        stamp = store.stamp(self.session)
        if stamp == self._stamp:
            return None
        for event in store.read(self.session, after=self.seq, on_damage=self.damage.append):
            if event.kind == "erased" and self._lost(event.body):
                self.drops += 1
                self._begin()
                return self.catch_up(store)
            self._take(event)
            self.seq = event.seq
        self._tidy()
        self._stamp = stamp
        return None

    def take_own(self, drafts: Sequence[Draft], commit: Commit) -> None:
        """Take in what was just appended without reading it again, if nothing else came between."""
        if commit.head.seq != self.seq + len(drafts) or not all(entry.new for entry in commit.entries):
            return
        for new, entry in zip(drafts, commit.entries, strict=True):
            self._note(entry.seq, new.kind, new.body, new.source, new.stream, new.node or entry.id)
        self.seq = commit.head.seq
        self._tidy()

    def _take(self, event: Event) -> None:
        if not event.erased:
            self._note(event.seq, event.kind, event.body, event.source, event.stream, event.node)
        elif event.kind == "message":
            self.said[event.seq] = None

    def _note(self, seq: int, kind: str, body: Body, source: Body | None, stream: str, node: str) -> None:
        if kind == CHECKPOINT:
            self._checkpoint(seq, body)
        elif kind == WRITE:
            write = Write(body["path"], body["task"], body["idx"], body["channel"], body["value"], seq)
            self.writes.setdefault((body.get("ns", ""), body["checkpoint"]), {})[write.task, write.idx] = write
        elif kind == DROPPED:
            self._drop(seq, body)
        elif kind == "message":
            if (stream, node) not in self.nodes:
                self.nodes.add((stream, node))
                self.tips[stream] = node
            if (source or {}).get("agent") != "langgraph":
                return
            self.owners.setdefault(stream, (source or {}).get("channel", MESSAGES))
            self.said[seq] = Said(recovered(body, source), stream, node)
        else:
            return
        self.events[seq] = kind

    def _checkpoint(self, seq: int, body: Body) -> None:
        place = body.get("ns", ""), body["checkpoint"]
        values = dict(body["same"])
        for channel, spec in body["values"].items():
            self.specs[seq, channel] = spec
            self._recent[place[0], channel] = values[channel] = seq
        self.hidden.discard(place)
        self.checkpoints[place] = Stored(seq, *place, body["parent"], body["state"], body["metadata"], values)
        self._latest[place[0]] = max(place[1], self._latest.get(place[0], ""))

    def _drop(self, seq: int, body: Body) -> None:
        for at, channel, spec in body["values"]:
            self.specs[at, channel] = spec
            self.moved[at, channel] = seq
        gone = dropped(body, {*self.checkpoints, *self.writes})
        self.hidden |= gone
        for place in gone:
            for kept in (self.checkpoints, self.writes, self.histories):
                kept.pop(place, None)
        for ns, checkpoint, history in body["histories"]:
            self.histories[ns, checkpoint] = seq, history
        self._latest = {}
        for ns, checkpoint in self.checkpoints:
            self._latest[ns] = max(checkpoint, self._latest.get(ns, ""))
        self._lists.clear()
        self._untidy = True
        self.drops += 1

    def _tidy(self) -> None:
        """Let go of values that nothing has any more. Only at the end of the log is it known which these are."""
        if self._untidy:
            live = self.live()
            self.specs = {value: self.specs[value] for value in live}
            self.moved = {value: at for value, at in self.moved.items() if value in live}
            self._recent = {place: at for place, at in self._recent.items() if (at, place[1]) in live}
            self._untidy = False

    def _lost(self, body: Body) -> bool:
        """Return whether an erasure took something away that is known here as it was, and needed."""
        lost = {seq for first, last in body.get("seqs", ()) for seq in range(first, last + 1) if seq in self.events}
        needed = bool(lost) and not lost.isdisjoint(self.kept())
        for seq in lost:
            del self.events[seq]
        return needed

    # --- what is there

    def latest(self, ns: str) -> Stored | None:
        """Return the checkpoint of a namespace with the greatest id."""
        return self.checkpoints[ns, self._latest[ns]] if ns in self._latest else None

    def pending(self, place: Place) -> list[Write]:
        """Return a checkpoint's writes in the order in which they are to be applied."""
        return sorted(self.writes.get(place, {}).values())

    def holder(self, value: Value) -> int:
        """Return the event that holds a value."""
        return self.moved.get(value, value[0])

    def live(self) -> set[Value]:
        """Return the values that the checkpoints have, and those that these are described by."""
        found: set[Value] = set()
        for stored in self.checkpoints.values():
            for channel, seq in stored.values.items():
                at: int | None = seq
                while at is not None and (at, channel) not in found and (at, channel) in self.specs:
                    found.add((at, channel))
                    at = self.specs[at, channel].get("of")
        return found

    def messages(self, values: Iterable[Value]) -> set[int]:
        """Return the events in which elements of *values* stand."""
        return {at for value in values for at in _elsewhere(self.specs[value], self.holder(value))}

    def kept(self) -> set[int]:
        """Return the events without which something that is there could not be read."""
        live = self.live()
        return {
            *(stored.seq for stored in self.checkpoints.values()),
            *(write.seq for writes in self.writes.values() for write in writes.values()),
            *map(self.holder, live),
            *self.messages(live),
            *(seq for seq, _ in self.histories.values()),
            *(at for _, past in self.histories.values() for one in past.values() for at in _elsewhere(one.get("seed", {}), 0)),
        }

    # --- values

    def value(self, seq: int, channel: str, codec: Codec) -> Any:
        """Return the value of *channel* that event *seq* stored. What was erased of a list is left out of it.

        Raises:
            DamagedError: that event, or one that its list goes back to, could not be read.
        """
        spec = self._spec(seq, channel)
        if is_list(spec):
            return _wrapped(spec, [_loaded(e, codec) for e in self.elements(seq, channel) if e.packed is not None])
        return codec.load(spec)

    def kept_value(self, spec: Packed, codec: Codec) -> Any:
        """Return a value that is described without any other, as histories have them."""
        if is_list(spec):
            found = [self._element(item, 0, "") for item in spec["items"]]
            return _wrapped(spec, [_loaded(e, codec) for e in found if e.packed is not None])
        return codec.load(spec)

    def base(self, ns: str, channel: str, before: Stored | None) -> int | None:
        """Return the event that stored the value of *channel* that a new one most likely goes on from."""
        for stored in (before, self.latest(ns), self.latest(ns.rpartition("|")[0])):
            if stored is not None and channel in stored.values:
                return stored.values[channel]
        return self._recent.get((ns, channel))

    def list_base(self, seq: int | None, channel: str) -> tuple[int | None, list[Element]]:
        """Return that event and its list element by element, if it stored one that can be read."""
        spec = None if seq is None else self.specs.get((seq, channel))
        if seq is None or spec is None or not is_list(spec):
            return None, []
        try:
            return seq, self.elements(seq, channel)
        except DamagedError:
            return None, []

    def elements(self, seq: int, channel: str) -> list[Element]:
        """Return a list element by element: from the event where it began, or from one that is at hand, forward.

        Raises:
            DamagedError: an event that it goes back to could not be read.
        """
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
                yield self._element(item, seq, channel)
            else:
                start, stop = item
                if not 0 <= start <= stop <= len(base):
                    raise self._damaged(seq, channel)
                yield from base[start:stop]

    def _element(self, item: Packed, seq: int, channel: str) -> Element:
        if "type" in item:
            return Element(item)
        at = _event_of(self.holder((seq, channel)), item)
        if at not in self.said:
            raise self._damaged(at, channel)
        said = self.said[at]
        return Element(said and said.packed, at)

    def _spec(self, seq: int, channel: str) -> Packed:
        try:
            return self.specs[seq, channel]
        except KeyError:
            raise self._damaged(seq, channel) from None

    def _damaged(self, seq: int, channel: str) -> DamagedError:
        reasons = "; ".join(sorted({d.reason for d in self.damage})) or "it is not there"
        return DamagedError(f"event {seq} of session {self.session!r}, which holds channel {channel!r}", reasons)


def dropped(body: Body, places: Collection[Place]) -> set[Place]:
    """Return those of *places* that a drop takes away: of a namespace those before a checkpoint, and those that it names."""
    before: Mapping[str, str] = body.get("before", {})
    named: Mapping[str, Sequence[str]] = body.get("checkpoints", {})
    return {(ns, name) for ns, name in places if name in named.get(ns, ()) or (ns in before and name < before[ns])}


def stream(ns: str) -> str:
    """Return the stream of a namespace: its name where a stream can have it."""
    if not ns:
        return MAIN
    if len(ns) > _STREAM_NAME or not ns.isprintable() or ns == MAIN:
        return f"ns#{digest(('ns', ns.encode('utf-8', 'surrogatepass'))).hex()}"
    return ns


def draft(kind: str, ns: str, key: tuple[Any, ...], body: dict[str, Any]) -> Draft:
    """Return an event of a namespace; *key* is what makes it the same event when it comes again."""
    return Draft(kind, {"ns": ns, **body} if ns else body, actor="langgraph", stream=stream(ns), key=key_of(kind, ns, key))


def key_of(kind: str, ns: str, key: tuple[Any, ...]) -> str:
    """Return the idempotency key of what *key* names within a namespace."""
    return f"{kind}:{digest((kind, repr((ns, *key)).encode('utf-8', 'backslashreplace'))).hex()}"


def _elsewhere(spec: Packed, holder: int) -> Iterator[int]:
    """Yield the events in which elements of a list stand that *holder* describes."""
    for item in spec.get("items", ()):
        if isinstance(item, dict) and "type" not in item:
            yield _event_of(holder, item)


def _event_of(holder: int, item: Packed) -> int:
    at: int = item["at"] if "at" in item else holder + item["ahead"]
    return at


def _loaded(element: Element, codec: Codec) -> Any:
    value = codec.load(element.packed or {})
    if codec.repeats:
        element.seen = seen(value)
    return value


def _wrapped(spec: Packed, values: list[Any]) -> Any:
    if spec.get("as") != SNAPSHOT:
        return values
    from langgraph.checkpoint.serde.types import _DeltaSnapshot

    return _DeltaSnapshot(values)


SNAPSHOT: Final = "delta-snapshot"
"""A list that stands in a channel as the whole of what else is only written as changes."""
