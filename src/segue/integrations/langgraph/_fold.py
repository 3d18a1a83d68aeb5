"""What a thread's events say, folded: its checkpoints, writes and messages."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from segue.core.log.events import Body
from segue.integrations.langgraph._record import Record
from segue.integrations.langgraph._said import MESSAGES, Said, recovered
from segue.integrations.langgraph._shelf import Shelf
from segue.integrations.langgraph._values import Packed, Typed

CHECKPOINT: Final = "langgraph.checkpoint"
WRITE: Final = "langgraph.write"
DROPPED: Final = "langgraph.dropped"

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


class Fold:
    """What is known of one thread, up to `seq`."""

    drops = 0
    """How often something was taken away: what was decided before holds while this is the same."""

    def __init__(self) -> None:
        """Begin knowing nothing."""
        self.begin()

    def begin(self) -> None:
        """Know nothing any more."""
        self.seq = 0
        self.digest = ""
        self.checkpoints: Shelf[Place, Stored] = Shelf()
        self.writes: Shelf[Place, dict[tuple[str, int], Write]] = Shelf()
        self.histories: dict[Place, tuple[int, dict[str, Any]]] = {}
        """Of checkpoints whose parents were dropped: what their channels without a value are rebuilt from, and the event."""
        self.hidden: set[Place] = set()
        """What was dropped: in a copy, what it shares with its source may hold it still."""
        self.said = Record()
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
        self.recent: dict[Place, int] = {}
        self._latest: dict[str, str] = {}
        self._untidy = False

    # --- taking in events

    def note(
        self, seq: int, kind: str, body: Body, source: Body | None, stream: str, node: str, element: Typed | None = None
    ) -> None:
        """Take in what an event says; *element* is the one that it holds, if that is known."""
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
            self.said[seq] = Said(element or recovered(body, source), stream, node)
        else:
            return
        self.events[seq] = kind

    def _checkpoint(self, seq: int, body: Body) -> None:
        place = body.get("ns", ""), body["checkpoint"]
        values = dict(body["same"])
        for channel, spec in body["values"].items():
            self.specs[seq, channel] = spec
            self.recent[place[0], channel] = values[channel] = seq
        self.hidden.discard(place)
        self.know(Stored(seq, *place, body["parent"], body["state"], body["metadata"], values))

    def know(self, stored: Stored) -> None:
        """Have a checkpoint, in the place of another one of the same id."""
        self.checkpoints[stored.place] = stored
        self._latest[stored.ns] = max(stored.id, self._latest.get(stored.ns, ""))

    def find_latest(self) -> None:
        """Look anew which checkpoint of each namespace is the latest."""
        self._latest = {}
        for ns, checkpoint in self.checkpoints:
            self._latest[ns] = max(checkpoint, self._latest.get(ns, ""))

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
        self.find_latest()
        self._untidy = True
        self.drops += 1

    def tidy(self) -> None:
        """Let go of values that nothing has any more. Only at the end of the log is it known which these are."""
        if self._untidy:
            live = self.live()
            self.specs = {value: self.specs[value] for value in live}
            self.moved = {value: at for value, at in self.moved.items() if value in live}
            self.recent = {place: at for place, at in self.recent.items() if (at, place[1]) in live}
            self._untidy = False

    def lost(self, body: Body) -> bool:
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


def dropped(body: Body, places: Collection[Place]) -> set[Place]:
    """Return those of *places* that a drop takes away: of a namespace those before a checkpoint, and those that it names."""
    before: Mapping[str, str] = body.get("before", {})
    named: Mapping[str, Sequence[str]] = body.get("checkpoints", {})
    return {(ns, name) for ns, name in places if name in named.get(ns, ()) or (ns in before and name < before[ns])}


def _elsewhere(spec: Packed, holder: int) -> Iterator[int]:
    """Yield the events in which elements of a list stand that *holder* describes."""
    for item in spec.get("items", ()):
        if isinstance(item, dict) and "type" not in item:
            yield event_of(holder, item)


def event_of(holder: int, item: Packed) -> int:
    """Return the event in which an element stands that *holder* refers to."""
    at: int = item["at"] if "at" in item else holder + item["ahead"]
    return at
