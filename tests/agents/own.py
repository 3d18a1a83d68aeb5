"""What an agent's own transcript says, read in the plainest way by none of our readers: what the log is compared with."""

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from tests.agents.model_server import Call, Result, Said
from tests.agents.model_server.shapes import text_of
from tests.agents.programs import Program


class Own(NamedTuple):
    """The conversation in order, and what each answer of the model cost: tokens read (cached ones too) and written."""

    conversation: tuple[Said | Call | Result, ...]
    usage: tuple[tuple[int, int], ...]


Items = Iterator[Said | Call | Result | tuple[str, int, int]]
"""What was said and done, and usage by the answer that it is of: the last one of an answer counts."""


def own(program: Program) -> Own:
    """Return what *program* wrote of its last session."""
    items = list(_READ[program.name](program.transcripts()[-1]))
    usage = {item[0]: item[1:] for item in items if isinstance(item, tuple)}
    said = [item for item in items if not isinstance(item, tuple)]
    return Own(tuple(item for item in said if not isinstance(item, Said) or _was_said(item)), tuple(usage.values()))


def _was_said(item: Said) -> bool:
    """Return whether a text is the user's or the model's, not the environment that a program tells the model of."""
    return item.role in {"user", "assistant"} and bool(item.text) and not item.text.startswith("<")


def _claude(path: Path) -> Items:
    for record in _lines(path):
        message = record.get("message", {})
        if record["type"] not in {"user", "assistant"} or record.get("isMeta"):
            continue
        content = message["content"]
        for block in [{"type": "text", "text": content}] if isinstance(content, str) else content:
            if block["type"] == "text":
                yield Said(record["type"], block["text"])
            elif block["type"] == "tool_use":
                yield Call(block["id"], block["name"], block["input"])
            elif block["type"] == "tool_result":
                yield Result(block["tool_use_id"], text_of(block["content"]))
        if usage := message.get("usage"):
            cached = usage["cache_read_input_tokens"] + usage["cache_creation_input_tokens"]
            yield message["id"], usage["input_tokens"] + cached, usage["output_tokens"]


def _codex(path: Path) -> Items:
    for record in _lines(path):
        payload = record["payload"]
        if record["type"] == "token_usage_record":
            yield payload["response_id"], payload["usage"]["input_tokens"], payload["usage"]["output_tokens"]
        if record["type"] != "response_item":
            continue
        if payload["type"] == "message":
            yield Said(payload["role"], text_of(payload["content"]))
        elif payload["type"] == "function_call":
            yield Call(payload["call_id"], payload["name"], json.loads(payload["arguments"]))
        elif payload["type"] == "function_call_output":
            yield Result(payload["call_id"], text_of(payload["output"]))


def _gemini(path: Path) -> Items:
    messages = {r["id"]: r for r in _lines(path) if r.get("type") in {"user", "gemini"}}  # the last one of an id counts
    for message in messages.values():
        role = "user" if message["type"] == "user" else "assistant"
        yield Said(role, "" if "functionResponse" in str(message["content"]) else text_of(message["content"]))
        for call in message.get("toolCalls", ()):
            yield Call(call["id"], call["name"], call["args"])
            for part in call.get("result") or ():
                yield Result(call["id"], text_of(part["functionResponse"]["response"]))
        if tokens := message.get("tokens"):
            yield message["id"], tokens["input"], tokens["output"]


def _qwen(path: Path) -> Items:
    for record in _lines(path):
        for part in record.get("message", {}).get("parts", ()):
            if "text" in part:
                yield Said(record["type"], part["text"])
            elif "functionCall" in part:
                yield Call(part["functionCall"]["id"], part["functionCall"]["name"], part["functionCall"]["args"])
            elif "functionResponse" in part:
                yield Result(part["functionResponse"]["id"], text_of(part["functionResponse"]["response"]))
        if usage := record.get("usageMetadata"):
            yield record["uuid"], usage["promptTokenCount"], usage["candidatesTokenCount"]


def _opencode(path: Path) -> Items:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        roles = {id_: json.loads(data)["role"] for id_, data in database.execute("SELECT id, data FROM message")}
        parts = list(database.execute("SELECT id, message_id, data FROM part ORDER BY id"))
    for id_, message, data in parts:
        part = json.loads(data)
        if part["type"] == "text":
            yield Said(roles[message], part["text"])
        elif part["type"] == "tool":
            yield Call(part["callID"], part["tool"], part["state"]["input"])
            if "output" in part["state"]:
                yield Result(part["callID"], part["state"]["output"])
        elif part["type"] == "step-finish":
            tokens = part["tokens"]
            yield id_, tokens["input"] + sum(tokens["cache"].values()), tokens["output"]


def _lines(path: Path) -> Iterator[Mapping[str, Any]]:
    for line in path.read_text().splitlines():
        yield json.loads(line)


_READ: dict[str, Callable[[Path], Items]] = {
    "claude-code": _claude,
    "codex": _codex,
    "gemini-cli": _gemini,
    "qwen-code": _qwen,
    "opencode": _opencode,
}
