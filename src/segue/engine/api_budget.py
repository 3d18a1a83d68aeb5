"""The budget of a session, in the Python API."""

from typing import TYPE_CHECKING, NamedTuple

from segue.engine.api_parts import Open
from segue.engine.budget.budgets import Report, quick, report
from segue.engine.budget.crossing import choose
from segue.engine.budget.succeeding import Condensed, condense, succeed
from segue.engine.loading import load

if TYPE_CHECKING:
    from segue.core.session.budget import Position
    from segue.engine.api import Session


class Successor(NamedTuple):
    """What goes on in the place of a session whose context was full."""

    session: "Session"
    context: str
    """The condensed context, to give to whoever goes on."""
    freed: int
    """Tokens."""


class SessionBudget:
    """How full the context of a session is, what it cost, and what is done about that. It holds no state of its own."""

    def __init__(self, parts: Open, session: str) -> None:
        self._parts, self._session = parts, session

    def position(self) -> "Position":
        """Return `used`, `window`, `available`, `percent` and `band` as they were when the model answered last; cheap.

        Without a known window percent and band are None.

        Example:
            >>> import segue
            >>> with segue.open("memory://") as store:
            ...     session = store.create(task="sell pears", model="claude-opus-4-5")
            ...     usage = {"input_tokens": 150_000, "output_tokens": 1_000}
            ...     _ = session.append("message", {"role": "assistant", "parts": [], "model": "claude-opus-4-5", "usage": usage})
            ...     found = session.budget.position()
            >>> found.percent, found.band, found.available
            (75.5, 'summarisation', 49000)
        """
        return quick(load(self._parts.desk.store, self._session), self._parts.rules)

    def report(self, at: int | None = None) -> Report:
        """Return all that `segue budget` tells: size, family and method, content by kind, tool and file, calls, cost."""
        parts = self._parts
        return report(parts.desk.store, self._session, parts.rules, parts.counter, at)

    def limit(self, usd: float | None) -> None:
        """Let the session cost so many US dollars from now on; None: it has no limit of its own."""
        choose(self._parts.desk, self._session, "raise", usd)

    def answer(self, choice: str) -> None:
        """Say what is done beyond the limit: `continue`, its agents only react, or `pause`. Raises ValueError for others."""
        if choice not in {"continue", "pause"}:
            raise ValueError(f"no such choice: {choice}")
        choose(self._parts.desk, self._session, choice, moment=self._parts.moment)

    def condense(self) -> Condensed:
        """Return the condensed context and what it frees (`context.text`, `before`, `freed`). Nothing is written."""
        parts = self._parts
        return condense(parts.desk.store, self._session, "asked for", parts.rules, parts.counter)

    def succeed(self, why: str = "the context is full") -> Successor | None:
        """End the session as superseded, after a last checkpoint, and return the one that goes on, and from what.

        It is linked both ways, shares all of the past, and has figures of its own. None where the session is over. Repeatable.

        Example:
            >>> import segue
            >>> with segue.open("memory://") as store:
            ...     session = store.create(task="sell pears")
            ...     _ = session.append("message", {"role": "user", "parts": [{"type": "text", "content": "sell pears"}]})
            ...     after = session.budget.succeed()
            ...     states = session.state().status, after.session.state().status, "sell pears" in after.context
            >>> states
            ('ended', 'active', True)
        """
        from segue.engine.api import Session

        parts = self._parts
        done = succeed(parts.desk, self._session, why, parts.rules, parts.counter, moment=parts.moment, force=True)
        if done is None:
            return None
        return Successor(Session(parts, done.successor), done.text, int(done.condensed["freed"]))
