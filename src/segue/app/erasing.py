"""Wiring of erasing: the store and every place beside it in which contents may stand."""

from pathlib import Path
from typing import TYPE_CHECKING

from segue.core.errors import UsageError

if TYPE_CHECKING:
    from segue.app.wiring import App
    from segue.engine.secrecy.erasing import Erasing


def erasing(app: "App") -> "Erasing":
    """Return what erases in the configured store. Raises UsageError: it is not in files."""
    from segue.engine.secrecy.erasing import Erasing
    from segue.host.erasing import HomeGround, MirrorGround, SnapshotGround
    from segue.stores.log.backup import Series
    from segue.stores.log.grounds import CopiesGround, StoreGround
    from segue.stores.log.store import LogStore

    store, home = app.store, app.config.home.absolute()
    series = app.copies.backups()
    if not isinstance(store, LogStore) or not isinstance(series, Series):
        raise UsageError(f"store {store.url!r} has nothing to erase: it is not in files", hint="log:///directory")
    ground, mirror = StoreGround(store), app.copies.mirror
    snapshots = SnapshotGround(home, app.env, app.saving.vault)
    leave = {store.path, series.directory.parent, Path(mirror.place).parent, home / "workspaces"}
    return Erasing(
        store,
        app.index,
        ground,
        [
            ground,
            CopiesGround(store, series, app.keys, snapshots.look),
            MirrorGround(mirror, app.copies.mirroring, app.env),
            snapshots,
            HomeGround(home, leave, app.boxes),
        ],
    )
