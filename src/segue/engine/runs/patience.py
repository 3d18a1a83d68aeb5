"""Calls that are waited for so many seconds and no longer: a disk that hangs keeps no process from ending."""

import threading
from collections.abc import Callable

from segue.core.errors import SegueError


def within(limit: float, call: Callable[[], bool]) -> bool:
    """Return what *call* returns; False where it failed, or took more than *limit* seconds and is left to itself."""
    done = threading.Event()
    found: list[bool] = []

    def run() -> None:
        try:
            found.append(call())
        except (SegueError, OSError):
            found.append(False)
        finally:
            done.set()

    begin(run)
    done.wait(limit)
    return bool(found) and found[0]


def begin(call: Callable[[], None]) -> None:
    """Run *call* in a thread; at once, where the interpreter begins no more threads."""
    try:
        threading.Thread(target=call, name="segue-save", daemon=True).start()
    except RuntimeError:
        call()
