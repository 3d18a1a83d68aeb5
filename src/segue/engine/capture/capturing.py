"""Capture: what hooks spool, and the transcripts that they name, are taken in as they are written.

A hook tells that a session is at work, and where its transcript is; the transcript is followed from then on, so that what
stands in no payload is in the log within a second as well. A session is left alone when it ended, or when nobody heard of it
for ten minutes: its next hook brings it back.
"""

from collections.abc import Callable
from typing import Final

from segue.core.errors import SegueError
from segue.engine.capture.following import Follower
from segue.engine.capture.spooling import Intake, Spools
from segue.ports import Clock, Store, Transcripts
from segue.ports.running import Processes

_LINGER: Final = 5.0
"""Seconds that an ended session is still followed: agents write after their last hook."""
_SILENCE: Final = 600.0
"""Seconds without a hook or a record after which a session is taken for gone (killed, or left open)."""
_EVERY: Final = 0.5
_AGAIN: Final = 1.0
_AT_LAST: Final = 30.0
"""Seconds until the next try after a failure: the first time, and the most."""


def capture(  # noqa: PLR0913 - what it works with, each by its name
    store: Store,
    spools: Spools,
    transcripts: Transcripts,
    *,
    clock: Clock,
    stop: Callable[[], bool],
    wait: Callable[[float], None],
    stay: Callable[[], bool] = lambda: False,
    hosts: Processes | None = None,
    poll: float = 0.2,
) -> int:
    """Take in what comes until *stop* returns true or nothing more is to be expected; return how many events it was.

    What cannot be taken in now (the disk is full, a session is damaged) waits where it is and is tried again, at last twice a
    minute; it hinders nothing else.

    *wait* is given the seconds until the next look. While *stay* returns true, something else is to be waited for. With *hosts*
    the agents' processes are noted.
    """
    watch = _Watch(Intake(store, spools, transcripts, clock=clock, hosts=hosts), spools, transcripts, clock.now())
    pause = poll
    while not stop():
        now = clock.now()
        try:
            watch.look(now)
            pause = poll
        except (SegueError, OSError):
            pause = min(max(2 * pause, _AGAIN), _AT_LAST)
        watch.leave(now)
        if watch.is_over(now) and not stay():
            break
        wait(pause)
    return watch.events


class _Watch:
    """What is watched, and when something came last."""

    def __init__(self, intake: Intake, spools: Spools, transcripts: Transcripts, now: float) -> None:
        self.events = 0
        self._intake, self._spools = intake, spools
        self._follower = Follower(intake.importer, transcripts)
        self._looked, self._heard = now - _EVERY, now

    def look(self, now: float) -> None:
        """Take in what is new: all that can be. Raises SegueError or OSError afterwards where something cannot."""
        known = set(self._intake.live)
        if self._spools.is_new():
            self._heard = now
            self._take()
        if now - self._looked < _EVERY and known == set(self._intake.live):
            found = self._follower.glance(now)
        else:
            self._looked = now
            if not self._spools.is_empty():
                self._take()
            found = self._follower.look([p for path in self._intake.live for p in (path, _beside(path))], now)
        for one in found:
            self.events += one.new_events
            self._heard = now

    def _take(self) -> None:
        self.events += self._intake.take().events

    def leave(self, now: float) -> None:
        """Look no more at sessions that ended, or that nobody heard of for long."""
        live, ended = self._intake.live, self._intake.ended
        for path, named in list(live.items()):
            silent = now - (named if path in ended else max(named, self._heard))
            if silent >= (_LINGER if path in ended else _SILENCE):
                del live[path]
                ended.discard(path)
                self._follower.leave(path)
                self._follower.leave(_beside(path))

    def is_over(self, now: float) -> bool:
        """Return whether nothing more is to be expected."""
        return not self._intake.live and now - self._heard >= _LINGER


def _beside(path: str) -> str:
    """Return the directory that an agent keeps the transcripts of a session's subagents in."""
    return path.rpartition(".")[0]
