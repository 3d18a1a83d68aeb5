"""How fast each agent's transcripts are read: of realistic records, and of tiny ones, where nobody says more than a word.

Files are what segue's own writers write of one conversation, in the form of each agent: all readers read the same.
"""

import gc
import json
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from benchmarks.corpus import Conversation as Corpus
from segue.core.together.conversation import Conversation, Turn
from segue.ports import Destination, ManySessions, TranscriptReader
from segue.transcripts import readers, writers

MEGABYTES = 6
_SESSION = "0197a000-0000-7000-8000-000000000001"


def measure(place: Path, count: int = 3) -> dict[str, Any]:
    """Return bytes, events and CPU seconds (the least of *count*) for each agent's reader, of realistic and of tiny records."""
    found: dict[str, Any] = {}
    for kind, made in (("realistic", realistic), ("tiny", tiny)):
        for name, agent, path in _files(place / kind, made):
            found.setdefault(name, {})[kind] = _read(agent, path, count)
    return found


def realistic(count: int) -> Iterator[Turn]:
    """Yield the turns of *count* rounds as agents have them: see `corpus`."""
    for number, drafts in enumerate(Corpus().turns(count)):
        for i, draft in enumerate(drafts):
            yield _turn(draft.body["role"], tuple(draft.body["parts"]), 4 * number + i)


def tiny(count: int) -> Iterator[Turn]:
    """Yield the turns of *count* rounds in which nobody says more than a word."""
    for number in range(count):
        call = {"type": "tool_call", "id": f"call-{number}", "name": "run", "arguments": {"command": "ls"}}
        answer = {"type": "tool_call_response", "id": f"call-{number}", "response": "ok"}
        said = (("user", _text("go on")), ("assistant", call), ("tool", answer), ("assistant", _text("done")))
        for i, (role, part) in enumerate(said):
            yield _turn(role, (part,), 4 * number + i)


def _files(place: Path, made: Callable[[int], Iterator[Turn]]) -> Iterator[tuple[str, str, Path]]:
    """Yield a name, the agent and a file of about the wanted size for each form that is read."""
    for writer in writers():
        here = place / writer.agent
        workspace = here / "project"
        workspace.mkdir(parents=True)
        count, size = 40, 0
        for attempt in range(2):
            home = here / f"home{attempt}"
            conversation = Conversation(_SESSION, count, f"{count:064x}", "", "", "", str(workspace), "m", tuple(made(count)))
            path = Path(writer.write(conversation, Destination(str(home), str(workspace))).files[0])
            size = path.stat().st_size
            count = max(count * MEGABYTES * 1_000_000 // size, 1)
        yield writer.agent, writer.agent, path
        if writer.agent == "gemini-cli":
            yield "gemini-cli, before 0.39", writer.agent, _document(path)
        if writer.agent == "opencode":
            yield "opencode, database", writer.agent, _database(path)


def _document(path: Path) -> Path:
    """Return a session of Gemini CLI's as its older versions kept it: one document."""
    header, *others = map(json.loads, path.read_bytes().splitlines())
    messages = [r for r in others if "type" in r]
    old = path.with_suffix(".json")
    old.write_text(json.dumps(header | {"messages": messages}, indent=2, ensure_ascii=False), "utf-8")
    return old


def _database(path: Path) -> Path:
    """Return an export as opencode itself has it: a database."""
    from tests.unit.transcripts.opencode_files import Store

    class OneConnection(Store):
        def execute(self, sql: str, *values: object) -> None:
            db.execute(sql, values)

    made = path.with_name("opencode.db")
    store = OneConnection(made)
    with closing(sqlite3.connect(made)) as db, db:
        store.whole(json.loads(path.read_bytes()))
    with closing(sqlite3.connect(made)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return made


def _read(agent: str, path: Path, count: int) -> dict[str, Any]:
    """Return what reading the whole file takes, drafts made and let go of."""
    times: list[float] = []
    events = 0
    for _ in range(count):
        reader = next(r for r in readers() if r.agent == agent)
        address, foreign_id = _address(reader, path)
        gc.collect()
        start = time.process_time()
        events = sum(len(batch.drafts) for batch in reader.read(address, foreign_id))
        times.append(time.process_time() - start)
    return {"bytes": path.stat().st_size, "events": events, "cpu": min(times)}


def _address(reader: TranscriptReader, path: Path) -> tuple[str, str]:
    if isinstance(reader, ManySessions):
        return reader.sessions(str(path))[0]
    return str(path), "foreign"


def _text(said: str) -> dict[str, Any]:
    return {"type": "text", "content": said}


def _turn(role: Any, parts: tuple[dict[str, Any], ...], number: int) -> Turn:
    at = f"2026-01-15T{number // 3_600_000 % 24:02d}:{number // 60_000 % 60:02d}:{number // 1000 % 60:02d}.{number % 1000:03d}Z"
    own = {"message_id": f"msg-{number}", "model": "m", "usage": {"input_tokens": number, "output_tokens": 9}}
    return Turn(role, parts, at, f"node-{number}", **(own if role == "assistant" else {}))
