"""Asynchronous methods made of synchronous ones: the same parameters and results, for type checkers too."""

from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from functools import partial, wraps
from threading import Lock
from typing import Any, Concatenate, Final, ParamSpec, Protocol, TypeVar

from segue.core.log.events import Damage, Event
from segue.host.threads import cross

P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S")
S_co = TypeVar("S_co", covariant=True)

_PAGE: Final = 32
"""How many events are read for each crossing into a thread."""


class Twin(Protocol[S_co]):
    """Has a synchronous twin."""

    @property
    def sync(self) -> S_co:
        """The twin."""
        ...


class Writer(Twin[S_co], Protocol[S_co]):
    """And does in order what it is asked to."""

    async def _write(self, what: str, call: Callable[[], R]) -> R: ...


def like(method: Callable[Concatenate[Any, P], object]) -> Callable[[Callable[..., R]], Callable[Concatenate[Any, P], R]]:
    """Give what is decorated the parameters of *method*, its synchronous twin."""

    def decorate(function: Callable[..., R]) -> Callable[Concatenate[Any, P], R]:
        twin = wraps(method)(function)
        head, _, _ = (method.__doc__ or "").partition("\n\n")
        twin.__doc__ = f"{head}\n\nThe asynchronous twin of `segue.{method.__qualname__}`: see there."
        return twin

    return decorate


def reads(method: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[Twin[S], P], Coroutine[Any, Any, R]]:
    """Return the twin of a method that only reads: a caller that is cancelled is let go at once."""

    @like(method)
    async def call(self: Twin[S], /, *args: P.args, **kwargs: P.kwargs) -> R:
        return await cross(partial(method, self.sync, *args, **kwargs))

    return call


def writes(method: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[Writer[S], P], Coroutine[Any, Any, R]]:
    """Return the twin of a method that writes: in its turn, and a caller that is cancelled hears what became of it."""

    @like(method)
    async def call(self: Writer[S], /, *args: P.args, **kwargs: P.kwargs) -> R:
        return await self._write(method.__name__, partial(method, self.sync, *args, **kwargs))

    return call


def yields(method: Callable[Concatenate[S, P], Iterator[Event]]) -> Callable[Concatenate[Twin[S], P], AsyncIterator[Event]]:
    """Return the twin of a method that yields events: they are read some at a time, and no thread waits in between."""

    @like(method)
    async def call(self: Twin[S], /, *args: P.args, **kwargs: P.kwargs) -> AsyncIterator[Event]:
        named: dict[str, Any] = dict(kwargs)
        on_damage = named.pop("on_damage", None)
        pages = _Pages(partial(method, self.sync, *args, **named), damage=on_damage is not None)
        try:
            while page := await cross(pages.turn):
                for one in page:
                    if not isinstance(one, Damage):
                        yield one
                    elif on_damage is not None:
                        on_damage(one)
        finally:
            pages.close()

    return call


class _Pages:
    """An iterator, read some at a time, in threads."""

    def __init__(self, make: Callable[..., Iterator[Event]], *, damage: bool) -> None:
        self._read: deque[Event | Damage] = deque()
        self._make = partial(make, on_damage=self._read.append) if damage else make
        self._events: Iterator[Event] | None = None
        self._error: Exception | None = None
        self._closed = False
        self._lock = Lock()

    def turn(self) -> list[Event | Damage]:
        """Return the next page; an empty one is the end. An error comes behind the events before it."""
        with self._lock:
            if self._error is not None:
                raise self._error
            try:
                self._fill()
            except Exception as e:
                if not self._read:
                    raise
                self._error = e
            found = list(self._read)
            self._read.clear()
            if self._closed:
                self._end()
            return found

    def close(self) -> None:
        """Let go of the iterator: now, or when the thread that is in it comes out."""
        self._closed = True
        if self._lock.acquire(blocking=False):
            try:
                self._end()
            finally:
                self._lock.release()

    def _fill(self) -> None:
        if self._events is None:
            self._events = self._make()
        for event in self._events:
            self._read.append(event)
            if len(self._read) >= _PAGE:
                return

    def _end(self) -> None:
        close = getattr(self._events, "close", None)
        if close is not None:
            close()
