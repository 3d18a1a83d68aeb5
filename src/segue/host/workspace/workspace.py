"""A workspace whose snapshots are kept by git, in a repository of ours."""

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

from segue.core.errors import NotFoundError, UnfinishedRestoreError, WorkspaceError
from segue.host.workspace import borrowing, comparing, planning, restoring
from segue.host.workspace.ignoring import Ignoring
from segue.host.workspace.judging import Limits, covers
from segue.host.workspace.repository import Repository
from segue.host.workspace.taking import Taking
from segue.host.workspace.vault import Vault
from segue.ports.clock import Clock
from segue.ports.workspace import FileChange, Preview, Restored, Unfinished, Untouched, WorkspaceSnapshot


class GitWorkspace:
    """A workspace. See `ports.workspace.Workspace`."""

    def __init__(
        self,
        directory: str,
        home: Path,
        clock: Clock,
        limits: Limits | None = None,
        env: Mapping[str, str] | None = None,
        vault: Vault | None = None,
    ) -> None:
        """Work with the work tree around *directory*, or with the directory itself.

        Args:
            directory: it need not exist.
            home: keep what is taken below it.
            clock: the time.
            limits: what is not taken by choice.
            env: the user's environment; this process' by default.
            vault: where snapshots are; below *home* in the open by default.
        """
        env = os.environ if env is None else env
        self._user_home = os.path.realpath(env.get("HOME") or os.path.expanduser("~"))
        self._root = root_of(directory, self._user_home)
        self._ours = Repository(home.absolute() / "workspaces", self._root, env, vault)
        self._clock = clock
        self._limits = limits or Limits()

    @property
    def root(self) -> str:
        """The directory."""
        return self._root

    @property
    def is_there(self) -> bool:
        """See `Workspace.is_there`."""
        return os.path.isdir(self._root)

    def take(self, touched: Iterable[str] | None = None) -> WorkspaceSnapshot:
        """See `Workspace.take`."""
        self._refuse_home()
        with self._opened(make=True), self._held():
            return self._take(touched, keep=True)

    def get(self, snapshot: str) -> WorkspaceSnapshot:
        """See `Workspace.get`."""
        with self._opened():
            try:
                return self._ours.get(snapshot)
            except NotFoundError:
                if not self._ours.vault.fill():
                    raise
            return self._ours.get(snapshot)

    def diff(self, old: str, new: str | None = None, paths: Iterable[str] = ()) -> list[FileChange]:
        """See `Workspace.diff`."""
        with self._opened(whole=True):
            return comparing.changes(self._ours.git, self.get(old).id, self._or_now(new), paths)

    def patch(self, old: str, new: str | None = None, paths: Iterable[str] = ()) -> Iterator[bytes]:
        """See `Workspace.patch`."""
        with self._opened(whole=True):
            before, after = self.get(old).id, self._or_now(new)
        return self._patch(before, after, paths)

    def content(self, snapshot: str, path: str) -> bytes:
        """See `Workspace.content`."""
        with self._opened(whole=True):
            return comparing.content(self._ours.git, self.get(snapshot).id, path)

    def preview(self, snapshot: str, paths: Iterable[str] = ()) -> Preview:
        """See `Workspace.preview`."""
        self._refuse_home()
        with self._opened(whole=True):
            target = self.get(snapshot)
            with self._held():
                self._refuse_unfinished()
                now = self._take(None, keep=False)
                plan = self._plan(now, target, tuple(paths))
        return Preview(target.id, self._root, now.id, plan.writes, plan.deletes, plan.leaves)

    def restore(self, plan: Preview) -> Restored:
        """See `Workspace.restore`."""
        self._refuse_home()
        with self._opened(whole=True):
            return self._restore(plan)

    def _restore(self, plan: Preview) -> Restored:
        target, seen = self.get(plan.snapshot), {change.path: change for change in (*plan.writes, *plan.deletes)}
        with self._held():
            self._refuse_unfinished()
            before = self._take(None, keep=True)
            fresh = self._plan(before, target, ())
            goes = [change for change in (*fresh.writes, *fresh.deletes) if seen.get(change.path) == change]
            differs = {change.path for change in (*fresh.writes, *fresh.deletes)} - {change.path for change in goes}
            leaves = [one for one in fresh.leaves if covers(seen.keys() | {left.path for left in plan.leaves}, one.path)]
            leaves += [Untouched(path, "changed") for path in differs & seen.keys()]
            intention = restoring.Intention(target.id, before.id, self._clock.now(), goes)
            return restoring.perform(self._ours, intention, leaves)

    def unfinished(self) -> Unfinished | None:
        """See `Workspace.unfinished`."""
        with suppress(WorkspaceError), self._opened(wait=False):
            if not self._ours.exists:
                return None
            with self._ours.held(wait=False):
                found = restoring.intended(self._ours)
                return found.unfinished() if found else None
        return None

    def finish(self) -> Restored | None:
        """See `Workspace.finish`."""
        return self._end(back=False)

    def undo(self) -> Restored | None:
        """See `Workspace.undo`."""
        return self._end(back=True)

    def _take(self, touched: Iterable[str] | None, *, keep: bool) -> WorkspaceSnapshot:
        return Taking(self._ours, self._limits).take(self._clock.now(), touched, keep=keep)

    def _plan(self, now: WorkspaceSnapshot, target: WorkspaceSnapshot, paths: tuple[str, ...]) -> planning.Plan:
        user = borrowing.find(self._root)
        settings = self._ours.git.settings_of(str(user.git_dir) if user else None)
        changes = comparing.changes(self._ours.git, now.id, target.id, paths)
        plan = planning.plan(self._root, Ignoring(self._ours, user, settings), now, target, changes)
        more = [Untouched(one.path, "not-saved", "unreadable") for one in now.left_out if one.reason == "unreadable"]
        # no snapshot has what was left out then and is not there now: it does not come back, and that is said
        gone = [one for one in target.left_out if not os.path.lexists(os.path.join(self._root, one.path))]
        more += [Untouched(one.path, "left-out", one.reason) for one in gone]
        known = {one.path for one in plan.leaves}
        more = [one for one in more if one.path not in known and (not paths or covers(paths, one.path))]
        return plan._replace(leaves=sorted([*plan.leaves, *more]))

    def _end(self, *, back: bool) -> Restored | None:
        with self._opened(whole=True):
            if not self._ours.exists:
                return None
            with self._held():
                intention = restoring.intended(self._ours)
                if intention is None:
                    return None
                return restoring.carry_out(self._ours, intention.backwards() if back else intention, [], again=True)

    def _or_now(self, snapshot: str | None) -> str:
        if snapshot is not None:
            return self.get(snapshot).id
        self._refuse_home()
        with self._held():
            return self._take(None, keep=False).id

    def _patch(self, old: str, new: str, paths: Iterable[str]) -> Iterator[bytes]:
        with self._opened(whole=True):
            yield from comparing.patch(self._ours.git, old, new, paths)

    def _opened(self, *, whole: bool = False, make: bool = False, wait: bool = True) -> AbstractContextManager[None]:
        return self._ours.vault.opened(self._ours.own.name, whole=whole, make=make, wait=wait)

    @contextmanager
    def _held(self) -> Iterator[None]:
        try:
            with self._ours.held():
                yield
        except OSError as e:
            raise WorkspaceError(self._root, str(e)) from e

    def _refuse_unfinished(self) -> None:
        found = restoring.intended(self._ours)
        if found is not None:
            raise UnfinishedRestoreError(self._root, found.target, found.before)

    def _refuse_home(self) -> None:
        if self._root in {"/", self._user_home}:
            raise WorkspaceError(self._root, "that is no project's directory", hint="work in a directory of its own")


def root_of(directory: str, home: str) -> str:
    """Return the root of the git work tree around *directory*, else the directory itself; *home* and above it count as none."""
    place = os.path.realpath(directory)
    above = place
    while above not in {"/", home}:
        if os.path.lexists(f"{above}/.git") and borrowing.find(above) is not None:
            return above
        above = os.path.dirname(above)
    return place
