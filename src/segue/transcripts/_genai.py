"""Content in Google's GenAI form (`parts` with `text`, `functionCall`, `functionResponse`, ...): Gemini CLI's and Qwen Code's."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from segue.transcripts._parts import other_part
from segue.transcripts._records import count_of, dict_of, list_of, text_of

_HOOK = re.compile(r"\s*<hook_context>(.*?)</hook_context>\s*", re.DOTALL)
_EXIT = re.compile(r"^Exit Code: (-?\d+)", re.MULTILINE)
_MODALITIES: Final = frozenset({"image", "audio", "video"})
_OPS: Final[Mapping[str, str]] = {
    "run_shell_command": "run",
    "read_file": "read",
    "read_many_files": "read",
    "write_file": "write",
    "replace": "edit",
    "edit": "edit",
    "notebook_edit": "edit",
    "grep_search": "search",
    "search_file_content": "search",
    "glob": "search",
    "list_directory": "search",
}
"""What the tools of both programs do, in the words of `Message.effects`."""


def parts_of(content: Any) -> list[dict[str, Any]]:
    """Return a content as parts: a text, one part, or a list of either."""
    if content is None:
        return []
    items = content if isinstance(content, list) else [content]
    return [_part(item) if isinstance(item, dict) else _loose(item) for item in items]


def _loose(item: Any) -> dict[str, Any]:
    return {"type": "text", "content": item} if isinstance(item, str) else {"type": "unknown", "content": item}


def _part(item: dict[str, Any]) -> dict[str, Any]:
    if "functionCall" in item:
        call = dict_of(item, "functionCall")
        return {"type": "tool_call", "id": text_of(call, "id"), "name": text_of(call, "name"), "arguments": call.get("args")}
    if "functionResponse" in item:
        answer = dict_of(item, "functionResponse")
        return answered(text_of(answer, "id"), answer.get("response"), list_of(answer, "parts"))
    if "inlineData" in item:
        data = dict_of(item, "inlineData")
        return _media("blob", data) | {"content": text_of(data, "data")}
    if "fileData" in item:
        data = dict_of(item, "fileData")
        return _media("uri", data) | {"uri": text_of(data, "fileUri")}
    if "text" in item:
        return {"type": "reasoning" if item.get("thought") is True else "text", "content": item["text"]}
    return other_part(item)


def _media(kind: str, data: dict[str, Any]) -> dict[str, Any]:
    mime = text_of(data, "mimeType")
    modality = mime.partition("/")[0]
    return {"type": kind, "modality": modality if modality in _MODALITIES else "document", "mime_type": mime}


def answered(identity: str, response: Any, media: Iterable[Any] = ()) -> dict[str, Any]:
    """Return a tool's answer as a part: its text where it is nothing else; *media* are the parts that came with it."""
    failed = False
    if isinstance(response, dict):
        if set(response) == {"output"}:
            response = response["output"]
        elif set(response) == {"error"}:
            response, failed = response["error"], True
        else:
            failed = response.get("success") is False
    beside = parts_of(list(media))
    if beside:
        response = [{"type": "text", "content": response}, *beside] if response not in (None, "") else beside
    part: dict[str, Any] = {"type": "tool_call_response", "id": identity, "response": response}
    return part | {"is_error": True} if failed else part


def answers_of(content: Any, *, with_texts: bool = False) -> list[dict[str, Any]]:
    """Return a content as parts, where media behind a tool's answer came with it and belong to it.

    *with_texts*: texts do as well; where the user can speak, they are the user's.
    """
    groups: list[tuple[dict[str, Any], list[Any]]] = []
    other: list[Any] = []
    for item in content if isinstance(content, list) else [] if content is None else [content]:
        if isinstance(item, dict) and (answer := dict_of(item, "functionResponse")):
            groups.append((answer, list_of(answer, "parts")[:]))
        elif groups and (with_texts or not (isinstance(item, str) or (isinstance(item, dict) and "text" in item))):
            groups[-1][1].append(item)
        else:
            other.append(item)
    found = [answered(text_of(answer, "id"), answer.get("response"), beside) for answer, beside in groups]
    return [*found, *parts_of(other)]


def without_hooks(parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return a user's parts with what hooks put around the prompt as parts of their own: it was not typed."""
    found: list[dict[str, Any]] = []
    for part in parts:
        text = part.get("content")
        if part["type"] != "text" or not isinstance(text, str) or "<hook_context>" not in text:
            found.append(part)
            continue
        while hook := _HOOK.match(text):
            found.append({"type": "hook_context", "content": hook[1]})
            text = text[hook.end() :]
        if text:
            found.append({"type": "text", "content": text})
    return found


def effects_of(name: str, arguments: Any, display: Any, response: Any, call: str) -> Iterator[dict[str, Any]]:
    """Yield what a tool call that succeeded did: by its name, and by what was displayed of an edit."""
    given = arguments if isinstance(arguments, dict) else {}
    named = {"call": call} if call else {}
    shown = display if isinstance(display, dict) else {}
    path = text_of(given, "file_path") or text_of(given, "absolute_path") or text_of(shown, "filePath") or text_of(given, "path")
    op = _OPS.get(name, "edit" if "fileDiff" in shown else "")
    if op in {"write", "edit"} and path:
        stat = dict_of(shown, "diffStat")
        lines = {
            "added": count_of(stat, "model_added_lines") + count_of(stat, "user_added_lines"),
            "removed": count_of(stat, "model_removed_lines") + count_of(stat, "user_removed_lines"),
        }
        yield {"op": op, "path": path, **lines, **named}
    elif op == "read" and path:
        yield {"op": op, "path": path, **named}
    elif op == "run":
        code = _EXIT.search(response) if isinstance(response, str) else None
        yield {"op": op, **({"exit_code": int(code[1])} if code else {}), **named}
    elif op == "search":
        yield {"op": op, **named}


def usage_of(given: int, said: int, thought: int, cached: int, total: int) -> dict[str, Any]:
    """Return a message's usage. Google counts thoughts beside the answer, some servers within it: the *total* tells."""
    body = {
        "input_tokens": given,
        "output_tokens": said + thought if not total or total >= given + said + thought else said,
        "cache_read_tokens": cached,
    }
    return body | {"reasoning_tokens": thought} if thought else body
