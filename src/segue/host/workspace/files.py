"""Changing files below a directory: each at once, durably, and never through a symbolic link.

What is replaced or deleted is first moved aside in one step, then compared with what was expected there, and moved back where it
is something else: an edit made in that very moment is not lost.
"""

import ctypes
import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from hashlib import sha1
from typing import Final

from segue.ports.workspace import Entry, Obstacle

OURS: Final = ".segue-restore~"
"""How the names of files begin that a restore has beside others while it is at work."""

FILE: Final = "100644"
EXECUTABLE: Final = "100755"
LINK: Final = "120000"
OTHER: Final = Entry("", "")
"""Something that is neither a file nor a symbolic link."""

_CHUNK: Final = 1 << 20
_DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NO_REPLACE: Final = 1
_EXCHANGE: Final = 2

Content = Callable[[Entry, Callable[[bytes], object]], None]
"""Gives the bytes of an entry, in chunks."""


class Blocked(Exception):  # noqa: N818 - not an error: it becomes part of what is answered
    """A file was left as it is."""

    def __init__(self, why: Obstacle, detail: str = "") -> None:
        """Say why."""
        super().__init__(why)
        self.why: Obstacle = why
        self.detail = detail


class _NoDirectoryError(Blocked):
    """A step of the way to a file is no directory."""


class Files:
    """The files below a directory."""

    def __init__(self, root: str) -> None:
        """Work below *root*."""
        self._root = root
        self._changed: set[str] = set()

    def now(self, path: str) -> Entry | None:
        """Return what is there; None where there is nothing. Raises Blocked, OSError."""
        try:
            with self._above(path) as (directory, name):
                return look(directory, name)
        except FileNotFoundError:
            return None

    def put(self, path: str, old: Entry | None, new: Entry, content: Content, number: int) -> bool:
        """Make *path* what *new* says where it is *old* still; False: it is *new* already. Raises Blocked, OSError."""
        with self._above(path, make=True) as (directory, name):
            found = look(directory, name)
            if found == new:
                return False
            if found == OTHER and _clear(directory, name):
                found = None
            if found != old:
                raise Blocked("in-the-way" if found == OTHER else "changed")
            aside = f"{OURS}{number}"
            self._changed.add(os.path.dirname(path))
            try:
                _make(directory, aside, new, content, like=name)
                if old is None:
                    _move_in(directory, aside, name)
                else:
                    _exchange_in(directory, aside, name, old, new)
            except OSError:
                _discard(directory, aside, (new,))
                raise
            return True

    def take_away(self, path: str, old: Entry, number: int) -> bool:
        """Delete *path* where it is *old* still; False: there is no such file already. Raises Blocked, OSError."""
        try:
            with self._above(path) as (directory, name):
                found = look(directory, name)
                if found is None or (found == OTHER and _is_directory(directory, name)):
                    return False
                if found != old:
                    raise Blocked("in-the-way" if found == OTHER else "changed")
                aside = f"{OURS}{number}"
                os.rename(name, aside, src_dir_fd=directory, dst_dir_fd=directory)
                self._changed.add(os.path.dirname(path))
                if look(directory, aside) != old:
                    _give_back(directory, aside, name)
                    raise Blocked("changed")
                os.unlink(aside, dir_fd=directory)
                return True
        except (FileNotFoundError, _NoDirectoryError):
            return False

    def prune(self, path: str) -> None:
        """Remove the directories above *path*, below the root, that are empty."""
        above = os.path.dirname(path)
        while above:
            try:
                with self._above(above) as (directory, name):
                    os.rmdir(name, dir_fd=directory)
            except (OSError, Blocked):
                return
            self._changed.discard(above)
            above = os.path.dirname(above)
            self._changed.add(above)

    def recover(self, path: str, known: tuple[Entry | None, ...], number: int) -> None:
        """Take away what a killed restore left aside of *path*; somebody's edit goes back to its place.

        Raises Blocked where another one is in its place, and it got a name of its own; OSError.
        """
        with suppress(FileNotFoundError, _NoDirectoryError), self._above(path) as (directory, name):
            aside = f"{OURS}{number}"
            with suppress(FileNotFoundError):
                os.unlink(f"{aside}.part", dir_fd=directory)
            found = look(directory, aside)
            if found is None:
                return
            if found in known:
                os.unlink(aside, dir_fd=directory)
            elif look(directory, name) in known:
                _take_back(directory, aside, name, known)
            else:
                _give_back(directory, aside, name)

    def sync(self) -> None:
        """Bring to the disk what was done to directories. Raises OSError."""
        for directory in self._changed:
            with suppress(FileNotFoundError, Blocked), self._above(f"{directory}/." if directory else ".") as (descriptor, _):
                os.fsync(descriptor)
        self._changed.clear()

    @contextmanager
    def _above(self, path: str, *, make: bool = False) -> Iterator[tuple[int, str]]:
        """Give the directory that *path* is in, and its name there. No step of the way is through a symbolic link."""
        *above, name = path.split("/")
        if any(step.lower() in {"", "..", ".git"} for step in (*above, name)):
            raise Blocked("in-the-way", "no such name is written")
        descriptor = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for step in above:
                below = _enter(descriptor, step, make=make)
                os.close(descriptor)
                descriptor = below
            yield descriptor, name
        finally:
            os.close(descriptor)


def look(directory: int, name: str) -> Entry | None:
    """Return the entry that a file would be in a snapshot; None where there is nothing. Raises OSError."""
    try:
        found = os.stat(name, dir_fd=directory, follow_symlinks=False)
        if stat.S_ISLNK(found.st_mode):
            target = os.fsencode(os.readlink(name, dir_fd=directory))
            return Entry(LINK, sha1(b"blob %d\0%s" % (len(target), target), usedforsecurity=False).hexdigest())
        if not stat.S_ISREG(found.st_mode):
            return OTHER
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=directory)
    except FileNotFoundError:
        return None
    with open(descriptor, "rb", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        said = sha1(b"blob %d\0" % size, usedforsecurity=False)
        while data := file.read(_CHUNK):
            said.update(data)
    return Entry(EXECUTABLE if found.st_mode & stat.S_IXUSR else FILE, said.hexdigest())


def _enter(directory: int, step: str, *, make: bool) -> int:
    try:
        return os.open(step, _DIRECTORY, dir_fd=directory)
    except FileNotFoundError:
        if not make:
            raise
        with suppress(FileExistsError):
            os.mkdir(step, dir_fd=directory)
        os.fsync(directory)
        return os.open(step, _DIRECTORY, dir_fd=directory)
    except OSError as e:
        if e.errno not in {errno.ELOOP, errno.ENOTDIR}:
            raise
        is_link = stat.S_ISLNK(os.stat(step, dir_fd=directory, follow_symlinks=False).st_mode)
        raise _NoDirectoryError("symlink" if is_link else "in-the-way", step) from None


def _is_directory(directory: int, name: str) -> bool:
    return stat.S_ISDIR(os.stat(name, dir_fd=directory, follow_symlinks=False).st_mode)


def _discard(directory: int, aside: str, known: tuple[Entry | None, ...]) -> None:
    """Take away what was written aside, where it is that still."""
    with suppress(OSError):
        if look(directory, aside) in known:
            os.unlink(aside, dir_fd=directory)
    with suppress(OSError):
        os.unlink(f"{aside}.part", dir_fd=directory)


def _clear(directory: int, name: str) -> bool:
    """Remove *name* where it is a directory with nothing but empty directories in it; return whether it is gone."""
    try:
        inner = os.open(name, _DIRECTORY, dir_fd=directory)
    except OSError:
        return False
    try:
        if not all(_clear(inner, one) for one in os.listdir(inner)):
            return False
    finally:
        os.close(inner)
    try:
        os.rmdir(name, dir_fd=directory)
    except OSError:
        return False
    return True


def _make(directory: int, aside: str, new: Entry, content: Content, like: str) -> None:
    """Write *new* as the file *aside*, durably. It has the permissions of *like*, where that is a file."""
    for leftover in (aside, f"{aside}.part"):
        with suppress(FileNotFoundError):
            os.unlink(leftover, dir_fd=directory)
    if new.mode == LINK:
        target: list[bytes] = []
        content(new, target.append)
        os.symlink(b"".join(target), os.fsencode(aside), dir_fd=directory)
        return
    part = f"{aside}.part"
    mode = 0o777 if new.mode == EXECUTABLE else 0o666
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with open(os.open(part, flags, mode, dir_fd=directory), "wb", buffering=0) as file:
        content(new, lambda data: _all(file.fileno(), data))
        _permit(file.fileno(), directory, like, executable=new.mode == EXECUTABLE)
        os.fsync(file.fileno())
    os.rename(part, aside, src_dir_fd=directory, dst_dir_fd=directory)


def _all(descriptor: int, data: bytes) -> None:
    left = memoryview(data)
    while left:
        left = left[os.write(descriptor, left) :]


def _permit(descriptor: int, directory: int, like: str, *, executable: bool) -> None:
    try:
        found = os.stat(like, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return
    if not stat.S_ISREG(found.st_mode):
        return
    mode = stat.S_IMODE(found.st_mode)
    mode = mode | (mode & 0o444) >> 2 if executable else mode & ~0o111
    mine = os.fstat(descriptor)
    if (mine.st_uid, mine.st_gid) != (found.st_uid, found.st_gid):
        with suppress(PermissionError):
            os.fchown(descriptor, found.st_uid, found.st_gid)
    os.fchmod(descriptor, mode)


def _move_in(directory: int, aside: str, name: str) -> None:
    """Rename *aside*, which is new, to *name* where there is nothing of that name. Raises Blocked."""
    try:
        _move(directory, aside, name)
    except FileExistsError:
        os.unlink(aside, dir_fd=directory)
        raise Blocked("changed") from None


def _exchange_in(directory: int, aside: str, name: str, old: Entry, new: Entry) -> None:
    """Put *aside* in the place of *name*, which is *old*. Raises Blocked where in that moment it is something else."""
    try:
        exchange(directory, aside, name)
    except FileNotFoundError:
        os.unlink(aside, dir_fd=directory)
        raise Blocked("changed") from None
    if look(directory, aside) != old:
        _take_back(directory, aside, name, (new,))
        raise Blocked("changed")
    os.unlink(aside, dir_fd=directory)


def _take_back(directory: int, aside: str, name: str, known: tuple[Entry | None, ...]) -> None:
    """Exchange an edit of somebody's in *aside* with what we put into its place, and take that away."""
    exchange(directory, aside, name)
    if look(directory, aside) in known:
        os.unlink(aside, dir_fd=directory)
    else:  # a second edit within the same moment
        _set_apart(directory, aside, name)


def _give_back(directory: int, aside: str, name: str) -> None:
    """Rename *aside*, an edit of somebody's, to *name* again."""
    try:
        _move(directory, aside, name)
    except FileExistsError:
        _set_apart(directory, aside, name)


def _set_apart(directory: int, aside: str, name: str) -> None:
    """Leave *aside*, an edit of somebody's, under a name of its own. Raises Blocked, which names it."""
    apart = f"segue-kept~{os.urandom(4).hex()}"
    os.rename(aside, apart, src_dir_fd=directory, dst_dir_fd=directory)
    raise Blocked("changed", f"an edit of {name} is in {apart}")


def _move(directory: int, aside: str, name: str) -> None:
    if not _rename(directory, aside, name, _NO_REPLACE):
        os.link(aside, name, src_dir_fd=directory, dst_dir_fd=directory, follow_symlinks=False)
        os.unlink(aside, dir_fd=directory)


def exchange(directory: int, one: str, other: str) -> None:
    """Exchange two files in one step; where the system cannot, in two that leave nothing missing."""
    if _rename(directory, one, other, _EXCHANGE):
        return
    kept = f"{one}.old"
    os.link(other, kept, src_dir_fd=directory, dst_dir_fd=directory, follow_symlinks=False)
    os.rename(one, other, src_dir_fd=directory, dst_dir_fd=directory)
    os.rename(kept, one, src_dir_fd=directory, dst_dir_fd=directory)


def _rename(directory: int, one: str, other: str, flags: int) -> bool:
    """Rename within a directory as Linux' `renameat2` does with *flags*; False: this system or file system cannot."""
    call = _renameat2()
    if call is None:
        return False
    if call(directory, os.fsencode(one), directory, os.fsencode(other), flags) == 0:
        return True
    number = ctypes.get_errno()
    if number in {errno.ENOSYS, errno.EINVAL, errno.ENOTSUP}:
        return False
    raise OSError(number, os.strerror(number), other)


@cache
def _renameat2() -> "ctypes._NamedFuncPointer | None":
    try:
        call = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError):
        return None
    call.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint)
    return call
