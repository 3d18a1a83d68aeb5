"""A message of the model as Gemini CLI writes it: thoughts, text, calls with their answers, and usage in one record."""

from collections.abc import Iterable, Iterator
from typing import Any

from segue.transcripts._genai import answered, effects_of, parts_of, usage_of
from segue.transcripts._records import count_of, dict_of, list_of, name_of, text_of
from segue.transcripts.gemini.profile import unmarked


def model_body(record: dict[str, Any], name: str) -> dict[str, Any]:
    """Return the body of the message: its calls' answers are parts of it as well."""
    thoughts = [{"type": "reasoning", "content": _thought(t)} for t in list_of(record, "thoughts") if isinstance(t, dict)]
    said = parts_of(record.get("content"))
    parts = said if any(p["type"] == "reasoning" for p in said) else thoughts + said
    calls = [c for c in list_of(record, "toolCalls") if isinstance(c, dict)]
    there = {p.get("id") for p in parts if p["type"] == "tool_call"}
    parts = [p for p in parts if p.get("content") != ""]
    parts += [_call(c) for c in calls if text_of(c, "id") not in there]
    effects: list[dict[str, Any]] = []
    for call in calls:
        answer = _answer(call)
        if answer is not None:
            parts.append(answer)
            effects += [] if "is_error" in answer else _effects(call, answer)
    body: dict[str, Any] = {"role": "assistant", "parts": parts, "message_id": name}
    if effects:
        body["effects"] = effects
    if usage := _usage(dict_of(record, "tokens")):
        body["usage"] = usage
    if model := name_of(record, "model"):
        body["model"] = model
    return body


def _thought(thought: dict[str, Any]) -> str:
    subject, description = text_of(thought, "subject"), text_of(thought, "description")
    return f"**{subject}** {description}".strip() if subject else description


def _call(call: dict[str, Any]) -> dict[str, Any]:
    return {"type": "tool_call", "id": text_of(call, "id"), "name": text_of(call, "name"), "arguments": call.get("args")}


def _answer(call: dict[str, Any]) -> dict[str, Any] | None:
    """Return what a tool answered; None where it is not told. A copy has those of all parallel calls."""
    result, identity = call.get("result"), text_of(call, "id")
    if result is None or result == []:
        return None
    items = result if isinstance(result, list) else [result]
    response: Any = None
    mine = True
    media: list[Any] = []
    for item in items:
        answer = item.get("functionResponse") if isinstance(item, dict) else None
        if isinstance(answer, dict):
            mine = text_of(answer, "id") in {identity, ""}
            if mine:
                response = answer.get("response")
                media += list_of(answer, "parts")
        elif mine:
            media.append(item)
    part = answered(identity, response, media)
    if call.get("status") in {"error", "cancelled"}:
        part["is_error"] = True
    return part


def answered_in(record: dict[str, Any]) -> set[str]:
    """Return the ids of the calls whose answers a record of the model has."""
    calls = [c for c in list_of(record, "toolCalls") if isinstance(c, dict)]
    return {text_of(c, "id") for c in calls if _answer(c) is not None}


def _effects(call: dict[str, Any], answer: dict[str, Any]) -> list[dict[str, Any]]:
    name, identity = text_of(call, "name"), text_of(call, "id")
    return list(effects_of(name, call.get("args"), call.get("resultDisplay"), answer["response"], identity))


def _usage(tokens: dict[str, Any]) -> dict[str, Any]:
    if not tokens:
        return {}
    given, said, thought, cached, total = (count_of(tokens, k) for k in ("input", "output", "thoughts", "cached", "total"))
    return usage_of(given + count_of(tokens, "tool"), said, thought, cached, total)


def heard(parts: Iterable[dict[str, Any]]) -> Iterator[int]:
    """Yield what *parts* say and the ids of their calls, hashed."""
    for part in parts:
        content = part.get("content")
        if part["type"] == "text" and isinstance(content, str):
            yield hash(content.strip())
        elif part["type"] in {"tool_call", "tool_call_response"}:
            yield hash(("call", part.get("id")))


def as_typed(part: dict[str, Any]) -> dict[str, Any]:
    """Return a part of a prompt as it was before our writer marked it."""
    text = part.get("content")
    return {**part, "content": unmarked(text)} if part["type"] == "text" and isinstance(text, str) else part
