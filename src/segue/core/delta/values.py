"""The facts that a delta is decided from: a workspace as it was, as it is, and what lies between.

Paths are relative to the workspace's root, divided by `/`. Texts are of whoever wrote them, so they are data, never trusted.
"""

from collections.abc import Mapping
from typing import Any, Final, Literal, NamedTuple

from segue.core.session.values import LINE, count, items, mapping, text

DETACHED: Final = "(detached)"
"""What git says in the place of a branch."""
_MOST: Final = 100
_MOST_MANIFESTS: Final = 50

Relation = Literal["same", "ahead", "behind", "diverged", "gone", "unborn", "unknown"]
"""How the present commit is to the saved one: it is the same; it comes after it; before it; neither; the repository does not have
the saved one any more; there was none then, or is none now; it could not be told."""


class Uncommitted(NamedTuple):
    """A file with an uncommitted change. `status` is git's, two letters; a path with `/` at its end is a new directory."""

    path: str
    status: str
    digest: str = ""
    """Git's id of its content; empty: it is not there, or was not read (it is large, a directory, no file)."""


class Head(NamedTuple):
    """By what a commit is known again once it was rewritten."""

    tree: str = ""
    author: str = ""
    """A digest of the author's address."""
    authored: int = 0
    """When it was written first, in seconds since 1970: an amend and a rebase keep it."""
    subject: str = ""
    parent: str = ""
    """The commit before it: one that comes from there is no other form of this one."""


class Look(NamedTuple):
    """A workspace at one moment, as git has it."""

    root: str
    branch: str = ""
    commit: str = ""
    files: tuple[Uncommitted, ...] = ()
    total: int = 0
    """How many files have uncommitted changes: more than `files` names, where they are very many."""
    head: Head = Head()
    upstream: str = ""
    """The branch that this one follows, such as `origin/main`."""
    upstream_commit: str = ""
    stashes: int = 0
    manifests: Mapping[str, str] = {}
    """What the project depends on: path -> digest of the file."""
    common: str = ""
    """The directory of the repository that all its work trees share."""
    doing: str = ""
    """What git is in the middle of: `rebase`, `merge`, `cherry-pick`, `revert`, `bisect`."""
    shallow: bool = False
    at: str = ""
    """When, in UTC; empty: now."""
    seq: int = 0
    """The event that has it."""

    def to_body(self) -> dict[str, Any]:
        """Return the body of the event `changes.seen`."""
        files = [{"path": f.path, "status": f.status} | ({"digest": f.digest} if f.digest else {}) for f in self.files]
        body: dict[str, Any] = {"files": files, "branch": self.branch, "commit": self.commit}
        more: dict[str, Any] = {
            "count": self.total if self.total > len(files) else 0,
            "head": self.head._asdict() if self.head.tree else None,
            "upstream": {"name": self.upstream, "commit": self.upstream_commit} if self.upstream_commit else None,
            "stashes": self.stashes,
            "manifests": dict(self.manifests),
            "repository": self.common,
        }
        return body | {name: value for name, value in more.items() if value}

    def to_git(self) -> dict[str, object]:
        """Return what a checkpoint keeps of it."""
        return {"branch": self.branch, "commit": self.commit, "dirty": bool(self.files)}


def look_from(body: Mapping[str, Any], root: str, *, at: str = "", seq: int = 0) -> Look:
    """Return the look that an event `changes.seen` tells of; whatever is missing or odd in it counts as not known."""
    files = []
    for entry in items(body, "files")[:_MOST]:
        said = entry if isinstance(entry, dict) else {"path": entry}
        path = text(said, "path", 1_000)
        if is_below(path):
            files.append(Uncommitted(path, text(said, "status", 4), text(said, "digest", LINE)))
    upstream = mapping(body, "upstream")
    manifests = {k[:1_000]: v[:LINE] for k, v in mapping(body, "manifests").items() if isinstance(v, str) and is_below(k)}
    return Look(
        root=root,
        branch=text(body, "branch", LINE),
        commit=_commit(text(body, "commit", LINE)),
        files=tuple(files),
        total=max(count(body.get("count")), len(items(body, "files"))),
        head=_head(mapping(body, "head")),
        upstream=text(upstream, "name", LINE),
        upstream_commit=_commit(text(upstream, "commit", LINE)),
        stashes=count(body.get("stashes")),
        manifests=dict(list(manifests.items())[:_MOST_MANIFESTS]),
        common=text(body, "repository", 1_000),
        at=at,
        seq=seq,
    )


def is_below(path: str) -> bool:
    """Return whether a path leads to something below the root: a log may say anything."""
    return bool(path) and not path.startswith("/") and ".." not in path.split("/") and "\0" not in path


def _head(body: Mapping[str, Any]) -> Head:
    known = (text(body, "tree", LINE), text(body, "author", LINE), count(body.get("authored")), text(body, "subject", LINE))
    return Head(*known, _commit(text(body, "parent", LINE)))


def _commit(name: str) -> str:
    """Return *name* where it can be an object's: it is given to git, and must be no option or expression."""
    return name if len(name) in {40, 64} and all(c in "0123456789abcdef" for c in name) else ""


class Commit(NamedTuple):
    """A commit. Times in seconds since 1970."""

    id: str
    author: str
    email: str
    at: int
    authored: int
    subject: str
    files: tuple[tuple[str, str, str], ...] = ()
    """What it changed: status, path, git's id of the new content."""


class Lost(NamedTuple):
    """A commit of the saved past that the present one does not have."""

    id: str
    author: str
    subject: str
    became: str = ""
    """The commit of the present history that has taken its place: same author and time of writing, or the same change."""
    kept: bool = False
    """What it changed is so at the present commit: somebody made one commit of several, or the like."""

    @property
    def gone(self) -> bool:
        """Whether its work is in the present history in no form."""
        return not self.became and not self.kept


class FileChange(NamedTuple):
    """A file that differs between the saved and the present commit, or snapshot."""

    path: str
    status: str
    """`added`, `deleted`, `modified`, `renamed`, `type`, `submodule`."""
    before: str = ""
    """Its former path, where it was renamed."""


class Stash(NamedTuple):
    """An entry of git's stash."""

    name: str
    subject: str
    files: Mapping[str, str] = {}
    """Path -> git's id of the content."""


class Since(NamedTuple):
    """What git says of the time between a saved look and now."""

    relation: Relation = "unknown"
    commits: tuple[Commit, ...] = ()
    """That came in, newest first."""
    commit_count: int = 0
    lost: tuple[Lost, ...] = ()
    lost_count: int = 0
    files: tuple[FileChange, ...] = ()
    file_count: int = 0
    refs: tuple[str, ...] = ()
    """Where the saved commit is, when it is not in the present history: branches and tags."""
    tip: str | None = None
    """Where the saved branch is now, when another is checked out; empty: it is not there; None: not asked."""
    operations: tuple[str, ...] = ()
    """What moved HEAD here since, newest first, in git's words."""
    stashes: tuple[Stash, ...] = ()
    upstream_rewritten: bool = False
    """The upstream branch does not have any more what it had: somebody forced a push."""
    on_disk: Mapping[str, str] = {}
    """Files that had uncommitted changes and have none now -> digest of what is there; empty: nothing is."""
    elsewhere: Mapping[str, str] = {}
    """Digest of such a file as it was -> the commit, of any branch, that has it."""
    limits: tuple[str, ...] = ()
    """What was not looked at, or not to its end, and why."""
