"""A conversation as a rollout that `codex exec resume` and `codex resume` go on from."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from segue.core.together.conversation import Accepts, Conversation, Turn
from segue.ports import Destination, Noted
from segue.transcripts._writer import FileWriter, Made
from segue.transcripts._writing import (
    Tally,
    as_text,
    encode,
    lines_of,
    media_of,
    milliseconds,
    said_of,
    what_of,
)
from segue.transcripts.codex.profile import ADDRESSES, NEWEST, OVERRIDE, PROFILES, WHOLE, Profile, check, size_of

AGENT: Final = "codex"
_WINDOW = 258_400
"""Tokens that 0.169 reads of its usual model's 272,000."""


class CodexWriter(FileWriter[Profile]):
    """Writes Codex's transcripts. See `ports.TranscriptWriter`."""

    agent = AGENT
    accepts = Accepts(media=frozenset({"image"}), system=True, window=_WINDOW)
    program = "Codex"
    forms = PROFILES
    newest = NEWEST

    def find(self, foreign_id: str, to: Destination) -> str | None:
        """See `TranscriptWriter.find`: among all sessions, those of other directories included."""
        return next((str(p) for p in sorted(Path(to.home, "sessions").glob(f"*/*/*/rollout-*-{foreign_id}.jsonl"))), None)

    def command(self, foreign_id: str, to: Destination) -> tuple[str, ...]:
        """See `TranscriptWriter.command`."""
        return ("codex", "resume", foreign_id, *(("--model", to.model) if to.model else ()))

    def _make(self, conversation: Conversation, session: str, form: Profile, to: Destination, tally: Tally) -> Made:
        records = _Records(conversation, session, form, to, tally)
        return Made(_path(session, records.began, to), lines_of(records.all(), tally), records.nodes)

    def validate(self, path: str) -> list[Noted]:
        """See `TranscriptWriter.validate`."""
        return check(path)


def _path(session: str, began: str, to: Destination) -> str:
    day, clock = began[:10], began[11:19].replace(":", "-")
    return str(Path(to.home, "sessions", *day.split("-"), f"rollout-{day}T{clock}-{session}.jsonl"))


class _Records:
    """The records of one rollout."""

    def __init__(self, conversation: Conversation, session: str, form: Profile, to: Destination, tally: Tally) -> None:
        self.nodes: list[tuple[str, str]] = []
        self.began = milliseconds(conversation.turns[-1].at if conversation.turns else "")
        self._from = conversation
        self._session = session
        self._form = form
        self._to = to
        self._tally = tally
        self._at = self.began
        self._line = 0

    def all(self) -> Iterator[dict[str, Any]]:
        """Yield who the session is, and each turn's items."""
        yield self._record("session_meta", self._meta())
        for turn in self._from.turns:
            self._at = milliseconds(turn.at, self._at)
            yield from self._turn(turn)
        if self._from.title:
            name = {"type": "thread_name_updated", "thread_id": self._session, "thread_name": self._from.title}
            yield self._record("event_msg", name)

    def _record(self, kind: str, payload: dict[str, Any]) -> dict[str, Any]:
        self._line += 1
        return {"timestamp": self._at, "type": kind, "payload": payload}

    def _meta(self) -> dict[str, Any]:
        return {
            "id": self._session,
            "timestamp": self.began,
            "cwd": self._to.workspace,
            "originator": "codex_cli_rs",
            "cli_version": self._form.version,
            "source": "cli",
            "segue": {"session": self._from.session, "seq": self._from.seq},
        }

    # --- turns

    def _turn(self, turn: Turn) -> Iterator[dict[str, Any]]:
        if turn.usage:
            self._tally.add("usage", "dropped", "the tokens were spent by the session that it comes from")
        said: list[dict[str, Any]] = []
        for part in turn.parts:
            if part["type"] in {"tool_call", "tool_call_response"}:
                yield from self._message(turn, said)
                said = []
                yield self._call(turn, part) if part["type"] == "tool_call" else self._result(turn, part)
            else:
                said += self._content(part, turn.role)
        yield from self._message(turn, said)

    def _item(self, turn: Turn, payload: dict[str, Any]) -> dict[str, Any]:
        record = self._record("response_item", payload)
        if turn.node:
            self.nodes.append((f"@{self._line}", turn.node))
        return record

    def _message(self, turn: Turn, content: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        if not content:
            return
        role = "developer" if turn.role == "system" else turn.role
        payload: dict[str, Any] = {"type": "message", "role": role, "content": content}
        if turn.role == "user" and (turn.meta or turn.summary):
            payload["internal_chat_message_metadata_passthrough"] = {"content_item_kinds": ["segue.context"] * len(content)}
        yield self._item(turn, payload)
        text = "\n".join(item["text"] for item in content if "text" in item)
        if turn.role == "assistant":
            yield self._record("event_msg", {"type": "agent_message", "message": text})
        elif turn.role == "user" and not turn.meta:
            yield self._record("event_msg", {"type": "user_message", "message": text, "kind": "plain"})

    # --- parts

    def _content(self, part: Mapping[str, Any], role: str) -> Iterable[dict[str, Any]]:
        kind = "output_text" if role == "assistant" else "input_text"
        if part["type"] == "text":
            if not said_of(part).strip():
                self._tally.add("text", "dropped", "it has no characters")
                return ()
            return ({"type": kind, "text": said_of(part)},)
        if part["type"] == "reasoning":
            self._tally.add("reasoning", "dropped", "the provider takes back only reasoning that it has encrypted")
            return ()
        image = _image(part) if role != "assistant" else ""
        if image:
            return ({"type": "input_image", "image_url": image},)
        self._tally.add(what_of(part), "folded", "Codex has no place for it")
        return ({"type": kind, "text": as_text(part)},)

    def _call(self, turn: Turn, part: Mapping[str, Any]) -> dict[str, Any]:
        arguments = encode(part["arguments"])
        call = {"type": "function_call", "name": part["name"], "arguments": arguments, "call_id": part["id"]}
        return self._item(turn, call)

    def _result(self, turn: Turn, part: Mapping[str, Any]) -> dict[str, Any]:
        payload: dict[str, Any] = {"type": "function_call_output", "call_id": part["id"], "output": self._output(part)}
        if part.get("is_error"):
            payload["is_error"] = True
        record = self._item(turn, payload)
        size = size_of(payload["output"])
        if size > WHOLE:
            record["metadata"] = {OVERRIDE: size}
        return record

    def _output(self, part: Mapping[str, Any]) -> str | list[dict[str, Any]]:
        response = part.get("response")
        if isinstance(response, list) and all(isinstance(p, Mapping) and "type" in p for p in response):
            return [item for p in response for item in self._content(p, "tool")]
        return said_of(part, "response")


def _image(part: Mapping[str, Any]) -> str:
    """Return the address of an image: its own, or one that holds it; empty for what is none, or nobody else can reach."""
    media = media_of(part)
    if media is None or media.modality != "image":
        return ""
    address = f"data:{media.mime};base64,{media.data}" if media.data and media.mime else media.url
    return address if address.startswith(ADDRESSES) else ""
