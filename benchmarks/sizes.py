"""How much room sessions take, and what a fork, a load and a look at the end cost, for logs of different lengths."""

import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from benchmarks.contenders import S, opened
from benchmarks.corpus import Conversation, raw_bytes, small
from benchmarks.measure import clocked
from segue.core.log.events import Draft, ForkPoint
from segue.core.log.ids import named_uuid
from segue.core.session.state import SCHEMA, State, fold
from segue.ports import Snapshot, Store
from segue.stores.log import LogStore

STATE = str(SCHEMA)


def stored(place: Path) -> int:
    """Return the bytes of all files under *place*."""
    return sum(p.stat().st_size for p in place.rglob("*") if p.is_file())


def sealed_size(place: Path, turns: int) -> tuple[int, int]:
    """Return the bytes of a sealed store with a checkpoint and a snapshot at every turn, and those of its events' bodies."""
    with closing(opened(place, durability="relaxed")) as store:
        store.create(S, [Draft("session.created", {"task": "measure"})])
        state, raw = fold(store.read(S)), 0
        for number, drafts in enumerate(Conversation(seed=turns).turns(turns)):
            position = store.append(S, drafts).head.seq
            named = {
                "name": f"RECOVERY-260115-001-AUTO-SAVE-{number}",
                "position": position,
                "automatic": True,
                "trigger": "turn",
            }
            head = store.append(S, [Draft("checkpoint.created", named)]).head
            state = fold(store.read(S, after=state.seq), state)
            store.put_snapshot(S, Snapshot(head.seq, head.digest, STATE, state.to_bytes()))
            raw += sum(map(raw_bytes, drafts))
        store.seal(S, whole=True)
        if sum(1 for _ in store.read(S)) != 1 + 5 * turns:
            raise AssertionError("the sealed session lost events")
    return stored(place), raw


def long_log(place: Path, events: int, size: int) -> LogStore:
    """Return a store with a session of *events* messages of about *size* bytes and a snapshot of its state 100 from the end."""
    with closing(opened(place, durability="relaxed")) as store:
        store.create(S, [Draft("session.created", {})])
        made = small(min(events, 2000), size)
        for first in range(0, events, 500):
            store.append(S, made[first % 2000 : first % 2000 + min(500, events - first)])
        state = fold(store.read(S, upto=events - 99))
        store.put_snapshot(S, Snapshot(state.seq, state.digest, STATE, state.to_bytes()))
    return opened(place)


def load(store: Store) -> State:
    """Return the state of the session, from its snapshot and the tail."""
    kept = store.snapshot(S, STATE)
    if kept is None:
        return fold(store.read(S))
    return fold(store.read(S, after=kept.seq), State.from_bytes(kept.data))


def reads(place: Path, events: int, size: int) -> dict[str, float]:
    """Return seconds: the last 200 events (cold and warm), loading by snapshot, replay of all, a fork."""
    store = long_log(place / str(events), events, size)
    last = store.info(S).head

    def cold(call: Callable[[LogStore], Any]) -> Callable[[], object]:
        def run() -> object:
            with closing(opened(store.path)) as fresh:
                return call(fresh)

        return run

    def tail(of: LogStore) -> list[Any]:
        return list(of.read(S, after=last.seq - 200))

    forks = iter(range(1000))

    def fork() -> object:
        child = named_uuid("fork", str(next(forks)))
        return store.create(child, [Draft("session.forked", {"parent": {}})], fork=ForkPoint(S, *last))

    found = {
        "tail, cold": clocked(cold(tail), 9),
        "tail, warm": clocked(lambda: tail(store), 9),
        "load by snapshot": clocked(cold(load), 7),
        "replay": clocked(cold(lambda fresh: fold(fresh.read(S))), 1 if events > 20_000 else 3),
        "fork": clocked(fork, 9),
    }
    store.close()
    return found


def langgraph_sizes(place: Path, turns: tuple[int, ...], stock: int) -> dict[str, dict[int, int]]:
    """Return the bytes after so many turns of a chat: LangGraph on segue, and its own SQLite saver up to *stock* turns."""
    import sqlite3

    from langgraph.checkpoint.sqlite import SqliteSaver

    from segue.integrations.langgraph import SegueSaver

    found: dict[str, dict[int, int]] = {"segue": {}, "segue, sealed": {}, "SqliteSaver": {}}
    with closing(opened(place / "segue", durability="relaxed")) as store:
        say = chat(SegueSaver(store))
        for count in turns:
            say(count)
            found["segue"][count] = stored(place / "segue")
        for session in store.sessions():
            store.seal(session, whole=True)
        found["segue, sealed"][turns[-1]] = stored(place / "segue")
    (place / "own").mkdir()
    with closing(sqlite3.connect(place / "own" / "saver.db", check_same_thread=False)) as db:
        db.execute("pragma synchronous=off")
        saver = SqliteSaver(db)
        saver.setup()
        db.execute("pragma synchronous=off")
        say = chat(saver)
        for count in turns:
            if count <= stock:
                say(count)
                found["SqliteSaver"][count] = stored(place / "own")
    return found


def chat(saver: Any) -> Callable[[int], None]:
    from langchain_core.messages import AIMessage, HumanMessage
    from langgraph.graph import START, MessagesState, StateGraph

    texts = [d.body["parts"][0]["content"] for d in small(400, 1600)]
    graph = StateGraph(MessagesState)
    graph.add_node("answer", lambda state: {"messages": [AIMessage(texts[len(state["messages"]) % 400])]})
    graph.add_edge(START, "answer")
    app, done = graph.compile(checkpointer=saver), [0]

    def say(upto: int) -> None:
        for n in range(done[0], upto):
            app.invoke({"messages": [HumanMessage(texts[-n % 400][:400])]}, {"configurable": {"thread_id": "t"}})
        done[0] = upto

    return say


def imports(place: Path, samples: Path) -> dict[str, Any] | None:
    """Return bytes, records and seconds of importing the long samples, or None where they are not."""
    import gzip

    packed = sorted(samples.glob("*.jsonl.gz")) if samples.is_dir() else []
    if not packed:
        return None
    from segue.engine.capture.importing import import_paths
    from segue.host.clock import SystemClock
    from segue.transcripts import transcripts

    paths = []
    for p in packed:
        path = place / p.name.removesuffix(".gz")
        path.write_bytes(gzip.decompress(p.read_bytes()))
        paths.append(path)
    reader = transcripts()
    size, found = sum(p.stat().st_size for p in paths), []
    for n in range(3):
        with closing(opened(place / f"store{n}")) as store:
            start, cpu = time.perf_counter(), time.process_time()
            done = import_paths(store, reader, [str(p) for p in paths], clock=SystemClock())
            found.append((time.perf_counter() - start, time.process_time() - cpu))
            events = sum(s.events for s in done.sessions)
            start = time.perf_counter()
            again = import_paths(store, reader, [str(p) for p in paths], clock=SystemClock())
            second = time.perf_counter() - start
            new = sum(s.new_events for s in again.sessions)
    wall, cpu = min(found)
    return {"bytes": size, "events": events, "seconds": wall, "cpu": cpu, "again": second, "new": new}
