"""The envelope: what every event carries, and what a caller hands in to have one written.

An event is one immutable record of a session's log. Its `body` says what happened (see `kinds`), its `source` where it
was taken from, with the agent's own record verbatim. In a conversation, events form a tree within their stream:

- `stream`: `main`, a subagent's id, a framework's namespace.
- `node`: the event's name in that tree, its own id unless the agent's record has one. A later event with the same stream
  and node is a revision: it supersedes the earlier one, in the earlier one's place.
- `parent`: the node it follows. ABSENT (the usual case) means the stream's head at that point of the log; None means a root.

Tuples, not dataclasses: creating one costs a third, and importing `dataclasses` would cost every start 20 ms.
"""

from collections.abc import Mapping
from typing import Any, Final, Literal, NamedTuple

MAIN: Final = "main"
"""The main line of a conversation."""

ABSENT: Final = "\0absent"
"""The parent of an event that follows its stream's head (no node can have this name: NUL is refused)."""

ANY: Final = -1
"""`expect=ANY`: append whatever the head is."""

KeyPolicy = Literal["ignore", "replace", "refuse"]
"""What an append does where an idempotency key is known: add nothing, add a revision, or refuse the whole append."""

Body = Mapping[str, Any]


class Draft(NamedTuple):
    """An event to be written. All but `kind` and `body` can be left to the store."""

    kind: str
    body: Body
    actor: str = ""
    stream: str = MAIN
    node: str | None = None
    parent: str | None = ABSENT
    key: str | None = None
    at: str | None = None
    source: Body | None = None
    scopes: Mapping[str, Body] | None = None
    """Changes to state that sessions share: scope name -> {key: value, or None to delete}. They commit with the event."""


class Event(NamedTuple):
    """One record of a log, as it was written. `seq` counts from 1 without gaps, a fork's from its parent's."""

    v: int
    seq: int
    id: str
    at: str
    kind: str
    actor: str
    stream: str
    node: str
    parent: str | None
    key: str | None
    more: int
    """How many events of the same write follow: a write that was cut short is set aside whole."""
    prev: str
    digest: str
    body: dict[str, Any]
    source: dict[str, Any] | None = None
    scopes: dict[str, dict[str, Any]] | None = None
    erased: bool = False
    """The body was taken away by `erase`; its hash is kept, so the chain still verifies."""


class Head(NamedTuple):
    """A position in a log: the last sequence number and its digest."""

    seq: int
    digest: str


class ForkPoint(NamedTuple):
    """Where a fork left its parent."""

    session: str
    seq: int
    digest: str


class Appended(NamedTuple):
    """What became of one draft: its event's place, and whether it is new (False: its key was known)."""

    seq: int
    id: str
    new: bool


class Commit(NamedTuple):
    """What an append wrote: one entry for each draft, in order, and the head after it."""

    entries: tuple[Appended, ...]
    head: Head


class Damage(NamedTuple):
    """A place in a log that could not be read. `seq` is None where not even that is known."""

    session: str
    where: str
    seq: int | None
    reason: str
