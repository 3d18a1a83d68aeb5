"""Who is measured: each opens its store in a directory and commits batches of messages durably, the n-th one when asked."""

import asyncio
import json
import os
import sqlite3
from collections.abc import Callable, Coroutine, Sequence
from contextlib import ExitStack, closing
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

from benchmarks.corpus import small
from benchmarks.measure import Step
from segue.core.log.codec import encode_content, encode_line
from segue.core.log.events import Draft
from segue.core.log.ids import named_uuid
from segue.host.clock import SystemClock, SystemIds
from segue.host.threads import in_thread
from segue.stores.log import LogStore

R = TypeVar("R")
Load = Callable[[], int]
"""Opens a store, loads a session, and returns how many events it has."""
S = named_uuid("bench")
FLOOR = "raw write + fdatasync"
CROSSED = "raw write + fdatasync, asked from asyncio"
_MADE = 400


class Batches:
    """The same messages for everybody."""

    def __init__(self, size: int) -> None:
        """Make batches of *size*."""
        made = small(min(_MADE, 40) * size if size > 1 else _MADE)
        self._batches = [made[i : i + size] for i in range(0, len(made), size)]

    def __getitem__(self, n: int) -> list[Draft]:
        return self._batches[n % len(self._batches)]

    def __len__(self) -> int:
        return len(self._batches)


def text_of(draft: Draft) -> str:
    """Return what a message says."""
    said: str = draft.body["parts"][0]["content"]
    return said


def opened(place: Path, **options: Any) -> LogStore:
    """Return a log store at *place*."""
    return LogStore(place, clock=SystemClock(), ids=SystemIds(), **options)


def on_ours(place: Path, prepare: Callable[[LogStore], None], load: Callable[[LogStore], int]) -> Load:
    """Prepare a store of ours at *place*, and return what opens it anew each time, and loads from it."""
    with closing(opened(place, durability="relaxed")) as store:
        prepare(store)

    def step() -> int:
        with closing(opened(place)) as store:
            return load(store)

    return step


def run(call: Coroutine[Any, Any, R]) -> R:
    """Return what *call* returns. Not `asyncio.run`: in the main thread that makes a text of the whole result (Python 3.11)."""
    with closing(asyncio.new_event_loop()) as loop:
        return loop.run_until_complete(call)


def raw(place: Path, batches: Batches, _stack: ExitStack) -> Step:
    """Write the bytes that ours would, encoded before."""
    ids = SystemIds()
    encoded = [_lines(batches[n], ids) for n in range(len(batches))]
    fd = os.open(place / "raw", os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)

    def step(n: int) -> None:
        os.write(fd, encoded[n % len(encoded)])
        os.fdatasync(fd)

    return step


def crossed(place: Path, batches: Batches, stack: ExitStack) -> Step:
    """Do what `raw` does, in a thread that an event loop waits for: nobody who is asked from asyncio can do it for less."""
    (place / "crossed").mkdir()
    step, loop = raw(place / "crossed", batches, stack), _loop(stack)
    return lambda n: loop.run_until_complete(in_thread(step, n))


def _lines(drafts: Sequence[Draft], ids: SystemIds) -> bytes:
    head, lines = "0" * 64, []
    for seq, draft in enumerate(drafts):
        at = "2026-01-15T09:30:00.000000Z"
        line, head = encode_line(draft, encode_content(draft, ids.salt()), seq=seq + 1, id=ids.uuid7(), at=at, prev=head)
        lines.append(line)
    return b"".join(lines)


def segue(place: Path, batches: Batches, stack: ExitStack, *, keyed: bool = False, durability: str = "strict") -> Step:
    """Append to one session."""
    store = opened(place / f"segue-{keyed}-{durability}", durability=durability)
    stack.callback(store.close)
    store.create(S, [Draft("session.created", {})])
    if not keyed:
        return lambda n: store.append(S, batches[n])
    return lambda n: store.append(S, [d._replace(key=f"{n}.{i}") for i, d in enumerate(batches[n])])


def sqlite(place: Path, batches: Batches, stack: ExitStack) -> Step:
    """Insert rows, one transaction a batch: WAL, synchronous=FULL, one integer key."""
    db = sqlite3.connect(place / "plain.db", isolation_level=None)
    stack.callback(db.close)
    db.execute("pragma journal_mode=wal")
    db.execute("pragma synchronous=full")
    db.execute("create table events (seq integer primary key, kind text, body blob)")

    def step(n: int) -> None:
        db.execute("begin immediate")
        rows = [(d.kind, json.dumps(d.body, ensure_ascii=False).encode()) for d in batches[n]]
        db.executemany("insert into events (kind, body) values (?, ?)", rows)
        db.execute("commit")

    return step


def openai_sqlite(place: Path, batches: Batches, stack: ExitStack) -> Step:
    """OpenAI Agents: `SQLiteSession.add_items`."""
    from agents.memory import SQLiteSession

    session = SQLiteSession("s", place / "openai.db")
    stack.callback(session.close)
    return _openai(session, batches, stack)


def openai_segue(place: Path, batches: Batches, stack: ExitStack) -> Step:
    """OpenAI Agents on our store."""
    from segue.integrations.openai_agents import SegueSession

    store = opened(place / "openai-segue")
    stack.callback(store.close)
    return _openai(SegueSession("s", store), batches, stack)


def _openai(session: Any, batches: Batches, stack: ExitStack) -> Step:
    loop = _loop(stack)
    return lambda n: loop.run_until_complete(session.add_items([{"role": "user", "content": text_of(d)} for d in batches[n]]))


def adk(service: Any, close: Callable[[], object] | None, batches: Batches, stack: ExitStack) -> Step:
    """Google ADK: a call for each event."""
    from google.adk.events import Event
    from google.genai.types import Content, Part

    loop = _loop(stack)
    if close is not None:
        stack.callback(close)
    made = loop.run_until_complete(service.create_session(app_name="a", user_id="u", session_id="s"))

    def step(n: int) -> None:
        for draft in batches[n]:
            event = Event(author="user", invocation_id="i", content=Content(role="user", parts=[Part(text=text_of(draft))]))
            loop.run_until_complete(service.append_event(made, event))
        made.events.clear()

    return step


def adk_database(place: Path, batches: Batches, stack: ExitStack) -> Step:
    """Google ADK's `DatabaseSessionService` on SQLite."""
    from google.adk.sessions import DatabaseSessionService

    return adk(DatabaseSessionService(f"sqlite+aiosqlite:///{place}/adk.db"), None, batches, stack)


def adk_sqlite(place: Path, batches: Batches, stack: ExitStack) -> Step:
    """Google ADK's `SqliteSessionService`."""
    from google.adk.sessions.sqlite_session_service import SqliteSessionService

    return adk(SqliteSessionService(str(place / "adk-sqlite.db")), None, batches, stack)


def adk_segue(place: Path, batches: Batches, stack: ExitStack) -> Step:
    """Google ADK on our store."""
    from segue.integrations.google_adk import SegueSessionService

    store = opened(place / "adk-segue")
    return adk(SegueSessionService(store), store.close, batches, stack)


def langgraph_sqlite(place: Path, batches: Batches, stack: ExitStack, *, held: int) -> Step:
    """LangGraph's `SqliteSaver.put`, a MessagesState with *held* messages."""
    from langgraph.checkpoint.sqlite import SqliteSaver

    db = sqlite3.connect(place / f"langgraph-{held}.db", check_same_thread=False)
    stack.callback(db.close)
    db.execute("pragma synchronous=full")
    return _langgraph(SqliteSaver(db), batches, held)


def langgraph_segue(place: Path, batches: Batches, stack: ExitStack, *, held: int) -> Step:
    """LangGraph on our store."""
    from segue.integrations.langgraph import SegueSaver

    store = opened(place / f"langgraph-segue-{held}")
    stack.callback(store.close)
    return _langgraph(SegueSaver(store), batches, held)


def _langgraph(saver: Any, batches: Batches, held: int) -> Step:
    from langchain_core.messages import HumanMessage
    from langgraph.checkpoint.base import empty_checkpoint

    messages: list[Any] = []
    config = {"configurable": {"thread_id": "t", "checkpoint_ns": ""}}
    version = count(1)

    def put(new: list[Any]) -> None:
        nonlocal config, messages
        messages = [*messages, *new][-max(held, len(new)) :]
        v = next(version)
        checkpoint = {
            **empty_checkpoint(),
            "channel_values": {"messages": messages},
            "channel_versions": {"messages": v},
        }
        config = saver.put(config, checkpoint, {"source": "loop", "step": v}, {"messages": v})

    if held > 1:
        put([HumanMessage(text_of(d), id=f"h{i}") for i, d in enumerate(small(held - 1))])
    return lambda n: put([HumanMessage(text_of(d), id=f"{n}.{i}") for i, d in enumerate(batches[n])])


def _loop(stack: ExitStack) -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    stack.callback(loop.close)
    return loop


def _with(make: Callable[..., Step], **options: Any) -> Callable[[Path, Batches, ExitStack], Step]:
    return lambda place, batches, stack: make(place, batches, stack, **options)


APPENDERS: dict[str, Callable[[Path, Batches, ExitStack], Step]] = {
    FLOOR: raw,
    CROSSED: crossed,
    "segue": segue,
    "segue, keyed": _with(segue, keyed=True),
    "segue, relaxed": _with(segue, durability="relaxed"),
    "SQLite WAL FULL": sqlite,
    "OpenAI SQLiteSession": openai_sqlite,
    "OpenAI on segue": openai_segue,
    "LangGraph SqliteSaver, 1 message": _with(langgraph_sqlite, held=1),
    "LangGraph on segue, 1 message": _with(langgraph_segue, held=1),
    "LangGraph SqliteSaver, 200 messages": _with(langgraph_sqlite, held=200),
    "LangGraph on segue, 200 messages": _with(langgraph_segue, held=200),
    "ADK SqliteSessionService": adk_sqlite,
    "ADK DatabaseSessionService": adk_database,
    "ADK on segue": adk_segue,
}
SLOW = {"ADK SqliteSessionService", "ADK DatabaseSessionService", "LangGraph SqliteSaver, 200 messages"}
ONE_BY_ONE = {name for name in APPENDERS if "200 messages" in name}
"""Measured with single messages only."""
