"""State: the fold of a session's events up to a position.

    state = fold(events)                     from the beginning
    state = fold(more, state)                from there on: fold(a + b) == fold(b, fold(a))
    state = fold(more, state, recall=...)    with what a restored checkpoint brings back: see `recall`
    State.from_json(state.to_json())         a snapshot, exactly the same

The given state is never changed. The size of a state does not grow with the length of the conversation: collections are
bounded, metrics count what went. An unknown kind, and a field of another type than expected, has no effect.
"""

from collections.abc import Callable, Iterable, Iterator
from json import dumps
from typing import Any, Final, NamedTuple, Self

from segue.core.errors import DamagedError, SegueError
from segue.core.log.codec import load_blobs
from segue.core.log.dating import happened
from segue.core.log.events import MAIN, Event
from segue.core.log.kinds import KINDS, upcast
from segue.core.log.times import seconds
from segue.core.session import budget, tables, work
from segue.core.session.lifecycle import ENTERS, QUIET
from segue.core.session.metrics import Metrics, Windows, count_event, new_metrics, new_windows, tally
from segue.core.session.sections import (
    AgentState,
    Anchor,
    Header,
    HeadOf,
    Item,
    Life,
    Lineage,
    Losses,
    Place,
    new_header,
    new_life,
)
from segue.core.session.values import LINE, LONG, add, count, items, mapping, plain, put, text, texts, union

SCHEMA: Final = "segue-state-11"
"""Names the shape of `to_json`, and what the fold makes of events: it changes with either."""

IDLE_MS: Final = 30 * 60 * 1000
"""A silence of more than this, while active, counts as idle."""

_HEADER_TEXTS: Final = ("name", "slug", "title", "organisation", "project", "type", "model", "owner", "workspace", "agent")


class State:
    """All that a session's events say, up to `seq`. Plain JSON data in typed sections."""

    __slots__ = (
        "activity",
        "agents",
        "at",
        "budget",
        "checkpoints",
        "continuations",
        "digest",
        "header",
        "heads",
        "imports",
        "items",
        "lifecycle",
        "lineage",
        "losses",
        "memory",
        "metrics",
        "seq",
        "session",
        "unknown",
        "usage",
        "windows",
        "work",
    )

    def __init__(self, session: str = "") -> None:
        """Begin before the first event of *session*."""
        self.session = session
        self.seq = 0
        self.digest = ""
        self.at = ""
        """Time of the last event."""
        self.activity = ""
        """Time of the latest event that is more than bookkeeping."""
        self.header: Header = new_header()
        self.lifecycle: Life = new_life()
        self.heads: dict[str, HeadOf] = {}
        """Stream -> head. A revision of a node that is no longer remembered moves it: `tree` is the truth."""
        self.work: work.Work = work.new_work()
        self.metrics: Metrics = new_metrics()
        self.usage: Anchor | None = None
        self.budget: budget.Budget = budget.new_budget()
        self.checkpoints: dict[str, Place] = {}
        self.continuations: dict[str, Place] = {}
        self.agents: dict[str, AgentState] = {}
        self.memory: dict[str, dict[str, Any]] = {}
        """Path -> `{"seq", "value"}`; a large value only as `{"seq", "bytes"}` in the place of the value."""
        self.items: dict[str, Item] = {}
        self.losses: Losses = {"count": 0, "recent": []}
        self.imports: dict[str, dict[str, Any]] = {}
        """`agent:foreign id:path` -> how far that transcript was read."""
        self.lineage: Lineage = {"parent": None, "origin": None, "predecessor": "", "merged": []}
        self.unknown: dict[str, float] = {}
        """Kind that this program does not know -> how many events of it."""
        self.windows: Windows = new_windows()

    @property
    def status(self) -> str:
        """The lifecycle's state: `created`, `active`, `paused`, `recovering`, `emergency`, `ended` or `archived`."""
        return self.lifecycle["status"]

    @property
    def active_seconds(self) -> float:
        """Seconds in the state `active`, the paused ones left out, up to the last event."""
        return self.lifecycle["active_ms"] / 1000

    @property
    def worked_seconds(self) -> float:
        """Seconds at work: the active ones without silences of more than half an hour, as of an agent that was just left."""
        return (self.lifecycle["active_ms"] - self.lifecycle["idle_ms"]) / 1000

    def to_json(self) -> dict[str, Any]:
        """Return the whole state as JSON data of its own; `from_json` gives the same state back."""
        return {"schema": SCHEMA} | {name: plain(getattr(self, name)) for name in _FIELDS}

    def to_bytes(self) -> bytes:
        """Return `to_json` as text, for a store's snapshot. The order of names carries meaning: it is not sorted."""
        return dumps({"schema": SCHEMA} | {name: getattr(self, name) for name in _FIELDS}).encode()

    @classmethod
    def from_json(cls, data: Any) -> Self:
        """Return the state that `to_json` made *data* of; *data* is taken over, not copied.

        Raises:
            DamagedError: of another schema, or not such a state. A snapshot can be dropped and folded again.
        """
        state = cls()
        if not isinstance(data, dict) or data.get("schema") != SCHEMA:
            raise DamagedError("state snapshot", f"it is not of schema {SCHEMA}")
        for name in _FIELDS:
            value, model = data.get(name), getattr(state, name)
            if name not in data or not (isinstance(value, type(model)) or (name == "usage" and _is_dict(value))):
                raise DamagedError("state snapshot", f"its {name} is missing or of another type")
            setattr(state, name, value)
        return state

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Return the state of `to_bytes`. Raises DamagedError."""
        from json import loads

        try:
            found = loads(data)
        except (ValueError, RecursionError) as e:
            raise DamagedError("state snapshot", str(e)) from e
        return cls.from_json(found)

    def copy(self) -> Self:
        """Return a state of its own with the same content."""
        return self.from_json(self.to_json())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, State) and all(getattr(self, n) == getattr(other, n) for n in _FIELDS)

    __hash__ = None  # type: ignore[assignment]


_FIELDS: Final = tuple(State.__slots__)


class Past(NamedTuple):
    """What of a state comes back when the conversation goes back to an earlier position."""

    work: work.Work
    usage: Anchor | None


Recall = Callable[[int], Past]
"""Position of the same log -> what the state was there."""


def fold(events: Iterable[Event], state: State | None = None, *, session: str = "", recall: Recall | None = None) -> State:
    """Return the state after *events*, which follow *state* (or begin the log of *session*).

    Events up to the state's own position are passed over: to fold again what was folded already changes nothing. *recall*
    tells what a restored checkpoint brings back (`recall.recalling`); without it the working state stays what it was.
    """
    found = State(session) if state is None else state.copy()
    for event in events:
        if event.seq > found.seq:
            _apply(found, event)
            if recall is not None and event.kind == "head.moved" and event.stream == MAIN:
                _go_back(found, event, recall)
    return found


def with_texts(events: Iterable[Event], load_blob: Callable[[str], bytes]) -> Iterator[Event]:
    """Yield *events* that were read without their blobs with those large values that a state is made of.

    A task or an instruction may be long enough to be a blob; what tools gave back, which is most of what is large, says
    nothing to a state. A value that cannot be loaded stays a reference.
    """
    for event in events:
        if event.kind == "message" and event.body.get("role") == "tool":
            yield event
            continue
        try:
            yield load_blobs(event, load_blob)
        except SegueError:
            yield event


def _apply(state: State, event: Event) -> None:
    at = happened(event)
    if at != event.at:
        event = event._replace(at=at)
        tally(state.metrics, "times_replaced")
    state.seq, state.digest, state.at = event.seq, event.digest, event.at
    kind = event.kind
    known = KINDS.get(kind)
    if known is None:
        add(state.unknown, kind, 1, tables.MOST_NAMES)
        return
    if kind not in QUIET:
        _tick(state, event.at)
    body: Any = upcast(kind, event.body) if known.upcast else event.body
    if not isinstance(body, dict):
        body = {}
    if kind == "session.forked":
        _fork(state, body)
    if kind in ENTERS or kind == "session.unarchived":
        _enter(state, event, body)
    elif kind == "message" and state.lifecycle["status"] == "created":
        _enter_state(state, event, "active", {})  # nobody said so, but somebody works in it
    first = _count(state, event, body)
    if known.node:
        _node(state, event, body, first)
    if kind == "session.updated":
        _update(state, event, body)
    elif kind in work.HANDLERS:
        work.HANDLERS[kind](state.work, event, body)
    elif kind in tables.HANDLERS:
        tables.HANDLERS[kind](state, event, body)


def _count(state: State, event: Event, body: dict[str, Any]) -> int:
    """Take in how full the context is, then count; return the event that said it first."""
    if event.kind in {"message", "usage"}:
        tables.fill_context(state, event, body)
    return count_event(state.metrics, state.windows, event, body)


def _tick(state: State, at: str) -> None:
    """Let the session's clock go on to the time of an event."""
    try:
        now = round(seconds(at) * 1000)
    except (ValueError, TypeError):
        return
    life = state.lifecycle
    past = now - life["clock_ms"]
    if past <= 0:
        return
    if life["status"] == "active" and life["clock_ms"]:
        life["active_ms"] += past
        if past > IDLE_MS:
            life["idle_ms"] += past
    life["clock_ms"] = now
    state.activity = at


def _enter(state: State, event: Event, body: dict[str, Any]) -> None:
    status = ENTERS.get(event.kind) or state.lifecycle["before"] or "ended"
    if status == "archived" and state.lifecycle["status"] != "archived":
        state.lifecycle["before"] = state.lifecycle["status"]
    _enter_state(state, event, status, body)
    if status == "created":
        state.lifecycle["created"] = state.lifecycle["created"] or event.at
        _update(state, event, body)


def _enter_state(state: State, event: Event, status: str, body: dict[str, Any]) -> None:
    life = state.lifecycle
    if not (status == "archived" or event.kind == "session.unarchived"):  # these keep why it ended
        life["reason"] = text(body, "reason", LINE)
        life["by"] = text(body, "by", LINE)
    life["note"] = text(body, "note")
    life["status"], life["since"] = status, event.at
    life["times"][status] = event.at
    life["entered"][status] = life["entered"].get(status, 0) + 1


def _go_back(state: State, event: Event, recall: Recall) -> None:
    """Bring the working state of an earlier position back, but for what is so of the workspace whoever speaks."""
    position = count(event.body.get("position"))
    if not 0 < position < event.seq:
        return
    past = recall(position)
    state.work = plain(past.work) | {"changes": state.work["changes"]}
    state.usage = plain(past.usage)
    state.windows["said"] |= {"user": event.seq, "assistant": event.seq}  # of the branch that was left nothing counts


def _fork(state: State, body: dict[str, Any]) -> None:
    """Begin a fork: what the parent knew is known, what it was and did is its own."""
    header = new_header()
    old = state.header
    for name in ("title", "organisation", "project", "type", "task", "model", "owner", "workspace"):
        header[name] = old[name]
    header["tags"] = old["tags"]
    clock = state.lifecycle["clock_ms"]
    state.header, state.lifecycle = header, new_life()
    state.lifecycle["clock_ms"] = clock
    state.metrics, state.windows = new_metrics(), new_windows()
    succeeds = isinstance(body.get("predecessor"), str)
    state.imports = state.imports if succeeds else {}  # its agent goes on in the same transcript
    state.losses = {"count": 0, "recent": []}
    state.budget = budget.forked(state.budget, succeeds=succeeds)
    parent = mapping(body, "parent")
    at = {"session": text(parent, "session", LINE), "seq": count(parent.get("seq")), "digest": text(parent, "digest", LINE)}
    state.lineage = {"parent": at, "origin": None, "predecessor": "", "merged": []}


def _update(state: State, event: Event, body: dict[str, Any]) -> None:
    header = state.header
    for name in _HEADER_TEXTS:
        if isinstance(body.get(name), str):
            header[name] = text(body, name, 1_000)
    if isinstance(body.get("task"), str):
        header["task"] = text(body, "task", LONG)
    if isinstance(body.get("tags"), list):
        header["tags"] = texts(body, "tags", 64)
    if isinstance(body.get("foreign_ids"), list):
        header["foreign_ids"] = union(header["foreign_ids"], texts(body, "foreign_ids", 64), 64)
    if isinstance(body.get("predecessor"), str):
        state.lineage["predecessor"] = text(body, "predecessor", LINE)
    if origin := mapping(body, "forked_from"):
        state.lineage["origin"] = {name: text(origin, name, LINE) for name in ("session", "foreign_id", "node")}
    for agent in items(body, "agents"):
        if isinstance(agent, dict):
            rest = {k: v for k, v in agent.items() if k not in {"name", "type", "status", "set"}}
            tables.set_agent(state, event, agent | {"set": rest | mapping(agent, "set")})


def _node(state: State, event: Event, body: dict[str, Any], first: int) -> None:
    """Move the stream's head on, unless it is a revision of event *first*; take in what was said."""
    stream = event.stream
    if first == event.seq:
        put(state.heads, stream, {"node": event.node, "seq": event.seq}, tables.MOST_STREAMS)
    if event.kind == "compaction":
        if stream == MAIN:
            budget.hear(state.budget, event, body)
            after = count(body.get("post_tokens"))
            state.usage = tables.anchor(event, after, state.usage["model"] if state.usage else "") if after else None
        return
    if event.kind == "record" and stream == "hooks":
        budget.hear(state.budget, event, body)
    if event.kind != "message":
        return
    if stream == MAIN:
        work.hear(state.work, event, body, first, state.windows["said"])
    for effect in items(body, "effects"):
        if isinstance(effect, dict) and (path := text(effect, "path", 1_000)):
            tables.use(state, event, path, "file", effect)


def _is_dict(value: Any) -> bool:
    return value is None or isinstance(value, dict)
