"""A session whose context is full: condensed, ended as superseded, and gone on with in a successor that is linked to it.

The successor is a fork, so that all of the past stays within reach (`show` expands the same numbers), with figures of its own.
Every step is written down before or is known by its key: what a crash cut off is gone on with by calling it again.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from segue.core.context.occupancy import cost, in_context, measure
from segue.core.context.pack import Context, Counter
from segue.core.errors import ExistsError, IllegalTransitionError, NotFoundError
from segue.core.log.events import Damage, Draft
from segue.core.session.budget import may_succeed
from segue.core.session.lifecycle import allowed
from segue.core.session.state import State
from segue.engine.budget.budgets import Rules, model_of, window_for
from segue.engine.context.restoring import Wanted, restore
from segue.engine.foreign import SUPERSEDED
from segue.engine.forks import fork
from segue.engine.loading import Desk, change, event_at, load
from segue.engine.saving import checkpoints
from segue.engine.saving.interrupting import NOTHING, Moment
from segue.engine.sessions import step
from segue.ports import Store

_LEAST, _MOST = 2_000, 40_000
_SHARE: Final = 4
"""A condensed context takes one part in so many of the window."""
_USUAL: Final = 25_000


class Condensed(NamedTuple):
    """A condensed context, and what that freed."""

    context: Context
    before: int
    """Tokens of what the log shows of the context, before."""
    body: dict[str, Any]
    """What the event says."""

    @property
    def freed(self) -> int:
        """Tokens that are free then."""
        return max(self.before - self.context.size.tokens, 0)


class Succession(NamedTuple):
    """A session that was superseded, and its successor."""

    session: str
    successor: str
    name: str
    """The successor's."""
    checkpoint: str
    """The final one of the session."""
    condensed: dict[str, Any]
    """`before`, `after`, `freed`, `family`, `method`, and what was kept, shortened and dropped."""
    text: str
    """The condensed context, to go on from."""


def condense(
    store: Store, session: str, trigger: str, rules: Rules, counter: Callable[[str | None], Counter], *, applied: bool = False
) -> Condensed:
    """Return the context of *session*, condensed, and what that frees. Nothing is written; all that is left out stays in the log.

    What the user said, preferences, constraints and decisions are kept, supporting context is shortened, temporary context
    (output that came again, reads of what was read or changed since) dropped.
    """
    state = load(store, session, on_damage=_pass)
    model = model_of(state) or None
    count = counter(model)
    window = window_for(state, rules).tokens
    budget = min(max(window // _SHARE, _LEAST), _MOST) if window else _USUAL
    events = list(store.read(session, upto=state.seq, on_damage=_pass))
    size = measure(events, state.usage, count)
    before = size.tokens if state.usage else sum(cost(item, count) for item in in_context(events))
    context = restore(store, session, Wanted(at=state.seq, budget=budget, model=model), counter).context
    after = context.size
    body = {
        "trigger": trigger,
        "before": before,
        "after": after.tokens,
        "freed": max(before - after.tokens, 0),
        "family": after.family,
        "method": after.method,
        "applied": applied,
        "position": state.seq,
        "budget": budget,
        **_fates(context),
    }
    return Condensed(context, before, body)


def text_of(store: Store, session: str, body: Mapping[str, Any], counter: Callable[[str | None], Counter]) -> str:
    """Return the condensed context that an event of *session* speaks of: made anew of the log, the same as then."""
    position, budget = body.get("position"), body.get("budget")
    if not isinstance(position, int) or not isinstance(budget, int) or position < 1 or budget < 1:
        return ""
    model = model_of(load(store, session, position, on_damage=_pass)) or None
    return restore(store, session, Wanted(at=position, budget=budget, model=model), counter).context.text


def keep_condensed(
    store: Store, session: str, trigger: str, rules: Rules, counter: Callable[[str | None], Counter], key: str
) -> dict[str, Any]:
    """Note what the condensed context of *session* comes to, once for each *key*; return what that event says."""
    known = store.lookup(session, key)
    if known is None:
        found = condense(store, session, trigger, rules, counter)
        store.append(session, [Draft("budget.condensed", found.body, key=key)])
        return found.body
    return dict(event_at(store, session, known.seq).body)


def succeed(
    desk: Desk,
    session: str,
    why: str,
    rules: Rules,
    counter: Callable[[str | None], Counter],
    *,
    moment: Callable[[str], Moment] = lambda _: NOTHING,
    applied: bool = True,
    force: bool = False,
) -> Succession | None:
    """End *session* as superseded and begin its successor from the condensed context; return both, linked.

    None where there is nothing to succeed: it is over for another reason, or it has itself just succeeded another, with the
    context that its agent had (*force* goes on all the same). Repeatable: a session has one successor.

    Args:
        desk: where.
        session: its id.
        why: in a word: what the final checkpoint and the condensing were for.
        rules: what the user says of budgets.
        counter: what counts tokens for a model.
        moment: tells what the final checkpoint keeps beside the log.
        applied: whoever goes on has the condensed context and nothing else. Not so, where an agent just works on.
        force: see above.
    """
    store = desk.store
    after = store.lookup(session, SUPERSEDED)
    if after is not None:
        return _told(store, session, str(event_at(store, session, after.seq).body.get("by", "")), counter)
    by = _intend(desk, session, why, force=force)
    if not by:
        return None
    _checkpoint(desk, session, by, why, moment)
    try:
        store.stamp(by)
    except NotFoundError:
        _begin(desk, session, by, condense(store, session, why, rules, counter, applied=applied), applied=applied)
    name = load(store, by, on_damage=_pass).header["name"]
    note = f"{why}: goes on in {name or by}"
    change(store, session, lambda state: [d._replace(key=SUPERSEDED) for d in _end(state, by, note)])
    return _told(store, session, by, counter)


def _intend(desk: Desk, session: str, why: str, *, force: bool) -> str:
    """Return the successor's id, written down; empty where there is to be none."""
    new = desk.ids.uuid7()

    def decide(state: State) -> Sequence[Draft]:
        if state.budget["successor"] or not _may(state, force=force):
            return []
        return [Draft("session.succeeding", {"by": new, "why": why})]

    change(desk.store, session, decide)
    state = load(desk.store, session, on_damage=_pass)
    return str(state.budget["successor"]) if "end" in allowed(state) else ""


def _may(state: State, *, force: bool) -> bool:
    return "end" in allowed(state) and (force or may_succeed(state))


def _checkpoint(desk: Desk, session: str, by: str, why: str, moment: Callable[[str], Moment]) -> None:
    key = f"succeeding:{by}:checkpoint"
    if desk.store.lookup(session, key) is not None:
        return
    facts, changes = moment(session)
    description = "the last one before a successor went on"
    checkpoints.create(
        desk, session, description=description, trigger=why, automatic=False, facts=facts, changes=changes, key=key
    )


def _begin(desk: Desk, session: str, by: str, found: Condensed, *, applied: bool) -> None:
    state = load(desk.store, session, on_damage=_pass)
    header = {"predecessor": session, "agent": state.header["agent"]}
    carried = {} if applied else {"foreign_ids": state.header["foreign_ids"]}
    try:
        fork(desk, session, None, header | carried, Draft("budget.condensed", found.body), session=by)
    except ExistsError:
        return  # another did the same at once


def _end(state: State, by: str, note: str) -> Sequence[Draft]:
    if state.lifecycle["by"] == by:
        return []
    try:
        return step(state, "end", reason="superseded", note=note, by=by)
    except IllegalTransitionError:
        return []  # somebody ended it meanwhile


def _told(store: Store, session: str, by: str, counter: Callable[[str | None], Counter]) -> Succession | None:
    """Return what became of a succession, as the logs say."""
    try:
        state = load(store, by, on_damage=_pass)
        known = next(e for e in store.read(by, after=store.info(by).first - 1) if e.kind == "budget.condensed")
    except (NotFoundError, StopIteration):
        return None
    before = load(store, session, on_damage=_pass)
    final = max(before.checkpoints.items(), key=lambda one: one[1]["seq"], default=("", None))[0]
    return Succession(session, by, state.header["name"], final, dict(known.body), text_of(store, by, known.body, counter))


def _fates(context: Context) -> dict[str, dict[str, list[int]]]:
    """Return how many things were kept whole, shortened and dropped, and their tokens, by what they are."""
    words = {"loaded": "kept", "shortened": "shortened", "skipped": "dropped", "missing": "dropped"}
    found: dict[str, dict[str, list[int]]] = {"kept": {}, "shortened": {}, "dropped": {}}
    for entry in context.items:
        kind = entry.what.split(" ")[0].split(":")[0][:40]
        sums = found[words[entry.status]].setdefault(kind, [0, 0])
        sums[0] += 1
        sums[1] += entry.tokens
    return found


def _pass(_damage: Damage) -> None:
    """Damage is for `validate`."""
