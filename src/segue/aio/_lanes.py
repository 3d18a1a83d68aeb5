"""What is asked of a session is done in the order in which it was asked; appends that wait together share a sync."""

import asyncio
import os
import threading
import weakref
from collections import deque
from collections.abc import Callable, Hashable, Iterator, Sequence
from functools import partial
from itertools import chain, groupby
from typing import Any, Final, TypeAlias

from segue.aio._outcomes import say
from segue.core.errors import SegueError, UsageError, WithdrawnError
from segue.engine.api import Session
from segue.host.threads import tell, threads
from segue.ports import Asked

PATIENCE: Final = 5.0
"""Seconds that a cancelled caller waits for what has begun to be written."""
_BATCH: Final = 256
"""How many appends share a sync at most."""
_live: "weakref.WeakSet[Lanes]" = weakref.WeakSet()
_Answer: TypeAlias = tuple[Any, BaseException | None]


class Turn:
    """One call: it waits for its turn, has begun, or was withdrawn before that."""

    def __init__(self, what: str, session: Session | None, call: Callable[[], Any] | None, asked: Asked | None = None) -> None:
        """Wait: for *call*, or for the append that is *asked* of *session*."""
        self.what, self.session, self._call = what, session, call
        self.asked = asked and asked._replace(begins=self.begins)
        self.future: asyncio.Future[_Answer] = asyncio.get_running_loop().create_future()
        self.withdrawn = self._begun = False
        self._lock = threading.Lock()

    def begins(self) -> bool:
        """Begin, unless it was withdrawn; return whether it has begun."""
        with self._lock:
            self._begun = not self.withdrawn
            return self._begun

    def withdraw(self) -> bool:
        """Give it up, unless it has begun; return whether it was given up."""
        with self._lock:
            self.withdrawn = not self._begun
            return self.withdrawn

    def done(self) -> _Answer:
        """Return what comes of the call."""
        if self._call is None or not self.begins():
            return None, WithdrawnError("call of", self.what)
        try:
            return self._call(), None
        except BaseException as e:  # noqa: BLE001 - it is raised where it is waited for
            return None, e


class Lanes:
    """The lanes of a store: one for each session, for as long as something is asked of it. Any loop, any thread may ask."""

    def __init__(self, url: str) -> None:
        """Ask for nothing yet."""
        self._url = url
        self._closed = False
        self._start()
        _live.add(self)

    def _start(self) -> None:
        self._changed = threading.Condition()
        self._lanes: dict[Hashable, deque[Turn]] = {}
        self._now: dict[Hashable, Sequence[Turn]] = {}

    def after_fork(self) -> None:
        """In a forked child: what was asked was asked of its parent."""
        self._start()

    async def ask(self, lane: Hashable, turn: Turn) -> Any:
        """Return what comes of *turn*, in its turn.

        A caller that is cancelled is let go at once while nothing of it has begun; else when its outcome is known, or
        after PATIENCE seconds. Its CancelledError says which.
        """
        self._put(lane, turn)
        try:
            found, error = await asyncio.shield(turn.future)
        except asyncio.CancelledError as e:
            if not self._withdraw(turn):
                await _settled(turn.future)
            say(e, turn)
            raise
        except BaseException:  # the loop is gone, and with it whoever waits
            self._withdraw(turn)
            raise
        if error is not None:
            raise error
        return found

    def close(self) -> None:
        """Take nothing more, and return when all that was asked, and not withdrawn, is done. For a thread."""
        with self._changed:
            self._closed = True
            self._changed.wait_for(lambda: all(turn.withdrawn for turn in self._asked()))

    def _asked(self) -> Iterator[Turn]:
        return chain.from_iterable([*self._lanes.values(), *self._now.values()])

    def _withdraw(self, turn: Turn) -> bool:
        withdrawn = turn.withdraw()
        with self._changed:
            self._changed.notify_all()
        return withdrawn

    def _put(self, lane: Hashable, turn: Turn) -> None:
        with self._changed:
            if self._closed:
                raise UsageError(f"store {self._url!r} is closed", hint="segue.aio.open opens it again")
            waiting = self._lanes.get(lane)
            if waiting is not None:
                waiting.append(turn)
                return
            self._lanes[lane] = deque([turn])
        try:
            threads.submit(partial(self._work, lane))
        except RuntimeError:
            with self._changed:
                self._lanes.pop(lane, None)
            raise

    # --- in a thread

    def _work(self, lane: Hashable) -> None:
        while True:
            with self._changed:
                waiting = self._lanes.get(lane)
                self._now.pop(lane, None)
                self._changed.notify_all()
                if not waiting:
                    self._lanes.pop(lane, None)
                    return
                turns = self._now[lane] = [waiting.popleft() for _ in range(min(len(waiting), _BATCH))]
            for session, some in groupby(turns, lambda turn: turn.session if turn.asked else None):
                if session is None:
                    for turn in some:
                        _answer([turn], [turn.done()])
                else:
                    together = list(some)
                    _answer(together, _append(session, together))


def _append(session: Session, turns: Sequence[Turn]) -> list[_Answer]:
    try:
        found = session.append_each([turn.asked for turn in turns if turn.asked])
    except SegueError as e:
        return [(None, e.own()) for _ in turns]
    except BaseException as e:  # noqa: BLE001 - it is raised where it is waited for
        return [(None, e) for _ in turns]
    return [(None, one) if isinstance(one, SegueError) else (one, None) for one in found]


def _answer(turns: Sequence[Turn], answers: Sequence[_Answer]) -> None:
    """Tell each who asked, with one call for each loop."""
    pairs = list(zip(turns, answers, strict=True))
    for loop in {id(turn.future.get_loop()): turn.future.get_loop() for turn in turns}.values():
        mine = [(turn.future, answer) for turn, answer in pairs if turn.future.get_loop() is loop]
        tell(mine[0][0], partial(_settle, mine))


def _settle(pairs: Sequence[tuple["asyncio.Future[_Answer]", _Answer]]) -> None:
    for future, answer in pairs:
        if not future.done():
            future.set_result(answer)


async def _settled(future: "asyncio.Future[Any]") -> None:
    """Return when *future* is done, or after PATIENCE seconds; being cancelled again changes nothing about that."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + PATIENCE
    while not future.done() and (left := deadline - loop.time()) > 0:
        try:
            await asyncio.wait([future], timeout=left)
        except asyncio.CancelledError:
            continue


def _after_fork() -> None:
    for lanes in list(_live):
        lanes.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
