"""What is taken over from the user's repository at the first snapshot: his index, and the objects that it names.

Only what is read is read here; nothing in there is written, not even a time. The index tells which files are as they are in which
object, which saves hashing all of them; the objects are copied into the repository of snapshots at once, so that it is whole.
"""

import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from segue.core.errors import WorkspaceError
from segue.host.private import new
from segue.host.workspace.judging import Judge
from segue.host.workspace.repository import Repository, quoted
from segue.ports.workspace import LeftOut

_SUBMODULE: Final = "160000"
_NONE: Final = "0" * 40


class UserRepository(NamedTuple):
    """The user's repository around a work tree."""

    git_dir: Path
    """That of the work tree: it has the index."""
    common: Path
    """That of all its work trees: it has the objects, and info/exclude."""

    @property
    def index_file(self) -> Path:
        """The index."""
        return self.git_dir / "index"

    @property
    def exclude(self) -> Path:
        """The list of what is ignored in this clone alone."""
        return self.common / "info" / "exclude"

    def stamp(self) -> list[int]:
        """Return what tells whether the index was changed since."""
        try:
            found = self.index_file.stat()
        except OSError:
            return []
        return [found.st_ino, found.st_size, found.st_mtime_ns]


def find(root: str) -> UserRepository | None:
    """Return the repository whose work tree *root* is; None where it is none, or its repository is not there."""
    place = Path(root) / ".git"
    try:
        if place.is_file():
            said = place.read_bytes()[:8192]
            if not said.startswith(b"gitdir:"):
                return None
            place = Path(root) / os.fsdecode(said[7:].strip())
        common = place
        if (place / "commondir").is_file():
            common = place / os.fsdecode((place / "commondir").read_bytes()[:8192].strip())
        if not (place / "HEAD").exists() or not (common / "objects").is_dir():
            return None
        return UserRepository(place.resolve(), common.resolve())
    except (OSError, ValueError):
        return None


class Seeded(NamedTuple):
    """What became of the entries of the user's index."""

    watched: set[str]
    """Paths that it tracks and the new index has not: they are looked at at every snapshot."""
    sparse: bool
    """There are some that are not checked out."""


class _Row(NamedTuple):
    tag: str
    mode: str
    id: str
    stage: str
    path: str


def seed(ours: Repository, user: UserRepository, settings: dict[str, str], judge: Judge, index: Path) -> Seeded:
    """Write *index* anew from the user's, and take the objects in that it names. Raises WorkspaceError, OSError."""
    ours.vault.fill()
    copy_index(user, index, ours.path)
    env = {"GIT_INDEX_FILE": str(index)}
    theirs = ours.aside() | {"GIT_ALTERNATE_OBJECT_DIRECTORIES": quoted(str(user.common / "objects"))}
    rows = list(_rows(ours.git.run("ls-files", "-z", "-s", "-v", env=env | theirs)))
    blobs = {row.id for row in rows if row.stage == "0" and row.tag not in "Ss" and row.mode != _SUBMODULE}
    there = sizes(ours, blobs, theirs)
    known = there | sizes(ours, blobs - there.keys(), {})
    converted = _converted(ours, user, settings, rows, known)
    watched: set[str] = set()
    sparse = False
    edits: dict[str, str] = {}
    for row in rows:
        if row.tag in "Ss":
            sparse = True
            edits[row.path] = _without(row.path)
            if os.path.lexists(f"{ours.root}/{row.path}"):
                watched.add(row.path)
        elif row.mode == _SUBMODULE and row.stage == "0":
            continue
        elif row.stage != "0" or row.id not in known or judge.by_name(row.path, known[row.id]) is not None:
            edits[row.path] = _without(row.path)
            watched.add(row.path)
        elif row.tag.islower() or row.path in converted:  # what the index says of it is not to be trusted
            edits[row.path] = f"{row.mode} {row.id} 0\t{row.path}\0"
    wanted = {row.id for row in rows if row.path not in edits or row.id in edits[row.path]} & there.keys()
    wanted |= _trees(ours, user, theirs)
    wanted -= _have(ours)
    if wanted:
        ours.pack(sorted(wanted), theirs, window=0)
    if edits:
        ours.git.run("update-index", "-z", "--index-info", stdin=os.fsencode("".join(edits.values())), env=env | ours.aside())
    return Seeded(watched, sparse)


def _trees(ours: Repository, user: UserRepository, theirs: dict[str, str]) -> set[str]:
    """Return the directories of the user's commit: most of them need not be made anew then."""
    try:
        head = ours.git.run("rev-parse", "--verify", "-q", "HEAD^{tree}", env={"GIT_DIR": str(user.git_dir)}).decode().strip()
        said = ours.git.run("ls-tree", "-r", "-d", "-z", "--full-tree", head, env=theirs)
    except WorkspaceError:
        return set()
    return {head} | {record.split(b" ", 2)[2][:40].decode() for record in said.split(b"\0") if b" tree " in record[:12]}


def _have(ours: Repository) -> set[str]:
    """Return all objects that are here already."""
    if not any((ours.path / "objects" / "pack").iterdir()):
        return set()
    command = ("cat-file", "--batch-all-objects", "--unordered", "--batch-check=%(objectname)", "--buffer")
    return set(ours.git.run(*command).decode().split())


def copy_index(user: UserRepository, index: Path, place: Path) -> bool:
    """Copy the user's index as it is at one moment, with its time, which git judges the files by; False: there is none."""
    try:
        with user.index_file.open("rb") as source, new(index) as copy:
            shutil.copyfileobj(source, copy, 1 << 20)
            times = os.fstat(source.fileno())
    except FileNotFoundError:
        return False
    os.utime(index, ns=(times.st_atime_ns, times.st_mtime_ns))
    for shared in user.git_dir.glob("sharedindex.*"):
        if not (place / shared.name).exists():
            shutil.copyfile(shared, place / shared.name)
    return True


def sizes(ours: Repository, objects: Iterable[str], env: dict[str, str]) -> dict[str, int]:
    """Return the size of each of *objects* that is there. Raises WorkspaceError."""
    wanted = "".join(f"{one}\n" for one in objects).encode()
    if not wanted:
        return {}
    said = ours.git.run("cat-file", "--batch-check=%(objectname) %(objectsize)", "--buffer", stdin=wanted, env=env)
    words = (line.split() for line in said.decode().splitlines())
    return {one[0]: int(one[1]) for one in words if len(one) == 2 and one[1] != "missing"}


def submodules(root: str, ours: Repository) -> list[LeftOut]:
    """Return the submodules that are checked out below *root*, by `.gitmodules`. Raises WorkspaceError."""
    if not os.path.isfile(f"{root}/.gitmodules"):
        return []
    command = ("config", "-z", "-f", f"{root}/.gitmodules", "--get-regexp", r"^submodule\..*\.path$")
    said, _ = ours.git.tell(*command, fine=(0, 1, 128))
    paths = [os.fsdecode(record.partition(b"\n")[2]).rstrip("/") for record in said.split(b"\0") if record]
    return [LeftOut(f"{path}/", "submodule") for path in paths if path and os.path.lexists(f"{root}/{path}/.git")]


def _rows(said: bytes) -> Iterator[_Row]:
    for record in said.split(b"\0"):
        if record:
            facts, _, path = record.partition(b"\t")
            tag, mode, name, stage = facts.decode().split(" ")
            yield _Row(tag, mode, name, stage, os.fsdecode(path))


def _without(path: str) -> str:
    return f"0 {_NONE}\t{path}\0"


def _converted(
    ours: Repository, user: UserRepository, settings: dict[str, str], rows: list[_Row], known: dict[str, int]
) -> set[str]:
    """Return the files whose object may not be what is on the disk: line ends, filters, `$Id$`, encodings."""
    attributes = user.common / "info" / "attributes"
    has_attributes = (
        any(row.path.endswith(".gitattributes") for row in rows)
        or os.path.lexists(f"{ours.root}/.gitattributes")
        or attributes.exists()
        or "core.attributesfile" in settings
    )
    converts = settings.get("core.autocrlf", "false").lower() not in {"false", "no", "off", "0", ""} or any(
        name.startswith("filter.") for name in settings
    )
    if not has_attributes and not converts:
        return set()
    return {
        row.path for row in rows if row.id in known and row.mode != "120000" and _size(f"{ours.root}/{row.path}") != known[row.id]
    } | (_filtered(ours, user, rows))


def _size(place: str) -> int:
    try:
        return os.lstat(place).st_size
    except OSError:
        return -1


def _filtered(ours: Repository, user: UserRepository, rows: list[_Row]) -> set[str]:
    """Return the files with a filter or an encoding by the user's attributes. `git check-attr` looks them up and runs nothing."""
    wanted = os.fsencode("".join(f"{row.path}\0" for row in rows if row.stage == "0" and row.mode != _SUBMODULE))
    env = {"GIT_DIR": str(user.git_dir), "GIT_INDEX_FILE": str(ours.own / "nothing")}
    command = ("-c", "core.fsmonitor=false", "check-attr", "-z", "--stdin", "filter", "working-tree-encoding", "ident")
    fields = iter(ours.git.run(*command, stdin=wanted, env=env, work_tree=True).split(b"\0"))
    return {
        os.fsdecode(path)
        for path, _, value in zip(fields, fields, fields, strict=False)
        if value not in {b"unspecified", b"unset"}
    }
