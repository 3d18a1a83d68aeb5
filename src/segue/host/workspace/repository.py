"""The repository of snapshots: one for all workspaces, beside the store, with nothing in it but what snapshots need.

    config HEAD objects/ refs/     a bare repository, as git wants it
    segue/lock                     shared by those who add, alone for him who takes away
    segue/<workspace>/             index, last.json, restoring.json, lock, and what is just being made

Objects of a snapshot are written aside first and come in as one synced pack, so that nothing half written is ever in here.
A snapshot is a commit without parents under `refs/segue/snapshots/`; the latest one of each workspace is also under
`refs/segue/latest/`, because the index of the workspace relies on its objects.
"""

import fcntl
import json
import os
import re
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

from segue.core.errors import NotFoundError, WorkspaceError
from segue.host import private
from segue.host.workspace.gitting import Git
from segue.host.workspace.sweeping import sweep
from segue.host.workspace.vault import Vault
from segue.ports.workspace import LeftOut, WorkspaceSnapshot

_CONFIG: Final = """\
[core]
	repositoryformatversion = 0
	bare = true
	filemode = true
	symlinks = true
	ignorecase = false
	logallrefupdates = false
	fsmonitor = false
	untrackedCache = false
	splitIndex = false
	autocrlf = false
	safecrlf = false
	hooksPath = /dev/null
	attributesFile = /dev/null
	compression = 1
[gc]
	auto = 0
[maintenance]
	auto = false
[pack]
	writeBitmapHashCache = false
[advice]
	detachedHead = false
"""  # fmt: skip
_ATTRIBUTES: Final = "* -text -crlf !eol -ident -filter !working-tree-encoding !diff !merge !export-subst\n"
_PASSING: Final = ("index.new", "index.new.lock", "theirs")
"""Files of a workspace that last as long as the work on it."""
SNAPSHOTS: Final = "refs/segue/snapshots/"
_LATEST: Final = "refs/segue/latest/"
INDEX_VERSION: Final = ("--index-version", "4")
"""Names share their beginnings: of 50,000 files it is a third smaller, and git reads and writes all of it each time."""
_TITLE: Final = "segue workspace snapshot\n\n"
_WAIT: Final = 120.0
_MOST_PACKS: Final = 40


class Repository:
    """The repository of snapshots, seen from one workspace."""

    def __init__(self, path: Path, root: str, env: Mapping[str, str], vault: Vault | None = None) -> None:
        """Work with the repository at *path*, made when it is needed, for the workspace *root* of a user with *env*.

        With *vault* it is that one's, and worked with while that is `opened`.
        """
        self.vault = vault or Vault(path)
        self.home = path.parent
        """The home of segue."""
        path = self.vault.path
        self.path = path
        self.root = root
        self.git = Git(path, root, env)
        self.own = path / "segue" / blake2b(os.fsencode(root), digest_size=10).hexdigest()
        """Where this workspace has its own files."""

    @contextmanager
    def held(self, *, wait: bool = True) -> Iterator[None]:
        """Keep others from working on this workspace, and everybody from taking objects away. Raises WorkspaceError."""
        self._make()
        with suppress(WorkspaceError), self._lock(self._all, fcntl.LOCK_EX, wait=False):
            sweep(self.path)  # where nobody else is at work
        with self._lock(self.own / "lock", fcntl.LOCK_EX, wait=wait), self._lock(self._all, fcntl.LOCK_SH, wait=wait):
            self._clear()  # what was left by one who was killed
            try:
                yield
            finally:
                self._clear()

    def _clear(self) -> None:
        shutil.rmtree(self.incoming, ignore_errors=True)
        for name in _PASSING:
            (self.own / name).unlink(missing_ok=True)

    @contextmanager
    def adding(self) -> Iterator[None]:
        """Keep everybody from taking objects away. Raises WorkspaceError."""
        self._make()
        with self._lock(self._all, fcntl.LOCK_SH, wait=True):
            yield

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep everybody from working with the repository, which is there. Raises WorkspaceError."""
        with self._lock(self._all, fcntl.LOCK_EX, wait=True):
            sweep(self.path)
            try:
                yield
            finally:
                sweep(self.path)  # git leaves what it could not take away

    @property
    def incoming(self) -> Path:
        """Where objects are written aside."""
        return self.own / "incoming"

    @property
    def exists(self) -> bool:
        """Whether there was ever a snapshot."""
        return (self.path / "HEAD").exists()

    def aside(self) -> dict[str, str]:
        """Return the environment with which git writes objects aside."""
        private.make(self.incoming / "pack")
        known = str(self.path / "objects")
        return {"GIT_OBJECT_DIRECTORY": str(self.incoming), "GIT_ALTERNATE_OBJECT_DIRECTORIES": quoted(known)}

    def bring_in(self) -> None:
        """Take what was written aside, durably. Raises WorkspaceError."""
        objects = [
            above.name + one.name
            for above in self.incoming.iterdir()
            if len(above.name) == 2
            for one in above.iterdir()
            if len(one.name) == 38
        ]
        if objects:
            self.pack(objects, self.aside())
        shutil.rmtree(self.incoming, ignore_errors=True)

    def pack(self, objects: Iterable[str], env: dict[str, str], *, window: int = 10) -> None:
        """Write *objects* as a pack, durably; *env* says where git finds them. Raises WorkspaceError."""
        place = self.path / "objects" / "pack"
        wanted = "".join(f"{one}\n" for one in objects).encode()
        options = ("-q", "--non-empty", f"--window={window}", "--threads=1")
        unsynced = ("-c", "core.fsync=none")  # that is done here, once
        name = self.git.run(*unsynced, "pack-objects", *options, str(place / "pack"), stdin=wanted, env=env).decode().strip()
        if name:
            for suffix in (".pack", ".idx"):
                sync(place / f"pack-{name}{suffix}")
            sync(place)

    def commit(self, tree: str, facts: dict[str, Any], at: float) -> str:
        """Return a new commit of *tree*, written aside. Raises WorkspaceError."""
        who = f"segue <segue> {int(at)} +0000"
        text = f"tree {tree}\nauthor {who}\ncommitter {who}\n\n{_TITLE}{json.dumps(facts, separators=(',', ':'))}"
        # not by commit-tree, which reads the tree: it may be in a pack that is hollow
        command = ("hash-object", "-t", "commit", "-w", "--stdin")
        return self.git.run(*command, stdin=text.encode(), env=self.aside()).decode().strip()

    def name(self, commit: str, *, keep: bool) -> None:
        """Make *commit* the latest of this workspace; with *keep* it is a snapshot, durably, until it is forgotten.

        That it is the latest need not outlive a power loss: where the index relies on what is gone it is begun anew.
        """
        latest, kept = _LATEST + self.own.name, SNAPSHOTS + commit
        refs = [latest, *([kept] if keep else [])]
        self.git.run("update-ref", "--stdin", stdin="".join(f"update {ref} {commit}\n" for ref in refs).encode())
        sync(self.path / latest)  # never an empty file
        if keep:
            sync(self.path / kept)
            sync((self.path / kept).parent)

    def lacking(self, commits: Iterable[str]) -> list[str]:
        """Return those of *commits* that are no snapshots here. Raises WorkspaceError."""
        refs = set(self.git.run("for-each-ref", "--format=%(refname)", SNAPSHOTS).decode().split())
        return sorted(commit for commit in set(commits) if SNAPSHOTS + commit not in refs)

    def give_names(self, commits: Iterable[str]) -> None:
        """Make *commits*, whose objects are here, snapshots, durably. Raises WorkspaceError."""
        commits = list(commits)
        if not commits:
            return
        lines = "".join(f"update {SNAPSHOTS}{commit} {commit}\n" for commit in commits)
        self.git.run("update-ref", "--stdin", stdin=lines.encode())
        for commit in commits:
            sync(self.path / SNAPSHOTS / commit)
        sync(self.path / SNAPSHOTS)

    def broken(self, commits: Iterable[str], *, every_byte: bool = False) -> dict[str, str]:
        """Return those of *commits* of which something is not there or, with *every_byte*, not as it was written; and why.

        Raises WorkspaceError.
        """
        wanted = sorted(set(commits))
        bad = self._corrupt() if every_byte else set()
        if not wanted or (not bad and self._reason_against(wanted) is None):
            return {}
        found = {}
        for commit in wanted:
            reason = self._reason_against([commit])
            if reason is None and bad & self._objects([commit]):
                reason = "an object of it is not as it was written"
            if reason is not None:
                found[commit] = reason
        return found

    def _reason_against(self, commits: list[str]) -> str | None:
        try:
            self.git.run("rev-list", "--objects", "--quiet", "--stdin", stdin="".join(f"{c}\n" for c in commits).encode())
        except WorkspaceError as e:
            return str(e.fields["reason"])
        return None

    def _corrupt(self) -> set[bytes]:
        """Return the objects that are not as they were written."""
        said, complaints = self.git.tell("fsck", "--full", "--no-dangling", "--no-progress", fine=tuple(range(256)))
        return set(re.findall(rb"\b[0-9a-f]{40}\b", said + complaints))

    def get(self, commit: str) -> WorkspaceSnapshot:
        """Return a snapshot. Raises NotFoundError, WorkspaceError."""
        if not _is_id(commit) or not self.exists:
            raise NotFoundError("workspace snapshot", commit)
        try:
            text = self.git.run("cat-file", "commit", commit).decode("utf-8", "replace")
        except WorkspaceError:
            self.git.run("version")  # is it git itself?
            raise NotFoundError("workspace snapshot", commit) from None
        head, _, message = text.partition("\n\n")
        if not message.startswith(_TITLE):
            raise NotFoundError("workspace snapshot", commit)
        facts = json.loads(message.removeprefix(_TITLE))
        return WorkspaceSnapshot(
            id=commit,
            tree=head.split(maxsplit=2)[1],
            root=facts["root"],
            at=facts["at"],
            left_out=[LeftOut(*one) for one in facts["left_out"]],
            more=facts["more"],
            changing=tuple(facts["changing"]),
            sparse=facts["sparse"],
            full=facts["full"],
        )

    def tidy(self) -> None:
        """Join packs where there are many. Raises WorkspaceError."""
        if sum(one.name.endswith(".pack") for one in (self.path / "objects" / "pack").iterdir()) > _MOST_PACKS:
            self.vault.fill()
            self.git.run("repack", "-q", "-d", "-n", "--geometric=2")

    def forget(self, commits: Iterable[str]) -> tuple[int, set[str]]:
        """Let snapshots go, and what only they had, while the repository is held `alone`. Raises WorkspaceError.

        Return the bytes that this freed, and those that stay because an interrupted restore relies on them.
        """
        wanted, held = set(commits), self._restoring()
        known = set(self.git.run("for-each-ref", "--format=%(refname)", SNAPSHOTS).decode().split())
        gone = [SNAPSHOTS + commit for commit in sorted(wanted - held) if SNAPSHOTS + commit in known]
        if not gone:
            return 0, wanted & held
        before = self._size()
        self.git.run("update-ref", "--stdin", stdin="".join(f"delete {ref}\n" for ref in gone).encode())
        self.git.run("pack-refs", "--all")
        self.git.run("repack", "-q", "-a", "-d", "-n", "--window=10")
        self.git.run("prune", "--expire=now")
        for shared in self.path.glob("sharedindex.*"):  # copies, for the time of a look at an index of the user's
            shared.unlink()
        return max(0, before - self._size()), wanted & held

    def size_of(self, commits: Iterable[str]) -> int:
        """Return the bytes on the disk that only *commits* have. Raises WorkspaceError."""
        said = self.git.run("for-each-ref", "--format=%(refname) %(objectname)", "refs/segue/").decode().splitlines()
        refs = dict(line.split(" ") for line in said)
        gone = set(commits) & {commit for ref, commit in refs.items() if ref.startswith(SNAPSHOTS)}
        stay = {commit for ref, commit in refs.items() if not (ref.startswith(SNAPSHOTS) and commit in gone)}
        only = self._objects(gone) - self._objects(stay)
        if not only:
            return 0
        command = ("cat-file", "--batch-check=%(objectsize:disk)", "--buffer")
        return sum(map(int, self.git.run(*command, stdin=b"\n".join(sorted(only)) + b"\n").split()))

    def _objects(self, commits: Iterable[str]) -> set[bytes]:
        wanted = "".join(f"{one}\n" for one in commits).encode()
        return (
            set(self.git.run("rev-list", "--objects", "--no-object-names", "--stdin", stdin=wanted).split()) if wanted else set()
        )

    def _restoring(self) -> set[str]:
        """Return the snapshots that interrupted restores rely on; one whose record cannot be read relies on who knows which."""
        found = set[str]()
        for record in (self.path / "segue").glob("*/restoring.json"):
            try:
                said = json.loads(record.read_bytes())
                found |= {said["target"], said["before"]}
            except FileNotFoundError:
                continue
            except (OSError, ValueError, KeyError, TypeError) as e:
                raise WorkspaceError(self.root, f"the record of an interrupted restore cannot be read: {e}") from e
        return found

    def _size(self) -> int:
        return private.bytes_below(self.path / "objects")

    @property
    def _all(self) -> Path:
        return self.path / "segue" / "lock"

    def _make(self) -> None:
        """Make the repository where there is none. It is written by hand: no template of anybody's gets into it."""
        try:
            private.make(self.own)
            if self.exists:
                return
            with self._lock(self._all, fcntl.LOCK_EX, wait=True):
                for name in ("objects/pack", "objects/info", "refs/heads", "refs/segue", "info"):
                    private.make(self.path / name)
                write(self.path / "config", _CONFIG.encode())
                write(self.path / "info" / "attributes", _ATTRIBUTES.encode())
                write(self.path / "HEAD", b"ref: refs/heads/none\n")
        except OSError as e:
            raise WorkspaceError(self.root, f"{str(self.path)!r} cannot be written: {e}") from e

    @contextmanager
    def _lock(self, path: Path, how: int, *, wait: bool) -> Iterator[None]:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            until = time.monotonic() + _WAIT
            while True:
                with suppress(BlockingIOError):
                    fcntl.flock(descriptor, how | fcntl.LOCK_NB)
                    break
                if not wait or time.monotonic() > until:
                    raise WorkspaceError(self.root, "another process is at work on its snapshots", hint="try again")
                time.sleep(0.02)
            yield
        finally:
            os.close(descriptor)


def _is_id(text: str) -> bool:
    return len(text) == 40 and all(c in "0123456789abcdef" for c in text)


def quoted(path: str) -> str:
    """Return a path as one entry of GIT_ALTERNATE_OBJECT_DIRECTORIES, whatever it has in it."""
    escaped = path.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def write(path: Path, data: bytes, *, durably: bool = True) -> None:
    """Write a file of ours at once. What is not written *durably* may be empty after a power loss. Raises OSError."""
    private.replace(path, path.with_name(f".{path.name}.{os.getpid()}"), (data,), durably=durably)
    if durably:
        sync(path.parent)


def sync(path: Path) -> None:
    """Bring a file or directory to the disk. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
