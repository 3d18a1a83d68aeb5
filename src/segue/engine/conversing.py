"""A session's conversation for whoever is not a coding agent: programs and frameworks that take messages."""

import re
from binascii import Error, a2b_base64
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from segue.core.context.pack import Counter
from segue.core.errors import UsageError
from segue.core.log.events import Damage
from segue.core.together.conversation import Accepts, Conversation, Turn
from segue.core.together.converting import Conversion, Target, convert, position
from segue.engine.api import Session
from segue.engine.loading import load
from segue.ports import Store

MEDIA: Final = frozenset({"image", "document", "audio", "video"})
ANYBODY: Final = Accepts(tools="keep", media=MEDIA, system=True)
"""What a program can be given that knows nothing of agents' tools: calls by their own names."""
_HALVES: Final = re.compile("[\ud800-\udfff]")


class Twin(Protocol):
    """An asynchronous session, beside its synchronous one."""

    @property
    def sync(self) -> Session:
        """The synchronous one."""
        ...


def converse(
    store: Store, session: str, target: Target | None, counter: Callable[[str | None], Counter], at: int | None = None
) -> Conversion:
    """Return the conversation of *session* for *target* (for anybody), as it is or was *at* a position.

    Raises:
        NotFoundError: no such session or position.
    """
    events = list(store.read(session, upto=at, on_damage=_pass))
    last = position(events)
    state = load(store, session, last.seq if last else at, on_damage=_pass)
    return convert(events, state, target or Target("", ANYBODY), counter(state.header["model"] or None))


def told(
    session: Session | Twin, agent: str, accepts: Accepts = ANYBODY, *, at: int | None = None, window: int | None = None
) -> Conversation:
    """Return the conversation of *session*, synchronous or not, for the framework *agent* to go on with.

    Its texts are whole characters and its media whole base64: frameworks refuse others.

    Args:
        session: one of an open store.
        agent: the framework's name.
        accepts: what its messages can carry.
        at: as it was at this position.
        window: tokens that its model reads; 200,000 by default. What does not fit is condensed.
    """
    own = session if isinstance(session, Session) else getattr(session, "sync", None)
    if not isinstance(own, Session):
        raise UsageError(f"an open session is needed here, and this is {type(session).__name__!r}", hint='store.session("last")')
    found = own.convert(Target(agent, accepts, window=window), at=at).conversation
    return found._replace(turns=tuple(_sound(turn) for turn in found.turns))


def _sound(turn: Turn) -> Turn:
    return turn._replace(parts=tuple(_part(_whole(part)) for part in turn.parts))


def _part(part: Mapping[str, Any]) -> Mapping[str, Any]:
    if part["type"] == "blob" and not _is_base64(part["content"]):
        return {"type": "text", "content": f"[segue: {part['modality']} {part['mime_type']}, its bytes are damaged]"}
    if part["type"] == "tool_call_response" and isinstance(part["response"], list):
        return {**part, "response": [_part(inner) for inner in part["response"]]}
    return part


def _is_base64(content: str) -> bool:
    try:
        return bool(a2b_base64(content, strict_mode=True))
    except (Error, ValueError):
        return False


def _whole(value: Any) -> Any:
    """Return JSON without halves of characters: U+FFFD stands for each."""
    if isinstance(value, str):
        return value if value.isascii() else _HALVES.sub("\ufffd", value)
    if isinstance(value, Mapping):
        return {_whole(key): _whole(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_whole(item) for item in value]
    return value


def _pass(_damage: Damage) -> None:
    """Damage is for `validate`."""
