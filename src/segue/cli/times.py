"""Ages and dates as people give them."""

import re
from datetime import UTC, datetime

from segue.core.errors import UsageError
from segue.core.log.times import stamp

_AGE = re.compile(r"(\d{1,6}) ?(s|m|min|h|d|w)\Z")
_SECONDS = {"s": 1, "m": 60, "min": 60, "h": 3_600, "d": 86_400, "w": 604_800}


def moment(text: str | None, now: float) -> str | None:
    """Return the time that an age (`90m`, `12h`, `7d`) or a date means, as events carry it; None for None.

    Raises:
        UsageError: it is neither.
    """
    if text is None:
        return None
    age = _AGE.match(text.strip())
    if age:
        return stamp(max(now - int(age[1]) * _SECONDS[age[2]], 0))
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError as e:
        raise UsageError(
            f"{text!r} is neither an age nor a date", hint="such as 90m, 12h, 7d, 2026-01-15, 2026-01-15T09:30Z"
        ) from e
    return stamp((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp())
