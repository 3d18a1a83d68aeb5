"""The budget of sessions: how full a context is and of what, what was used, by whom, when, and what it cost."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, NamedTuple

from segue.core.context.forgotten import Forgotten, forgotten
from segue.core.context.occupancy import Occupancy, in_context, measure, occupancy
from segue.core.context.pack import Counter
from segue.core.context.spent import By, Call, Sum, calls, key_of, spent, sums
from segue.core.context.tokens import Count
from segue.core.context.windows import Window, room, window_of
from segue.core.log.events import Damage, Event
from segue.core.log.times import seconds
from segue.core.session.budget import RESERVE, USUAL, Position, Thresholds, position
from segue.core.session.state import State
from segue.engine.loading import load
from segue.ports import Store
from segue.ports.live import Live, Lives


class Rules(NamedTuple):
    """What the user says of budgets."""

    windows: Mapping[str, int] = {}
    """Tokens, by a model's name, its beginning, or an agent."""
    prices: Mapping[str, str] = {}
    thresholds: Thresholds = USUAL
    reserve: int = RESERVE
    """Tokens: where fewer are available, resuming and handing over condense first."""
    limit: float | None = None
    """US dollars that a session may cost that has no limit of its own."""


class Report(NamedTuple):
    """How a session's budget is."""

    state: State
    size: Count
    window: Window
    position: Position
    content: Occupancy
    calls: list[Call]
    spent: Sum
    forgotten: Forgotten | None
    """What the summary of the agent's last compaction says nothing of."""
    live: Live | None
    """What the agent told its status line last."""


def window_for(state: State, rules: Rules) -> Window:
    """Return the window of the model that *state*'s agent reads with: as the user says, as the agent told, as is known of it."""
    model = model_of(state)
    agent = state.header["agent"]
    found = window_of(agent, model, 0, rules.windows)
    told = state.budget["window"]
    if told and found.by != "configuration":
        return Window(told, "told", model)
    return found


def fitting(rules: Rules) -> Callable[[State, str | None, int], int]:
    """Return what tells how many of so many tokens a model (the session's own, where none is named) leaves room for."""

    def fits(state: State, model: str | None, most: int) -> int:
        window = window_of("", model, 0, rules.windows) if model else window_for(state, rules)
        return room(window.tokens, most, rules.reserve) if window.tokens else most

    return fits


def model_of(state: State) -> str:
    """Return the model that was at work last."""
    return (state.usage["model"] if state.usage else "") or state.header["model"]


def quick(state: State, rules: Rules) -> Position:
    """Return how full a session's context was when its model answered last: from its state alone."""
    used = state.usage["context_tokens"] if state.usage else 0
    return position(used, window_for(state, rules).tokens if state.usage else 0, rules.thresholds)


def report(
    store: Store,
    session: str,
    rules: Rules,
    counter: Callable[[str | None], Counter],
    at: int | None = None,
    lives: Lives | None = None,
) -> Report:
    """Return how the budget of *session* is (or was, *at* a position). It reads the whole log.

    Where *lives* has later figures of the agent's own than the log, they hold.

    Raises:
        NotFoundError: no such session or position.
    """
    state = load(store, session, at, on_damage=_pass)
    events = list(store.read(session, upto=state.seq, on_damage=_pass))
    count = counter(model_of(state) or None)
    size = measure(events, state.usage, count)
    window = window_for(state, rules)
    live = lives.of(state.header["agent"], state.header["foreign_ids"]) if lives is not None and at is None else None
    if live is not None and live.window and window.by != "configuration":
        window = Window(live.window, "told", live.model)
    if live is not None and live.used and live.at > (seconds(state.usage["at"]) if state.usage else 0):
        size = Count(live.used, count.family, "anchored", 0.0)
    own = _named(calls(_own(store, session, events)), lambda: state)
    (total,) = sums((("", call) for call in own), rules.prices) or [nothing()]
    return Report(
        state,
        size,
        window,
        position(size.tokens, window.tokens, rules.thresholds),
        occupancy(in_context(events), count, state.header["workspace"]),
        own,
        total,
        forgotten(events, state.work),
        live,
    )


def usage(store: Store, sessions: Iterable[tuple[str, str]], by: By, rules: Rules, since: str = "") -> list[Sum]:
    """Return what *sessions* (ids and names) used since a day, summed up by session, agent, model or day. It reads their logs."""
    named: list[tuple[str, Call]] = []
    for session, name in sessions:
        first = store.info(session).first
        events = store.read(session, after=first - 1, on_damage=_pass, blobs=False)
        found = [call for call in calls(events) if call.at >= since]
        state = partial(load, store, session, on_damage=_pass)
        named += [(key_of(call, by, name), call) for call in _named(found, state)]
    return sums(named, rules.prices)


def nothing(name: str = "") -> Sum:
    """Return the sum of no calls."""
    return Sum(name, 0, {"input": 0, "output": 0, "cache_read": 0, "cache_write": 0, "reasoning": 0}, 0.0, 0.0, 0)


def cost_of(state: State, rules: Rules) -> float:
    """Return what a session cost so far in US dollars, as far as prices are known: by its own model where none is named."""
    return spent(state.metrics, rules.prices, state.header["model"])


def to_json(found: Report, rules: Rules) -> dict[str, Any]:
    """Return the figures of a report, as `segue budget --json` prints them."""
    state, size = found.state, found.size
    return {
        "session": state.session,
        "name": state.header["name"],
        "status": state.status,
        "agent": state.header["agent"],
        "model": model_of(state),
        "used": size.tokens,
        "window": found.window.tokens or None,
        "window_by": found.window.by,
        "available": found.position.available,
        "percent": found.position.percent,
        "band": found.position.band,
        "thresholds": rules.thresholds._asdict(),
        "family": size.family,
        "method": size.method,
        "margin": round(size.margin, 4),
    }


def _named(found: list[Call], state: Callable[[], State]) -> list[Call]:
    """Return calls with those that name no model as the session's own model's, if it has one."""
    if all(call.model for call in found):
        return found
    model = state().header["model"]
    return [call if call.model else call._replace(model=model) for call in found]


def _own(store: Store, session: str, events: Iterable[Event]) -> Iterable[Event]:
    """Return the events of a session's own log: what a fork shares was paid for by its parent."""
    first = store.info(session).first
    return (event for event in events if event.seq >= first)


def _pass(_damage: Damage) -> None:
    """Damage is for `validate`."""
