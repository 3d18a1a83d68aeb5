"""A conversation as chat messages in JSON Lines, in the shape of OpenAI's chat completions: a message a line.

No agent goes on from it: it is for tools that take messages, and for our own reader.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from segue.core.log.ids import named_uuid
from segue.core.together.conversation import Accepts, Conversation, Turn, identity
from segue.ports import Destination, Noted, Written
from segue.transcripts._lines import open_file
from segue.transcripts._records import dict_of, list_of, parse, text_of
from segue.transcripts._writing import Tally, as_text, encode, lines_of, make_file, media_of, milliseconds, said_of, what_of
from segue.transcripts.messages.reader import AGENT
from segue.transcripts.places import Machine

_FORM: Final = "1"
_ROLES: Final = frozenset({"system", "user", "assistant", "tool"})


class MessagesWriter:
    """Writes chat messages in JSON Lines. See `ports.TranscriptWriter`; its command is empty."""

    agent = AGENT
    accepts = Accepts(tools="keep", media=frozenset({"image"}), reasoning=True, system=True, window=10_000_000)
    risk = ""

    def home(self, env: Mapping[str, str]) -> str:
        """See `TranscriptWriter.home`: a directory of ours, since the format has none."""
        return str(Path(Machine(env).shared("XDG_DATA_HOME", ".local", "share"), "segue", "messages"))

    def find(self, foreign_id: str, to: Destination) -> str | None:
        """See `TranscriptWriter.find`."""
        path = _path(foreign_id, to)
        return str(path) if path.is_file() else None

    def command(self, foreign_id: str, to: Destination) -> tuple[str, ...]:
        """See `TranscriptWriter.command`: there is none."""
        return ()

    def write(self, conversation: Conversation, to: Destination) -> Written:
        """See `TranscriptWriter.write`. The format has one version; another one that is asked for is not known."""
        tally = Tally()
        session = identity(conversation, AGENT)
        made = _Lines(conversation, session, tally)
        path = _path(session, to)
        make_file(str(path), lines_of(made.lines, tally), AGENT, session)
        known = to.version in {"", _FORM}
        warnings = () if known else (f"messages {to.version!r}: not a version that is known, written as for {_FORM}",)
        return Written(session, (str(path),), (), (), _FORM, tally.carried(), tuple(made.nodes), warnings)

    def validate(self, path: str) -> list[Noted]:
        """See `TranscriptWriter.validate`: what providers of chat completions would refuse."""
        with open_file(path) as file:
            data = file.read()
        return [Noted(f"{path}:{line}" if line else path, reason) for line, reason in _flaws(data)]


def _path(session: str, to: Destination) -> Path:
    return Path(to.home, f"{session}.jsonl")


class _Lines:
    """The messages, each with an id of its own; the first one says where they are from."""

    def __init__(self, conversation: Conversation, session: str, tally: Tally) -> None:
        self.lines: list[dict[str, Any]] = []
        self.nodes: list[tuple[str, str]] = []
        self._session = session
        self._tally = tally
        self._at = milliseconds("")
        for turn in conversation.turns:
            self._at = milliseconds(turn.at, self._at)
            for message in self._messages(turn):
                self._add(message, turn)
            if turn.node and self.lines:
                self.nodes.append((self.lines[-1]["id"], turn.node))
        if self.lines:
            about = {"id": session, "session": conversation.session, "seq": conversation.seq}
            told = {"title": conversation.title, "cwd": conversation.workspace}
            self.lines[0] |= {"segue": about} | {name: value for name, value in told.items() if value}

    def _add(self, message: dict[str, Any], turn: Turn) -> None:
        identity = named_uuid("message", self._session, str(len(self.lines)))
        put_in = {"meta": True} if turn.meta or turn.summary else {}
        self.lines.append({"id": identity, "timestamp": self._at, **message, **put_in})

    def _messages(self, turn: Turn) -> Iterator[dict[str, Any]]:
        if turn.role == "tool":
            for part in turn.parts:
                told = part.get("response")
                content = self._content(told) if isinstance(told, (list, tuple)) else said_of(part, "response")
                answer = {"role": "tool", "tool_call_id": said_of(part, "id"), "content": content}
                yield answer | ({"is_error": True} if part.get("is_error") is True else {})
            return
        thoughts = [said_of(p) for p in turn.parts if p.get("type") == "reasoning"]
        calls = [_call(p) for p in turn.parts if p.get("type") == "tool_call"]
        said = self._content([p for p in turn.parts if p.get("type") not in {"reasoning", "tool_call"}])
        message: dict[str, Any] = {"role": turn.role, "content": said if said or not calls else None}
        if thoughts:
            message["reasoning_content"] = "\n\n".join(thoughts)
        if calls:
            message["tool_calls"] = calls
        if turn.role == "assistant":
            message |= {"model": turn.model} if turn.model else {}
            message |= {"usage": _usage(turn.usage)} if turn.usage else {}
        yield message

    def _content(self, parts: Sequence[Any]) -> Any:
        """Return content: text where it is one text, else its parts."""
        found = [self._part(part) for part in parts]
        if not found:
            return ""
        return found[0]["text"] if len(found) == 1 and found[0]["type"] == "text" else found

    def _part(self, part: Mapping[str, Any]) -> dict[str, Any]:
        if part.get("type") == "text":
            return {"type": "text", "text": said_of(part)}
        media = media_of(part)
        if media is not None and media.modality == "image":
            url = media.url or f"data:{media.mime or 'image/png'};base64,{media.data}"
            return {"type": "image_url", "image_url": {"url": url}}
        self._tally.add(what_of(part), "folded", "the format has no part for it")
        return {"type": "text", "text": as_text(part)}


def _call(part: Mapping[str, Any]) -> dict[str, Any]:
    arguments = part.get("arguments")
    told = encode(dict(arguments) if isinstance(arguments, Mapping) else {})
    return {"id": said_of(part, "id"), "type": "function", "function": {"name": said_of(part, "name"), "arguments": told}}


def _usage(usage: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "prompt_tokens": usage.get("input_tokens", 0),
        "completion_tokens": usage.get("output_tokens", 0),
    }
    if read := usage.get("cache_read_tokens"):
        found["prompt_tokens_details"] = {"cached_tokens": read}
    if reasoned := usage.get("reasoning_tokens"):
        found["completion_tokens_details"] = {"reasoning_tokens": reasoned}
    return found


def _flaws(data: bytes) -> Iterator[tuple[int, str]]:
    """Yield the lines that are not sound messages, and why."""
    lines = data.split(b"\n")
    if lines[-1]:
        yield len(lines), "its last line is cut short"
    waiting: set[str] = set()
    said = 0
    for number, line in enumerate(lines, 1):
        if not line:
            continue
        parsed = parse(line)
        if parsed.record is None or parsed.flaw:
            yield number, parsed.flaw
            continue
        said += 1
        yield from ((number, reason) for reason in _message(parsed.record, waiting))
    if waiting:
        yield len(lines), f"calls have no answer: {_shown(waiting)}"
    if not said:
        yield 0, "it holds no message"


def _message(record: dict[str, Any], waiting: set[str]) -> Iterator[str]:
    """Yield what is wrong with a message, and keep in *waiting* the calls that need an answer next."""
    role = text_of(record, "role")
    if role not in _ROLES:
        yield f"the role {role!r} is not known"
    if role == "tool":
        name = text_of(record, "tool_call_id")
        if name not in waiting:
            yield f"it answers {name!r}, which is no call of the message before"
        waiting.discard(name)
        return
    if waiting:
        yield f"calls have no answer before it: {_shown(waiting)}"
    calls = [call for call in list_of(record, "tool_calls") if isinstance(call, dict)]
    waiting.clear()
    waiting.update(text_of(call, "id") for call in calls)
    if not (record.get("content") or calls or record.get("reasoning_content")):
        yield "it says nothing"
    for call in calls:
        arguments = dict_of(call, "function").get("arguments")
        if not isinstance(arguments, str) or parse(arguments.encode("utf-8", "replace")).record is None:
            yield "a call's arguments are not an object in JSON"


def _shown(names: set[str]) -> str:
    return ", ".join(sorted(names))[:200]
