"""Capture: what hooks spool, and the transcripts that they name, are taken in as they are written.

A hook tells that a session is at work, and where its transcript is; the transcript is followed from then on, so that what
stands in no payload is in the log within a second as well. A session is left alone when it ended, or when nobody heard of it
for ten minutes: its next hook brings it back.
"""

from collections.abc import Callable
from typing import Final

from segue.engine.capture.following import Follower
from segue.engine.capture.spooling import Intake, Spools
from segue.ports import Clock, Store, Transcripts
from segue.ports.running import Processes

_LINGER: Final = 5.0
"""Seconds that an ended session is still followed: agents write after their last hook."""
_SILENCE: Final = 600.0
"""Seconds without a hook or a record after which a session is taken for gone (killed, or left open)."""
_EVERY: Final = 0.5


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

    *wait* is given the seconds until the next look. While *stay* returns true, something else is to be waited for. With *hosts*
    the agents' processes are noted.
    """
    intake = Intake(store, spools, transcripts, clock=clock, hosts=hosts)
    follower = Follower(intake.importer, transcripts)
    events = 0
    looked, heard = -_EVERY, clock.now()
    while not stop():
        now = clock.now()
        known = set(intake.live)
        if spools.is_new():
            events += intake.take().events
            heard = now
        if now - looked >= _EVERY or known != set(intake.live):
            looked = now
            waiting = not spools.is_empty()
            events += intake.take().events if waiting else 0
            found = list(follower.look([p for path in intake.live for p in (path, _beside(path))], now))
        else:
            found = list(follower.glance(now))
        for one in found:
            events += one.new_events
            heard = now
        _leave(intake, follower, now, heard)
        if not intake.live and now - heard >= _LINGER and not stay():
            break
        wait(poll)
    return events


def _leave(intake: Intake, follower: Follower, now: float, heard: float) -> None:
    for path, named in list(intake.live.items()):
        silent = now - (named if path in intake.ended else max(named, heard))
        if silent >= (_LINGER if path in intake.ended else _SILENCE):
            del intake.live[path]
            intake.ended.discard(path)
            follower.leave(path)
            follower.leave(_beside(path))


def _beside(path: str) -> str:
    """Return the directory that an agent keeps the transcripts of a session's subagents in."""
    return path.rpartition(".")[0]
