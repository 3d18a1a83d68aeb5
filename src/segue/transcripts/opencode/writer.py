"""A conversation as a document that `opencode import` takes, and `opencode --session` goes on from.

opencode keeps sessions in its database, which is its own to write: we write the document into a directory of ours in its
home, and its own import takes it in. An answer of a tool is part of its call's part, so two turns become one message.
"""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from datetime import datetime
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

from segue.core.errors import ExistsError
from segue.core.together.conversation import Accepts, Conversation, Turn
from segue.ports import Destination, Noted
from segue.transcripts._records import dict_of, list_of, parse, short, text_of
from segue.transcripts._writer import FileWriter, Made
from segue.transcripts._writing import (
    Tally,
    as_text,
    encode,
    media_of,
    said_of,
    well_formed,
    what_of,
)
from segue.transcripts.opencode.profile import NEWEST, PROFILES, Profile, check
from segue.transcripts.opencode.records import AGENT, RESULT

_IMPORTS: Final = "segue"
"""The directory in opencode's home that the documents are in."""
_MODEL: Final = ("anthropic", "claude-sonnet-4-5")
"""What is named where nothing says what the user runs; opencode then asks for another one if it is not to be had."""
_DIGITS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_CONFIG = re.compile(r'(?:^|[{,])\s*"model"\s*:\s*"([^"/\s]+)/([^"\s]+)"', re.MULTILINE)
_CONFIG_LIMIT = 1024 * 1024
_SHOWN = 30_000


class OpenCodeWriter(FileWriter[Profile]):
    """Writes documents for opencode's import. See `ports.TranscriptWriter`."""

    agent = AGENT
    accepts = Accepts(media=frozenset({"image", "document"}))
    program = "opencode"
    forms = PROFILES
    newest = NEWEST

    def find(self, foreign_id: str, to: Destination) -> str | None:
        """See `TranscriptWriter.find`: in a database; a document that was not imported yet is not found by its command."""
        there = (db for db in _databases(to.home) if _messages_of(db, foreign_id) is not None)
        return next((f"{database}#{foreign_id}" for database in there), None)

    def command(self, foreign_id: str, to: Destination) -> tuple[str, ...]:
        """See `TranscriptWriter.command`."""
        return ("opencode", "--session", foreign_id)

    def _session(self, conversation: Conversation) -> str:
        return f"ses_{_scattered(super()._session(conversation), 26)}"

    def _make(self, conversation: Conversation, session: str, form: Profile, to: Destination, tally: Tally) -> Made:
        """Return the document. The agent has gone on with it where its database has messages that are not ours."""
        path = _path(session, to)
        document = _Document(conversation, session, form, to, _model(to, path), tally)
        whole = document.all()
        ours = {message["info"]["id"] for message in whole["messages"]}
        for database in _databases(to.home):
            if (_messages_of(database, session) or set()) - ours:
                raise ExistsError(f"{AGENT} session", session)
        data = well_formed(encode(whole), tally).encode() + b"\n"
        return Made(str(path), data, document.nodes)

    def _prepare(self, path: str) -> tuple[tuple[str, ...], ...]:
        return (("opencode", "import", path),)

    def validate(self, path: str) -> list[Noted]:
        """See `TranscriptWriter.validate`."""
        return check(path)


def _scattered(name: str, length: int) -> str:
    """Return *length* letters and digits that are made from *name*."""
    number = int.from_bytes(blake2b(name.encode(), digest_size=32).digest())
    found = ""
    for _ in range(length):
        number, digit = divmod(number, len(_DIGITS))
        found += _DIGITS[digit]
    return found


def _path(session: str, to: Destination) -> Path:
    return Path(to.home, _IMPORTS, f"{session}.json")


class _Document:
    """The session, its messages and their parts, as an export has them."""

    def __init__(
        self, conversation: Conversation, session: str, form: Profile, to: Destination, model: tuple[str, str], tally: Tally
    ) -> None:
        self.nodes: list[tuple[str, str]] = []
        self._from = conversation
        self._session = session
        self._form = form
        self._workspace = to.workspace
        self._provider, self._model = model
        self._tally = tally
        self._prompt = ""
        self._at = 0
        self._number = 0

    def all(self) -> dict[str, Any]:
        """Return the document."""
        messages = list(self._messages())
        times = [message["info"]["time"]["created"] for message in messages]
        info = {
            "id": self._session,
            "slug": f"segue-{self._session[4:12].lower()}",
            "projectID": "global",
            "directory": self._workspace,
            "title": short(self._from.title, 100) or "A session that was carried over",
            "version": self._form.version,
            "metadata": {"segue": {"session": self._from.session, "seq": self._from.seq}},
            "time": {"created": min(times, default=0), "updated": max(times, default=0)},
        }
        return {"info": info, "messages": messages}

    def _messages(self) -> Iterator[dict[str, Any]]:
        turns = self._from.turns
        for number, turn in enumerate(turns):
            if turn.role == "tool":
                continue  # with its calls
            self._at = max(self._at, _milliseconds(turn.at))
            if turn.role == "assistant":
                answers = turns[number + 1] if number + 1 < len(turns) and turns[number + 1].role == "tool" else None
                yield self._answer(turn, answers)
            else:
                yield self._said(turn)

    def _said(self, turn: Turn) -> dict[str, Any]:
        if turn.role == "system":
            self._tally.add("message", "mapped", "a system message inside a conversation becomes one of the user")
        message = self._id("msg")
        self._prompt = message
        info = {
            "id": message,
            "sessionID": self._session,
            "role": "user",
            "time": {"created": self._at},
            "agent": "build",
            "model": {"providerID": self._provider, "modelID": self._model},
        }
        put_in = {"synthetic": True} if turn.meta or turn.summary or turn.role == "system" else {}
        parts = [self._part(message, **self._content(part), **put_in) for part in turn.parts]
        self._name(turn, message, parts)
        return {"info": info, "parts": parts}

    def _answer(self, turn: Turn, answers: Turn | None) -> dict[str, Any]:
        if turn.usage:
            self._tally.add("usage", "dropped", "the tokens were spent by the session that it comes from")
        message = self._id("msg")
        calls = any(part.get("type") == "tool_call" for part in turn.parts)
        info = {
            "id": message,
            "sessionID": self._session,
            "role": "assistant",
            "time": {"created": self._at, "completed": self._at},
            "parentID": self._prompt,
            "modelID": turn.model or self._model,
            "providerID": self._provider,
            "mode": "build",
            "agent": "build",
            "path": {"cwd": self._workspace, "root": self._workspace},
            "cost": 0,
            "tokens": {"input": 0, "output": 0, "reasoning": 0, "cache": {"read": 0, "write": 0}},
            "finish": "tool-calls" if calls else "stop",
        }
        responses = {said_of(part, "id"): part for part in answers.parts} if answers else {}
        parts = []
        for part in turn.parts:
            if part.get("type") == "tool_call":
                parts.append(self._call(message, part, responses.get(said_of(part, "id")), answers))
            else:
                parts.append(self._part(message, **self._content(part)))
        self._name(turn, message, parts)
        if answers is not None and answers.node:
            self.nodes += [(part["id"] + RESULT, answers.node) for part in parts if part["type"] == "tool"]
        return {"info": info, "parts": parts}

    # --- parts

    def _content(self, part: Mapping[str, Any]) -> dict[str, Any]:
        kind = part.get("type")
        if kind == "text":
            return {"type": "text", "text": said_of(part)}
        if kind == "reasoning":
            self._tally.add("reasoning", "folded", "without its provider's signature it is refused: carried as text")
            return {"type": "text", "text": said_of(part)}
        return self._media(part) or self._folded(part)

    def _folded(self, part: Mapping[str, Any]) -> dict[str, Any]:
        self._tally.add(what_of(part), "folded", "there is no part for it")
        return {"type": "text", "text": as_text(part)}

    def _media(self, part: Mapping[str, Any]) -> dict[str, Any] | None:
        media = media_of(part)
        if media is None or media.modality not in self.accepts_media:
            return None
        mime = media.mime or ("application/pdf" if media.modality == "document" else f"{media.modality}/*")
        url = media.url or f"data:{mime};base64,{media.data}"
        return {"type": "file", "mime": mime, "url": url} if media.data or "://" in media.url else None

    accepts_media = OpenCodeWriter.accepts.media

    def _call(
        self, message: str, call: Mapping[str, Any], answer: Mapping[str, Any] | None, answers: Turn | None
    ) -> dict[str, Any]:
        """Return a call with its answer."""
        end = max(self._at, _milliseconds(answers.at)) if answers else self._at
        part = self._part(message, type="tool", callID=said_of(call, "id"), tool=said_of(call, "name"))
        arguments = call.get("arguments")
        state: dict[str, Any] = {"status": "error", "input": dict(arguments) if isinstance(arguments, Mapping) else {}}
        time = {"start": self._at, "end": end}
        said, attached = self._response(message, answer or {"response": "interrupted before it answered"})
        if answer is None or answer.get("is_error") is True:
            for media in attached:
                self._tally.add("image", "folded", "an answer that is an error has no place for it")
                said += f"\n[{media['mime']}: not carried over]"
            return {**part, "state": {**state, "error": said, "time": time}}
        shown = {"output": said[:_SHOWN]} if part["tool"] == "bash" else {}
        state |= {"status": "completed", "output": said, "title": "", "metadata": shown, "time": time}
        return {**part, "state": state | ({"attachments": attached} if attached else {})}

    def _response(self, message: str, answer: Mapping[str, Any]) -> tuple[str, list[dict[str, Any]]]:
        told = answer.get("response")
        if not isinstance(told, (list, tuple)):
            return said_of(answer, "response"), []
        texts: list[str] = []
        attached: list[dict[str, Any]] = []
        for part in told:
            content = self._content(part) if isinstance(part, Mapping) else {"type": "text", "text": str(part)}
            if content["type"] == "text":
                texts.append(content["text"])
            else:
                attached.append(self._part(message, **content))
        return "\n".join(texts), attached

    def _part(self, message: str, **content: Any) -> dict[str, Any]:
        return {"id": self._id("prt"), "sessionID": self._session, "messageID": message, **content}

    def _id(self, kind: str) -> str:
        """Return the next id: lower than any that opencode makes from its clock, which begins anew every 795 days."""
        self._number += 1
        return f"{kind}_{self._number:012x}{_scattered(f'{self._session} {self._number}', 14)}"

    def _name(self, turn: Turn, message: str, parts: list[dict[str, Any]]) -> None:
        """Keep the names of all that a reader will find: what it is made from is in the log already."""
        if turn.node:
            self.nodes += [(name, turn.node) for name in (message, *(part["id"] for part in parts))]


def _milliseconds(at: str) -> int:
    try:
        return max(int(datetime.fromisoformat(at).timestamp() * 1000), 0)
    except (ValueError, TypeError, OverflowError):
        return 0


# --- what is there


def _databases(home: str) -> list[str]:
    return sorted(str(path) for path in Path(home).glob("opencode*.db") if path.is_file())


def _messages_of(database: str, session: str) -> set[str] | None:
    """Return the ids of a session's messages in a database; None where it does not have the session."""
    from segue.transcripts.opencode.database import Database

    with closing(Database(database)) as db:
        if db.session(session) is None:
            return None
        return {row.id for row in db.rows(session) if row.table == "message"}


def _model(to: Destination, path: Path) -> tuple[str, str]:
    """Return provider and model that the user runs: what is asked for, was written before, or is configured.

    opencode goes on with what the last message of the user names, so it should be one that can be had.
    """
    provider, _, model = to.model.partition("/")
    if provider and model:
        return provider, model
    return _written(path) or _configured(to) or _MODEL


def _written(path: Path) -> tuple[str, str] | None:
    with suppress(OSError):
        found = parse(path.read_bytes()).record or {}
        for message in list_of(found, "messages"):
            model = dict_of(dict_of(message, "info"), "model") if isinstance(message, dict) else {}
            if text_of(model, "providerID") and text_of(model, "modelID"):
                return text_of(model, "providerID"), text_of(model, "modelID")
    return None


def _configured(to: Destination) -> tuple[str, str] | None:
    """Return the model of the project's or the user's configuration (`opencode.json`, with comments allowed)."""
    places = [Path(to.workspace), Path(to.home).parents[2] / ".config" / "opencode"] if len(Path(to.home).parents) > 2 else []
    for directory in places:
        for name in ("opencode.jsonc", "opencode.json"):
            with suppress(OSError, ValueError):
                with (directory / name).open(encoding="utf-8") as file:
                    text = file.read(_CONFIG_LIMIT)
                told = _setting(text)
                if told is not None:
                    return told
    return None


def _setting(text: str) -> tuple[str, str] | None:
    try:
        found = json.loads(text)
    except ValueError:  # comments: the first setting of that name
        told = _CONFIG.search(text)
        return (told[1], told[2]) if told else None
    provider, _, model = text_of(found, "model").partition("/") if isinstance(found, dict) else ("", "", "")
    return (provider, model) if provider and model else None
