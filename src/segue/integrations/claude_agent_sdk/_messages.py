"""Any session as entries of a Claude Code transcript: a coding agent's, another framework's, or one of the SDK's own."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from claude_agent_sdk import SessionStoreEntry

from segue.engine.api import Session
from segue.engine.conversing import Twin, told
from segue.ports import Destination
from segue.transcripts.claude_code.writer import ClaudeCodeWriter


def messages(
    session: Session | Twin, *, cwd: str | None = None, at: int | None = None, window: int | None = None
) -> list[SessionStoreEntry]:
    """Return the conversation of *session*, whoever had it, as the entries of a transcript that Claude Code resumes.

    Append them to a session store under `project_key_for_directory(cwd)` and the entries' `sessionId`, then resume that.
    Tools have Claude Code's own names, where it has them. The same conversation has the same ids each time.

    Args:
        session: one of an open store, `store.session(...)`, synchronous or not.
        cwd: where the agent works; the process's own directory by default.
        at: as it was at this position.
        window: tokens that the model reads; what does not fit is condensed. 200,000 by default.

    Example:
        >>> import segue
        >>> with segue.open("memory://") as store:
        ...     session = store.create(workspace="")
        ...     _ = session.append("message", {"role": "user", "parts": [{"type": "text", "content": "hello"}]})
        ...     [entry["message"]["content"] for entry in messages(session) if entry["type"] == "user"]
        ['hello']
    """
    writer = ClaudeCodeWriter()
    workspace = cwd or str(Path.cwd())
    conversation = told(session, writer.agent, writer.accepts, at=at, window=window)._replace(workspace=workspace)
    with TemporaryDirectory(prefix="segue-") as home:
        written = writer.write(conversation, Destination(home, workspace, "", ""))
        lines = Path(written.files[0]).read_bytes().split(b"\n")
    found: list[Any] = [json.loads(line) for line in lines if line]
    return found
