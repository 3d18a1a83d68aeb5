"""The frameworks' own stores beside ours: loading a long session, and what one more turn of a graph costs.

Durable writes are measured by `worker.appends`, in turns with the raw floor. Every store is opened anew for each load.
"""

import gc
import json
import random
import sqlite3
import statistics
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from benchmarks import conversations
from benchmarks.contenders import Load, on_ours, opened, run, text_of
from benchmarks.corpus import small
from benchmarks.sizes import chat, stored

_BATCH = 200


def loads(place: Path, events: int, rounds: int) -> dict[str, dict[str, float]]:
    """Return for each store the median seconds and CPU seconds of loading a session of *events* messages of 2 kB.

    Beside these the CPU seconds of its first load, which nobody before it has made easier. What the load before left behind is
    collected first: else a store pays for its neighbour's garbage (one took 169 ms in one run and 274 in another).
    """
    made = small(2_000, 2_000)
    texts = [text_of(made[n % len(made)]) for n in range(events)]
    steps = {name: prepare(_directory(place, name), texts) for name, prepare in LOADERS.items()}
    took: dict[str, list[tuple[float, float]]] = {name: [] for name in steps}
    first: dict[str, float] = {}
    for number in range(rounds + 1):
        order = list(steps)
        random.Random(number).shuffle(order)
        for name in order:
            gc.collect()
            start, cpu = time.perf_counter(), time.process_time()
            if steps[name]() != events:
                raise AssertionError(f"{name} lost events")
            spent = time.perf_counter() - start, time.process_time() - cpu
            if number:
                took[name].append(spent)
            else:
                first[name] = spent[1]
    return {
        name: {
            "seconds": statistics.median(seconds for seconds, _ in all_of),
            "cpu": statistics.median(cpu for _, cpu in all_of),
            "first": first[name],
            "bytes": stored(place / _plain(name)),
        }
        for name, all_of in took.items()
    }


def turns(place: Path, at: Sequence[int]) -> dict[str, dict[int, float]]:
    """Return, after so many turns of a chat in LangGraph: bytes, CPU seconds of a put, and those of the framework's serialiser
    alone, given the same state.
    """
    from segue.integrations.langgraph import SegueSaver

    took: list[float] = []
    serialised: list[float] = []

    class Timed(SegueSaver):
        def put(self, *args: Any, **named: Any) -> Any:
            start = time.thread_time()
            found = super().put(*args, **named)
            took.append(time.thread_time() - start)
            values = args[1]["channel_values"]
            start = time.thread_time()
            for value in values.values():
                self.serde.dumps_typed(value)
            serialised.append(time.thread_time() - start)
            return found

    found: dict[str, dict[int, float]] = {"bytes": {}, "put": {}, "serialiser": {}}
    with closing(opened(place, durability="relaxed")) as store:
        say = chat(Timed(store))
        for count in at:
            say(count)
            found["bytes"][count] = stored(place)
            found["put"][count] = statistics.median(took[-30:])
            found["serialiser"][count] = statistics.median(serialised[-30:])
    return found


# --- who is loaded from


def _openai_alone(_place: Path, texts: list[str]) -> Load:
    """No store: the same items as one JSON document in memory."""
    document = json.dumps(_said(texts))
    return lambda: len(json.loads(document))


def _openai_sqlite(place: Path, texts: list[str]) -> Load:
    from agents.memory import SQLiteSession

    def load() -> int:
        with closing(SQLiteSession("s", place / "openai.db")) as session:
            return len(run(session.get_items()))

    with closing(SQLiteSession("s", place / "openai.db")) as session:
        run(_add(session, texts))
    return load


def _openai_segue(place: Path, texts: list[str]) -> Load:
    from segue.integrations.openai_agents import SegueSession

    return on_ours(
        place,
        lambda store: run(_add(SegueSession("s", store), texts)),
        lambda store: len(run(SegueSession("s", store).get_items())),
    )


async def _add(session: Any, texts: list[str]) -> None:
    items = _said(texts)
    for first in range(0, len(items), _BATCH):
        await session.add_items(items[first : first + _BATCH])


def _said(texts: list[str]) -> list[dict[str, str]]:
    return [{"role": "user" if n % 2 == 0 else "assistant", "content": text} for n, text in enumerate(texts)]


def _adk_sqlite(place: Path, texts: list[str]) -> Load:
    from google.adk.sessions.sqlite_session_service import SqliteSessionService

    def service() -> Any:
        return SqliteSessionService(str(place / "adk.db"))

    _adk_prepare(service(), texts)
    return lambda: _adk_load(service())


def _adk_segue(place: Path, texts: list[str]) -> Load:
    from segue.integrations.google_adk import SegueSessionService

    return on_ours(
        place,
        lambda store: _adk_prepare(SegueSessionService(store), texts),
        lambda store: _adk_load(SegueSessionService(store)),
    )


def _adk_prepare(service: Any, texts: list[str]) -> None:
    from google.adk.events import Event
    from google.genai.types import Content, Part

    async def prepare() -> None:
        session = await service.create_session(app_name="a", user_id="u", session_id="s")
        for n, text in enumerate(texts):
            author, role = ("user", "user") if n % 2 == 0 else ("agent", "model")
            event = Event(author=author, invocation_id="i", content=Content(role=role, parts=[Part(text=text)]))
            await service.append_event(session, event)
            session.events.clear()

    run(prepare())


def _adk_load(service: Any) -> int:
    found = run(service.get_session(app_name="a", user_id="u", session_id="s"))
    return len(found.events)


def _langgraph_sqlite(place: Path, texts: list[str]) -> Load:
    from langgraph.checkpoint.sqlite import SqliteSaver

    def load() -> int:
        with closing(sqlite3.connect(place / "saver.db", check_same_thread=False)) as db:
            return _thread_load(SqliteSaver(db))

    with closing(sqlite3.connect(place / "saver.db", check_same_thread=False)) as db:
        _thread_prepare(SqliteSaver(db), texts)
    return load


def _langgraph_segue(place: Path, texts: list[str]) -> Load:
    from segue.integrations.langgraph import SegueSaver

    return on_ours(
        place,
        lambda store: _thread_prepare(SegueSaver(store), texts),
        lambda store: _thread_load(SegueSaver(store)),
    )


def _langgraph_alone(_place: Path, texts: list[str]) -> Load:
    """What LangGraph's serialiser takes to make the messages of bytes in memory: who returns them cannot take less."""
    from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

    serialiser = JsonPlusSerializer()
    data = serialiser.dumps_typed(_thread_messages(texts))
    return lambda: len(serialiser.loads_typed(data))


def _thread_messages(texts: list[str]) -> list[Any]:
    from langchain_core.messages import AIMessage, HumanMessage

    return [(AIMessage if n % 2 else HumanMessage)(text, id=str(n)) for n, text in enumerate(texts)]


def _thread_prepare(saver: Any, texts: list[str]) -> None:
    """A thread of one checkpoint, as the stock saver has it when only the last one counts."""
    from langgraph.checkpoint.base import empty_checkpoint

    said = _thread_messages(texts)
    checkpoint = {**empty_checkpoint(), "channel_values": {"messages": said}, "channel_versions": {"messages": 1}}
    saver.put({"configurable": {"thread_id": "t", "checkpoint_ns": ""}}, checkpoint, {"source": "loop"}, {"messages": 1})


def _thread_load(saver: Any) -> int:
    found = saver.get_tuple({"configurable": {"thread_id": "t", "checkpoint_ns": ""}})
    return len(found.checkpoint["channel_values"]["messages"])


def _plain(name: str) -> str:
    return "".join(c if c.isalnum() else "-" for c in name)


def _directory(place: Path, name: str) -> Path:
    made = place / _plain(name)
    made.mkdir(parents=True)
    return made


LOADERS: dict[str, Callable[[Path, list[str]], Load]] = {
    "OpenAI SQLiteSession": _openai_sqlite,
    "OpenAI on segue": _openai_segue,
    "OpenAI, its items' JSON alone": _openai_alone,
    "ADK SqliteSessionService": _adk_sqlite,
    "ADK on segue": _adk_segue,
    "LangGraph SqliteSaver": _langgraph_sqlite,
    "LangGraph on segue": _langgraph_segue,
    "LangGraph, its deserialiser alone": _langgraph_alone,
    **conversations.LOADERS,
}
PAIRS = (
    ("OpenAI SQLiteSession", "OpenAI on segue"),
    ("LangGraph SqliteSaver", "LangGraph on segue"),
    ("ADK SqliteSessionService", "ADK on segue"),
)
"""Who is held against whom in loading."""
GOALS = (
    ("OpenAI SQLiteSession", "OpenAI on segue", 2.5),
    ("LangGraph SqliteSaver, 200 messages", "LangGraph on segue, 200 messages", 10),
    ("ADK SqliteSessionService", "ADK on segue", 30),
    ("ADK DatabaseSessionService", "ADK on segue", 30),
)
"""Whose durable writes a second ours shall be so many times."""
