"""Limits of agents' providers: which agents of a session stopped at one, until when, and what is to be done then."""

from collections.abc import Mapping
from typing import Any, Final, Literal, NamedTuple, Protocol

from segue.core.log.times import seconds

LIMITED: Final = "limited"
"""The status of an agent that stopped at a limit."""
RECENT: Final = 24 * 3_600.0
"""Seconds after which a limit that told no end is taken for over."""


class Limit(NamedTuple):
    """An agent that stopped at a limit."""

    agent: str
    kind: str
    """`usage`: what the user's plan or quota allows is used up; `rate`: the provider asks for a pause."""
    at: str
    """When it was told."""
    resets_at: str
    """When it ends, where that was told; else empty."""
    says: str
    """In the agent's words."""

    def until(self, now: float) -> float | None:
        """Return the seconds from *now* until it ends; 0 where it is over, None where nobody knows."""
        if self.resets_at:
            return max(seconds(self.resets_at) - now, 0.0)
        return 0.0 if now - seconds(self.at) > RECENT else None


class HasAgents(Protocol):
    """What is asked: `State` has it."""

    agents: Any
    work: Any


class Step(NamedTuple):
    """What is to be done about a limit."""

    do: Literal["go", "wait", "switch", "ask"]
    agent: str = ""
    """The other agent, for `switch`."""
    seconds: float = 0.0
    """How long, for `wait`."""


def limits(state: HasAgents) -> list[Limit]:
    """Return the limits that agents of the session stopped at, and nothing was said since; the latest first."""
    reply = state.work["last_reply"]
    said = reply["seq"] if reply else 0
    found = [_limit(name, agent) for name, agent in state.agents.items() if agent["status"] == LIMITED and agent["seq"] > said]
    return sorted(found, key=lambda one: one.at, reverse=True)


def decide(limit: Limit | None, then: str, now: float) -> Step:
    """Return what the user's setting *then* says is to be done: `wait`, `ask`, or the name of another agent."""
    left = limit.until(now) if limit is not None else 0.0
    if limit is None or left == 0.0:
        return Step("go")
    if then == "wait" and left is not None:
        return Step("wait", seconds=left)
    if then not in {"wait", "ask", limit.agent}:
        return Step("switch", agent=then)
    return Step("ask")


def _limit(name: str, agent: Mapping[str, Any]) -> Limit:
    told = agent["set"]
    return Limit(name, _text(told, "limit") or "usage", agent["at"], _time(_text(told, "resets_at")), _text(told, "says"))


def _text(told: Mapping[str, Any], name: str) -> str:
    value = told.get(name)
    return value if isinstance(value, str) else ""


def _time(text: str) -> str:
    try:
        seconds(text)
    except (ValueError, TypeError):
        return ""
    return text
