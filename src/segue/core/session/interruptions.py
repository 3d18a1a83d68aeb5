"""Why work stops before it is done: a word for each reason, and which one a signal, an error or a limit is.

Whatever stops a session is decided here, from values alone; `engine.saving.interrupting` carries it out. A session that is
interrupted is checkpointed and paused with the reason, in one append: it never has the one without the other.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple, Protocol

from segue.core.errors import UsageError
from segue.core.log.events import Draft
from segue.core.log.times import seconds
from segue.core.session.lifecycle import allowed, decide

INACTIVE: Final = 24 * 3_600.0
"""Seconds without any activity after which a session counts as timed out."""

USER, BUDGET, TIMEOUT, ERROR, SYSTEM, UNKNOWN, OTHER = "user", "budget", "timeout", "error", "system", "unknown", "other"

_SIGNALS: Final = {1: "SIGHUP", 2: "SIGINT", 3: "SIGQUIT", 15: "SIGTERM"}
"""By number: these four have the same one on every system that has them."""
_LONGEST = 300
_LEFT: Final = frozenset({"clear", "logout", "prompt_input_exit", "exit", "resume"})
"""Words for the end of a session that its user chose (Claude Code, Codex, Gemini CLI, Qwen Code)."""


class Interrupt(NamedTuple):
    """Why a session stops, in a word and in a line."""

    reason: str
    note: str = ""


class Limits(NamedTuple):
    """What a run may use. None: as much as it likes."""

    timeout: float | None = None
    """Seconds without an event."""
    budget: int | None = None
    """Tokens that went in and came out, from the beginning of the run on."""
    cost: float | None = None
    """US dollars, from the beginning of the run on."""


def limits(timeout: float | None, budget: int | None, cost: float | None) -> Limits:
    """Return the limits of a run. Raises UsageError where one is no number, or below 0."""
    found = Limits(timeout, budget, cost)
    for name, value in found._asdict().items():
        try:
            fits = value is None or value >= 0
        except TypeError:
            fits = False
        if not fits:
            raise UsageError(f"the {name} of a run is a number from 0 on, not {value!r}", hint="leave it out for a run without")
    return found


class Used(NamedTuple):
    """What a session had used at a moment."""

    tokens: float
    cost: float


class HasLife(Protocol):
    """What is asked of a state: `State` has it."""

    session: str
    lifecycle: Any
    metrics: Any
    activity: str
    agents: Any


def of_signal(number: int) -> Interrupt:
    """Return what a signal stops a session for: Ctrl-C is the user, all others are the system."""
    return Interrupt(USER if number == 2 else SYSTEM, _SIGNALS.get(number, f"signal {number}"))


def of_end(reason: str) -> Interrupt:
    """Return what a session stops for whose agent tells that it ends: *reason* in the agent's word."""
    return Interrupt(USER if reason in _LEFT else OTHER, f"its agent ended ({reason})" if reason else "its agent ended")


def exit_code(number: int) -> int:
    """Return the exit code of a process that ends for a signal: 130 for Ctrl-C, as shells have it."""
    return 128 + number


def of_error(kinds: tuple[str, ...], text: str) -> Interrupt:
    """Return what an exception stops a session for.

    Args:
        kinds: the names of its class and of those that it comes from, its own first.
        text: what it says.
    """
    name = kinds[0]
    first = " ".join(text.split())[:_LONGEST]
    note = f"{name}: {first}" if first else name
    if "KeyboardInterrupt" in kinds:
        return Interrupt(USER, name)
    if "TimeoutError" in kinds:
        return Interrupt(TIMEOUT, note)
    if "CancelledError" in kinds or "GeneratorExit" in kinds:
        return Interrupt(OTHER, note)
    return Interrupt(ERROR, note)


def used(state: HasLife, cost: float | None = None) -> Used:
    """Return what *state* has used so far; it cost what its records say, where no *cost* is given that has prices in it."""
    tokens = state.metrics["tokens"]
    return Used(tokens["input"] + tokens["output"], state.metrics["cost_usd"] if cost is None else cost)


def exceeded(
    state: HasLife, limits: Limits, begun: Used, since: float, now: float, cost: float | None = None
) -> Interrupt | None:
    """Return what stops a run whose limits are reached; None where none is.

    Args:
        state: the session, as it is.
        limits: of the run.
        begun: what had been used when the run began.
        since: when the run began, in seconds since 1970.
        now: seconds since 1970.
        cost: see `used`.
    """
    spent = used(state, cost)
    if limits.budget is not None and spent.tokens - begun.tokens >= limits.budget:
        return Interrupt(BUDGET, f"{spent.tokens - begun.tokens:,.0f} of {limits.budget:,} tokens are used")
    if limits.cost is not None and spent.cost - begun.cost >= limits.cost:
        return Interrupt(BUDGET, f"${spent.cost - begun.cost:.2f} of ${limits.cost:.2f} are spent")
    if limits.timeout is not None:
        silent = now - max(since, seconds(state.activity) if state.activity else since)
        if silent >= limits.timeout:
            return Interrupt(TIMEOUT, f"nothing happened for {_span(silent)}")
    return None


def inactive(state: HasLife, now: float, after: float = INACTIVE) -> Interrupt | None:
    """Return what stops a session in which nothing happened for too long: a clock that was set wrongly is no reason."""
    if "pause" not in allowed(state) or not state.activity or state.lifecycle["status"] != "active":
        return None
    silent = now - seconds(state.activity)
    return Interrupt(TIMEOUT, f"nothing happened for {_span(silent)}") if silent >= after else None


def lost(process: Mapping[str, Any] | None, here: Mapping[str, Any]) -> Interrupt:
    """Return what a session stopped for whose process is gone without a word.

    Args:
        process: the process as it was noted: `pid`, `start`, `boot`.
        here: this machine: `boot`.
    """
    if process is not None and process.get("boot") and process.get("boot") != here.get("boot"):
        return Interrupt(SYSTEM, "the machine was started anew")
    who = f"process {process['pid']}" if process is not None and process.get("pid") else "its process"
    return Interrupt(UNKNOWN, f"{who} is gone without a word")


def processes(state: HasLife) -> dict[str, Mapping[str, Any]]:
    """Return the agents that are noted as running in a session that is at work, each with its process."""
    if state.lifecycle["status"] not in {"active", "recovering", "emergency"}:
        return {}
    found = {}
    for name, agent in state.agents.items():
        process = agent["set"].get("process")
        if agent["status"] == "running" and isinstance(process, Mapping):
            found[name] = process
    return found


def pause(state: HasLife, interrupt: Interrupt, key: str, at: str) -> list[Draft]:
    """Return the events that pause an interrupted session; none where it stopped already.

    Agents that were noted as running are noted as stopped.

    Args:
        state: the session at the head that the append expects.
        interrupt: why.
        key: of the interruption: one that is carried out twice is one.
        at: when, in UTC.
    """
    stopped = [
        Draft("agent.set", {"name": name, "status": "interrupted", "set": {"process": None}}, key=f"{key}:{name}", at=at)
        for name in processes(state)
    ]
    if "pause" not in allowed(state):
        return stopped
    paused = decide(state, "pause", reason=interrupt.reason, note=interrupt.note)
    return [*stopped, *(draft._replace(key=key, at=at) for draft in paused)]


def outdated(state: HasLife, at: str) -> bool:
    """Return whether a session went on after an interruption of the time *at* that is only told now."""
    times = state.lifecycle["times"]
    return times.get("active", "") > at or state.lifecycle["status"] in {"ended", "archived"}


def _span(silent: float) -> str:
    if silent >= 5_400:
        return f"{silent / 3_600:.0f} hours"
    return f"{silent / 60:.0f} minutes" if silent >= 90 else f"{silent:g} s"
