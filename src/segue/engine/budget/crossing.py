"""What is done as a context fills: crossings are noted, each once, and what each asks for is carried out, by the worker.

A crossing is an event. Who finds one that nobody has handled does what it asks for and says so with another event: what a
crash cut off between the two is done again, and a command that is run twice gets the same `crossing` both times.
"""

from collections import Counter as Tally
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple, Protocol

from segue.core.context.forgotten import forgotten
from segue.core.errors import SegueError
from segue.core.log.events import Damage, Draft
from segue.core.session.budget import crossings, spending, unhandled
from segue.core.session.interruptions import BUDGET, Interrupt
from segue.core.session.state import State
from segue.engine.budget.budgets import Rules, cost_of, model_of, quick, window_for
from segue.engine.budget.succeeding import keep_condensed, succeed
from segue.engine.capture.attending import STREAM
from segue.engine.foreign import Foreign, find, latest
from segue.engine.loading import Desk, change, load
from segue.engine.saving.interrupting import NOTHING, Moment, interrupt
from segue.ports.live import Lives

ANNOUNCED: Final = "the agent compacts"
FULL: Final = "the context is full"
SUMMARISATION: Final = "progressive summarisation"


class Notify(Protocol):
    """Runs the user's command."""

    def __call__(self, told: Mapping[str, Any]) -> str:
        """Return why it failed, empty where it did not."""
        ...


class Tools(NamedTuple):
    """What a keeper works with: handed in by the wiring."""

    desk: Desk
    rules: Rules
    counter: Callable[[str | None], Any]
    moment: Callable[[str], Moment]
    notify: Notify | None
    """None: the user has configured no command."""
    lives: Lives
    successor: bool
    """Whether a successor takes over by itself."""
    then: str
    """What is done when the spending limit is reached: `ask`, `continue` or `pause`."""


class Keeper:
    """Looks after the budgets of sessions that somebody works in."""

    def __init__(self, tools: Tools) -> None:
        """Look at nothing yet."""
        self._tools = tools
        self._store = tools.desk.store

    def keep(self, session: str) -> str:
        """Note what a session's budget has come to, do what that asks for, and return the session that goes on.

        What fails is tried again the next time.
        """
        state = note(self._tools.desk, session, self._tools.rules)
        for crossing in unhandled(state):
            self._handle(session, state, crossing)
        self._mind_spending(state)
        self._look_at_summary(state)
        if state.budget["announced"]:
            self._succeed(session, state, ANNOUNCED)
        session = latest(self._store, session)
        self._tell(session)
        return session

    def take_live(self) -> None:
        """Take in what agents' status lines told of their windows: transcripts do not."""
        for live in self._tools.lives.all():
            try:
                first = find(self._store, Foreign(live.agent, (live.foreign_id,)))
                if first is not None and live.window:
                    change(self._store, latest(self._store, first), lambda s, told=live: _window(s, told))  # type: ignore[misc]
            except SegueError:
                continue  # the session went meanwhile

    def _handle(self, session: str, state: State, crossing: Mapping[str, Any]) -> None:
        tools, key = self._tools, f"{session}:{crossing['seq']}"
        now, reason, successor = state.budget["band"], "", ""
        try:
            if crossing["band"] == now == "summarisation":
                keep_condensed(self._store, session, SUMMARISATION, tools.rules, tools.counter, f"condensed:{key}")
            if crossing["band"] == now == "emergency":
                successor = self._succeed(session, state, FULL)
            if tools.notify is not None:
                reason = tools.notify(_message(state, crossing, key, successor))
        except SegueError as e:
            reason = e.message
        handled = {"crossing": crossing["seq"], "outcome": "failed" if reason else "done"} | (
            {"reason": reason} if reason else {}
        )
        self._store.append(session, [Draft("budget.handled", handled, key=f"handled:{key}")])

    def _succeed(self, session: str, state: State, why: str) -> str:
        """Have a successor take over from an agent that is captured, and return it; a program's run asks for one itself."""
        tools = self._tools
        if not tools.successor or STREAM not in state.heads or not state.imports:
            return ""
        done = succeed(tools.desk, session, why, tools.rules, tools.counter, moment=tools.moment, applied=False)
        return done.successor if done else ""

    def _look_at_summary(self, state: State) -> None:
        """Note what the summary of the agent's last compaction says nothing of, once it is there."""
        budget, session = state.budget, state.session
        known = budget["forgotten"]["compaction"] if budget["forgotten"] else 0
        if budget["compaction"] <= known:
            return
        found = forgotten(self._store.read(session, upto=state.seq, on_damage=_pass), state.work)
        if found is not None:
            seqs = sorted({one.seq for one in found.lost})
            body = {"compaction": found.compaction, "seqs": seqs, "counts": dict(Tally(one.kind for one in found.lost))}
            self._store.append(session, [Draft("budget.forgotten", body, key=f"forgotten:{session}:{found.compaction}")])

    def _mind_spending(self, state: State) -> None:
        """Do what is configured where the limit is reached and nobody has said what is to be done."""
        then = self._tools.then
        if state.budget["reached"] is None or state.budget["choice"] or then == "ask":
            return
        choose(self._tools.desk, state.session, then, moment=self._tools.moment)

    def _tell(self, session: str) -> None:
        state = load(self._store, session, on_damage=_pass)
        for foreign in state.header["foreign_ids"][-1:]:
            self._tools.lives.tell(state.header["agent"], foreign, remark(state))


def note(desk: Desk, session: str, rules: Rules) -> State:
    """Append which thresholds *session*'s context crossed and that its limit is reached, once each; return the state."""

    def decide(state: State) -> list[Draft]:
        found = crossings(state, quick(state, rules), rules.thresholds, model=model_of(state), method="anchored")
        return found + spending(state, cost_of(state, rules), rules.limit)

    change(desk.store, session, decide)
    return load(desk.store, session, on_damage=_pass)


def choose(
    desk: Desk, session: str, choice: str, limit: float | None = None, *, moment: Callable[[str], Moment] = lambda _: NOTHING
) -> State:
    """Say what is to be done about a session's spending limit, and return the state after it.

    Args:
        desk: where.
        session: its id.
        choice: `continue`: its agents only react (mode `reactive`); `pause`; `raise`: the limit is *limit* from now on, or none.
        limit: US dollars, for `raise`.
        moment: tells what a checkpoint keeps beside the log, for `pause`.
    """
    body: dict[str, Any] = {"choice": choice}
    if choice == "raise":
        body["limit"] = limit

    def decide(state: State) -> list[Draft]:
        mode = {"continue": "reactive", "raise": None}.get(choice, "")
        agents = [
            Draft("agent.set", {"name": name, "set": {"mode": mode}}, name)
            for name, agent in state.agents.items()
            if mode != "" and agent["set"].get("mode") != mode and (mode or "mode" in agent["set"])
        ]
        return [Draft("budget.spending", body), *agents]

    done = change(desk.store, session, decide)
    if choice == "pause" and done is not None:
        state = load(desk.store, session, on_damage=_pass)
        why = Interrupt(BUDGET, f"the limit of ${state.budget['limit'] or 0:.2f} is reached")
        key = f"spending:{done.head.seq}"
        interrupt(desk, session, why, key, moment=moment)
    return load(desk.store, session, on_damage=_pass)


def remark(state: State) -> str:
    """Return what a person is to know of a session's budget while he works, in a line; empty where there is nothing."""
    budget, name = state.budget, state.header["name"] or state.session
    if budget["reached"] is not None and budget["choice"] in ("", "continue"):
        answer = "only reacting" if budget["choice"] else f"segue budget {name} --limit USD, --react or --pause"
        return f"limit of ${budget['limit'] or 0:.2f} reached: {answer}"
    if budget["inherited"] and budget["band"] == "emergency":
        return f"fresh start: segue resume {name} --in {state.header['agent'] or 'AGENT'} --fresh"
    if budget["forgotten"] and budget["forgotten"]["compaction"] == budget["compaction"] and budget["forgotten"]["counts"]:
        counts = budget["forgotten"]["counts"]
        told = ", ".join(f"{many} {kind}{'s' if many > 1 else ''}" for kind, many in counts.items())
        return f"the agent's summary says nothing of {told}: segue budget {name}"
    if budget["band"] == "summarisation" and budget["condensed"]:
        return f"condensed at hand, {budget['condensed']['freed']:,} tokens less"
    return ""


def _message(state: State, crossing: Mapping[str, Any], key: str, successor: str) -> dict[str, Any]:
    return {
        "crossing": key,
        "session": state.session,
        "name": state.header["name"],
        "agent": state.header["agent"],
        "model": model_of(state),
        "workspace": state.header["workspace"],
        "used": state.usage["context_tokens"] if state.usage else 0,
        "band": crossing["band"],
        "from": crossing["frm"],
        "percent": crossing["percent"],
        "at": crossing["at"],
        "successor": successor,
    }


def _window(state: State, live: Any) -> list[Draft]:
    if state.budget["window"] == live.window or window_for(state, Rules()).tokens == live.window:
        return []
    return [Draft("usage", {"window": live.window, "model": live.model}, live.agent)]


def _pass(_damage: Damage) -> None:
    """Damage is for `validate`."""
