"""Which session an agent means that calls from outside its log: its own one, and the one that was worked in before."""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from segue.core.log.times import seconds
from segue.core.session.catalogue import SessionRow

_AGENTS: Final = (("claude-code", "claude-code"), ("codex", "codex"), ("gemini-cli", "gemini-cli"), ("qwen", "qwen-code"))
"""What the names begin with that agents give themselves, as they were seen to, and what we call them."""
_EARLIER: Final = 60.0
"""Seconds that what was said may be older than a connection which the agent made for it."""


class Caller(NamedTuple):
    """Who calls, as far as it said so."""

    client: str = ""
    """The name that it gives itself."""
    version: str = ""
    foreign_id: str = ""
    """What it calls its own session."""
    since: float = 0.0
    """When it connected, in seconds since 1970."""

    @property
    def agent(self) -> str:
        """The agent as we call it; else the name that it gives itself."""
        return next((agent for begin, agent in _AGENTS if self.client.startswith(begin)), self.client)


class Found(NamedTuple):
    """A session, and why it is the one that is meant."""

    row: SessionRow
    why: str


def named(rows: Sequence[SessionRow], caller: Caller) -> Found | None:
    """Return the session among *rows* whose id the caller told, unless that is over."""
    for row in rows:
        if caller.foreign_id and row.live and caller.foreign_id in (row.id, *row.foreign_ids):
            return Found(row, f"{caller.agent} named it")
    return None


def active(rows: Sequence[SessionRow], caller: Caller) -> Found | None:
    """Return the session among *rows*, latest activity first, in which the caller's agent was active since it connected.

    Where the caller told its id, one that bears other ids is another's.
    """
    for row in rows:
        others = caller.foreign_id and row.foreign_ids
        if row.live and row.agent == caller.agent and not others and row.last_activity and _is_since(row, caller):
            return Found(row, f"{caller.agent} is at work in it")
    return None


def before(rows: Iterable[SessionRow], mine: SessionRow | None) -> SessionRow | None:
    """Return the session that was worked in last, leaving out *mine*, and those in which nothing was said or set."""
    return next((row for row in rows if (mine is None or row.id != mine.id) and (row.messages or row.task)), None)


def at_work(rows: Iterable[SessionRow]) -> SessionRow | None:
    """Return the session that was worked in last and is not over."""
    return next((row for row in rows if row.live), None)


def _is_since(row: SessionRow, caller: Caller) -> bool:
    try:
        return seconds(row.last_activity) >= caller.since - _EARLIER
    except ValueError:
        return False
