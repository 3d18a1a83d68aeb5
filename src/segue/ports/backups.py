"""Backups of a store: whole copies of it, beside it or elsewhere, each verified when it was taken."""

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

Progress = Callable[[str, int, int], None]
"""Is told what is being done, how much of it is done, and how much there is."""


class Backup(NamedTuple):
    """A backup, as it says of itself. `damaged` says why it cannot be used; empty where nothing is known against it."""

    name: str
    path: str
    store: str
    """URL of the store that it is a copy of."""
    at: str
    """When it was taken. The order of backups is that of their names."""
    sessions: int
    events: int
    newest: str
    """Time of the newest event in it."""
    files: int
    bytes: int
    copied: int
    """Of the bytes, those that no earlier backup had."""
    damaged: str = ""
    snapshots: int = 0
    """Files in it of the repository in which snapshots of workspaces are kept."""


class RestoredStore(NamedTuple):
    """A store that was made from a backup."""

    backup: Backup
    path: str
    """Where it is now."""
    aside: str
    """Where what was in its place is now; empty where nothing was."""


class Beside(Protocol):
    """What is kept beside a store and belongs into its backups: the repository of snapshots of workspaces."""

    def captured(self) -> "AbstractContextManager[Mapping[str, str]]":
        """Give the paths of its files as they are at one moment, by the names that they get in the backup, until the end.

        Nobody else waits for longer than it takes to list them. Raises WorkspaceError.
        """
        ...

    def check(self, copy: str) -> str:
        """Return why the copy in a directory, whose bytes are those that were copied, is not whole; empty where it is."""
        ...

    def bring_back(self, copy: str, wanted: Collection[str]) -> set[str]:
        """Take in those of *wanted* snapshots that the copy in a directory has, whatever is there of them; return them.

        Raises WorkspaceError.
        """
        ...


class Backups(Protocol):
    """The backups of one store in one place."""

    def take(self, *, anew: bool = False) -> Backup:
        """Take a backup, verify every byte of it, and let the oldest go that are too many. Others may append meanwhile.

        It is there whole or not at all, and holds all that was acknowledged before the call. What no earlier backup had is
        copied, the rest linked to the earlier one. What does not verify is no backup: the earlier ones stay.

        Raises:
            DamagedError: the store is damaged, or has lost what the last backup has (*anew*: that one is not asked).
            BusyError: another process takes one.
            StorageFullError, StoreUnusableError: there is no room, or no right to write there.
        """
        ...

    def all(self) -> list[Backup]:
        """Return the backups, latest first, those of other stores in the same place behind them."""
        ...

    def last(self) -> Backup | None:
        """Return this store's latest backup that can be used, or None. Cheap: nothing is verified."""
        ...

    def tried(self) -> float:
        """Return when a backup was last begun, in seconds since 1970, whether or not it was finished; 0 for never."""
        ...

    def check(self, name: str) -> Backup:
        """Look at every byte of a backup (a name, the beginning of one, a path, `last`). Raises NotFoundError, DamagedError."""
        ...

    def bring_back(self, name: str, wanted: Collection[str]) -> set[str]:
        """Take in those of *wanted* snapshots of workspaces that a backup has, and return them.

        Raises:
            NotFoundError, DamagedError: see `check`.
            WorkspaceError: they cannot be taken in.
        """
        ...

    def restore(self, name: str, to: str | None = None) -> RestoredStore:
        """Make a store of a backup, verified before and after; what is in its place is moved aside, never overwritten.

        *to* is a directory; where none is given, that of the store that these are the backups of.

        Raises:
            NotFoundError, DamagedError: see `check`; nothing was changed.
            StorageFullError, StoreUnusableError: see `take`; nothing was changed.
        """
        ...
