"""What can be fuzzed: where it begins, how its inputs are spoilt, and what is promised of it."""

from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Protocol

FOUND = Path(__file__).parents[1] / "fixtures" / "fuzz"
"""Inputs that once broke a promise, by target: they are tried in every `make test`."""


class Target(Protocol):
    """One thing that takes what others wrote."""

    name: str
    suffix: str
    """Of the files in which inputs are kept."""

    def seeds(self) -> Sequence[bytes]:
        """Return sound inputs, small ones."""
        ...

    def spoil(self, data: bytes, random: Random, limit: int) -> bytes:
        """Return *data* changed as only this target's inputs can be, by *random* alone."""
        ...

    def check(self, data: bytes, directory: Path) -> None:
        """Take *data* in, in a directory that was used for other inputs before.

        Raises:
            AssertionError: a promise is broken.
            Exception: so it is by any other.
        """
        ...


def found(target: str) -> list[Path]:
    """Return the inputs that once broke a promise."""
    return sorted(path for path in (FOUND / target).glob("*") if path.is_file())
