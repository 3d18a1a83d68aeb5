"""Any session as LangChain's messages: a coding agent's, another framework's, or a thread of one's own."""

from collections.abc import Iterator, Mapping
from typing import Any

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.messages.ai import InputTokenDetails, OutputTokenDetails, UsageMetadata

from segue.core.log.ids import named_uuid
from segue.core.together.conversation import Turn
from segue.engine.api import Session
from segue.engine.conversing import Twin, told

_BLOCKS = {"document": "file"}


def messages(session: Session | Twin, *, at: int | None = None, window: int | None = None) -> list[AnyMessage]:
    """Return the conversation of *session*, whoever had it, as LangChain's messages: to begin a thread with, or to look at.

    Every call is answered right behind it, whatever was interrupted; what belongs to an abandoned branch is left out. Their
    ids are the same each time, so that a state they are in already takes them for the same messages.

    Args:
        session: one of an open store, `store.session(...)`, synchronous or not.
        at: as it was at this position.
        window: tokens that the model reads; what does not fit is condensed. 200,000 by default.

    Example:
        >>> import segue
        >>> with segue.open("memory://") as store:
        ...     session = store.create(workspace="")
        ...     _ = session.append("message", {"role": "user", "parts": [{"type": "text", "content": "hello"}]})
        ...     [(m.type, m.content) for m in messages(session)]
        [('human', 'hello')]
    """
    conversation = told(session, "langgraph", at=at, window=window)
    names: dict[str, str] = {}
    found: list[AnyMessage] = []
    for turn in conversation.turns:
        for message in _messages(turn, names):
            message.id = named_uuid("langgraph", conversation.session, turn.node, str(len(found)))
            if turn.meta or turn.summary:
                message.additional_kwargs["segue"] = {"meta": True}
            found.append(message)
    return found


def _messages(turn: Turn, names: dict[str, str]) -> Iterator[AnyMessage]:
    if turn.role == "tool":
        for part in turn.parts:
            yield ToolMessage(
                content=_content(part["response"]),
                tool_call_id=part["id"],
                name=names.get(part["id"]),
                status="error" if part.get("is_error") else "success",
            )
        return
    calls = [part for part in turn.parts if part["type"] == "tool_call"]
    content = _content([part for part in turn.parts if part["type"] != "tool_call"])
    if turn.role == "assistant":
        names |= {call["id"]: call["name"] for call in calls}
        yield AIMessage(
            content=content,
            tool_calls=[{"name": c["name"], "args": dict(c["arguments"]), "id": c["id"], "type": "tool_call"} for c in calls],
            usage_metadata=_usage(turn.usage),
            response_metadata={"model_name": turn.model} if turn.model else {},
        )
    elif turn.role == "system":
        yield SystemMessage(content=content)
    else:
        yield HumanMessage(content=content)


def _content(parts: Any) -> Any:
    """Return a text where it is one, else content blocks in LangChain's standard form."""
    if isinstance(parts, str):
        return parts
    blocks = [_block(part) for part in parts]
    if not blocks:
        return ""
    return blocks[0]["text"] if len(blocks) == 1 and blocks[0]["type"] == "text" else blocks


def _block(part: Mapping[str, Any]) -> dict[str, Any]:
    if part["type"] == "text":
        return {"type": "text", "text": part["content"]}
    kind = _BLOCKS.get(part["modality"], part["modality"])
    if part["type"] == "uri":
        return {"type": kind, "url": part["uri"]}
    return {"type": kind, "base64": part["content"], "mime_type": part["mime_type"]}


def _usage(usage: Mapping[str, Any] | None) -> UsageMetadata | None:
    if not usage:
        return None
    read, written = usage.get("input_tokens", 0), usage.get("output_tokens", 0)
    return UsageMetadata(
        input_tokens=read,
        output_tokens=written,
        total_tokens=read + written,
        input_token_details=InputTokenDetails(
            cache_read=usage.get("cache_read_tokens", 0), cache_creation=usage.get("cache_write_tokens", 0)
        ),
        output_token_details=OutputTokenDetails(reasoning=usage.get("reasoning_tokens", 0)),
    )
