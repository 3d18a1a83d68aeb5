"""A conversation as a transcript that `gemini --resume` goes on from: a message for each turn, answers with their calls.

The file's name ends in eight digits that are not the session's. Resuming makes the program write a stub whose name ends in
the session's first eight; the next start takes it for damaged and deletes all files whose names end so (tried on 0.61.0).
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from segue.core.errors import ExistsError
from segue.core.log.ids import named_uuid
from segue.core.together.conversation import Accepts, Conversation, Turn
from segue.ports import Destination, Noted
from segue.transcripts._genai_writing import Content, names_of, unbroken
from segue.transcripts._records import short, time_of
from segue.transcripts._writer import FileWriter, Made
from segue.transcripts._writing import Tally, lines_of, make_file, milliseconds
from segue.transcripts.gemini.profile import (
    MEDIA,
    NEWEST,
    PROFILES,
    ROOT,
    Profile,
    check,
    free_directories,
    is_resumable,
    load,
    marked,
    project_directory,
    project_hash,
)

AGENT: Final = "gemini-cli"
_TITLE_LIMIT: Final = 200
_SHOWN: Final = 2_000
_ORDER: Final = ("text", "tool_call")
"""The order in which the program puts its own fields of a message together."""


class GeminiWriter(FileWriter[Profile]):
    """Writes Gemini CLI's transcripts. See `ports.TranscriptWriter`."""

    agent = AGENT
    accepts = Accepts(media=MEDIA, window=1_048_576)  # of thoughts it shows some to the user, and sends none (0.61.0)
    risk = "resuming leaves a stub, for which the next start of Gemini CLI deletes the session itself"
    program = "Gemini CLI"
    forms = PROFILES
    newest = NEWEST

    def find(self, foreign_id: str, to: Destination) -> str | None:
        """See `TranscriptWriter.find`: of several files of a session the program takes the one that was changed last."""
        slug = project_directory(to.home, os.path.realpath(to.workspace))
        if slug is None:
            return None
        latest = ("", "")
        for path in sorted(Path(to.home, "tmp", slug, "chats").glob("session-*.json*")):
            if path.suffix not in {".json", ".jsonl"} or not path.is_file():
                continue
            latest = max(latest, (_changed(path, foreign_id), str(path)))
        return latest[1] if latest[0] else None

    def command(self, foreign_id: str, to: Destination) -> tuple[str, ...]:
        """See `TranscriptWriter.command`."""
        return ("gemini", "--resume", foreign_id, *(("--model", to.model) if to.model else ()))

    def _make(self, conversation: Conversation, session: str, form: Profile, to: Destination, tally: Tally) -> Made:
        records = _Records(conversation, session, os.path.realpath(to.workspace), tally)
        return Made(records.name, unbroken(lines_of(records.all(), tally)), records.nodes)

    def _put(self, made: Made, session: str, to: Destination) -> str:
        """Write it, and before it the mark that its directory is the workspace's. All or nothing."""
        workspace = os.path.realpath(to.workspace)
        known = project_directory(to.home, workspace)
        for slug in (known,) if known else free_directories(to.home, workspace):
            mark = Path(to.home, "tmp", slug, ROOT)
            there = mark.exists()
            try:
                make_file(str(mark), os.fsencode(workspace), AGENT, session)
            except ExistsError:  # another project took it meanwhile
                if not known:
                    continue
            path = Path(to.home, "tmp", slug, "chats", made.path)
            try:
                return super()._put(made._replace(path=str(path)), session, to)
            except OSError:
                if not there:
                    mark.unlink(missing_ok=True)
                raise
        raise AssertionError("there is always another name")

    def validate(self, path: str) -> list[Noted]:
        """See `TranscriptWriter.validate`."""
        return check(path)


def _changed(path: Path, foreign_id: str) -> str:
    """Return when a file of the session was changed last, by what it says; empty: it is none that can go on."""
    with path.open("rb") as file:
        if foreign_id.encode() not in file.read(65536):
            return ""
    found = load(str(path))
    if found.header.get("sessionId") != foreign_id or not any(is_resumable(m) for _, m in found.messages.values()):
        return ""
    return time_of(found.header.get("lastUpdated")) or time_of(found.header.get("startTime")) or "0"


class _Records:
    """The records of one transcript."""

    def __init__(self, conversation: Conversation, session: str, workspace: str, tally: Tally) -> None:
        self.nodes: list[tuple[str, str]] = []
        self._from = conversation
        self._session = session
        self._workspace = workspace
        self._tally = tally
        self._content = Content(tally, MEDIA, "Gemini CLI")
        self._began = milliseconds(conversation.turns[-1].at if conversation.turns else "")
        self._at = self._began
        minute = self._began[:16].replace(":", "-")
        self.name = f"session-{minute}-{session[:8]}-{named_uuid('file', session)[:8]}.jsonl"

    def all(self) -> Iterator[dict[str, Any]]:
        """Yield the header, and a record for each turn but those of tools: what they answered is with the calls."""
        yield self._header()
        turns = self._from.turns
        for number, turn in enumerate(turns):
            self._at = milliseconds(turn.at, self._at)
            if turn.role == "tool":
                continue
            record = {"id": named_uuid("record", self._session, str(number)), "timestamp": self._at}
            answers = turns[number + 1] if number + 1 < len(turns) and turns[number + 1].role == "tool" else None
            if turn.role == "assistant":
                yield record | {"type": "gemini", **self._answer(turn, answers)}
            else:
                yield record | {"type": "user", "content": self._prompt(turn)}
            self.nodes += [(record["id"], one.node) for one in (turn, answers) if one is not None and one.node]

    def _header(self) -> dict[str, Any]:
        header: dict[str, Any] = {"sessionId": self._session, "projectHash": project_hash(self._workspace)}
        header |= {"startTime": self._began, "lastUpdated": self._began, "kind": "main"}
        if title := short(self._from.title, _TITLE_LIMIT):
            header["summary"] = title
        return header | {"segue": {"session": self._from.session, "seq": self._from.seq}}

    def _prompt(self, turn: Turn) -> list[dict[str, Any]]:
        parts: list[dict[str, Any]] = []
        for part in turn.parts:
            made = self._content.part(part)
            if "text" in made and (text := marked(made["text"])) != made["text"]:
                self._tally.add("text", "mapped", "a space without width in front: a prompt that begins like this is left out")
                made["text"] = text
            parts.append(made)
        return parts

    def _answer(self, turn: Turn, answers: Turn | None) -> dict[str, Any]:
        """Return the fields of a message of the model: its own where they keep the order of the parts, else all as content."""
        if turn.usage:
            self._tally.add("usage", "dropped", "the tokens were spent by the session that it comes from")
        kinds = [part["type"] for part in turn.parts]
        made = [self._content.part(part) for part in turn.parts]
        texts = [part for part, kind in zip(made, kinds, strict=True) if kind == "text"]
        own = set(kinds) <= set(_ORDER) and kinds == sorted(kinds, key=_ORDER.index)
        found: dict[str, Any] = {"content": made if not own else texts[0]["text"] if len(texts) == 1 else texts or ""}
        if turn.model:
            found["model"] = turn.model
        if calls := self._calls(turn, answers):
            found["toolCalls"] = calls
        return found

    def _calls(self, turn: Turn, answers: Turn | None) -> list[dict[str, Any]]:
        names = names_of(turn.parts)
        told = {part["id"]: part for part in (answers.parts if answers else ())}
        at = milliseconds(answers.at, self._at) if answers else self._at
        found: list[dict[str, Any]] = []
        for part in turn.parts:
            if part["type"] != "tool_call":
                continue
            call = {"id": part["id"], "name": part["name"], "args": part["arguments"]}
            if answer := told.get(part["id"]):
                result = self._content.answer(answer, names[part["id"]])
                call |= {"result": result, "status": "error" if answer.get("is_error") else "success", "timestamp": at}
                shown = next(iter(result[0]["functionResponse"]["response"].values()))
                if 0 < len(shown) <= _SHOWN:
                    call["resultDisplay"] = shown
            found.append(call)
        return found
