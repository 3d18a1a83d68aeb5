"""What is to be saved by itself, and when: intervals, what happened since the last time, and what failed before.

Five things are saved, each at its own pace. `context`: the cached fold, from which a restored context is made at once.
`conversation`: what was said, in the index, where it is searched. `project`: branch, commit and uncommitted changes.
`checkpoint`: a name to come back to, with the workspace. Some events ask for a checkpoint before its time (`trigger`).
`mirror`: what is new in the logs, in the mirror.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from segue.core.log.events import MAIN, Event
from segue.core.session.budget import ANNOUNCES
from segue.core.session.lifecycle import QUIET

CONTEXT, CONVERSATION, PROJECT, CHECKPOINT, NOTICE, MIRROR = (
    "context",
    "conversation",
    "project",
    "checkpoint",
    "notice",
    "mirror",
)

BOOKKEEPING: Final = QUIET | {
    "agent.set",
    "changes.seen",
    "checkpoint.created",
    "continuation.set",
    "session.paused",
    "session.resumed",
    "usage",
}
"""Events after which a checkpoint would name nothing new."""
GAP: Final = 120.0
"""Seconds that a triggered checkpoint keeps from the one before, unless it is of a moment that must not be missed."""
TURN: Final = 20.0
"""Seconds between two looks at the workspace at ends of turns."""
_AGAIN: Final = 10.0
"""Seconds after which what failed is tried again, the first time; twice as long each time, up to its interval."""
_CHANGES: Final = frozenset({"write", "edit", "delete"})
_SURE: Final = frozenset({"compaction", "session start", "session end", "task completed", "task assigned", "milestone"})


class Intervals(NamedTuple):
    """Seconds between two saves of each kind; 0: never."""

    context: float = 30.0
    conversation: float = 60.0
    project: float = 300.0
    checkpoint: float = 900.0
    frequent: float = 600.0
    """Between two checkpoints of a session that has been at work for long."""
    long: float = 1_800.0
    """Seconds of work from which on a session is long."""
    notice: float = 3_600.0
    mirror: float = 60.0

    def of(self, what: str, worked: float) -> float:
        """Return the interval of one kind in a session that has been at work for *worked* seconds."""
        if what == CHECKPOINT and self.frequent and worked >= self.long:
            return min(self.frequent, self.checkpoint) if self.checkpoint else 0.0
        found: float = getattr(self, what)
        return found


class Failure(NamedTuple):
    """What failed last: how often in a row, when, and why."""

    times: int
    at: float
    reason: str


def due(
    intervals: Intervals,
    saved: Mapping[str, float],
    failed: Mapping[str, Failure],
    *,
    worked: float,
    fresh: bool,
    now: float,
) -> list[str]:
    """Return what is to be saved now, in this order.

    Args:
        intervals: as the user has configured them.
        saved: when each kind was saved last, in seconds since 1970; from when it counts, where it never was.
        failed: the kinds whose last attempt failed.
        worked: seconds that the session has been at work.
        fresh: whether anything happened since the last checkpoint.
        now: seconds since 1970.
    """
    found = []
    for what in (CONTEXT, CONVERSATION, PROJECT, CHECKPOINT, NOTICE, MIRROR):
        interval = intervals.of(what, worked)
        if not interval or (what == CHECKPOINT and not fresh):
            continue
        failure = failed.get(what)
        last, wait = saved.get(what, 0.0), interval
        if failure is not None:
            last, wait = failure.at, delay(failure.times, interval)
        if now - last >= wait or now < last:  # a clock that stepped back keeps nobody waiting
            found.append(what)
    return found


def delay(times: int, interval: float) -> float:
    """Return the seconds after which something is tried again that failed *times* in a row."""
    return float(min(_AGAIN * 2.0 ** min(times - 1, 32), max(interval, _AGAIN)))


def trigger(events: Iterable[Event]) -> str:
    """Return what among *events* asks for a checkpoint, the weightiest of it; empty where nothing does."""
    found = {_trigger(event.kind, event.body) for event in events}
    return next((name for name in _WEIGHTS if name in found), "")


def may_trigger(name: str, since: float) -> bool:
    """Return whether a trigger may take a checkpoint *since* seconds after the one before."""
    return bool(name) and (name in _SURE or since >= GAP or since < 0)


def ends_turn(events: Iterable[Event]) -> bool:
    """Return whether the agent came to the end of a turn with the last of *events*: what it left in the workspace stands now."""
    said = next((event for event in reversed(list(events)) if event.kind == "message" and event.stream == MAIN), None)
    if said is None or said.body.get("role") != "assistant":
        return False
    parts = said.body.get("parts")
    return not any(isinstance(p, dict) and p.get("type") == "tool_call" for p in (parts if isinstance(parts, list) else ()))


def is_news(event: Event) -> bool:
    """Return whether a checkpoint after *event* names something new."""
    if event.kind == "record" and event.stream == "hooks":
        return event.body.get("type") == ANNOUNCES
    return event.kind not in BOOKKEEPING


_WEIGHTS: Final = (
    "session end",
    "compaction",
    "task completed",
    "milestone",
    "task assigned",
    "session start",
    "major decision",
    "error",
    "file modified",
)


def _trigger(kind: str, body: Mapping[str, Any]) -> str:
    if kind == "message":
        return _of_message(body)
    if kind == "task.set":
        return {"done": "task completed", "active": "task assigned"}.get(str(body.get("status")), "")
    if kind == "decision.made":
        return "major decision" if body.get("major") is True else ""
    if kind == "record":
        return "compaction" if body.get("type") == ANNOUNCES else ""
    if kind == "metric":
        return "error" if body.get("name") == "errors" else ""
    if kind == "progress.set":
        percent = body.get("percent")
        return "milestone" if isinstance(percent, (int, float)) and percent in {25, 50, 75, 100} else ""
    if kind == "step.completed":
        return "milestone" if body.get("milestone") is True else ""
    return {"session.activated": "session start", "session.ended": "session end"}.get(kind, "")


def _of_message(body: Mapping[str, Any]) -> str:
    effects, parts = body.get("effects"), body.get("parts")
    for effect in effects if isinstance(effects, list) else ():
        if isinstance(effect, dict) and effect.get("op") in _CHANGES:
            return "file modified"
    for part in parts if isinstance(parts, list) else ():
        if isinstance(part, dict) and part.get("is_error") is True:
            return "error"
    return ""
