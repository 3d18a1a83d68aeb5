"""What going back to a snapshot would do, and what it would leave as it is."""

import os
from collections.abc import Iterable
from typing import Final, NamedTuple

from segue.host.workspace.ignoring import Ignoring
from segue.host.workspace.judging import covers
from segue.ports.workspace import FileChange, LeftOut, Obstacle, Untouched, WorkspaceSnapshot

_SUBMODULE: Final = "160000"


class Plan(NamedTuple):
    """What is to be done."""

    writes: list[FileChange]
    deletes: list[FileChange]
    leaves: list[Untouched]


def plan(root: str, ignoring: Ignoring, now: WorkspaceSnapshot, target: WorkspaceSnapshot, changes: list[FileChange]) -> Plan:
    """Return what becomes of *changes*, which lead from *now*, the work tree as it is, to *target*. Raises WorkspaceError."""
    leaves: dict[str, Untouched] = {}
    obstacles = _Obstacles(now, target, changes)
    for change in changes:
        why = obstacles.of(change)
        if why is not None:
            leaves[change.path] = Untouched(change.path, why)
    rest = [change for change in changes if change.path not in leaves]
    for path in ignoring.of([change.path for change in rest]):
        leaves[path] = Untouched(path, "ignored")
    if any(os.path.basename(change.path) == ".gitignore" for change in changes):
        gone = [change.path for change in rest if change.new is None]
        for path in ignoring.then(target.id, gone):  # it may have been there: no snapshot would have it
            leaves.setdefault(path, Untouched(path, "ignored"))
    if target.sparse:
        theirs = ignoring.tracked()
        for change in rest:
            if change.new is None and change.path in theirs:
                leaves.setdefault(change.path, Untouched(change.path, "sparse"))
    rest = [change for change in rest if change.path not in leaves]
    _unblock(root, rest, leaves)
    writes = [change for change in rest if change.new is not None and change.path not in leaves]
    deletes = [change for change in rest if change.new is None and change.path not in leaves]
    return Plan(writes, deletes, sorted(leaves.values()))


class _Obstacles:
    """What stands against a change, by what the two snapshots say."""

    def __init__(self, now: WorkspaceSnapshot, target: WorkspaceSnapshot, changes: list[FileChange]) -> None:
        self._then = _names(target.left_out)
        self._now = _names(now.left_out)
        self._more = target.more > 0
        modules = [c.path for c in changes if _SUBMODULE in {c.old and c.old.mode, c.new and c.new.mode}]
        self._modules = set(modules) | {f"{path}/" for path in modules}
        self._modules |= {one.path for one in (*now.left_out, *target.left_out) if one.reason == "submodule"}

    def of(self, change: FileChange) -> Obstacle | None:
        path = change.path
        if covers(self._modules, path):
            return "submodule"
        if covers(self._then, path) or (self._more and change.new is None):
            return "left-out"
        if covers(self._now, path):
            return "not-saved"
        return "in-the-way" if f"{path}/" in self._now else None


def _names(left_out: Iterable[LeftOut]) -> set[str]:
    return {one.path for one in left_out}


def _unblock(root: str, rest: list[FileChange], leaves: dict[str, Untouched]) -> None:
    """Leave what cannot be written because of something that stays: a file or link on the way, a directory with files in it."""
    going = {change.path for change in rest if change.old is not None}
    for change in rest:
        if change.new is None:
            continue
        above = os.path.dirname(change.path)
        while above:
            place = f"{root}/{above}"
            if above in going:
                break
            if os.path.islink(place) or (os.path.lexists(place) and not os.path.isdir(place)):
                why: Obstacle = "symlink" if os.path.islink(place) else "in-the-way"
                leaves[change.path] = Untouched(change.path, why, above)
                break
            above = os.path.dirname(above)
        else:
            place = f"{root}/{change.path}"
            if os.path.isdir(place) and not os.path.islink(place):
                stays = _staying(root, change.path, going)
                if stays is not None:
                    leaves[change.path] = Untouched(change.path, "in-the-way", stays)


def _staying(root: str, directory: str, going: set[str]) -> str | None:
    """Return a file below *directory* that is not *going*."""
    for above, directories, files in os.walk(f"{root}/{directory}"):
        links = [name for name in directories if os.path.islink(f"{above}/{name}")]
        for name in (*files, *links):
            path = os.path.relpath(f"{above}/{name}", root)
            if path not in going:
                return path
    return None
