"""What the items of Codex's conversations say: messages, reasoning, calls of tools, their answers, and what the calls do."""

import json
import re
from collections.abc import Iterator
from typing import Any, Final

from segue.transcripts._parts import other_part, parts_by, response_of, texts
from segue.transcripts._records import dict_of, list_of, name_of, text_of

CALLS: Final = frozenset({"function_call", "custom_tool_call", "local_shell_call", "web_search_call"})
_INJECTED = re.compile(
    r"\s*(<(environment_context|user_instructions|permissions|skills?|turn_aborted|user_shell_command|apps_instructions"
    r"|collaboration_mode|subagent_notification|INSTRUCTIONS)\b|# AGENTS\.md instructions)"
)
_EXIT = re.compile(r"(?:Process exited with code|Exit code:) (-?\d+)")
_PATCH = re.compile(r"\*\*\* Begin Patch\n(.*?)(?:\*\*\* End Patch|\Z)", re.DOTALL)
_FILE = re.compile(r"\*\*\* (Add|Update|Delete) File: (.+)")
_OPS = {"Add": "write", "Update": "edit", "Delete": "delete"}
_SHELLS = frozenset({"exec_command", "shell", "shell_command", "container.exec", "local_shell", "unified_exec"})


def body_of(payload: dict[str, Any], role: str, parts: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the body of the message that an item is."""
    body: dict[str, Any] = {"role": role, "parts": parts}
    if identity := name_of(payload, "id"):
        body["message_id"] = identity
    return body


def is_injected(payload: dict[str, Any], parts: list[dict[str, Any]]) -> bool:
    """Return whether a user message was put there by the program: newer versions say so, older ones show it."""
    about = dict_of(payload, "internal_chat_message_metadata_passthrough")
    kinds = [k for k in list_of(about, "content_item_kinds") if isinstance(k, str)]
    if kinds:
        return not any(k.startswith("user.") or k == "unknown" for k in kinds)
    said = texts(parts)
    return bool(said) and all(map(_INJECTED.match, said))


def parts_of(content: Any) -> list[dict[str, Any]]:
    """Return a content as parts."""
    return parts_by(_part, content)


def _part(item: dict[str, Any]) -> dict[str, Any]:
    kind = text_of(item, "type")
    if kind in {"input_text", "output_text", "text", "summary_text", "reasoning_text"}:
        return {"type": "text", "content": item.get("text", "")}
    if kind == "input_image":
        return {"type": "uri", "modality": "image", "uri": text_of(item, "image_url")}
    return other_part(item)


def reasoning_of(payload: dict[str, Any]) -> dict[str, Any]:
    """Return what the model thought, as a part: the summary, and the rest where it is told."""
    parts = parts_of(payload.get("summary")) + parts_of(payload.get("content"))
    return {"type": "reasoning", "content": "\n\n".join(texts(parts))}


def call_of(kind: str, payload: dict[str, Any]) -> dict[str, Any]:
    """Return a call of that *kind* as a part."""
    identity = text_of(payload, "call_id") or text_of(payload, "id")
    part: dict[str, Any] = {"type": "tool_call", "id": identity, "name": _called(payload)}
    if kind == "function_call":
        return part | {"arguments": _arguments(payload.get("arguments"))}
    if kind == "custom_tool_call":
        return part | {"arguments": payload.get("input")}
    return part | {"name": kind.removesuffix("_call"), "arguments": payload.get("action")}


def _called(payload: dict[str, Any]) -> str:
    """Return the name of a tool, that of an MCP server's with the server before it, as other agents write it."""
    name, namespace = text_of(payload, "name"), text_of(payload, "namespace")
    return f"{namespace}__{name}" if namespace.startswith("mcp__") else name


def _arguments(text: Any) -> Any:
    if not isinstance(text, str):
        return text
    try:
        found = json.loads(text, parse_constant=str)
    except (ValueError, RecursionError):
        return text
    return found if isinstance(found, dict) else text


def answer_of(output: Any) -> tuple[Any, int]:
    """Return what a tool answered, and its exit code (0 where none is told)."""
    if isinstance(output, dict):
        return answer_of(output.get("content", output.get("output")))
    if isinstance(output, list):
        return response_of(parts_of(output)), 0
    if not isinstance(output, str):
        return output, 0
    if output.startswith("{"):  # older versions: {"output": ..., "metadata": {"exit_code": ...}}
        told = _arguments(output)
        if isinstance(told, dict) and isinstance(told.get("output"), str) and "metadata" in told:
            code = dict_of(told, "metadata").get("exit_code")
            return told["output"], code if isinstance(code, int) else 0
    code = _EXIT.search(output[:400])
    return output, int(code[1]) if code else 0


def effects_of(call: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield what a tool call does: the command that runs first, then the files of a patch."""
    name, arguments = text_of(call, "name"), call.get("arguments")
    patch = arguments if isinstance(arguments, str) else ""
    if isinstance(arguments, dict):
        command = arguments.get("cmd", arguments.get("command", arguments.get("input", "")))
        words = command if isinstance(command, list) else [command]
        patch = "\n".join(word for word in words if isinstance(word, str))
    if name in _SHELLS:
        yield {"op": "run"}
    if "apply_patch" in f"{name} {patch[:200]}":
        for found in _PATCH.finditer(patch):
            yield from _patched(found[1], text_of(call, "id"))


def _patched(patch: str, identity: str) -> Iterator[dict[str, Any]]:
    effect: dict[str, Any] | None = None
    for line in patch.splitlines():
        named = _FILE.match(line)
        if named:
            if effect is not None:
                yield effect
            effect = {"op": _OPS[named[1]], "path": named[2].strip(), "added": 0, "removed": 0, "call": identity}
        elif effect is not None:
            effect["added"] += line.startswith("+")
            effect["removed"] += line.startswith("-")
    if effect is not None:
        yield effect
