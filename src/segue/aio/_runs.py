"""A run of an agent, of an asynchronous program."""

import asyncio
from collections.abc import Callable, Coroutine
from functools import wraps
from inspect import iscoroutinefunction
from types import TracebackType
from typing import TYPE_CHECKING, Any, ParamSpec, Self, TypeVar

from segue.aio._twins import reads, writes
from segue.core.errors import UsageError
from segue.engine.runs import running
from segue.engine.sessions import Interruption
from segue.host.threads import cross

if TYPE_CHECKING:
    from segue.aio._store import Session

P = ParamSpec("P")
R = TypeVar("R")


class Run:
    """A run of an agent in a session; made by `Session.running`. Use it in an `async with` statement, or as a decorator.

    It ends as the synchronous one does: whatever ends it early, signals and cancellation included, leaves the session with a
    checkpoint, paused with the reason. Signals are heard where the loop runs in the main thread.
    """

    def __init__(self, session: "Session", run: running.Run) -> None:
        """Begin nothing yet."""
        self._session = session
        self.sync = run
        """The synchronous run."""

    check = reads(running.Run.check)
    interrupt = writes(running.Run.interrupt)
    note_usage = writes(running.Run.note_usage)

    @property
    def session(self) -> str:
        """The id of its session."""
        return self.sync.session

    @property
    def agent(self) -> str:
        """Who runs."""
        return self.sync.agent

    @property
    def interruption(self) -> Interruption | None:
        """The summary, where the run was interrupted and the store could take it."""
        return self.sync.interruption

    @property
    def kept(self) -> str:
        """The emergency file that holds what could not be appended; it is taken in when the store is opened next."""
        return self.sync.kept

    async def __aenter__(self) -> Self:
        await self.sync.begin(_to_its_end, [self.__aenter__.__code__, self.__aexit__.__code__])
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.sync.finish(error, _to_its_end)

    def __call__(self, function: Callable[P, Coroutine[Any, Any, R]]) -> Callable[P, Coroutine[Any, Any, R]]:
        """Return *function*, each call of it a run of its own. Raises UsageError: it is no coroutine function."""
        if not iscoroutinefunction(function):
            raise UsageError(f"{function!r:.80} cannot be run: it is no coroutine function", hint="async def")

        @wraps(function)
        async def run(*args: P.args, **kwargs: P.kwargs) -> R:
            async with Run(self._session, self.sync.again()):
                return await function(*args, **kwargs)

        return run

    async def _write(self, what: str, call: Callable[[], R]) -> R:
        return await self._session._write(what, call)  # noqa: SLF001 - a part of its session


async def _to_its_end(call: Callable[[], None]) -> BaseException | None:
    """Do *call* in a thread, whatever comes meanwhile, and return the first cancellation that came."""
    future = cross(call)
    came: BaseException | None = None
    while not future.done():
        try:
            await asyncio.wait([future])
        except asyncio.CancelledError as e:
            came = came or e
    future.result()
    return came
