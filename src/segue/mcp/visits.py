"""Clients that come over HTTP, by the id of their session with us: not too many, none for ever."""

import threading
import time
from collections.abc import Callable
from typing import Final

from segue.mcp.streams import Visitor

MOST: Final = 256
IDLE: Final = 3_600.0
"""Seconds after which a client that says nothing is forgotten."""


class Visits:
    """The clients that have initialized. Who is forgotten is told so, and begins anew."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin with none."""
        self._clock = clock
        self._lock = threading.Lock()
        self._known: dict[str, tuple[Visitor, float]] = {}

    def admit(self, peer: Visitor) -> str:
        """Keep a client and return the id of its session; who was silent for longest makes room."""
        import secrets

        id_ = secrets.token_urlsafe(24)
        with self._lock:
            now = self._clock()
            while self._known and (len(self._known) >= MOST or now - next(iter(self._known.values()))[1] >= IDLE):
                self._forget(next(iter(self._known)))
            self._known[id_] = (peer, now)
        return id_

    def find(self, id_: str) -> Visitor | None:
        """Return the client of that id, who speaks just now; None where there is none."""
        with self._lock:
            found = self._known.get(id_)
            if found is None or self._clock() - found[1] >= IDLE:
                self._forget(id_)
                return None
            self._known.pop(id_)  # it goes behind those that were silent for longer
            self._known[id_] = (found[0], self._clock())
            return found[0]

    def end(self, id_: str) -> bool:
        """Forget a client; return whether it was known."""
        with self._lock:
            return self._forget(id_)

    def _forget(self, id_: str) -> bool:
        found = self._known.pop(id_, None)
        if found is not None:
            found[0].leave()
        return found is not None
