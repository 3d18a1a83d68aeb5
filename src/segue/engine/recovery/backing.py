"""When the background worker takes a backup, and which snapshots of workspaces come back from one."""

from typing import Final

from segue.core.errors import DamagedError, SegueError
from segue.core.log.times import seconds
from segue.engine.loading import event_at, load
from segue.engine.restores import Checkpoint
from segue.ports import Clock, Store
from segue.ports.backups import Backup, Backups
from segue.ports.workspace import Snapshots

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


def bring_back(backups: Backups, store: Store, snapshots: Snapshots) -> int:
    """Take in the snapshots of workspaces that checkpoints of *store* name, that are gone or damaged, and that a backup has.

    Return how many that is. What retention let go is named by none, and stays away.

    Raises:
        WorkspaceError: they cannot be looked at, or taken in.
    """
    wanted = set(snapshots.check(_named(store), every_byte=True))
    lacking = set(wanted)
    for backup in backups.all() if lacking else ():
        if lacking and not backup.damaged and backup.snapshots:
            try:
                lacking -= backups.bring_back(backup.path, lacking)
            except DamagedError:  # an older one may be whole
                continue
    return len(wanted) - len(lacking)


def _named(store: Store) -> set[str]:
    """Return the snapshots of workspaces that checkpoints name."""
    found = set()
    for session in store.sessions():
        try:
            state = load(store, session, on_damage=_pass)
            for name, place in state.checkpoints.items():
                body = event_at(store, session, place["seq"]).body
                found.add(Checkpoint(name, session, 0, 0, "", body).snapshot)
        except SegueError:  # it is named where damage is
            continue
    return found - {""}


def _pass(_damage: object) -> None:
    """Damage is for `validate`."""
