"""The one process that takes spools in as they fill: elected by a lock, started by a hook, gone when nothing happens."""

import os
import time
from collections.abc import Callable
from pathlib import Path

from segue.host.spool import WORKER

_LATELY = 2.0
"""Seconds in which a worker that was started may not hold the lock yet."""
_MOMENT = 0.01


def call(home: Path, start: Callable[[], None]) -> None:
    """Have *start* start a worker, unless one is at work or was started just now. The post is made where there is none.

    Raises:
        OSError: it cannot be made, or the worker cannot be started.
    """
    path = home / "spool" / WORKER
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = not path.exists()
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        os.lockf(fd, os.F_TLOCK, 0)
        if new or abs(time.time() - os.fstat(fd).st_mtime) >= _LATELY:
            os.utime(fd)
            os.lockf(fd, os.F_ULOCK, 0)
            start()
    except (BlockingIOError, PermissionError):
        return  # it is at work
    finally:
        os.close(fd)


class Post:
    """The worker's place. Hooks start a worker when they find it free (`segue.hooks.wake`)."""

    def __init__(self, home: Path) -> None:
        """Name the home of segue; nothing is made there."""
        self._path = home / "spool" / WORKER
        self._fd = -1

    def take(self) -> bool:
        """Return whether this process is the worker from now on; not where another is, or where hooks are not installed.

        Whoever holds the lock for a shorter time than `_LATELY` is a hook that looks whether a worker is at work.
        """
        try:
            self._fd = os.open(self._path, os.O_RDWR | os.O_NOFOLLOW)
        except OSError:
            return False
        end = time.monotonic() + _LATELY
        while not self._lock():
            if time.monotonic() >= end:
                self._close()
                return False
            time.sleep(_MOMENT)
        return self.is_held()

    def _lock(self) -> bool:
        try:
            os.lockf(self._fd, os.F_TLOCK, 0)
        except OSError:
            return False
        return True

    def is_held(self) -> bool:
        """Return whether this process still is the worker: `segue init --remove` takes the file away."""
        try:
            return self._fd >= 0 and os.path.samestat(os.fstat(self._fd), os.stat(self._path))  # noqa: PTH116
        except OSError:
            return False

    def leave(self) -> None:
        """Be the worker no more; the next hook starts another at once. What is spooled now may be seen by nobody: look again."""
        if self._fd >= 0:
            os.utime(self._fd, (0, 0))
            self._close()

    def _close(self) -> None:
        os.close(self._fd)
        self._fd = -1
