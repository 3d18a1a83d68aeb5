"""Validation before a session goes on: what it relies on is compared with what is there, and a person asked where it is gone.

What a person has verified is noted in the log, so that nobody is asked twice about the same.
"""

from typing import Final, NamedTuple

from segue.core.delta.checks import Finding, Validation, validated
from segue.core.delta.knowing import below
from segue.core.delta.report import Delta
from segue.core.delta.telling import lines
from segue.core.errors import UnverifiedError
from segue.core.log.events import Draft
from segue.core.session.state import State
from segue.core.session.touched import changed
from segue.engine.context.delta import Means, compare
from segue.engine.loading import Desk, change
from segue.ports import Store

KEY: Final = "segue:validated"
"""Under it stands, in each session's log, the latest validation that a person has verified."""
_MOST: Final = 2_000
"""More events than this, from the last look at the workspace on, are not read: the session may have changed any file then."""
_LINES: Final = 24
_LONGEST: Final = 400


class Checked(NamedTuple):
    """What the checks of a session found."""

    session: str
    name: str
    delta: Delta
    validation: Validation
    failures: tuple[Finding, ...]
    """What a person must verify, and has not yet."""

    def refusal(self) -> UnverifiedError:
        """Return the error that stops the session from going on."""
        told = [(one.text, one.hint) for one in self.failures]
        return UnverifiedError(self.name or self.session, told, self.validation.to_json()["checks"])

    def told(self) -> str:
        """Return what the one who goes on must know, a line each, what must be verified first."""
        found = [f"verify before you rely on it: {one.text}" for one in self.failures]
        unknown = self.delta.saved is None  # a workspace that was never looked at, on another machine maybe, is no news
        found += [f"{what}: {text}" for what, text in lines(self.delta, 5) if not (unknown and what == "workspace")]
        if not found:
            return ""
        rest = len(found) - _LINES
        found = [" ".join(one.split())[:_LONGEST] for one in found]  # a file's name may be of many lines
        return "\n".join([*found[:_LINES], *([f"and {rest} lines more: segue delta {self.name}"] if rest > 0 else [])])


def check(means: Means, session: str, *, workspace: str = "", thorough: bool = False) -> Checked:
    """Return the four checks of a session as things are now. Nothing is written.

    Args:
        means: what a delta is made with.
        session: its id.
        workspace: where it is to go on, where that is not its own directory.
        thorough: snapshots and the logs of neighbours are read too.

    Raises:
        NotFoundError: no such session.
    """
    found = compare(means, session, thorough=thorough, workspace=workspace)
    validation = validated(found.delta, found.then.work, found.now.work, _own(means.store, found.now, found.delta))
    known = _verified(means.store, session, _since(found.delta))
    failures = tuple(one for one in validation.failures if one.text not in known)
    return Checked(session, found.now.header["name"], found.delta, validation, failures)


def verify(desk: Desk, checked: Checked, how: str) -> None:
    """Note in the log that the session goes on although checks failed. *how*: `verified` by a person, or `emergency`."""
    texts = [one.text for one in checked.failures]
    before = sorted(_verified(desk.store, checked.session, _since(checked.delta)))
    body = {"how": how, "position": checked.delta.position, "failures": [*before, *texts]}
    desk.store.append(checked.session, [Draft("session.validated", body, key=KEY)], on_key="replace")


def go_on_in_emergency(desk: Desk, session: str, checked: Checked) -> None:
    """Take a session up in an emergency, and go on: its log says that, and why."""
    note = "; ".join(one.text for one in checked.failures)[:1_000]

    def decide(state: State) -> list[Draft]:
        from segue.core.session.lifecycle import allowed

        verbs = allowed(state)
        drafts = [Draft("session.emergency", {"reason": "verification", "note": note})] if "emergency" in verbs else []
        return [*drafts, Draft("session.resumed", {"note": "in an emergency"})] if drafts or "resume" in verbs else []

    change(desk.store, session, decide)


def _own(store: Store, state: State, delta: Delta) -> frozenset[str] | None:
    """Return the files that the session changed itself since its workspace was looked at; None where it may have been any."""
    since = delta.saved.seq if delta.saved else state.seq
    if state.seq - since > _MOST:
        return None
    told = changed(store.read(state.session, after=since, blobs=False, on_damage=_overlook))
    return None if told is None else frozenset(filter(None, (below(path, delta.place.before) for path in told)))


def _since(delta: Delta) -> int:
    """Return since when what was verified counts. Where git has nothing to tell, no look comes after the one that was saved."""
    return delta.saved.seq if delta.saved is not None and delta.now is None else delta.position


def _verified(store: Store, session: str, since: int) -> set[str]:
    """Return the failures that a person has verified since a position."""
    known = store.lookup(session, KEY)
    if known is None or known.seq <= since or known.seq < store.info(session).first:
        return set()
    event = next(iter(store.read(session, after=known.seq - 1, upto=known.seq, on_damage=_overlook)), None)
    found = event.body.get("failures") if event is not None else None
    return {text for text in found if isinstance(text, str)} if isinstance(found, list) else set()


def _overlook(_damage: object) -> None:
    """What is damaged is told of by `validate`."""
