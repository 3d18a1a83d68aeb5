"""What an ADK event says, as the body of a message."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

_MODALITIES: Final = frozenset({"image", "audio", "video"})
_WRAPPED: Final = frozenset({"output", "result"})
"""Under one of these ADK and Google's models put an answer that is no object."""
SUMMARIES: Final = "summaries"
"""The stream of the events that condense others: who makes one has a context of its own."""


def said(record: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the body of a message for the *record* of an ADK event; None where it says nothing."""
    parts = list(_parts(record))
    if not parts:
        return None
    body: dict[str, Any] = {"role": _role(record), "parts": parts}
    if model := record.get("model_version"):
        body["model"] = model
    if counted := record.get("usage_metadata"):
        body["usage"] = _usage(counted)
    if reason := record.get("finish_reason"):
        body["finish_reason"] = str(reason)
    return body


def used(record: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the tokens that an event counts which says nothing, and for which model; None where it counts none."""
    counted = record.get("usage_metadata")
    if not counted:
        return None
    model = record.get("model_version")
    return {**_usage(counted), **({"model": model} if model else {})}


def _role(record: Mapping[str, Any]) -> str:
    content = record["content"]
    if any("function_response" in part for part in content["parts"]):
        return "tool"
    return "user" if record.get("author") == "user" or content.get("role") == "user" else "assistant"


def _parts(record: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for part in (record.get("content") or {}).get("parts") or ():
        if "text" in part:
            yield {"type": "reasoning" if part.get("thought") else "text", "content": part["text"]}
        elif "function_call" in part:
            call = part["function_call"]
            yield {"type": "tool_call", "id": call.get("id"), "name": call.get("name", ""), "arguments": call.get("args")}
        elif "function_response" in part:
            yield _answer(part["function_response"])
        elif "inline_data" in part:
            data = part["inline_data"]
            yield {"type": "blob", **_media(data), "content": _standard(data.get("data"))}
        elif "file_data" in part:
            data = part["file_data"]
            yield {"type": "uri", **_media(data), "uri": data.get("file_uri")}
        else:  # what and how much; the rest is in the record
            kind = next(iter(part), "empty")
            other = part.get(kind)
            yield {"type": kind, "mime_type": other.get("mime_type") if isinstance(other, dict) else None}


def _answer(answer: Mapping[str, Any]) -> dict[str, Any]:
    response = answer.get("response")
    failed = False
    if isinstance(response, dict) and len(response) == 1:
        (name,) = response
        failed = name == "error"
        if failed or name in _WRAPPED:
            response = response[name]
    part = {"type": "tool_call_response", "id": answer.get("id"), "response": response}
    return part | {"is_error": True} if failed else part


def _media(data: Mapping[str, Any]) -> dict[str, Any]:
    mime = data.get("mime_type") or ""
    modality = mime.partition("/")[0]
    return {"modality": modality if modality in _MODALITIES else "document", "mime_type": mime}


def _standard(data: Any) -> str:
    """Return base64 in the standard alphabet: ADK writes the one for URLs."""
    return data.replace("-", "+").replace("_", "/") if isinstance(data, str) else ""


def _usage(counted: Mapping[str, Any]) -> dict[str, int]:
    names = {
        "input_tokens": ("prompt_token_count", "tool_use_prompt_token_count"),
        "output_tokens": ("candidates_token_count", "thoughts_token_count"),
        "cache_read_tokens": ("cached_content_token_count",),
        "reasoning_tokens": ("thoughts_token_count",),
    }
    return {ours: sum(counted.get(t) or 0 for t in theirs) for ours, theirs in names.items()}
