"""The SDK's input items as events: the record verbatim in `source`, beside it what it says as a message.

So everything that reads messages reads these sessions too: `show`, `search`, `restore`, `resume --in`. What says nothing to
anybody but its provider (encrypted reasoning, a compaction, an encrypted envelope) is a `record`.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeAlias

from segue.core.log.events import ABSENT, Draft

AGENT: Final = "openai_agents"
MAIN_BRANCH: Final = "main"

Item: TypeAlias = dict[str, Any]
Part: TypeAlias = dict[str, Any]

_ROLES: Final = frozenset({"user", "assistant", "system", "developer"})
_TEXTS: Final = {"input_text": "text", "output_text": "text", "text": "text", "refusal": "refusal"}
_MEDIA: Final = {"input_image": "image", "computer_screenshot": "image", "input_file": "document", "input_audio": "audio"}
_CALLS: Final = frozenset({"mcp_approval_request", "program"})
_ANSWERS: Final = frozenset({"tool_search_output", "mcp_approval_response", "program_output"})
_ANSWERED: Final = ("output", "tools", "approve", "result")
_INNER: Final = frozenset({dict, list})
_SCALARS: Final = frozenset({int, float, bool, type(None)})
_OWN: Final = frozenset({"id", "type", "status", "call_id", "name", "namespace", "output", "outputs", "results", "result"})
"""Fields of a call that are no arguments of it."""
_DONE: Final = {"local_shell_call": "action", "shell_call": "action", "apply_patch_call": "operation"}
"""The field of a call that says what the tool is to do; to others it is what the tool is given."""


def draft(item: Any, branch: str = MAIN_BRANCH, parent: str | None = ABSENT) -> Draft:
    """Return an item as an event of a *branch*, behind the node *parent* where that is not the last one of the log.

    Raises:
        TypeError: it has no form in JSON.
    """
    record = _plain(item)
    kind, body = _said(record)
    source = {"agent": AGENT, "record": record}
    if branch != MAIN_BRANCH:
        source["branch"] = branch
    if isinstance(record, dict) and isinstance(identity := record.get("id"), str) and identity:
        source["id"] = identity
    actor = "user" if body.get("role") == "user" else AGENT
    return Draft(kind, body, actor=actor, parent=parent, source=source)


def is_user(item: Any) -> bool:
    """Return whether an item begins a turn."""
    return isinstance(item, dict) and item.get("role") == "user"


def fresh(value: Any) -> Any:
    """Return a copy of JSON: what a caller does to it changes nothing of ours."""
    kind = type(value)
    if kind is dict:
        copied = value.copy()
        for key, inner in value.items():
            if type(inner) in _INNER:
                copied[key] = fresh(inner)
        return copied
    return [fresh(inner) if type(inner) in _INNER else inner for inner in value] if kind is list else value


def _plain(item: Any) -> Any:
    """Return a copy of *item* as JSON has it: what is JSON already is not written and read for that."""
    try:
        return _copied(item)
    except (_Unusual, RecursionError):
        return json.loads(json.dumps(item))


class _Unusual(Exception):  # noqa: N818 - never leaves this module
    """Something that JSON writes as something else, or not at all."""


def _copied(value: Any) -> Any:
    kind = type(value)
    if kind is str or kind in _SCALARS:
        return value
    if kind is dict:
        for key in value:
            if type(key) is not str:
                raise _Unusual
        return {key: inner if type(inner) is str else _copied(inner) for key, inner in value.items()}
    if kind is list:
        return [_copied(inner) for inner in value]
    raise _Unusual


def _said(item: Any) -> tuple[str, dict[str, Any]]:
    """Return the kind and the body of an item's event."""
    if not isinstance(item, dict):
        return "record", {"type": type(item).__name__}
    kind = str(item.get("type") or ("encrypted" if "__enc__" in item else "message"))
    role = item.get("role")
    if kind == "message" and role in _ROLES:
        parts = list(_content(item.get("content")))
    elif kind == "reasoning":
        role, parts = "assistant", list(_reasoning(item))
    elif kind.endswith(("_call_output", "_call_response")) or kind in _ANSWERS:
        role, parts = "tool", [_answer(item, next((item[name] for name in _ANSWERED if name in item), None))]
    elif kind.endswith("_call") or kind in _CALLS:
        role, parts = "assistant", list(_call(item, kind))
    else:
        return "record", {"type": kind[:200]}
    return ("message", {"role": role, "parts": parts}) if parts else ("record", {"type": kind[:200]})


def _content(content: Any) -> Iterator[Part]:
    if isinstance(content, str):
        yield {"type": "text", "content": content}
        return
    for part in content if isinstance(content, list) else ():
        kind = _kind(part)
        if kind in _TEXTS:
            yield {"type": "text", "content": str(part.get("text") or part.get("refusal") or "")}
        elif kind in _MEDIA:
            yield _media(part, _MEDIA[kind])
        else:
            yield {"type": (kind or "other")[:200]}


def _kind(part: Any) -> str:
    return str(part.get("type") or "") if isinstance(part, dict) else ""


def _media(part: Mapping[str, Any], modality: str) -> Part:
    sound = part.get("input_audio")
    if isinstance(sound, dict):
        return _blob(modality, f"audio/{sound.get('format')}", sound.get("data"))
    told = part.get("image_url") or part.get("file_url") or part.get("file_data") or ""
    if isinstance(told, str) and told.startswith("data:") and ";base64," in told:
        kind, _, content = told.removeprefix("data:").partition(";base64,")
        return _blob(modality, kind, content)
    return {"type": "uri", "modality": modality, "uri": str(told or part.get("file_id") or part.get("filename") or "")}


def _blob(modality: str, mime: str, content: Any) -> Part:
    return {"type": "blob", "modality": modality, "mime_type": mime, "content": content if isinstance(content, str) else ""}


def _reasoning(item: Mapping[str, Any]) -> Iterator[Part]:
    for part in (*_list(item.get("summary")), *_list(item.get("content"))):
        if isinstance(part, dict) and isinstance(text := part.get("text"), str) and text:
            yield {"type": "reasoning", "content": text}


def _call(item: Mapping[str, Any], kind: str) -> Iterator[Part]:
    """Yield a call, and its answer where the provider's own tool gave it in the same item."""
    name = item.get("name")
    if not isinstance(name, str) or not name:
        name = kind.removesuffix("_call")
    yield {"type": "tool_call", "id": _id(item), "name": name, "arguments": _arguments(item)}
    answer = next((item[name] for name in ("output", "outputs", "results", "result") if item.get(name) is not None), None)
    if answer is None:
        answer = item.get("error")
    elif kind == "image_generation_call":
        answer = [{"type": "input_image", "image_url": f"data:image/{item.get('output_format') or 'png'};base64,{answer}"}]
    if answer is not None:
        yield _answer(item, answer)


def _answer(item: Mapping[str, Any], answer: Any) -> Part:
    if isinstance(answer, dict) and answer.get("type") == "computer_screenshot":
        answer = [answer]
    response = [_answered(part) for part in answer] if isinstance(answer, list) else answer
    found: Part = {"type": "tool_call_response", "id": _id(item), "response": response}
    if item.get("status") == "failed" or item.get("error"):
        found["is_error"] = True
    return found


def _answered(part: Any) -> Part:
    """Return a part of a tool's answer. What is not known to say something else is told as it is."""
    kind = _kind(part)
    if kind in _MEDIA:
        return _media(part, _MEDIA[kind])
    if kind == "image" and isinstance(part.get("url"), str):
        return {"type": "uri", "modality": "image", "uri": part["url"]}
    return {"type": "text", "content": part if isinstance(part, str) else _printed(part)}


def _printed(part: Any) -> str:
    """Return the text of a part, of what a program printed, or of anything else."""
    if not isinstance(part, dict):
        return json.dumps(part, ensure_ascii=False)
    printed = [part[name] for name in ("text", "refusal", "logs", "stdout", "stderr") if isinstance(part.get(name), str)]
    if not printed:
        return json.dumps(part, ensure_ascii=False)
    outcome = part.get("outcome")
    code = outcome.get("exit_code") if isinstance(outcome, dict) else None
    return "\n".join([*filter(None, printed), *([f"exit code {code}"] if code else [])])


def _id(item: Mapping[str, Any]) -> str | None:
    known = item.get("call_id") or item.get("approval_request_id") or item.get("id")
    return known if isinstance(known, str) else None


def _arguments(item: Mapping[str, Any]) -> Any:
    told = item.get("arguments", item.get("input"))
    if told is None:
        within = item.get(_DONE.get(str(item.get("type")), ""))
        return _done(within) if isinstance(within, dict) else {name: v for name, v in item.items() if name not in _OWN}
    if isinstance(told, str):
        try:
            return json.loads(told)
        except ValueError:
            return told
    return told


def _done(told: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what a tool is to do, commands as one script."""
    if not isinstance(commands := told.get("commands"), list):
        return told
    return {"command": "\n".join(map(str, commands)), **{name: value for name, value in told.items() if name != "commands"}}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
