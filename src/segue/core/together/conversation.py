"""A session as a conversation that another agent can go on from: what was said and done, in order, in no agent's format."""

from collections.abc import Mapping
from typing import Any, Final, Literal, NamedTuple

Fate = Literal["kept", "mapped", "folded", "dropped"]
"""What became of a thing on its way to another agent: as it was, in the target's own words, as text, or left out."""
FATES: Final[tuple[Fate, ...]] = ("kept", "mapped", "folded", "dropped")


class Turn(NamedTuple):
    """One message on the way from the session's beginning to its head."""

    role: Literal["user", "assistant", "tool", "system"]
    parts: tuple[Mapping[str, Any], ...]
    """In the form of `kinds.Part`. Every `tool_call` has a `tool_call_response` of the same id in a later turn, and no
    response stands without its call: what was unpaired has been repaired."""
    at: str
    """RFC 3339 in UTC."""
    node: str
    """The event's node in the session's tree."""
    message_id: str = ""
    """The provider's id: neighbouring turns that share it are pieces of one message."""
    model: str = ""
    usage: Mapping[str, Any] | None = None
    meta: bool = False
    """Neither typed by the user nor said by the model: injected by the agent that it comes from."""
    summary: bool = False
    """It stands for older turns that do not follow here."""


class Conversation(NamedTuple):
    """What is carried over."""

    session: str
    """Our own id of the session."""
    seq: int
    digest: str
    """The position that it was taken at: number and digest of the session's last event there."""
    agent: str
    """The agent that it comes from; empty for one that was begun with segue."""
    foreign_id: str
    """That agent's own id of it, or empty."""
    title: str
    workspace: str
    """The absolute directory that the next agent works in."""
    model: str
    turns: tuple[Turn, ...]


class Carried(NamedTuple):
    """One line of a conversion's report: so many things of one kind had one fate, and why."""

    what: str
    """A kind of thing: `message`, `tool_call`, `tool_call_response`, `reasoning`, `image`, `file`, `record.<type>` ..."""
    fate: Fate
    number: int
    why: str = ""
