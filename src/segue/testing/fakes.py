"""A clock that stands still, and ids that come in the same order every time."""

import threading
from hashlib import blake2b

from segue.core.log.ids import uuid7
from segue.core.log.times import seconds

START = seconds("2026-01-15T09:30:00Z")
"""Where fake time begins."""


class FakeClock:
    """A clock that moves only when it is told to. Passes for `ports.Clock`."""

    def __init__(self, at: float = START) -> None:
        """Begin at *at*, seconds since 1970."""
        self.at = at

    def now(self) -> float:
        """Return the time that it was set to."""
        return self.at

    def advance(self, seconds: float) -> None:
        """Move on by *seconds*; a negative number moves back, as clocks do."""
        self.at += seconds


class FakeIds:
    """Ids and salts that depend on *seed* and on how many were made before. Passes for `ports.Ids`; safe between threads.

    Two with one seed make the same ids, two with different seeds never do: a process of its own needs a seed of its own.
    """

    def __init__(self, seed: int = 0, at: float = START) -> None:
        """Begin with the first id of *seed*, made at *at*, seconds since 1970."""
        self.seed = seed
        self._at = int(at * 1000)
        self._made = 0
        self._lock = threading.Lock()

    def uuid7(self) -> str:
        """Return a new UUIDv7, greater than the ones made before."""
        n, random = self._next(b"id")
        return uuid7(self._at + n, random)

    def salt(self) -> str:
        """Return 32 hex digits."""
        return self._next(b"salt")[1].hex()

    def _next(self, what: bytes) -> tuple[int, bytes]:
        with self._lock:
            self._made += 1
            n = self._made
        return n, blake2b(b"%s %d %d" % (what, self.seed, n), digest_size=16).digest()


def session_id(n: int) -> str:
    """Return the UUID of the *n*th session of a test; they sort by *n*."""
    return uuid7(int(START * 1000) + n, n.to_bytes(10, "big"))
