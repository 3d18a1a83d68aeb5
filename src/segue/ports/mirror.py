"""A mirror of a store: its logs file by file, byte for byte, where damage of the store does not reach."""

from collections.abc import Collection, Iterable, Mapping
from contextlib import AbstractContextManager
from typing import Any, NamedTuple, Protocol

BESIDE = "store"
"""The name under which a mirror has what stands beside a store's logs."""


class Part(NamedTuple):
    """Bytes of a file of the store."""

    file: str
    start: int
    end: int


class Mirrored(NamedTuple):
    """A log as the mirror has it. Of a log that went on otherwise there are several."""

    log: str
    """`sessions/<id>`, `scopes/<hash>`, or `BESIDE`."""
    id: str
    """What the mirror calls it; empty as long as it is not kept."""
    seq: int
    """Its last event's number, and what stands for its digest; 0 and empty where it has none."""
    digest: str
    at: str
    events: int
    """How many events of its own it has."""
    lacks: int = 0
    """How many large values that it refers to the store did not have intact."""
    deleted: bool = False
    """Whether the session was deleted, and stays for its forks."""
    parted: bool = False
    """Whether the store's log went on otherwise since."""


class Files(Protocol):
    """The files of one log in a mirror, to be changed."""

    def names(self, directory: str) -> list[str]:
        """Return what is in a directory, sorted; nothing where there is none."""
        ...

    def content(self, path: str) -> bytes:
        """Return a file. Raises NotFoundError, MirrorError."""
        ...

    def same(self, path: str, data: bytes) -> bool:
        """Return whether the file at *path* has just these bytes."""
        ...

    def put(self, path: str, what: Part | bytes) -> None:
        """Give *path* the bytes *what*. Raises OSError, DamagedError where the file has fewer."""
        ...

    def remove(self, path: str) -> None:
        """Take a file or directory out."""
        ...


class Writing(Protocol):
    """One change of a mirror; nothing of it can be seen before its end."""

    def at(self, log: str) -> Mirrored | None:
        """Return a log as the mirror has it now, None where it has none. Raises MirrorError where that is damaged."""
        ...

    def files(self, log: str, *, anew: bool = False) -> Files:
        """Return the files of a log; with *anew* none, whatever the mirror has."""
        ...

    def keep(self, mirrored: Mirrored, files: Files, *, part: bool = False) -> None:
        """Make *files* what the mirror has of a log; with *part* what it had stays beside it.

        Raises MirrorError: the disk refused.
        """
        ...

    def export(self, mirrored: Mirrored, to: str) -> int:
        """See `Mirror.export`."""
        ...

    def known(self) -> dict[str, Any]:
        """See `Mirror.known`."""
        ...

    def remember(self, what: Mapping[str, Any]) -> None:
        """Remember something that may be lost, with the change."""
        ...


class Wrote(NamedTuple):
    """What was brought into a mirror."""

    logs: tuple[str, ...]
    failed: Mapping[str, str]
    """Log -> why it could not be read; what the mirror has of it stays."""
    dropped: int
    """How many deleted sessions went."""


class Mirroring(Protocol):
    """Brings a store into its mirror."""

    def is_due(self) -> bool:
        """Return whether a log changed since it was mirrored; by names and sizes of files alone."""
        ...

    def run(self, sessions: Iterable[str] | None = None) -> Wrote:
        """Bring what is new in the logs of *sessions* (or of all), of shared state, and of numbers into the mirror.

        What the mirror has and the store lost stays in it; a session that was deleted goes. Repeatable, and may be interrupted.

        Raises MirrorError: it cannot be written.
        """
        ...


class Mirror(Protocol):
    """The mirror of one store."""

    @property
    def place(self) -> str:
        """Where it is."""
        ...

    @property
    def exists(self) -> bool:
        """Whether anything was ever mirrored."""
        ...

    def logs(self) -> list[Mirrored]:
        """Return all that it has, parted ones behind the others. Raises MirrorError."""
        ...

    def export(self, mirrored: Mirrored, to: str) -> int:
        """Write the files of a log into the directory *to*, and return how many are damaged; of these what is intact is written.

        What the mirror has in parts is put together. Raises MirrorError.
        """
        ...

    def writing(self) -> AbstractContextManager[Writing]:
        """Change the mirror: all of it at the end, durably, or nothing where that raises; one process at a time.

        Its cost is that of what is new. A mirror that turns out to be damaged is moved aside: it is not there any more then.

        Raises MirrorError: it cannot be written, is damaged, or another process has been at it for long.
        """
        ...

    def drop(self, logs: Collection[str] | None = None) -> int:
        """Let *logs* (or all) go, what parted included, and return the bytes that this freed.

        None of their bytes is left in the mirror's files on return, also where an earlier call was interrupted. A damaged mirror
        that was moved aside goes as a whole. Raises MirrorError.
        """
        ...

    def known(self) -> dict[str, Any]:
        """Return what was remembered last; empty where that is gone."""
        ...
