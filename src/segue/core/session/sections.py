"""The sections of a state: typed dictionaries, so that a state is plain JSON data."""

from typing import Any, TypedDict


class Header(TypedDict):
    """Who and what a session is."""

    name: str
    slug: str
    title: str
    organisation: str
    project: str
    type: str
    task: str
    model: str
    owner: str
    workspace: str
    agent: str
    tags: list[str]
    foreign_ids: list[str]


class Life(TypedDict):
    """Where a session is in its life. Times are of events, UTC."""

    status: str
    reason: str
    note: str
    by: str
    """The successor of a superseded session."""
    since: str
    before: str
    """The state that it was archived in."""
    created: str
    times: dict[str, str]
    """State -> when it was last entered."""
    entered: dict[str, int]
    """State -> how often it was entered."""
    active_ms: int
    """Time in the state `active`, from event to event."""
    idle_ms: int
    """Of these, silences of more than half an hour."""
    clock_ms: int
    """The latest time of an event so far; clocks that go backwards do not count."""


class HeadOf(TypedDict):
    """The node that a stream's next event follows, and the event that made it so."""

    node: str | None
    seq: int


class Anchor(TypedDict):
    """The last usage record of the main stream: how full the context was, as the provider counted."""

    context_tokens: int
    model: str
    message_id: str
    """Whose call it was; empty: nobody said."""
    seq: int
    at: str


class Place(TypedDict):
    """A checkpoint or continuation: a name for a position. Its event, `seq`, has the whole."""

    seq: int
    position: int
    at: str
    automatic: bool
    trigger: str
    description: str


class AgentState(TypedDict):
    """An agent of the session, as it was last known."""

    type: str
    status: str
    set: dict[str, Any]
    seq: int
    at: str


class Item(TypedDict):
    """How often and how lately something was used: `score` halves every HALF_LIFE events and rises by one with each use."""

    kind: str
    path: str
    uses: int
    score: float
    tokens: int
    hash: str
    seq: int
    at: str


class Losses(TypedDict):
    """What could not be read or kept: how much, and the latest of it by name."""

    count: int
    recent: list[dict[str, Any]]


class Lineage(TypedDict):
    """Where a session comes from, and what went into it."""

    parent: dict[str, Any] | None
    """`{"session", "seq", "digest"}` of a fork."""
    origin: dict[str, Any] | None
    """`{"session", "foreign_id", "node"}` of what the agent itself forked this one from: our id of it or the agent's."""
    predecessor: str
    """The superseded session that it continues."""
    merged: list[dict[str, Any]]
    """`{"session", "position", "outcome", "seq"}` of what was merged into it."""


def new_header() -> Header:
    """Return a header in which nothing is said."""
    return Header(
        name="",
        slug="",
        title="",
        organisation="",
        project="",
        type="",
        task="",
        model="",
        owner="",
        workspace="",
        agent="",
        tags=[],
        foreign_ids=[],
    )


def new_life() -> Life:
    """Return the life of a session that is not there yet."""
    return Life(
        status="created",
        reason="",
        note="",
        by="",
        since="",
        before="",
        created="",
        times={},
        entered={},
        active_ms=0,
        idle_ms=0,
        clock_ms=0,
    )
