"""Anthropic Messages: `POST /v1/messages`."""

from collections.abc import Iterator
from typing import Any

from .shapes import Answer, Call, Request, Result, Said, text_of


def fits(path: str) -> bool:
    """Return whether a path is this provider's."""
    return path.endswith(("/v1/messages", "/v1/messages/count_tokens"))


def aside(path: str, body: dict[str, Any]) -> dict[str, Any] | None:
    """Return the answer to a request that is not for the model, or None."""
    return {"input_tokens": len(str(body)) // 4} if path.endswith("count_tokens") else None


def streams(path: str, query: str, body: dict[str, Any]) -> bool:
    """Return whether the answer is streamed."""
    return bool(body.get("stream"))


def parse(path: str, body: dict[str, Any]) -> Request:
    """Return the request in our shape."""
    items: list[Said | Call | Result] = []
    for message in body.get("messages", ()):
        content = message.get("content")
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content or ()
        for block in blocks:
            kind = block.get("type")
            if kind == "text":
                items.append(Said(message["role"], block.get("text", "")))
            elif kind == "tool_use":
                items.append(Call(block["id"], block["name"], block.get("input") or {}))
            elif kind == "tool_result":
                items.append(Result(block["tool_use_id"], text_of(block.get("content"))))
    tools = tuple(tool.get("name", "") for tool in body.get("tools", ()))
    return Request("anthropic", body.get("model", ""), tuple(items), tools, body)


def error(status: int) -> dict[str, Any]:
    """Return an error's body."""
    kind = {429: "rate_limit_error", 529: "overloaded_error", 401: "authentication_error"}.get(status, "api_error")
    return {"type": "error", "error": {"type": kind, "message": "This request would exceed your usage limit."}}


def _blocks(answer: Answer) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = [{"type": "text", "text": answer.text}] if answer.text else []
    return blocks + [{"type": "tool_use", "id": c.id, "name": c.name, "input": dict(c.arguments)} for c in answer.calls]


def whole(request: Request, answer: Answer) -> dict[str, Any]:
    """Return the answer at once."""
    return {
        "id": f"msg_{answer.id}",
        "type": "message",
        "role": "assistant",
        "model": request.model,
        "content": _blocks(answer),
        "stop_reason": "tool_use" if answer.calls else "end_turn",
        "stop_sequence": None,
        "usage": _usage(answer),
    }


def _usage(answer: Answer) -> dict[str, int]:
    cached = answer.input_tokens * 3 // 4
    return {
        "input_tokens": answer.input_tokens - cached,
        "cache_read_input_tokens": cached,
        "cache_creation_input_tokens": 0,
        "output_tokens": answer.output_tokens,
    }


def events(request: Request, answer: Answer) -> Iterator[tuple[str, Any, bool]]:
    """Yield the events of a stream: name, data, and whether a pause follows."""
    import json

    message = whole(request, answer) | {"content": [], "stop_reason": None}
    message["usage"] = _usage(answer) | {"output_tokens": 1}
    yield "message_start", {"type": "message_start", "message": message}, False
    for i, block in enumerate(_blocks(answer)):
        empty = block | ({"text": ""} if block["type"] == "text" else {"input": {}})
        yield "content_block_start", {"type": "content_block_start", "index": i, "content_block": empty}, False
        if block["type"] == "text":
            for piece in block["text"].split(" "):
                delta = {"type": "text_delta", "text": f"{piece} " if piece else ""}
                yield "content_block_delta", {"type": "content_block_delta", "index": i, "delta": delta}, True
        else:
            delta = {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
            yield "content_block_delta", {"type": "content_block_delta", "index": i, "delta": delta}, False
        yield "content_block_stop", {"type": "content_block_stop", "index": i}, False
    end = {"stop_reason": "tool_use" if answer.calls else "end_turn", "stop_sequence": None}
    yield "message_delta", {"type": "message_delta", "delta": end, "usage": {"output_tokens": answer.output_tokens}}, False
    yield "message_stop", {"type": "message_stop"}, False
