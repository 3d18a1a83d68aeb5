"""The transcripts of coding agents: one module per agent, and finding them."""

from collections.abc import Sequence

from segue.ports import Places, TranscriptReader, Transcripts, TranscriptWriter
from segue.ports.returning import Shelf


def readers() -> tuple[TranscriptReader, ...]:
    """Return a reader for each agent, those with the most telling formats first."""
    from segue.transcripts.aider.reader import Aider
    from segue.transcripts.atif.reader import Atif
    from segue.transcripts.claude_code.reader import ClaudeCode
    from segue.transcripts.codex.reader import Codex
    from segue.transcripts.gemini.reader import Gemini
    from segue.transcripts.messages.reader import Messages
    from segue.transcripts.opencode.reader import OpenCode
    from segue.transcripts.qwen.reader import Qwen

    return (Qwen(), ClaudeCode(), Codex(), Gemini(), OpenCode(), Atif(), Aider(), Messages())


def writers() -> tuple[TranscriptWriter, ...]:
    """Return a writer for each agent that a session can go on in, and for forms that other tools read."""
    from segue.transcripts.aider.writer import AiderWriter
    from segue.transcripts.atif.writer import AtifWriter
    from segue.transcripts.claude_code.writer import ClaudeCodeWriter
    from segue.transcripts.codex.writer import CodexWriter
    from segue.transcripts.gemini.writer import GeminiWriter
    from segue.transcripts.messages.writer import MessagesWriter
    from segue.transcripts.opencode.writer import OpenCodeWriter
    from segue.transcripts.qwen.writer import QwenWriter

    agents = (ClaudeCodeWriter(), CodexWriter(), GeminiWriter(), OpenCodeWriter(), QwenWriter(), AiderWriter())
    return (*agents, AtifWriter(), MessagesWriter())


def transcripts(exclude: Sequence[str] = ()) -> Transcripts:
    """Return the transcripts of all known agents on this machine, but for those whose path fits a pattern of *exclude*."""
    from segue.transcripts._files import Readers

    return Readers(readers(), exclude)


def shelf(places: Places) -> Shelf:
    """Return what puts transcripts back where agents look for them."""
    from segue.transcripts._returning import Shelves
    from segue.transcripts.claude_code.profile import directory_of

    return Shelves(places, directory_of)
