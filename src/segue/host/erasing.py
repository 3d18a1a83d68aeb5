"""What lies beside the store, as places in which contents may stand: see `ports.erasing.Ground`.

Files of ours that are no logs (spools, emergency files, kept copies, texts left for agents) are blanked where they stand: as
long as before, so that what counts bytes in them still does. Git's repositories are rid of whole objects.
"""

import os
import stat
import tempfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO

from segue.core.errors import SegueError, WorkspaceError
from segue.core.log.needles import Needle
from segue.host import blanking
from segue.host.workspace.gitting import Git
from segue.host.workspace.repository import Repository
from segue.host.workspace.vault import Vault
from segue.ports.boxes import CLEAR, Boxes
from segue.ports.erasing import Left, Scan, Tell, untold
from segue.ports.mirror import Mirror, Mirroring

_CONFIGURATION = ("config.toml",)
"""The user's own: named, not changed."""


class HomeGround:
    """All files below the home of segue but for those of other grounds."""

    name = "beside the store"

    def __init__(self, home: Path, leave: Collection[Path], boxes: Boxes = CLEAR) -> None:
        """Name it, what others look after, and what its files are boxed with."""
        self._home, self._leave, self._boxes = home, {*leave}, boxes

    def purge(self, needle: Needle, tell: Tell = untold) -> int:
        """See `Ground.purge`."""
        done = 0
        for path in self._files():
            with suppress(FileNotFoundError, ValueError):  # of what cannot be opened the scan tells
                if path.name in _CONFIGURATION or not blanking.count(path, needle, self._boxes):
                    continue
                if path.suffix == ".gz":
                    path.unlink()
                else:
                    blanking.blank(path, needle, self._boxes)
                done += 1
        return done

    def scan(self, needle: Needle) -> Scan:
        """See `Ground.scan`."""
        number = size = 0
        left, unread = [], []
        for path in self._files():
            try:
                count = blanking.count(path, needle, self._boxes)
                number, size = number + 1, size + path.stat().st_size
            except FileNotFoundError:
                continue
            except OSError as e:
                unread.append(Left(str(path), 0, e.strerror or str(e)))
                continue
            except ValueError as e:
                unread.append(Left(str(path), 0, str(e)))
                continue
            if count:
                why = "it is the configuration: change it yourself" if path.name in _CONFIGURATION else ""
                left.append(Left(str(path), count, why))
        return Scan(number, size, left, unread)

    def _files(self) -> Iterator[Path]:
        for directory, names, others in os.walk(self._home):
            here = Path(directory)
            names[:] = sorted(name for name in names if here / name not in self._leave and not _is_store(here / name))
            for name in sorted(others):
                with suppress(OSError):
                    if stat.S_ISREG((here / name).lstat().st_mode):
                        yield here / name


class MirrorGround:
    """The mirror of the store: dropped as a whole, and made anew from the store, which knows what is erased."""

    name = "mirror"

    def __init__(self, mirror: Mirror, mirroring: Mirroring, env: Mapping[str, str]) -> None:
        """Name it."""
        self._mirror, self._mirroring, self._env = mirror, mirroring, env

    def purge(self, needle: Needle, tell: Tell = untold) -> int:
        """See `Ground.purge`."""
        if not self._mirror.exists:
            return 0
        self._mirror.drop()
        self._mirroring.run()
        return 1

    def scan(self, needle: Needle) -> Scan:
        """See `Ground.scan`."""
        return scan_repository(Path(self._mirror.place), needle, self._env) if self._mirror.exists else Scan(0, 0, [], [])


class SnapshotGround:
    """The snapshots of workspaces: those that hold something go, checkpoints that name them keep all else."""

    name = "workspace snapshots"

    def __init__(self, home: Path, env: Mapping[str, str], vault: Vault | None = None) -> None:
        """Name the home of segue, and the *vault* that its snapshots are in."""
        self._place, self._env = home.absolute() / "workspaces", env
        self._vault = vault or Vault(self._place)

    def purge(self, needle: Needle, tell: Tell = untold) -> int:
        """See `Ground.purge`."""
        with suppress(WorkspaceError), self._vault.opened(whole=True):  # where it cannot be opened, the scan says so
            return self._purge(needle, tell)
        return 0

    def scan(self, needle: Needle) -> Scan:
        """See `Ground.scan`."""
        try:
            with self._vault.opened(whole=True):
                return self._scan(self._vault.path, needle)
        except SegueError as e:
            return Scan(0, 0, [], [Left(str(self._place), 0, e.message)])

    def look(self, copy: Path, needle: Needle) -> Scan:
        """Look at a copy of such a repository, in the open or in boxes."""
        try:
            with self._vault.reading(copy) as place:
                if place is None:
                    return Scan(0, 0, [], [Left(str(copy), 0, "its key is not at hand")])
                seen = _scan_copy(place, needle, self._env)
        except (ValueError, SegueError) as e:
            return Scan(0, 0, [], [Left(str(copy), 0, str(e))])
        return _named(seen, place, copy)

    def _scan(self, path: Path, needle: Needle) -> Scan:
        seen = scan_repository(path, needle, self._env) if (path / "HEAD").exists() else Scan(0, 0, [], [])
        unread = [Left(str(one), 0, "its box is damaged, or its key is not at hand") for one in self._vault.closed]
        named = _named(seen, path, self._place)
        return Scan(named.files, named.bytes, named.left, [*named.unread, *unread])

    def _purge(self, needle: Needle, tell: Tell) -> int:
        path = self._vault.path
        repository = Repository(path, str(path), self._env, self._vault)
        if not repository.exists:
            return 0
        with repository.alone():
            found = {one for one, _ in _objects(path, needle, self._env)[0]}
            if not found:
                return 0
            refs = repository.git.run("for-each-ref", "--format=%(refname) %(objectname)", "refs/segue/").decode().splitlines()
            named: dict[str, set[str]] = {}
            for line in refs:
                ref, commit = line.split(" ")
                named.setdefault(commit, set()).add(ref)
            gone = {commit for commit in named if found & self._reached(repository, commit)}
            tell(gone)
            repository.forget(gone)
            left = "".join(f"delete {ref}\n" for commit in gone for ref in named[commit] if "/snapshots/" not in ref)
            repository.git.run("update-ref", "--stdin", stdin=left.encode())
            repository.git.run("repack", "-q", "-a", "-d", "-n", "--window=10")
            repository.git.run("prune", "--expire=now")
            if not repository.git.run("for-each-ref", "refs/").strip():  # git leaves the packs where there is no ref
                for one in (path / "objects" / "pack").iterdir():
                    one.unlink()
            return len(gone)

    def _reached(self, repository: Repository, commit: str) -> set[str]:
        told = repository.git.run("rev-list", "--objects", "--no-object-names", "--stdin", stdin=f"{commit}\n".encode())
        return {*told.decode().split()}


def scan_repository(path: Path, needle: Needle, env: Mapping[str, str]) -> Scan:
    """Look at every object of a repository of ours, opened, and at every byte of its files."""
    try:
        objects, number, size = _objects(path, needle, env)
    except SegueError as e:
        return Scan(0, 0, [], [Left(str(path), 0, e.message)])
    files = HomeGround(path, ()).scan(needle)
    left = [Left(f"{path}: object {one}", count) for one, count in objects]
    return Scan(number + files.files, size + files.bytes, [*left, *files.left], files.unread)


def _scan_copy(copy: Path, needle: Needle, env: Mapping[str, str]) -> Scan:
    """Look at a repository that was copied without what makes it one."""
    if not (copy / "objects").is_dir():
        return HomeGround(copy, ()).scan(needle)
    with tempfile.TemporaryDirectory(prefix="segue-") as place:
        for name in ("objects/info", "refs"):
            (Path(place) / name).mkdir(parents=True)
        (Path(place) / "HEAD").write_text("ref: refs/heads/none\n", encoding="utf-8")
        (Path(place) / "objects" / "info" / "alternates").write_text(f"{copy / 'objects'}\n", encoding="utf-8")
        objects, number, size = _objects(Path(place), needle, env)
    files = HomeGround(copy, ()).scan(needle)
    left = [Left(f"{copy}: object {one}", count) for one, count in objects]
    return Scan(number + files.files, size + files.bytes, [*left, *files.left], files.unread)


def _named(scan: Scan, path: Path, place: Path) -> Scan:
    """Return what was found at *path*, where something was opened for the moment, by where it lies."""
    left, unread = ([one._replace(where=one.where.replace(str(path), str(place), 1)) for one in found] for found in scan[2:])
    return Scan(scan.files, scan.bytes, left, unread)


def _objects(path: Path, needle: Needle, env: Mapping[str, str]) -> tuple[list[tuple[str, int]], int, int]:
    """Return the objects in which it stands and how often, how many objects there are, and how many bytes."""
    found, number, size = [], 0, 0
    command = ("cat-file", "--batch-all-objects", "--batch", "--buffer", "--unordered")
    with Git(path, str(path), env).talk(*command) as (stdin, stdout):
        stdin.close()
        while header := stdout.readline():
            name, _, length = header.decode().split()
            data = _exactly(stdout, int(length) + 1)[:-1]
            number, size = number + 1, size + len(data)
            if count := needle.count(data):
                found.append((name, count))
    return found, number, size


def _exactly(stream: IO[bytes], size: int) -> bytes:
    data = stream.read(size)
    while len(data) < size:
        more = stream.read(size - len(data))
        if not more:
            break
        data += more
    return data


def _is_store(path: Path) -> bool:
    """Return whether a directory is a store, this one or another, or was: each is erased in by itself."""
    return (path / "format.json").exists()
