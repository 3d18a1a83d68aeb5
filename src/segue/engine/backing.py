"""When the background worker takes a backup."""

from typing import Final

from segue.core.log.times import seconds
from segue.ports import Clock
from segue.ports.backups import Backup, Backups

EVERY: Final = {"hour": 3_600.0, "day": 86_400.0, "week": 604_800.0}
"""Seconds between backups, by the words of the setting."""
_PATIENCE: Final = 1_800.0
"""Seconds after which a backup that failed is tried again."""


def backup_is_due(backups: Backups, every: str, clock: Clock) -> bool:
    """Return whether the last backup is older than *every* says, or of a time that has not come yet; one that failed waits."""
    if every not in EVERY:
        return False
    last, now = backups.last(), clock.now()
    recent = last is not None and 0 <= now - seconds(last.at) < EVERY[every]
    return not recent and not 0 <= now - backups.tried() < _PATIENCE


def back_up(backups: Backups, every: str, clock: Clock) -> Backup | None:
    """Take a backup where one is due; return None where none is. Raises what `take` does."""
    return backups.take() if backup_is_due(backups, every, clock) else None
