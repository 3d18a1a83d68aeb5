"""Erasing: the places where what segue keeps may hold contents, each searched, cleared and scanned."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from segue.core.log.needles import Needle


class Left(NamedTuple):
    """Where something still stands, or what could not be looked into."""

    where: str
    times: int
    why: str = ""


class Scan(NamedTuple):
    """A look at every byte of a place, what is compressed or encoded in it opened."""

    files: int
    bytes: int
    left: Sequence[Left]
    unread: Sequence[Left]

    @property
    def times(self) -> int:
        """How often it was found."""
        return sum(one.times for one in self.left)


Tell = Callable[[Collection[str]], None]
"""Lets the log say that snapshots of workspaces go; it does before they do: else a crash between the two would hide it."""


def untold(_: Collection[str]) -> None:
    """Say nothing."""


class Ground(Protocol):
    """A place in which contents may stand: the store, its backups, what lies beside it, workspace snapshots."""

    @property
    def name(self) -> str:
        """What it is, in words."""
        ...

    def purge(self, needle: Needle, tell: Tell = untold) -> int:
        """Take what *needle* finds away, and what the store's logs say is erased; return how many files changed or went.

        Repeatable: what is interrupted is done again. Raises BusyError, StorageFullError.
        """
        ...

    def scan(self, needle: Needle) -> Scan:
        """Look at every byte. Changes nothing."""
        ...


class Searched(Protocol):
    """The store as a place: its events are found, and erased through `Store.erase`."""

    def find(self, needle: Needle) -> Mapping[str, Collection[int]]:
        """Return in which logs' own events *needle* finds something: session -> numbers.

        A session may be a deleted one that forks need, or `scope:` and the name of shared state.
        """
        ...

    def erase(self, session: str, seqs: Collection[int], note: Mapping[str, Any]) -> int:
        """Do what `Store.erase` does, for these too."""
        ...
