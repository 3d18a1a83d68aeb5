"""How a session goes on in an agent: what is asked for, and what is answered."""

from typing import Any, Literal, NamedTuple

from segue.core.together.conversation import Carried, ToolChoice
from segue.core.together.shaping import ReasoningChoice
from segue.ports import Finding

Way = Literal["native", "converted", "prompt"]
"""How a session goes on: the agent has it; its transcript is written; it reads a restored context."""


class Wish(NamedTuple):
    """What is asked for. Empty and None: what fits the agent best."""

    agent: str
    position: int | None = None
    workspace: str = ""
    tools: ToolChoice | None = None
    reasoning: ReasoningChoice | None = None
    version: str = ""
    """The agent's; empty: the one that is installed here, else the newest known."""
    model: str = ""
    window: int | None = None
    fresh: bool = False
    """A new session of the agent's that reads the restored context, whatever else would be possible."""
    dry: bool = False
    """Nothing is written, not even into the log."""
    changed: str = ""
    """What changed since the session stopped, a line each: a restored context says it."""
    level: Literal["minimal", "balanced", "full"] = "full"
    """How much a restored context may hold."""
    task: str = ""
    """What is to be done next, in a line, where that is another task or step than the one that the session is at."""


class Checked(NamedTuple):
    """What was verified before anything starts."""

    events: int
    first: str
    last: str
    """The digests of the first event, and of the last one that is carried over."""
    things: int
    """Parts of messages and records in the log: what the report accounts for."""
    findings: tuple[Finding, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the shape that `--json` prints."""
        return {**self._asdict(), "findings": [f._asdict() for f in self.findings]}


class Resumption(NamedTuple):
    """How a session goes on."""

    session: str
    name: str
    agent: str
    way: Way
    command: tuple[str, ...]
    workspace: str
    checked: Checked
    foreign_id: str = ""
    continuation: str = ""
    """The session that takes up what the agent does; the session itself where the agent has it."""
    prepare: tuple[tuple[str, ...], ...] = ()
    files: tuple[str, ...] = ()
    copies: tuple[str, ...] = ()
    """Made of what the agent might destroy."""
    profile: str = ""
    carried: tuple[Carried, ...] = ()
    turns: int = 0
    condensed: int = 0
    freed: int = 0
    """Tokens that condensing freed."""
    paths: int = 0
    tokens: int = 0
    """What the past costs the agent, at most; how that is known: `exact`, `estimate`, `anchored`, or `usage`, as its provider
    counted it last."""
    window: int = 0
    window_by: str = ""
    """Who says how large it is: `wish`, `configuration`, `model`, or `agent`: its usual one."""
    window_model: str = ""
    """The model that it is of; empty: whichever the agent runs."""
    method: str = ""
    warnings: tuple[str, ...] = ()
    dry: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return the shape that `--json` prints."""
        lines = [{**c._asdict()} for c in self.carried]
        return {**self._asdict(), "checked": self.checked.to_json(), "carried": lines}
