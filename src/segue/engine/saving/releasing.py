"""Letting snapshots of workspaces go with the checkpoints that named them.

In this order: what is about to lose its name is written down, the checkpoints are forgotten, and then what no checkpoint names is
let go, all in one step. Who is killed in between leaves the first; the next one who forgets something goes on from there.
"""

from collections.abc import Collection, Iterable, Mapping
from functools import cached_property
from types import MappingProxyType
from typing import Any, Final

from segue.core.errors import NotFoundError
from segue.core.session.state import State
from segue.engine.loading import event_at, load
from segue.engine.restores import Checkpoint
from segue.ports import Index, Store
from segue.ports.workspace import Released, Snapshots

EMPTY: Final[Mapping[str, Any]] = MappingProxyType({})


class Releasing:
    """The snapshots of one store's checkpoints."""

    def __init__(self, store: Store, catalogue: Index, snapshots: Snapshots) -> None:
        """Look at nothing yet."""
        self._store, self._catalogue, self._snapshots = store, catalogue, snapshots

    def intend(self, state: State, names: Iterable[str]) -> None:
        """Write down that the checkpoints *names* of a session are about to be forgotten. Raises WorkspaceError."""
        released = self._of(state, names)
        if released:
            self._snapshots.release(released)

    def size(self, going: Mapping[str, Collection[str]]) -> int:
        """Return the bytes that go when, by session, the checkpoints *going* are forgotten. Raises WorkspaceError."""
        found = []
        for session, names in going.items():
            of = self._of(load(self._store, session, on_damage=_pass), names)
            found += [one.id for one in of if not self._is_named(one, going)]
        return self._snapshots.size(found)

    def settle(self, at_least: int = 1) -> int:
        """Let those go that no checkpoint names any more; return the bytes that this freed. Raises WorkspaceError.

        Nothing is done while fewer than *at_least* wait: what stays is packed anew each time.
        """
        waiting = [one for one in self._snapshots.released() if one.store == self._store.url]
        if len(waiting) < at_least:
            return 0
        named = [one for one in waiting if self._is_named(one)]
        return self._snapshots.settle(waiting, keep=named)

    def _of(self, state: State, names: Iterable[str]) -> list[Released]:
        found = []
        for name in names:
            place = state.checkpoints.get(name)
            body = event_at(self._store, state.session, place["seq"]).body if place is not None else {}
            snapshot = Checkpoint(name, state.session, 0, 0, "", body).snapshot
            if snapshot:
                found.append(Released(snapshot, self._store.url, state.session, name))
        return found

    def _is_named(self, one: Released, besides: Mapping[str, Collection[str]] = EMPTY) -> bool:
        """Return whether a checkpoint names it still: of its session, of one that shares its past, or of a copy of it."""
        copies = {row.session for row in self._catalogue.places() if row.name == one.checkpoint}
        for session in copies | self._family(one.session):
            if one.checkpoint in besides.get(session, ()):
                continue
            damaged: list[object] = []
            try:
                state = load(self._store, session, on_damage=damaged.append)
            except NotFoundError:  # deleted meanwhile
                continue
            if damaged or any(other.id == one.id for other in self._of(state, [one.checkpoint])):
                return True  # of what is damaged nobody knows what it named
        return False

    def _family(self, session: str) -> set[str]:
        """Return the session, and all that share some of their past with it, deleted ones among them."""
        found, queue = set[str](), [session]
        while queue:
            one = queue.pop()
            if one not in found:
                found.add(one)
                queue += self._related.get(one, ())
        return found

    @cached_property
    def _related(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for row in self._catalogue.sessions():
            if row.parent:
                found.setdefault(row.parent, []).append(row.id)
                found.setdefault(row.id, []).append(row.parent)
        return found


def _pass(_damage: object) -> None:
    """Damage is for `validate`."""
