"""Every writer keeps the contract of writers."""

from segue.testing import WriterContract
from segue.transcripts.claude_code.reader import ClaudeCode
from segue.transcripts.claude_code.writer import ClaudeCodeWriter


class TestClaudeCode(WriterContract):
    def writer(self):
        return ClaudeCodeWriter()

    def reader(self):
        return ClaudeCode()
