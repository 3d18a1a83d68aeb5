"""Content as parts, in the form that segue's events have: what readers of all agents do with it."""

import re
from collections.abc import Callable, Iterable, Mapping
from types import NoneType
from typing import Any, Final

from segue.transcripts._records import short, text_of

_WRAPPED: Final = re.compile(r"<command-(name|args)>(.*?)</command-\1>", re.DOTALL)
_LOOKED_AT: Final = 4_000
"""Characters of a prompt that a slash command is looked for in."""
_FIELDS: Final = {"id": (str, NoneType), "name": (str,), "is_error": (bool,)}


def parts_by(read: Callable[[dict[str, Any]], dict[str, Any]], content: Any) -> list[dict[str, Any]]:
    """Return a content, a text or a list of blocks, as parts; *read* makes one of a block."""
    if isinstance(content, str):
        return [{"type": "text", "content": content}]
    if not isinstance(content, list):
        return [] if content is None else [{"type": "unknown", "content": content}]
    return [read(block) if isinstance(block, dict) else {"type": "text", "content": block} for block in content]


def other_part(block: Mapping[str, Any]) -> dict[str, Any]:
    """Return a block of a type that has no meaning here as a part; fields that parts have otherwise are left out."""
    part = {k: v for k, v in block.items() if k not in _FIELDS or isinstance(v, _FIELDS[k])}
    part["type"] = text_of(block, "type") or "unknown"
    return part


def texts(parts: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return what *parts* say in words."""
    return [p["content"] for p in parts if p["type"] == "text" and isinstance(p["content"], str)]


def title_of(parts: Iterable[Mapping[str, Any]]) -> str:
    """Return a title for what a prompt of these *parts* begins: of a slash command the command, not what it is wrapped in."""
    text = next(iter(texts(parts)), "")
    wrapped = dict(_WRAPPED.findall(text[:_LOOKED_AT])) if text.lstrip().startswith("<command-") else {}
    return short(f"{wrapped['name']} {wrapped.get('args', '')}".strip() if wrapped.get("name", "").strip() else text)


def response_of(parts: list[dict[str, Any]]) -> Any:
    """Return what a tool answered: the text where it is nothing else, the *parts* otherwise."""
    return parts[0]["content"] if len(parts) == 1 and parts[0]["type"] == "text" else parts
