"""Taking a snapshot: which files may have changed, what becomes of each, and the tree that comes of it."""

import json
import os
import re
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from segue.core.errors import WorkspaceError
from segue.host.workspace import borrowing
from segue.host.workspace.ignoring import Ignoring, joined
from segue.host.workspace.judging import Judge, Limits, Verdict, covers
from segue.host.workspace.repository import INDEX_VERSION, Repository, write
from segue.ports.workspace import LeftOut, WorkspaceSnapshot

MOST_TOUCHED: Final = 300
"""More files than this are not looked for one by one: the whole work tree is looked at."""
MOST_NAMED: Final = 5_000
"""How many of the things that are left out a snapshot names."""
_RESEED: Final = 1_000
_TRIES: Final = 3
_UNREADABLE: Final = re.compile(rb"could not open directory '(.*)': ")


class _Last(NamedTuple):
    """What is known of the last snapshot of this workspace, beside its index."""

    left_out: list[LeftOut]
    more: int
    watched: set[str]
    sparse: bool
    ignoring: str
    user: list[int]

    def to_json(self) -> dict[str, Any]:
        return self._asdict() | {"v": 1, "watched": sorted(self.watched)}


class _Found(NamedTuple):
    """A path that may have changed."""

    path: str
    tag: str
    """`?`: the index has no such file; `W`: it is watched; else it has it."""


class Taking:
    """One look at a workspace, while its repository is held."""

    def __init__(self, ours: Repository, limits: Limits) -> None:
        """Look at the workspace of *ours*."""
        self._ours = ours
        self._limits = limits
        self._judge = Judge(ours.root, limits)
        self._index = ours.own / "index.new"
        self._user: borrowing.UserRepository | None = None
        self._settings: dict[str, str] = {}

    def take(self, at: float, touched: Iterable[str] | None, *, keep: bool) -> WorkspaceSnapshot:
        """Return a new snapshot, durable. With *keep* it stays until it is forgotten. Raises WorkspaceError, OSError."""
        if not os.path.isdir(self._ours.root):
            return self._record(
                self._tree(), _Last([], 0, set(), sparse=False, ignoring="", user=[]), at, (), keep=keep, full=True
            )
        self._user = borrowing.find(self._ours.root)
        self._settings = self._ours.git.settings_of(str(self._user.git_dir) if self._user else None)
        self._ignoring = Ignoring(self._ours, self._user, self._settings)
        last = self._continue()
        wanted = None if touched is None or last is None else self._below(touched)
        try:
            return self._look(last, wanted, at, keep=keep)
        except WorkspaceError:
            if last is None:
                raise
            self._index.unlink(missing_ok=True)  # perhaps an object that the old index relies on is damaged
            return self._look(None, None, at, keep=keep)

    def _look(self, last: _Last | None, wanted: list[str] | None, at: float, *, keep: bool) -> WorkspaceSnapshot:
        state = last or self._begin()
        found, unreadable = self._candidates(wanted)
        if wanted is None and last is not None and self._is_other(found, last):  # he checked something else out
            state = self._begin()
            found, unreadable = self._candidates(None)
        user = self._user.stamp() if self._user else []
        anew = wanted is None and user != state.user
        if anew:  # he may track by now what is ignored, and what was watched no more
            state = state._replace(watched=state.watched - self._ignoring.of(sorted(state.watched)))
            found += [_Found(path, "W") for path in sorted(self._ignoring.forced() - {one.path for one in found})]
        left_out = {path: LeftOut(path, "unreadable") for path in unreadable}
        changing, watched = self._update(found, state, wanted, left_out)
        ignoring = self._ignoring.digest
        news = ignoring != state.ignoring or any(one.path.endswith(".gitignore") for one in found)
        if (news and last is not None) or anew:
            self._drop(sorted(self._ignoring.by_now(self._index, self._ours.aside())))
        for one in borrowing.submodules(self._ours.root, self._ours):
            left_out.setdefault(one.path, one)
        more = 0
        if wanted is not None:
            more = state.more
            for one in state.left_out:
                if not covers(set(wanted), one.path.rstrip("/")):
                    left_out.setdefault(one.path, one)
        named = sorted(left_out.values())
        more += max(0, len(named) - MOST_NAMED)
        fresh = _Last(named[:MOST_NAMED], more, watched, state.sparse, ignoring, user if wanted is None else state.user)
        return self._record(self._tree(), fresh, at, changing, keep=keep, full=wanted is None)

    # --- the index --------------------------------------------------------------------------------

    def _continue(self) -> _Last | None:
        """Go on with the index of the last snapshot; None where there is none, or it cannot be gone on with."""
        try:
            facts = json.loads((self._ours.own / "last.json").read_bytes())
            os.link(self._ours.own / "index", self._index)  # git never writes into it: it puts another in its place
            if facts.pop("v") != 1:
                return None
            left_out = [LeftOut(*one) for one in facts.pop("left_out")]
            return _Last(left_out=left_out, watched=set(facts.pop("watched")), **facts)
        except (OSError, ValueError, TypeError, KeyError):
            self._index.unlink(missing_ok=True)
            return None

    def _begin(self) -> _Last:
        """Begin with the user's index; without one where there is none, or it is damaged: then all files are read."""
        self._index.unlink(missing_ok=True)
        self._judge = Judge(self._ours.root, self._limits)
        nothing = _Last([], 0, set(), sparse=False, ignoring=self._ignoring.digest, user=self._user.stamp() if self._user else [])
        if self._user is None or self._settings.get("extensions.objectformat", "sha1") != "sha1":
            return nothing
        try:
            seeded = borrowing.seed(self._ours, self._user, self._settings, self._judge, self._index)
        except (WorkspaceError, OSError, TypeError, ValueError):
            self._ours.git.run("version")  # is it git itself?
            self._index.unlink(missing_ok=True)
            return nothing
        return nothing._replace(watched=seeded.watched, sparse=seeded.sparse)

    def _is_other(self, found: list[_Found], last: _Last) -> bool:
        if self._user is None or self._user.stamp() == last.user:
            return False
        return sum(one.tag != "?" for one in found) > _RESEED

    def _env(self) -> dict[str, str]:
        return self._ours.aside() | {"GIT_INDEX_FILE": str(self._index)}

    # --- what may have changed ----------------------------------------------------------------------

    def _candidates(self, wanted: list[str] | None) -> tuple[list[_Found], list[str]]:
        """Return what may have changed, and the directories that cannot be read."""
        if wanted == []:
            return [], []
        which = ("-m", "-d") if wanted is None else ("-c",)
        command = (*self._ignoring.option, "ls-files", "-z", "-t", "-o", *which, *self._ignoring.listing())
        said, complaints = self._ours.git.tell(*command, "--", *(wanted or ()), env=self._env(), work_tree=True)
        found = {
            os.fsdecode(record[2:]): _Found(os.fsdecode(record[2:]), chr(record[0])) for record in said.split(b"\0") if record
        }
        return list(found.values()), [os.fsdecode(one) for one in _UNREADABLE.findall(complaints)]

    def _below(self, touched: Iterable[str]) -> list[str] | None:
        """Return *touched* relative to the root, without what is outside of it; None where they are too many."""
        root = self._ours.root
        found = set()
        for name in touched:
            path = os.path.normpath(os.path.join(root, name))
            real = os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))
            for one in (real, path):
                if one.startswith(f"{root}/") and os.path.realpath(os.path.dirname(one)) == os.path.dirname(one):
                    found.add(one[len(root) + 1 :])
                    break
                if one == root:
                    return None
        below = sorted(path for path in found if "\0" not in path and path.split("/")[0] != ".git")
        return below if len(below) <= MOST_TOUCHED else None

    # --- what becomes of it -------------------------------------------------------------------------

    def _update(
        self, found: list[_Found], state: _Last, wanted: list[str] | None, left_out: dict[str, LeftOut]
    ) -> tuple[tuple[str, ...], set[str]]:
        """Put what changed into the index; fill *left_out*; return what was being written meanwhile, and what to watch."""
        known = {one.path for one in found}
        looked_at = [path for path in state.watched - known if wanted is None or covers(set(wanted), path)]
        takes: dict[str, tuple[int, ...]] = {}
        drops = []
        gone = []
        submodules = self._submodules(found)
        for one in [*found, *(_Found(path, "W") for path in looked_at)]:
            verdict: Verdict = self._judge.judge(one.path, tracked=one.tag != "?", submodule=one.path in submodules)
            if verdict.left_out is not None:
                left_out[one.path] = verdict.left_out
            if verdict.do == "take" or (verdict.do == "gone" and one.tag not in "?W"):
                takes[one.path] = verdict.stamp
                gone += [one.path] if verdict.do == "gone" else []
            elif verdict.do in {"drop", "leave"} and one.tag not in "?W":
                drops.append(one.path)
        self._drop(drops)
        for path in self._add(list(takes)):
            left_out[path] = LeftOut(path, "refused")
        watched = (state.watched - takes.keys()) | {path for path in drops if path in left_out}
        watched |= self._ignoring.matching(gone)  # no list would tell when it is there again
        return self._settle(takes), watched

    def _submodules(self, found: list[_Found]) -> set[str]:
        """Return those of *found* that the index has as submodules."""
        places = [one.path for one in found if one.tag != "?" and os.path.lexists(f"{self._ours.root}/{one.path}/.git")]
        said = self._ours.git.run("ls-files", "-z", "-s", "--", *places, env=self._env()) if places else b""
        return {os.fsdecode(record.partition(b"\t")[2]) for record in said.split(b"\0") if record.startswith(b"160000 ")}

    def _settle(self, takes: dict[str, tuple[int, ...]]) -> tuple[str, ...]:
        """Read again what was written while it was read; return what still is."""
        changing = list(takes)
        for _ in range(_TRIES):
            stamps = {path: self._judge.stamp(path) for path in changing}
            changing = [path for path in changing if stamps[path] != takes[path]]
            if not changing:
                return ()
            takes |= stamps
            self._add(changing)
        return tuple(sorted(path for path in changing if self._judge.stamp(path) != takes[path]))

    def _add(self, paths: list[str]) -> list[str]:
        """Put files into the index as they are, or take them out where they are gone; return those that git refuses."""
        if not paths:
            return []
        command = ("update-index", *INDEX_VERSION, "-z", "--add", "--remove", "--replace", "--stdin")
        try:
            self._ours.git.run(*command, stdin=joined(paths), env=self._env(), work_tree=True)
        except WorkspaceError:  # one of them went away or cannot be read, or has a name that git takes from nobody
            if len(paths) == 1:
                return [] if not os.path.lexists(f"{self._ours.root}/{paths[0]}") else paths
            half = len(paths) // 2
            return self._add(paths[:half]) + self._add(paths[half:])
        return []

    def _drop(self, paths: Iterable[str]) -> None:
        lines = "".join(f"0 {'0' * 40}\t{path}\0" for path in paths)
        if lines:
            self._ours.git.run("update-index", *INDEX_VERSION, "-z", "--index-info", stdin=os.fsencode(lines), env=self._env())

    # --- what comes of it ---------------------------------------------------------------------------

    def _tree(self) -> str:
        return self._ours.git.run("write-tree", env=self._env()).decode().strip()

    def _record(
        self, tree: str, last: _Last, at: float, changing: tuple[str, ...], *, keep: bool, full: bool
    ) -> WorkspaceSnapshot:
        facts = {
            "v": 1,
            "root": self._ours.root,
            "at": at,
            "left_out": last.left_out,
            "more": last.more,
            "changing": changing,
            "sparse": last.sparse,
            "full": full,
            "once": os.urandom(8).hex(),  # two snapshots are two, though nothing changed: one may be forgotten, the other not
        }
        commit = self._ours.commit(tree, facts, at)
        self._ours.bring_in()
        self._ours.name(commit, keep=keep)
        if self._index.exists():
            self._index.replace(self._ours.own / "index")
            write(self._ours.own / "last.json", json.dumps(last.to_json()).encode(), durably=False)
        self._ours.tidy()
        return WorkspaceSnapshot(
            commit, tree, self._ours.root, at, last.left_out, last.more, changing, sparse=last.sparse, full=full
        )
