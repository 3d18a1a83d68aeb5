"""What the other logs of all copies tell of one log: whose an event is, who has which forks, what a scope is called."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path

from segue.core.errors import DamagedError, NotFoundError, SegueError
from segue.core.log.codec import genesis
from segue.core.log.events import ForkPoint
from segue.stores.log.blobs import Blobs
from segue.stores.log.cipher import Cipher
from segue.stores.log.marks import read_fork
from segue.stores.log.recovery.gathering import scope_name, scopes_in
from segue.stores.log.recovery.lines import scan
from segue.stores.log.recovery.places import Place
from segue.stores.log.scopes import places_of


class Around:
    """All copies of a store. Passes for `gathering.Asked`."""

    def __init__(self, places: Sequence[Place], cipher: Cipher) -> None:
        """Look at nothing yet."""
        self.places, self.cipher = places, cipher

    def is_foreign(self, name: str, digest: str) -> bool:
        """See `Asked.is_foreign`."""
        return self._owners.get(digest, name) != name

    def is_fork(self, session: str, parent: str) -> bool:
        """See `Asked.is_fork`: each parent has a mark for each fork, made before the fork was."""
        parents = [directory for place in self.places for directory in place.directories(f"sessions/{parent}")]
        return any((one / "forks" / session).exists() for one in parents) or not parents

    def parent_of(self, session: str) -> str:
        """See `Asked.parent_of`."""
        marks = {directory.name for _, directory in self._all("sessions/") if (directory / "forks" / session).exists()}
        return marks.pop() if len(marks) == 1 else ""

    def digest_at(self, session: str, seq: int) -> str:
        """See `Asked.digest_at`."""
        for place in self.places:
            for directory in place.directories(f"sessions/{session}"):
                for node in scan("", directory / "log", self.cipher).nodes:
                    if node.seq == seq:
                        return node.digest
        return ""

    def owner(self, name: str) -> str:
        """Return what the first event of a log follows from."""
        kind, _, own = name.partition("/")
        if kind == "sessions":
            return own
        directories = (directory for place in self.places for directory in place.directories(name))
        return f"scope:{scope_name(directories, self.cipher) or self._scope_names.get(own, '')}"

    def fork_points(self, session: str) -> list[int]:
        """Return where forks left *session*."""
        forks = (_fork(directory) for _, directory in self._all("sessions/"))
        return [fork.seq for fork in forks if fork and fork.session == session]

    def blob(self, name: str) -> bytes:
        """Return a large value that any copy has intact. Raises NotFoundError."""
        for place in self.places:
            with suppress(SegueError, OSError):
                return Blobs(place.root / "blobs", _no_sync, self.cipher).get(name)
        raise NotFoundError("blob", name)

    def _all(self, kind: str = "") -> Iterator[tuple[str, Path]]:
        for place in self.places:
            for name in place.logs():
                if name.startswith(kind):
                    yield from ((name, directory) for directory in place.directories(name))

    @cached_property
    def _scope_names(self) -> dict[str, str]:
        """Directory -> name, of all scopes that any session's events changed. Asked only where no copy says a scope's name."""
        logs = (directory / "log" for _, directory in self._all("sessions/"))
        named = {scope for log in logs for scope in scopes_in(log, self.cipher)}
        return {place: scope for scope in named for place in places_of(scope, self.cipher)}

    @cached_property
    def _owners(self) -> dict[str, str]:
        """Event -> the log that it follows the beginning of, for all logs of all copies. Asked where a run has no beginning."""
        found: dict[str, str] = {}
        for name, directory in self._all():
            fork = _fork(directory)
            base = fork.digest if fork else genesis(self.owner(name))
            follows, copy = {base}, scan("", directory / "log", self.cipher)
            for node in copy.nodes:
                if node.prev in follows and (node.prev == base or node.digest not in copy.begins):
                    follows.add(node.digest)
                    found.setdefault(node.digest, name)
        return found


def _fork(directory: Path) -> ForkPoint | None:
    with suppress(DamagedError, OSError):
        return read_fork(directory)
    return None


def _no_sync(_: int) -> None:
    """Nothing is written."""
