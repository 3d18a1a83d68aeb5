"""Validation: what the store itself finds, and what only their meaning tells of events."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from segue.core.errors import DamagedError, InvalidEventError, NotFoundError
from segue.core.log.dating import happened
from segue.core.log.kinds import validate as validate_body
from segue.core.session.state import SCHEMA, State, fold, with_texts
from segue.core.session.tree import tree
from segue.engine.loading import recalling_from
from segue.engine.restores import Checkpoint
from segue.ports import Finding, Store
from segue.ports.workspace import GONE

if TYPE_CHECKING:
    from segue.core.log.events import Damage, Event
    from segue.ports.workspace import Snapshots


class Checked(NamedTuple):
    """How much was looked at."""

    sessions: int
    events: int


def validate(
    store: Store, session: str | None = None, snapshots: "Snapshots | None" = None, *, every_byte: bool = False
) -> tuple[Checked, list[Finding]]:
    """Look at every byte of *session*, or of the whole store, and at what the events say; change nothing.

    Beside the store's own findings: bodies that are not of their kind, parents and heads that are not there, checkpoints of
    positions that the log does not have, and snapshots that are not the fold of their events. The store's own come first.

    Args:
        store: where.
        session: its id; None: all.
        snapshots: those of workspaces: that each that a checkpoint names is there, with all that is in it, is looked at.
        every_byte: of snapshots of workspaces too.

    Raises:
        NotFoundError: no such session.
        WorkspaceError: snapshots of workspaces cannot be looked at.
    """
    found = list(store.verify(session))
    sessions = [session] if session else list(store.sessions())
    events = 0
    named: list[Checkpoint] = []
    for name in sessions:
        try:
            count, own = _session(store, name, named)
        except NotFoundError:  # deleted meanwhile
            continue
        events += count
        found += own
    if snapshots is not None:
        found += _workspaces(named, snapshots, every_byte=every_byte)
    return Checked(len(sessions), events), found


def _workspaces(named: list[Checkpoint], snapshots: "Snapshots", *, every_byte: bool) -> Iterator[Finding]:
    """Look at the snapshots of workspaces that checkpoints name."""
    told = snapshots.check({one.snapshot for one in named}, every_byte=every_byte)
    for one in named:
        if one.snapshot in told:
            why = told[one.snapshot]
            reason = f"its snapshot of the workspace, {one.snapshot[:12]}: {why}"
            yield Finding("gap" if why == GONE else "damage", one.session, f"checkpoint {one.name}", reason, one.seq)


def _session(store: Store, session: str, named: list[Checkpoint]) -> tuple[int, list[Finding]]:
    """Return how many events of its own a session has, and what is found; *named* gets its checkpoints with snapshots."""
    damage: list[Damage] = []
    events = list(with_texts(store.read(session, blobs=False, on_damage=damage.append), store.blob))
    own = [e for e in events if e.seq >= store.info(session).first]
    found = []
    for event in own:
        if (at := happened(event)) != event.at:
            reason = f"its time {event.at[:40]!r} cannot be: it counts as of {at[:19]}Z, when it was recorded"
            found.append(Finding("stale", session, f"event {event.seq}", reason, event.seq))
        try:
            validate_body(event.kind, event.body)
        except InvalidEventError as e:
            if not event.erased:
                found.append(Finding("stale", session, f"event {event.seq}", str(e.fields["reason"]), event.seq))
    if not damage:  # behind a damaged place, what is missing was named already
        found += [
            Finding("orphan", session, f"event {m.seq}", f"its parent {m.parent!r} is not in stream {m.stream!r}", m.seq)
            for m in tree(events).missing
        ]
        state = fold(events, session=session)
        found += _places(session, state, events[-1].seq if events else 0)
        own_places = {e.seq: e for e in own if e.kind == "checkpoint.created" and not e.erased}
        gone = {one for e in own if e.kind == "erased" for one in e.body.get("snapshots", ())}
        places = [c for p in state.checkpoints.values() if (c := _of(session, own_places.get(p["seq"]))) is not None]
        named += [c for c in places if c.snapshot not in gone]
    found += _snapshots(store, session)
    return len(own), found


def _of(session: str, event: "Event | None") -> Checkpoint | None:
    """Return the checkpoint of an event, where it has a snapshot of the workspace."""
    if event is None:
        return None
    found = Checkpoint(str(event.body.get("name", "")), session, 0, event.seq, event.at, dict(event.body))
    return found if found.snapshot else None


def _places(session: str, state: State, head: int) -> Iterator[Finding]:
    for name, place in (state.checkpoints | state.continuations).items():
        if place["position"] > head:
            reason = f"{name} names position {place['position']}, the log ends at {head}"
            yield Finding("damage", session, f"event {place['seq']}", reason, place["seq"])


def _snapshots(store: Store, session: str) -> Iterator[Finding]:
    """Compare the latest state snapshot with the fold of the events that it stands for."""
    kept = store.snapshot(session, SCHEMA)
    if kept is None:
        return
    where = f"state snapshot at {kept.seq}"
    try:
        state = State.from_bytes(kept.data)
    except DamagedError as e:
        yield Finding("stale", session, where, f"{e.message}; it is made anew when it is needed", kept.seq)
        return
    damage: list[Damage] = []
    events = store.read(session, upto=kept.seq, blobs=False, on_damage=damage.append)
    told = fold(with_texts(events, store.blob), session=session, recall=recalling_from(store, session))
    if not damage and told != state:
        yield Finding("stale", session, where, "it is not what the events say", kept.seq)
