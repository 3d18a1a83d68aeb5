"""What agents' status lines tell while they work, and what they are told to show."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol


class Live(NamedTuple):
    """The latest figures of an agent's session, in its own words."""

    agent: str
    foreign_id: str
    at: float
    """Seconds since 1970."""
    used: int
    window: int
    """Tokens; 0: it did not say."""
    cost_usd: float | None
    """Since the agent's process began."""
    model: str


class Lives(Protocol):
    """What status lines keep."""

    def all(self) -> Iterable[Live]:
        """Return what was told within a day."""
        ...

    def of(self, agent: str, foreign_ids: Sequence[str]) -> Live | None:
        """Return the latest figures of a session by its agent's own ids of it."""
        ...

    def tell(self, agent: str, foreign_id: str, text: str) -> None:
        """Have the status line of a session show *text* as well; empty: nothing more. Nothing is raised where that fails."""
        ...
