"""Time and names."""

from typing import Protocol


class Clock(Protocol):
    """The time, injected."""

    def now(self) -> float:
        """Return seconds since 1970, UTC."""
        ...


class Ids(Protocol):
    """Randomness, injected."""

    def uuid7(self) -> str:
        """Return a new UUIDv7, greater than the ones this process made before."""
        ...

    def salt(self) -> str:
        """Return 32 random hex digits."""
        ...
