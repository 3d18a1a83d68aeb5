"""The files of a folder: which there are, what is in them, and how one is replaced without losing what its author writes.

A path is walked from the folder on, one directory after another; no symbolic link in it is followed, so nothing outside is
read or written whatever happens meanwhile.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final, NamedTuple

from segue.core.errors import ChangedError, ExistsError
from segue.core.library.notes import SUFFIXES
from segue.host.beside import is_gone
from segue.host.workspace.files import exchange

MOST_NOTES: Final = 200_000
DEEPEST: Final = 40
LARGEST: Final = 1 << 20
"""Bytes of a note that are read; what is behind them is not searched, and said to be there."""
_PASSED: Final = frozenset({"node_modules", "__pycache__"})
_MOST_LEFT: Final = 1_000


class Seen(NamedTuple):
    """A file as a look found it."""

    path: str
    stamp: str
    """Changes when the file does."""
    size: int
    mtime: float


def stamp_of(found: os.stat_result) -> str:
    """Return what changes when the file does."""
    return f"{found.st_mtime_ns:x} {found.st_size:x} {found.st_ino:x} {found.st_ctime_ns:x}"


def look(folder: str) -> tuple[list[Seen], list[tuple[str, str]]]:
    """Return the notes below *folder* by path, and what was left out and why. Hidden directories are not looked into."""
    found: list[Seen] = []
    left: list[tuple[str, str]] = []
    stack = [("", 0)]
    while stack:
        place, depth = stack.pop()
        try:
            entries = sorted(os.scandir(f"{folder}/{place}"), key=lambda e: e.name)
        except OSError as e:
            if place or not isinstance(e, FileNotFoundError):
                left.append((place or ".", e.strerror or "it cannot be read"))
            continue
        for entry in entries:
            path = f"{place}/{entry.name}" if place else entry.name
            if entry.name.startswith(".") or entry.name in _PASSED:
                continue
            with suppress(OSError):  # gone meanwhile
                why = _sort(entry, path, depth, found, stack)
                if why:
                    left.append((os.fsencode(path).decode("utf-8", "replace"), why))
        if len(found) > MOST_NOTES:
            left.append((".", f"more than {MOST_NOTES:,} notes: the others are passed over"))
            break
    return sorted(found[:MOST_NOTES]), left[:_MOST_LEFT]


def _sort(entry: "os.DirEntry[str]", path: str, depth: int, found: list[Seen], stack: list[tuple[str, int]]) -> str:
    """Put an entry where it belongs; return why it is left out, where one should know."""
    if entry.is_symlink():
        is_note = entry.name.lower().endswith(SUFFIXES) or entry.is_dir()
        return "a symbolic link: it is not followed" if is_note else ""
    if not path.isprintable() and any("\ud800" <= c <= "\udfff" for c in path):
        return "its name is no UTF-8"
    if entry.is_dir():
        if depth >= DEEPEST:
            return f"more than {DEEPEST} directories deep"
        stack.append((path, depth + 1))
    elif entry.name.lower().endswith(SUFFIXES):
        if not entry.is_file():
            return "no regular file"
        known = entry.stat(follow_symlinks=False)
        found.append(Seen(path, stamp_of(known), known.st_size, known.st_mtime))
    return ""


@contextmanager
def directory_of(folder: str, path: str, *, make: bool = False) -> Iterator[tuple[int, str]]:
    """Give the directory of *path* below *folder*, open, and the last part of the name. Raises OSError."""
    *above, name = path.split("/")
    if any(part in {"", ".", ".."} or "\0" in part for part in (*above, name)):
        raise FileNotFoundError(2, "no path within the folder", path)
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in above:
            if make:
                with suppress(FileExistsError):
                    os.mkdir(part, 0o755, dir_fd=fd)
                    os.fsync(fd)
            inner = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=fd)
            os.close(fd)
            fd = inner
        yield fd, name
    finally:
        os.close(fd)


def read(folder: str, path: str, limit: int = LARGEST) -> tuple[bytes, os.stat_result]:
    """Return the first *limit* bytes of a file and one more if there are more, and its state. Raises OSError."""
    with directory_of(folder, path) as (directory, name):
        return _read(directory, name, limit)


def _read(directory: int, name: str, limit: int) -> tuple[bytes, os.stat_result]:
    fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=directory)
    with os.fdopen(fd, "rb", buffering=0) as file:
        known = os.fstat(fd)
        if not stat.S_ISREG(known.st_mode):
            raise OSError(22, "no regular file", name)
        parts, left = [], limit + 1
        while left and (part := file.read(left)):
            parts.append(part)
            left -= len(part)
        return b"".join(parts), known


def create(folder: str, path: str, data: bytes) -> None:
    """Make a file below *folder*, durably; directories that are missing are made. Raises ExistsError, OSError."""
    with directory_of(folder, path, make=True) as (directory, name):
        temporary = _temporary(directory, name, data, 0o644)
        try:
            os.link(temporary, name, src_dir_fd=directory, dst_dir_fd=directory, follow_symlinks=False)
        except FileExistsError:
            raise ExistsError("note", path) from None
        finally:
            os.unlink(temporary, dir_fd=directory)
        os.fsync(directory)


def replace(folder: str, path: str, before: bytes, after: bytes) -> None:
    """Replace what is in a file, which was *before*, by *after*: durable, whole or not at all, its mode kept.

    The new file takes the place of the old one in one step, and only then the old one is compared: an edit that its author saved
    in the last moment is seen, and put back.

    Raises:
        ChangedError: somebody else wrote it; what he wrote is there.
        OSError: it cannot be written.
    """
    with directory_of(folder, path) as (directory, name):
        found, known = _read(directory, name, len(before))
        if found != before:
            raise ChangedError(path)
        temporary = _temporary(directory, name, after, stat.S_IMODE(known.st_mode))
        try:
            exchange(directory, temporary, name)
            try:
                same = _read(directory, temporary, len(before))[0] == before
            except OSError:
                same = False  # it became something else: a link, a directory
            if not same:
                exchange(directory, temporary, name)
                raise ChangedError(path)
        finally:
            with suppress(OSError):
                os.unlink(temporary, dir_fd=directory)
        os.fsync(directory)


def _temporary(directory: int, name: str, data: bytes, mode: int) -> str:
    """Write a file beside *name*, durably, and return what it is called; those that killed processes left are removed."""
    begin = f".{name[:60]}.segue-"
    for other in os.listdir(directory):
        if other.startswith(begin) and is_gone(other[len(begin) :]):
            with suppress(OSError):
                os.unlink(other, dir_fd=directory)
    temporary = f"{begin}{os.getpid()}"
    with suppress(FileNotFoundError):
        os.unlink(temporary, dir_fd=directory)
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=directory)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(data)
            os.fchmod(fd, mode)
            file.flush()
            os.fsync(fd)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary, dir_fd=directory)
        raise
    return temporary
