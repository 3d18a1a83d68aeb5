"""The Claude Agent SDK on a segue store: `SegueSessionStore(store)` is a session store.

    ClaudeAgentOptions(session_store=SegueSessionStore(store), session_store_flush="eager")

Each entry is read as Claude Code's own transcript is: a session of the SDK is the session of that id that hooks capture and
`segue import` makes, with the same messages, tool calls, usage and subagents, and nothing is in it twice. What the SDK folds of a
session for its lists is folded from the log; nothing is kept beside it.
"""

from segue.host.extras import needs

needs("claude_agent_sdk.types", extra="claude-agent-sdk")

import asyncio
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final, ParamSpec, TypeVar, cast

from claude_agent_sdk.types import (
    SessionKey,
    SessionListSubkeysKey,
    SessionStore,
    SessionStoreEntry,
    SessionStoreListEntry,
    SessionSummaryEntry,
)

from segue.host.clock import SystemClock
from segue.host.threads import in_thread
from segue.integrations.claude_agent_sdk._budget import budget_hooks
from segue.integrations.claude_agent_sdk._entries import row_of
from segue.integrations.claude_agent_sdk._local import Local
from segue.integrations.claude_agent_sdk._messages import messages
from segue.integrations.claude_agent_sdk._mirror import Mirror
from segue.integrations.claude_agent_sdk._names import name_of
from segue.ports import Clock, Opened, Store, port_of

__all__ = ["SegueSessionStore", "budget_hooks", "messages"]

P = ParamSpec("P")
R = TypeVar("R")

HOME: Final = "~/.claude"


class SegueSessionStore(SessionStore):
    """A session store of the SDK on an open store, for many tasks and processes at once. What was appended is on disk.

    Use it with `session_store_flush="eager"`: by default the SDK hands over a turn at its end, and a crash loses the turn here
    (Claude Code's own file has it: see `reconcile`). The store stays the caller's: closing it is his.
    """

    def __init__(self, store: Store | Opened, *, local: str | os.PathLike[str] | None = None, clock: Clock | None = None) -> None:
        """Keep transcripts in *store*.

        Args:
            store: an open store.
            local: Claude Code's directory (`~/.claude`): before a session is loaded, what its file there has and the store has
                not is taken in. None: only what is handed over is known.
            clock: dates the names of new sessions.
        """
        self.store = port_of(store)
        self._mirror = Mirror(self.store, clock or SystemClock())
        self._local = Local(Path(local).expanduser()) if local is not None else None

    async def append(self, key: SessionKey, entries: list[SessionStoreEntry]) -> None:
        """Add entries to a transcript, all or none. One with a `uuid` that is known adds nothing, or replaces its content."""
        if entries:
            rows = [row_of(cast("dict[str, Any]", entry)) for entry in entries]
            await _in_thread(self._mirror.append, name_of(key), rows)

    async def load(self, key: SessionKey) -> list[SessionStoreEntry] | None:
        """Return a transcript's entries in the order of their appends; None: it was never written."""
        name = name_of(key)
        if self._local is not None and not name.subpath:
            await _in_thread(self._local.reconcile, self._mirror, name)
        return cast("list[SessionStoreEntry] | None", await _in_thread(self._mirror.load, name))

    async def list_sessions(self, project_key: str) -> list[SessionStoreListEntry]:
        """Return the sessions of a project, each with when it was written to last."""

        def listed() -> list[SessionStoreListEntry]:
            return [{"session_id": name.session, "mtime": at} for name, _, at in self._mirror.sessions(project_key)]

        return await _in_thread(listed)

    async def list_session_summaries(self, project_key: str) -> list[SessionSummaryEntry]:
        """Return what `fold_session_summary` makes of each session's main transcript, folded in the order of the log."""
        return await _in_thread(lambda: list(self._mirror.summaries(project_key)))

    async def delete(self, key: SessionKey) -> None:
        """Take a session away, its subagents with it; given a subpath, the contents of that transcript alone. Repeatable."""
        await _in_thread(self._mirror.delete, name_of(key))

    async def list_subkeys(self, key: SessionListSubkeysKey) -> list[str]:
        """Return the subpaths of a session's subagents."""
        return await _in_thread(self._mirror.subpaths, name_of(key))

    async def reconcile(
        self, session_id: str, *, project_key: str | None = None, local: str | os.PathLike[str] | None = None
    ) -> int:
        """Take in what Claude Code's own files of a session have and the store has not; return how many events are new.

        For after a crash, or a `MirrorErrorMessage`: in the file's order, each record once. What stands in the middle is loaded
        where it stands in the file. A torn last line is left for when it is whole.

        Args:
            session_id: the session.
            project_key: its directory in `projects`; by default the one that has a file of it.
            local: Claude Code's directory; by default the one this was made with, else `CLAUDE_CONFIG_DIR`, else `~/.claude`.

        Raises:
            FileNotFoundError: there is no such file.
        """

        def taken_in() -> int:
            given = Path(local or os.environ.get("CLAUDE_CONFIG_DIR") or HOME).expanduser()
            place = Local(given) if local is not None or self._local is None else self._local
            return place.reconcile(self._mirror, place.find(session_id, project_key))

        return await _in_thread(taken_in)


async def _in_thread(call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Return what *call* returns, run in a thread, on asyncio or trio; a caller that is cancelled waits until it is done."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:  # the SDK runs on trio as well
        from anyio import to_thread

        return await to_thread.run_sync(partial(call, *args, **kwargs))
    return await in_thread(call, *args, **kwargs)
