"""A message's parts in the form that the target takes, and what became of each."""

import re
from collections.abc import Callable, Mapping
from json import dumps
from typing import Any, Final, Literal, NamedTuple

from segue.core.context.items import plain
from segue.core.together.conversation import Accepts, Fate, ToolChoice, Turn
from segue.core.together.counting import MEDIA, media_within, modality_of, what_of
from segue.core.together.pairing import INTERRUPTED, Bit, Call, Entry, answer_text
from segue.core.together.tools import map_call

ReasoningChoice = Literal["drop", "text"]
Part = Mapping[str, Any]

_NOT_NAME: Final = re.compile(r"[^A-Za-z0-9_-]")
_DATA_URL: Final = re.compile(r"data:([\w.+-]+/[\w.+-]+);base64,")
_NAME_LIMIT: Final = 64
"""Characters of a tool's name or a call's id that every provider takes."""


class Shape(NamedTuple):
    """What the target is and takes, as the caller chose."""

    agent: str
    accepts: Accepts
    tools: ToolChoice
    reasoning: ReasoningChoice | None
    """None: kept where the target takes it, else left out."""
    rewrite: Callable[[str], str]
    """Gives a text its paths in the new workspace."""


class Fated(NamedTuple):
    """One thing and what became of it."""

    what: str
    fate: Fate
    why: str = ""


class Made(NamedTuple):
    """A turn, what became of the things that it is made from, and the place of its first record in the conversation."""

    turn: Turn
    fates: tuple[Fated, ...]
    place: int


class Shaper:
    """Makes the turns of one conversation. Ids of calls are unique within it."""

    def __init__(self, shape: Shape) -> None:
        """Begin before the first message."""
        self._shape = shape
        self._ids: set[str] = set()
        self._number = 0
        self._fates: list[Fated] = []

    def turns(self, entry: Entry) -> list[Made]:
        """Return *entry* as turns: the message, and the answers to its calls. None where nothing of it is carried over.

        What became of a message of which no turn is left is with the turn that follows it: see `leftover`.
        """
        as_text = self._shape.tools == "text"
        said: list[Part] = []
        for bit in entry.bits:
            if not isinstance(bit, Call):
                said += self._part(bit)
            else:
                said.append(self._call_text(bit) if as_text else self._call(bit))
        role = "user" if entry.role == "system" and not self._shape.accepts.system else entry.role
        found = [self._made(role, said, entry)] if said else []
        if entry.calls and as_text:
            found.append(self._made("user", [part for call in entry.calls for part in self._answer_text(call)], entry))
        elif entry.calls:
            calls = (part["id"] for part in said if part["type"] == "tool_call")
            found.append(self._made("tool", list(map(self._answer, entry.calls, calls)), entry))
        return found

    def leftover(self) -> tuple[Fated, ...]:
        """Return what became of things that are in no turn."""
        fates, self._fates = tuple(self._fates), []
        return fates

    def _made(self, role: Any, parts: list[Part], entry: Entry) -> Made:
        own = role == entry.role == "assistant"
        turn = Turn(
            role,
            tuple(parts),
            entry.at,
            entry.node,
            entry.message_id if own else "",
            entry.model if own else "",
            entry.usage if own else None,
        )
        return Made(turn, self.leftover(), entry.place)

    def _fate(self, bit: Bit, fate: Fate, why: str = "") -> None:
        """Count what became of *bit*: the worse of what came before and what comes now."""
        if bit.fate != "kept" and fate == "kept":
            fate, why = bit.fate, bit.why
        self._fates.append(Fated(bit.what or what_of(bit.part), fate, why))

    # --- what was said

    def _part(self, bit: Bit) -> list[Part]:
        kind = bit.part.get("type")
        if kind == "reasoning":
            return self._reasoning(bit)
        if kind in MEDIA:
            return [self._medium(bit.part, Fated(what_of(bit.part), bit.fate, bit.why))]
        content = bit.part.get("content")
        folded = kind != "text"
        text = plain(content) if not folded else _other(bit.part)
        if not text.strip():
            self._fate(bit, "dropped", "it says nothing")
            return []
        if folded:
            self._fate(bit, "folded", "no transcript has such a part")
        else:
            self._fate(bit, "kept")
        return [{"type": "text", "content": self._shape.rewrite(text)}]

    def _reasoning(self, bit: Bit) -> list[Part]:
        text = plain(bit.part.get("content"))
        choice = self._shape.reasoning
        if not text.strip():
            self._fate(bit, "dropped", "sealed by its provider")
            return []
        if choice == "text":
            self._fate(bit, "folded", "as text, by choice")
            return [{"type": "text", "content": f"[thinking]\n{self._shape.rewrite(text)}\n[/thinking]"}]
        if choice is None and self._shape.accepts.reasoning:
            self._fate(bit, "kept")
            return [{"type": "reasoning", "content": self._shape.rewrite(text)}]
        self._fate(bit, "dropped", "valid with its own provider only")
        return []

    def _medium(self, part: Part, fated: Fated) -> Part:
        """Return a medium as the target takes it, or a line that says that it was there."""
        modality = modality_of(part)
        mime, content, uri = part.get("mime_type"), part.get("content"), part.get("uri")
        if isinstance(uri, str) and (data := _DATA_URL.match(uri)):
            mime, content, uri = data[1], uri[data.end() :], None
        if modality in self._shape.accepts.media:
            if isinstance(content, str) and content and isinstance(mime, str) and mime:
                self._fates.append(fated)
                return {"type": "blob", "modality": modality, "mime_type": mime, "content": content}
            if isinstance(uri, str) and uri:
                self._fates.append(fated)
                return {"type": "uri", "modality": modality, "uri": uri}
        told = f"{modality} {mime}" if isinstance(mime, str) and mime else modality
        if isinstance(uri, str) and uri:
            self._fates.append(Fated(fated.what, "folded", "its address as text"))
            return {"type": "text", "content": f"[segue: {told} at {self._shape.rewrite(uri)}]"}
        why = "the target takes none" if isinstance(content, str) and content else "its bytes are not in the log"
        self._fates.append(Fated(fated.what, "dropped", why))
        return {"type": "text", "content": f"[segue: {told}, not carried over]"}

    # --- calls and answers

    def _call(self, call: Call) -> Part:
        """Return a call as the target takes it: its id unique, its tool by the name that was chosen."""
        part = call.bit.part
        name, arguments = _name(part), part.get("arguments")
        given = dict(arguments) if isinstance(arguments, Mapping) else {} if arguments in (None, "") else {"input": arguments}
        sound = _NOT_NAME.sub("_", name)[:_NAME_LIMIT]
        fate = Fated("tool_call", "kept")
        if self._shape.tools == "map" and call.bit.agent != self._shape.agent:
            mapped = map_call(call.bit.agent, self._shape.agent, name, given)
            if mapped is None:
                fate = Fated("tool_call", "kept", f"{self._shape.agent} has no tool for it")
            elif (mapped.name, mapped.arguments) != (name, given):
                fate = Fated("tool_call", "mapped", f"{name} to {mapped.name}{mapped.note}")
                sound, given = mapped.name, mapped.arguments
        if fate.fate == "kept" and sound != name:
            fate = Fated("tool_call", "mapped", "a name that every provider takes")
        self._fates.append(fate)
        return {
            "type": "tool_call",
            "id": self._identity(part.get("id")),
            "name": sound,
            "arguments": _rewritten(given, self._shape.rewrite),
        }

    def _answer(self, call: Call, identity: str) -> Part:
        if call.answer is None:
            self._fates.append(Fated("tool_call_response", "added", "it was interrupted before it answered"))
            return {"type": "tool_call_response", "id": identity, "response": INTERRUPTED, "is_error": True}
        part = call.answer.part
        self._fates.append(Fated("tool_call_response", "kept"))
        answer = {"type": "tool_call_response", "id": identity, "response": self._response(part)}
        return answer | ({"is_error": True} if part.get("is_error") is True else {})

    def _response(self, part: Part) -> str | list[Part]:
        response = part.get("response")
        media = media_within(part)
        if not media:
            return self._shape.rewrite(answer_text(response))
        found: list[Part] = []
        for item in response if isinstance(response, list) else ():
            if isinstance(item, Mapping) and item.get("type") in MEDIA:
                found.append(self._medium(item, Fated(what_of(item), "kept")))
            elif text := plain(item):
                found.append({"type": "text", "content": self._shape.rewrite(text)})
        if all(item["type"] == "text" for item in found):
            return "\n".join(item["content"] for item in found)
        return found

    def _call_text(self, call: Call) -> Part:
        part = call.bit.part
        self._fates.append(Fated("tool_call", "folded", "as text, by choice"))
        arguments = dumps(_rewritten(part.get("arguments"), self._shape.rewrite), ensure_ascii=False, default=str)
        return {"type": "text", "content": f"[called {_name(part)}: {arguments}]"}

    def _answer_text(self, call: Call) -> list[Part]:
        name = _name(call.bit.part)
        if call.answer is None:
            self._fates.append(Fated("tool_call_response", "added", "it was interrupted before it answered"))
            return [{"type": "text", "content": f"[{name}: {INTERRUPTED}]"}]
        part = call.answer.part
        self._fates.append(Fated("tool_call_response", "folded", "as text, by choice"))
        failed = " failed" if part.get("is_error") is True else ""
        text = self._shape.rewrite(answer_text(part.get("response")))
        media = [self._medium(item, Fated(what_of(item), "kept")) for item in media_within(part)]
        return [{"type": "text", "content": f"[{name}{failed} answered]\n{text}"}, *media]

    def _identity(self, told: Any) -> str:
        """Return a call's id: its own, or one made from it that is sound and not taken."""
        identity = told if isinstance(told, str) else ""
        sound = _NOT_NAME.sub("_", identity)[:_NAME_LIMIT]
        while not sound or sound in self._ids:
            self._number += 1
            sound = f"{sound[:48] or 'call'}_{self._number}"
        self._ids.add(sound)
        return sound


def _name(part: Part) -> str:
    name = part.get("name")
    return name if isinstance(name, str) and name.strip() else "tool"


def _other(part: Part) -> str:
    """Return a part that no transcript has as text: what it says, else what it is."""
    for key in ("content", "text", "refusal"):
        if isinstance(part.get(key), str):
            return str(part[key])
    return dumps({k: v for k, v in part.items() if v not in (None, "", [], {})}, ensure_ascii=False, default=str)


def _rewritten(value: Any, rewrite: Callable[[str], str]) -> Any:
    """Return JSON with each text in it rewritten."""
    if isinstance(value, str):
        return rewrite(value)
    if isinstance(value, Mapping):
        return {key: _rewritten(item, rewrite) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_rewritten(item, rewrite) for item in value]
    return value
