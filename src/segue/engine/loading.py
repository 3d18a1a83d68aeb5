"""Load and change: the five steps of every command are load events, fold, decide, append at an expected head, perform effects.

A load begins at the nearest state snapshot and reads the tail from there, so that its cost does not grow with the log.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Final, NamedTuple, Protocol

from segue.core.errors import DamagedError, HeadMovedError, NotFoundError, UsageError
from segue.core.log.events import Commit, Damage, Draft, Event
from segue.core.session.recall import recalling
from segue.core.session.state import SCHEMA, Recall, State, fold, with_texts
from segue.ports import Clock, Ids, OnDamage, Snapshot, Store

SNAPSHOT_EVERY: Final = 128
"""A load that folded so many events leaves a snapshot for the next one."""
STRIDE: Final = 1_000
"""A long fold leaves one on the way in so many events, for travels to an earlier position."""
TRIES: Final = 32
"""How often a change is decided again because another process appended first."""
ANSWERED_WITHIN: Final = 500
"""Events behind a tool call in which its answer is looked for."""

Decide = Callable[[State], Sequence[Draft]]


class Timed(Protocol):
    """A store, and the time: what is enough to write an event of now. `Desk` is one."""

    @property
    def store(self) -> Store:
        """The store."""
        ...

    @property
    def clock(self) -> Clock:
        """The time."""
        ...


class Desk(NamedTuple):
    """What use cases work with: a store, the time, and randomness."""

    store: Store
    clock: Clock
    ids: Ids


def load(store: Store, session: str, at: int | None = None, *, on_damage: OnDamage | None = None) -> State:
    """Return the state of *session* at its head, or at position *at*.

    The same position gives the same state, with snapshots or without. Damaged places go to *on_damage*, and the state is
    that of the events around them.

    Raises:
        NotFoundError: there is no such session, or it has no position *at*.
        UsageError: *at* is less than 1.
        DamagedError: a damaged place, and no *on_damage*.
    """
    if at is not None and at < 1:
        raise UsageError(f"there is no position {at}: the first is 1")
    known = _snapshot(store, session, at)
    state = known or State(session)
    damaged: list[Damage] = []

    def hear(damage: Damage) -> None:
        damaged.append(damage)
        if on_damage is None:
            raise DamagedError(f"session {session!r}", f"{damage.where}: {damage.reason}", session=session, seq=damage.seq)
        on_damage(damage)

    recall = recalling_from(store, session)
    begun = since = state.seq
    events = store.read(session, after=state.seq, upto=at, blobs=False, on_damage=hear)
    for chunk in _chunks(with_texts(events, store.blob)):
        state = fold(chunk, state, recall=recall)
        if len(chunk) == STRIDE and not damaged:
            _keep(store, session, state)
            since = state.seq
    if state.seq - since >= SNAPSHOT_EVERY and not damaged:
        _keep(store, session, state)
    if at is not None and state.seq < at and not damaged:
        raise NotFoundError("position", str(at), hint=f"the log ends at {max(state.seq, begun)}")
    return state


def recalling_from(store: Store, session: str) -> Recall:
    """Return what tells a fold of *session*'s log what was so at earlier positions."""

    def read(after: int, upto: int) -> Iterator[Event]:
        events = store.read(session, after=after, upto=upto, blobs=False, on_damage=_overlook)
        return with_texts(events, store.blob)

    return recalling(session, read, lambda at: _snapshot(store, session, at))


def change(store: Store, session: str, decide: Decide, *, fence: int | None = None) -> Commit | None:
    """Append what *decide* makes of the state, at the head that it saw; None where it decides for nothing.

    Where another process appended meanwhile, the state is loaded and decided again, at most TRIES times. All that *decide*
    returns is written, or nothing.

    Raises:
        HeadMovedError: others appended before us every time.
        NotFoundError, FencedError, StorageFullError, OutcomeUnknownError: see `Store.append`. And what *decide* raises.
    """
    tries = TRIES
    while True:
        head = store.info(session).head
        state = load(store, session, head.seq, on_damage=_overlook)
        drafts = decide(state)
        if not drafts:
            return None
        try:
            return store.append(session, drafts, expect=head.seq, fence=fence)
        except HeadMovedError:
            tries -= 1
            if not tries:
                raise


def event_at(store: Store, session: str, seq: int) -> Event:
    """Return the event of a number. Raises NotFoundError."""
    for event in store.read(session, after=seq - 1, upto=seq):
        return event
    raise NotFoundError("event", str(seq), hint=f"segue log {session}")


def answers_to(store: Store, session: str, event: Event) -> list[Event]:
    """Return the events that answer the tool calls of a message: the first for each, of the `ANSWERED_WITHIN` behind it."""
    asked, found = set(_ids(event, "tool_call")), []
    if not asked:
        return []
    for later in store.read(session, after=event.seq, upto=event.seq + ANSWERED_WITHIN, blobs=False, on_damage=_overlook):
        answered = asked.intersection(_ids(later, "tool_call_response"))
        if answered:
            found.append(event_at(store, session, later.seq))
            asked -= answered
        if not asked:
            break
    return found


def _ids(event: Event, kind: str) -> list[str]:
    """Return the ids of a message's parts of one kind."""
    parts = event.body.get("parts") if event.kind == "message" and isinstance(event.body, dict) else None
    found = [part for part in parts if isinstance(part, dict) and part.get("type") == kind] if isinstance(parts, list) else []
    return [part["id"] for part in found if isinstance(part.get("id"), str)]


def _overlook(_damage: Damage) -> None:
    """A change is appended behind the damage and does not need what was there: `validate` tells of it."""


def _chunks(events: Iterator[Event]) -> Iterator[list[Event]]:
    while chunk := list(islice(events, STRIDE)):
        yield chunk


def _snapshot(store: Store, session: str, at: int | None) -> State | None:
    found = store.snapshot(session, SCHEMA, at)
    if found is None:
        return None
    try:
        state = State.from_bytes(found.data)
    except DamagedError:
        state = State()
    if state.seq == found.seq and state.session == session:
        return state
    store.drop_snapshots(session)
    return None


def _keep(store: Store, session: str, state: State) -> None:
    store.put_snapshot(session, Snapshot(state.seq, state.digest, SCHEMA, state.to_bytes()))
