"""The time and randomness of this machine."""

import os
import threading
import time

from segue.core.log.ids import uuid7_of


class SystemClock:
    """The system's clock."""

    def now(self) -> float:
        """Return seconds since 1970, UTC."""
        return time.time()


class SystemIds:
    """Ids from the system's clock and its random source."""

    def __init__(self) -> None:
        """Begin with no id made."""
        self._last = 0
        self._lock = threading.Lock()

    def uuid7(self) -> str:
        """Return a new UUIDv7, greater than the ones made before, also when the clock steps back (RFC 9562, 6.2 method 2)."""
        random = int.from_bytes(os.urandom(10), "big") >> 6
        value = (time.time_ns() // 1_000_000) << 74 | random
        with self._lock:
            if value <= self._last:
                value = self._last + (random & 0xFFFFFFFF) + 1
            self._last = value
        return uuid7_of(value)

    def salt(self) -> str:
        """Return 32 random hex digits."""
        return os.urandom(16).hex()
