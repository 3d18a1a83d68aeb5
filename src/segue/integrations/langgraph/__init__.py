"""LangGraph on a segue store: `SegueSaver(store)` is a checkpointer.

A thread is a session, a namespace a stream of it. A checkpoint is one event with the values of the channels that
changed; a pending write is one event, keyed by checkpoint, task and index. State goes through the framework's own
serialiser (encryption included) and is stored as its typed bytes; lists are shared element by element, so a thread's
size grows with what was said in it, not with its square.
"""

from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from itertools import islice
from threading import Lock
from typing import Any, TypeVar, cast

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    WRITES_IDX_MAP,
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    get_checkpoint_id,
    get_checkpoint_metadata,
)
from langgraph.checkpoint.serde.base import SerializerProtocol
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer

from segue.core.errors import NotFoundError
from segue.core.log.events import Draft, KeyPolicy
from segue.engine import foreign
from segue.engine.foreign import Foreign
from segue.host.clock import SystemClock
from segue.host.threads import in_thread
from segue.integrations.langgraph._budget import BudgetHandler
from segue.integrations.langgraph._messages import messages
from segue.integrations.langgraph._thread import CHECKPOINT, WRITE, Stored, Thread, draft
from segue.integrations.langgraph._values import Codec, Typed
from segue.ports import Clock, Opened, Store, port_of

__all__ = ["BudgetHandler", "SegueSaver", "messages"]

R = TypeVar("R")

_AGENT = "langgraph"
_THREADS = 64
"""How many threads' folded checkpoints are kept in memory."""
_PAGE = 16
"""How many checkpoints an asynchronous listing loads for each crossing into a thread."""

_listed = list
"""The built-in, which `SegueSaver.list` hides inside its class."""


class SegueSaver(BaseCheckpointSaver[int]):
    """A LangGraph checkpointer on an open store: synchronous and asynchronous, for many threads and processes at once.

    What `put` and `put_writes` stored is on disk when they return, and one write, one sync each. Writers of one thread
    are never refused: like the framework's own savers, the greatest checkpoint id is the latest.
    The store stays the caller's: closing it is his.

    Example:
        >>> import segue
        >>> saver = SegueSaver(segue.open("memory://"))
        >>> saver.get_tuple({"configurable": {"thread_id": "1"}}) is None
        True
    """

    def __init__(self, store: Store | Opened, *, serde: SerializerProtocol | None = None, clock: Clock | None = None) -> None:
        """Save into *store*, with LangGraph's serialiser or another one of its kind; *clock* dates sessions' names."""
        super().__init__(serde=serde)
        self.store = port_of(store)
        self._clock = clock or SystemClock()
        self._threads: OrderedDict[str, Thread] = OrderedDict()
        self._lock = Lock()

    # --- writing

    def put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Store a checkpoint durably and return the config that names it. The same checkpoint again replaces it.

        Of the values, those of *new_versions* are stored; the others are the parent's.
        """
        thread_id, ns, parent = _place(config)
        codec = self._codec()
        state = codec.pack({k: v for k, v in checkpoint.items() if k != "channel_values"})
        packed = codec.pack(get_checkpoint_metadata(config, metadata))

        def drafts(thread: Thread) -> Sequence[Draft]:
            before = thread.checkpoints.get((ns, parent)) if parent else None
            if before is None:
                thread.catch_up(self.store)
                before = thread.checkpoints.get((ns, parent)) if parent else None
            same, changed = self._split(before, checkpoint, new_versions)
            bases = before or thread.latest(ns)
            values = {
                channel: thread.describe(channel, value, bases and bases.values.get(channel), codec)
                for channel, value in changed.items()
            }
            body = {
                "checkpoint": checkpoint["id"],
                "parent": parent,
                "state": state,
                "metadata": packed,
                "values": values,
                "same": same,
            }
            return [draft(CHECKPOINT, ns, (checkpoint["id"],), body)]

        self._append(thread_id, drafts, on_key="replace")
        return _config(thread_id, ns, checkpoint["id"])

    def put_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        """Store a task's writes durably, each keyed by checkpoint, task and index.

        Errors, interrupts and the like replace what the task wrote there before; ordinary writes that are known add
        nothing. The checkpoint itself may come later.
        """
        thread_id, ns, checkpoint = _place(config)
        if checkpoint is None:
            raise ValueError("writes belong to a checkpoint: the config has no checkpoint_id")
        codec = self._codec()
        drafts = [
            draft(
                WRITE,
                ns,
                (checkpoint, task_id, number),
                {
                    "checkpoint": checkpoint,
                    "task": task_id,
                    "path": task_path,
                    "idx": number,
                    "channel": channel,
                    "value": codec.pack(value),
                },
            )
            for number, channel, value in ((WRITES_IDX_MAP.get(c, i), c, v) for i, (c, v) in enumerate(writes))
        ]
        special = all(channel in WRITES_IDX_MAP for channel, _ in writes)
        self._append(thread_id, lambda _: drafts, on_key="replace" if special else "ignore")

    def delete_thread(self, thread_id: str) -> None:
        """Take a thread away, all its namespaces and writes. One that is not there is no error."""
        session = foreign.find(self.store, _foreign(thread_id))
        self._forget(thread_id)
        if session is not None:
            try:
                self.store.delete(session)
            except NotFoundError:
                return  # another was faster

    # --- reading

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Return the checkpoint that *config* names, or its namespace's latest, or None."""
        thread_id, ns, checkpoint = _place(config)
        return self._read(thread_id, lambda thread: self._tuple(thread_id, thread, ns, checkpoint))

    def list(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> Iterator[CheckpointTuple]:
        """Yield checkpoints, the greatest id first: of a thread, or of all; of a namespace, or of all of the thread's.

        *filter* compares metadata, all of it must fit. What is listed is decided at the first one; later ones are not
        seen. No lock is held while the caller looks at one.
        """
        id_before = get_checkpoint_id(before) if before else None
        found = (place for place in sorted(self._places(config), reverse=True) if id_before is None or place[0] < id_before)
        tuples = (self._load(place, filter) for place in found)
        yield from islice((t for t in tuples if t is not None), limit if limit is None else max(limit, 0))

    def _places(self, config: RunnableConfig | None) -> Iterator[tuple[str, str, str]]:
        """Yield (checkpoint id, thread id, namespace) of what a listing may show."""
        wanted = config["configurable"] if config else {}
        if "thread_id" in wanted:
            threads = [str(wanted["thread_id"])]
        else:
            threads = [f.parts[-1] for _, f in foreign.sessions_of(self.store, _AGENT)]
        ns, checkpoint = wanted.get("checkpoint_ns"), wanted.get("checkpoint_id")
        for thread_id in threads:
            for n, c in self._read(thread_id, lambda thread: _listed(thread.checkpoints)) or ():
                if ns in {None, n} and checkpoint in {None, c}:
                    yield c, thread_id, n

    def _load(self, place: tuple[str, str, str], filter: dict[str, Any] | None) -> CheckpointTuple | None:
        checkpoint, thread_id, ns = place

        def load(thread: Thread) -> CheckpointTuple | None:
            stored = thread.checkpoints.get((ns, checkpoint))
            if stored is None:
                return None
            metadata = self._codec().load(stored.metadata) if filter else {}
            if any(metadata.get(k) != v for k, v in (filter or {}).items()):
                return None
            return self._tuple(thread_id, thread, ns, checkpoint)

        return self._read(thread_id, load)

    def _tuple(self, thread_id: str, thread: Thread, ns: str, checkpoint: str | None) -> CheckpointTuple | None:
        stored = thread.checkpoints.get((ns, checkpoint)) if checkpoint else thread.latest(ns)
        if stored is None:
            return None
        codec = self._codec()
        values = {channel: thread.value(seq, channel, codec) for channel, seq in stored.values.items()}
        return CheckpointTuple(
            config=_config(thread_id, ns, stored.id),
            checkpoint=cast("Checkpoint", {**codec.load(stored.state), "channel_values": values}),
            metadata=codec.load(stored.metadata),
            parent_config=_config(thread_id, ns, stored.parent) if stored.parent else None,
            pending_writes=[(w.task, w.channel, codec.load(w.value)) for w in thread.pending((ns, stored.id))],
        )

    # --- the asynchronous twins: the same, in a thread

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """See `put`."""
        return await in_thread(self.put, config, checkpoint, metadata, new_versions)

    async def aput_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        """See `put_writes`."""
        await in_thread(self.put_writes, config, writes, task_id, task_path)

    async def adelete_thread(self, thread_id: str) -> None:
        """See `delete_thread`."""
        await in_thread(self.delete_thread, thread_id)

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """See `get_tuple`."""
        return await in_thread(self.get_tuple, config)

    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        """See `list`."""
        tuples = self.list(config, filter=filter, before=before, limit=limit)
        while page := await in_thread(_listed, islice(tuples, _PAGE)):
            for found in page:
                yield found

    # --- inside

    def _split(
        self, before: Stored | None, checkpoint: Checkpoint, new_versions: ChannelVersions
    ) -> tuple[dict[str, int], dict[str, Any]]:
        """Return where unchanged channels' values are, and the values that are to be stored.

        A channel that the parent does not have in that version is stored, changed or not.
        """
        values, versions = checkpoint["channel_values"], checkpoint["channel_versions"]
        known = self._codec().load(before.state)["channel_versions"] if before else {}
        same = {
            channel: before.values[channel]
            for channel, version in versions.items()
            if before and channel not in new_versions and channel in before.values and known.get(channel) == version
        }
        return same, {c: v for c, v in values.items() if c in versions and c not in same}

    def _codec(self) -> Codec:
        """Return the serialiser, with its encryption apart where it has one: equal elements encrypt to different bytes."""
        serde = self.serde
        if not isinstance(serde, EncryptedSerializer):
            return Codec(serde.dumps_typed, serde.loads_typed)
        inner, cipher = serde.serde, serde.cipher

        def seal(typed: Typed) -> Typed:
            name, data = cipher.encrypt(typed[1])
            return f"{typed[0]}+{name}", data

        def unseal(typed: Typed) -> Typed:
            kind, plus, name = typed[0].partition("+")
            return (kind, cipher.decrypt(name, typed[1])) if plus else typed

        return Codec(inner.dumps_typed, inner.loads_typed, seal, unseal)

    def _append(self, thread_id: str, drafts: Callable[[Thread], Sequence[Draft]], *, on_key: KeyPolicy) -> None:
        """Append what *drafts* makes of the thread, in its session, begun where it is not there.

        What the thread is known to hold is enough: what others appended since is behind it, and takes nothing back.
        """
        while True:
            thread = self._thread(thread_id)
            if thread is None:
                foreign.ensure(self.store, _foreign(thread_id), clock=self._clock)
                continue
            try:
                with thread.lock:
                    new = drafts(thread)
                if new:
                    commit = self.store.append(thread.session, new, on_key=on_key)
                    with thread.lock:
                        thread.take_own(new, commit)
            except NotFoundError:  # deleted by another: the thread begins anew
                self._forget(thread_id)
            else:
                return

    def _read(self, thread_id: str, look: Callable[[Thread], R]) -> R | None:
        """Return what *look* finds in the thread as it is now, or None where there is no such thread."""
        while (thread := self._thread(thread_id)) is not None:
            try:
                with thread.lock:
                    thread.catch_up(self.store)
                    return look(thread)
            except NotFoundError:
                self._forget(thread_id)
        return None

    def _thread(self, thread_id: str) -> Thread | None:
        with self._lock:
            thread = self._threads.get(thread_id)
            if thread is not None:
                self._threads.move_to_end(thread_id)
                return thread
        session = foreign.find(self.store, _foreign(thread_id))
        if session is None:
            return None
        with self._lock:
            thread = self._threads.setdefault(thread_id, Thread(session))
            while len(self._threads) > _THREADS:
                self._threads.popitem(last=False)
            return thread

    def _forget(self, thread_id: str) -> None:
        with self._lock:
            self._threads.pop(thread_id, None)


def _foreign(thread_id: str) -> Foreign:
    return Foreign(_AGENT, (str(thread_id),))


def _place(config: RunnableConfig) -> tuple[str, str, str | None]:
    wanted = config["configurable"]
    return str(wanted["thread_id"]), wanted.get("checkpoint_ns") or "", wanted.get("checkpoint_id")


def _config(thread_id: str, ns: str, checkpoint: str) -> RunnableConfig:
    return {"configurable": {"thread_id": thread_id, "checkpoint_ns": ns, "checkpoint_id": checkpoint}}
