"""What `resume` does about a limit that the session's agent stopped at."""

import time

from segue.cli.frame import Frame
from segue.cli.render import span
from segue.core.errors import ConfirmationError
from segue.core.session.limits import Limit, decide, limits
from segue.engine.capture.limits import about
from segue.engine.loading import load

_LOOK = 5.0


def mind(frame: Frame, session: str | None, agent: str | None, *, wait: bool) -> str | None:
    """Return the agent to go on in (None: none was asked for), after waiting where that is wanted.

    What counts is a limit of *agent*; without one, of the agent that the session is in. *wait*: the user said so now; else
    the setting `limits.then` decides.

    Raises:
        ConfirmationError: it has not ended, and the user has not said what to do then; or to wait where no end is known.
    """
    app = frame.app
    state = load(app.store, frame.session(session).session, on_damage=lambda _: None)
    in_question = agent or state.header["agent"]
    limit = next((one for one in limits(state) if one.agent == in_question), None)
    then = "wait" if wait else app.config["limits.then"]
    step = decide(limit, then, frame.now())
    if step.do == "go" or limit is None:
        return agent
    name = state.header["name"] or state.session
    if step.do == "switch" and agent is None:
        app.places.of(step.agent)
        frame.warn(f"{about(limit)}: going on in {step.agent}, as configured")
        return step.agent
    if step.do != "wait":
        raise ConfirmationError(
            f"session {name!r} was not resumed: {about(limit)}", hint=_choices(name, limit), limit=limit._asdict()
        )
    _wait(frame, limit)
    return agent


def _choices(name: str, limit: Limit) -> str:
    later = f"segue resume {name} --when-reset, or " if limit.resets_at else ""
    return f"{later}segue resume {name} --in ANOTHER-AGENT, or --now"


def _wait(frame: Frame, limit: Limit) -> None:
    """Wait until the limit ends, by the clock of the wall: a machine that slept has waited."""
    while left := limit.until(frame.now()):
        frame.progress(f"{limit.agent} can go on in {span(left)}, at {limit.resets_at}")
        time.sleep(min(left, _LOOK))
