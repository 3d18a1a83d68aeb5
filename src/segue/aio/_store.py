"""An open store and its sessions, for asynchronous programs: each method is the synchronous one, done in a thread."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Generator
from functools import partial
from itertools import islice
from types import TracebackType
from typing import Any, Final, Self, TypeVar

import segue.app
from segue.aio._budget import SessionBudget
from segue.aio._lanes import Lanes, Turn
from segue.aio._runs import Run
from segue.aio._twins import like, reads, writes, yields
from segue.core.log.events import MAIN, Appended, Commit, Draft, Event
from segue.engine import api
from segue.host.threads import cross, in_thread
from segue.ports import Asked
from segue.ports import Store as Port

R = TypeVar("R")

_POLL: Final = 0.05
"""Seconds between two looks at a session that is watched."""
_PAGE: Final = 32


class Opening:
    """A store that is being opened: `await` it, or use it in an `async with` statement."""

    def __init__(self, url_or_path: str | os.PathLike[str] | None, durability: str | None) -> None:
        self._call = partial(segue.app.open, url_or_path, durability=durability)
        self._store: Store | None = None

    def __await__(self) -> "Generator[Any, None, Store]":
        return self._open().__await__()

    async def __aenter__(self) -> "Store":
        self._store = await self._open()
        return self._store

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._store is not None:
            await self._store.close()

    async def _open(self) -> "Store":
        opened: list[api.Store] = []

        def call() -> api.Store:
            opened.append(self._call())
            return opened[0]

        try:
            return Store(await in_thread(call))
        except asyncio.CancelledError:
            for store in opened:
                store.close()
            raise


def open(url_or_path: str | os.PathLike[str] | None = None, *, durability: str | None = None) -> Opening:  # noqa: A001 - segue.aio.open
    """Return an open store: `async with segue.aio.open() as store`, or `store = await segue.aio.open()`.

    The asynchronous twin of `segue.open`: see there.
    """
    return Opening(url_or_path, durability)


class Store:
    """An open store, for asynchronous programs. Close it when you are done, or use it in an `async with` statement.

    Any event loop and any thread may use it.

    Example:
        >>> import asyncio
        >>> from segue import aio
        >>> async def main() -> str:
        ...     async with aio.open("memory://") as store:
        ...         session = await store.create(task="build the parser")
        ...         await session.append("message", {"role": "user", "parts": [{"type": "text", "content": "hello"}]})
        ...         return (await session.state()).status
        >>> asyncio.run(main())
        'active'
    """

    def __init__(self, sync: api.Store) -> None:
        """Make one of a store that is open."""
        self.sync = sync
        """The synchronous store."""
        self.url = sync.url
        """Where the store is; `segue.open` takes it."""
        self._lanes = Lanes(sync.url)

    @property
    def port(self) -> Port:
        """The store as the contract knows it, synchronous: bytes, order, keys, leases and forks, without any meaning."""
        return self.sync.port

    sessions = reads(api.Store.sessions)
    search = reads(api.Store.search)
    evidence = reads(api.Store.evidence)
    verify = reads(api.Store.verify)
    reconstruct = writes(api.Store.reconstruct)

    @like(api.Store.create)
    async def create(self, **header: Any) -> "Session":
        """See `Store.create`."""
        return await self._write("create", lambda: Session(self, self.sync.create(**header)))

    @like(api.Store.ensure)
    async def ensure(self, *ids: str, **header: Any) -> "Session":
        """See `Store.ensure`."""
        return await self._write("ensure", lambda: Session(self, self.sync.ensure(*ids, **header)))

    @like(api.Store.session)
    async def session(self, ref: str) -> "Session":
        """See `Store.session`."""
        return Session(self, await cross(partial(self.sync.session, ref)))

    async def close(self) -> None:
        """Let go of files when all that was asked is done. What is asked from then on is a UsageError."""
        await in_thread(self._close)

    def _close(self) -> None:
        self._lanes.close()
        self.sync.close()

    async def _write(self, what: str, call: Callable[[], R]) -> R:
        turn = Turn(what, None, call)
        found: R = await self._lanes.ask(turn, turn)
        return found

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"<segue asynchronous store {self.url}>"


class Session:
    """A session of an open store, for asynchronous programs. It holds no state of its own: every call asks the log.

    What is asked of one session is done in the order in which it was asked, whoever waits for it; what only reads does not
    wait for that. Appends that wait at the same time share a sync.

    A call that is cancelled, or whose time is over, is either whole or absent: it is let go at once while nothing of it has
    begun, else when its outcome is known. `segue.aio.outcome` tells which.
    """

    def __init__(self, store: Store, sync: api.Session) -> None:
        """Make one of a session of *store*."""
        self.sync = sync
        """The synchronous session."""
        self._store = store

    @property
    def id(self) -> str:
        """Its UUID."""
        return self.sync.id

    @property
    def position(self) -> int | None:
        """The position that a checkpoint's or continuation's reference named; else None, the head."""
        return self.sync.position

    @property
    def budget(self) -> SessionBudget:
        """How full its context is, what it cost, condensing, and a successor."""
        return SessionBudget(self)

    async def name(self) -> str:
        """Return `SESSION-YYMMDD-NNN`; empty where it has none."""
        return await cross(lambda: self.sync.name)

    @like(api.Session.append)
    async def append(
        self,
        kind: str | Draft,
        body: Any = None,
        *,
        actor: str = "",
        key: str | None = None,
        stream: str = MAIN,
        **asked: Any,
    ) -> Appended:
        """See `Session.append`."""
        draft = kind if isinstance(kind, Draft) else Draft(kind, body or {}, actor=actor, key=key, stream=stream)
        return (await self.append_all([draft], **asked)).entries[0]

    @like(api.Session.append_all)
    async def append_all(self, drafts: Any, **asked: Any) -> Commit:
        """See `Session.append_all`."""
        turn = Turn(f"append to {self.id}", self.sync, None, Asked(tuple(drafts), **asked))
        commit: Commit = await self._store._lanes.ask(self.id, turn)  # noqa: SLF001 - a session is a part of its store
        return commit

    append_each = writes(api.Session.append_each)
    events = yields(api.Session.events)
    conversation = reads(api.Session.conversation)
    state = reads(api.Session.state)
    checkpoint = writes(api.Session.checkpoint)
    checkpoints = reads(api.Session.checkpoints)
    steps = reads(api.Session.steps)
    check = reads(api.Session.check)
    convert = reads(api.Session.convert)
    plan_restore = reads(api.Session.plan_restore)
    restore_checkpoint = writes(api.Session.restore_checkpoint)
    settle_restore = writes(api.Session.settle_restore)
    restore = reads(api.Session.restore)
    protocol = reads(api.Session.protocol)
    pause = writes(api.Session.pause)
    resume = writes(api.Session.resume)
    end = writes(api.Session.end)
    update = writes(api.Session.update)
    delete = writes(api.Session.delete)

    @like(api.Session.fork)
    async def fork(self, *args: Any, **header: Any) -> "Session":
        """See `Session.fork`."""
        return await self._write("fork", lambda: self._beside(self.sync.fork(*args, **header)))

    @like(api.Session.from_step)
    async def from_step(self, *args: Any, **more: Any) -> "Session":
        """See `Session.from_step`."""
        return await self._write("fork", lambda: self._beside(self.sync.from_step(*args, **more)))

    @like(api.Session.running)
    def running(self, **limits: Any) -> Run:
        """See `Session.running`."""
        return Run(self, self.sync.running(**limits))

    async def watch(self, after: int | None = None) -> AsyncIterator[Event]:
        """Yield events behind *after* (the head, as it is at the first step) as they come, until the loop over it ends.

        No thread waits for them: cancel the task, or leave the loop. The asynchronous twin of `segue.Session.watch`.
        """
        port, seen = self._store.port, ""
        at = (await cross(lambda: port.info(self.id))).head.seq if after is None else after

        def look() -> tuple[str, list[Event]]:
            stamp = port.stamp(self.id)
            return stamp, [] if stamp == seen else list(islice(self.sync.watch(at, stop=lambda: True), _PAGE))

        while True:
            stamp, page = await cross(look)
            for event in page:
                at = event.seq
                yield event
            if len(page) < _PAGE:
                seen = stamp
                await asyncio.sleep(_POLL)

    async def _write(self, what: str, call: Callable[[], R]) -> R:
        found: R = await self._store._lanes.ask(self.id, Turn(f"{what} of {self.id}", None, call))  # noqa: SLF001
        return found

    def _beside(self, sync: api.Session) -> "Session":
        """Return another session of the same store."""
        return Session(self._store, sync)

    def __repr__(self) -> str:
        return f"<segue asynchronous session {self.id}>"
