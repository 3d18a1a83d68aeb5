"""Any session as Pydantic AI's messages: a coding agent's, another framework's, or a conversation of its own."""

from base64 import b64decode
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from pydantic_ai import messages as theirs
from pydantic_ai.usage import RequestUsage

from segue.core.together.conversation import Turn
from segue.engine.api import Session
from segue.engine.conversing import Twin, told

_URLS: Final = {
    "image": theirs.ImageUrl,
    "document": theirs.DocumentUrl,
    "audio": theirs.AudioUrl,
    "video": theirs.VideoUrl,
}


def messages(session: Session | Twin, *, at: int | None = None, window: int | None = None) -> list[theirs.ModelMessage]:
    """Return the conversation of *session*, whoever had it, as messages: `message_history` of a run, or of a conversation.

    Every call is answered right behind it, whatever was interrupted; what belongs to an abandoned branch is left out.

    Args:
        session: one of an open store, `store.session(...)`, synchronous or not.
        at: as it was at this position.
        window: tokens that the model reads; what does not fit is condensed. 200,000 by default.

    Example:
        >>> import segue
        >>> with segue.open("memory://") as store:
        ...     session = store.create(workspace="")
        ...     _ = session.append("message", {"role": "user", "parts": [{"type": "text", "content": "hello"}]})
        ...     [message.parts[0].content for message in messages(session)]
        ['hello']
    """
    names: dict[str, str] = {}
    return [_message(turn, names) for turn in told(session, "pydantic_ai", at=at, window=window).turns]


def _message(turn: Turn, names: dict[str, str]) -> theirs.ModelMessage:
    at = datetime.fromisoformat(turn.at)
    if turn.role == "assistant":
        names |= {part["id"]: part["name"] for part in turn.parts if part["type"] == "tool_call"}
        said = [_said(part) for part in turn.parts]
        return theirs.ModelResponse(parts=said, usage=_usage(turn), model_name=turn.model or None, timestamp=at)
    if turn.role == "system":
        parts: list[theirs.ModelRequestPart] = [theirs.SystemPromptPart(part["content"], timestamp=at) for part in turn.parts]
    elif turn.role == "tool":
        parts = [_answer(part, names.get(part["id"], "tool"), at) for part in turn.parts]
    else:
        content = [_content(part) for part in turn.parts]
        one = content[0] if len(content) == 1 and isinstance(content[0], str) else content
        parts = [theirs.UserPromptPart(one, timestamp=at)]
    return theirs.ModelRequest(parts=parts, timestamp=at)


def _said(part: Mapping[str, Any]) -> theirs.ModelResponsePart:
    if part["type"] == "tool_call":
        return theirs.ToolCallPart(part["name"], dict(part["arguments"]), part["id"])
    if part["type"] == "blob":
        return theirs.FilePart(_bytes(part))
    return theirs.TextPart(part["content"] if part["type"] == "text" else str(part["uri"]))


def _answer(part: Mapping[str, Any], name: str, at: datetime) -> theirs.ToolReturnPart:
    response = part["response"]
    content = response if isinstance(response, str) else [_content(inner) for inner in response]
    failed = part.get("is_error") is True
    return theirs.ToolReturnPart(name, content, part["id"], timestamp=at, outcome="failed" if failed else "success")


def _content(part: Mapping[str, Any]) -> theirs.UserContent:
    if part["type"] == "text":
        return str(part["content"])
    return _bytes(part) if part["type"] == "blob" else _URLS[part["modality"]](part["uri"])


def _bytes(part: Mapping[str, Any]) -> theirs.BinaryContent:
    return theirs.BinaryContent(b64decode(part["content"]), media_type=part["mime_type"])


def _usage(turn: Turn) -> RequestUsage:
    told = turn.usage or {}
    return RequestUsage(
        input_tokens=told.get("input_tokens", 0),
        output_tokens=told.get("output_tokens", 0),
        cache_read_tokens=told.get("cache_read_tokens", 0),
        cache_write_tokens=told.get("cache_write_tokens", 0),
        output_reasoning_tokens=told.get("reasoning_tokens", 0),
    )
