"""What a checkpoint becomes in the log: one event with the values that changed, and one for each message that is new in it."""

from collections.abc import Collection, Sequence
from typing import Any, Final

from langgraph.checkpoint.serde.types import _DeltaSnapshot

from segue.core.log.events import ABSENT, Draft
from segue.integrations.langgraph import _said
from segue.integrations.langgraph._describing import describe
from segue.integrations.langgraph._fold import CHECKPOINT, Stored
from segue.integrations.langgraph._seen import Seen
from segue.integrations.langgraph._streams import stream
from segue.integrations.langgraph._thread import SNAPSHOT, Made, Thread, draft, key_of
from segue.integrations.langgraph._values import Codec, Element, Packed, Typed

_UNNAMED: Final = ""


class Put:
    """One checkpoint being described, given what its thread is known to hold."""

    def __init__(self, thread: Thread, ns: str, checkpoint: str, codec: Codec) -> None:
        """Begin with nothing."""
        self._thread, self._ns, self._checkpoint, self._codec = thread, ns, checkpoint, codec
        self._begins = False
        self._messages: list[Draft] = []
        self._elements: dict[int, tuple[Typed, Seen | None]] = {}
        self._tips: dict[str, str | None] = {}
        self._owners = dict(thread.owners)
        self._known: set[tuple[str, str]] = set()

    def drafts(self, before: Stored | None, changed: dict[str, Any], written: Collection[str], body: dict[str, Any]) -> Made:
        """Return the events, and what the serialiser made of the messages in them.

        Args:
            before: the parent.
            changed: the values to be stored.
            written: the channels that have a new version.
            body: what else the checkpoint's event says.
        """
        self._begins = body["parent"] is None
        told = self._say_writes(before, changed, written) if self._codec.readable and before else set()
        values = {channel: self._value(channel, value, before, told) for channel, value in changed.items()}
        body = {**body, "values": values}
        return Made([draft(CHECKPOINT, self._ns, (self._checkpoint,), body), *self._messages], self._elements)

    def _value(self, channel: str, value: Any, before: Stored | None, told: set[str]) -> Packed:
        if self._varies(value.value if type(value) is _DeltaSnapshot else value):
            return self._codec.pack(value)
        if type(value) is list:
            return self._list(channel, value, before, says=True)
        if type(value) is _DeltaSnapshot and type(value.value) is list:
            return {**self._list(channel, value.value, before, says=channel not in told), "as": SNAPSHOT}
        return self._codec.pack(value)

    def _varies(self, value: Any) -> bool:
        """Return whether a list has no elements that could be shared, since the serialiser makes other bytes of them each time.

        One that encrypts does. Then the list is one value: no more of it shows than how long it is.
        """
        if self._codec.repeats or type(value) is not list or not value:
            return False
        return self._codec.dumps(value[0]) != self._codec.dumps(value[0])

    def _list(self, channel: str, values: Sequence[Any], before: Stored | None, *, says: bool) -> Packed:
        at, base = self._thread.list_base(self._thread.base(self._ns, channel, before), channel)
        if not (says and self._codec.readable):
            return describe(values, base, at, self._codec)

        begins = self._begins if before is None else not before.values.get(channel)  # nothing was said before it

        def keep(i: int, plain: Typed, seen: Seen | None, last: Element | None) -> Packed | None:
            if not _said.is_said(values[i]):
                return None
            if not i:
                last = None if begins else next(reversed(base), None)
            self._say(channel, values[i], plain, self._node(last), new=begins and not i)
            self._elements[len(self._messages)] = plain, seen
            return {"ahead": len(self._messages)}

        return describe(values, base, at, self._codec, keep)

    def _say_writes(self, before: Stored, changed: dict[str, Any], written: Collection[str]) -> set[str]:
        """Say what was written to channels that store their changes only; return these."""
        found = set()
        for write in self._thread.pending(before.place):
            name = write.channel
            if name in written and not reserved(name) and type(changed.get(name)) in {type(None), _DeltaSnapshot}:
                value = self._codec.load(write.value)
                for message in value if isinstance(value, list) else [value]:
                    if _said.is_said(message):
                        found.add(name)
                        self._say(name, message, None, None)
        return found

    def _say(self, channel: str, message: Any, plain: Typed | None, follows: str | None, *, new: bool = False) -> None:
        """Note a message that follows the node *follows*, the stream's last one where None, or none where it is *new*."""
        place = self._stream(channel)
        tip = self._tips.get(place, self._thread.tips.get(place))
        parent: str | None = ABSENT
        if follows is not None and follows != tip and self._is_known(place, follows):
            parent = follows
        elif new and tip is not None:
            parent = None
        key = key_of("langgraph.message", self._ns, (self._checkpoint, len(self._messages)))
        said = _said.draft(message, plain, channel=channel, stream=place, key=key, parent=parent)
        self._messages.append(said)
        if said.node is None:
            self._tips[place] = _UNNAMED
        elif not self._is_known(place, said.node):
            self._known.add((place, said.node))
            self._tips[place] = said.node

    def _stream(self, channel: str) -> str:
        """Return the stream of a channel's messages: its namespace's, where that is not another channel's."""
        place = stream(self._ns)
        if channel in {_said.MESSAGES, self._owners.setdefault(place, channel)}:
            return place
        return stream(f"{self._ns}#{channel}")

    def _is_known(self, place: str, node: str) -> bool:
        return (place, node) in self._known or (place, node) in self._thread.nodes

    def _node(self, element: Element | None) -> str | None:
        said = self._thread.said.get(element.at) if element and element.at is not None else None
        return said.node if said else None


def reserved(channel: str) -> bool:
    """Return whether a channel is the framework's own, and no part of a graph's state."""
    return channel.startswith(("__", "branch:"))
