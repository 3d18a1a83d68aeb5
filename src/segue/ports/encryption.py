"""Putting a store under a key, under another one, or under none."""

from collections.abc import Callable
from typing import NamedTuple, Protocol

Progress = Callable[[str, int, int], None]
"""Told what is done, and how many of how many are."""


class Encrypted(NamedTuple):
    """How a store is encrypted."""

    key: str
    """The name of its key; empty: it is not."""
    place: str
    """Where the user has the key: `keyring`, `file:` and a path, `environment`."""
    older: tuple[str, ...]
    """Names of keys that it was under before; copies of it may still be."""
    changing: bool
    """Whether a change was begun and is not done."""


class Changed(NamedTuple):
    """What one run of a change did."""

    logs: int
    blobs: int
    others: int
    """Files beside them: leases, names, what was set aside."""
    left: tuple[str, ...]
    """Files that could not be read and stay as they are, by their paths in the store."""


class Encryption(Protocol):
    """The encryption of one store. Others may use the store meanwhile; a change that was interrupted is gone on with by `run`."""

    def state(self) -> Encrypted:
        """Return how the store is encrypted. Raises DamagedError."""
        ...

    def begin(self, key: bytes | None, place: str) -> Encrypted:
        """Let everything that is written from now on be under *key*, or, with None, in the clear.

        What is there already is not changed by this; `run` does that. The key that the store was under before is kept in it,
        under the new one, for what is not changed yet and for copies.

        Raises:
            ConflictError: an earlier change is not done.
            WrongKeyError: the key that the store is under is not at hand.
        """
        ...

    def run(self, progress: Progress, beside: Callable[[], object] = lambda: None) -> Changed:
        """Bring everything under the key of `begin`. Repeatable: what is done is not done again.

        *beside* is called when nothing in the store is under another key any more, and that one can still be had.

        Raises:
            WrongKeyError: a key is not at hand.
            StorageFullError: what was not reached is as it was.
        """
        ...
