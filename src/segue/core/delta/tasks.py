"""What became of tasks between two states, and in neighbouring sessions."""

from typing import NamedTuple

from segue.core.session.work import Task, Work


class TaskChange(NamedTuple):
    """A task that stands otherwise than before; empty: it was not there, or nothing was known of it."""

    id: str
    title: str
    before: str
    now: str
    by: str = ""
    """The neighbouring session in which it is so; empty: the session's own log."""


def changes(then: Work, now: Work) -> list[TaskChange]:
    """Return the tasks that stand otherwise in *now* than in *then*; the session's own has the empty id."""
    names = dict.fromkeys([*then["tasks"], *now["tasks"], *(e["id"] for e in now["recent_completions"])])
    found = []
    for name in names:
        before, after = status(then, name), status(now, name)
        if before != after:
            found.append(TaskChange(name, title(now, name) or title(then, name), before, after))
    return found


def elsewhere(mine: Work, theirs: Work, session: str, after: str) -> list[TaskChange]:
    """Return the tasks of ours, and those that they depend on, that stand otherwise in another session since *after*."""
    wanted = {name for name in mine["tasks"] if name} | {d for task in mine["tasks"].values() for d in task["depends_on"]}
    found = []
    for name in sorted(wanted):
        before, now = status(mine, name), status(theirs, name)
        if now and now != before and _told(theirs, name) > after:
            found.append(TaskChange(name, title(theirs, name) or title(mine, name), before, now, session))
    return found


def status(work: Work, name: str) -> str:
    """Return how a task stands; one that is no longer listed was completed, or dropped, or is not known (empty)."""
    task = work["tasks"].get(name)
    if task is not None:
        return task["status"]
    return "done" if any(entry["id"] == name for entry in work["recent_completions"]) else ""


def title(work: Work, name: str) -> str:
    """Return what a task is called; empty where nobody said so."""
    task = work["tasks"].get(name)
    if task is not None:
        return task["title"]
    return next((e["text"] for e in reversed(work["recent_completions"]) if e["id"] == name), "")


def current(work: Work) -> Task | None:
    """Return the task that the session is at."""
    return work["tasks"].get(work["task"])


def _told(work: Work, name: str) -> str:
    task = work["tasks"].get(name)
    if task is not None:
        return task["at"]
    return next((e["at"] for e in reversed(work["recent_completions"]) if e["id"] == name), "")
