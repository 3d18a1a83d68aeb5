"""The working state: what is being done, what is open, what was decided.

Entries carry `seq`, the number of the event that they come from: texts are cut here, the event has them whole.
Collections are bounded; what goes, goes from the oldest end, and the metrics still count it.
"""

from collections.abc import Callable
from typing import Any, Final, TypedDict

from segue.core.log.events import Event
from segue.core.session import plan
from segue.core.session.plan import Step
from segue.core.session.values import LINE, LONG, clip, count, free, items, mapping, number, push, put, text, texts

_MOST: Final = 100
_MOST_DECISIONS: Final = 200
_MOST_FACTS: Final = 64
_RECENT: Final = 20


class Focus(TypedDict):
    """What is looked at now: a note or file, and the position in it."""

    path: str
    note: str
    position: Any
    seq: int
    at: str


class Task(TypedDict):
    """A task and how it stands."""

    id: str
    title: str
    status: str
    phase: str
    step: str
    depends_on: list[str]
    seq: int
    at: str


class Entry(TypedDict):
    """A statement that holds: a blocker, a next action, a preference, a constraint, a completed step."""

    id: str
    text: str
    seq: int
    at: str


class Thread(TypedDict):
    """An open thread of the conversation."""

    topic: str
    status: str
    notes: str
    seq: int
    at: str


class Question(TypedDict):
    """A question, and its answer once there is one."""

    id: str
    text: str
    to: str
    answer: str
    seq: int
    at: str


class Decision(TypedDict):
    """A decision, and why."""

    id: str
    title: str
    reason: str
    major: bool
    seq: int
    at: str


class Changes(TypedDict):
    """The uncommitted changes of the workspace, as they were last seen; `count` is the number of all of them."""

    files: list[Any]
    count: int
    branch: str
    commit: str
    seq: int
    at: str


class Said(TypedDict):
    """Something that was said, its beginning."""

    text: str
    seq: int
    at: str


class Work(TypedDict):
    """The working state of a session. A task with the empty id is the session's own."""

    focus: Focus | None
    task: str
    """The id of the current task; empty: the session's own."""
    tasks: dict[str, Task]
    recent_completions: list[Entry]
    plan: list[Step]
    plan_seq: int
    """The event that the plan is from."""
    plan_task: str
    """The task that it is the plan of; empty: the session's own."""
    plans: dict[str, list[Step]]
    """Plans of other tasks, by the task's id."""
    completed_steps: list[Entry]
    actions: dict[str, Entry]
    blockers: dict[str, Entry]
    progress: float | None
    threads: dict[str, Thread]
    questions: dict[str, Question]
    answered: list[Question]
    decisions: dict[str, Decision]
    preferences: dict[str, Entry]
    constraints: dict[str, Entry]
    changes: Changes | None
    project: dict[str, Any]
    conversation: dict[str, Any]
    context: dict[str, Any]
    instructions: list[Said]
    """What the user said lately, injected text left out; the last is the last instruction."""
    last_reply: Said | None


def new_work() -> Work:
    """Return a working state in which nothing is known."""
    return Work(
        focus=None,
        task="",
        tasks={},
        recent_completions=[],
        plan=[],
        plan_seq=0,
        plan_task="",
        plans={},
        completed_steps=[],
        actions={},
        blockers={},
        progress=None,
        threads={},
        questions={},
        answered=[],
        decisions={},
        preferences={},
        constraints={},
        changes=None,
        project={},
        conversation={},
        context={},
        instructions=[],
        last_reply=None,
    )


def set_task(work: Work, event: Event, body: dict[str, Any]) -> None:
    """Change a task; what the event does not say stays as it was."""
    key = text(body, "id", LINE)
    old = work["tasks"].get(key)
    task = Task(
        id=key,
        title=text(body, "title", LONG) or (old["title"] if old else ""),
        status=text(body, "status", 20) or (old["status"] if old else "active"),
        phase=text(body, "phase", LINE) or (old["phase"] if old else ""),
        step=text(body, "step", LINE) or (old["step"] if old else ""),
        depends_on=texts(body, "depends_on", _MOST) or (old["depends_on"] if old else []),
        seq=event.seq,
        at=event.at,
    )
    if task["status"] in {"done", "dropped"}:
        work["tasks"].pop(key, None)
        if work["task"] == key:
            work["task"] = ""
        if task["status"] == "done":
            push(work["recent_completions"], _entry(event, key, task["title"] or key), _RECENT)
        if not key:  # the session's own task is kept, so that it is known what was done
            work["tasks"][key] = task
        return
    put(work["tasks"], key, task, _MOST)
    if task["status"] in {"active", "reopened"}:
        work["task"] = key
        plan.show(work, key)


def hear(work: Work, event: Event, body: dict[str, Any], first: int, latest: dict[str, int]) -> None:
    """Remember what the user said last, what the model answered, and what became of its own list of steps.

    An agent may write a message anew, also one that others follow: what is older than what was said last changes nothing of that.

    Args:
        work: is changed.
        event: the message.
        body: the event's.
        first: the event that said it first: an earlier one, where this one revises it.
        latest: the first events of what was said last (`Windows.said`). Is changed.
    """
    role = text(body, "role", 20)
    if body.get("meta") is True or role not in {"user", "assistant"}:
        return
    if role == "assistant":
        _hear_plan(work, event, body, first, latest)
    words = _words(body)
    if not words or first < latest.get(role, 0):
        return
    said = Said(text=words, seq=event.seq, at=event.at)
    revises = first == latest.get(role)
    latest[role] = first
    if role == "assistant":
        work["last_reply"] = said
    elif not (revises and work["instructions"]):
        push(work["instructions"], said, 10)
    elif work["instructions"][-1]["text"] != words:
        work["instructions"][-1] = said


def _hear_plan(work: Work, event: Event, body: dict[str, Any], first: int, latest: dict[str, int]) -> None:
    place = latest.get("plan", 0) if latest.get("planned") == work["plan_seq"] else work["plan_seq"]
    if first < place:
        return
    for done in plan.hear(work, body, event.seq, revises=first < event.seq):
        push(work["completed_steps"], _entry(event, work["task"], done), 50)
    if work["plan_seq"] == event.seq:
        latest["plan"], latest["planned"] = first, event.seq


def _words(body: dict[str, Any], limit: int = 2_000) -> str:
    found: list[str] = []
    room = limit
    for part in items(body, "parts"):
        if room > 0 and isinstance(part, dict) and part.get("type") == "text":
            words = text(part, "content", limit).strip()
            if words:
                found.append(words)
                room -= len(words)
    return clip("\n".join(found), limit)


def _set_focus(work: Work, event: Event, body: dict[str, Any]) -> None:
    path, note = text(body, "path"), text(body, "note")
    if not path and not note:
        work["focus"] = None
        return
    position = free(body.get("position"), event.seq)
    work["focus"] = Focus(path=path, note=note, position=position, seq=event.seq, at=event.at)


def _complete_step(work: Work, event: Event, body: dict[str, Any]) -> None:
    done = text(body, "text")
    push(work["completed_steps"], _entry(event, text(body, "task", LINE), done), 50)
    plan.complete(work, done, event.seq)


def _set_plan(work: Work, event: Event, body: dict[str, Any]) -> None:
    plan.set_plan(work, body, event.seq)


def _set_progress(work: Work, _event: Event, body: dict[str, Any]) -> None:
    work["progress"] = min(max(number(body.get("percent")), 0), 100)


def _set_thread(work: Work, event: Event, body: dict[str, Any]) -> None:
    topic = text(body, "topic", LINE)
    old = work["threads"].get(topic)
    status = text(body, "status", 20) or (old["status"] if old else "open")
    if status == "closed":
        work["threads"].pop(topic, None)
        return
    notes = text(body, "notes") or (old["notes"] if old else "")
    put(work["threads"], topic, Thread(topic=topic, status=status, notes=notes, seq=event.seq, at=event.at), _MOST)


def _ask(work: Work, event: Event, body: dict[str, Any]) -> None:
    asked = text(body, "text")
    key = text(body, "id", LINE) or clip(asked, LINE)
    entry = Question(id=key, text=asked, to=text(body, "to", LINE), answer="", seq=event.seq, at=event.at)
    put(work["questions"], key, entry, _MOST)


def _answer(work: Work, event: Event, body: dict[str, Any]) -> None:
    key = text(body, "question")
    asked = work["questions"].pop(clip(key, LINE), None)
    entry = Question(
        id=asked["id"] if asked else clip(key, LINE),
        text=asked["text"] if asked else key,
        to=asked["to"] if asked else "",
        answer=text(body, "answer"),
        seq=event.seq,
        at=event.at,
    )
    push(work["answered"], entry, 50)


def _decide(work: Work, event: Event, body: dict[str, Any]) -> None:
    title = text(body, "title", 500)
    key = text(body, "id", LINE) or clip(title, LINE)
    work["decisions"].pop(text(body, "supersedes", LINE), None)
    entry = Decision(
        id=key, title=title, reason=text(body, "reason"), major=body.get("major") is True, seq=event.seq, at=event.at
    )
    put(work["decisions"], key, entry, _MOST_DECISIONS)


def _see_changes(work: Work, event: Event, body: dict[str, Any]) -> None:
    files = items(body, "files")
    work["changes"] = Changes(
        files=[free(f, event.seq, 500) for f in files[:_MOST]],
        count=max(count(body.get("count")), len(files)),
        branch=text(body, "branch", LINE),
        commit=text(body, "commit", LINE),
        seq=event.seq,
        at=event.at,
    )


def _holds(name: str) -> Callable[[Work, Event, dict[str, Any]], None]:
    def apply(work: Work, event: Event, body: dict[str, Any]) -> None:
        said = text(body, "text")
        key = text(body, "id", LINE) or clip(said, LINE)
        entries: Any = work[name]  # type: ignore[literal-required]
        put(entries, key, _entry(event, key, said), _MOST_DECISIONS)

    return apply


def _no_longer(name: str) -> Callable[[Work, Event, dict[str, Any]], None]:
    def apply(work: Work, _event: Event, body: dict[str, Any]) -> None:
        entries: Any = work[name]  # type: ignore[literal-required]
        key, said = text(body, "id", LINE), text(body, "text")
        if key:
            entries.pop(key, None)
        for found in [k for k, v in entries.items() if said and v["text"] == said]:
            del entries[found]

    return apply


def _facts(name: str) -> Callable[[Work, Event, dict[str, Any]], None]:
    def apply(work: Work, event: Event, body: dict[str, Any]) -> None:
        facts: Any = work[name]  # type: ignore[literal-required]
        set_facts(facts, mapping(body, "set"), event.seq)

    return apply


def set_facts(facts: dict[str, Any], new: dict[str, Any], seq: int) -> None:
    """Replace facts by those of the same name; `null` takes one away."""
    for name, value in new.items():
        if value is None:
            facts.pop(name, None)
        else:
            put(facts, clip(name, LINE), free(value, seq), _MOST_FACTS)


def _entry(event: Event, key: str, said: str) -> Entry:
    return Entry(id=key, text=said, seq=event.seq, at=event.at)


HANDLERS: Final[dict[str, Callable[[Work, Event, dict[str, Any]], None]]] = {
    "focus.set": _set_focus,
    "task.set": set_task,
    "step.completed": _complete_step,
    "plan.set": _set_plan,
    "action.next": _holds("actions"),
    "action.done": _no_longer("actions"),
    "blocker.raised": _holds("blockers"),
    "blocker.cleared": _no_longer("blockers"),
    "progress.set": _set_progress,
    "thread.set": _set_thread,
    "question.asked": _ask,
    "question.answered": _answer,
    "decision.made": _decide,
    "preference.set": _holds("preferences"),
    "preference.dropped": _no_longer("preferences"),
    "constraint.set": _holds("constraints"),
    "constraint.dropped": _no_longer("constraints"),
    "changes.seen": _see_changes,
    "project.set": _facts("project"),
    "conversation.set": _facts("conversation"),
    "context.set": _facts("context"),
}
"""Kind of event -> what it does to the working state."""
