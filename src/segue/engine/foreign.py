"""Sessions that a framework finds again by an id of its own: a thread, a user's session in an app.

The session's id is made from the foreign one, so nothing has to be looked up or registered, and many processes that
begin the same thread at once end in one session: the store lets one of them create it, the others find it there.
A session's id is used once. When the session was deleted, the name goes on in its next generation.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from typing import Any, Final, NamedTuple

from segue.core.errors import ExistsError, GoneError, NotFoundError, UsageError
from segue.core.log.events import Commit, Draft, ForkPoint
from segue.core.log.ids import named_uuid, session_name, session_prefix
from segue.core.log.times import day, stamp
from segue.engine.loading import event_at
from segue.ports import Clock, Store

SUPERSEDED: Final = "superseded"
"""The key of the event by which a session ends for its successor: whoever captures an agent finds the way by it."""

DROPPED: Final = "dropped"
"""The key of the events by which a framework's adapter makes a session smaller: what came before them is erased but for what
is left. Only what follows the latest one can be had as it was."""

_PARTS: Final = {
    "langgraph": ("thread_id",),
    "openai_agents": ("session_id",),
    "google_adk": ("app", "user", "session_id"),
    "pydantic_ai": ("conversation_id",),
}
"""Framework -> of what its sessions' ids consist."""


class Foreign(NamedTuple):
    """A framework and its own id for a session, in as many parts as it takes there."""

    agent: str
    parts: tuple[str, ...]


class Begun(NamedTuple):
    """A session that was begun, and what its first append became."""

    session: str
    commit: Commit


def latest(store: Store, session: str) -> str:
    """Return the session in which *session* goes on: itself, or the last of its successors that is there."""
    seen = {session}
    while (known := store.lookup(session, SUPERSEDED)) is not None:
        by = event_at(store, session, known.seq).body.get("by")
        try:
            store.stamp(str(by))
        except NotFoundError:  # deleted: what comes is kept where it came before
            return session
        if by in seen:
            return session
        seen.add(session := str(by))
    return session


def find(store: Store, foreign: Foreign) -> str | None:
    """Return the id of the living session of *foreign*, or None."""
    session, there = place(store, foreign)
    return session if there else None


def named(agent: str, ids: Sequence[object]) -> Foreign:
    """Return the session of a framework by its ids as a program has them. Raises UsageError: their number is another."""
    parts = _PARTS.get(agent, ())
    if not ids or (parts and len(ids) != len(parts)):
        some = "1 id" if len(parts) == 1 else f"{len(parts) or 'some'} ids"
        raise UsageError(
            f"a session of {agent!r} has {some}, not {len(ids)}",
            hint=f"store.ensure({', '.join([repr(agent), *(parts or ('id',))])})",
        )
    return Foreign(agent, tuple(map(str, ids)))


def ensure(store: Store, foreign: Foreign, header: Mapping[str, Any] | None = None, *, clock: Clock | None = None) -> str:
    """Return the id of the session of *foreign*, begun now where it is not there (and named, given a *clock*)."""
    while True:
        try:
            return begin(store, foreign, Draft("session.created", header or {}), clock=clock).session
        except ExistsError:
            session = find(store, foreign)
            if session is not None:
                return session


def begin(
    store: Store, foreign: Foreign, created: Draft, *then: Draft, clock: Clock | None = None, fork: ForkPoint | None = None
) -> Begun:
    """Begin the session of *foreign* with the event *created*, its foreign id added, and *then* others: one append.

    Given a *clock*, it gets the name that a session of that day gets in this store, and is active from the beginning.
    It shares the past of another up to *fork*.

    Raises:
        ExistsError: it is there.
        NotFoundError, HeadMovedError: the fork's parent is not there, or not so.
    """
    named = {
        "agent": foreign.agent,
        "foreign_ids": [foreign.parts[-1]],
        "foreign": list(foreign.parts),
    }
    while True:
        session, there = place(store, foreign)
        if there:
            raise ExistsError(f"{foreign.agent} session", foreign.parts[-1])
        first = created._replace(body={**named, **_named(store, session, clock), **created.body})
        begun = [first, Draft("session.activated", {}, actor=created.actor), *then] if clock else [first, *then]
        try:
            commit = store.create(session, begun, fork=fork)
        except ExistsError:
            if find(store, foreign) is not None:
                raise ExistsError(f"{foreign.agent} session", foreign.parts[-1]) from None
        else:
            return Begun(session, commit)


def sessions_of(store: Store, agent: str) -> Iterator[tuple[str, Foreign]]:
    """Yield the sessions that *agent* finds again by a foreign id. It reads the first event of each: a fork's own first one."""
    for session in store.sessions():
        if session[14] != "8":  # not made from a name
            continue
        try:
            own = store.info(session).first
            first = next(store.read(session, after=own - 1, upto=own), None)
        except NotFoundError:  # deleted meanwhile
            continue
        if first is not None and first.body.get("agent") == agent and "foreign" in first.body:
            yield session, Foreign(agent, tuple(first.body["foreign"]))


def place(store: Store, foreign: Foreign) -> tuple[str, bool]:
    """Return the id that the session of *foreign* has or would have, and whether it is there."""
    for generation in count():
        session = named_uuid(foreign.agent, *foreign.parts, str(generation))
        try:
            store.stamp(session)
        except GoneError:
            continue
        except NotFoundError:
            return session, False
        return session, True
    raise AssertionError  # count() does not end


def _named(store: Store, session: str, clock: Clock | None) -> dict[str, str]:
    if clock is None:
        return {}
    today = day(stamp(clock.now()))
    return {"type": "general", "name": session_name(today, store.number(session_prefix(today), session))}
