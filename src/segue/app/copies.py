"""Wiring of copies: the backups of the configured store, and what puts it together from them."""

from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from segue.core.errors import SegueError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from segue.app.wiring import App
    from segue.host.mirror.repository import GitMirror
    from segue.ports.backups import Backup, Backups, Progress
    from segue.ports.mirror import Mirror, Mirroring
    from segue.ports.recovery import Recovery, Sifter


class Copies:
    """The copies of the configured store."""

    def __init__(self, app: "App") -> None:
        """Work for *app*."""
        self._app = app
        self.checkpointed = False
        """Whether a checkpoint was taken here: the mirror is to have it at once."""

    def backups(self, place: str | None = None, progress: "Progress | None" = None) -> "Backups":
        """Return the backups of the store, in *place* or where they are by configuration.

        Raises:
            UsageError: such a store has no backups.
        """
        from segue.host.workspace.copies import SnapshotCopies
        from segue.stores.log.backup import Series

        app = self._app
        return Series(
            self._path,
            Path(place).expanduser() if place else self._place,
            keep=app.config.number("backup.keep"),
            clock=app.clock,
            ids=app.ids,
            progress=progress,
            beside=SnapshotCopies(app.config.home, app.env, lambda: app.saving.vault),
            keys=app.keys,
        )

    def recovery(self, place: str | None, progress: "Progress", *, force: bool = False) -> "Recovery":
        """Return what puts the store together, from backups in *place* or where they are by configuration; mirrors in *place*
        count as well. Raises UsageError: such a store has no copies.
        """
        from segue.stores.log.recovery import Others, StoreRecovery

        app = self._app
        backups = self.backups(place)
        mirrors = [self._mirror, *self._mirror.aside(), *(self._mirror.below(Path(place)) if place else ())]
        return StoreRecovery(
            self._path,
            Others(backups, mirrors, any_store=bool(place)),
            clock=app.clock,
            ids=app.ids,
            force=force,
            progress=progress,
            keys=app.keys,
        )

    @property
    def sifter(self) -> "Sifter":
        """What finds what is left of sessions in files of any origin."""
        from segue.host.mirror.repository import GitMirror
        from segue.stores.log.sifting import Sifter

        return Sifter(lambda path: GitMirror(Path(path), self._app.clock, self._app.env), self._app.keys)

    @property
    def mirror(self) -> "Mirror":
        """The mirror of the store. Raises UsageError: such a store has none."""
        return self._mirror

    def damaged_mirrors(self) -> "Sequence[Mirror]":
        """Return the mirrors that were damaged, and moved aside. Raises UsageError: such a store has none."""
        return self._mirror.aside()

    @property
    def mirroring(self) -> "Mirroring":
        """What brings the store into its mirror. Raises UsageError: such a store has none."""
        from segue.stores.log.mirroring import Mirroring

        return Mirroring(self._path, self._mirror, clock=self._app.clock, ids=self._app.ids, keys=self._app.keys)

    def renew_mirror(self) -> None:
        """Have the mirror hold the store as it is now, and nothing of what it was under another key. Raises MirrorError."""
        if self._mirror.exists:
            self._mirror.drop()
            if self._app.config["mirror"] != "off":
                self.mirroring.run()

    def mirror_is_due(self) -> bool:
        """Return whether there is something for the mirror: after a checkpoint, and once a minute while something is done."""
        app = self._app
        every, mode = app.config.number("autosave.mirror"), app.config["mirror"]
        if mode == "off" or not (self.checkpointed or (mode == "activity" and every)):
            return False
        with suppress(SegueError, OSError):
            if not self.checkpointed and 0 <= app.clock.now() - self._mirror.looked_at < every:
                return False
            if self.mirroring.is_due():
                return True
            self._mirror.look()
        return False

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
        from segue.engine.recovery.backing import backup_is_due

        with suppress(SegueError, OSError):
            return backup_is_due(self.backups(), every, self._app.clock)
        return False

    @property
    def _path(self) -> Path:
        """The store's directory. Raises UsageError: it is not in files."""
        url = self._app.config["store"]
        path = url.removeprefix("log://")
        if "://" in path:
            raise UsageError(f"store {url!r} has no copies: it is not in files", hint="log:///directory")
        return Path(path).expanduser()

    @cached_property
    def _mirror(self) -> "GitMirror":
        from segue.host.mirror.repository import GitMirror, named

        return GitMirror(
            self._app.config.home / "mirrors" / named(self._path.absolute(), self._app.config.home),
            self._app.clock,
            self._app.env,
        )

    @property
    def _place(self) -> Path:
        return Path(self._app.config["backup.to"] or self._app.config.home / "backups").expanduser()
