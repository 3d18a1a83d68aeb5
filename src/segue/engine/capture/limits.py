"""A session whose agent stopped at its provider's limit: saved then, and gone on with as the user has configured."""

from typing import NamedTuple

from segue.core.log.events import Damage
from segue.core.session.interruptions import BUDGET, Interrupt
from segue.core.session.limits import Limit, limits
from segue.ports import Clock, Store

TRIGGER = "limit"


class _Timed(NamedTuple):
    store: Store
    clock: Clock


def save_at_limit(store: Store, session: str, *, clock: Clock) -> None:
    """Take an automatic checkpoint of *session* where an agent of it has just stopped at a limit.

    Where hooks tell when the agent goes on, the session is paused as well, for `budget`, until they do.
    Nothing is saved twice, nor for a limit that is long over: old transcripts are full of them.
    """
    from segue.engine.capture.attending import STREAM
    from segue.engine.loading import load
    from segue.engine.saving.checkpoints import create
    from segue.engine.saving.interrupting import interrupt

    state = load(store, session, on_damage=_pass)
    found = next((one for one in limits(state) if one.until(clock.now()) != 0.0), None)
    if found is None:
        return
    key = f"limit:{found.agent}:{found.at}"
    told = state.agents[found.agent]["seq"]
    if store.lookup(session, key) is not None or any(
        place["trigger"] == TRIGGER and place["position"] >= told for place in state.checkpoints.values()
    ):
        return
    desk = _Timed(store, clock)
    if STREAM in state.heads and interrupt(desk, session, Interrupt(BUDGET, about(found)), key, at=found.at) is not None:
        return
    create(desk, session, description=about(found), trigger=TRIGGER, automatic=True)


def about(limit: Limit) -> str:
    """Return a limit in a sentence."""
    what = "its usage limit" if limit.kind == "usage" else "a rate limit"
    return f"{limit.agent} stopped at {what}" + (f", which ends at {limit.resets_at}" if limit.resets_at else "")


def _pass(_damage: Damage) -> None:
    """Damage is for `validate`."""
