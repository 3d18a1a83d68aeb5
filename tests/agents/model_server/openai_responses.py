"""OpenAI Responses: `POST /v1/responses`."""

import json
from collections.abc import Iterator
from typing import Any

from .shapes import Answer, Call, Request, Result, Said, text_of

_IN = "::"
"""Between a namespace and the name of a tool in it."""
_CALLS = {"function_call", "custom_tool_call", "local_shell_call"}


def fits(path: str) -> bool:
    """Return whether a path is this provider's."""
    return path.endswith("/responses")


def aside(path: str, body: dict[str, Any]) -> dict[str, Any] | None:
    """Return the answer to a request that is not for the model, or None."""
    return None


def streams(path: str, query: str, body: dict[str, Any]) -> bool:
    """Return whether the answer is streamed."""
    return bool(body.get("stream"))


def parse(path: str, body: dict[str, Any]) -> Request:
    """Return the request in our shape."""
    items: list[Said | Call | Result] = []
    given = body.get("input") or ()
    for item in [{"role": "user", "content": given}] if isinstance(given, str) else given:
        kind = item.get("type", "message")
        if kind == "message":
            items.append(Said(item.get("role", "user"), text_of(item.get("content"))))
        elif kind in _CALLS:
            items.append(Call(item.get("call_id", ""), item.get("name", kind), _arguments(item)))
        elif kind.endswith("_output"):
            items.append(Result(item.get("call_id", ""), text_of(item.get("output"))))
    tools = tuple(name for tool in body.get("tools", ()) for name in _names(tool))
    return Request("openai-responses", body.get("model", ""), tuple(items), tools, body)


def _names(tool: dict[str, Any]) -> list[str]:
    """Return the names of a tool, or of those in a namespace, which stands before them."""
    name = tool.get("name") or tool.get("type", "")
    return [name + _IN + inner["name"] for inner in tool["tools"]] if tool.get("type") == "namespace" else [name]


def _arguments(item: dict[str, Any]) -> dict[str, Any]:
    given = item.get("arguments", item.get("input", item.get("action")))
    try:
        found = json.loads(given) if isinstance(given, str) else given
    except ValueError:
        return {"input": given}
    return found if isinstance(found, dict) else {"input": found}


def error(status: int) -> dict[str, Any]:
    """Return an error's body."""
    kind = "usage_limit_reached" if status == 429 else "server_error"
    return {"error": {"type": kind, "code": kind, "message": "The usage limit has been reached", "resets_in_seconds": 3600}}


def _items(answer: Answer) -> list[dict[str, Any]]:
    text = {"type": "output_text", "text": answer.text, "annotations": []}
    said = {"type": "message", "id": f"msg_{answer.id}", "role": "assistant", "status": "completed", "content": [text]}
    calls = [
        {
            "type": "function_call",
            "id": f"fc_{c.id}",
            "call_id": c.id,
            **_called(c.name),
            "arguments": json.dumps(dict(c.arguments)),
            "status": "completed",
        }
        for c in answer.calls
    ]
    return [*([said] if answer.text else []), *calls]


def _called(name: str) -> dict[str, str]:
    namespace, _, inner = name.rpartition(_IN)
    return {"name": inner, "namespace": namespace} if namespace else {"name": inner}


def whole(request: Request, answer: Answer) -> dict[str, Any]:
    """Return the answer at once."""
    return {
        "id": f"resp_{answer.id}",
        "object": "response",
        "created_at": 0,
        "status": "completed",
        "model": request.model,
        "output": _items(answer),
        "usage": {
            "input_tokens": answer.input_tokens,
            "input_tokens_details": {"cached_tokens": answer.input_tokens * 3 // 4},
            "output_tokens": answer.output_tokens,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": answer.input_tokens + answer.output_tokens,
        },
    }


def events(request: Request, answer: Answer) -> Iterator[tuple[str, Any, bool]]:
    """Yield the events of a stream: name, data, and whether a pause follows."""
    done = whole(request, answer)
    begun = done | {"status": "in_progress", "output": [], "usage": None}
    yield "response.created", {"type": "response.created", "response": begun}, False
    for i, item in enumerate(done["output"]):
        added = item | {"content": []} if item["type"] == "message" else item
        yield "response.output_item.added", {"type": "response.output_item.added", "output_index": i, "item": added}, False
        if item["type"] == "message":
            for piece in answer.text.split(" "):
                delta = {"type": "response.output_text.delta", "item_id": item["id"], "output_index": i, "content_index": 0}
                yield "response.output_text.delta", delta | {"delta": f"{piece} "}, True
        yield "response.output_item.done", {"type": "response.output_item.done", "output_index": i, "item": item}, False
    yield "response.completed", {"type": "response.completed", "response": done}, False
