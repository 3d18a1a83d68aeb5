"""The memory that threads share: LangGraph's `BaseStore`, in terms of one session and what is known of it."""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from copy import deepcopy
from typing import Any, Final, NamedTuple, TypeVar

from langgraph.store.base import (
    BaseStore,
    Embeddings,
    GetOp,
    IndexConfig,
    Item,
    ListNamespacesOp,
    Op,
    PutOp,
    Result,
    SearchItem,
    SearchOp,
    TTLConfig,
    ensure_embeddings,
    get_text_at_path,
    tokenize_path,
)

from segue.core.errors import HeadMovedError, NotFoundError, SegueError
from segue.core.log.events import ANY, Draft
from segue.engine import foreign
from segue.engine.foreign import Foreign
from segue.host.clock import SystemClock
from segue.host.threads import in_thread
from segue.integrations.langgraph._matching import check_labels, cosines, fits, named
from segue.integrations.langgraph._memory import Entry, Memory, Name, ended, items_draft, moment, packed, read_draft, unpacked
from segue.ports import Clock, Opened, Store, port_of

R = TypeVar("R")

_AGENT: Final = "langgraph-store"
_PUT_OFF: Final = 0.01
"""A read is noted when it puts an item's end off by at least this share of its time."""
_DEAD: Final = 256
"""From so many dead events on, and when they are more than the others, their contents are erased."""

Vectors = Mapping[tuple[str, str], Sequence[float]]
"""Where the texts of items lie, and queries: ("text", ...) and ("query", ...)."""


class SegueStore(BaseStore):
    """LangGraph's long-term memory on an open store: synchronous and asynchronous, for many processes at once.

    What was put is on disk when the call returns; a batch is one write and one sync, and is there whole or not at all. The
    reads of a batch see what was there before it. All items are held in memory as well; every call sees what others
    put before it. Values are JSON. The store stays the caller's: closing it is his.

    An item with a time to live is not seen any more when that is over; reading it puts the end off (`refresh_on_read`), noted
    to a hundredth of its time. What was replaced, taken away or has ended is erased from the log by `sweep_ttl`, and when
    there is more of it than of what is left.

    Example:
        >>> import segue
        >>> memory = SegueStore(segue.open("memory://"))
        >>> memory.put(("users", "ada"), "likes", {"fruit": "pears"})
        >>> memory.get(("users", "ada"), "likes").value
        {'fruit': 'pears'}
    """

    supports_ttl = True

    def __init__(
        self,
        store: Store | Opened,
        *,
        name: str = "memory",
        index: IndexConfig | None = None,
        ttl: TTLConfig | None = None,
        clock: Clock | None = None,
    ) -> None:
        """Keep items in *store*.

        Args:
            store: an open store.
            name: one store can hold several memories that know nothing of each other.
            index: how texts of the items become vectors, for searches by meaning: LangGraph's `IndexConfig`.
            ttl: LangGraph's `TTLConfig`. Items that have ended are never returned, whatever `omit_expired` says.
            clock: tells the time.
        """
        self.store = port_of(store)
        self.ttl_config = ttl
        self.index_config = index
        self.embeddings: Embeddings | None = ensure_embeddings(index.get("embed")) if index else None
        self._name = Foreign(_AGENT, (name,))
        self._clock = clock or SystemClock()
        self._lock = threading.Lock()
        self._memory: Memory | None = None
        self._sweeper: tuple[threading.Thread, threading.Event] | None = None

    def batch(self, ops: Iterable[Op]) -> list[Result]:
        """Do all of *ops* and return what each gives, in their order."""
        asked = _checked(ops)
        return self._run(asked, self._embed(asked))

    async def abatch(self, ops: Iterable[Op]) -> list[Result]:
        """See `batch`."""
        asked = _checked(ops)
        texts, queries = self._wanted(asked)
        vectors: dict[tuple[str, str], Sequence[float]] = {}
        if self.embeddings and texts:
            vectors |= _paired(texts, await self.embeddings.aembed_documents(texts))
        if self.embeddings:
            for query in queries:
                vectors["query", query] = await self.embeddings.aembed_query(query)
        return await in_thread(self._run, asked, vectors)

    # --- what ends

    def sweep_ttl(self) -> int:
        """Take away what has ended and return how many items that were; erase what nothing holds any more."""

        def sweep(memory: Memory) -> tuple[int, list[Draft], int]:
            now = self._clock.now()
            gone = [{"ns": [*ns], "key": key} for ns, key, entry in memory.all() if ended(entry, now)]
            return len(gone), [items_draft(gone)] if gone else [], memory.seq

        def move(memory: Memory) -> tuple[None, list[Draft], int]:
            moved = memory.remains()
            return None, [items_draft(moved)] if moved else [], memory.seq

        count = self._do(sweep)
        self._do(move)
        self._erase(at_least=1)
        return count

    def start_ttl_sweeper(self, sweep_interval_minutes: float | None = None) -> None:
        """Sweep again and again in a thread, every so many minutes: by default as configured, or 5. Once begun it goes on."""
        minutes = sweep_interval_minutes or (self.ttl_config or {}).get("sweep_interval_minutes") or 5
        with self._lock:
            if self._sweeper is None:
                stop = threading.Event()
                thread = threading.Thread(target=self._sweep_on, args=(minutes * 60, stop), name="segue-sweeper", daemon=True)
                self._sweeper = thread, stop
                thread.start()

    def stop_ttl_sweeper(self, timeout: float | None = None) -> bool:
        """End the sweeper and return whether it has ended, within *timeout* seconds."""
        with self._lock:
            sweeper, self._sweeper = self._sweeper, None
        if sweeper is None:
            return True
        sweeper[1].set()
        sweeper[0].join(timeout)
        return not sweeper[0].is_alive()

    def _sweep_on(self, interval: float, stop: threading.Event) -> None:
        while not stop.wait(interval):
            with suppress(SegueError):  # a full disk, a held lock: what has ended is not shown, and goes the next time
                self.sweep_ttl()

    # --- a batch

    def _run(self, ops: Sequence[Op], vectors: Vectors) -> list[Result]:
        def run(memory: Memory) -> tuple[list[Result], list[Draft], int]:
            batch = _Batch(memory, self._clock.now(), vectors)
            results = [batch.result(op) for op in ops]
            puts = {(op.namespace, op.key): op for op in ops if isinstance(op, PutOp)}
            items = [self._item(op, vectors) for op in puts.values()]
            touched = [name for name in batch.touched if name not in puts]
            drafts = [items_draft(items)] if items else []
            return results, [*drafts, read_draft(touched)] if touched else drafts, ANY

        results = self._do(run)
        self._erase(at_least=_DEAD)
        return results

    def _item(self, op: PutOp, vectors: Vectors) -> dict[str, Any]:
        item: dict[str, Any] = {"ns": [*op.namespace], "key": op.key}
        if op.value is not None:
            item["value"] = dict(op.value)
            if op.ttl is not None:
                item["ttl"] = float(op.ttl)
            if found := {path: packed(vectors["text", text]) for path, text in self._texts(op)}:
                item["vectors"] = found
        return item

    def _do(self, what: Callable[[Memory], tuple[R, list[Draft], int]]) -> R:
        """Return what *what* finds in the memory as it is now, once the events that it gives are on disk."""
        while True:
            memory = self._found()
            try:
                with memory.lock:
                    memory.catch_up(self.store)
                    found, drafts, expect = what(memory)
                if drafts:
                    self.store.append(memory.session, drafts, expect=expect)
            except HeadMovedError:
                continue
            except NotFoundError:  # deleted by another: it begins anew
                self._memory = None
            else:
                return found

    def _found(self) -> Memory:
        with self._lock:
            if self._memory is None:
                self._memory = Memory(foreign.ensure(self.store, self._name, clock=self._clock))
            return self._memory

    def _erase(self, at_least: int) -> None:
        memory = self._found()
        if at_least > 1 and len(memory.held) < at_least:
            return
        try:
            with memory.lock:
                memory.catch_up(self.store)
                dead = memory.dead()
                enough = at_least == 1 or 2 * len(dead) > len(memory.held)
            if len(dead) >= at_least and enough:
                self.store.erase(memory.session, dead, {"why": "replaced, deleted or expired", "by": _AGENT})
        except NotFoundError:
            self._memory = None

    # --- meaning

    def _embed(self, ops: Sequence[Op]) -> Vectors:
        texts, queries = self._wanted(ops)
        vectors: dict[tuple[str, str], Sequence[float]] = {}
        if self.embeddings and texts:
            vectors |= _paired(texts, self.embeddings.embed_documents(texts))
        if self.embeddings:
            vectors |= {("query", query): self.embeddings.embed_query(query) for query in queries}
        return vectors

    def _wanted(self, ops: Sequence[Op]) -> tuple[list[str], list[str]]:
        """Return the texts and the queries of which vectors are needed, each once."""
        if not self.embeddings:
            return [], []
        puts = {(op.namespace, op.key): op for op in ops if isinstance(op, PutOp)}
        texts = dict.fromkeys(text for op in puts.values() for _, text in self._texts(op))
        return [*texts], [*dict.fromkeys(op.query for op in ops if isinstance(op, SearchOp) and op.query)]

    def _texts(self, op: PutOp) -> list[tuple[str, str]]:
        """Return the texts of an item that are searched by meaning, and where each stands."""
        if not self.embeddings or op.value is None or op.index is False:
            return []
        paths = op.index if op.index is not None else (self.index_config or {}).get("fields") or ["$"]
        found = []
        for path in paths:
            texts = get_text_at_path(op.value, path if path == "$" else tokenize_path(path))
            found += [(f"{path}.{i}" if len(texts) > 1 else path, text) for i, text in enumerate(texts)]
        return found


class _Batch:
    """The reads of one batch."""

    def __init__(self, memory: Memory, now: float, vectors: Vectors) -> None:
        self._memory, self._now, self._vectors = memory, now, vectors
        self.touched: dict[Name, None] = {}
        """Items whose end is put off, because they were read."""

    def result(self, op: Op) -> Result:
        """Return what one operation gives."""
        if isinstance(op, GetOp):
            entry = self._memory.get(op.namespace, op.key)
            if entry is None or ended(entry, self._now):
                return None
            self._touch(op.namespace, op.key, entry, refresh=op.refresh_ttl)
            return Item(**_fields(op.namespace, op.key, entry))
        if isinstance(op, SearchOp):
            return self._search(op)
        if isinstance(op, ListNamespacesOp):
            there = {ns for ns, _, entry in self._memory.all() if not ended(entry, self._now)}
            found = named(there, op.match_conditions or (), op.max_depth)
            return found[_page(op.offset, op.limit)]
        return None

    def _search(self, op: SearchOp) -> list[SearchItem]:
        found = [
            _Found(ns, key, entry, None)
            for ns, key, entry in self._memory.all(op.namespace_prefix)
            if not ended(entry, self._now) and fits(entry.value, op.filter)
        ]
        if op.query and (query := self._vectors.get(("query", op.query))) is not None:
            found = _ranked(found, query)
        page = found[_page(op.offset, op.limit)]
        for one in page:
            self._touch(one.ns, one.key, one.entry, refresh=op.refresh_ttl)
        return [SearchItem(**_fields(one.ns, one.key, one.entry), score=one.score) for one in page]

    def _touch(self, ns: tuple[str, ...], key: str, entry: Entry, *, refresh: bool) -> None:
        if refresh and entry.ttl is not None and self._now - entry.read >= entry.ttl * 60 * _PUT_OFF:
            self.touched[ns, key] = None


class _Found(NamedTuple):
    ns: tuple[str, ...]
    key: str
    entry: Entry
    score: float | None


def _ranked(found: Sequence[_Found], query: Sequence[float]) -> list[_Found]:
    """Return items by the nearest of their vectors, and then those that have none."""
    scored = []
    for one in found:
        near = cosines(query, [v for text in one.entry.vectors.values() if len(v := unpacked(text)) == len(query)])
        scored.append(one._replace(score=max(near)) if near else one)
    return sorted(scored, key=lambda one: (one.score is None, -(one.score or 0.0)))


def _checked(ops: Iterable[Op]) -> list[Op]:
    asked = []
    for op in ops:
        if not isinstance(op, (GetOp, SearchOp, PutOp, ListNamespacesOp)):
            raise TypeError(f"an operation of a store, not {type(op).__name__}")
        for namespace in _namespaces(op):
            check_labels(namespace)
        asked.append(op)
    return asked


def _namespaces(op: Op) -> list[tuple[str, ...]]:
    if isinstance(op, SearchOp):
        return [op.namespace_prefix]
    if isinstance(op, ListNamespacesOp):
        return [tuple(condition.path) for condition in op.match_conditions or ()]
    return [op.namespace]


def _fields(ns: tuple[str, ...], key: str, entry: Entry) -> dict[str, Any]:
    return {
        "namespace": ns,
        "key": key,
        "value": deepcopy(entry.value),
        "created_at": moment(entry.created),
        "updated_at": moment(entry.updated),
    }


def _page(offset: int, limit: int) -> slice:
    return slice(max(offset, 0), max(offset, 0) + max(limit, 0))


def _paired(texts: Sequence[str], vectors: Sequence[Sequence[float]]) -> dict[tuple[str, str], Sequence[float]]:
    if len(texts) != len(vectors):
        raise ValueError(f"{len(texts)} texts were given to be embedded, {len(vectors)} vectors came back")
    return {("text", text): vector for text, vector in zip(texts, vectors, strict=True)}
