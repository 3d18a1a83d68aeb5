"""What is known of a session besides its conversation: its working state as facts, each with the event that it comes from."""

from collections.abc import Iterable, Iterator
from typing import Any, Final, Literal, NamedTuple

from segue.core.log.times import seconds
from segue.core.session.plan import mark
from segue.core.session.state import State

Topic = Literal[
    "task", "constraint", "preference", "decision", "progress", "thread", "question", "blocker", "next", "focus", "project",
    "changed", "summary",
]  # fmt: skip

_DECISIONS_AT_FIRST: Final = 5
_DECISION_DAYS: Final = 30
_FILES: Final = 20


class Fact(NamedTuple):
    """One fact, on one line. `must`: it is given before anything else is considered."""

    topic: Topic
    text: str
    seq: int = 0
    must: bool = False


class Note(NamedTuple):
    """A note of the library that may be given, whole or its beginning; `why` says what speaks for it."""

    name: str
    title: str
    text: str
    why: str = ""
    essential: bool = False
    """It is given before the ledger and the history, as the index of the project is; others share a lane of their own."""
    priority: float = 0.9


class Known(NamedTuple):
    """What a restored context says of its session, beside the conversation."""

    session: str = ""
    position: int = 0
    workspace: str = ""
    facts: tuple[Fact, ...] = ()
    aim: str = ""
    """The task that is next, where it was given: what is about it comes before what is only newer."""
    notes: tuple[Note, ...] = ()
    """Notes of the library, the most important first."""
    imported: str = ""
    """The agent from whose transcript the session was taken; empty: segue recorded it itself."""


def known_of(state: State, *, task: str = "", changed: str = "", summary: str = "", notes: Iterable[Note] = ()) -> Known:
    """Return what *state* knows. *task* replaces the task, *changed* is a delta report, *summary* one that a model wrote."""
    facts = [*_facts(state, task)]
    facts += [Fact("changed", text, must=True) for text in changed.splitlines() if text.strip()]
    if summary.strip():
        facts.append(Fact("summary", summary.strip()))
    name = state.header["name"] or state.session
    agents = sorted({text for entry in state.imports.values() if isinstance(text := entry.get("agent"), str)})
    return Known(name, state.seq, state.header["workspace"], tuple(facts), task, tuple(notes), ", ".join(agents))


def _facts(state: State, task: str) -> Iterator[Fact]:
    work = state.work
    current = work["tasks"].get(work["task"])
    yield from _task(task or (current["title"] if current else "") or state.header["task"], current)
    for constraint in work["constraints"].values():
        yield Fact("constraint", constraint["text"], constraint["seq"], must=True)
    for preference in work["preferences"].values():
        yield Fact("preference", preference["text"], preference["seq"], must=True)
    yield from _decisions(state)
    if work["progress"] is not None:
        yield Fact("progress", f"{work['progress']:g} % done", must=True)
    for step in work["plan"]:
        yield Fact("progress", f"[{mark(step['status'])}] {step['text']}", must=True)
    for done in reversed(work["completed_steps"]):
        yield Fact("progress", f"done: {done['text']}", done["seq"])
    for thread in reversed(work["threads"].values()):
        notes = f": {thread['notes']}" if thread["notes"] else ""
        yield Fact("thread", f"{thread['topic']} ({thread['status']}){notes}", thread["seq"], must=True)
    for question in reversed(work["questions"].values()):
        yield Fact("question", question["text"], question["seq"], must=True)
    for blocker in work["blockers"].values():
        yield Fact("blocker", blocker["text"], blocker["seq"], must=True)
    for action in work["actions"].values():
        yield Fact("next", action["text"], action["seq"], must=True)
    yield from _project(state)


def _task(title: str, current: Any) -> Iterator[Fact]:
    if title:
        yield Fact("task", title, current["seq"] if current else 0, must=True)
    if current and (current["phase"] or current["step"]):
        yield Fact("task", f"now: {current['phase']} {current['step']}".strip(), current["seq"], must=True)


def _decisions(state: State) -> Iterator[Fact]:
    """Yield the decisions, newest first: of the last 30 days at most five at first, the rest where there is room."""
    now = state.at
    found = sorted(state.work["decisions"].values(), key=lambda d: (not d["major"], -d["seq"]))
    for place, decision in enumerate(found):
        lately = not now or _days(decision["at"], now) <= _DECISION_DAYS
        reason = f" (because {decision['reason']})" if decision["reason"] else ""
        must = place < _DECISIONS_AT_FIRST and lately
        yield Fact("decision", decision["title"] + reason, decision["seq"], must=must)


def _days(then: str, now: str) -> float:
    try:
        return (seconds(now) - seconds(then)) / 86_400
    except ValueError:
        return 0.0


def _project(state: State) -> Iterator[Fact]:
    work = state.work
    focus = work["focus"]
    if focus:
        position = f", at {focus['position']}" if focus["position"] not in (None, "", {}) else ""
        yield Fact("focus", f"{focus['path'] or focus['note']}{position}", focus["seq"], must=True)
    changes = work["changes"]
    if changes:
        where = " ".join(filter(None, (changes["branch"], changes["commit"][:12])))
        names = [str(file.get("path", file)) if isinstance(file, dict) else str(file) for file in changes["files"]]
        more = f" and {changes['count'] - _FILES} more" if changes["count"] > _FILES else ""
        told = f"{changes['count']} uncommitted: {', '.join(names[:_FILES])}{more}" if names else "nothing uncommitted"
        yield Fact("project", f"{where}: {told}" if where else told, changes["seq"], must=True)
    for name, value in work["project"].items():
        yield Fact("project", f"{name}: {_short(value)}")
    for name, value in work["conversation"].items():
        yield Fact("project", f"conversation, {name}: {_short(value)}")


def _short(value: Any) -> str:
    inner = value.get("value", value) if isinstance(value, dict) else value
    return ", ".join(map(str, inner)) if isinstance(inner, list) else str(inner)
