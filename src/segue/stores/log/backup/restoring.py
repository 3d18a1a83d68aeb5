"""From a backup to a store: copied, never linked, since a store appends to its files; verified; only then put in its place."""

from pathlib import Path

from segue.core.errors import DamagedError, StoreUnusableError
from segue.ports import Clock, Ids
from segue.ports.backups import Progress
from segue.ports.keys import Keys
from segue.stores.log import files
from segue.stores.log.backup import manifest as manifests
from segue.stores.log.backup.checking import BAD, logs_of
from segue.stores.log.backup.copying import Copying
from segue.stores.log.backup.making import being_made, sweep
from segue.stores.log.backup.manifest import STORE
from segue.stores.log.place import open_place
from segue.stores.log.scopes import Scopes
from segue.stores.log.verify import store as verify_store

ASIDE = ".aside-"
"""What a store's name is followed by that was moved out of the way: a number follows."""


def restore(
    backup: Path, target: Path, clock: Clock, ids: Ids, progress: Progress, keys: Keys | None = None
) -> tuple[Path, Path | None]:
    """Make a store at *target* of *backup*, and return its path and where what was there is now. Raises DamagedError, OSError."""
    if target.is_symlink() or (target.exists() and not target.is_dir()):
        raise StoreUnusableError(f"store {str(target)!r} cannot be made: there is something else in its place")
    target.parent.mkdir(mode=files.DIR_MODE, parents=True, exist_ok=True)
    sweep(target)
    with being_made(target, "restoring") as made:
        _copy(backup, made, progress)
        _verify(made, clock, ids, keys)
        aside = move_aside(target)
        made.rename(target)
    files.sync_dir(target.parent)
    return target, aside


def move_aside(target: Path) -> Path | None:
    """Move what is at *target* out of the way, and return where it is; None where there is nothing, or nothing in it."""
    try:
        target.rmdir()
    except FileNotFoundError:
        return None
    except OSError:
        aside = aside_of(target)
        target.rename(aside)
        return aside
    return None


def aside_of(target: Path) -> Path:
    """Return a path beside *target* at which there is nothing yet."""
    number = 1
    while (path := target.with_name(f"{target.name}{ASIDE}{number}")).exists():
        number += 1
    return path


def _copy(backup: Path, made: Path, progress: Progress) -> None:
    manifest = manifests.read(backup)
    copying = Copying(made, None)
    for done, (name, expected) in enumerate(sorted(manifest.files.items())):
        progress("restoring", done, len(manifest.files))
        try:
            copying.take(backup / STORE / name, name, expected.size)
        except FileNotFoundError as e:
            raise DamagedError(f"backup {backup.name!r}", f"{name} is not there") from e
        if copying.files[name].hash != expected.hash:
            raise DamagedError(f"backup {backup.name!r}", f"{name} is not as it was written")
    copying.read_back()


def _verify(made: Path, clock: Clock, ids: Ids, keys: Keys | None) -> None:
    (made / "sessions").mkdir(mode=files.DIR_MODE, exist_ok=True)
    open_place(made)
    logs = logs_of(made, clock, ids, keys)
    try:
        bad = [one for one in verify_store(made, logs, Scopes(made / "scopes", logs)) if one.severity in BAD]
    finally:
        logs.close()
    if bad:
        raise DamagedError("backup", f"restored, it is no sound store: {bad[0].where}: {bad[0].reason}")
