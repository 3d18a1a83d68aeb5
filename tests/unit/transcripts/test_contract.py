"""Every reader keeps the contract of readers."""

import json
from pathlib import Path

from segue.testing import TranscriptContract
from segue.transcripts.claude_code.reader import ClaudeCode
from segue.transcripts.codex.reader import Codex
from segue.transcripts.gemini.reader import Gemini
from segue.transcripts.messages.reader import Messages
from segue.transcripts.qwen.reader import Qwen

FIXTURES = Path(__file__).parents[2] / "fixtures" / "transcripts"


class TestClaudeCode(TranscriptContract):
    name = "a0edc6ad-81f1-4d48-9902-29dc3fc4830f.jsonl"
    distinct = 11

    def reader(self):
        return ClaudeCode()

    def sample(self):
        return (FIXTURES / "claude" / "hooks-subagent-compact.jsonl").read_bytes()


class TestCodex(TranscriptContract):
    name = "rollout-2026-11-21T02-03-59-01a1fbd8-9c48-7761-9e13-fd4d63b0070c.jsonl"
    distinct = 10

    def reader(self):
        return Codex()

    def sample(self):
        return (FIXTURES / "codex" / "exec-plan-and-resume.jsonl").read_bytes()


class TestOlderCodex(TranscriptContract):
    name = "rollout.jsonl"
    distinct = 2

    def reader(self):
        return Codex()

    def sample(self):
        return (FIXTURES / "codex" / "minimal-importable.jsonl").read_bytes()


class TestGemini(TranscriptContract):
    name = "session-2026-11-21T02-06-118a687c.jsonl"
    distinct = 9

    def reader(self):
        return Gemini()

    def sample(self):
        """Without the messages that are written again when their tools end: those are revisions, not records of their own."""
        lines = (FIXTURES / "gemini" / "headless-plan-and-resume.jsonl").read_bytes().splitlines(keepends=True)
        ids = [json.loads(line).get("id") for line in lines]
        return b"".join(line for i, line in enumerate(lines) if ids[i] is None or ids[i] not in ids[i + 1 :])


class TestMinimalGemini(TranscriptContract):
    name = "session-2026-11-20T10-00-33333333.jsonl"
    distinct = 4

    def reader(self):
        return Gemini()

    def sample(self):
        return (FIXTURES / "gemini" / "minimal-importable.jsonl").read_bytes()


class TestQwen(TranscriptContract):
    name = "ec2bf8d9-bb92-4cbb-8e06-280e77fa93b7.jsonl"
    distinct = 6

    def reader(self):
        return Qwen()

    def sample(self):
        return (FIXTURES / "qwen" / "headless-plan.jsonl").read_bytes()


class TestMessages(TranscriptContract):
    name = "chat.jsonl"
    distinct = 5

    def reader(self):
        return Messages()

    def sample(self):
        return (FIXTURES / "messages" / "openai.jsonl").read_bytes()
