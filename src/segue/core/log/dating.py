"""When an event happened, for all that counts in time: what no clock can have said is not believed.

An event says itself when it happened, and what says so may be a transcript, a program with a wrong clock, or a hostile line.
Its id was made when it was appended, and an event does not happen after it was recorded.
"""

from functools import lru_cache
from typing import Final

from segue.core.log.events import Event
from segue.core.log.ids import uuid7_ms
from segue.core.log.times import seconds, stamp

_EARLIEST: Final = 946_684_800.0
"""2000-01-01 in seconds since 1970: before this no agent wrote anything, and a clock that says so was never set."""
_AHEAD: Final = 86_400.0
"""Seconds that clocks may differ: a wrong time zone is not implausible."""


def happened(event: Event) -> str:
    """Return the time of *event*; where that cannot be, the time at which it was recorded."""
    at, made = event.at, event.id
    if made[14:15] != "7":
        return at
    try:
        recorded = uuid7_ms(made) / 1000
        latest = recorded + _AHEAD
        if at[-1:] == "Z" and _EARLIEST <= _hour(at[:13]) <= latest - 3_600:  # as nearly all are
            return at
        plausible = _EARLIEST <= seconds(at) <= latest or recorded < _EARLIEST
        return at if plausible else stamp(recorded)
    except (ValueError, TypeError, OverflowError):  # no time at all: nothing is made of it
        return at


@lru_cache(64)
def _hour(at: str) -> float:
    """Return the seconds since 1970 of an hour's beginning, `2026-01-15T09`."""
    return seconds(f"{at}:00:00Z")
