"""What was said in a thread, as messages: an element of a list that is a message of LangChain's has an event of its own.

Its body is what everything else of segue reads. Its `source` has what the serialiser made of the element, without the texts
that stand in the body already:

    {"agent": "langgraph", "element": {"type": "msgpack", "text": "...", "cuts": [[17, 0], ...]}}

`cuts` says at which byte of the rest which text of the body's parts (numbered as in `_texts`) was cut out.
"""

from collections.abc import Iterator, Mapping
from math import isfinite
from typing import Any, Final, NamedTuple

from langchain_core.messages import AIMessage, BaseMessage, RemoveMessage, ToolMessage

from segue.core.log.events import ABSENT, Body, Draft
from segue.integrations.langgraph._budget import usage_of
from segue.integrations.langgraph._media import medium
from segue.integrations.langgraph._values import Packed, Typed, pack, unpack

MESSAGES: Final = "messages"
"""The channel that is the conversation, by the framework's own convention."""
_SHORTEST: Final = 24
"""Bytes from which on a text is cut out."""
_DEEPEST: Final = 50
_NAME: Final = 200
_NODE: Final = 512
_ONE_TEXT: Final = frozenset({"type", "content"})
_TEXTS: Final = frozenset({"text", "input_text", "output_text", "unknown"})
_CALLS: Final = frozenset({"tool_use", "tool_call", "function_call", "invalid_tool_call"})
_ROLES: Final = {"human": "user", "ai": "assistant", "system": "system", "tool": "tool", "function": "tool"}


class Said(NamedTuple):
    """A message of a thread: the element, if its event holds it, and its place in the conversation."""

    element: Typed | None
    stream: str
    node: str


def is_said(value: Any) -> bool:
    """Return whether *value* is something said."""
    return isinstance(value, BaseMessage) and not isinstance(value, RemoveMessage)


def draft(
    message: BaseMessage, plain: Typed | None, *, channel: str, stream: str, key: str, parent: str | None = ABSENT
) -> Draft:
    """Return the event of a message; *plain* is what the serialiser made of it, if the event is to hold the element."""
    body = _body(message)
    source: dict[str, Any] = {"agent": "langgraph"}
    if channel != MESSAGES:
        source["channel"] = channel
    if plain is not None:
        source["element"] = _cut(body, plain)
    return Draft(
        "message",
        body,
        actor=_actor(message, body["role"]),
        stream=stream,
        node=node_of(message),
        parent=parent,
        key=key,
        source=source,
    )


def node_of(message: BaseMessage) -> str | None:
    """Return a message's own id, where it has one that can name a node."""
    name = message.id
    return name if isinstance(name, str) and 0 < len(name) <= _NODE and name.isprintable() else None


def recovered(body: Body, source: Body | None) -> Typed | None:
    """Return the element that a message's event holds, or None where it holds none that could be read."""
    element = (source or {}).get("element")
    if not isinstance(element, dict) or (source or {}).get("agent") != "langgraph":
        return None
    try:
        kind, rest = unpack(element)
        cuts = element.get("cuts")
        if not cuts:
            return kind, rest
        leaves = _texts(body["parts"])
        data: list[bytes] = []
        done = 0
        for at, leaf in cuts:
            data += rest[done:at], leaves[leaf].encode("utf-8", "surrogatepass")
            done = at
        return kind, b"".join((*data, rest[done:]))
    except (LookupError, TypeError, ValueError):  # next year's
        return None


def _cut(body: Mapping[str, Any], plain: Typed) -> Packed:
    kind, data = plain
    data = bytes(data)
    found: list[tuple[int, int, int]] = []
    for number, leaf in enumerate(_texts(body["parts"])):
        text = leaf.encode("utf-8", "surrogatepass")
        at = data.find(text) if len(text) >= _SHORTEST else -1
        if at >= 0 and all(at + len(text) <= start or end <= at for start, end, _ in found):
            found.append((at, at + len(text), number))
    if not found:
        return pack(plain)
    rest, cuts, done = bytearray(), [], 0
    for start, end, number in sorted(found):
        rest += data[done:start]
        cuts.append([len(rest), number])
        done = end
    return {**pack((kind, bytes(rest + data[done:]))), "cuts": cuts}


def _texts(parts: Any) -> list[str]:
    """Return the texts in a message's parts, always in the same order."""
    if type(parts) is list and len(parts) == 1 and type(part := parts[0]) is dict and part.keys() == _ONE_TEXT:  # as most are
        content, kind = part["content"], part["type"]
        if type(content) is type(kind) is str:
            return [content, kind]
    return [*_leaves(parts)]


def _leaves(value: Any) -> Iterator[str]:
    """Yield the texts in *value*, always in the same order."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for _, inner in sorted(value.items()):
            yield from _leaves(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner)


# --- a message of LangChain's in our words


def _body(message: BaseMessage) -> dict[str, Any]:
    role = _ROLES.get(message.type) or _other_role(message)
    if isinstance(message, ToolMessage):
        response = message.content if isinstance(message.content, str) else [*_parts(message.content)]
        answer = {"type": "tool_call_response", "id": message.tool_call_id, "response": response}
        body: dict[str, Any] = {"role": role, "parts": [answer | ({"is_error": True} if message.status == "error" else {})]}
    else:
        body = {"role": role, "parts": [*_parts(message.content), *_calls(message)]}
    if isinstance(message, AIMessage):
        if usage := usage_of(message):
            body["usage"] = usage
        if message.id:  # what a call used counts once, whoever else noted it
            body["message_id"] = message.id
        told = message.response_metadata
        for name, theirs in (("model", ("model_name", "model")), ("finish_reason", ("finish_reason", "stop_reason"))):
            if text := next((told[k] for k in theirs if isinstance(told.get(k), str)), None):
                body[name] = text
    ours = message.additional_kwargs.get("segue")
    if isinstance(ours, dict) and ours.get("meta") is True:
        body["meta"] = True
    return body


def _other_role(message: BaseMessage) -> str:
    role = getattr(message, "role", "")
    return role if role in {"system", "developer", "user", "assistant", "tool"} else "assistant"


def _actor(message: BaseMessage, role: str) -> str:
    name = message.name if isinstance(message.name, str) else ""
    return name.replace("\0", "")[:_NAME] or ("user" if role == "user" else "langgraph")


def _parts(content: Any) -> Iterator[dict[str, Any]]:
    for block in [content] if isinstance(content, str) else content:
        if isinstance(block, str):
            if block:
                yield {"type": "text", "content": block}
        elif isinstance(block, dict) and (part := _part(block)) is not None:
            yield part


def _part(block: Mapping[str, Any]) -> dict[str, Any] | None:
    kind = str(block.get("type") or "unknown")
    if isinstance(block.get("text"), str) and kind in _TEXTS:
        return {"type": "text", "content": block["text"]}
    if isinstance(thought := block.get("thinking") or block.get("reasoning"), str):
        return {"type": "reasoning", "content": thought}
    if kind in _CALLS:  # they stand among the calls
        return None
    return medium(kind, block) or {"type": kind}


def _calls(message: BaseMessage) -> Iterator[dict[str, Any]]:
    if isinstance(message, AIMessage):
        for call in [*message.tool_calls, *message.invalid_tool_calls]:
            yield {
                "type": "tool_call",
                "id": call.get("id"),
                "name": call.get("name") or "",
                "arguments": _json(call.get("args")),
            }


def _json(value: Any, depth: int = 0) -> Any:
    """Return *value* as JSON; what has no such form is only named: the element has it."""
    if value is None or isinstance(value, (str, bool, int)) or (isinstance(value, float) and isfinite(value)):
        return value
    if depth < _DEEPEST:
        if isinstance(value, Mapping):
            return {str(key): _json(inner, depth + 1) for key, inner in value.items()}
        if isinstance(value, (list, tuple)):
            return [_json(inner, depth + 1) for inner in value]
    return f"<{type(value).__name__}>"
