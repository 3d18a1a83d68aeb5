"""An event in a line, for people."""

from typing import Any

from segue.core.log.events import Event


def summary(event: Event) -> str:
    """Return what an event says, shortened by nothing but its own shape; the caller cuts it."""
    if event.erased:
        return "(erased)"
    body = event.body
    if event.kind == "message":
        who = event.actor or body.get("role", "")
        return f"{who}: " + " ".join(filter(None, map(_part, _list(body.get("parts")))))
    for name in ("text", "title", "name", "topic", "reason", "summary", "task", "where", "type", "path"):
        if isinstance(body.get(name), str) and body[name]:
            return str(body[name])
    return ", ".join(f"{k}: {_short(v)}" for k, v in body.items() if v not in (None, "", [], {}))


def _part(part: Any) -> str:
    if not isinstance(part, dict):
        return ""
    kind = part.get("type")
    if kind == "text":
        return str(part.get("content") or "")
    if kind == "reasoning":
        return f"(thinks) {part.get('content') or ''}"
    if kind == "tool_call":
        return f"→ {part.get('name', 'tool')}({_short(part.get('arguments'))})"
    if kind == "tool_call_response":
        return ("✗ " if part.get("is_error") else "← ") + _short(part.get("response"))
    return f"({kind})"


def _short(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        if isinstance(value.get("text"), str):
            return str(value["text"])
        return ", ".join(f"{k}: {_short(v)}" for k, v in value.items())[:400]
    if isinstance(value, list):
        return "; ".join(map(_short, value))[:400]
    return "" if value is None else str(value)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
