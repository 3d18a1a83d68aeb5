"""The lock of one log: between processes by `flock`, between threads by a mutex.

`flock` belongs to an open file description, which fork() shares: a child would hold its parent's lock, for ever if the
parent dies. So every lock is closed in a forked child (`after_fork`), which opens its own.

The lock file's size is the log's generation: whoever changes which segments there are (rolls, seals, repairs) adds a byte,
and everybody else notices at the price of one fstat.
"""

import errno
import os
import random
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from segue.core.errors import ConflictError, StoreUnusableError
from segue.stores.log import files

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

DEFAULT_TIMEOUT = 30.0
_SHORT, _LONG = 0.0003, 0.004
_live: "weakref.WeakSet[LogLock]" = weakref.WeakSet()


class BusyError(ConflictError):
    """Another process holds the lock and does not let go of it."""

    code = "busy"


class LogLock:
    """The lock file of a log. Not reentrant between `exclusive` and `shared`, reentrant within `exclusive`."""

    def __init__(self, path: Path, timeout: float = DEFAULT_TIMEOUT) -> None:
        """Name the lock file; it is opened when first needed."""
        self._path = path
        self._timeout = timeout
        self._fd = -1
        self._mutex = threading.RLock()
        self._depth = 0
        self._shared = False
        _live.add(self)

    def exclusive(self) -> "_Exclusive":
        """Hold the lock alone, as a context. Raises BusyError after the timeout."""
        return _Exclusive(self)

    def take(self) -> None:
        """Begin to hold the lock alone; `give` ends it."""
        self._mutex.acquire()
        try:
            if self._depth == 0:
                self._acquire(fcntl.LOCK_EX)
        except BaseException:
            self._mutex.release()
            raise
        self._depth += 1

    def give(self) -> None:
        """End what `take` began."""
        self._depth -= 1
        try:
            if self._depth == 0:
                self._unlock()
        finally:
            self._mutex.release()

    @contextmanager
    def shared(self) -> Iterator[None]:
        """Hold the lock together with other readers; within `exclusive` it is held already."""
        with self._mutex:
            if self._depth:
                yield
                return
            self._acquire(fcntl.LOCK_SH)
            self._shared = True
            try:
                yield
            finally:
                self._shared = False
                self._unlock()

    @property
    def is_held(self) -> bool:
        """Whether it is held, by the thread that has the mutex."""
        return self._shared or self._depth > 0

    @property
    def mutex(self) -> threading.RLock:
        """The lock between this process's threads."""
        return self._mutex

    def generation(self) -> int:
        """Return the log's generation. The lock must be held."""
        return os.lseek(self._fd, 0, os.SEEK_END)  # a quarter of what an fstat costs; nobody reads or writes at a place of it

    def bump(self) -> int:
        """Begin a new generation and return it. The lock must be held exclusively.

        The file grows without a block being written, so that this works on a full disk too.
        """
        os.ftruncate(self._fd, self.generation() + 1)
        return self.generation()

    def close(self) -> None:
        """Let go of the file."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def after_fork(self) -> None:
        """In a forked child: leave the parent's lock alone, begin with one of our own."""
        self.close()
        self._mutex = threading.RLock()
        self._depth = 0
        self._shared = False

    def _acquire(self, how: int) -> None:
        fd = self._open()
        try:
            fcntl.flock(fd, how | fcntl.LOCK_NB)
        except BlockingIOError:
            self._wait(fd, how)
        except OSError as e:
            raise StoreUnusableError(f"store cannot be used: {self._path.parent} does not support locks ({e.strerror})") from e

    def _wait(self, fd: int, how: int) -> None:
        """Ask again in short random steps: fair enough among processes, and it can give up."""
        deadline = time.monotonic() + self._timeout
        pause = _SHORT
        while True:
            time.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311  (spreads the waiters)
            pause = min(pause * 1.3, _LONG)
            try:
                fcntl.flock(fd, how | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise BusyError(
                        f"log {self._path.parent.name!r} cannot be locked: another process has held it for {self._timeout:.0f} s",
                        hint="see who: segue doctor",
                    ) from None
            else:
                return

    def _open(self) -> int:
        if self._fd < 0:
            try:
                self._fd = files.open_append(self._path)
            except PermissionError:
                self._fd = files.open_read(self._path)  # a read-only store can still be read
            except FileNotFoundError:
                if not (self._path.parent / "log").is_dir():
                    raise
                self._fd = files.open_or_create(self._path)  # something took it away: the log beside it is what counts
            except OSError as e:
                if e.errno != errno.EROFS:
                    raise StoreUnusableError(f"log {self._path.parent.name!r} cannot be locked: {e.strerror}") from e
                self._fd = files.open_read(self._path)
        return self._fd

    def _unlock(self) -> None:
        if self._fd >= 0:
            fcntl.flock(self._fd, fcntl.LOCK_UN)


class _Exclusive:
    """A context without a generator: every append goes through it."""

    __slots__ = ("_lock",)

    def __init__(self, lock: LogLock) -> None:
        self._lock = lock

    def __enter__(self) -> None:
        self._lock.take()

    def __exit__(self, *_: object) -> None:
        self._lock.give()


def try_lock(path: Path) -> int | None:
    """Return a descriptor that holds the lock of *path* until it is closed, or None where another has it."""
    fd = files.open_or_create(path)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        return None
    return fd


def share(path: Path) -> int:
    """Return a descriptor that holds the lock of *path*, together with others, until it is closed."""
    fd = files.open_or_create(path)
    try:
        fcntl.flock(fd, fcntl.LOCK_SH)
    except BaseException:
        os.close(fd)
        raise
    return fd


def check_locks_work(path: Path) -> None:
    """Refuse a place where a second descriptor gets a lock that is held (some network file systems).

    Raises:
        StoreUnusableError: locks do not work there.
    """
    first, second = files.open_or_create(path), files.open_or_create(path)
    try:
        try:
            fcntl.flock(first, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return  # somebody else holds it: locks work
        except OSError as e:
            raise StoreUnusableError(f"store cannot be used: {path.parent} does not support locks ({e.strerror})") from e
        try:
            fcntl.flock(second, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        raise StoreUnusableError(
            f"store cannot be used: locks in {path.parent} do not keep others out",
            hint="put the store on a local disk: SEGUE_HOME=...",
        )
    finally:
        os.close(first)
        os.close(second)


def _after_fork() -> None:
    for lock in list(_live):
        lock.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
