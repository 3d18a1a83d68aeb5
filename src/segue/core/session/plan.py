"""The plan: its steps, how each stands, and where in the log each began, so that one can go on from there.

A plan is set by an event (`plan.set`), or by the tool with which a coding agent keeps its own list of what is to do. Such a list
is written anew at each change: a step is known again by its text, or by the agent's own number of it.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple, TypedDict

from segue.core.session.values import LINE, clip, items, mapping, put, text

MOST: Final = 100
_MOST_PLANS: Final = 20
_LONGEST: Final = 500
DONE: Final = frozenset({"completed", "done"})
OVER: Final = DONE | {"cancelled", "dropped", "deleted"}
"""Statuses of a step on which nobody works any more."""

_LISTS: Final = {
    "todowrite": ("todos", "content"),
    "todo_write": ("todos", "content"),
    "write_todos": ("todos", "description"),
    "update_plan": ("plan", "step"),
}
"""Tool, in lower case -> where its steps are, and the text of each."""
_ONE: Final = "taskcreate"
_CHANGE: Final = "taskupdate"


class Step(TypedDict):
    """A step of the plan."""

    text: str
    status: str
    """As whoever planned says: `pending`, `in_progress`, `completed`, ..."""
    id: str
    """The planner's own number of it; mostly empty."""
    begun: int
    """The event with which it was the next one to do; 0: it was not yet."""
    ended: int
    """The event with which it was over; 0: it is not."""


class Planned(NamedTuple):
    """A step of a plan, by its number from 1 on."""

    number: int
    of: int
    """Steps of the plan."""
    text: str
    status: str
    begun: int
    ended: int

    @property
    def over(self) -> bool:
        """Whether nobody works on it any more."""
        return self.status in OVER

    def told(self) -> str:
        """Return it in a line."""
        return f"step {self.number} of {self.of}: {self.text}"


def mark(status: str) -> str:
    """Return how a step is ticked: `x` done, `>` in work, `-` dropped, and a blank for one that is still to come."""
    return "x" if status in DONE else "-" if status in OVER else " " if status == "pending" else ">"


def set_plan(work: Any, body: Mapping[str, Any], seq: int) -> None:
    """Replace the plan of a task: the one that the event names, else the current one."""
    task = text(body, "task", LINE) or work["task"]
    show(work, task)
    work["plan_task"] = task
    steps = [_step(one, "text") for one in items(body, "steps")[:MOST]]
    _replace(work, [step for step in steps if step is not None], seq)


def show(work: Any, task: str) -> None:
    """Make the plan of *task* the one that is shown; that of another task is put aside."""
    if work["plan_task"] in {"", task} and task not in work["plans"]:
        return
    if work["plan"]:
        put(work["plans"], work["plan_task"], work["plan"], _MOST_PLANS)
    work["plan"], work["plan_task"] = work["plans"].pop(task, []), task


def plan_of(work: Mapping[str, Any], task: str = "") -> list[Step]:
    """Return the steps of a task's plan: by default of the one that is shown."""
    if not task or work["plan_task"] == task or (not work["plan_task"] and task == work["task"]):
        return list(work["plan"])
    return list(work["plans"].get(task, ()))


def planned(work: Mapping[str, Any], task: str = "") -> list[Planned]:
    """Return the steps of a task's plan, numbered."""
    found = plan_of(work, task)
    return [Planned(n, len(found), s["text"], s["status"], s["begun"], s["ended"]) for n, s in enumerate(found, 1)]


def complete(work: Any, said: str, seq: int) -> None:
    """Mark the step of a text as completed."""
    for step in work["plan"]:
        if step["text"] == said:
            step["status"] = "completed"
    _settle(work["plan"], seq)


def hear(work: Any, body: Mapping[str, Any], seq: int, *, revises: bool = False) -> Iterator[str]:
    """Take in what a message does to the agent's own list of steps; yield the texts of those that it says are completed now.

    One that *revises* an earlier one adds no step a second time.
    """
    for part in items(body, "parts"):
        if not isinstance(part, dict) or part.get("type") != "tool_call":
            continue
        name = text(part, "name", LINE).lower()
        if name in _LISTS:
            where, word = _LISTS[name]
            told = mapping(part, "arguments").get(where)
            if isinstance(told, list):
                steps = [_step(one, word) for one in told[:MOST]]
                yield from _replace(work, [step for step in steps if step is not None], seq)
        elif name == _ONE and (subject := text(mapping(part, "arguments"), "subject", _LONGEST)):
            if revises and any(step["text"] == subject for step in work["plan"]):
                continue
            new = Step(text=subject, status="pending", id=_next_id(work["plan"]), begun=0, ended=0)
            yield from _replace(work, [*_copies(work["plan"]), new][-MOST:], seq)
        elif name == _CHANGE:
            yield from _replace(work, _changed(work["plan"], mapping(part, "arguments")), seq)


def _changed(plan: list[Step], told: Mapping[str, Any]) -> list[Step]:
    name, status, subject = text(told, "taskId", LINE), text(told, "status", 20), text(told, "subject", _LONGEST)
    steps = _copies(plan)
    for step in steps:
        if name and step["id"] == name:
            step["status"] = status or step["status"]
            step["text"] = subject or step["text"]
    return [step for step in steps if step["status"] != "deleted"]


def _copies(plan: list[Step]) -> list[Step]:
    return [step.copy() for step in plan]


def _next_id(plan: list[Step]) -> str:
    return str(max((int(step["id"]) for step in plan if step["id"].isascii() and step["id"].isdigit()), default=0) + 1)


def _step(told: Any, word: str) -> Step | None:
    if isinstance(told, str):
        return Step(text=clip(told, _LONGEST), status="pending", id="", begun=0, ended=0)
    if not isinstance(told, dict):
        return None
    said = text(told, word, _LONGEST) or text(told, "text", _LONGEST)
    return Step(text=said, status=text(told, "status", 20) or "pending", id=text(told, "id", LINE), begun=0, ended=0)


def _replace(work: Any, steps: list[Step], seq: int) -> list[str]:
    """Put *steps* in the place of the plan, and return the texts of those that were open and are completed now."""
    old = {step["text"]: step for step in reversed(work["plan"])}
    ids = {step["id"]: step for step in work["plan"] if step["id"]}
    done = []
    for step in steps:
        known = old.get(step["text"]) or ids.get(step["id"])
        if known is not None:
            step["begun"], step["ended"] = known["begun"], known["ended"]
            if step["status"] in DONE and not known["ended"]:
                done.append(step["text"])
    work["plan"], work["plan_seq"] = steps, seq
    _settle(steps, seq)
    return done


def _settle(steps: list[Step], seq: int) -> None:
    """Note which steps began and ended with event *seq*."""
    for step in steps:
        if step["status"] in OVER:
            step["ended"] = step["ended"] or seq
        elif step["ended"]:  # it was reopened
            step["begun"], step["ended"] = seq, 0
    current = [step for step in steps if step["status"] not in {*OVER, "pending"}]
    for step in current or [step for step in steps if step["status"] not in OVER][:1]:
        step["begun"] = step["begun"] or seq
    latest = min((step["begun"] for step in steps if step["begun"]), default=seq)
    for step in steps:
        if step["status"] in OVER:  # one that nobody said was begun was done in the time of those before it
            step["begun"] = step["begun"] or latest
        latest = step["begun"] or latest
