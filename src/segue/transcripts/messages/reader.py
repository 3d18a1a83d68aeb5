"""Generic chat messages as JSON Lines: a message a line, or a conversation a line (`{"messages": [...]}`).

Messages are understood in the shapes of OpenAI's chat completions and Anthropic's content blocks, tool calls in both, and
in the form that segue's own events have. A file of messages is one session, known by its path; a line that is a
conversation is a session of its own, known by its id if that is a UUID, else by file and id, else by file and line.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from segue.core.log.events import Draft
from segue.ports import Batch, Noted
from segue.transcripts._lines import Line, Lines, open_file, read_head
from segue.transcripts._parts import other_part, parts_by, response_of, title_of
from segue.transcripts._reading import File, Interpreter, JsonLinesReader
from segue.transcripts._records import (
    Drafts,
    Place,
    count_of,
    dict_of,
    digest,
    list_of,
    name_of,
    parse,
    short,
    text_of,
    time_of,
    without_raw,
)

AGENT: Final = "messages"
_ROLES: Final = {
    "system": "system",
    "developer": "developer",
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "ai": "assistant",
    "model": "assistant",
    "tool": "tool",
    "function": "tool",
}
_TIMES = ("timestamp", "created_at", "created", "time", "ts", "at", "date")
_IDS = ("id", "conversation_id", "session_id", "thread_id")
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\Z")
_TEXTS = frozenset({"text", "input_text", "output_text"})


class Messages(JsonLinesReader):
    """Reads chat messages in JSON Lines. See `ports.TranscriptReader`."""

    agent = AGENT
    version = "1"

    def sniff(self, path: str, head: bytes) -> bool:
        """See `TranscriptReader.sniff`."""
        del path
        return next(self._records(head), None) is not None

    def identify(self, path: str, head: bytes) -> str:
        """See `TranscriptReader.identify`: a file of messages has no other id than its name, unless segue wrote it."""
        told = text_of(dict_of(next(self._records(head), {}), "segue"), "id")
        return told if _UUID.match(told) else path

    def read(
        self, path: str, foreign_id: str, position: Mapping[str, Any] | None = None, *, trusted: bool = False
    ) -> Iterator[Batch]:
        """See `TranscriptReader.read`. Conversations are read whole each time: a line may grow."""
        first = next(self._records(read_head(path)), {})
        if "messages" not in first:
            yield from super().read(path, foreign_id, position, trusted=trusted)
            return
        with open_file(path) as opened:
            lines = Lines(opened, None)
            for line in lines.read(lambda data: parse(data).record is not None):
                yield self._conversation(path, foreign_id, line)
            if lines.torn:
                yield Batch(foreign_id, (), None, {}, noted=(Noted(f"{path}:{lines.number + 1}", lines.torn),))

    def _recognise(self, record: Mapping[str, Any]) -> bool:
        if isinstance(record.get("messages"), list):
            return any(isinstance(m, dict) and _role(m) for m in record["messages"])
        return bool(_role(record)) and any(name in record for name in ("content", "parts", "tool_calls", "function_call"))

    def _interpreter(self, file: File, drafts: Drafts, state: Mapping[str, Any]) -> Interpreter:
        return _Messages(file, drafts, state)

    def _conversation(self, path: str, foreign_id: str, line: Line) -> Batch:
        """Return the events of a line that is a conversation: the record itself, and its messages."""
        place = Place(path, line.number, line.data.strip(b"\0"))
        parsed = parse(place.data) if not line.piece else None
        record = parsed.record if parsed is not None else None
        if record is None or not isinstance(record.get("messages"), list):
            drafts = Drafts(AGENT, self.version, foreign_id)
            return Batch(
                foreign_id, list(self._line(_Messages(File(path, foreign_id), drafts, {}), drafts, path, line)), None, {}
            )
        identity = _identity(record, path, line.number)
        drafts = Drafts(AGENT, self.version, identity)
        meaning = _Messages(File(path, identity), drafts, {})
        place = place._replace(text=parsed.text if parsed is not None else None)
        found = list(meaning.conversation(record, place))
        if len(place.data) < len(line.data):
            found.append(drafts.nul(place, len(line.data) - len(place.data), at=meaning.at))
        began = next((d.at for d in found if d.at), None)
        return Batch(identity, found, None, meaning.facts, began)


class _Messages(Interpreter):
    """What chat messages mean."""

    def __init__(self, file: File, drafts: Drafts, state: Mapping[str, Any]) -> None:
        super().__init__(file, drafts, state)
        self._before = text_of(state, "before")

    def state(self) -> dict[str, Any]:
        return {"at": self.at, "facts": self.facts, "before": self._before}

    def events(self, record: dict[str, Any], place: Place) -> Iterable[Draft]:
        name = name_of(record, "id")
        here = f"{name} {digest(place.data)}"
        if name and self._before.startswith(f"{name} ") and self._before != here:
            name = ""  # the same id line after line is not a message's
        self._before = here
        yield self._drafts.sign(self._event(record, name or f"@{place.line}"), place, name)

    def unread(self, record: dict[str, Any], place: Place) -> Draft:
        del record
        return self._drafts.sign(Draft("record", {"type": "message"}, node=f"@{place.line}", at=self.at), place)

    def conversation(self, record: dict[str, Any], place: Place) -> Iterator[Draft]:
        """Yield the event of the record, which has its bytes, and those of its messages."""
        self._learn(record)
        self.at = _time(record) or self.at
        yield self._drafts.sign(Draft("record", {"type": "conversation"}, node="conversation", at=self.at), place, "conversation")
        for number, message in enumerate(record["messages"]):
            content = json.dumps(message, sort_keys=True).encode()
            event = self._event(message if isinstance(message, dict) else {"content": message}, f"m{number}")
            signed = self._drafts.sign(event, place._replace(data=content, text=""), f"m{number}")
            yield without_raw(signed)

    def _event(self, record: dict[str, Any], node: str) -> Draft:
        self._learn(record)
        self.at = _time(record) or self.at
        role = _role(record)
        if not role:
            kind = text_of(record, "type") or "unknown"
            return Draft("record", {"type": kind[:200]}, node=node, at=self.at)
        body = _body(record, role)
        if body["role"] == "user" and "title" not in self.facts and (title := title_of(body["parts"])):
            self.facts["title"] = title
        actor = body["role"] if body["role"] in {"user", "tool"} else ""
        return Draft("message", body, actor, node=node, at=self.at)

    def _learn(self, record: dict[str, Any]) -> None:
        for fact, name in (("model", "model"), ("title", "title"), ("workspace", "cwd")):
            if value := text_of(record, name):
                self.facts[fact] = short(value, 1000)


def _identity(record: dict[str, Any], path: str, line: int) -> str:
    for name in _IDS:
        value = record.get(name)
        told = str(value) if isinstance(value, int) and not isinstance(value, bool) else name_of(record, name)
        if told:
            return told.lower() if _UUID.match(told) else f"{path}#{told}"
    return f"{path}#{line}"


def _role(record: Mapping[str, Any]) -> str:
    return _ROLES.get(text_of(record, "role").lower(), "")


def _time(record: dict[str, Any]) -> str | None:
    return next(filter(None, (time_of(record.get(name)) for name in _TIMES)), None)


def _body(record: dict[str, Any], role: str) -> dict[str, Any]:
    parts = list(_parts(record))
    if role == "tool" or "tool_call_id" in record:
        parts = _answer(record, parts)
    if parts and all(p["type"] == "tool_call_response" for p in parts):
        role = "tool"
    body: dict[str, Any] = {"role": role, "parts": parts}
    for ours, theirs in (("message_id", "id"), ("model", "model")):
        if value := name_of(record, theirs):
            body[ours] = value
    reason = text_of(record, "finish_reason") or text_of(record, "stop_reason")
    if reason:
        body["finish_reason"] = reason
    if usage := _usage(dict_of(record, "usage")):
        body["usage"] = usage
    if record.get("meta") is True:
        body["meta"] = True
    return body


def _parts(record: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if "content" not in record and isinstance(record.get("parts"), list):
        yield from (other_part(p) if isinstance(p, dict) and text_of(p, "type") else _unknown(p) for p in record["parts"])
        return
    thought = text_of(record, "reasoning_content") or text_of(record, "reasoning")
    if thought:
        yield {"type": "reasoning", "content": thought}
    content = record.get("content")
    if isinstance(content, str):
        if content or not (record.get("tool_calls") or thought):
            yield {"type": "text", "content": content}
    else:
        yield from parts_by(_part, content)
    if refusal := text_of(record, "refusal"):
        yield {"type": "text", "content": refusal, "refusal": True}
    for call in list_of(record, "tool_calls"):
        yield _call(call) if isinstance(call, dict) else _unknown(call)
    if call := dict_of(record, "function_call"):
        yield _call({"function": call})


def _unknown(content: Any) -> dict[str, Any]:
    return {"type": "unknown", "content": content}


def _call(call: dict[str, Any]) -> dict[str, Any]:
    function = dict_of(call, "function") or dict_of(call, "custom") or call
    arguments = function.get("arguments", function.get("args", function.get("input")))
    if isinstance(arguments, str):
        arguments = _object(arguments)
    return {"type": "tool_call", "id": text_of(call, "id"), "name": text_of(function, "name"), "arguments": arguments}


def _object(text: str) -> Any:
    found = parse(text.encode("utf-8", "surrogatepass")).record
    return text if found is None else found


def _answer(record: dict[str, Any], parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the parts of a tool's message: its content as the response, unless it has responses of its own."""
    if any(p["type"] == "tool_call_response" for p in parts):
        return parts
    response: Any = parts
    if all(p["type"] == "text" for p in parts) and len(parts) <= 1:
        response = parts[0]["content"] if parts else ""
    answer = {
        "type": "tool_call_response",
        "id": text_of(record, "tool_call_id") or text_of(record, "tool_use_id"),
        "response": response,
    }
    if name := text_of(record, "name"):
        answer["name"] = name
    if record.get("is_error") is True or record.get("status") == "error":
        answer["is_error"] = True
    return [answer]


def _part(block: dict[str, Any]) -> dict[str, Any]:
    kind = text_of(block, "type")
    if kind in _TEXTS:
        return {"type": "text", "content": block.get("text", block.get("content", ""))}
    if kind in {"thinking", "reasoning"}:
        return {"type": "reasoning", "content": block.get("thinking", block.get("text", block.get("content", "")))}
    if kind == "tool_use":
        call = {"type": "tool_call", "id": text_of(block, "id"), "name": text_of(block, "name")}
        return call | {"arguments": block.get("input")}
    if kind == "tool_result":
        answer = {"type": "tool_call_response", "id": text_of(block, "tool_use_id"), "response": _response(block.get("content"))}
        return answer | ({"is_error": True} if block.get("is_error") is True else {})
    if kind in {"image_url", "input_image"}:
        told = block.get("image_url")
        return {
            "type": "uri",
            "modality": "image",
            "uri": told if isinstance(told, str) else text_of(dict_of(block, kind), "url"),
        }
    if kind in {"image", "document"} and dict_of(block, "source"):
        return _media(kind, dict_of(block, "source"))
    return other_part(block)


def _media(kind: str, source: dict[str, Any]) -> dict[str, Any]:
    if source.get("type") == "url":
        return {"type": "uri", "modality": kind, "uri": text_of(source, "url")}
    media = {"type": "blob", "modality": kind, "mime_type": text_of(source, "media_type")}
    return media | {"content": text_of(source, "data")}


def _response(content: Any) -> Any:
    if not isinstance(content, list):
        return content
    return response_of(parts_by(_part, content))


def _usage(usage: dict[str, Any]) -> dict[str, Any]:
    """Return usage in our way of counting: OpenAI's input includes the cache, Anthropic's does not."""
    if not usage:
        return {}
    if "prompt_tokens" in usage or "completion_tokens" in usage:
        read = count_of(dict_of(usage, "prompt_tokens_details"), "cached_tokens")
        reasoned = count_of(dict_of(usage, "completion_tokens_details"), "reasoning_tokens")
        found = {"input_tokens": count_of(usage, "prompt_tokens"), "output_tokens": count_of(usage, "completion_tokens")}
    else:
        read = count_of(usage, "cache_read_input_tokens")
        written = count_of(usage, "cache_creation_input_tokens")
        inner = count_of(dict_of(usage, "input_tokens_details"), "cached_tokens")
        reasoned = count_of(dict_of(usage, "output_tokens_details"), "reasoning_tokens")
        found = {
            "input_tokens": count_of(usage, "input_tokens") + read + written,
            "output_tokens": count_of(usage, "output_tokens"),
        }
        read = read or inner
        if written:
            found["cache_write_tokens"] = written
    found["cache_read_tokens"] = read
    return found | ({"reasoning_tokens": reasoned} if reasoned else {})
