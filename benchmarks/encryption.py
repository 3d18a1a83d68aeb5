"""What it costs that a store is encrypted: the same work on one in the clear and on one under a key, in turns."""

import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

from benchmarks.contenders import S, opened
from benchmarks.corpus import small
from benchmarks.measure import rounds
from benchmarks.sizes import STATE, load, stored
from segue.core.log.events import Draft
from segue.core.log.ids import named_uuid
from segue.core.log.storekeys import id_of
from segue.core.session.state import fold
from segue.ports import Snapshot
from segue.stores.index.driver import ENCRYPTED
from segue.stores.index.index import SqliteIndex
from segue.stores.log import LogStore
from segue.stores.log.cipher import SCHEME, Scheme, write_scheme

KINDS = ("plain", "encrypted")
_KEY = os.urandom(32)


class _Ring:
    """The one key that there is."""

    def key(self, _id: str, _place: str = "") -> bytes:
        """Return it."""
        return _KEY


class _Place(NamedTuple):
    """A store of one kind: where it is, and how it is opened."""

    path: Path
    encrypted: bool

    def open(self, durability: str = "strict") -> LogStore:
        if self.encrypted and not self.path.exists():
            opened(self.path).close()
            write_scheme(self.path / SCHEME, Scheme(id_of(_KEY)))
        return opened(self.path, durability=durability, keys=_Ring())

    def index(self, store: LogStore) -> SqliteIndex:
        return SqliteIndex(store, self.path / "index.sqlite", key=store.cipher.index_key)


def measure(place: Path, count: int, events: int, sessions: int) -> dict[str, Any]:
    """Return medians of *count* rounds, seconds and CPU in the clear and encrypted; and bytes of the sessions and their index.

    Args:
        place: an empty directory.
        count: rounds.
        events: messages in the session that is loaded and searched.
        sessions: sessions of 100 messages that are taken into the index.
    """
    with ExitStack() as stack:
        work = {kind: _work(_Place(place / kind, kind == "encrypted"), events, sessions, stack) for kind in KINDS}
        table = {name: _in_turns({kind: work[kind][name] for kind in KINDS}, count) for name in work["plain"]}
    found: dict[str, Any] = {"table": table, "bytes": {kind: stored(place / kind / "sessions") for kind in KINDS}}
    found["index"] = {kind: sum(f.stat().st_size for f in (place / kind).glob("index.sqlite*")) for kind in KINDS}
    found["in memory"] = _in_memory(_Place(place / "encrypted", encrypted=True))
    return found


def _in_turns(steps: dict[str, "_Step"], count: int) -> dict[str, dict[str, float]]:
    times = next(iter(steps.values())).times
    done = rounds({kind: step.call for kind, step in steps.items()}, count, dict.fromkeys(steps, times))
    median = statistics.median
    found = {kind: {"seconds": median(r[kind].median for r in done), "cpu": median(r[kind].cpu for r in done)} for kind in steps}
    pairs = [(r["encrypted"], r["plain"]) for r in done]
    found["ratio"] = {"seconds": median(a.median / b.median for a, b in pairs), "cpu": median(a.cpu / b.cpu for a, b in pairs)}
    return found


class _Step(NamedTuple):
    call: Callable[[int], object]
    times: int


def _work(where: _Place, events: int, sessions: int, stack: ExitStack) -> dict[str, _Step]:
    made = small(2_000, 400)
    _fill(where, made, events, sessions)
    store = stack.enter_context(closing(where.open()))
    writing = named_uuid("written")
    store.create(writing, [Draft("session.created", {})])
    index = stack.enter_context(closing(where.index(store)))
    index.catch_up()

    def afresh(call: Callable[[LogStore], object]) -> Callable[[int], object]:
        def run(_n: int) -> object:
            with closing(where.open()) as fresh:
                return call(fresh)

        return run

    def found(fresh: LogStore) -> object:
        with closing(where.index(fresh)) as own:
            return own.search("return isinstance").hits[0]

    return {
        "append one message, durably": _Step(lambda n: store.append(writing, [made[n % 2_000]]), 40),
        "append 100 messages, durably": _Step(lambda n: store.append(writing, made[n % 19 * 100 :][:100]), 5),
        "open the store and load a state by its snapshot": _Step(afresh(load), 5),
        f"read {events:,} events of a sealed log": _Step(lambda _n: sum(1 for _ in store.read(S)), 1),
        f"take {sessions + 2} sessions into a new index": _Step(lambda _n: index.rebuild(), 1),
        "open store and index, and search": _Step(afresh(found), 5),
        "search, two words": _Step(lambda _n: index.search("return isinstance"), 10),
        "search, a very common word, best first": _Step(lambda _n: index.search("self", order="best"), 5),
    }


def _fill(where: _Place, made: list[Draft], events: int, sessions: int) -> None:
    with closing(where.open("relaxed")) as store:
        store.create(S, [Draft("session.created", {})])
        for first in range(0, events, 500):
            store.append(S, made[first % 2_000 :][: min(500, events - first)])
        state = fold(store.read(S, upto=events - 99))
        store.put_snapshot(S, Snapshot(state.seq, state.digest, STATE, state.to_bytes()))
        store.seal(S, whole=True)
        for n in range(sessions):
            store.create(named_uuid("searched", str(n)), [Draft("session.created", {}), *made[n * 100 % 1_900 :][:100]])


def _in_memory(where: _Place) -> dict[str, float]:
    """Return what a command waits for that has no sqlcipher3: everything is taken in anew. Snapshots of states are there."""
    with closing(where.open()) as store, _without_sqlcipher(), closing(where.index(store)) as index:
        start, cpu = time.perf_counter(), time.process_time()
        index.catch_up()
        status = index.status()
        seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    return {"seconds": seconds, "cpu": cpu, "sessions": status.sessions, "entries": status.entries}


@contextmanager
def _without_sqlcipher() -> Iterator[None]:
    with patch.dict(sys.modules, {ENCRYPTED: None}):
        yield
