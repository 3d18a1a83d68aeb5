"""Forgetting checkpoints by retention: what would go and why, and letting it go. The log keeps what they named."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import NamedTuple

from segue.core.errors import NotFoundError, SegueError
from segue.core.log.events import Draft
from segue.core.session.retention import Policy, Verdict, verdicts
from segue.core.session.state import State
from segue.engine.loading import change, load
from segue.engine.saving.releasing import Releasing
from segue.ports import Index, Store


class Forgotten(NamedTuple):
    """One session's checkpoints, latest first, and what becomes of them."""

    session: str
    name: str
    verdicts: Sequence[Verdict]

    @property
    def gone(self) -> list[Verdict]:
        """Those that no rule keeps."""
        return [one for one in self.verdicts if not one.kept]


class Forgetting:
    """Retention over the sessions of a store."""

    def __init__(self, store: Store, index: Index, policy: Policy, releasing: Releasing) -> None:
        """Look at nothing yet."""
        self._store, self._index, self._policy, self._releasing = store, index, policy, releasing

    def plan(self, session: str) -> Forgotten:
        """Return which checkpoints of *session* stay and why, and which would go. Changes nothing. Raises NotFoundError."""
        return self._decided(load(self._store, session, on_damage=_pass))

    def forget(self, session: str) -> Forgotten:
        """Let the checkpoints of *session* go that no rule keeps, all in one append; repeatable.

        Their snapshots go with `let_go`. Raises NotFoundError, WorkspaceError.
        """
        done: list[Forgotten] = []

        def decide(state: State) -> list[Draft]:
            done[:] = [self._decided(state)]
            gone = done[0].gone[::-1]
            self._releasing.intend(state, [one.checkpoint.name for one in gone])
            return [Draft("checkpoint.forgotten", {"name": one.checkpoint.name, "why": "retention"}) for one in gone]

        change(self._store, session, decide)
        return done[0]

    def let_go(self, at_least: int = 1) -> int:
        """Let the snapshots go that no checkpoint names any more, see `Releasing.settle`. Raises WorkspaceError."""
        return self._releasing.settle(at_least)

    def size(self, plans: Iterable[Forgotten]) -> int:
        """Return the bytes of snapshots that would go by *plans*, together. Raises WorkspaceError."""
        return self._releasing.size({one.session: [v.checkpoint.name for v in one.gone] for one in plans if one.gone})

    def candidates(self) -> list[str]:
        """Return the sessions with more automatic checkpoints than may stay for no other reason: in no other can one go."""
        counts = Counter(place.session for place in self._index.places() if place.automatic)
        return sorted(session for session, count in counts.items() if count > self._policy.automatic)

    def forget_all(self, failed: Callable[[str, SegueError], None]) -> list[Forgotten]:
        """Forget in every session; one in which that fails is told to *failed*, and does not keep the others."""
        found = []
        for session in self.candidates():
            try:
                found.append(self.forget(session))
            except NotFoundError:  # deleted meanwhile
                continue
            except SegueError as e:
                failed(session, e)
        return [one for one in found if one.gone]

    def _decided(self, state: State) -> Forgotten:
        return Forgotten(state.session, state.header["name"], verdicts(state, self._policy, self._forked(state.session)))

    def _forked(self, session: str) -> set[int]:
        """Return the positions at which forks left *session*."""
        found = set()
        for child in self._children.get(session, ()):
            try:
                found.add(self._store.lineage(child)[0].seq)
            except NotFoundError:  # deleted meanwhile
                continue
        return found

    @cached_property
    def _children(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for row in self._index.sessions():
            if row.parent:
                found.setdefault(row.parent, []).append(row.id)
        return found


def _pass(_damage: object) -> None:
    """Damage is for `validate`."""
