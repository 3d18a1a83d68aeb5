"""From records to messages: what belongs together is joined, and every call gets its answer.

Agents write one message of the model as several records, answers of parallel calls where they come, and nothing where they
were killed. A provider takes a message whole, its calls' answers right behind it, each call answered once.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from segue.core.context.items import plain
from segue.core.log.events import Event
from segue.core.together.conversation import Fate
from segue.core.together.counting import MEDIA, Tally, media_within, parts_of, what_of

INTERRUPTED: Final = "[segue: interrupted before it answered]"
ORPHAN: Final = "[segue: a tool's answer; its call is not in the log]\n"


class Bit(NamedTuple):
    """A part on its way, and what became of it so far."""

    part: Mapping[str, Any]
    fate: Fate = "kept"
    why: str = ""
    what: str = ""
    """The kind of thing that it was, where that is not the part's own."""
    agent: str = ""
    """Whose tools it names."""


class Call:
    """A call of a tool, and its answer as soon as that is known."""

    __slots__ = ("answer", "bit", "order")

    def __init__(self, bit: Bit, order: int) -> None:
        """Begin unanswered; *order* is that of its record in the conversation."""
        self.bit = bit
        self.order = order
        self.answer: Bit | None = None


class Entry:
    """A message with the calls that it makes."""

    __slots__ = ("at", "bits", "calls", "message_id", "model", "node", "place", "role", "usage")

    def __init__(self, role: str, event: Event, place: int) -> None:
        """Begin with no part; *place* is that of its first record in the conversation."""
        self.role = role
        self.at = event.at
        self.node = event.node
        self.place = place
        self.bits: list[Bit | Call] = []
        self.calls: list[Call] = []
        self.message_id = ""
        self.model = ""
        self.usage: Mapping[str, Any] | None = None

    def learn(self, event: Event) -> None:
        """Take from a further record of the message what it tells: of its usage, the last one counts."""
        body = event.body
        self.node = event.node
        self.message_id = _text(body.get("message_id")) or self.message_id
        self.model = _text(body.get("model")) or self.model
        if isinstance(body.get("usage"), Mapping):
            self.usage = body["usage"]


def messages(chain: Iterable[Event], agent: str, tally: Tally) -> list[Entry]:
    """Return the messages of a conversation's line, every call with its answer where there is one.

    What is no message, and what an agent's own program put in, is counted in *tally* and left out. *agent* is whose tools the
    calls name where the event does not say.
    """
    pairing = _Pairing(agent, tally)
    for place, event in enumerate(chain):
        pairing.take(event, place)
    pairing.join()
    return [entry for entry in pairing.entries if entry.bits]


class _Pairing:
    def __init__(self, agent: str, tally: Tally) -> None:
        self.entries: list[Entry] = []
        self._agent = agent
        self._tally = tally
        self._said: Entry | None = None
        """The model's last message."""
        self._open = False
        """Whether nothing came after it."""
        self._calls: dict[str, list[Call]] = {}
        self._unnamed: list[Call] = []
        """Calls of the model's last message, in their order."""
        self._answers: list[tuple[Bit, Entry, int]] = []

    def take(self, event: Event, place: int) -> None:
        """Take the next event of the line."""
        if event.kind != "message":
            if event.kind != "compaction":  # of which the caller knows what became
                self._tally.event(event, "dropped", "no part of what was said")
            return
        parts = parts_of(event)
        if event.erased or not parts:
            self._tally.event(event, "dropped", "erased" if event.erased else "it says nothing")
            return
        role = event.body.get("role")
        if role == "assistant":
            self._model(event, place, parts)
        else:
            self._others(event, place, parts, "system" if role in ("system", "developer") else "user")

    def _model(self, event: Event, place: int, parts: list[Mapping[str, Any]]) -> None:
        if event.body.get("meta") is True:
            self._meta(parts)
            return
        same = self._said is not None and self._said.message_id and self._said.message_id == event.body.get("message_id")
        if self._said is None or not (self._open or same):
            self._said = Entry("assistant", event, place)
            self.entries.append(self._said)
            self._unnamed = []
        self._open = True
        self._said.learn(event)
        for part in parts:
            if part.get("type") == "tool_call":
                self._call(self._said, Bit(part, agent=_agent(event) or self._agent), place)
            elif part.get("type") == "tool_call_response":
                self._answer(event, place, part)
            else:
                self._said.bits.append(Bit(part))

    def _others(self, event: Event, place: int, parts: list[Mapping[str, Any]], role: str) -> None:
        meta = event.body.get("meta") is True
        entry: Entry | None = None
        for part in parts:
            if part.get("type") == "tool_call_response":
                self._answer(event, place, part)
            elif meta:
                self._meta([part])
            else:
                if entry is None:
                    entry = Entry(role, event, place)
                    self.entries.append(entry)
                    self._open = False
                if part.get("type") == "tool_call":  # nobody but the model calls: it is told of
                    entry.bits.append(Bit(_told(part), "folded", "a call that the model did not make", "tool_call"))
                else:
                    entry.bits.append(Bit(part))

    def _meta(self, parts: list[Mapping[str, Any]]) -> None:
        for part in parts:
            for what in (what_of(part), *map(what_of, media_within(part))):
                self._tally.add(what, "dropped", "put in by the agent's own program")

    def _call(self, entry: Entry, bit: Bit, place: int) -> None:
        call = Call(bit, place)
        entry.bits.append(call)
        entry.calls.append(call)
        self._unnamed.append(call)
        if identity := _text(bit.part.get("id")):
            self._calls.setdefault(identity, []).append(call)

    def _answer(self, event: Event, place: int, part: Mapping[str, Any]) -> None:
        """Keep an answer until all calls are known; where it comes, a further message may begin."""
        self._open = False
        entry = Entry("user", event, place)  # its place, should its call not be there
        self.entries.append(entry)
        bit = Bit(part)
        identity = _text(part.get("id"))
        if not identity and (call := next((c for c in self._unnamed if c.answer is None), None)) is not None:
            call.answer = bit
        else:
            self._answers.append((bit, entry, place))

    def join(self) -> None:
        """Give each call its answer: the last call of that id before it, else the first one behind."""
        for bit, entry, place in self._answers:
            calls = self._calls.get(_text(bit.part.get("id")), [])
            free = [c for c in calls if c.answer is None]
            before = [c for c in free if c.order <= place]
            call = before[-1] if before else free[0] if free else None
            if call is not None:
                call.answer = bit
            elif any(c.answer is not None and c.answer.part == bit.part for c in calls):
                for what in (what_of(bit.part), *map(what_of, media_within(bit.part))):
                    self._tally.add(what, "dropped", "the same answer came before")
            else:
                why = "its call was answered before" if calls else "its call is not in the log"
                text = {"type": "text", "content": ORPHAN + answer_text(bit.part.get("response"))}
                entry.bits.append(Bit(text, "folded", why, "tool_call_response"))
                for inner in media_within(bit.part):
                    entry.bits.append(Bit(inner))


def answer_text(response: Any) -> str:
    """Return what a tool answered as text, the media in it left out."""
    if isinstance(response, list):
        return "\n".join(answer_text(item) for item in response if not (isinstance(item, Mapping) and item.get("type") in MEDIA))
    return plain(response)


def _told(part: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "text", "content": f"[segue: a call of {plain(part.get('name'))}: {plain(part.get('arguments'))}]"}


def _agent(event: Event) -> str:
    return _text((event.source or {}).get("agent"))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
