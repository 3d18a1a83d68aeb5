"""The directory that a session works in: snapshots of it, what differs between them, and going back to one.

A snapshot holds every file that is not ignored, tracked or not, with its exact bytes; it is kept outside of the directory and of
whatever repository is there, so that nothing that happens to them harms it. Paths are relative to the root, divided by `/`,
decoded as `os.fsdecode` does it: what is no UTF-8 has lone surrogates in it, see `shown`.
"""

from collections.abc import Collection, Iterable, Iterator
from typing import Any, Final, Literal, NamedTuple, Protocol

Reason = Literal["secret", "too-large", "too-many", "unreadable", "nested-repository", "submodule", "special", "refused"]
"""Why something is in no snapshot: it looks like a secret; it is over the size limit; there are too many files beyond those of
the repository; it cannot be read; it is a repository of its own; it is a submodule (its commit is in the snapshot, its files are
not); it is neither a file nor a symbolic link; git takes no file of that name."""

Obstacle = Literal["left-out", "not-saved", "ignored", "sparse", "submodule", "changed", "in-the-way", "symlink", "failed"]
"""Why a restore leaves something as it is: the snapshot left it out, and where it is gone now it does not come back (`detail`
says why it was left out); what is there now is in no snapshot and would be lost; it is ignored; the snapshot is of a sparse
checkout, which may have had it or not; it is a submodule; it was changed meanwhile; a directory or file that stays is in its
place; the way to it goes through a symbolic link; the system refused, as `detail` says."""

SHOWN: Final = 100
"""How many names of what was left out an event carries; the snapshot itself has them all."""


class LeftOut(NamedTuple):
    """Something that is not in a snapshot. A path with a `/` at its end is a directory, with all that is below it."""

    path: str
    reason: Reason
    bytes: int = 0


class WorkspaceSnapshot(NamedTuple):
    """A snapshot of a workspace. It is durable."""

    id: str
    """The commit that holds it, in the repository of snapshots: what `diff`, `preview` and the others take."""
    tree: str
    """The git tree: equal trees are equal files."""
    root: str
    """The directory that it was taken of."""
    at: float
    """When, in seconds since 1970."""
    left_out: list[LeftOut]
    """What was not taken, by path."""
    more: int = 0
    """How much more was not taken than `left_out` names: it was too much to be named."""
    changing: tuple[str, ...] = ()
    """Files that were being written while they were read: what was read of them is in the snapshot."""
    sparse: bool = False
    """The work tree was a sparse checkout: what is outside of it is not in the snapshot."""
    full: bool = True
    """The whole work tree was looked at; else the files that were known to be touched."""

    def to_json(self) -> dict[str, Any]:
        """Return what a checkpoint keeps of it; of what was left out the first `SHOWN` by name, and how many there are."""
        named = [{"path": shown(one.path), "reason": one.reason, "bytes": one.bytes} for one in self.left_out[:SHOWN]]
        return {
            "id": self.id,
            "tree": self.tree,
            "root": shown(self.root),
            "full": self.full,
            "left_out": named,
            "left_out_count": len(self.left_out) + self.more,
            "changing": [shown(path) for path in self.changing[:SHOWN]],
        }


class Entry(NamedTuple):
    """A file as a snapshot has it. `mode` is git's: `100644`, `100755`, `120000` a symbolic link, `160000` a submodule."""

    mode: str
    id: str


class FileChange(NamedTuple):
    """A path that two snapshots have differently; None where one has no such file."""

    path: str
    old: Entry | None
    new: Entry | None

    @property
    def status(self) -> Literal["added", "deleted", "modified", "mode", "type"]:
        """What happened: `mode` is a change of the executable bit alone, `type` one between file, link and submodule."""
        if self.old is None:
            return "added"
        if self.new is None:
            return "deleted"
        if self.old.mode[:3] != self.new.mode[:3]:
            return "type"
        return "mode" if self.old.id == self.new.id else "modified"


class Untouched(NamedTuple):
    """Something that a restore leaves as it is although the snapshot has it otherwise."""

    path: str
    why: Obstacle
    detail: str = ""


class Preview(NamedTuple):
    """What a restore would do, as things were when it was asked."""

    snapshot: str
    """The snapshot to go back to."""
    root: str
    now: str
    """A snapshot of the work tree as it was when this was made. It is not kept for long; a restore takes its own."""
    writes: list[FileChange]
    """Files that would be written: `old` is what is there now, `new` what is to be there."""
    deletes: list[FileChange]
    """Files that would be deleted; `new` is None."""
    leaves: list[Untouched]
    """What would stay although it differs, and why."""


class Restored(NamedTuple):
    """What a restore did."""

    snapshot: str
    """The snapshot that was gone back to."""
    before: str
    """The snapshot of what was there before: a restore of it undoes this one."""
    written: list[str]
    deleted: list[str]
    leaves: list[Untouched]
    """What stayed although it differs, and why. What changed since the preview, or while this went on, is among it."""


class Unfinished(NamedTuple):
    """A restore that was interrupted."""

    snapshot: str
    """The snapshot that was to be gone back to."""
    before: str
    """The snapshot of what was there before."""
    at: float
    """When it began, in seconds since 1970."""
    files: int
    """How many files it was about."""


class Workspace(Protocol):
    """A workspace and the snapshots of it and of others: they are in one place, so that one may be restored somewhere else.

    What is in the directory, the configuration and attributes of its repository above all, is data: no program that it names is
    run, no filter, hook or monitor, and nothing is written to the repository, not even a time of a file. Every method may raise
    WorkspaceError: git is not there, or failed; nothing was changed then unless it says so. Calls of several processes wait for
    each other.
    """

    @property
    def root(self) -> str:
        """The directory: the root of the git work tree, else the directory itself. It need not exist."""
        ...

    @property
    def is_there(self) -> bool:
        """Whether there is such a directory now."""
        ...

    def take(self, touched: Iterable[str] | None = None) -> WorkspaceSnapshot:
        """Return a new snapshot, durable when this returns.

        Never taken: what is ignored (by `.gitignore`, `info/exclude` or `core.excludesFile`, and not tracked), empty directories.
        Not taken and named: see `Reason`.

        Args:
            touched: files that may have changed since the last snapshot, absolute or relative to the root; a directory stands for
                all below it. What was changed beside them is found by the next full one. None: the whole work tree is looked at,
                and so it is where there is no earlier snapshot.
        """
        ...

    def get(self, snapshot: str) -> WorkspaceSnapshot:
        """Return an earlier snapshot of this or another workspace, by its id. Raises NotFoundError."""
        ...

    def diff(self, old: str, new: str | None = None, paths: Iterable[str] = ()) -> list[FileChange]:
        """Return what differs from snapshot *old* to *new*, or to the work tree as it is; by path.

        Args:
            old: a snapshot's id.
            new: another's; None: what is there now.
            paths: only these, and what is below them; none: all.

        Raises:
            NotFoundError: there is no such snapshot.
        """
        ...

    def patch(self, old: str, new: str | None = None, paths: Iterable[str] = ()) -> Iterator[bytes]:
        """Yield the same as a unified diff, in chunks. Binary files are named only. Raises NotFoundError."""
        ...

    def content(self, snapshot: str, path: str) -> bytes:
        """Return the bytes of a file in a snapshot; of a symbolic link where it points to. Raises NotFoundError."""
        ...

    def preview(self, snapshot: str, paths: Iterable[str] = ()) -> Preview:
        """Return what going back to *snapshot* would do; the work tree stays as it is.

        Args:
            snapshot: its id; it may be of another workspace.
            paths: only these, and what is below them; none: all.

        Raises:
            NotFoundError: there is no such snapshot.
            UnfinishedRestoreError: a restore was interrupted: `finish` or `undo` comes first.
        """
        ...

    def restore(self, plan: Preview) -> Restored:
        """Do what a preview says, and return what was done. It can be undone: by a restore of `before`.

        A snapshot of what is there comes first; then the intention is written down; then each file is replaced at once, durably,
        never through a symbolic link. A file that is no longer as the preview saw it, or that changes in the very moment, stays
        and is named. What the snapshot does not know and the preview did not name stays. Ignored files are never touched, and
        directories that were emptied go. A restore that was killed at any point is brought to an end by `finish` or `undo`.

        Raises:
            NotFoundError: the snapshot is gone.
            UnfinishedRestoreError: an earlier restore was interrupted: `finish` or `undo` comes first.
        """
        ...

    def unfinished(self) -> Unfinished | None:
        """Return the restore of this workspace that was interrupted; None where there is none, or one is at work."""
        ...

    def finish(self) -> Restored | None:
        """Bring an interrupted restore to its end; None where there is none. What was changed since stays and is named."""
        ...

    def undo(self) -> Restored | None:
        """Take an interrupted restore back; None where there is none. What was changed since stays and is named."""
        ...


GONE: Final = "it is not there"
"""Why a snapshot is none."""


class Released(NamedTuple):
    """A snapshot whose checkpoint is about to be forgotten."""

    id: str
    store: str
    """The URL of the store that the checkpoint is in."""
    session: str
    checkpoint: str


class Snapshots(Protocol):
    """All snapshots of this machine's workspaces. Every method may raise WorkspaceError; nothing was changed then."""

    def size(self, snapshots: Iterable[str]) -> int:
        """Return the bytes on the disk that only *snapshots* have. Those of which there is none count nothing."""
        ...

    def check(self, snapshots: Collection[str], *, every_byte: bool = False) -> dict[str, str]:
        """Return those of *snapshots* that are not what they were, and why; `GONE` for one that is not there.

        That all of each is there is looked at; with *every_byte* also that it is as it was written.
        """
        ...

    def release(self, snapshots: Collection[Released]) -> None:
        """Write down, durably, that snapshots are about to lose their names. They stay as they are."""
        ...

    def released(self) -> list[Released]:
        """Return what was written down and is not settled, of all stores."""
        ...

    def settle(self, snapshots: Collection[Released], keep: Collection[Released] = ()) -> int:
        """Let *snapshots* go but those in *keep*, take all of them off the list, and return the bytes that this freed.

        One that an interrupted restore relies on stays, and on the list. The last one of each workspace keeps its files until
        there is a newer one: the next is computed from it.
        """
        ...


def shown(path: str) -> str:
    r"""Return a path as text that can be written anywhere: bytes that are no UTF-8 as `\xNN`."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
