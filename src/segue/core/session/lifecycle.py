"""The life of a session: which verb leads from which state to which, as data, and the decision that it makes."""

from collections.abc import Iterable
from typing import Any, Final, NamedTuple, Protocol

from segue.core.errors import IllegalTransitionError, InvalidEventError
from segue.core.log.events import Draft

STATES: Final = ("created", "active", "paused", "recovering", "emergency", "ended", "archived")

LIVE: Final = frozenset(STATES) - {"ended", "archived"}
"""States of a session that somebody may be working in."""

BEFORE: Final = "before"
"""As the target of a transition: the state that the session was archived in."""


class Verb(NamedTuple):
    """What can be asked of a session: the event it appends, and how an error speaks of it."""

    kind: str
    done: str


VERBS: Final[dict[str, Verb]] = {
    "start": Verb("session.activated", "started"),
    "pause": Verb("session.paused", "paused"),
    "resume": Verb("session.resumed", "resumed"),
    "recover": Verb("session.recovering", "recovered"),
    "emergency": Verb("session.emergency", "recovered in an emergency"),
    "end": Verb("session.ended", "ended"),
    "archive": Verb("session.archived", "archived"),
    "unarchive": Verb("session.unarchived", "unarchived"),
}

TRANSITIONS: Final[dict[str, dict[str, str]]] = {
    "created": {
        "start": "active",
        "pause": "paused",
        "recover": "recovering",
        "emergency": "emergency",
        "end": "ended",
    },
    "active": {
        "pause": "paused",
        "recover": "recovering",
        "emergency": "emergency",
        "end": "ended",
    },
    "paused": {
        "resume": "active",
        "recover": "recovering",
        "emergency": "emergency",
        "end": "ended",
        "archive": "archived",
    },
    "recovering": {
        "resume": "active",
        "pause": "paused",
        "emergency": "emergency",
        "end": "ended",
    },
    "emergency": {
        "resume": "active",
        "pause": "paused",
        "recover": "recovering",
        "end": "ended",
    },
    "ended": {
        "resume": "active",
        "recover": "recovering",
        "archive": "archived",
    },
    "archived": {"unarchive": BEFORE},
}
"""State -> verb -> next state. One that was superseded has a successor: it can only be archived."""

REASONS: Final[dict[str, tuple[str, ...]]] = {
    "pause": ("user", "budget", "timeout", "error", "system", "unknown", "other"),
    "end": ("done", "abandoned", "superseded"),
}
"""Words for why. A pause may have another reason; an end may not."""

ENTERS: Final[dict[str, str]] = {
    "session.created": "created",
    "session.forked": "created",
    "session.activated": "active",
    "session.paused": "paused",
    "session.resumed": "active",
    "session.recovering": "recovering",
    "session.emergency": "emergency",
    "session.ended": "ended",
    "session.archived": "archived",
}
"""Kind of event -> the state that it leads to (`session.unarchived`: the one before)."""


QUIET: Final = frozenset(
    {
        "session.updated",
        "session.archived",
        "session.unarchived",
        "session.carried",
        "session.validated",
        "checkpoint.forgotten",
        "checkpoint.restoring",
        "checkpoint.restored",
        "lease.taken",
        "lease.released",
        "loss",
        "import.advanced",
        "erased",
        "scope.delta",
        "session.succeeding",
        "budget.crossed",
        "budget.handled",
        "budget.condensed",
        "budget.forgotten",
        "budget.spending",
    }
)
"""Bookkeeping: such an event is no activity, its time does not count."""


BEGINNINGS: Final = ("session.created", "session.forked")
"""With these a log begins; nowhere else do they stand."""
LIFE: Final = frozenset({*BEGINNINGS, *(verb.kind for verb in VERBS.values())})
"""Kinds that are no matter of course: whether they may be appended depends on the state."""
_VERB_OF: Final = {verb.kind: name for name, verb in VERBS.items()}


class HasLife(Protocol):
    """What a decision needs to know: `State` has it."""

    session: str
    lifecycle: Any


def allowed(state: HasLife) -> tuple[str, ...]:
    """Return the verbs that *state* allows now, sorted."""
    life = state.lifecycle
    verbs = TRANSITIONS.get(life["status"], {})
    if life["status"] == "ended" and life["reason"] == "superseded":
        return tuple(v for v in verbs if v == "archive")
    return tuple(sorted(verbs))


def check_steps(state: HasLife, drafts: Iterable[Draft]) -> None:
    """Go through the steps of the lifecycle among *drafts*, as somebody writes them by hand.

    Other events are allowed in every state: what was said in a session that is over is kept as well.

    Raises:
        IllegalTransitionError: one that its state then does not allow.
        InvalidEventError: the session begins a second time.
    """
    life = dict(state.lifecycle)
    for draft in drafts:
        verb = _VERB_OF.get(draft.kind)
        if draft.kind in BEGINNINGS:
            raise InvalidEventError("the session has begun", kind=draft.kind)
        if verb is None:
            continue
        now = _Step(state.session, life)
        if verb not in allowed(now) and not (verb == "start" and life["status"] == "active"):
            raise _refusal(now, verb)
        before, target = life["status"], TRANSITIONS[life["status"]].get(verb, life["status"])
        life["status"] = (life["before"] or "ended") if target == BEFORE else target
        if verb not in {"archive", "unarchive"}:
            life["reason"] = draft.body.get("reason", "")
        elif verb == "archive":
            life["before"] = before


class _Step:
    """A state on the way."""

    def __init__(self, session: str, lifecycle: Any) -> None:
        self.session = session
        self.lifecycle = lifecycle


def decide(state: HasLife, verb: str, *, reason: str = "", note: str = "", by: str = "") -> list[Draft]:
    """Return the events that *verb* appends to a session in *state*.

    Args:
        state: the fold up to the head that the append will expect.
        verb: one of VERBS.
        reason: in a word (REASONS); `user` for a pause, `done` for an end, where it is left out.
        note: in free text.
        by: the successor of a session that ends as superseded.

    Raises:
        IllegalTransitionError: not from this state; `allowed` names what is.
        ValueError: no such verb, or no such reason for an end: a programming error.
    """
    if verb not in VERBS:
        raise ValueError(f"no such verb: {verb}")
    if verb not in allowed(state):
        raise _refusal(state, verb)
    known = REASONS.get(verb, ())
    if verb == "end" and (reason or "done") not in known:
        raise ValueError(f"no such reason for an end: {reason}")
    body = {"reason": reason or (known[0] if known else ""), "note": note, "by": by}
    return [Draft(VERBS[verb].kind, {k: v for k, v in body.items() if v})]


def _refusal(state: HasLife, verb: str) -> IllegalTransitionError:
    life = state.lifecycle
    status = f"{life['status']} (superseded)" if life["reason"] == "superseded" else life["status"]
    return IllegalTransitionError(state.session, VERBS[verb].done, status, allowed(state))


def diagram() -> str:
    """Return the transition table as a Mermaid state diagram, for the documentation."""
    lines = ["stateDiagram-v2", "    [*] --> created"]
    for state, verbs in TRANSITIONS.items():
        by_target: dict[str, list[str]] = {}
        for verb, target in verbs.items():
            for end in ("ended", "paused") if target == BEFORE else (target,):
                by_target.setdefault(end, []).append(verb)
        lines += [f"    {state} --> {end}: {', '.join(how)}" for end, how in by_target.items()]
    return "\n".join(lines) + "\n"
