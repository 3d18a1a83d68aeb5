"""Ancestry: which session was forked from which, and where two of them parted."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from segue.core.log.events import ForkPoint

ParentOf = Callable[[str], ForkPoint | None]
"""Session -> where it left its parent; None for one that is no fork."""


class Common(NamedTuple):
    """The past that two sessions share: the session whose log it is, and the last number in it. None: all of it."""

    session: str
    seq: int | None


def ancestry(session: str, parent_of: ParentOf) -> list[ForkPoint]:
    """Return the fork points from *session* back to its root, the nearest first. A circle ends where it closes."""
    found: list[ForkPoint] = []
    seen = {session}
    point = parent_of(session)
    while point is not None and point.session not in seen:
        found.append(point)
        seen.add(point.session)
        point = parent_of(point.session)
    return found


def common(a: str, b: str, parent_of: ParentOf) -> Common | None:
    """Return the last position that *a* and *b* share, or None where they have no common past."""
    limits = _limits(b, parent_of)
    for session, limit in _limits(a, parent_of).items():
        if session in limits:
            known = [x for x in (limit, limits[session]) if x is not None]
            return Common(session, min(known) if known else None)
    return None


def children(parents: Mapping[str, ForkPoint | None]) -> dict[str, list[str]]:
    """Return session -> its forks, in the order of where they left it."""
    found: dict[str, list[tuple[int, str]]] = {}
    for session, point in parents.items():
        if point is not None:
            found.setdefault(point.session, []).append((point.seq, session))
    return {parent: [s for _, s in sorted(forks)] for parent, forks in found.items()}


def _limits(session: str, parent_of: ParentOf) -> dict[str, int | None]:
    """Return each log that *session* reads, and up to where: a fork can begin in its parent's own shared past."""
    found: dict[str, int | None] = {session: None}
    limit: int | None = None
    for point in ancestry(session, parent_of):
        limit = point.seq if limit is None else min(limit, point.seq)
        found[point.session] = limit
    return found
