"""Every writer keeps the contract of writers."""

from segue.testing import WriterContract
from segue.transcripts.claude_code.reader import ClaudeCode
from segue.transcripts.claude_code.writer import ClaudeCodeWriter
from segue.transcripts.codex.reader import Codex
from segue.transcripts.codex.writer import CodexWriter
from segue.transcripts.opencode.reader import OpenCode
from segue.transcripts.opencode.writer import OpenCodeWriter


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


class TestOpenCode(WriterContract):
    def writer(self):
        return OpenCodeWriter()

    def reader(self):
        return OpenCode()
