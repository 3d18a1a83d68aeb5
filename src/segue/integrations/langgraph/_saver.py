"""The checkpointer: what LangGraph calls, in terms of threads and what is known of them."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, cast

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    WRITES_IDX_MAP,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    DeltaChannelHistory,
    get_checkpoint_id,
    get_checkpoint_metadata,
)
from langgraph.checkpoint.serde.base import SerializerProtocol
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from segue.host.clock import SystemClock
from segue.integrations.langgraph import _dropping
from segue.integrations.langgraph._fold import WRITE, Stored
from segue.integrations.langgraph._putting import Put
from segue.integrations.langgraph._thread import Made, Thread, draft
from segue.integrations.langgraph._threads import Threads
from segue.integrations.langgraph._twins import Twins
from segue.integrations.langgraph._values import Codec, Typed
from segue.ports import Clock, Opened, Store, port_of

_listed = list
"""The built-in, which `SegueSaver.list` hides inside its class."""


class SegueSaver(Twins):
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
        self._threads = Threads(self.store, clock or SystemClock())

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

        def describe(thread: Thread) -> Made:
            before = thread.checkpoints.get((ns, parent)) if parent else None
            if parent and before is None:
                thread.catch_up(self.store)
                before = thread.checkpoints.get((ns, parent))
            same, changed = _split(before, checkpoint, new_versions, codec)
            body = {"checkpoint": checkpoint["id"], "parent": parent, "state": state, "metadata": packed, "same": same}
            return Put(thread, ns, checkpoint["id"], codec).drafts(before, changed, new_versions, body)

        self._threads.put(thread_id, describe)
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
        self._threads.append(thread_id, drafts, on_key="replace" if special else "ignore")

    # --- taking away, copying

    def delete_thread(self, thread_id: str) -> None:
        """Take a thread away, all its namespaces and writes. One that is not there is no error."""
        self._threads.delete(str(thread_id))

    def delete_for_runs(self, run_ids: Sequence[str]) -> None:
        """Take away the checkpoints of runs, in all threads, with their writes and what was said in them alone.

        What later checkpoints have of these runs stays theirs: their state is the same before and after. Unknown runs
        are no error.
        """
        if runs := {str(run) for run in run_ids}:
            for thread_id in self._threads.ids():
                self._threads.drop(thread_id, _dropping.of_runs(runs), self._codec(), said=True)

    def copy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        """Begin a thread that has all that another one has, and goes its own way from there: a fork, nothing is copied.

        Neither changes when the other is pruned or deleted. An unknown source is no error.

        Raises:
            ExistsError: the target is there already.
        """
        self._threads.copy(str(source_thread_id), str(target_thread_id))

    def prune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        """Make threads smaller. Unknown ones are no error.

        `keep_latest` keeps the newest checkpoint of each namespace, its writes, and all that its state consists of: also what
        channels that store their changes only are rebuilt from. What was said stays in the session, readable by segue.
        `delete` takes the threads away. Either way contents are erased from the log when it returns; a line without
        contents stays for each event, and what a copied thread shares stays as long as that one does.

        Raises:
            ValueError: there is no such strategy.
            DamagedError: what is to be kept cannot be read; nothing was taken away.
        """
        if strategy not in {"keep_latest", "delete"}:
            raise ValueError(f"there is no strategy {strategy!r}: it is 'keep_latest' or 'delete'")
        for thread_id in map(str, thread_ids):
            if strategy == "delete":
                self._threads.delete(thread_id)
            else:
                self._threads.drop(thread_id, _dropping.older, self._codec(), said=False)

    # --- reading

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Return the checkpoint that *config* names, or its namespace's latest, or None."""
        thread_id, ns, checkpoint = _place(config)
        return self._threads.read(thread_id, lambda thread: self._tuple(thread_id, thread, _stored(thread, ns, checkpoint)))

    def get_delta_channel_history(self, *, config: RunnableConfig, channels: Sequence[str]) -> Mapping[str, DeltaChannelHistory]:
        """Return what channels that store their changes only are rebuilt from, at the checkpoint that *config* names.

        Per channel: the writes on the way from the nearest ancestor that has its value, oldest first, and that value.
        What a prune dropped of them is kept with the checkpoint that needs it.
        """
        thread_id, ns, checkpoint = _place(config)
        codec = self._codec()

        def look(thread: Thread) -> dict[str, DeltaChannelHistory]:
            stored = _stored(thread, ns, checkpoint)
            found: dict[str, DeltaChannelHistory] = {channel: {"writes": []} for channel in channels}
            for channel, past in _dropping.history(thread, stored, channels).items() if stored else ():
                found[channel]["writes"] = [(task, channel, codec.load(value)) for task, value in past.writes]
                if isinstance(past.seed, tuple):
                    found[channel]["seed"] = thread.value(*past.seed, codec)
                elif past.seed is not None:
                    found[channel]["seed"] = thread.kept_value(past.seed, codec)
            return found

        return self._threads.read(thread_id, look) or {channel: {"writes": []} for channel in channels}

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
        threads = [str(wanted["thread_id"])] if "thread_id" in wanted else self._threads.ids()
        ns, checkpoint = wanted.get("checkpoint_ns"), wanted.get("checkpoint_id")
        for thread_id in threads:
            for n, c in self._threads.read(thread_id, lambda thread: _listed(thread.checkpoints)) or ():
                if ns in {None, n} and checkpoint in {None, c}:
                    yield c, thread_id, n

    def _load(self, place: tuple[str, str, str], filter: dict[str, Any] | None) -> CheckpointTuple | None:
        checkpoint, thread_id, ns = place

        def load(thread: Thread) -> CheckpointTuple | None:
            stored = thread.checkpoints.get((ns, checkpoint))
            metadata = self._codec().load(stored.metadata) if filter and stored else {}
            if any(metadata.get(k) != v for k, v in (filter or {}).items()):
                return None
            return self._tuple(thread_id, thread, stored)

        return self._threads.read(thread_id, load)

    def _tuple(self, thread_id: str, thread: Thread, stored: Stored | None) -> CheckpointTuple | None:
        if stored is None:
            return None
        codec = self._codec()
        values = {channel: thread.value(seq, channel, codec) for channel, seq in stored.values.items()}
        return CheckpointTuple(
            config=_config(thread_id, stored.ns, stored.id),
            checkpoint=cast("Checkpoint", {**codec.load(stored.state), "channel_values": values}),
            metadata=codec.load(stored.metadata),
            parent_config=_config(thread_id, stored.ns, stored.parent) if stored.parent else None,
            pending_writes=[(w.task, w.channel, codec.load(w.value)) for w in thread.pending(stored.place)],
        )

    def _codec(self) -> Codec:
        """Return the serialiser, with its encryption apart where it has one: equal elements encrypt to different bytes."""
        serde = self.serde
        if not isinstance(serde, EncryptedSerializer):
            known = _is_own("dumps_typed", serde)  # another one may hide what it serialises
            joins = known and _is_own("loads_typed", serde)
            return Codec(serde.dumps_typed, serde.loads_typed, readable=known, repeats=known, joins=joins)
        inner, cipher = serde.serde, serde.cipher

        def seal(typed: Typed) -> Typed:
            name, data = cipher.encrypt(typed[1])
            return f"{typed[0]}+{name}", data

        def unseal(typed: Typed) -> Typed:
            kind, plus, name = typed[0].partition("+")
            return (kind, cipher.decrypt(name, typed[1])) if plus else typed

        known = _is_own("dumps_typed", inner)
        joins = known and _is_own("loads_typed", inner)
        return Codec(inner.dumps_typed, inner.loads_typed, repeats=known, joins=joins, seal=seal, open=unseal)


def _is_own(method: str, serde: object) -> bool:
    """Return whether a serialiser's method is LangGraph's own: of another one nothing is known."""
    return getattr(type(serde), method, None) is getattr(JsonPlusSerializer, method)


def _split(
    before: Stored | None, checkpoint: Checkpoint, new_versions: ChannelVersions, codec: Codec
) -> tuple[dict[str, int], dict[str, Any]]:
    """Return where unchanged channels' values are, and the values that are to be stored.

    A channel that the parent does not have in that version is stored, changed or not.
    """
    values, versions = checkpoint["channel_values"], checkpoint["channel_versions"]
    known = codec.load(before.state)["channel_versions"] if before else {}
    same = {
        channel: before.values[channel]
        for channel, version in versions.items()
        if before and channel not in new_versions and channel in before.values and known.get(channel) == version
    }
    return same, {c: v for c, v in values.items() if c in versions and c not in same}


def _stored(thread: Thread, ns: str, checkpoint: str | None) -> Stored | None:
    return thread.checkpoints.get((ns, checkpoint)) if checkpoint else thread.latest(ns)


def _place(config: RunnableConfig) -> tuple[str, str, str | None]:
    wanted = config["configurable"]
    return str(wanted["thread_id"]), wanted.get("checkpoint_ns") or "", wanted.get("checkpoint_id")


def _config(thread_id: str, ns: str, checkpoint: str) -> RunnableConfig:
    return {"configurable": {"thread_id": thread_id, "checkpoint_ns": ns, "checkpoint_id": checkpoint}}
