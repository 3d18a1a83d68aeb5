"""The delta report: what changed while a session was away, as one value."""

from typing import Any, Final, Literal, NamedTuple

from segue.core.delta.manifests import Moved
from segue.core.delta.tasks import TaskChange
from segue.core.delta.uncommitted import Fate
from segue.core.delta.values import Commit, FileChange, Look, Lost, Since

Whereabouts = Literal["here", "moved", "removed", "gone", "none"]
"""Where the workspace is: where it was; in another directory; it was a work tree that was removed while its repository is there;
it is not there; the session never had one."""

NAMED: Final = 50
"""So many of one kind are named; how many there are is told."""


class Place(NamedTuple):
    """Where a workspace is, and where the session last worked."""

    state: Whereabouts
    path: str
    before: str


class FileDelta(NamedTuple):
    """A file that changed, by which commits and by whom."""

    path: str
    status: str
    before: str = ""
    commits: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()


class ManifestDelta(NamedTuple):
    """A file that says what the project depends on, and what moved in it. `status`: `added`, `deleted`, `modified`."""

    path: str
    status: str
    moved: tuple[Moved, ...] = ()
    total: int | None = None
    """How many packages moved; None: that cannot be told."""


class NoteChange(NamedTuple):
    """A note of the library that was `created`, `updated` or `deleted`, and by which session, where one is known to have."""

    id: str
    what: str
    path: str = ""
    by: str = ""
    loaded: bool = False
    """The session had loaded it: what it knows of it is old."""


class Neighbour(NamedTuple):
    """Another session that worked in the same workspace meanwhile."""

    session: str
    name: str
    agent: str
    status: str
    about: str
    at: str
    """When something last happened in it."""
    completed: tuple[str, ...] = ()
    decisions: tuple[str, ...] = ()
    written: tuple[str, ...] = ()
    """Files that its agents wrote."""


class Delta(NamedTuple):
    """What changed while a session was away."""

    session: str
    name: str
    position: int
    """The event since which changes are told."""
    since: str
    """When that was, in UTC."""
    away: float
    """Seconds."""
    place: Place
    saved: Look | None = None
    now: Look | None = None
    history: Since = Since()
    estimated: bool = False
    """What the workspace was like then was not kept: which commit it was at is concluded from the time."""
    files: tuple[FileDelta, ...] = ()
    file_count: int = 0
    files_by: str = ""
    """How that is known: `commits`, `snapshot` (of a checkpoint), `times` (of the files)."""
    uncommitted: tuple[Fate, ...] = ()
    dependencies: tuple[ManifestDelta, ...] = ()
    notes: tuple[NoteChange, ...] = ()
    tasks: tuple[TaskChange, ...] = ()
    sessions: tuple[Neighbour, ...] = ()
    session_count: int = 0
    stale: tuple[str, ...] = ()
    """Files that the session knows, and that changed since."""
    checkpoint: str = ""
    """The latest one that has the workspace's files."""
    limits: tuple[str, ...] = ()
    """What was not looked at, or not to its end, and why."""

    @property
    def branch_changed(self) -> bool:
        """Whether another branch is checked out than before."""
        return bool(self.saved and self.now and self.saved.branch and self.saved.branch != self.now.branch)

    @property
    def lost(self) -> list[Lost]:
        """The commits whose work is in the present history in no form, nor on any other branch."""
        return [] if self.history.refs else [one for one in self.history.lost if one.gone]

    @property
    def is_empty(self) -> bool:
        """Whether nothing changed at all."""
        unknown = bool(self.saved and self.saved.commit) and self.history.relation == "unknown"
        moves = self.history.relation in {"ahead", "behind", "diverged", "gone"} or self.branch_changed or self.history.operations
        became = [fate for fate in self.uncommitted if fate.what != "same"]
        told = (became, self.files, self.dependencies, self.notes, self.tasks, self.sessions)
        return self.place.state in {"here", "none"} and not unknown and not moves and not any(told)

    def to_json(self) -> dict[str, Any]:
        """Return the shape that `--json` prints."""
        from segue.core.delta.telling import suggestions

        saved, now, history = self.saved, self.now, self.history
        return {
            "session": self.session,
            "name": self.name,
            "position": self.position,
            "since": self.since,
            "away_seconds": round(self.away, 3),
            "workspace": self.place._asdict(),
            "branch": {
                "before": saved.branch if saved else None,
                "now": now.branch if now else None,
                "tip": history.tip,
                "in_progress": now.doing if now else "",
                "shallow": now.shallow if now else False,
                "upstream": now.upstream if now else "",
                "upstream_rewritten": history.upstream_rewritten,
            },
            "history": {
                "before": saved.commit if saved else None,
                "now": now.commit if now else None,
                "relation": history.relation,
                "estimated": self.estimated,
                "commits": [_commit(c) for c in history.commits[:NAMED]],
                "commit_count": history.commit_count,
                "lost": [{**one._asdict(), "gone": one.gone} for one in history.lost],
                "lost_count": history.lost_count,
                "found_on": list(history.refs),
                "operations": list(history.operations),
                "stashes_before": saved.stashes if saved else None,
                "stashes": now.stashes if now else None,
            },
            "files": {"by": self.files_by, "count": self.file_count, "named": [f._asdict() for f in self.files[:NAMED]]},
            "uncommitted": {
                "before": saved.total if saved else None,
                "now": now.total if now else None,
                "files": [fate._asdict() for fate in self.uncommitted],
            },
            "dependencies": [{**d._asdict(), "moved": [m._asdict() for m in d.moved]} for d in self.dependencies],
            "notes": [note._asdict() for note in self.notes],
            "tasks": [task._asdict() for task in self.tasks],
            "sessions": {"count": self.session_count, "named": [one._asdict() for one in self.sessions]},
            "stale": list(self.stale),
            "suggestions": suggestions(self),
            "limits": list(self.limits),
        }


def by_commits(changes: tuple[FileChange, ...], commits: tuple[Commit, ...]) -> tuple[FileDelta, ...]:
    """Return changed files, each with the commits that changed it, the newest first, and their authors."""
    whose: dict[str, list[Commit]] = {}
    for commit in commits:
        for path in {path for _, path, _ in commit.files}:
            whose.setdefault(path, []).append(commit)
    found = []
    for change in changes:
        mine = dict.fromkeys([*whose.get(change.path, ()), *whose.get(change.before, ())])
        authors = tuple(dict.fromkeys(commit.author for commit in mine))
        found.append(FileDelta(change.path, change.status, change.before, tuple(commit.id for commit in mine), authors))
    return tuple(found)


def _commit(commit: Commit) -> dict[str, Any]:
    files = [{"path": path, "status": status} for status, path, _ in commit.files[:NAMED]]
    told = {"id": commit.id, "author": commit.author, "at": commit.at, "subject": commit.subject}
    return told | {"files": files, "file_count": len(commit.files)}
