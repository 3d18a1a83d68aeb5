"""A conversation as a transcript that `qwen --resume` goes on from: a record for each turn and each answer, in one line."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from segue.core.log.ids import named_uuid
from segue.core.together.conversation import Accepts, Conversation, Turn
from segue.ports import Destination, Noted
from segue.transcripts._genai_writing import Content, names_of, unbroken
from segue.transcripts._records import short
from segue.transcripts._writer import FileWriter, Made
from segue.transcripts._writing import Tally, lines_of, milliseconds
from segue.transcripts.qwen.profile import MEDIA, NEWEST, PROFILES, Profile, check, directory_of

AGENT: Final = "qwen-code"
_TITLE_LIMIT: Final = 200
_SHOWN: Final = 2_000


class QwenWriter(FileWriter[Profile]):
    """Writes Qwen Code's transcripts. See `ports.TranscriptWriter`."""

    agent = AGENT
    accepts = Accepts(media=MEDIA, reasoning=True, window=131_072)
    program = "Qwen Code"
    forms = PROFILES
    newest = NEWEST

    def find(self, foreign_id: str, to: Destination) -> str | None:
        """See `TranscriptWriter.find`: only in the workspace's own directory."""
        path = _path(foreign_id, to)
        return str(path) if path.is_file() else None

    def command(self, foreign_id: str, to: Destination) -> tuple[str, ...]:
        """See `TranscriptWriter.command`."""
        return ("qwen", "--resume", foreign_id, *(("--model", to.model) if to.model else ()))

    def _session(self, conversation: Conversation) -> str:
        return _of_version_4(super()._session(conversation))

    def _make(self, conversation: Conversation, session: str, form: Profile, to: Destination, tally: Tally) -> Made:
        records = _Records(conversation, session, form, to, tally)
        return Made(str(_path(session, to)), unbroken(lines_of(records.all(), tally)), records.nodes)

    def validate(self, path: str) -> list[Noted]:
        """See `TranscriptWriter.validate`."""
        return check(path)


def _of_version_4(uuid: str) -> str:
    """Return *uuid* as one of a version that the program knows (1 to 5); any other it takes for a session's title."""
    return f"{uuid[:14]}4{uuid[15:]}"


def _path(session: str, to: Destination) -> Path:
    workspace = os.path.realpath(to.workspace)  # the agent's own working directory has no links in it
    return Path(to.home, "projects", directory_of(workspace), "chats", f"{session}.jsonl")


class _Records:
    """The records of one transcript."""

    def __init__(self, conversation: Conversation, session: str, form: Profile, to: Destination, tally: Tally) -> None:
        self.nodes: list[tuple[str, str]] = []
        self._from = conversation
        self._session = session
        self._model = to.model
        self._tally = tally
        self._content = Content(tally, MEDIA, "Qwen Code")
        self._at = milliseconds("")
        self._last: str | None = None
        self._number = 0
        self._envelope = {"cwd": os.path.realpath(to.workspace), "version": form.version}

    def all(self) -> Iterator[dict[str, Any]]:
        """Yield the turns' records, and then what the list of sessions shows."""
        names: dict[str, str] = {}
        for turn in self._from.turns:
            self._at = milliseconds(turn.at, self._at)
            if turn.role == "tool":
                yield from (self._answer(part, names) for part in turn.parts)
            else:
                names = names_of(turn.parts)
                yield self._message(turn)
            if turn.node and self._last:
                self.nodes.append((self._last, turn.node))
        if self._last and (title := short(self._from.title, _TITLE_LIMIT)):
            payload = {"customTitle": title, "titleSource": "auto"}
            yield self._record("system", {"subtype": "custom_title", "systemPayload": payload})

    def _record(self, kind: str, fields: dict[str, Any]) -> dict[str, Any]:
        uuid = named_uuid("record", self._session, str(self._number))
        record: dict[str, Any] = {"uuid": uuid, "parentUuid": self._last, "sessionId": self._session, "timestamp": self._at}
        record |= {"type": kind, **self._envelope}
        if self._last is None:
            record["segue"] = {"session": self._from.session, "seq": self._from.seq}
        self._last = uuid
        self._number += 1
        return record | fields

    def _message(self, turn: Turn) -> dict[str, Any]:
        parts = [self._content.part(part) for part in turn.parts]
        if turn.role != "assistant":
            return self._record("user", {"message": {"role": "user", "parts": parts}})
        if turn.usage:
            self._tally.add("usage", "dropped", "the tokens were spent by the session that it comes from")
        model = turn.model or self._model
        return self._record("assistant", ({"model": model} if model else {}) | {"message": {"role": "model", "parts": parts}})

    def _answer(self, part: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
        parts = self._content.answer(part, names.get(part["id"], ""))
        shown = next(iter(parts[0]["functionResponse"]["response"].values()))
        result: dict[str, Any] = {"callId": part["id"], "status": "error" if part.get("is_error") else "success"}
        if 0 < len(shown) <= _SHOWN:
            result["resultDisplay"] = shown
        return self._record("tool_result", {"message": {"role": "user", "parts": parts}, "toolCallResult": result})
