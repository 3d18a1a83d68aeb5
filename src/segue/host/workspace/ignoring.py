"""What is ignored: by `.gitignore` files, by the list of a clone, by the user's list for everything."""

import os
import re
import shutil
from collections.abc import Callable
from contextlib import contextmanager, suppress
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING

from segue.core.errors import WorkspaceError
from segue.host import private
from segue.host.workspace import borrowing
from segue.host.workspace.borrowing import UserRepository
from segue.host.workspace.files import OURS
from segue.host.workspace.gitting import Git
from segue.host.workspace.repository import Repository, quoted, write

if TYPE_CHECKING:
    from collections.abc import Iterator


class Ignoring:
    """The user's lists of what is ignored, for the git that works with our repository: it would not find them by itself."""

    def __init__(self, ours: Repository, user: UserRepository | None, settings: dict[str, str]) -> None:
        """Gather the lists that are outside of the work tree. Raises OSError."""
        self._ours = ours
        self._user = user
        lists = [_excludes_file(ours.git, settings), *([str(user.exclude)] if user else [])]  # of these the later one wins
        said = b"\n".join(_read(path) for path in lists)
        self.digest = blake2b(said, digest_size=8).hexdigest()
        """Tells whether they were changed."""
        self._file = ours.own / "excludes"
        if _read(str(self._file)) != said:
            write(self._file, said)

    @property
    def option(self) -> tuple[str, ...]:
        """What git is told in front of its command."""
        return ("-c", f"core.excludesFile={self._file}")

    def listing(self) -> tuple[str, ...]:
        """What `ls-files` is told after it. Files of ours are not listed either."""
        own = [f"--exclude={OURS}*"]
        home = os.path.relpath(self._ours.home, self._ours.root)
        if home.split("/")[0] != "..":  # our own home is in there
            own.append("--exclude=/" + re.sub(r"([\\*?\[ !#])", r"\\\1", home))
        return ("--exclude-standard", *own)

    def by_now(self, index: Path, env: dict[str, str]) -> set[str]:
        """Return what *index* has although it is ignored, and not tracked by the user. Raises WorkspaceError, OSError."""
        command = (*self.option, "ls-files", "-z", "-c", "-i", *self.listing())
        found = split(self._ours.git.run(*command, env=env | {"GIT_INDEX_FILE": str(index)}, work_tree=True))
        return found - self.tracked() if found else found

    def forced(self) -> set[str]:
        """Return what the user's repository tracks although it is ignored. Raises WorkspaceError, OSError."""
        with self._theirs() as env:
            command = (*self.option, "ls-files", "-z", "-t", "-c", "-i", *self.listing())
            records = self._ours.git.run(*command, env=env, work_tree=True).split(b"\0") if env else []
        return {os.fsdecode(record[2:]) for record in records if record and not record.startswith(b"S")}

    def tracked(self) -> set[str]:
        """Return what the user's repository tracks, and has checked out. Raises WorkspaceError, OSError."""
        with self._theirs() as env:
            records = self._ours.git.run("ls-files", "-z", "-t", env=env).split(b"\0") if env else []
        return {os.fsdecode(record[2:]) for record in records if record and not record.startswith(b"S")}

    def of(self, paths: list[str]) -> set[str]:
        """Return those of *paths* that are ignored and not tracked by the user. Raises WorkspaceError, OSError."""
        if not paths:
            return set()
        with self._theirs() as found:
            return self._matching(paths, found)

    def matching(self, paths: list[str]) -> set[str]:
        """Return those of *paths* that the lists name, tracked or not. Raises WorkspaceError, OSError."""
        return self._matching(paths, {})

    def then(self, snapshot: str, paths: list[str]) -> set[str]:
        """Return those of *paths* that are ignored by the lists that *snapshot* has. Raises WorkspaceError, OSError."""
        aside = self._ours.own / "then"
        shutil.rmtree(aside, ignore_errors=True)  # of one who was killed
        private.make(aside)
        try:
            for record in self._ours.git.run("ls-tree", "-r", "-z", "--full-tree", snapshot).split(b"\0"):
                facts, _, name = record.partition(b"\t")
                if facts.startswith(b"100") and os.path.basename(name) == b".gitignore":
                    place = aside / os.fsdecode(name)
                    private.make(place.parent)
                    place.write_bytes(self._ours.git.run("cat-file", "blob", facts.decode().split(" ")[2]))
            env = {"GIT_WORK_TREE": str(aside), "GIT_INDEX_FILE": str(self._ours.own / "nothing"), "GIT_LITERAL_PATHSPECS": "0"}
            command = ("-C", str(aside), "check-ignore", "-z", "--stdin")
            return _ask(lambda names: self._ours.git.tell(*command, stdin=names, env=env, fine=(0, 1))[0], paths)
        finally:
            shutil.rmtree(aside, ignore_errors=True)

    def _matching(self, paths: list[str], index: dict[str, str]) -> set[str]:
        root = self._ours.root
        # git says nothing of what is beyond a symbolic link
        asked = [path for path in paths if not _is_beyond(root, path)]
        if not asked or not os.path.isdir(root):
            return set()
        command = (*self.option, "check-ignore", "-z", "--stdin")
        env = (index or {"GIT_INDEX_FILE": str(self._ours.own / "nothing")}) | {"GIT_LITERAL_PATHSPECS": "0"}
        return _ask(lambda names: self._ours.git.tell(*command, stdin=names, env=env, work_tree=True, fine=(0, 1))[0], asked)

    @contextmanager
    def _theirs(self) -> "Iterator[dict[str, str]]":
        """Give the environment in which git reads a copy of the user's index; empty where there is none."""
        copy = self._ours.own / "theirs"
        try:
            if self._user is None or not borrowing.copy_index(self._user, copy, self._ours.path):
                yield {}
            else:
                objects = quoted(str(self._user.common / "objects"))
                yield {"GIT_INDEX_FILE": str(copy), "GIT_ALTERNATE_OBJECT_DIRECTORIES": objects}
        finally:
            copy.unlink(missing_ok=True)


def split(said: bytes) -> set[str]:
    """Return the paths of a list that git wrote."""
    return {os.fsdecode(path) for path in said.split(b"\0") if path}


def joined(paths: "list[str]") -> bytes:
    """Return a list of paths as git reads it."""
    return os.fsencode("".join(f"{path}\0" for path in paths))


def _excludes_file(git: Git, settings: dict[str, str]) -> str:
    named = settings.get("core.excludesfile")
    if named is not None:
        return git.home + named[1:] if named.startswith("~/") else named
    base = git.env.get("XDG_CONFIG_HOME") or f"{git.home}/.config"
    return f"{base}/git/ignore"


def _read(path: str) -> bytes:
    with suppress(OSError):
        return Path(path).read_bytes() if os.path.isfile(path) else b""
    return b""


def _is_beyond(root: str, path: str) -> bool:
    above = os.path.dirname(f"{root}/{path}")
    return os.path.realpath(above) != os.path.join(os.path.realpath(root), os.path.dirname(path)).rstrip("/")


def _ask(ask: Callable[[bytes], bytes], paths: list[str]) -> set[str]:
    """Return what *ask* says of *paths*; one that git will not say anything of counts as ignored, so that it stays."""
    try:
        said = split(ask(joined([f"./{path}" for path in paths])))  # so that no path is taken for a pattern
        return {path.removeprefix("./") for path in said}
    except WorkspaceError:
        if len(paths) == 1:
            return set(paths)
        half = len(paths) // 2
        return _ask(ask, paths[:half]) | _ask(ask, paths[half:])
