"""Times as they stand in events: RFC 3339 in UTC, such as `2026-01-15T09:30:00.123456Z`."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def stamp(seconds: float) -> str:
    """Return *seconds* since 1970 as an event's time, in microseconds."""
    whole, micros = divmod(round(seconds * 1e6), 1_000_000)
    return f"{_second(whole)}.{micros:06d}Z"


@lru_cache(8)
def _second(whole: int) -> str:
    """Return the part of a stamp down to the second: most events of a second share it."""
    return (_EPOCH + timedelta(seconds=whole)).replace(tzinfo=None).isoformat()  # strftime writes the year 33 as "33"


def seconds(at: str) -> float:
    """Return the seconds since 1970 of an event's time. Raises ValueError."""
    return (datetime.fromisoformat(at) - _EPOCH).total_seconds()


def day(at: str) -> str:
    """Return the UTC day of an event's time as `YYMMDD`."""
    return at[2:4] + at[5:7] + at[8:10]
