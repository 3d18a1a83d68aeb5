"""What the parts of opencode's messages say: text, media, what tools answered and did, and what it cost."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from segue.transcripts._parts import other_part
from segue.transcripts._records import count_of, dict_of, list_of, name_of, short, text_of

_DATA_URL = re.compile(r"data:([^;,]*)((?:;[^;,]*)*?);base64,(.*)\Z", re.DOTALL)
_OPS: Final = {
    "read": "read",
    "write": "write",
    "edit": "edit",
    "multiedit": "edit",
    "patch": "edit",
    "apply_patch": "edit",
    "bash": "run",
    "grep": "search",
    "glob": "search",
}


def model_of(info: Mapping[str, Any]) -> str:
    """Return the model that a message names, empty where it names none."""
    return name_of(info, "modelID") or name_of(dict_of(info, "model"), "modelID")


def body_of(info: Mapping[str, Any], role: str, parts: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the body of the event of a part, or of several, of the message *info*."""
    body: dict[str, Any] = {"role": role, "parts": parts}
    if identity := name_of(info, "id"):
        body["message_id"] = identity
    if role == "assistant" and (model := model_of(info)):
        body["model"] = model
    return body


def said_of(part: Mapping[str, Any], kind: str) -> dict[str, Any] | None:
    """Return a part that is said, in our form; None for those that are the program's own notes."""
    if kind == "text" and part.get("ignored") is not True:
        return {"type": "text", "content": part.get("text", "")}
    if kind == "reasoning":
        return {"type": "reasoning", "content": part.get("text", "")}
    if kind == "file":
        return _media(part)
    if kind in {"agent", "subtask"}:
        return other_part({k: v for k, v in part.items() if k not in {"id", "sessionID", "messageID"}})
    return None


def _media(part: Mapping[str, Any]) -> dict[str, Any]:
    mime, url = text_of(part, "mime"), text_of(part, "url")
    modality = mime.partition("/")[0] if mime.startswith(("image/", "audio/", "video/")) else "document"
    found: dict[str, Any] = {"type": "uri", "modality": modality, "mime_type": mime, "uri": url}
    if data := _DATA_URL.match(url):
        found = {"type": "blob", "modality": modality, "mime_type": mime or data[1], "content": data[3]}
    if name := text_of(part, "filename"):
        found["filename"] = name
    return found


def response_of(state: Mapping[str, Any]) -> Any:
    """Return what a tool answered: its text, or text and media."""
    said = state.get("error") if state.get("status") == "error" else state.get("output")
    media = [_media(a) for a in list_of(state, "attachments") if isinstance(a, dict)]
    return [{"type": "text", "content": said}, *media] if media else said


def error_of(error: Mapping[str, Any]) -> dict[str, Any]:
    """Return an error as it was told: its name, the provider's status, the first line of what was said."""
    data = dict_of(error, "data")
    found: dict[str, Any] = {"name": short(text_of(error, "name")) or "unknown"}
    if message := short(text_of(data, "message"), 500):
        found["message"] = message
    if status := count_of(data, "statusCode"):
        found["status"] = status
    return found


def usage_of(tokens: dict[str, Any], cost: Any) -> dict[str, Any]:
    """Return tokens in our way of counting: opencode's input is without the cache, its output (since 1.0) without reasoning."""
    cache = dict_of(tokens, "cache")
    read, written, reasoned = count_of(cache, "read"), count_of(cache, "write"), count_of(tokens, "reasoning")
    into, out = count_of(tokens, "input") + read + written, count_of(tokens, "output")
    if count_of(tokens, "total") != into + out:
        out += reasoned
    if not into + out:
        return {}
    found: dict[str, Any] = {
        "input_tokens": into,
        "output_tokens": out,
        "cache_read_tokens": read,
        "cache_write_tokens": written,
        "context_tokens": into + out,
    }
    if reasoned:
        found["reasoning_tokens"] = reasoned
    if isinstance(cost, (int, float)) and not isinstance(cost, bool) and cost > 0:
        found["cost_usd"] = cost
    return found


def effects_of(name: str, state: Mapping[str, Any], call: str) -> Iterator[dict[str, Any]]:
    """Yield what a tool did, as its state tells."""
    op, told, about = _OPS.get(name), dict_of(state, "input"), dict_of(state, "metadata")
    if op == "run":
        code = about.get("exit")
        told_code = isinstance(code, int) and not isinstance(code, bool)
        yield {"op": "run", **({"exit_code": code} if told_code else {}), "call": call}
    if op is None or op == "run" or state.get("status") != "completed":
        return
    if op == "search":
        found = count_of(about, "matches") or count_of(about, "count")
        yield {"op": "search", "files": found, "call": call}
        return
    effect: dict[str, Any] = {"op": op, "call": call}
    if path := text_of(told, "filePath") or text_of(about, "filepath"):
        effect["path"] = path
    if op == "write":
        effect |= {"added": len(text_of(told, "content").splitlines()), "removed": 0}
    elif op == "edit":
        diff = dict_of(about, "filediff")
        effect |= {"added": count_of(diff, "additions"), "removed": count_of(diff, "deletions")}
    yield effect
