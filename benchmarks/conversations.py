"""Frameworks that bring no durable store of their own: Pydantic AI and the Claude Agent SDK, on ours and on what stands for one.

Pydantic AI has a store in memory, and tells to write all messages as JSON; the Claude Agent SDK has a store in memory, and Claude
Code's own file of lines. Beside the loads stands what the framework makes of its own JSON, without any store.
"""

import asyncio
import json
import os
import uuid
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks.contenders import Batches, Load, on_ours, opened, run, text_of
from benchmarks.corpus import small
from benchmarks.measure import Step
from segue.stores.log import LogStore

Append = Callable[[Path, Batches, ExitStack], Step]
_HELD = 200
"""Messages that a conversation has to which one more is appended."""
_BATCH = 200
_KEY = {"project_key": "-home-dev-project", "session_id": "9f1c7c0e-5a55-4c1e-8a8e-2f7f4f0f1a11"}


# --- Pydantic AI


def pydantic_memory(_place: Path, batches: Batches, stack: ExitStack) -> Step:
    """Save to `InMemoryConversationStore`: nothing is kept."""
    from pydantic_ai.conversation_store import InMemoryConversationStore

    return _saving(InMemoryConversationStore(), batches, stack)


def pydantic_segue(place: Path, batches: Batches, stack: ExitStack) -> Step:
    """Save to ours."""
    from segue.integrations.pydantic_ai import SegueConversationStore

    store = opened(place / "pydantic-segue")
    stack.callback(store.close)
    return _saving(SegueConversationStore(store), batches, stack)


def pydantic_json(place: Path, batches: Batches, _stack: ExitStack) -> Step:
    """Write all messages as JSON to a file, which takes the place of the one before when it is on disk."""
    from pydantic_ai.messages import ModelMessagesTypeAdapter

    messages = list(_messages(map(text_of, small(_HELD))))

    def step(n: int) -> None:
        del messages[: len(messages) - _HELD + 1]
        messages.extend(_messages(map(text_of, batches[n])))
        fd = os.open(place / "messages.new", os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
        os.write(fd, ModelMessagesTypeAdapter.dump_json(messages))
        os.fdatasync(fd)
        os.close(fd)
        (place / "messages.new").replace(place / "messages.json")

    return step


def _saving(store: Any, batches: Batches, stack: ExitStack) -> Step:
    from pydantic_ai import Conversation

    loop = asyncio.new_event_loop()
    stack.callback(loop.close)
    conversation = Conversation(conversation_id="c", messages=list(_messages(map(text_of, small(_HELD)))))
    loop.run_until_complete(store.save(conversation))

    def step(n: int) -> None:
        conversation.messages += _messages(map(text_of, batches[n]))
        loop.run_until_complete(store.save(conversation))

    return step


def _messages(texts: Iterable[str]) -> Iterable[Any]:
    from pydantic_ai.messages import ModelRequest, ModelResponse, TextPart, UserPromptPart

    for n, text in enumerate(texts):
        yield ModelResponse([TextPart(text)]) if n % 2 else ModelRequest([UserPromptPart(text)])


def _pydantic_json_load(place: Path, texts: list[str]) -> Load:
    from pydantic_ai.messages import ModelMessagesTypeAdapter

    (place / "messages.json").write_bytes(ModelMessagesTypeAdapter.dump_json(list(_messages(texts))))
    return lambda: len(ModelMessagesTypeAdapter.validate_json((place / "messages.json").read_bytes()))


def _pydantic_segue_load(place: Path, texts: list[str]) -> Load:
    from pydantic_ai import Conversation

    from segue.integrations.pydantic_ai import SegueConversationStore

    def prepare(store: LogStore) -> None:
        kept, conversation = SegueConversationStore(store), Conversation(conversation_id="c")
        messages = list(_messages(texts))
        for first in range(0, len(messages), _BATCH):
            conversation.messages += messages[first : first + _BATCH]
            run(kept.save(conversation))

    def load(store: LogStore) -> int:
        found = run(SegueConversationStore(store).load("c"))
        return len(found.messages) if found else 0

    return on_ours(place, prepare, load)


# --- the Claude Agent SDK


def claude_memory(_place: Path, batches: Batches, stack: ExitStack) -> Step:
    """Append to `InMemorySessionStore`: nothing is kept."""
    from claude_agent_sdk import InMemorySessionStore

    return _handing(InMemorySessionStore(), batches, stack)


def claude_segue(place: Path, batches: Batches, stack: ExitStack) -> Step:
    """Append to ours."""
    from segue.integrations.claude_agent_sdk import SegueSessionStore

    store = opened(place / "claude-segue")
    stack.callback(store.close)
    return _handing(SegueSessionStore(store), batches, stack)


def claude_lines(place: Path, batches: Batches, stack: ExitStack) -> Step:
    """Write a line to a file, as Claude Code does, and sync it, as it does not."""
    fd = os.open(place / "claude.jsonl", os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
    stack.callback(os.close, fd)
    entries = _Entries()

    def step(n: int) -> None:
        os.write(fd, b"".join(_line(entries.next(text_of(draft))) for draft in batches[n]))
        os.fdatasync(fd)

    return step


def _handing(store: Any, batches: Batches, stack: ExitStack) -> Step:
    loop = asyncio.new_event_loop()
    stack.callback(loop.close)
    entries = _Entries()
    return lambda n: loop.run_until_complete(store.append(_KEY, [entries.next(text_of(draft)) for draft in batches[n]]))


class _Entries:
    """Records of Claude Code, each behind the one before."""

    def __init__(self) -> None:
        self._last: str | None = None
        self._number = 0

    def next(self, text: str) -> dict[str, Any]:
        number, kind = self._number, "assistant" if self._number % 2 else "user"
        message: dict[str, Any] = {"role": kind, "content": text}
        if kind == "assistant":
            model = {"type": "message", "model": "claude-opus-4-6", "usage": {"input_tokens": 100, "output_tokens": 20}}
            message = {"id": f"msg_{number}", **model, "role": kind, "content": [{"type": "text", "text": text}]}
        entry: dict[str, Any] = {
            "parentUuid": self._last,
            "isSidechain": False,
            "userType": "external",
            "cwd": "/home/dev/project",
        }
        entry |= {"sessionId": _KEY["session_id"], "version": "2.1.197", "type": kind, "message": message}
        self._last, self._number = str(uuid.UUID(int=number + 1)), number + 1
        seconds = f"{number // 3600 % 24:02d}:{number // 60 % 60:02d}:{number % 60:02d}"
        return entry | {"uuid": self._last, "timestamp": f"2026-01-15T{seconds}.000Z"}


def _line(entry: dict[str, Any]) -> bytes:
    return json.dumps(entry, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _claude_lines_load(place: Path, texts: list[str]) -> Load:
    entries = _Entries()
    (place / "claude.jsonl").write_bytes(b"".join(_line(entries.next(text)) for text in texts))

    def load() -> int:
        with (place / "claude.jsonl").open("rb") as lines:
            return len([json.loads(line) for line in lines])

    return load


def _claude_segue_load(place: Path, texts: list[str]) -> Load:
    from segue.integrations.claude_agent_sdk import SegueSessionStore

    entries = _Entries()

    def prepare(store: LogStore) -> None:
        kept = SegueSessionStore(store)
        for first in range(0, len(texts), _BATCH):
            run(kept.append(_KEY, [entries.next(text) for text in texts[first : first + _BATCH]]))  # type: ignore[arg-type, misc]

    return on_ours(place, prepare, lambda store: len(run(SegueSessionStore(store).load(_KEY)) or ()))  # type: ignore[arg-type]


# --- Google ADK


def _adk_alone(place: Path, texts: list[str]) -> Load:
    """ADK's own validation of its events, of their records in memory: what every service of its has to do."""
    from google.adk.events import Event
    from google.genai.types import Content, Part

    from segue.host.collecting import put_off

    (place / "nothing").touch()
    events = (Event(author="user", invocation_id="i", content=Content(role="user", parts=[Part(text=text)])) for text in texts)
    records = [json.loads(event.model_dump_json(exclude_none=True)) for event in events]

    def load() -> int:
        with put_off():
            return len([Event.model_validate(record) for record in records])

    return load


LOADERS: dict[str, Callable[[Path, list[str]], Load]] = {
    "ADK, its events' validation alone": _adk_alone,
    "Pydantic AI, all messages as one JSON": _pydantic_json_load,
    "Pydantic AI on segue": _pydantic_segue_load,
    "Claude SDK, a file of lines": _claude_lines_load,
    "Claude SDK on segue": _claude_segue_load,
}
FAMILIES: dict[str, dict[str, Append]] = {
    "Pydantic AI": {
        "Pydantic AI in memory, 200 messages": pydantic_memory,
        "Pydantic AI, 200 messages as one JSON": pydantic_json,
        "Pydantic AI on segue, 200 messages": pydantic_segue,
    },
    "Claude SDK": {
        "Claude SDK in memory": claude_memory,
        "Claude SDK, a file of lines": claude_lines,
        "Claude SDK on segue": claude_segue,
    },
}
"""Who appends, in a process for each framework."""
