"""The delta report of a session: what changed in its workspace, its tasks and around it while it was away.

Nothing is written. What the workspace was like is known from the last look that the log has of it.
"""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from segue.core.delta import tasks as standing
from segue.core.delta.knowing import stale
from segue.core.delta.manifests import is_manifest, moved
from segue.core.delta.report import NAMED, Delta, FileDelta, ManifestDelta, NoteChange, Place, by_commits
from segue.core.delta.uncommitted import fates
from segue.core.delta.values import Look, Since, look_from
from segue.core.errors import NotFoundError, SegueError, WorkspaceError
from segue.core.log.times import seconds
from segue.core.session.state import State
from segue.engine.context.neighbours import neighbours
from segue.engine.loading import event_at, load
from segue.engine.restores import Checkpoint, files_of
from segue.ports import Clock, Index, Store
from segue.ports.projects import Projects
from segue.ports.workspace import FileChange, Workspace, shown

_MANIFESTS: Final = 20
_LARGE: Final = 8 << 20
_CHECKPOINTS: Final = 5
Notes = Callable[[State, State], Sequence[NoteChange]]
"""Tells which notes changed between a session's state then and now."""


class Means(NamedTuple):
    """What a delta is made with: handed in by the wiring."""

    store: Store
    catalogue: Index
    clock: Clock
    projects: Projects
    workspace: Callable[[str], Workspace]
    here: str
    """The workspace of whoever asks: a project that was moved may be there."""
    notes: Notes = lambda _then, _now: ()


class Compared(NamedTuple):
    """A delta, and the states between which it lies."""

    delta: Delta
    then: State
    now: State


def compare(means: Means, session: str, since: int | None = None, *, thorough: bool = True, workspace: str = "") -> Compared:
    """Return what changed since position *since* of a session, by default since it was last looked after.

    Args:
        means: what it is made with.
        session: its id.
        since: a position of its log.
        thorough: snapshots, the logs of neighbours and the library are read too, which takes longer.
        workspace: where it is now, where that is known to be another directory than the session's own.

    Raises:
        NotFoundError: no such session or position.
    """
    now = load(means.store, session, on_damage=_overlook)
    position = _position(means.store, now) if since is None else since
    then = now if position == now.seq else load(means.store, session, position, on_damage=_overlook)
    saved = _saved(means.store, then)
    at = then.at if since is not None else (saved.at if saved else "") or now.activity or now.at
    idle = then.at if since is not None else now.activity or now.at
    comparison = _Comparison(means, then, now, saved, at, thorough=thorough, workspace=workspace)
    return Compared(comparison.delta(_ago(means, idle)), then, now)


class _Comparison:
    """One session, then and now."""

    def __init__(
        self, means: Means, then: State, now: State, saved: Look | None, at: str, *, thorough: bool, workspace: str
    ) -> None:
        self.means, self.then, self.now, self.at, self.thorough, self.asked = means, then, now, at, thorough, workspace
        self.limits: list[str] = []
        self.place = self._place(saved)
        self.look = self._look(saved)
        self.estimated = False
        if saved is None and self.look is not None and self.look.commit:
            commit = means.projects.commit_at(self.look, at)
            saved = Look(self.look.root, commit=commit, at=at) if commit else None
            self.estimated = saved is not None
        self.saved = saved
        self.history = self._history(saved)
        self.limits += self.history.limits

    def delta(self, away: float) -> Delta:
        """Return the report."""
        saved, look, history = self.saved, self.look, self.history
        checkpoint, snapshot = self._checkpoint()
        files, count, by = self._files(snapshot)
        became = tuple(fates(saved, look, history)) if saved and look and not self.estimated and self._is_work_tree else ()
        if saved and saved.total > len(saved.files) and became:
            self.limits.append(f"uncommitted changes: {len(saved.files)} of {saved.total:,} were kept by name")
        homes = self._homes if self.thorough or self.place.state != "gone" else ()  # a project of another machine has none here
        others, total, told = neighbours(self.means.store, self.means.catalogue, self.now, self.at, homes, deep=self.thorough)
        touched = (
            {f.path for f in files}
            | {f.before for f in files}
            | {f.path for f in became if f.what in {"edited", "touched", "gone"}}
        )
        return Delta(
            session=self.now.session,
            name=self.now.header["name"],
            position=self.then.seq,
            since=self.at,
            away=away,
            place=self.place,
            saved=saved,
            now=look,
            history=history,
            estimated=self.estimated,
            files=files,
            file_count=count,
            files_by=by,
            uncommitted=became,
            dependencies=self._dependencies(snapshot),
            notes=self._notes(told.notes),
            tasks=(*standing.changes(self.then.work, self.now.work), *told.tasks),
            sessions=others,
            session_count=total,
            stale=stale(self.now.items, self.place.before, touched),
            checkpoint=checkpoint,
            limits=tuple(self.limits),
        )

    def _notes(self, told: Sequence[NoteChange]) -> tuple[NoteChange, ...]:
        """Return the notes that changed, each with the session that says it did that."""
        found = {note.id: note for note in told}
        for note in self.means.notes(self.then, self.now) if self.thorough else ():
            found[note.id] = note._replace(by=found[note.id].by) if note.id in found else note
        return tuple(found.values())

    @property
    def _is_work_tree(self) -> bool:
        return self.place.state in {"here", "moved"}

    @property
    def _homes(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(path for path in (self.place.before, self.place.path, self.now.header["workspace"]) if path))

    def _place(self, saved: Look | None) -> Place:
        projects, home, before = self.means.projects, self.now.header["workspace"], self.then.header["workspace"]
        if self.asked and self.asked != home:
            return Place("here", self.asked, before)
        if not home:
            return Place("none", "", "")
        if projects.is_there(home):
            return Place("here", home, before)
        if saved is not None and projects.is_there(saved.common):
            elsewhere = projects.work_tree(saved.common, saved.branch)
            if elsewhere:
                return Place("moved", elsewhere, home)
            return Place("removed", saved.common, home)
        here = self.means.here
        if saved is not None and here != home and saved.commit and projects.has_commit(here, saved.commit):
            return Place("moved", here, home)
        return Place("gone", "", home)

    def _look(self, saved: Look | None) -> Look | None:
        projects = self.means.projects
        if self.place.state == "removed" and saved is not None:
            return projects.without_work_tree(self.place.path, saved.branch)
        return projects.look(self.place.path) if self._is_work_tree else None

    def _history(self, saved: Look | None) -> Since:
        projects = self.means.projects
        if saved is not None and self.look is not None:
            return projects.since(saved, self.look)
        if saved is None or not saved.commit or not self._is_work_tree:
            return Since()
        unread = projects.unread(self.place.path)
        return Since(limits=(f"repository: {unread}",)) if unread else Since("gone")

    def _checkpoint(self) -> tuple[str, str]:
        """Return the latest checkpoint that has the workspace's files, of those before the delta, and its snapshot. Where they
        went back to an earlier one since, it is that: the latest has what was there before.
        """
        places = self.then.checkpoints
        known = sorted(((place["seq"], name) for name, place in places.items()), reverse=True)
        told, back = files_of(self.means.store, self.now.session)
        if back in places and known[0][0] < told <= self.then.seq:
            known.insert(0, (places[back]["seq"], back))
        for seq, name in known[:_CHECKPOINTS]:
            try:
                body = event_at(self.means.store, self.now.session, seq).body
            except SegueError:
                continue
            if snapshot := Checkpoint(name, self.now.session, 0, seq, "", body).snapshot:
                return name, snapshot
        return "", ""

    def _files(self, snapshot: str) -> tuple[tuple[FileDelta, ...], int, str]:
        history = self.history
        if self.look is not None and history.relation not in {"gone", "unknown"}:
            return by_commits(history.files, history.commits), history.file_count, "commits"
        if not self._is_work_tree:
            return (), 0, ""
        if snapshot and self.thorough:
            try:
                found = self.means.workspace(self.place.path).diff(snapshot)
            except (WorkspaceError, NotFoundError) as e:
                self.limits.append(f"files since the checkpoint: {e.message}")
            else:
                return tuple(map(_changed, found)), len(found), "snapshot"
        if self.look is not None:
            return (), 0, ""
        later = self.means.projects.modified(self.place.path, seconds(self.at) if self.at else 0.0)
        if later.limit:
            self.limits.append(later.limit)
        return tuple(FileDelta(path, "modified") for path in later.paths), later.total, "times"

    def _dependencies(self, snapshot: str) -> tuple[ManifestDelta, ...]:
        saved, look = self.saved, self.look
        if saved is None or look is None or not self._is_work_tree:
            return ()
        paths = {f.path for f in self.history.files if is_manifest(f.path.rpartition("/")[2])}
        if saved.manifests or saved.head.tree:
            paths |= {path for path, _ in saved.manifests.items() ^ look.manifests.items()}
        found = [self._manifest(saved, look, path, snapshot) for path in sorted(paths)[:_MANIFESTS]]
        if len(paths) > _MANIFESTS:
            self.limits.append(f"dependencies: {_MANIFESTS} of {len(paths)} changed files were compared")
        return tuple(one for one in found if one is not None)

    def _manifest(self, saved: Look, look: Look, path: str, snapshot: str) -> ManifestDelta | None:
        projects = self.means.projects
        fresh = projects.text(look, path)
        is_new = path not in saved.manifests and bool(saved.manifests or saved.head.tree) and path in look.manifests
        old = "" if is_new else projects.text_of(look, saved.manifests.get(path, ""), saved.commit, path)
        if old is None and snapshot and self.thorough:
            old = self._kept(snapshot, path)
        if old == fresh and old:
            return None
        status = "deleted" if not fresh and path not in look.manifests else "added" if old == "" else "modified"
        found = None if old is None else moved(path, old, fresh)
        return ManifestDelta(path, status, tuple(found or ())[:NAMED], None if found is None else len(found))

    def _kept(self, snapshot: str, path: str) -> str | None:
        try:
            data = self.means.workspace(self.place.path).content(snapshot, path)
        except (WorkspaceError, NotFoundError):
            return None
        return data.decode("utf-8", "replace") if len(data) <= _LARGE else None


def _position(store: Store, state: State) -> int:
    """Return since when a session was not looked after: its last look or checkpoint, or what its files went back to."""
    looks = [state.work["changes"]["seq"]] if state.work["changes"] else []
    places = [place["seq"] for place in state.checkpoints.values()]
    return max([*looks, *places, files_of(store, state.session)[0]]) or state.seq


def _saved(store: Store, state: State) -> Look | None:
    """Return the last look at the workspace that a state knows of, with all that its event says."""
    changes = state.work["changes"]
    if changes is None:
        return None
    try:
        body = event_at(store, state.session, changes["seq"]).body
    except SegueError:
        body = dict(changes)
    return look_from(body, state.header["workspace"], at=changes["at"], seq=changes["seq"])


def _changed(change: FileChange) -> FileDelta:
    return FileDelta(shown(change.path), "modified" if change.status == "mode" else change.status)


def _ago(means: Means, at: str) -> float:
    try:
        return max(means.clock.now() - seconds(at), 0.0)
    except ValueError:
        return 0.0


def _overlook(_damage: object) -> None:
    """What is damaged is told of by `validate`."""
