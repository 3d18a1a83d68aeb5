"""Where a session came from, and where it went on: forks of segue's, of the agents' own, and successors."""

from typing import Final, NamedTuple

from segue.core.errors import AmbiguousError, NotFoundError
from segue.core.log.events import ForkPoint
from segue.core.session.catalogue import SessionRow
from segue.core.session.state import State
from segue.ports import Index, Store

_FIRST: Final = 8
"""Events of a fork among which the one that says how it came about is."""


class Relative(NamedTuple):
    """A session that another one came from, or went on in."""

    session: str
    name: str
    """Empty where the store has no such session."""
    agent: str
    position: int | None
    """The last event that both have; None where they share no log."""
    by: str
    """What made it so: `fork`, `resume` (in another agent), `restore` (of a checkpoint), `agent` (it forked its session
    itself), `superseded`."""
    at: str
    """When it began, RFC 3339 in UTC; empty where that is not known."""


def went_on(store: Store, index: Index, state: State) -> list[Relative]:
    """Return where the session of *state* went on, in the order of their beginning."""
    try:
        rows = index.offspring(state.session)
    except NotFoundError:  # deleted meanwhile
        return []
    found = [_child(store, row, state.session) for row in rows]
    successor = state.lifecycle["by"]
    if successor and all(one.session != successor for one in found):
        found.append(_named(index, successor, None, "superseded"))
    return found


def came_from(store: Store, index: Index, state: State) -> Relative | None:
    """Return the session that the one of *state* was forked from or succeeds, or None."""
    lineage = state.lineage
    if parent := lineage["parent"]:
        point = ForkPoint(parent["session"], parent["seq"], parent["digest"])
        return _named(index, point.session, point.seq, _how(store, state.session, point.seq))
    if origin := lineage["origin"]:
        return _named(index, origin["session"] or origin["foreign_id"], None, "agent")
    if lineage["predecessor"]:
        return _named(index, lineage["predecessor"], None, "superseded")
    return None


def _child(store: Store, row: SessionRow, parent: str) -> Relative:
    position, by = None, "agent"
    if row.parent == parent:
        try:
            position = store.lineage(row.id)[0].seq
            by = _how(store, row.id, position)
        except (NotFoundError, IndexError):  # deleted meanwhile
            by = "fork"
    return Relative(row.id, row.name, row.agent, position, by, row.created)


def _how(store: Store, session: str, position: int) -> str:
    """Return what made the fork *session* that left its parent at *position*."""
    events = store.read(session, after=position, upto=position + _FIRST, on_damage=lambda _: None, blobs=False)
    how = "fork"
    for event in events:
        if event.kind == "session.forked" and "predecessor" in event.body:
            return "superseded"
        if event.kind == "head.moved" and "checkpoint" in event.body:
            return "restore"
        if event.kind == "session.carried" and "frm" in event.body:
            how = "resume"
    return how


def _named(index: Index, ref: str, position: int | None, by: str) -> Relative:
    """Return what the catalogue has of a session, by our id of it or by an agent's."""
    try:
        row = index.session(index.resolve(ref).session)
    except (NotFoundError, AmbiguousError):
        return Relative(ref, "", "", position, by, "")
    return Relative(row.id, row.name, row.agent, position, by, row.created)
