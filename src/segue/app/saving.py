"""Wiring of saving: snapshots of workspaces and what a checkpoint keeps beside them; autosaves; retention."""

from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from segue.app.wiring import App
    from segue.core.session.autosave import Intervals
    from segue.core.session.retention import Policy
    from segue.engine.saving.checkpoints import Made
    from segue.engine.saving.interrupting import Moment
    from segue.engine.saving.releasing import Releasing
    from segue.engine.saving.rewinding import Means
    from segue.host.workspace.vault import Vault
    from segue.ports.autosaves import Autosaves
    from segue.ports.workspace import Snapshots, Workspace


class Saving:
    """What saving works with, by configuration."""

    def __init__(self, app: "App") -> None:
        """Work for *app*."""
        self._app = app

    def workspace(self, directory: str) -> "Workspace":
        """Return the workspace that *directory* is in, with its snapshots: the git work tree around it, else the directory."""
        from segue.host.workspace.judging import Limits
        from segue.host.workspace.workspace import GitWorkspace

        config = self._app.config
        limits = Limits(int(config["snapshots.limit"]) << 20, secrets=config["snapshots.secrets"] == "take")
        return GitWorkspace(directory, config.home, self._app.clock, limits, self._app.env, self.vault)

    @property
    def vault(self) -> "Vault":
        """Where snapshots are: in the open, or in boxes where the store is encrypted."""
        from segue.host.workspace.vault import Vault

        app = self._app
        return Vault(app.config.home.absolute() / "workspaces", app.boxes, app.env, app.config["snapshots.scratch"])

    @cached_property
    def snapshots(self) -> "Snapshots":
        """All snapshots of workspaces."""
        from segue.host.workspace.snapshots import GitSnapshots

        return GitSnapshots(self._app.config.home, self._app.env, self.vault)

    @property
    def releasing(self) -> "Releasing":
        """What lets snapshots go with their checkpoints."""
        from segue.engine.saving.releasing import Releasing

        return Releasing(self._app.store, self._app.index, self.snapshots)

    def snapshot(self, directory: str, touched: Iterable[str] | None = None) -> dict[str, Any]:
        """Take a snapshot of the workspace at *directory* and return what a checkpoint keeps of it, as `facts`.

        Empty where snapshots are switched off, or no directory is known. Never an error: a checkpoint is taken all the same, and
        says why it has no snapshot.

        Args:
            directory: somewhere in the workspace.
            touched: see `Workspace.take`.
        """
        if self._app.config["snapshots.take"] == "off" or not directory:
            return {}
        if not Path(directory).is_dir():
            return {"workspace": {"root": directory, "missing": "the directory is not there"}}
        return self._snapshot(directory, touched)

    def _snapshot(self, directory: str, touched: Iterable[str] | None) -> dict[str, Any]:
        from segue.engine.saving.checkpoints import save

        return {"workspace": save(self.workspace(directory), touched)}

    def moment(self, session: str, touched: Iterable[str] | None = None, *, root: str = "") -> "Moment":
        """Return what a checkpoint of *session* keeps of this moment, and the uncommitted changes of its workspace.

        Args:
            session: its id.
            touched: see `Workspace.take`.
            root: what is about to be changed: the snapshot is of that, though it be gone, wherever the session works.
        """
        from segue.engine.loading import load
        from segue.engine.saving.interrupting import Moment
        from segue.host.project.looking import look

        workspace = load(self._app.store, session, on_damage=lambda _: None).header["workspace"]
        seen = look(workspace) if workspace else None
        on = self._app.config["snapshots.take"] != "off"
        facts = self._snapshot(root, touched) if root and on else self.snapshot(workspace, touched)
        return Moment(facts, None) if seen is None else Moment(facts | {"git": seen.to_git()}, seen.to_body())

    def take(  # noqa: PLR0913 - what a checkpoint says, each by its name
        self,
        session: str,
        *,
        description: str = "",
        trigger: str = "user",
        automatic: bool = False,
        continuation: str | int | None = None,
        touched: Iterable[str] | None = None,
        root: str = "",
        actor: str = "",
        source: Mapping[str, str] | None = None,
    ) -> "Made":
        """Take a checkpoint of *session*, with its workspace and what git says of it.

        *touched*, *root*: see `moment`; *actor* and *source*: who asked for it, and through what.
        """
        from segue.engine.saving.checkpoints import create

        facts, changes = self.moment(session, touched, root=root)
        self._app.copies.checkpointed = True
        return create(
            self._app.desk,
            session,
            description=description,
            trigger=trigger,
            automatic=automatic,
            continuation=continuation,
            facts=facts,
            changes=changes,
            actor=actor,
            source=source,
        )

    @property
    def rewinding(self) -> "Means":
        """What going back to a checkpoint takes."""
        from segue.engine.saving.rewinding import Means

        return Means(self._app.means, self.workspace, self.take, self.see)

    def see(self, session: str) -> None:
        """Note what git says of the workspace of *session*: branch, commit and uncommitted changes."""
        from segue.engine.loading import load
        from segue.engine.saving.checkpoints import see
        from segue.host.project.looking import look

        desk = self._app.desk
        workspace = load(desk.store, session, on_damage=lambda _: None).header["workspace"]
        seen = look(workspace) if workspace else None
        if seen is not None:
            see(desk, session, seen.to_body())

    @property
    def retention(self) -> "Policy":
        """How many checkpoints stay."""
        from segue.core.session.retention import Policy

        return Policy(*(self._app.config.number(f"retention.{rule}") for rule in Policy._fields))

    @cached_property
    def autosaves(self) -> "Autosaves":
        """What the worker saved by itself, and what it could not."""
        from segue.host.autosaves import AutosaveFile
        from segue.host.emergency import places

        home = self._app.config.home
        return AutosaveFile([home / "autosave", *places(home, self._app.env)[1:]], self._app.store.url)

    @property
    def intervals(self) -> "Intervals":
        """How often what is saved by itself."""
        from segue.core.session.autosave import Intervals

        found = Intervals(*(float(self._app.config.number(f"autosave.{name}")) for name in Intervals._fields))
        return found if self._app.config["mirror"] == "activity" else found._replace(mirror=0.0)
