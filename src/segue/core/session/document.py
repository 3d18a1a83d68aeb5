"""The state document: a session's whole state for people and other programs, and the way back into a log.

`document` gives plain JSON data of the published schema (docs/reference/state.schema.json, generated from the types
below); `undocument.from_document` gives the events that make a new session of such a document: a state changes by events alone.
What comes back is all but positions in the old log (numbers, checkpoints, crossings of the budget, how far a transcript was
read) and times in between: the new log has its own. Notes and large contents are referred to, never copied.
"""

from typing import Any, Final, Literal, TypedDict

from segue.core.session.budget import Budget
from segue.core.session.hints import Hints, hints, recommended
from segue.core.session.metrics import Metrics
from segue.core.session.plan import Step
from segue.core.session.sections import AgentState, Anchor, Header, Item, Lineage, Losses, Place
from segue.core.session.state import State
from segue.core.session.values import plain
from segue.core.session.work import Changes, Decision, Entry, Focus, Question, Said, Task, Thread

FORMAT: Final = "segue-state"
VERSION: Final = 1


class Identity(Header):
    """Who and what the session is."""

    id: str


class Position(TypedDict):
    """Where in the log this state is."""

    seq: int
    digest: str
    at: str
    last_activity: str


class Lifecycle(TypedDict):
    """Where the session is in its life. Times are UTC."""

    status: str
    reason: str
    note: str
    by: str
    since: str
    created: str
    times: dict[str, str]
    entered: dict[str, int]
    active_seconds: float
    idle_seconds: float


class NamedAgent(AgentState):
    """An agent of the session."""

    name: str


class NamedPlace(Place):
    """A checkpoint or continuation."""

    name: str


class NamedItem(Item):
    """Something that was used: a note, a file, a decision, a playbook."""

    id: str


class MemoryKey(TypedDict):
    """A key of the session's memory; a large value is named by `value.seq`, the event that has it."""

    path: str
    value: Any
    seq: int


class WorkDocument(TypedDict):
    """The working state."""

    focus: Focus | None
    task: Task | None
    tasks: list[Task]
    recent_completions: list[Entry]
    plan: list[Step]
    completed_steps: list[Entry]
    actions: list[Entry]
    blockers: list[Entry]
    progress: float | None
    threads: list[Thread]
    questions: list[Question]
    answered: list[Question]
    decisions: list[Decision]
    preferences: list[Entry]
    constraints: list[Entry]
    changes: Changes | None


class Project(TypedDict):
    """The project, as far as this session knows: facts that were set, and the files that are worked on."""

    facts: dict[str, Any]
    active_files: list[str]


class Conversation(TypedDict):
    """The conversation: facts that were set (topic, ...), and what was said lately."""

    facts: dict[str, Any]
    instructions: list[Said]
    last_reply: Said | None


class Document(TypedDict):
    """The state of a session at a position of its log."""

    format: Literal["segue-state"]
    version: int
    session: Identity
    position: Position
    lifecycle: Lifecycle
    work: WorkDocument
    project: Project
    conversation: Conversation
    context: dict[str, Any]
    agents: list[NamedAgent]
    memory: list[MemoryKey]
    items: list[NamedItem]
    metrics: Metrics
    usage: Anchor | None
    budget: Budget
    hints: Hints
    checkpoints: list[NamedPlace]
    continuations: list[NamedPlace]
    imports: list[dict[str, Any]]
    lineage: Lineage
    losses: Losses
    unknown: dict[str, float]


def document(state: State) -> Document:
    """Return *state* as one document of plain JSON data, its own copy."""
    life, work = state.lifecycle, state.work
    found: Any = {
        "format": FORMAT,
        "version": VERSION,
        "session": {"id": state.session, **state.header},
        "position": {"seq": state.seq, "digest": state.digest, "at": state.at, "last_activity": state.activity},
        "lifecycle": {
            **{name: life[name] for name in ("status", "reason", "note", "by", "since", "created", "times", "entered")},
            "active_seconds": state.active_seconds,
            "idle_seconds": life["idle_ms"] / 1000,
        },
        "work": {
            "focus": work["focus"],
            "task": work["tasks"].get(work["task"]),
            **{name: list(work[name].values()) for name in _KEYED},
            **{name: work[name] for name in _PLAIN},
        },
        "project": {"facts": work["project"], "active_files": [r["path"] for r in recommended(state, 20, "file")]},
        "conversation": {
            "facts": work["conversation"],
            "instructions": work["instructions"],
            "last_reply": work["last_reply"],
        },
        "context": work["context"],
        "agents": _named("name", state.agents),
        "memory": _named("path", state.memory),
        "items": _named("id", state.items),
        "metrics": state.metrics,
        "usage": state.usage,
        "budget": state.budget,
        "hints": hints(state),
        "checkpoints": _named("name", state.checkpoints),
        "continuations": _named("name", state.continuations),
        "imports": list(state.imports.values()),
        "lineage": state.lineage,
        "losses": state.losses,
        "unknown": state.unknown,
    }
    copy: Document = plain(found)
    return copy


def _named(name: str, entries: dict[str, Any]) -> list[dict[str, Any]]:
    return [{name: key, **entry} for key, entry in entries.items()]


_KEYED: Final = ("tasks", "actions", "blockers", "threads", "questions", "decisions", "preferences", "constraints")
_PLAIN: Final = ("recent_completions", "plan", "completed_steps", "progress", "answered", "changes")
