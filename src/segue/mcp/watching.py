"""Tells who wants to hear of it that sessions changed. A thread looks at the stamps of logs; while nobody wants to hear, none."""

import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Protocol

from segue.core.errors import NotFoundError, SegueError
from segue.mcp.lane import Job, Lane

if TYPE_CHECKING:
    from segue.ports import Store

PAUSE: Final = 0.5
"""Seconds between two looks,"""
_SHARE: Final = 50
"""and at least so many times what a look took: it costs no more than a fiftieth of a core, however much is looked at."""
MOST: Final = 1_000
"""Things that are looked at, of all clients together."""
FIRST: Final = 200
"""Sessions of the list, latest activity first, that are looked at one by one."""


class Interest(Protocol):
    """Somebody wants to hear of something."""

    cancelled: threading.Event
    """He no longer does."""

    def look(self) -> None:
        """Tell of what changed since the last look."""


class Watch:
    """Looks for all who want to hear of something."""

    def __init__(self) -> None:
        """Look at nothing yet."""
        self._changed = threading.Condition()
        self._interests: list[Interest] = []
        self._thread: threading.Thread | None = None
        self._closed = False

    def has_room(self, more: int) -> bool:
        """Return whether *more* may be added."""
        with self._changed:
            return len([one for one in self._interests if not one.cancelled.is_set()]) + more <= MOST

    def add(self, interests: Iterable[Interest]) -> None:
        """Look for these too, until they are cancelled."""
        with self._changed:
            self._interests += interests
            if self._thread is None and self._interests and not self._closed:
                self._thread = threading.Thread(target=self._run, name="segue-mcp-watch", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """Look no more; nothing is told once this has returned."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            thread = self._thread
        if thread is not None:
            thread.join()

    def _run(self) -> None:
        took = 0.0
        while interests := self._next(max(PAUSE, took * _SHARE)):
            begin = time.monotonic()
            for one in interests:
                _look(one)
            took = time.monotonic() - begin

    def _next(self, pause: float) -> list[Interest]:
        """Return what is to be looked at after a *pause*: nothing, and the thread is to end."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed, timeout=pause)
            self._interests = [one for one in self._interests if not one.cancelled.is_set()]
            if self._closed or not self._interests:
                self._thread = None
                return []
            return list(self._interests)


def _look(interest: Interest) -> None:
    if not interest.cancelled.is_set():
        _kept_whole(interest, interest.look)


def _kept_whole(interest: Interest, act: Callable[[], None]) -> None:
    """Do *act*: a defect ends an interest, and no other one."""
    try:
        act()
    except (SegueError, OSError):  # it is looked at again
        pass
    except Exception:  # noqa: BLE001 - see above
        traceback.print_exc(file=sys.stderr)
        interest.cancelled.set()


class SessionInterest:
    """Wants to hear of one session. It hears once of all that came between two looks, and once that it was deleted."""

    def __init__(self, store: "Store", session: str, cancelled: threading.Event, tell: Callable[[], None]) -> None:
        """Compare with what is there now."""
        self.cancelled = cancelled
        self._store, self._session, self._tell = store, session, tell
        self._stamp = _stamp(store, session)

    def look(self) -> None:
        """See `Interest.look`."""
        stamp = _stamp(self._store, self._session)
        if stamp != self._stamp:
            self._stamp = stamp
            if not self.cancelled.is_set():
                self._tell()


class ListInterest:
    """Wants to hear when there are others in the list of a project's sessions, or when any of the first ones changed."""

    def __init__(
        self,
        store: "Store",
        find: Callable[[], Sequence[str]],
        lane: Lane,
        cancelled: threading.Event,
        changed: Callable[[], None] | None,
        others: Callable[[], None],
    ) -> None:
        """Compare with what *find*, called in the lane as this is, finds now. *changed* is called for others too."""
        self.cancelled = cancelled
        self._store, self._find, self._lane = store, find, lane
        self._tell, self._tell_others = changed, others
        self._lock = threading.Lock()
        self._known = frozenset(store.sessions())
        self._stale = self._asked = False
        self._sessions: frozenset[str] = frozenset()
        self._stamps: dict[str, str] = {}
        self._take(find())

    def look(self) -> None:
        """See `Interest.look`. Which sessions are the project's is found out in the lane, when there are others in the store."""
        known = frozenset(self._store.sessions())
        with self._lock:
            self._stale = self._stale or known != self._known
            self._known = known
            asks = self._stale and not self._asked
            self._asked = self._asked or asks
        if asks:
            self._lane.submit(Job(lambda _: _kept_whole(self, self._again)))
        with self._lock:
            stamps = {session: _stamp(self._store, session) for session in self._stamps}
            changed, self._stamps = stamps != self._stamps, stamps
        if changed and self._tell is not None and not self.cancelled.is_set():
            self._tell()

    def _again(self) -> None:
        with self._lock:
            self._asked = self._stale = False
        try:
            found = self._find()
        except (SegueError, OSError):  # the next look comes here again
            self._stale = True
            raise
        if frozenset(found) == self._sessions:
            return
        self._take(found)
        if not self.cancelled.is_set():
            self._tell_others()
            if self._tell is not None:
                self._tell()

    def _take(self, found: Sequence[str]) -> None:
        with self._lock:
            self._sessions = frozenset(found)
            self._stamps = {session: _stamp(self._store, session) for session in found[:FIRST] if self._tell is not None}


def _stamp(store: "Store", session: str) -> str:
    """Return the stamp of a session; empty where it is gone."""
    with suppress(NotFoundError):
        return store.stamp(session)
    return ""
