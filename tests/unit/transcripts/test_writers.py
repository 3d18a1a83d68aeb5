"""Every writer keeps the contract of writers."""

import re

import pytest

from segue.testing import WriterContract
from segue.testing.writers import Told, conversation, plain, spoken, turn
from segue.transcripts.aider.reader import Aider
from segue.transcripts.aider.writer import AiderWriter, _folded
from segue.transcripts.atif.reader import Atif
from segue.transcripts.atif.writer import AtifWriter
from segue.transcripts.claude_code.reader import ClaudeCode
from segue.transcripts.claude_code.writer import ClaudeCodeWriter
from segue.transcripts.codex.reader import Codex
from segue.transcripts.codex.writer import CodexWriter
from segue.transcripts.gemini.reader import Gemini
from segue.transcripts.gemini.writer import GeminiWriter
from segue.transcripts.messages.reader import Messages
from segue.transcripts.messages.writer import MessagesWriter
from segue.transcripts.opencode.reader import OpenCode
from segue.transcripts.opencode.writer import OpenCodeWriter
from segue.transcripts.qwen.reader import Qwen
from segue.transcripts.qwen.writer import QwenWriter


class TestClaudeCode(WriterContract):
    def writer(self):
        return ClaudeCodeWriter()

    def reader(self):
        return ClaudeCode()


class TestCodex(WriterContract):
    def writer(self):
        return CodexWriter()

    def reader(self):
        return Codex()

    @pytest.mark.parametrize("uri", ["images/shot.png", "file:///home/ann/shot.png", "data:text/html;base64,AAAA"])
    def test_an_image_that_the_provider_cannot_reach_is_told_in_words(self, to, uri):
        given = conversation(turn("user", "Look:", {"type": "uri", "modality": "image", "uri": uri}))
        written = self.writer().write(given, to)
        assert self.writer().validate(written.files[0]) == []
        assert [(c.what, c.fate, c.number) for c in written.carried] == [("image", "folded", 1)]


class TestGemini(WriterContract):
    """Calls and their answers are one record there: it is told as two."""

    def writer(self):
        return GeminiWriter()

    def reader(self):
        return Gemini()

    def told(self, written):
        found = super().told(written)
        return Told(spoken(_apart(found.spoken)), found.nodes)


def _apart(told):
    for role, parts in told:
        for part in parts:
            yield ("tool" if part["type"] == "tool_call_response" else role), [part]


class TestOpenCode(WriterContract):
    def writer(self):
        return OpenCodeWriter()

    def reader(self):
        return OpenCode()


class TestQwen(WriterContract):
    def writer(self):
        return QwenWriter()

    def reader(self):
        return Qwen()


class _Format(WriterContract):
    """A form of transcripts that no agent goes on from: it has no command."""

    def test_it_is_found_by_its_id_and_resumed_by_it(self, to):
        written = self.writer().write(plain(), to)
        assert self.writer().find(written.foreign_id, to) == written.files[0]
        assert (written.command, self.writer().command(written.foreign_id, to)) == ((), ())


class TestAtif(_Format):
    def writer(self):
        return AtifWriter()

    def reader(self):
        return Atif()


class TestMessages(_Format):
    def writer(self):
        return MessagesWriter()

    def reader(self):
        return Messages()


class TestAider(WriterContract):
    """Text only: what counts is who said which words; calls and answers are words as well."""

    def writer(self):
        return AiderWriter()

    def reader(self):
        return Aider()

    def told(self, written):
        found = super().told(written)
        return found._replace(spoken=_words((role, parts) for role, parts in found.spoken))

    def expected(self, given):
        return _words(
            (t.role, [{"content": p.get("content") if p["type"] == "text" else _folded(p)} for p in t.parts]) for t in given.turns
        )

    def test_every_turn_is_there_in_order(self, to):
        written = self.writer().write(plain(), to)
        assert self.told(written).spoken == self.expected(plain())
        assert {(c.what, c.fate) for c in written.carried} == {("tool_call", "folded"), ("tool_call_response", "folded")}

    def test_it_is_found_by_its_id_and_resumed_by_it(self, to):
        written = self.writer().write(plain(), to)
        assert self.writer().find(written.foreign_id, to) == written.files[0]
        assert written.command == self.writer().command(written.foreign_id, to)
        assert written.command[-1] == written.files[0]


def _words(turns):
    """Return who said which words; blanks, and halves of characters, do not count."""
    found = []
    for role, parts in turns:
        said = "".join("".join(p["content"].split()) for p in parts)
        said = re.sub("[\ud800-\udfff]", "\ufffd", said)
        who = "assistant" if role == "assistant" else "user"
        if said and found and found[-1][0] == who:
            found[-1] = (who, found[-1][1] + said)
        elif said:
            found.append((who, said))
    return found
