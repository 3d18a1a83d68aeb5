"""Gemini: `POST /v1beta/models/MODEL:streamGenerateContent` and `:generateContent`."""

from collections.abc import Iterator
from typing import Any

from .shapes import Answer, Call, Request, Result, Said, text_of


def fits(path: str) -> bool:
    """Return whether a path is this provider's."""
    return path.endswith((":streamGenerateContent", ":generateContent", ":countTokens"))


def aside(path: str, body: dict[str, Any]) -> dict[str, Any] | None:
    """Return the answer to a request that is not for the model, or None."""
    return {"totalTokens": len(str(body)) // 4} if path.endswith(":countTokens") else None


def streams(path: str, query: str, body: dict[str, Any]) -> bool:
    """Return whether the answer is streamed."""
    return path.endswith(":streamGenerateContent")


def parse(path: str, body: dict[str, Any]) -> Request:
    """Return the request in our shape. Gemini's calls have no ids of their own: their order is taken."""
    items: list[Said | Call | Result] = []
    for content in body.get("contents", ()):
        role = "assistant" if content.get("role") == "model" else "user"
        for part in content.get("parts", ()):
            if "functionCall" in part:
                call = part["functionCall"]
                items.append(Call(call.get("id", ""), call.get("name", ""), call.get("args") or {}))
            elif "functionResponse" in part:
                result = part["functionResponse"]
                items.append(Result(result.get("id", ""), text_of(result.get("response"))))
            elif "text" in part and not part.get("thought"):
                items.append(Said(role, part["text"]))
    tools = [f.get("name", "") for tool in body.get("tools") or () for f in tool.get("functionDeclarations") or ()]
    model = path.rpartition("/")[2].partition(":")[0]
    return Request("gemini", model, tuple(items), tuple(tools), body)


def error(status: int) -> dict[str, Any]:
    """Return an error's body."""
    kind = "RESOURCE_EXHAUSTED" if status == 429 else "INTERNAL"
    return {"error": {"code": status, "message": "You exceeded your current quota.", "status": kind}}


def _parts(answer: Answer) -> list[dict[str, Any]]:
    parts: list[dict[str, Any]] = [{"text": answer.text}] if answer.text else []
    return parts + [{"functionCall": {"id": c.id, "name": c.name, "args": dict(c.arguments)}} for c in answer.calls]


def _body(request: Request, answer: Answer, parts: list[dict[str, Any]], *, last: bool) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": parts}, "index": 0}
    body: dict[str, Any] = {"candidates": [candidate], "modelVersion": request.model, "responseId": answer.id}
    if last:
        candidate["finishReason"] = "STOP"
        body["usageMetadata"] = {
            "promptTokenCount": answer.input_tokens,
            "cachedContentTokenCount": answer.input_tokens * 3 // 4,
            "candidatesTokenCount": answer.output_tokens,
            "totalTokenCount": answer.input_tokens + answer.output_tokens,
        }
    return body


def whole(request: Request, answer: Answer) -> dict[str, Any]:
    """Return the answer at once."""
    return _body(request, answer, _parts(answer), last=True)


def events(request: Request, answer: Answer) -> Iterator[tuple[str, Any, bool]]:
    """Yield the events of a stream: name, data, and whether a pause follows."""
    for piece in answer.text.split(" ") if answer.text else ():
        yield "", _body(request, answer, [{"text": f"{piece} "}], last=False), True
    yield "", _body(request, answer, [p for p in _parts(answer) if "text" not in p] or [{"text": ""}], last=True), False
