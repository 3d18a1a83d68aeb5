"""A session as a conversation that another agent can go on from: what was said and done, in order, in no agent's format."""

from collections.abc import Mapping
from hashlib import blake2b
from json import dumps
from typing import Any, Final, Literal, NamedTuple, get_args

from segue.core.log.ids import named_uuid

Fate = Literal["kept", "mapped", "folded", "dropped", "added"]
"""What became of a thing on its way to another agent: as it was, in the target's own words, as text, left out; or put in,
because the target demands it (the answer of a call that has none)."""
FATES: Final[tuple[Fate, ...]] = get_args(Fate)
ToolChoice = Literal["map", "keep", "text"]
"""Calls by the names of the target's own tools, by the names that they had, or as text."""


class Accepts(NamedTuple):
    """What an agent's transcripts can carry, and what it does best with: what a conversation for it is made to fit."""

    tools: ToolChoice = "map"
    """What its loader and its models tolerate best."""
    media: frozenset[str] = frozenset()
    """The modalities that its messages can hold (`image`, `document`, `audio`, `video`); others are folded into text."""
    reasoning: bool = False
    """It takes `reasoning` parts without a provider's signature."""
    system: bool = False
    """It takes turns of the role `system`; otherwise they are folded into the user's."""
    window: int = 200_000
    """Tokens that its usual model reads, for when the model is not known."""


class Turn(NamedTuple):
    """One message on the way from the session's beginning to its head: all records of it merged.

    What a writer can rely on: the first turn is the user's (or `system`, where the target takes it). A turn of the role
    `tool` holds the answers to exactly the calls of the `assistant` turn right before it, each once, in their order; every
    call is answered so. Ids of calls are unique, and like tools' names made of at most 64 of `A-Za-z0-9_-`. Only parts that the
    target `accepts` are there, no text is blank, no turn without parts.
    """

    role: Literal["user", "assistant", "tool", "system"]
    parts: tuple[Mapping[str, Any], ...]
    """In the form of `bodies.Part`: `text` with `content` (str); `tool_call` with `id`, `name`, `arguments` (an object);
    `tool_call_response` with `id`, `response` (a str, or a list of text and media parts) and perhaps `is_error`; `reasoning`
    with `content` (str); `blob` (`modality`, `mime_type`, `content` in base64) and `uri` (`modality`, `uri`)."""
    at: str
    """RFC 3339 in UTC."""
    node: str
    """The last event of it, as a node in the session's tree; of a turn that was put in, of what it stands for or before."""
    message_id: str = ""
    """The provider's id, where it has one."""
    model: str = ""
    usage: Mapping[str, Any] | None = None
    meta: bool = False
    """Put in by segue: neither typed by the user nor said by the model."""
    summary: bool = False
    """It stands for older turns that do not follow here."""


class Conversation(NamedTuple):
    """What is carried over."""

    session: str
    """Our own id of the session."""
    seq: int
    digest: str
    """The position that it was taken at: number and digest of the last event there that says more than bookkeeping."""
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
    """A kind of thing. Of a message each part is one: `text`, `tool_call`, `tool_call_response`, `reasoning`, `image`, ...; else
    `compaction`, `record.<type>`, `message` (one without parts)."""
    fate: Fate
    number: int
    why: str = ""


def identity(conversation: Conversation, agent: str) -> str:
    """Return the UUID that *conversation* has as a session of *agent*: the same turns at the same position, the same id."""
    turns = dumps([[t.role, t.parts, t.at] for t in conversation.turns], separators=(",", ":"), default=dict)
    said = blake2b(turns.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
    return named_uuid("transcript", agent, conversation.session, conversation.digest, conversation.workspace, said)
