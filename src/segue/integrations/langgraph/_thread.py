"""A thread as it is followed: a cache of what its session's events say, never the truth."""

import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any, Final, NamedTuple, TypeVar

from segue.core.errors import DamagedError
from segue.core.log.events import Commit, Damage, Draft, Event
from segue.integrations.langgraph import _keeping
from segue.integrations.langgraph._fold import Fold, Stored, Value, event_of
from segue.integrations.langgraph._seen import Seen, seen
from segue.integrations.langgraph._shelf import SenselessError
from segue.integrations.langgraph._streams import stream
from segue.integrations.langgraph._values import Codec, Element, Packed, Typed, digest, is_list, loaded
from segue.ports import Store

T = TypeVar("T")

_EVERY: Final = 256
"""Events that are read before a snapshot is worth its while."""
_PART: Final = 8
"""Of a long thread, this part: reading an event takes about as long as keeping eight."""
_LISTS: Final = 8
"""How many lists are kept in memory element by element: the last one of each busy channel."""


class Made(NamedTuple):
    """Events to be appended, and what the serialiser made of the messages in them: of which objects, as they were."""

    drafts: Sequence[Draft]
    elements: Mapping[int, tuple[Typed, Seen | None]] = MappingProxyType({})


class Thread(Fold):
    """What is known of one thread's session. Hold `lock` to use it."""

    def __init__(self, session: str) -> None:
        """Begin knowing nothing."""
        super().__init__()
        self.session = session
        self.lock = threading.Lock()
        self._believes = True
        """Whether a snapshot is begun with; one was found that says nothing where it is not."""

    def begin(self) -> None:
        """Know nothing any more."""
        super().begin()
        self.damage: list[Damage] = []
        self._stamp = ""
        self._kept = 0
        self._lists: dict[Value, list[Element]] = {}
        self._listed = self.drops
        self._seen: dict[int, Seen] = {}
        """Of what objects messages were made that stand in no list yet."""

    # --- following the log

    def ask(self, store: Store, look: "Callable[[Thread], T]") -> T:
        """Return what *look* finds. Where a snapshot turns out to say nothing it is asked again, of what the log says."""
        try:
            return look(self)
        except SenselessError:
            self._disbelieve()
            self.catch_up(store)
            return look(self)

    def catch_up(self, store: Store) -> None:
        """Take in what is new in the session's log. Damaged places are kept in mind, not fatal for what is whole.

        What was much to read is kept as a snapshot, for whoever opens the thread anew.
        """
        try:
            self._catch_up(store)
        except SenselessError:
            self._disbelieve()
            self._catch_up(store)

    def _disbelieve(self) -> None:
        """Know nothing any more, and begin with the log itself from now on. What is kept of that takes the snapshot's place."""
        self._believes = False
        self.drops += 1
        self.begin()

    def _catch_up(self, store: Store) -> None:
        stamp = store.stamp(self.session)
        if stamp == self._stamp:
            return
        if not self.seq and self._believes and _keeping.recall(self, self.session, store):
            self._kept = self.seq
        while not self._follow(store):
            self.drops += 1
            self.begin()
        self.tidy()
        self._stamp = stamp
        if not self.damage and self.seq - self._kept >= max(_EVERY, self.seq // _PART):
            self._kept = self.seq
            _keeping.keep(self, self.session, store)

    def _follow(self, store: Store) -> bool:
        """Take in what is new; return whether all that was known before still holds."""
        for event in store.read(self.session, after=self.seq, on_damage=self.damage.append):
            if event.kind == "erased" and self.lost(event.body):
                return False
            self._take(event)
            self.seq, self.digest = event.seq, event.digest
        return True

    def take_own(self, made: Made, commit: Commit) -> None:
        """Take in what was just appended without reading it again, if nothing else came between."""
        if commit.head.seq != self.seq + len(made.drafts) or not all(entry.new for entry in commit.entries):
            return
        try:
            for n, (new, entry) in enumerate(zip(made.drafts, commit.entries, strict=True)):
                plain, seen = made.elements.get(n, (None, None))
                self.note(entry.seq, new.kind, new.body, new.source, new.stream, new.node or entry.id, plain)
                if seen is not None:
                    self._seen[entry.seq] = seen
            self.seq, self.digest = commit.head
            self.tidy()
        except SenselessError:
            self._disbelieve()

    def _take(self, event: Event) -> None:
        if not event.erased:
            self.note(event.seq, event.kind, event.body, event.source, event.stream, event.node)
        elif event.kind == "message":
            self.said[event.seq] = None

    # --- values

    def value(self, seq: int, channel: str, codec: Codec) -> Any:
        """Return the value of *channel* that event *seq* stored. What was erased of a list is left out of it.

        Raises:
            DamagedError: that event, or one that its list goes back to, could not be read.
        """
        spec = self._spec(seq, channel)
        if is_list(spec):
            return _wrapped(spec, self._list(seq, channel, codec))
        return codec.load(spec)

    def kept_value(self, spec: Packed, codec: Codec) -> Any:
        """Return a value that is described without any other, as histories have them."""
        if is_list(spec):
            return _wrapped(spec, loaded([self._element("", 0, item) for item in spec["items"]], codec, self.said.joined))
        return codec.load(spec)

    def base(self, ns: str, channel: str, before: Stored | None) -> int | None:
        """Return the event that stored the value of *channel* that a new one most likely goes on from."""
        for stored in (before, self.latest(ns), self.latest(ns.rpartition("|")[0])):
            if stored is not None and channel in stored.values:
                return stored.values[channel]
        return self.recent.get((ns, channel))

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
        chain, begun = self._chain(seq, channel)
        elements = self._lists[begun, channel] if begun else []
        for n, step in enumerate(chain):
            elements = self._step(elements, step, channel, partial(self._element, channel), ours=bool(n) or not begun)
        self._lists.pop((seq, channel), None)
        self._lists[seq, channel] = elements
        while len(self._lists) > _LISTS:
            del self._lists[next(iter(self._lists))]
        return elements

    def _list(self, seq: int, channel: str, codec: Codec) -> list[Any]:
        """Return a list's values. Elements are made for who compares them: of messages in a row none is needed."""
        places = self._places(seq, channel) if codec.joins else None
        values = codec.load_joined(len(places), self.said.joined(places)) if places else None
        if places is None or values is None:
            return loaded(self.elements(seq, channel), codec, self.said.joined)
        if codec.repeats:
            self._seen.update((at, made) for at, value in zip(places, values, strict=True) if (made := seen(value)))
        return values

    def _places(self, seq: int, channel: str) -> list[int] | None:
        """Return the events in which a list's elements stand, where nobody has them at hand and each has its own."""
        chain, begun = self._chain(seq, channel)
        places: list[int] = []
        try:
            for step in () if begun else chain:
                places = self._step(places, step, channel, event_of, ours=True)
        except KeyError:  # an element stands in the list's event
            return None
        return places or None

    def _chain(self, seq: int, channel: str) -> tuple[list[int], int]:
        """Return the events by which a list became what it is, and the one before them whose list is at hand, or 0."""
        if self._listed != self.drops:
            self._lists.clear()
            self._listed = self.drops
        chain: list[int] = []
        at: int | None = seq
        while at is not None and (at, channel) not in self._lists:
            chain.append(at)
            earlier = self._spec(at, channel).get("of")
            if earlier is not None and not earlier < at:
                raise self._damaged(at, channel)
            at = earlier
        return chain[::-1], at or 0

    def _step(self, base: list[T], seq: int, channel: str, make: Callable[[int, Packed], T], *, ours: bool) -> list[T]:
        """Return what an event makes of a list. One that is *ours* may change: most only grow, none is copied each time."""
        items, length, holder = self._spec(seq, channel)["items"], len(base), self.holder((seq, channel))
        found: list[T] = []
        if items and items[0] == [0, length]:
            found, items = base if ours else base.copy(), items[1:]
        for item in items:
            if isinstance(item, dict):
                found.append(make(holder, item))
                continue
            start, stop = item
            if not 0 <= start <= stop <= length:
                raise self._damaged(seq, channel)
            found += base[start:stop]
        return found

    def _element(self, channel: str, holder: int, item: Packed) -> Element:
        if "type" in item:
            return Element(item)
        at = event_of(holder, item)
        if self.said.is_kept(at):
            element = Element(None, at, recall=self.said.element)
        else:
            if at not in self.said:
                raise self._damaged(at, channel)
            said = self.said[at]
            if said is not None and said.element is None:
                raise self._damaged(at, channel)
            element = Element(None, at, said and said.element)
        element.seen = self._seen.pop(at, None)
        return element

    def _spec(self, seq: int, channel: str) -> Packed:
        try:
            return self.specs[seq, channel]
        except KeyError:
            raise self._damaged(seq, channel) from None

    def _damaged(self, seq: int, channel: str) -> DamagedError:
        reasons = "; ".join(sorted({d.reason for d in self.damage})) or "it is not there"
        return DamagedError(f"event {seq} of session {self.session!r}, which holds channel {channel!r}", reasons)


def draft(kind: str, ns: str, key: tuple[Any, ...], body: dict[str, Any]) -> Draft:
    """Return an event of a namespace; *key* is what makes it the same event when it comes again."""
    return Draft(kind, {"ns": ns, **body} if ns else body, actor="langgraph", stream=stream(ns), key=key_of(kind, ns, key))


def key_of(kind: str, ns: str, key: tuple[Any, ...]) -> str:
    """Return the idempotency key of what *key* names within a namespace."""
    return f"{kind}:{digest((kind, repr((ns, *key)).encode('utf-8', 'backslashreplace'))).hex()}"


def _wrapped(spec: Packed, values: list[Any]) -> Any:
    if spec.get("as") != SNAPSHOT:
        return values
    from langgraph.checkpoint.serde.types import _DeltaSnapshot

    return _DeltaSnapshot(values)


SNAPSHOT: Final = "delta-snapshot"
"""A list that stands in a channel as the whole of what else is only written as changes."""
