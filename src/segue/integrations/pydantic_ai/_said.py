"""What a message of Pydantic AI says, as bodies of messages of ours: one for each who speaks in it."""

from collections.abc import Iterator, Mapping
from json import dumps, loads
from typing import Any, Final

Part = dict[str, Any]

_MODALITIES: Final = frozenset({"image", "audio", "video"})
_FAILED: Final = frozenset({"failed", "retried"})
_AGAIN: Final = frozenset({"retry-prompt", "retry-feedback", "compaction"})
"""What the framework puts in by itself."""
_USED: Final = {
    "input_tokens": "input_tokens",
    "output_tokens": "output_tokens",
    "cache_read_tokens": "cache_read_tokens",
    "cache_write_tokens": "cache_write_tokens",
    "reasoning_tokens": "output_reasoning_tokens",
}


def said(message: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the bodies of what a *message*, in its own JSON, says: who answers for a tool before who asks something new."""
    if message.get("kind") == "response":
        parts = [made for part in _dicts(message.get("parts")) for made in _response(part)]
        return [_about(message, {"role": "assistant", "parts": parts})] if parts else []
    found: dict[str, list[Part]] = {"system": [], "tool": [], "user": []}
    again: list[Part] = []
    for part in _dicts(message.get("parts")):
        kind = part.get("part_kind")
        if kind == "system-prompt":
            found["system"].append({"type": "text", "content": _text(part.get("content"))})
        elif kind == "user-prompt":
            found["user"] += _content(part.get("content"))
        elif kind == "speech":
            found["user"] += _spoken(part)
        elif kind == "tool-return" or (kind == "retry-prompt" and part.get("tool_name")):
            found["tool"].append(_answer(part))
        elif kind in _AGAIN and part.get("content"):
            again.append({"type": "text", "content": _text(part["content"])})
    bodies = [{"role": role, "parts": parts} for role, parts in found.items() if parts]
    return [*bodies, *([{"role": "user", "meta": True, "parts": again}] if again else [])]


def _response(part: Mapping[str, Any]) -> Iterator[Part]:
    kind = part.get("part_kind")
    if kind == "text" and part.get("content"):
        yield {"type": "text", "content": _text(part["content"])}
    elif kind in {"thinking", "compaction"} and part.get("content"):
        yield {"type": "reasoning", "content": _text(part["content"])}
    elif kind in {"tool-call", "builtin-tool-call"}:
        name = _text(part.get("tool_name"))
        yield {"type": "tool_call", "id": part.get("tool_call_id"), "name": name, "arguments": _arguments(part.get("args"))}
    elif kind == "builtin-tool-return":
        yield _answer(part)
    elif kind == "file":
        yield _media(part.get("content"))
    elif kind == "speech":
        yield from _spoken(part)


def _about(message: Mapping[str, Any], body: dict[str, Any]) -> dict[str, Any]:
    """Return a body of the model's with what is known of the call."""
    for name, theirs in (("model", "model_name"), ("message_id", "provider_response_id"), ("finish_reason", "finish_reason")):
        if isinstance(value := message.get(theirs), str) and value:
            body[name] = value
    counted = message.get("usage")
    used = {ours: counted.get(theirs) or 0 for ours, theirs in _USED.items()} if isinstance(counted, dict) else {}
    return body | ({"usage": used} if any(used.values()) else {})


def _answer(part: Mapping[str, Any]) -> Part:
    content = part.get("content")
    response = _content(content) if _has_media(content) else content
    answer: Part = {"type": "tool_call_response", "id": part.get("tool_call_id"), "response": response}
    if part.get("part_kind") == "retry-prompt" or part.get("outcome") in _FAILED:
        answer["is_error"] = True
    return answer


def _content(content: Any) -> list[Part]:
    said = (one for one in _list(content) if not _is_mark(one))
    return [_media(one) if _is_media(one) else {"type": "text", "content": _text(one)} for one in said]


def _spoken(part: Mapping[str, Any]) -> list[Part]:
    """Return what was said aloud: its transcript, and the sound where that was kept."""
    text, sound = part.get("transcript"), part.get("audio")
    return [{"type": "text", "content": _text(text)}] * bool(text) + ([_media(sound)] if _is_media(sound) else [])


def _media(told: Any) -> Part:
    kind = _text(told.get("media_type")) if isinstance(told, dict) else ""
    modality = kind.split("/")[0] if kind.split("/")[0] in _MODALITIES else "document"
    if isinstance(told, dict) and "data" in told:
        data = _text(told["data"]).replace("-", "+").replace("_", "/")
        return {"type": "blob", "modality": modality, "mime_type": kind, "content": data}
    where = told.get("url", told.get("file_id")) if isinstance(told, dict) else told
    return {"type": "uri", "modality": modality, "mime_type": kind, "uri": _text(where)}


def _is_media(told: Any) -> bool:
    return isinstance(told, dict) and isinstance(told.get("kind"), str) and ("data" in told or "url" in told or "file_id" in told)


def _is_mark(told: Any) -> bool:
    """Return whether something among what a user says is for the provider alone."""
    return isinstance(told, dict) and told.get("kind") == "cache-point"


def _has_media(content: Any) -> bool:
    return any(map(_is_media, _list(content)))


def _arguments(told: Any) -> Any:

    if isinstance(told, str):
        try:
            return loads(told or "{}")
        except ValueError:
            return told
    return {} if told is None else told


def _text(told: Any) -> str:
    if isinstance(told, dict) and isinstance(told.get("content"), str):  # a text with more about it
        return str(told["content"])
    if told is None or isinstance(told, str):
        return told or ""

    return dumps(told, ensure_ascii=False)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _dicts(value: Any) -> Iterator[dict[str, Any]]:
    return (one for one in _list(value) if isinstance(one, dict))
