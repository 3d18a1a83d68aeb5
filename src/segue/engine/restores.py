"""Checkpoints that can be restored, and what a log says of the restores that were begun."""

from typing import Any, Final, Literal, NamedTuple

from segue.core.errors import NotFoundError
from segue.core.log.events import Draft, Event
from segue.core.session.catalogue import PlaceRow
from segue.engine.loading import event_at, load
from segue.ports import Store

What = Literal["code", "conversation"]
ALL: Final[tuple[What, ...]] = ("code", "conversation")
KEY: Final = "segue:restore"
"""Under it stands, in each session's log, the latest intention or outcome."""


class Checkpoint(NamedTuple):
    """A checkpoint or continuation, with all that its event says."""

    name: str
    session: str
    position: int
    seq: int
    at: str
    body: dict[str, Any]

    @property
    def snapshot(self) -> str:
        """The id of its workspace's snapshot; empty where it has none."""
        kept = self.body.get("workspace")
        found = kept.get("id") if isinstance(kept, dict) else None
        return found if isinstance(found, str) else ""


class Interrupted(NamedTuple):
    """A restore that has no outcome: it was killed."""

    checkpoint: str
    what: tuple[What, ...]
    before: str
    at: str

    def told(self) -> str:
        """Return it in a line."""
        back = f"; what was there before it: {self.before}" if self.before else ""
        return f"a restore of {self.checkpoint} was interrupted, begun {self.at[:19]}Z{back}"


def find(store: Store, session: str, name: str) -> Checkpoint:
    """Return a checkpoint or continuation that *session* knows. Raises NotFoundError."""
    state = load(store, session, on_damage=_overlook)
    place = state.checkpoints.get(name) or state.continuations.get(name)
    if place is None:
        raise NotFoundError("checkpoint", name, hint=f"segue checkpoint list {state.header['name'] or session}")
    body = event_at(store, session, place["seq"]).body
    if name not in state.checkpoints:  # a continuation is the second name of a checkpoint that was taken with it
        same = [p["seq"] for p in state.checkpoints.values() if p["position"] == place["position"] and p["seq"] < place["seq"]]
        body = (event_at(store, session, max(same)).body if same else {}) | body
    return Checkpoint(name, session, place["position"], place["seq"], place["at"], body)


def known_places(store: Store, session: str) -> list[PlaceRow]:
    """Return the checkpoints and continuations that *session* knows, its shared past's included, latest first."""
    state = load(store, session, on_damage=_overlook)
    found = [
        PlaceRow(name, session, p["position"], p["seq"], p["at"], p["automatic"], p["description"])
        for places in (state.checkpoints, state.continuations)
        for name, p in places.items()
    ]
    return sorted(found, key=lambda p: p.seq, reverse=True)


def line_of(store: Store, checkpoint: Checkpoint) -> str:
    """Return the session that went on last from the checkpoint's own by a restore, as long as it knows the checkpoint."""
    session = checkpoint.session
    seen = set[str]()
    while session not in seen:
        seen.add(session)
        told = latest(store, session)
        after = told.body.get("continuation") if told is not None else None
        if not isinstance(after, str):
            break
        try:
            points = store.lineage(after)
        except NotFoundError:  # deleted since
            break
        if not points or points[0].session != session or points[0].seq < checkpoint.seq:
            break
        session = after
    return session


def interrupted(store: Store, session: str) -> Interrupted | None:
    """Return the restore of *session* that has no outcome; None where there is none."""
    told = latest(store, session)
    if told is None or told.kind != "checkpoint.restoring":
        return None
    body = told.body
    what = tuple(half for half in ALL if half in body.get("what", ()))
    return Interrupted(str(body["checkpoint"]), what, str(body.get("before", "")), told.at)


def latest(store: Store, session: str) -> Event | None:
    """Return the latest intention or outcome in a session's own log."""
    known = store.lookup(session, KEY)
    if known is None or known.seq < store.info(session).first:
        return None
    return next(store.read(session, after=known.seq - 1, upto=known.seq, on_damage=_overlook), None)


def files_of(store: Store, session: str) -> tuple[int, str]:
    """Return the checkpoint whose files the workspace of *session* went back to, where that is the last that is known of a
    restore, behind the number of the event that says so; 0 and an empty name otherwise.
    """
    told = latest(store, session)
    if told is None or told.body.get("outcome") != "done" or "code" not in told.body.get("what", ()):
        return 0, ""
    return told.seq, str(told.body["checkpoint"])


def outcome(checkpoint: str, became: str, **more: Any) -> Draft:
    """Return the event that says what became of the restore of *checkpoint*: see `bodies.Restored`."""
    return Draft("checkpoint.restored", {"checkpoint": checkpoint, "outcome": became, **more}, key=KEY)


def _overlook(_damage: object) -> None:
    """What is damaged is told of by `validate`."""
