"""OpenAI Chat Completions: `POST /v1/chat/completions`."""

import json
from collections.abc import Iterator
from typing import Any

from .shapes import Answer, Call, Request, Result, Said, text_of


def fits(path: str) -> bool:
    """Return whether a path is this provider's."""
    return path.endswith("/chat/completions")


def aside(path: str, body: dict[str, Any]) -> dict[str, Any] | None:
    """Return the answer to a request that is not for the model, or None."""
    return None


def streams(path: str, query: str, body: dict[str, Any]) -> bool:
    """Return whether the answer is streamed."""
    return bool(body.get("stream"))


def parse(path: str, body: dict[str, Any]) -> Request:
    """Return the request in our shape."""
    items: list[Said | Call | Result] = []
    for message in body.get("messages", ()):
        role, text = message.get("role", ""), text_of(message.get("content"))
        if role == "tool":
            items.append(Result(message.get("tool_call_id", ""), text))
            continue
        if text:
            items.append(Said(role, text))
        for call in message.get("tool_calls") or ():
            function = call.get("function", {})
            items.append(Call(call.get("id", ""), function.get("name", ""), json.loads(function.get("arguments") or "{}")))
    tools = tuple(tool.get("function", {}).get("name", "") for tool in body.get("tools") or ())
    return Request("openai-chat", body.get("model", ""), tuple(items), tools, body)


def error(status: int) -> dict[str, Any]:
    """Return an error's body."""
    kind = "insufficient_quota" if status == 429 else "server_error"
    return {"error": {"message": "You exceeded your current quota", "type": kind, "code": kind, "param": None}}


def _calls(answer: Answer) -> list[dict[str, Any]]:
    return [
        {
            "index": i,
            "id": c.id,
            "type": "function",
            "function": {"name": c.name, "arguments": json.dumps(dict(c.arguments))},
        }
        for i, c in enumerate(answer.calls)
    ]


def _usage(answer: Answer) -> dict[str, Any]:
    return {
        "prompt_tokens": answer.input_tokens,
        "completion_tokens": answer.output_tokens,
        "total_tokens": answer.input_tokens + answer.output_tokens,
        "prompt_tokens_details": {"cached_tokens": answer.input_tokens * 3 // 4},
    }


def _end(answer: Answer) -> str:
    return "tool_calls" if answer.calls else "stop"


def whole(request: Request, answer: Answer) -> dict[str, Any]:
    """Return the answer at once."""
    message: dict[str, Any] = {"role": "assistant", "content": answer.text}
    if answer.calls:
        message["tool_calls"] = _calls(answer)
    choice = {"index": 0, "message": message, "finish_reason": _end(answer)}
    return {
        "id": f"chatcmpl-{answer.id}",
        "object": "chat.completion",
        "created": 0,
        "model": request.model,
        "choices": [choice],
        "usage": _usage(answer),
    }


def events(request: Request, answer: Answer) -> Iterator[tuple[str, Any, bool]]:
    """Yield the events of a stream: name, data, and whether a pause follows."""
    base = {"id": f"chatcmpl-{answer.id}", "object": "chat.completion.chunk", "created": 0, "model": request.model}

    def chunk(delta: dict[str, Any], end: str | None = None, **more: Any) -> dict[str, Any]:
        return base | {"choices": [{"index": 0, "delta": delta, "finish_reason": end}]} | more

    yield "", chunk({"role": "assistant", "content": ""}), False
    for piece in answer.text.split(" ") if answer.text else ():
        yield "", chunk({"content": f"{piece} "}), True
    if answer.calls:
        yield "", chunk({"tool_calls": _calls(answer)}), False
    yield "", chunk({}, _end(answer)), False
    yield "", base | {"choices": [], "usage": _usage(answer)}, False
    yield "", "[DONE]", False
