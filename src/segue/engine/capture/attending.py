"""Who is at work in a session, as agents' hooks tell: the process is noted, so that its end is noticed, whatever ends it.

A session that was paused goes on when its user begins to work in it again.
"""

import json
from collections.abc import Iterable
from typing import Any, Final, Protocol

from segue.core.errors import SegueError
from segue.core.log.events import Draft, Event
from segue.core.session.interruptions import BUDGET, Interrupt, of_end
from segue.core.session.lifecycle import decide
from segue.core.session.state import State
from segue.engine.loading import change
from segue.ports import Store
from segue.ports.running import Processes

STREAM: Final = "hooks"
"""The stream of what hooks told."""
BEGINS: Final = frozenset({"SessionStart", "UserPromptSubmit", "BeforeAgent", "session.created", "chat.message"})
"""Hooks that tell of somebody who works in a session, in the words of the agents."""
WORKS: Final = frozenset({"PreToolUse", "BeforeTool"})
"""Hooks that tell that an agent is at work, whoever began: after a limit it may go on by itself."""
ENDS: Final = frozenset({"SessionEnd"})


class Frame(Protocol):
    """What a hook told."""

    agent: str
    event: str
    at: str
    process: str


class Attendance:
    """Notes who is at work."""

    def __init__(self, store: Store, hosts: Processes | None) -> None:
        """Know nothing yet. Without *hosts* no process is noted."""
        self._store, self._hosts = store, hosts
        self._noted: dict[str, str] = {}

    def note(self, session: str, frame: Frame) -> int:
        """Append what a hook tells of who is at work; return how many events that was."""
        known = self._noted.get(session) == frame.process or self._hosts is None or not frame.process
        if frame.event in ENDS or (known and frame.event not in BEGINS | WORKS):
            return 0
        try:
            done = change(self._store, session, lambda state: self._decide(state, frame))
        except SegueError:
            return 0  # the session went meanwhile
        self._noted[session] = frame.process
        return sum(entry.new for entry in done.entries) if done else 0

    def _decide(self, state: State, frame: Frame) -> list[Draft]:
        drafts = []
        life = state.lifecycle
        goes_on = frame.event in BEGINS or (frame.event in WORKS and life["reason"] == BUDGET)
        if goes_on and life["status"] == "paused" and life["since"] < frame.at:
            note = f"{frame.agent} goes on"
            drafts = [
                draft._replace(key=f"{frame.agent}:resumed@{frame.at}", at=frame.at)
                for draft in decide(state, "resume", note=note)
            ]
        if drafts or life["status"] == "active":
            drafts += self._present(state, frame)
        return drafts

    def _present(self, state: State, frame: Frame) -> list[Draft]:
        pid, _, start = frame.process.partition(".")
        if self._hosts is None or not pid.isdigit():
            return []
        agent = state.agents.get(frame.agent)
        noted: Any = agent["set"].get("process") if agent and agent["status"] == "running" else None
        if isinstance(noted, dict) and (noted.get("pid"), noted.get("start")) == (int(pid), start):
            return []
        process = self._hosts.known(int(pid), start)
        if process is None:
            return []  # it ended meanwhile, or its number means nothing here (a container's)
        body = {"name": frame.agent, "status": "running", "set": {"process": process}}
        return [Draft("agent.set", body, frame.agent, key=f"{frame.agent}:process:{frame.process}@{frame.at}", at=frame.at)]


def ending(events: Iterable[Event], before: Event | None) -> Event | None:
    """Return the hook among *events* that told of the agent's end, unless a later one told that somebody goes on."""
    for event in events:
        if event.kind == "record" and event.stream == STREAM:
            name = str(event.body.get("type", "")).removeprefix("hook:")
            before = event if name in ENDS else None if name in BEGINS else before
        elif event.kind == "session.paused":
            before = None
    return before


def why_ended(event: Event) -> Interrupt:
    """Return why a session ended, as its agent's hook told."""
    raw = (event.source or {}).get("raw")
    try:
        told = json.loads(raw) if isinstance(raw, str) else {}
    except (ValueError, RecursionError):
        told = {}
    reason = told.get("reason") if isinstance(told, dict) else None
    return of_end(reason[:40] if isinstance(reason, str) else "")
