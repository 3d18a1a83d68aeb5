"""A conversation as a chat history that `aider --restore-chat-history` goes on from: Markdown, in a file of its own.

aider restores who said what, nothing else: calls and answers of tools are text. It splits the history by the beginnings of
lines, so a line of the model's that begins like another kind is indented by a space, which Markdown does not show.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from segue.core.together.conversation import Accepts, Conversation, Turn
from segue.ports import Destination, Noted
from segue.transcripts._lines import open_file
from segue.transcripts._writer import FileWriter, Made
from segue.transcripts._writing import Tally, as_text, milliseconds, said_of, well_formed, what_of
from segue.transcripts.aider.reader import AGENT, MARK


class Profile(NamedTuple):
    """The form that versions from `version` on take."""

    version: str


PROFILES: Final = (Profile("0.86.2"),)
NEWEST: Final = "0.86.2"
"""The latest version that was tried."""

_BEGINNING = re.compile(r"^(?=(?:#|>|####) )", re.MULTILINE)
_BREAKS = re.compile(r"\r\n|[\r\v\f\x1c-\x1e\x85\u2028\u2029]")
"""What Python ends a line at besides a newline: aider would look for a beginning behind it."""
_BETWEEN: Final = "> and then:  \n"
"""What aider leaves out, between two turns that it would take for one."""


class AiderWriter(FileWriter[Profile]):
    """Writes aider's chat history. See `ports.TranscriptWriter`."""

    agent = AGENT
    accepts = Accepts(tools="text", window=128_000)
    program = "aider"
    forms = PROFILES
    newest = NEWEST

    def find(self, foreign_id: str, to: Destination) -> str | None:
        """See `TranscriptWriter.find`: a history that aider keeps in a project is known by its path."""
        path = Path(foreign_id) if foreign_id.startswith("/") else _path(foreign_id, to)
        return str(path) if path.is_file() else None

    def command(self, foreign_id: str, to: Destination) -> tuple[str, ...]:
        """See `TranscriptWriter.command`."""
        path = foreign_id if foreign_id.startswith("/") else str(_path(foreign_id, to))
        return ("aider", "--restore-chat-history", "--chat-history-file", path)

    def _make(self, conversation: Conversation, session: str, form: Profile, to: Destination, tally: Tally) -> Made:
        made = _Text(conversation, session, tally)
        return Made(str(_path(session, to)), made.text.encode(), made.nodes)

    def validate(self, path: str) -> list[Noted]:
        """See `TranscriptWriter.validate`: what aider would leave out of the history."""
        with open_file(path) as file:
            data = file.read()
        return [Noted(f"{path}:{line}" if line else path, reason) for line, reason in _flaws(data)]


def _path(session: str, to: Destination) -> Path:
    return Path(to.home, "segue", f"{session}.aider.chat.history.md")


class _Text:
    """The whole history, and which line each turn begins at."""

    def __init__(self, conversation: Conversation, session: str, tally: Tally) -> None:
        self.nodes: list[tuple[str, str]] = []
        self._tally = tally
        first = next((turn.at for turn in conversation.turns), "")
        started = milliseconds(first)[:19].replace("T", " ")
        whole = [f"# aider chat started at {started}\n", f"{MARK}{session} {conversation.session} {conversation.seq}\n\n"]
        line, before = 4, ""
        for turn in conversation.turns:
            said = well_formed(_BREAKS.sub("\n", "\n\n".join(self._said(turn))), tally)
            mine = turn.role == "assistant"
            text = self._answer(said) if mine else self._prompt(said)
            if not said.strip():
                continue
            between = f"{_BETWEEN}\n" if mine and before == "assistant" else ""
            begins = line + between.count("\n")
            if turn.node:
                self.nodes.append((f"@{begins}", turn.node))
            whole.append(between + text)
            line = begins + text.count("\n")
            before = "assistant" if mine else "user"
        self.text = "".join(whole)

    def _prompt(self, said: str) -> str:
        """Return what the user said as aider notes it: two spaces at the end of each line, a blank line behind."""
        return "".join(f"#### {line}  \n" for line in said.split("\n")) + "\n"

    def _answer(self, said: str) -> str:
        return _BEGINNING.sub(" ", said.strip("\n")) + "\n\n"

    def _said(self, turn: Turn) -> Iterator[str]:
        if turn.role == "system":
            self._tally.add("message", "mapped", "a system message inside a conversation becomes one of the user")
        for part in turn.parts:
            kind = part.get("type")
            if kind == "text":
                yield said_of(part)
                continue
            self._tally.add(what_of(part), "folded", "the history holds text only")
            yield _folded(part)


def _folded(part: Mapping[str, Any]) -> str:
    """Return a part as text that says what it was."""
    kind = part.get("type")
    if kind == "tool_call":
        return f"[called {said_of(part, 'name')}: {said_of(part, 'arguments')}]"
    if kind == "tool_call_response":
        failed = " failed" if part.get("is_error") is True else ""
        told = part.get("response")
        if isinstance(told, (list, tuple)):
            said = "\n".join(said_of(p) if p.get("type") == "text" else as_text(p) for p in told if isinstance(p, Mapping))
        else:
            said = said_of(part, "response")
        return f"[{said_of(part, 'id')}{failed} answered]\n{said}"
    return said_of(part) if kind == "reasoning" else as_text(part)


def _flaws(data: bytes) -> Iterator[tuple[int, str]]:
    """Yield the lines that aider would misread, and why."""
    if not data.endswith(b"\n"):
        yield data.count(b"\n") + 1, "its last line is cut short" if data else "it is empty"
    try:
        text = data.decode()
    except UnicodeDecodeError as e:
        yield data[: e.start].count(b"\n") + 1, "it is not UTF-8: aider reads nothing of it"
        return
    prompts = 0
    for number, line in enumerate(text.split("\n"), 1):
        if _BREAKS.search(line):
            yield number, "aider ends a line in the middle of it"
        if line.startswith("# ") and not line.startswith(("# aider chat started at ", MARK)):
            yield number, "aider leaves a line out that begins with '# '"
        prompts += line.startswith("#### ")
    if not prompts:
        yield 0, "it holds nothing that the user said"
