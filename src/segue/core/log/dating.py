"""When an event happened, for all that counts in time: what no clock can have said is not believed.

An event says itself when it happened, and what says so may be a transcript, a program with a wrong clock, or a hostile line.
Its id was made when it was appended, and an event does not happen after it was recorded.
"""

from typing import Final

from segue.core.log.events import Event
from segue.core.log.ids import is_uuid, uuid7_ms
from segue.core.log.times import seconds, stamp

_EARLIEST: Final = 946_684_800.0
"""2000-01-01 in seconds since 1970: before this no agent wrote anything, and a clock that says so was never set."""
_AHEAD: Final = 86_400.0
"""Seconds that clocks may differ: a wrong time zone is not implausible."""


def happened(event: Event) -> str:
    """Return the time of *event*; where that cannot be, the time at which it was recorded."""
    at = event.at
    if not is_uuid(event.id) or event.id[14] != "7":
        return at
    recorded = uuid7_ms(event.id) / 1000
    try:
        plausible = _EARLIEST <= seconds(at) <= recorded + _AHEAD or recorded < _EARLIEST
        return at if plausible else stamp(recorded)
    except (ValueError, TypeError, OverflowError):  # no time at all: nothing is made of it
        return at
