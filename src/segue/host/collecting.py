"""The cyclic garbage collector, put off while a long list is made: nothing of it is garbage."""

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from threading import RLock

_lock = RLock()  # a signal may come while it is held
_off: set[object] = set()
"""Who turned it off; empty: nobody here did."""


@contextmanager
def put_off() -> Iterator[None]:
    """Have no collection begin by itself within, in this process. Where it is turned off already it stays so.

    Of several threads that are within at once, the first turns it off, and on again when it leaves: where lists are always being
    made, garbage is collected all the same.
    """
    me = object()
    with _lock:
        if gc.isenabled():
            _off.add(me)
            gc.disable()
    try:
        yield
    finally:
        with _lock:
            if me in _off:
                _off.remove(me)
                gc.enable()


def _after_fork() -> None:
    """In a forked child: the thread that would turn it on again is its parent's."""
    if _off:
        _off.clear()
        gc.enable()
    _lock.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_after_fork)
