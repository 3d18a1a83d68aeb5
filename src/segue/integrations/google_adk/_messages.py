"""Any session as ADK's events: a coding agent's, another framework's, or one of ADK's own."""

from base64 import b64decode
from collections.abc import Iterator, Mapping
from typing import Any

from google.adk.events.event import Event
from google.genai import types

from segue.core.log.ids import named_uuid
from segue.core.log.times import seconds
from segue.core.together.conversation import Turn
from segue.engine.api import Session
from segue.engine.conversing import Twin, told


def messages(session: Session | Twin, *, author: str = "agent", at: int | None = None, window: int | None = None) -> list[Event]:
    """Return the conversation of *session*, whoever had it, as ADK's events: to append to a session of ADK's, or to look at.

    Every call is answered right behind it, whatever was interrupted; what belongs to an abandoned branch is left out. Their
    ids are the same each time: appended again, they add nothing.

    Args:
        session: one of an open store, `store.session(...)`, synchronous or not.
        author: the name of the agent that goes on; to others' words ADK puts whose they are.
        at: as it was at this position.
        window: tokens that the model reads; what does not fit is condensed. 200,000 by default.

    Example:
        >>> import segue
        >>> with segue.open("memory://") as store:
        ...     session = store.create(workspace="")
        ...     _ = session.append("message", {"role": "user", "parts": [{"type": "text", "content": "hello"}]})
        ...     [(event.author, event.content.parts[0].text) for event in messages(session)]
        [('user', 'hello')]
    """
    conversation = told(session, "google_adk", at=at, window=window)
    names: dict[str, str] = {}
    found: list[Event] = []
    invocation = ""
    for turn in conversation.turns:
        number = str(len(found))
        if turn.role in {"user", "system"} or not invocation:
            invocation = f"e-{named_uuid('google_adk', conversation.session, turn.node, number, 'invocation')}"
        by_user = turn.role in {"user", "system"}
        found.append(
            Event(
                id=named_uuid("google_adk", conversation.session, turn.node, number),
                author="user" if by_user else author,
                invocation_id=invocation,
                timestamp=seconds(turn.at),
                content=types.Content(role="model" if turn.role == "assistant" else "user", parts=list(_parts(turn, names))),
                model_version=turn.model or None,
                usage_metadata=_usage(turn.usage),
            )
        )
    return found


def _parts(turn: Turn, names: dict[str, str]) -> Iterator[types.Part]:
    for part in turn.parts:
        if part["type"] == "tool_call":
            names[part["id"]] = part["name"]
            call = types.FunctionCall(id=part["id"], name=part["name"], args=dict(part["arguments"]))
            yield types.Part(function_call=call)
        elif part["type"] == "tool_call_response":
            yield from _answer(part, names.get(part["id"], "tool"))
        else:
            yield _part(part)


def _answer(part: Mapping[str, Any], name: str) -> Iterator[types.Part]:
    """Yield an answer, and behind it the media that came with it."""
    response = part["response"]
    within = [] if isinstance(response, str) else response
    text = response if isinstance(response, str) else "\n".join(p["content"] for p in within if p["type"] == "text")
    answer = {"error" if part.get("is_error") else "output": text}
    yield types.Part(function_response=types.FunctionResponse(id=part["id"], name=name, response=answer))
    yield from (_part(p) for p in within if p["type"] != "text")


def _part(part: Mapping[str, Any]) -> types.Part:
    if part["type"] == "text":
        return types.Part(text=part["content"])
    if part["type"] == "uri":
        return types.Part(file_data=types.FileData(file_uri=part["uri"], mime_type=part.get("mime_type")))
    return types.Part(inline_data=types.Blob(data=b64decode(part["content"]), mime_type=part["mime_type"]))


def _usage(usage: Mapping[str, Any] | None) -> types.GenerateContentResponseUsageMetadata | None:
    if not usage:
        return None
    read, written, thought = (usage.get(f"{what}_tokens", 0) for what in ("input", "output", "reasoning"))
    return types.GenerateContentResponseUsageMetadata(
        prompt_token_count=read,
        candidates_token_count=max(written - thought, 0),
        thoughts_token_count=thought,
        cached_content_token_count=usage.get("cache_read_tokens", 0),
        total_token_count=read + written,
    )
