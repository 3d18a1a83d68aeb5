"""Any session as the SDK's items: a coding agent's, another framework's, or one of the SDK's own."""

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, cast

from segue.core.together.conversation import Accepts, Turn
from segue.engine.api import Session
from segue.engine.conversing import Twin, told
from segue.integrations.openai_agents._items import AGENT, Item

if TYPE_CHECKING:
    from agents.items import TResponseInputItem

_TAKEN: Final = Accepts(tools="keep", media=frozenset({"image", "document"}), system=True)


def messages(session: Session | Twin, *, at: int | None = None, window: int | None = None) -> "list[TResponseInputItem]":
    """Return the conversation of *session*, whoever had it, as items: to add to a session of the SDK, or to begin a run with.

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
        ...     messages(session)
        [{'role': 'user', 'content': 'hello'}]
    """
    conversation = told(session, AGENT, _TAKEN, at=at, window=window)
    return cast("list[TResponseInputItem]", [item for turn in conversation.turns for item in _items(turn)])


def _items(turn: Turn) -> Iterator[Item]:
    said = [part for part in turn.parts if part["type"] not in {"tool_call", "tool_call_response"}]
    if said:
        yield {"role": turn.role, "content": _content(said)}
    for part in turn.parts:
        if part["type"] == "tool_call":
            arguments = json.dumps(part["arguments"], ensure_ascii=False)
            yield {"type": "function_call", "call_id": part["id"], "name": part["name"], "arguments": arguments}
        elif part["type"] == "tool_call_response":
            response = part["response"]
            output = response if isinstance(response, str) else [_part(p) for p in response]
            yield {"type": "function_call_output", "call_id": part["id"], "output": output}


def _content(parts: list[Mapping[str, Any]]) -> Any:
    """Return content: text where it is one, or all of it is, else its parts."""
    if all(part["type"] == "text" for part in parts):
        return "\n\n".join(part["content"] for part in parts)
    return [_part(part) for part in parts]


def _part(part: Mapping[str, Any]) -> Item:
    if part["type"] == "text":
        return {"type": "input_text", "text": part["content"]}
    inline = part["type"] == "blob"
    where = f"data:{part['mime_type']};base64,{part['content']}" if inline else part["uri"]
    if part["modality"] == "image":
        return {"type": "input_image", "image_url": where, "detail": "auto"}
    return (
        {"type": "input_file", "file_data": where, "filename": "document"}
        if inline
        else {"type": "input_file", "file_url": where}
    )
