"""Wiring of copies: the backups of the configured store, and what puts it together from them."""

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from segue.core.errors import SegueError, UsageError

if TYPE_CHECKING:
    from segue.app.wiring import App
    from segue.ports.backups import Backup, Backups, Progress
    from segue.ports.recovery import Recovery


class Copies:
    """The copies of the configured store."""

    def __init__(self, app: "App") -> None:
        """Work for *app*."""
        self._app = app

    def backups(self, place: str | None = None, progress: "Progress | None" = None) -> "Backups":
        """Return the backups of the store, in *place* or where they are by configuration.

        Raises:
            UsageError: such a store has no backups.
        """
        from segue.stores.log.backup import Series

        app = self._app
        url = app.config["store"]
        path = url.removeprefix("log://")
        if "://" in path:
            raise UsageError(f"store {url!r} cannot be backed up: it is not in files", hint="log:///directory")
        return Series(
            Path(path).expanduser(),
            Path(place).expanduser() if place else self._place,
            keep=app.config.number("backup.keep"),
            clock=app.clock,
            ids=app.ids,
            progress=progress,
        )

    def recovery(self, place: str | None, progress: "Progress", *, force: bool = False) -> "Recovery":
        """Return what puts the store together, from backups in *place* or where they are by configuration.

        Raises UsageError: such a store has no copies.
        """
        from segue.stores.log.recovery import StoreRecovery

        app = self._app
        backups = self.backups(place)
        path = Path(app.config["store"].removeprefix("log://")).expanduser()
        return StoreRecovery(path, backups, clock=app.clock, ids=app.ids, any_store=bool(place), force=force, progress=progress)

    def last(self) -> "Backup | None":
        """Return the last backup that can be used, or None; nothing is loaded where there is none."""
        with suppress(SegueError, OSError):
            return self.backups().last() if self._place.is_dir() else None
        return None

    def is_due(self) -> bool:
        """Return whether a backup is due, by configuration."""
        every = self._app.config["backup.every"]
        if every == "off":
            return False
        from segue.engine.backing import backup_is_due

        with suppress(SegueError, OSError):
            return backup_is_due(self.backups(), every, self._app.clock)
        return False

    @property
    def _place(self) -> Path:
        return Path(self._app.config["backup.to"] or self._app.config.home / "backups").expanduser()
