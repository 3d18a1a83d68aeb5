"""Drafts in a word: `user("hello")`, `assistant("on it", tool_call("bash", command="ls"))`, `decision("use sqlite")`.

Further arguments (`key`, `stream`, `node`, `parent`, `actor`, `at`, `source`, `scopes`) go to the draft.
"""

from typing import Any

from segue.core.log.events import Draft

__all__ = [
    "assistant",
    "checkpoint",
    "created",
    "decision",
    "forked",
    "reasoning",
    "said",
    "system",
    "text",
    "tool",
    "tool_call",
    "tool_result",
    "usage",
    "user",
]

_ENVELOPE = frozenset(Draft._fields) - {"kind", "body"}

Part = dict[str, Any]


def text(content: str) -> Part:
    """Return a part of text."""
    return {"type": "text", "content": content}


def reasoning(content: str) -> Part:
    """Return a part of reasoning."""
    return {"type": "reasoning", "content": content}


def tool_call(name: str, call: str = "call-1", **arguments: Any) -> Part:
    """Return a part that calls tool *name* with *arguments*; *call* is the call's id."""
    return {"type": "tool_call", "id": call, "name": name, "arguments": arguments}


def tool_result(response: Any, call: str = "call-1", *, is_error: bool = False) -> Part:
    """Return a part that answers the call with id *call*."""
    error = {"is_error": True} if is_error else {}
    return {"type": "tool_call_response", "id": call, "response": response, **error}


def user(*parts: str | Part, **more: Any) -> Draft:
    """Return a message of the user."""
    return _message("user", parts, more)


def assistant(*parts: str | Part, **more: Any) -> Draft:
    """Return a message of the model; `model`, `usage` and other fields of a message go to its body."""
    return _message("assistant", parts, more)


def system(*parts: str | Part, **more: Any) -> Draft:
    """Return a message of the system."""
    return _message("system", parts, more)


def tool(*parts: str | Part, **more: Any) -> Draft:
    """Return a message of a tool."""
    return _message("tool", parts, more)


def created(**header: Any) -> Draft:
    """Return the first event of a session."""
    return _draft("session.created", {}, header)


def forked(parent: dict[str, Any], **header: Any) -> Draft:
    """Return the first event of a fork of *parent* (`session`, `seq`, `digest`)."""
    return _draft("session.forked", {"parent": parent}, header)


def decision(title: str, reason: str = "", **more: Any) -> Draft:
    """Return a decision."""
    return _draft("decision.made", {"title": title, "reason": reason}, more)


def usage(input_tokens: int, output_tokens: int, **more: Any) -> Draft:
    """Return the tokens of a model call."""
    return _draft("usage", {"input_tokens": input_tokens, "output_tokens": output_tokens}, more)


def checkpoint(name: str, position: int, **more: Any) -> Draft:
    """Return a checkpoint of *position*."""
    return _draft("checkpoint.created", {"name": name, "position": position}, more)


def said(body: Any) -> str:
    """Return the texts of a message's *body*, joined."""
    return "".join(part.get("content", "") for part in body["parts"] if part["type"] == "text")


def _message(role: str, parts: tuple[str | Part, ...], more: dict[str, Any]) -> Draft:
    return _draft("message", {"role": role, "parts": [text(p) if isinstance(p, str) else p for p in parts]}, more)


def _draft(kind: str, body: dict[str, Any], more: dict[str, Any]) -> Draft:
    envelope = {name: value for name, value in more.items() if name in _ENVELOPE}
    return Draft(kind, body | {name: value for name, value in more.items() if name not in _ENVELOPE}, **envelope)
