"""The one place where asynchronous callers cross into a thread: nothing is written twice for them.

The threads are segue's own: a log whose lock is held elsewhere keeps no other part of a program waiting for a thread. They
are daemons, and end when nothing is asked of them for a while.
"""

import asyncio
import os
import threading
import weakref
from collections import deque
from collections.abc import Callable
from contextvars import Context, copy_context
from functools import partial
from typing import Any, Final, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

_LIMIT: Final = 64
_IDLE: Final = 5.0
"""Seconds after which a thread ends that has nothing to do."""
_pools: "weakref.WeakSet[Threads | InTurn]" = weakref.WeakSet()


class _Parked:
    """A thread that waits: it is given a job, and woken. A condition would cost each crossing a lock of its own."""

    __slots__ = ("job", "woken")

    def __init__(self) -> None:
        self.job: Callable[[], object] | None = None
        self.woken = threading.Lock()
        self.woken.acquire()


class Threads:
    """Threads that do what is asked of them: as many as are needed, up to a limit; then what is asked waits."""

    def __init__(self, limit: int = _LIMIT, idle: float = _IDLE) -> None:
        """Begin none yet."""
        self._limit, self._idle = limit, idle
        self._start()
        _pools.add(self)

    def submit(self, job: Callable[[], object]) -> None:
        """Have *job*, which raises nothing, done. Raises RuntimeError where no thread is to be had."""
        with self._lock:
            if self._parked:
                thread = self._parked.pop()  # the last one to wait: the others may come to their end
                thread.job = job
            else:
                self._wait_for_thread(job)
                return
        thread.woken.release()

    def after_fork(self) -> None:
        """In a forked child: the threads are its parent's, and so is what was asked of them."""
        self._start()

    def _start(self) -> None:
        self._lock = threading.Lock()
        self._jobs: deque[Callable[[], object]] = deque()
        self._parked: list[_Parked] = []
        self._alive = 0

    def _wait_for_thread(self, job: Callable[[], object]) -> None:
        """Leave *job* for the next thread that is free: a new one, where there may be one."""
        self._jobs.append(job)
        if self._alive >= self._limit:
            return
        try:
            threading.Thread(target=self._work, name="segue-aio", daemon=True).start()
        except RuntimeError:
            if not self._alive:
                self._jobs.remove(job)
                raise
        else:
            self._alive += 1

    def _work(self) -> None:
        here = _Parked()
        while (job := self._next(here)) is not None:
            job()
            del job  # what it holds is not kept while this thread waits

    def _next(self, here: _Parked) -> Callable[[], object] | None:
        with self._lock:
            if self._jobs:
                return self._jobs.popleft()
            self._parked.append(here)
        if not here.woken.acquire(timeout=self._idle):
            with self._lock:
                if here in self._parked:
                    self._parked.remove(here)
                    self._alive -= 1
                    return None
            here.woken.acquire()  # it was given a job at that moment
        job, here.job = here.job, None
        return job


threads: Final = Threads()
"""Those of this process."""


def cross(call: Callable[[], R]) -> "asyncio.Future[R]":
    """Return the future of what *call* returns, in a thread. Cancelled before that has begun, it is not begun."""
    future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
    threads.submit(partial(_answer, future, copy_context(), call))
    return future


def _answer(future: "asyncio.Future[R]", context: Context, call: Callable[[], R]) -> None:
    """Do *call*, in a thread, and tell who waits for it what came of it."""
    if future.cancelled():
        return
    try:
        answer = partial(_settle, future, context.run(call), None)
    except BaseException as e:  # noqa: BLE001 - it is raised where it is waited for
        answer = partial(_settle, future, None, e)
    tell(future, answer)


def tell(future: "asyncio.Future[Any]", answer: Callable[[], object]) -> None:
    """Have *answer* called in the loop of *future*; where that is closed nobody waits for it."""
    try:
        future.get_loop().call_soon_threadsafe(answer)
    except RuntimeError:
        return


def _settle(future: "asyncio.Future[Any]", found: Any, error: BaseException | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(found)
    else:
        future.set_exception(error)


async def in_thread(call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Return what *call* returns, run in a thread.

    A caller that is cancelled stops waiting only when *call* is done: a commit is never left half known, and what is
    done next finds it made.
    """
    future: _Kept[R] = _Kept(loop=asyncio.get_running_loop())
    threads.submit(partial(_answer, future, copy_context(), partial(call, *args, **kwargs)))
    return await future


class _Kept(asyncio.Future[R]):
    """A future that cannot be cancelled: a task that is cancelled while it waits for it hears of that when it is done."""

    def cancel(self, msg: Any = None) -> bool:
        return False


class InTurn:
    """Calls of one caller, done in threads one after the other, in the order in which they were asked. Any loop may ask."""

    def __init__(self) -> None:
        """Do nothing yet."""
        self._busy = False
        self._start()
        _pools.add(self)

    async def do(self, call: Callable[[], R]) -> R:
        """Return what *call* returns, when it is its turn. It is done whatever becomes of the caller, who waits for it."""
        future: _Kept[R] = _Kept(loop=asyncio.get_running_loop())
        job = partial(_answer, future, copy_context(), call)
        with self._lock:
            self._jobs.append(job)
            begin, self._busy = not self._busy, True
        if begin:
            try:
                threads.submit(self._work)
            except RuntimeError:  # no thread is to be had
                self._work()
        return await future

    def after_fork(self) -> None:
        """In a forked child: what was asked was asked of its parent."""
        self._start()

    def _start(self) -> None:
        self._lock = threading.Lock()
        self._jobs: deque[Callable[[], object]] = deque()
        self._busy = False

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._jobs:
                    self._busy = False
                    return
                job = self._jobs.popleft()
            job()
            del job  # what it holds is not kept while the next one is done


def _after_fork() -> None:
    for pool in list(_pools):
        pool.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
