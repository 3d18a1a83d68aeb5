"""What the bodies of events are made of, a type for each kind (`kinds` says which is whose).

A body may always carry more than its type names: unknown fields are kept.
"""

from typing import Any, Literal, Required, TypedDict


class Part(TypedDict, total=False):
    """A part of a message, in the OpenTelemetry GenAI form: `text` and `reasoning` have `content`, `tool_call` has `id`, `name`,
    `arguments`, `tool_call_response` has `id`, `response`, and `blob`/`uri`/`file` name media. Other types are kept.
    """

    type: Required[str]
    content: Any
    id: str | None
    name: str
    arguments: Any
    response: Any
    is_error: bool


class Usage(TypedDict, total=False):
    """Tokens of one model call. `input_tokens` includes those read from and written to the cache, `output_tokens` includes
    reasoning (OpenTelemetry's way of counting).
    """

    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    reasoning_tokens: int
    cost_usd: float


class Message(TypedDict, total=False):
    """Something said: by the user, the system, the model (`assistant`) or a tool."""

    role: Required[Literal["system", "developer", "user", "assistant", "tool"]]
    parts: Required[list[Part]]
    message_id: str
    """The provider's id: several events can be records of one message; the usage of the last one counts, once."""
    model: str
    usage: Usage
    finish_reason: str | None
    meta: bool
    """Not typed by the user and not said by the model: injected by the agent (environment, reminders, a compaction summary)."""
    effects: list[dict[str, Any]]
    """What a tool did, where the agent's record says: `{"op", "path", "added", "removed"}`; `op` is one of `read`, `write`,
    `edit`, `delete`, `run`, `search`, `commit`.
    """
    queued: bool
    """Typed by the user while the agent worked: it belongs to the line of the conversation without being followed by it."""


class Compaction(TypedDict, total=False):
    """The agent condensed its context here. What was before stays in the log; the chain goes on behind it."""

    trigger: str
    pre_tokens: int
    post_tokens: int
    summary: str
    follows: str | None
    """The node that was last before the compaction, where the agent's own parent link is cut."""


class Record(TypedDict, total=False):
    """A record of an agent's transcript with no meaning for us (yet); `source` has it verbatim."""

    type: Required[str]


class HeadMoved(TypedDict, total=False):
    """The stream's head is moved to another node: a branch is left, or taken up again."""

    to: Required[str | None]
    frm: str | None
    reason: str
    position: int
    """The conversation goes back to what it was at this event: what its nodes said then, and with the main stream's head the
    working state."""
    checkpoint: str
    """Whose position that is."""


class Header(TypedDict, total=False):
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
    tags: list[str]
    agents: list[dict[str, Any]]
    foreign_ids: list[str]
    agent: str


class Created(Header, total=False):
    """A session begins."""

    predecessor: str
    """The superseded session that it continues."""


class Forked(Header, total=False):
    """A session begins that shares its parent's past."""

    parent: Required[dict[str, Any]]
    """`{"session", "seq", "digest"}`"""
    predecessor: str
    """The parent, where it was superseded by this session."""


class Updated(Header, total=False):
    """Fields of the header take new values."""


class Why(TypedDict, total=False):
    """A lifecycle event: why, in a word of the product's, and in free text."""

    reason: str
    note: str


class Validated(TypedDict, total=False):
    """The session goes on although what it relies on is gone or contradicted: `verified` by a person, or in an `emergency`."""

    how: Required[str]
    position: int
    """Since when things were compared."""
    failures: list[str]
    """What was verified."""


class Ended(TypedDict, total=False):
    """The session is over; `by` names the successor of a superseded one."""

    reason: Literal["done", "abandoned", "superseded"]
    by: str
    note: str


class Carried(TypedDict, total=False):
    """The session goes on in an agent's own transcript, written from it: in the origin `to` names the continuation, in the
    continuation `frm` the origin.
    """

    agent: Required[str]
    foreign_id: Required[str]
    to: str
    frm: str
    position: int
    """The last event of the origin that was carried over."""
    files: list[str]
    nodes: dict[str, Any]
    """Of the written transcript, node by node: the node of ours that it was made from."""
    keys: dict[str, Any]
    """Of nodes that are named by their line: the key of what was written there."""


class Merged(TypedDict, total=False):
    """The results of another session, most often a fork, were brought in."""

    session: Required[str]
    position: int
    outcome: str


class Checkpoint(TypedDict, total=False):
    """A position gets a name."""

    name: Required[str]
    position: Required[int]
    description: str
    trigger: str
    automatic: bool
    workspace: dict[str, Any]
    agents: dict[str, Any]
    memory: list[str]
    budget: dict[str, Any]
    git: dict[str, Any]
    scopes: dict[str, Any]
    phase: str


class Restoring(TypedDict, total=False):
    """A checkpoint is about to be restored: what is to happen, written before it does."""

    checkpoint: Required[str]
    position: int
    what: list[str]
    """`code`, `conversation`, or both."""
    before: str
    """The checkpoint of what was there."""
    continuation: str
    """The session in which the conversation went on, if one was restored before in a new transcript."""


class Restored(TypedDict, total=False):
    """What became of it: `done`, `failed` with a reason, or `interrupted`, as the next one found."""

    checkpoint: Required[str]
    outcome: Required[str]
    reason: str
    what: list[str]
    """What is as it was at the checkpoint now."""
    continuation: str
    """The session in which the conversation went on last."""


class Named(TypedDict, total=False):
    """A named thing goes away."""

    name: Required[str]
    why: str


class Continuation(TypedDict, total=False):
    """A place to go on inside the session."""

    name: Required[str]
    position: int
    step: int
    note: str


class Focus(TypedDict, total=False):
    """What is looked at now: a note or file, and the position in it."""

    path: str | None
    note: str | None
    position: Any


class Task(TypedDict, total=False):
    """The current task, or a change to one: without `id` it is the session's own."""

    id: str
    title: str
    status: Literal["pending", "active", "done", "dropped", "reopened"]
    phase: str
    step: str
    depends_on: list[str]


class Step(TypedDict, total=False):
    """A step is completed."""

    text: Required[str]
    task: str


class Plan(TypedDict, total=False):
    """The plan is replaced: steps as text, or `{"text", "status"}`."""

    steps: Required[list[Any]]
    task: str
    """The id of the task that it is the plan of; by default the current one."""


class Text(TypedDict, total=False):
    """A statement that holds from now on (a preference, a constraint, a blocker, a next action)."""

    text: Required[str]
    id: str


class Cleared(TypedDict, total=False):
    """It no longer holds: named by its text or id."""

    text: str
    id: str


class Progress(TypedDict, total=False):
    """How far the work is, in percent."""

    percent: Required[float]


class Thread(TypedDict, total=False):
    """An open thread of the conversation is opened, noted on, or closed."""

    topic: Required[str]
    status: Literal["open", "closed", "waiting"]
    notes: str


class Question(TypedDict, total=False):
    """A question is asked."""

    text: Required[str]
    id: str
    to: str


class Answer(TypedDict, total=False):
    """A question is answered; it is named by its id or text."""

    question: Required[str]
    answer: str


class Decision(TypedDict, total=False):
    """A decision, and why."""

    title: Required[str]
    reason: str
    id: str
    supersedes: str
    major: bool


class Changes(TypedDict, total=False):
    """The uncommitted changes of the workspace as they are now (all of them: the last such event counts)."""

    files: Required[list[Any]]
    """Each `{"path", "status", "digest"}`: git's letters, and git's id of the content, where it was read."""
    count: int
    """How many there are, where not all are in `files`."""
    branch: str
    commit: str
    head: dict[str, Any]
    """By what the commit is known again once it was rewritten: `tree`, `author` (a digest), `authored`, `subject`, `parent`."""
    upstream: dict[str, Any]
    """The branch that this one follows: `name`, `commit`."""
    stashes: int
    manifests: dict[str, Any]
    """What the project depends on: path -> digest of the file."""
    repository: str
    """The directory of the repository, which all its work trees share."""


class Facts(TypedDict, total=False):
    """Facts that replace those of the same name: of the project, the conversation, the context block."""

    set: Required[dict[str, Any]]


class UsageRecorded(Usage, total=False):
    """Tokens of a model call that is not itself in the log."""

    message_id: str
    model: str
    context_tokens: int
    """The size of the context as the provider counted it."""
    window: int
    """The context window of the model as the agent told it, in tokens."""


class Count(TypedDict, total=False):
    """A metric goes up: `commits`, `lines_added`, `searches`, `errors`, ... or one's own."""

    name: Required[str]
    by: float
    agent: str


class Note(TypedDict, total=False):
    """A note, file, decision or playbook was used."""

    id: Required[str]
    action: Literal["loaded", "created", "updated", "deleted"]
    path: str
    kind: str
    tokens: int
    hash: str
    uses: int
    """How often, where it is not once."""


class Memory(TypedDict, total=False):
    """A key of the shared memory takes a value; `null` deletes it."""

    path: Required[str]
    value: Any


class Agent(TypedDict, total=False):
    """An agent joins, or its state changes."""

    name: Required[str]
    type: str
    status: str
    set: dict[str, Any]


class Lease(TypedDict, total=False):
    """Somebody drives the session from here; the fencing token is this event's sequence number."""

    holder: Required[str]
    token: int


class Loss(TypedDict, total=False):
    """Something could not be read or kept; named, so that it is not lost quietly."""

    where: Required[str]
    reason: Required[str]


class ImportAdvanced(TypedDict, total=False):
    """How far a transcript was read: what makes the next import read only what is new."""

    agent: Required[str]
    foreign_id: Required[str]
    path: str
    position: Required[dict[str, Any]]
    records: int
    version: str


class Erased(TypedDict, total=False):
    """The contents of events were taken away for good: of which (ranges of numbers), by whom, and why. `session`: they are in its
    log, which this one shares. `snapshots`: those of the workspace that went with them.
    """

    seqs: Required[list[list[int]]]
    session: str
    snapshots: list[str]
    by: str
    why: str


class ScopeDelta(TypedDict, total=False):
    """In a scope's own log: a change that counts once the session's event is there (`prior` settles the one before)."""

    session: Required[str]
    event: Required[str]
    delta: Required[dict[str, Any]]
    prior: Literal["done", "void"] | None
