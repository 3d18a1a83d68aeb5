"""The budget: how full a context is, which band that is, when it goes from one band into another, and what is spent.

Everything is decided from values alone; `engine.budget.budgets` carries it out. A crossing is an event of its own, so that it is
one however many notice it, and whoever handles it says so in the log: what a crash cut off is gone on with.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, NamedTuple, Protocol, TypedDict

from segue.core.log.events import Draft, Event
from segue.core.session.values import LINE, count, mapping, number, push, text

Band = Literal["normal", "disclosure", "summarisation", "emergency"]
"""How full a context is: below 60 %, from there progressive disclosure, from 75 % progressive summarisation, from 85 % a
successor goes on."""
BANDS: Final[tuple[Band, ...]] = ("normal", "disclosure", "summarisation", "emergency")
DURATIONS: Final = ((30 * 60.0, "under 30 minutes"), (60 * 60.0, "30 to 60 minutes"))
LONG: Final = "over 60 minutes"
RESERVE: Final = 30_000
"""Tokens: where fewer are available, resuming and handing over condense first."""
ANNOUNCES: Final = "hook:PreCompact"
"""The record of a hook that comes before an agent's own compaction."""
_BACK: Final = 5.0
"""Percent below a threshold at which it can be crossed again: a size that wavers about it crosses it once."""
_MOST: Final = 32


class Thresholds(NamedTuple):
    """The percentages at which the bands above normal begin."""

    disclosure: float = 60
    summarisation: float = 75
    emergency: float = 85


USUAL: Final = Thresholds()


class Budget(TypedDict):
    """What the log tells of a session's budget."""

    band: str
    """The band of the last crossing; empty: none was ever crossed."""
    window: int
    """The context window as the agent itself told it last, in tokens; 0: it did not."""
    crossings: list[dict[str, Any]]
    """The latest: `{"seq", "at", "band", "frm", "percent", "handled", "called"}`; the last two are empty, `done` or `failed`: by
    the worker, and a program's own function.
    """
    inherited: bool
    """This session succeeds another whose agent goes on in it, with the context that it had."""
    successor: str
    """The session that is to take over, from when that is intended."""
    condensed: dict[str, Any] | None
    """The last condensing, without its text: event `seq` has it."""
    announced: int
    """The number of the event by which its agent announced that it compacts its context; 0: it did not."""
    compaction: int
    """The number of the agent's last compaction of its own; 0: there was none."""
    forgotten: dict[str, Any] | None
    """What its summary says nothing of: `{"seq", "compaction", "counts"}`."""
    limit: float | None
    """US dollars that the session may cost."""
    reached: float | None
    """What it had cost when that limit was reached; None: it is not."""
    choice: str
    """What the user chose then: `continue`, `pause`, or nothing yet."""


class Position(NamedTuple):
    """How full a context is. Without a window neither percent nor band are known."""

    used: int
    window: int
    percent: float | None
    band: Band | None

    @property
    def available(self) -> int | None:
        """Tokens that are left; None where the window is not known."""
        return max(self.window - self.used, 0) if self.window else None


class HasBudget(Protocol):
    """What is asked of a state: `State` has it."""

    budget: Any
    usage: Any


def new_budget() -> Budget:
    """Return a budget of which nothing is known."""
    return Budget(
        band="",
        window=0,
        crossings=[],
        inherited=False,
        successor="",
        condensed=None,
        announced=0,
        compaction=0,
        forgotten=None,
        limit=None,
        reached=None,
        choice="",
    )


def forked(parent: Budget, *, succeeds: bool) -> Budget:
    """Return the budget that a fork begins with. One that *succeeds* its parent goes on where its agent is."""
    found = new_budget()
    found["window"] = parent["window"]
    if succeeds:
        found["band"], found["inherited"] = parent["band"], True
        found["limit"], found["reached"], found["choice"] = parent["limit"], parent["reached"], parent["choice"]
    return found


def band_of(percent: float, thresholds: Thresholds = USUAL) -> Band:
    """Return the band of a context that is so full: a threshold belongs to the band that it begins."""
    return BANDS[sum(percent >= threshold for threshold in thresholds)]


def position(used: int, window: int, thresholds: Thresholds = USUAL) -> Position:
    """Return how full a context of *used* tokens is in a *window* (0: not known)."""
    if window <= 0:
        return Position(used, 0, None, None)
    percent = 100 * used / window
    return Position(used, window, round(percent, 1), band_of(percent, thresholds))


def duration_of(seconds: float) -> str:
    """Return the band of a session that was at work for so long."""
    return next((name for end, name in DURATIONS if seconds < end), LONG)


def crossings(state: HasBudget, at: Position, thresholds: Thresholds, **more: Any) -> list[Draft]:
    """Return the crossings between the band noted last and that of *at*: one for each threshold on the way up, one in all on the
    way down, where it is well below. *more* is kept in their bodies.
    """
    if at.percent is None or at.band is None:
        return []
    before = BANDS.index(state.budget["band"] or "normal")
    now = BANDS.index(at.band)
    if now < before:
        lowest = thresholds[before - 1]
        if at.percent > lowest - _BACK:
            return []
        steps = [(before, now)]
    else:
        steps = [(step, step + 1) for step in range(before, now)]
    said = {"percent": at.percent, "used": at.used, "window": at.window, **more}
    return [Draft("budget.crossed", {"band": BANDS[to], "frm": BANDS[frm], **said}) for frm, to in steps]


def is_up(crossing: Mapping[str, Any]) -> bool:
    """Return whether a crossing led into a fuller band: only these ask for something."""
    bands: tuple[str, ...] = BANDS
    band, frm = crossing["band"], crossing["frm"]
    return band in bands and frm in bands and bands.index(band) > bands.index(frm)


def unhandled(state: HasBudget, by: Literal["handled", "called"] = "handled") -> list[dict[str, Any]]:
    """Return the crossings into fuller bands that nobody has handled, or that no function was called for, the oldest first."""
    return [one for one in state.budget["crossings"] if not one[by] and is_up(one)]


def hear(budget: Budget, event: Event, body: dict[str, Any]) -> None:
    """Take in that an agent announces that it compacts its context (Claude Code, Codex, Qwen Code), or that it did.

    Who has just succeeded another for that very context is not told of it again.
    """
    if event.kind == "compaction":
        budget["inherited"], budget["compaction"] = False, event.seq
    elif body.get("type") == ANNOUNCES and not budget["inherited"]:
        budget["announced"] = event.seq


def may_succeed(state: HasBudget) -> bool:
    """Return whether a successor may take over: not again before the context is another than the one that it took over."""
    return not state.budget["inherited"]


def spending(state: HasBudget, spent: float, general: float | None = None) -> list[Draft]:
    """Return what says that the limit is reached (the session's own, else the *general* one), where nobody said so yet."""
    limit = general if state.budget["limit"] is None else state.budget["limit"]
    if limit is None or state.budget["reached"] is not None or spent < limit:
        return []
    return [Draft("budget.spending", {"limit": limit, "spent": round(spent, 6), "reached": True})]


# --- what events do to it


def _cross(budget: Budget, event: Event, body: dict[str, Any]) -> None:
    band = text(body, "band", 20)
    if band not in BANDS:
        return
    percent = number(body.get("percent"))
    entry = {"seq": event.seq, "at": event.at, "band": band, "frm": text(body, "frm", 20), "percent": percent}
    entry |= {"handled": "", "called": ""}
    push(budget["crossings"], entry, _MOST)
    budget["band"], budget["inherited"] = band, False


def _handle(budget: Budget, _event: Event, body: dict[str, Any]) -> None:
    for one in budget["crossings"]:
        if one["seq"] == body.get("crossing"):
            one["called" if body.get("by") == "called" else "handled"] = text(body, "outcome", 20) or "done"


def _condense(budget: Budget, event: Event, body: dict[str, Any]) -> None:
    figures = {name: count(body.get(name)) for name in ("before", "after", "freed")}
    budget["condensed"] = {"seq": event.seq, "at": event.at, "trigger": text(body, "trigger", LINE), **figures}


def _forget(budget: Budget, event: Event, body: dict[str, Any]) -> None:
    counts = {kind[:20]: count(many) for kind, many in list(mapping(body, "counts").items())[:10]}
    budget["forgotten"] = {"seq": event.seq, "compaction": count(body.get("compaction")), "counts": counts}


def _succeed(budget: Budget, _event: Event, body: dict[str, Any]) -> None:
    budget["successor"] = text(body, "by", LINE)


def _spend(budget: Budget, _event: Event, body: dict[str, Any]) -> None:
    if "limit" in body:
        limit = body["limit"]
        budget["limit"] = number(limit) if isinstance(limit, (int, float)) and not isinstance(limit, bool) else None
    if body.get("reached") is True:
        budget["reached"], budget["choice"] = number(body.get("spent")), ""
    choice = text(body, "choice", 20)
    if choice == "raise" or ("limit" in body and body.get("reached") is not True):
        budget["reached"], budget["choice"] = None, ""
    elif choice:
        budget["choice"] = choice


HANDLERS: Final[dict[str, Callable[[Budget, Event, dict[str, Any]], None]]] = {
    "budget.crossed": _cross,
    "budget.handled": _handle,
    "budget.condensed": _condense,
    "budget.forgotten": _forget,
    "session.succeeding": _succeed,
    "budget.spending": _spend,
}
"""Kind of event -> what it does to the budget."""
