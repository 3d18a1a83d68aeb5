"""File operations whose order and completeness everything rests on.

Files are made with O_EXCL and 0600, directories 0700, symbolic links are not followed. A name is durable only when its
directory is synced. `write` may write less than asked, without an error, when the disk is full.
"""

import errno
import functools
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import ParamSpec, TypeVar

from segue.core.errors import OutcomeUnknownError, SegueError, StorageFullError, StoreUnusableError

FILE_MODE = 0o600
DIR_MODE = 0o700
_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)
_CLOEXEC = getattr(os, "O_CLOEXEC", 0)
_BINARY = getattr(os, "O_BINARY", 0)
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_CLOSED = {errno.EACCES, errno.EPERM, errno.EROFS}

Sync = Callable[[int], None]
_P = ParamSpec("_P")
_R = TypeVar("_R")


def refusal(what: str, error: OSError) -> SegueError:
    """Return the error of ours that says what the system's *error* means for *what*."""
    reason = (error.strerror or str(error)).lower()
    if error.errno in _FULL:
        return StorageFullError(f"{what} cannot be stored: {reason}")
    if error.errno in _CLOSED:
        return StoreUnusableError(f"{what} cannot be stored: {reason}", hint="see who may write to the store: segue doctor")
    return OutcomeUnknownError(f"{what} is unconfirmed: the disk reports {reason}", hint="do the same again, with the same keys")


def promised(method: Callable[_P, _R]) -> Callable[_P, _R]:
    """Let nothing of the system's leak: what it refuses is an error of ours."""

    @functools.wraps(method)
    def call(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        try:
            return method(*args, **kwargs)
        except OSError as e:
            raise refusal(repr(method.__name__), e) from e

    return call


def told(call: Callable[[], _R], what: str) -> _R | SegueError:
    """Return what *call* returns, or the error of ours that it raises, or that says what the system refused."""
    try:
        return call()
    except SegueError as e:
        return e
    except OSError as e:
        error = refusal(repr(what), e)
        error.__cause__ = e
        return error


def system_sync(fd: int) -> None:
    """Return when what was written to *fd* is on the disk, not only in its cache (macOS: F_FULLFSYNC)."""
    if sys.platform == "darwin":
        import fcntl

        try:
            fcntl.fcntl(fd, fcntl.F_FULLFSYNC)
        except OSError:  # not every file system has it
            os.fsync(fd)
    elif hasattr(os, "fdatasync"):
        os.fdatasync(fd)
    else:
        os.fsync(fd)


def open_read(path: Path) -> int:
    """Return a descriptor for reading."""
    return os.open(path, os.O_RDONLY | _NO_FOLLOW | _CLOEXEC | _BINARY)


def open_append(path: Path) -> int:
    """Return a descriptor for reading and appending to an existing file."""
    return os.open(path, os.O_RDWR | os.O_APPEND | _NO_FOLLOW | _CLOEXEC | _BINARY)


def open_or_create(path: Path) -> int:
    """Return a descriptor for reading and appending; the file is made where it is missing."""
    return os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | _NO_FOLLOW | _CLOEXEC | _BINARY, FILE_MODE)


def create(path: Path) -> int:
    """Return a descriptor of a new file. Raises FileExistsError."""
    return os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL | _NO_FOLLOW | _CLOEXEC | _BINARY, FILE_MODE)


def sizes(directory: Path) -> dict[str, int]:
    """Return the size of each file in *directory*, temporary ones left out; a file that is gone by the time it is asked is too.

    Raises:
        FileNotFoundError: the directory itself is not there.
    """
    found = {}
    with os.scandir(directory) as entries:
        for entry in entries:
            with suppress(FileNotFoundError):
                if not entry.name.startswith(".") and entry.is_file(follow_symlinks=False):
                    found[entry.name] = entry.stat(follow_symlinks=False).st_size
    return found


def size(path: Path) -> int:
    """Return the size of a file, 0 where it is not there (any more)."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def make_dir(path: Path) -> bool:
    """Make a directory, its name durable; return whether it is new."""
    try:
        path.mkdir(mode=DIR_MODE)
    except FileExistsError:
        return False
    sync_dir(path.parent)
    return True


def sync_dir(path: Path) -> None:
    """Make the names in a directory durable."""
    if os.name == "nt":
        return
    fd = os.open(path, os.O_RDONLY | _CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def write_all(fd: int, data: bytes) -> None:
    """Write all of *data*, however often `write` takes less.

    Raises:
        StorageFullError: there is no room; some of *data* may have been written.
    """
    written = 0
    try:
        while written < len(data):
            written += os.write(fd, memoryview(data)[written:] if written else data)
    except OSError as e:
        if e.errno in _FULL:
            raise StorageFullError(f"event cannot be stored: {os.strerror(e.errno or 0).lower()}") from e
        raise


def read_all(fd: int, start: int = 0, end: int | None = None) -> bytes:
    """Return the bytes of *fd* from *start* to *end* (or the end of the file), fewer only where the file is shorter."""
    stop = os.fstat(fd).st_size if end is None else end
    chunks = []
    while start < stop:
        chunk = os.pread(fd, stop - start, start)
        if not chunk:
            break
        chunks.append(chunk)
        start += len(chunk)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def read_file(path: Path) -> bytes:
    """Return a file's bytes; a symbolic link is refused."""
    fd = open_read(path)
    try:
        return read_all(fd)
    finally:
        os.close(fd)


def replace(path: Path, data: bytes, *, durable: bool = True) -> None:
    """Give *path* the content *data*, all or nothing; *durable*: it is on disk, name included, on return."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    fd = create(temporary)
    try:
        write_all(fd, data)
        if durable:
            os.fsync(fd)
        os.close(fd)
        fd = -1
        os.replace(temporary, path)
        if durable:
            sync_dir(path.parent)
    except BaseException:
        if fd >= 0:
            os.close(fd)
        temporary.unlink(missing_ok=True)
        raise
