"""Processes that came of us: found also when their parents are gone, and ended."""

import ctypes
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

_SUBREAPER: Final = 36
"""PR_SET_CHILD_SUBREAPER of <linux/prctl.h>."""
_ROUNDS: Final = 5


@contextmanager
def brood() -> Iterator[None]:
    """End every process that was started within, and what came of it, also where it went into a session of its own.

    On Linux this process adopts the orphans among them meanwhile; elsewhere only those that still have parents are found.
    A signal to end, which nobody else listens to, ends them first.
    """
    adopts = _adopt(yes=True)
    before = set(descendants(os.getpid()))
    with _ending():
        try:
            yield
        finally:
            for _ in range(_ROUNDS):  # one that is killed may just have started another
                left = [pid for pid in descendants(os.getpid()) if pid not in before]
                for pid in left:
                    with suppress(OSError):
                        os.kill(pid, signal.SIGKILL)
                for pid in left:
                    with suppress(OSError):
                        os.waitpid(pid, 0)
                if not left:
                    break
            if adopts:
                _adopt(yes=False)


@contextmanager
def _ending() -> Iterator[None]:
    """Make SystemExit of the signals that would end this process without a word."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    known = [number for number in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(number) is signal.SIG_DFL]
    for number in known:
        signal.signal(number, _leave)
    try:
        yield
    finally:
        for number in known:
            signal.signal(number, signal.SIG_DFL)


def _leave(number: int, _frame: object) -> None:
    raise SystemExit(128 + number)


def descendants(pid: int) -> list[int]:
    """Return the processes that came of *pid* and still hang on it, as far as the system tells (Linux)."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_bytes()
        except OSError:  # it ended while we looked
            continue
        parent = int(fields.rpartition(b")")[2].split()[1])
        children.setdefault(parent, []).append(int(entry.parent.name))
    found: list[int] = []
    waiting = [pid]
    while waiting:
        below = children.get(waiting.pop(), [])
        found += below
        waiting += below
    return found


def _adopt(*, yes: bool) -> bool:
    if sys.platform != "linux":
        return False
    return bool(ctypes.CDLL(None).prctl(_SUBREAPER, int(yes), 0, 0, 0) == 0)
