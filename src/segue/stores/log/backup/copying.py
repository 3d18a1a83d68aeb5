"""Copying files of a store into a backup, and reading every byte back. What an earlier backup has is linked, not copied.

A link is to the earlier backup's file, never to the store's own: what damages one does not damage the other.
"""

import contextlib
import os
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from segue.core.errors import DamagedError
from segue.stores.log import files
from segue.stores.log.backup.manifest import Copied, Manifest, new_hash

CHUNK: Final = 1 << 20


class Copying:
    """Fills the directory of a backup."""

    def __init__(self, target: Path, before: tuple[Path, Manifest] | None) -> None:
        """Copy into *target*; *before* is the store of the earlier backup, and what is in it."""
        self.target = target
        self.files: dict[str, Copied] = {}
        self.linked: set[str] = set()
        self._root, self._known = (before[0], before[1].files) if before else (target, {})
        self._known_in = Counter(map(_folder, self._known))
        self._in: defaultdict[str, set[str]] = defaultdict(set)
        self._sources: dict[str, tuple[Path, int]] = {}
        self._directories: set[Path] = set()

    def take(self, source: Path, name: str, upto: int | None = None) -> None:
        """Copy the first *upto* bytes of *source* (or all) to *name*, or link what is the same. Raises FileNotFoundError."""
        fd = files.open_read(source)
        try:
            stat = os.fstat(fd)
            size = stat.st_size if upto is None else upto
            stamp = _stamp(stat) if stat.st_size == size else ""
            known = self._known.get(name)
            if known is not None and stamp and known.stamp == stamp and self._link(name):
                self._note(name, known)
                self.linked.add(name)
                self._sources[name] = (source, size)
            else:
                self._note(name, self._copy(fd, name, size, stamp))
        finally:
            os.close(fd)

    def take_same(self, below: str, sources: Mapping[str, Path]) -> bool:
        """Link the files of a log, if the earlier backup has just these, as they are now; else do nothing and return False."""
        if len(sources) != self._known_in[below] or not all(self._is_same(source, name) for name, source in sources.items()):
            return False
        for name, source in sources.items():
            self.take(source, name)
        if self.linked.issuperset(sources):
            return True
        self.drop(below)  # it has just been appended to: how far that is durable is to be asked first
        return False

    def put(self, data: bytes, name: str) -> None:
        """Write *data* to *name*."""
        self._make_room(name)
        fd = files.create(self.target / name)
        try:
            files.write_all(fd, data)
        finally:
            os.close(fd)
        digest = new_hash()
        digest.update(data)
        self._note(name, Copied(len(data), digest.hexdigest(), ""))

    def drop(self, below: str) -> None:
        """Take back what was copied of the log in the directory *below*."""
        for name in self._in.pop(below, ()):
            (self.target / name).unlink()
            del self.files[name]
            self.linked.discard(name)

    def unchanged(self, below: str) -> bool:
        """Return whether the earlier backup has the same files of the log in the directory *below*, no more and no fewer."""
        own = self._in[below]
        return own <= self.linked and len(own) == self._known_in[below]

    def lost(self, below: str) -> bool:
        """Return whether the earlier backup has a file below the directory *below* that is not there any more."""
        return any(name.startswith(below + "/") and name not in self.files for name in self._known)

    def read_back(self) -> None:
        """Make all files durable and compare every byte with what was copied. Raises DamagedError."""
        for name in sorted(self.files):
            if not is_whole(self.target / name, self.files[name], sync=name not in self.linked):
                self._again(name)
        for directory in sorted(self._directories):
            files.sync_dir(directory)

    @property
    def copied(self) -> int:
        """How many bytes no earlier backup had."""
        return sum(one.size for name, one in self.files.items() if name not in self.linked)

    def _again(self, name: str) -> None:
        """Copy what was linked to a file that is damaged; what was copied and does not read back is the disk's fault."""
        if name not in self.linked:
            raise DamagedError(f"backup file {name!r}", "it does not read back as it was written: the disk is not to be trusted")
        source, size = self._sources[name]
        (self.target / name).unlink()
        self.linked.discard(name)
        expected = self.files[name]
        try:
            self._take_plain(source, name, size)
        except FileNotFoundError as e:
            raise DamagedError(f"backup file {name!r}", "the earlier backup's is damaged, the store's has just changed") from e
        if self.files[name].hash != expected.hash or not is_whole(self.target / name, self.files[name], sync=True):
            raise DamagedError(f"file {name!r} of the store", "it was changed in its place, or its earlier backup was")

    def _take_plain(self, source: Path, name: str, size: int) -> None:
        """Copy without linking."""
        fd = files.open_read(source)
        try:
            self.files[name] = self._copy(fd, name, size, "")
        finally:
            os.close(fd)

    def _is_same(self, source: Path, name: str) -> bool:
        known = self._known.get(name)
        try:
            return known is not None and bool(known.stamp) and known.stamp == _stamp(source.lstat())
        except OSError:
            return False

    def _note(self, name: str, copied: Copied) -> None:
        self.files[name] = copied
        self._in[_folder(name)].add(name)

    def _link(self, name: str) -> bool:
        self._make_room(name)
        try:
            os.link(self._root / name, self.target / name, follow_symlinks=False)
        except OSError:  # gone, too many links, or a file system without any
            return False
        return True

    def _copy(self, fd: int, name: str, size: int, stamp: str) -> Copied:
        self._make_room(name)
        digest = new_hash()
        out = files.create(self.target / name)
        try:
            for chunk in _chunks(fd, size, name):
                digest.update(chunk)
                files.write_all(out, chunk)
        except BaseException:
            (self.target / name).unlink()
            raise
        finally:
            os.close(out)
        return Copied(size, digest.hexdigest(), stamp)

    def _make_room(self, name: str) -> None:
        directory = (self.target / name).parent
        missing = []
        while directory not in self._directories:
            missing.append(directory)
            self._directories.add(directory)
            if directory == self.target:
                break
            directory = directory.parent
        for one in reversed(missing):
            one.mkdir(mode=files.DIR_MODE, exist_ok=True)


def _folder(name: str) -> str:
    """Return the directory of the log that a file belongs to: `sessions/<id>`."""
    return "/".join(name.split("/", 2)[:2])


def _stamp(stat: os.stat_result) -> str:
    return f"{stat.st_ino}:{stat.st_size}:{stat.st_mtime_ns}"


def _chunks(fd: int, size: int, name: str) -> Iterator[bytes]:
    """Yield the first *size* bytes of a file. Raises DamagedError where it has fewer."""
    done = 0
    while done < size:
        chunk = os.pread(fd, min(CHUNK, size - done), done)
        if not chunk:
            raise DamagedError(f"file {name!r} of the store", f"it has {done} bytes, {size} were there")
        yield chunk
        done += len(chunk)


def is_whole(path: Path, expected: Copied, *, sync: bool = False) -> bool:
    """Return whether the bytes of *path* are those that were copied; *sync*: make them durable first."""
    try:
        fd = files.open_read(path)
    except OSError:
        return False
    try:
        if os.fstat(fd).st_size != expected.size:
            return False
        if sync:
            os.fsync(fd)
        if hasattr(os, "posix_fadvise"):
            with contextlib.suppress(OSError):
                os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)  # what is in memory says nothing of the disk
        digest, done = new_hash(), 0
        while chunk := os.pread(fd, CHUNK, done):
            digest.update(chunk)
            done += len(chunk)
        return bool(digest.hexdigest() == expected.hash)
    except OSError:
        return False
    finally:
        os.close(fd)
