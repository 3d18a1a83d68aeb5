"""A conversation as a transcript that `claude --resume` goes on from: one record for each turn, in one line of parents."""

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from segue.core.log.ids import named_uuid
from segue.core.together.conversation import Accepts, Conversation, Turn
from segue.ports import Destination, Noted
from segue.transcripts._writer import FileWriter, Made
from segue.transcripts._writing import (
    Tally,
    as_text,
    lines_of,
    media_of,
    milliseconds,
    said_of,
    what_of,
)
from segue.transcripts.claude_code.profile import IMAGES, NEWEST, PROFILES, Profile, check, directory_of

AGENT: Final = "claude-code"
_SYNTHETIC = "<synthetic>"
_MODEL = "unknown"
"""Where no model is told: one must be named, and the program passes over names that it does not know."""
_PROMPT_LIMIT = 200


class ClaudeCodeWriter(FileWriter[Profile]):
    """Writes Claude Code's transcripts. See `ports.TranscriptWriter`."""

    agent = AGENT
    accepts = Accepts(media=frozenset({"image", "document"}))
    program = "Claude Code"
    forms = PROFILES
    newest = NEWEST

    def find(self, foreign_id: str, to: Destination) -> str | None:
        """See `TranscriptWriter.find`: in the project's directory, and for newer versions in any."""
        own = _path(foreign_id, to)
        form, _ = self._form(to)
        others = sorted(Path(to.home, "projects").glob(f"*/{own.name}")) if form.anywhere else []
        return next((str(path) for path in (own, *others) if path.is_file()), None)

    def command(self, foreign_id: str, to: Destination) -> tuple[str, ...]:
        """See `TranscriptWriter.command`."""
        return ("claude", "--resume", foreign_id, *(("--model", to.model) if to.model else ()))

    def _make(self, conversation: Conversation, session: str, form: Profile, to: Destination, tally: Tally) -> Made:
        records = _Records(conversation, session, form, to, tally)
        return Made(str(_path(session, to)), lines_of(records.all(), tally), records.nodes)

    def validate(self, path: str) -> list[Noted]:
        """See `TranscriptWriter.validate`."""
        return check(path)


def _path(session: str, to: Destination) -> Path:
    workspace = os.path.realpath(to.workspace)  # the agent's own working directory has no links in it
    return Path(to.home, "projects", directory_of(workspace), f"{session}.jsonl")


class _Records:
    """The records of one transcript."""

    def __init__(self, conversation: Conversation, session: str, form: Profile, to: Destination, tally: Tally) -> None:
        self.nodes: list[tuple[str, str]] = []
        self._from = conversation
        self._session = session
        self._model = to.model or conversation.model or _MODEL
        self._tally = tally
        self._at = milliseconds("")
        self._last: str | None = None
        self._envelope = {
            "userType": "external",
            "entrypoint": "cli",
            "cwd": os.path.realpath(to.workspace),
            "sessionId": session,
            "version": form.version,
        }

    def all(self) -> Iterator[dict[str, Any]]:
        """Yield the turns, each as a record, and then what the list of sessions shows."""
        prompt = ""
        for number, turn in enumerate(self._from.turns):
            message = self._answer(turn, number) if turn.role == "assistant" else self._prompt(turn)
            if message is None:
                continue
            if turn.role == "user" and not turn.meta and not turn.summary and isinstance(message["content"], str):
                prompt = message["content"]
            yield self._record(turn, number, message)
        if self._last is None:
            return
        if self._from.title:
            yield {"type": "custom-title", "customTitle": self._from.title, "sessionId": self._session}
        shown = prompt[:_PROMPT_LIMIT]
        yield {"type": "last-prompt", "lastPrompt": shown, "leafUuid": self._last, "sessionId": self._session}

    def _record(self, turn: Turn, number: int, message: dict[str, Any]) -> dict[str, Any]:
        """Return a record. The order of its fields matters: see `profile`."""
        uuid = named_uuid(self._session, "record", str(number))
        self._at = milliseconds(turn.at, self._at)
        record: dict[str, Any] = {"parentUuid": self._last, "isSidechain": False, "message": message}
        record["type"] = "assistant" if turn.role == "assistant" else "user"
        record |= {"uuid": uuid, "timestamp": self._at}
        if turn.summary:
            record["isCompactSummary"] = True
        elif record["type"] == "user" and (turn.meta or turn.role == "system"):
            record["isMeta"] = True
        record |= self._envelope
        if self._last is None:
            record["segue"] = {"session": self._from.session, "seq": self._from.seq}
        if turn.node:
            self.nodes.append((uuid, turn.node))
        self._last = uuid
        return record

    def _prompt(self, turn: Turn) -> dict[str, Any] | None:
        if turn.role == "system":
            self._tally.add("message", "mapped", "a system message inside a conversation becomes one of the user")
        blocks = list(self._blocks(turn.parts, of_user=True))
        if not blocks:
            return None
        text = blocks[0]["text"] if len(blocks) == 1 and blocks[0]["type"] == "text" else None
        return {"role": "user", "content": blocks if text is None else text}

    def _answer(self, turn: Turn, number: int) -> dict[str, Any] | None:
        blocks = list(self._blocks(turn.parts, of_user=False))
        if not blocks:
            return None
        if turn.usage:
            self._tally.add("usage", "dropped", "the tokens were spent by the session that it comes from")
        calls = any(block["type"] == "tool_use" for block in blocks)
        return {
            "id": "msg_" + named_uuid(self._session, "message", str(number)).replace("-", "")[:24],
            "type": "message",
            "role": "assistant",
            "model": _SYNTHETIC if turn.meta else turn.model or self._model,
            "content": blocks,
            "stop_reason": "tool_use" if calls else "end_turn",
            "stop_sequence": None,
        }

    # --- parts

    def _blocks(self, parts: Iterable[Mapping[str, Any]], *, of_user: bool) -> Iterator[dict[str, Any]]:
        for part in parts:
            block = self._block(part, of_user=of_user)
            if block is not None:
                yield block

    def _block(self, part: Mapping[str, Any], *, of_user: bool) -> dict[str, Any] | None:
        kind = part["type"]
        if kind == "tool_call":
            return {"type": "tool_use", "id": part["id"], "name": part["name"], "input": part["arguments"]}
        if kind == "tool_call_response":
            return self._result(part)
        if kind == "reasoning":
            self._tally.add("reasoning", "dropped", "the provider takes back only thinking that it has signed")
            return None
        if kind == "text":
            return self._text(said_of(part))
        block = _media(part) if of_user else None
        if block is None:
            self._tally.add(what_of(part), "folded", "Claude Code has no place for it")
            return self._text(as_text(part))
        return block

    def _text(self, text: str) -> dict[str, Any] | None:
        if text.strip():
            return {"type": "text", "text": text}
        self._tally.add("text", "dropped", "it has no characters, which the provider refuses")
        return None

    def _result(self, part: Mapping[str, Any]) -> dict[str, Any]:
        block: dict[str, Any] = {"type": "tool_result", "tool_use_id": part["id"]}
        response = part.get("response")
        parts = isinstance(response, list) and all(isinstance(p, Mapping) and "type" in p for p in response)
        block["content"] = list(self._blocks(response, of_user=True)) if parts else said_of(part, "response")  # type: ignore[arg-type]
        if part.get("is_error"):
            block["is_error"] = True
            if not block["content"]:
                self._tally.add("tool_call_response", "mapped", "a failure without a text, which the provider refuses, gets one")
                block["content"] = "(no output)"
        return block


def _media(part: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the block of an image or a document that the provider takes."""
    media = media_of(part)
    if media is None:
        return None
    block = "image" if media.modality == "image" else "document"
    if media.data and media.mime in (IMAGES if block == "image" else {"application/pdf"}):
        return {"type": block, "source": {"type": "base64", "media_type": media.mime, "data": media.data}}
    if media.url.startswith("https://") and media.modality in {"image", "document"}:
        return {"type": block, "source": {"type": "url", "url": media.url}}
    return None
