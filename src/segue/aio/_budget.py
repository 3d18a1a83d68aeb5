"""The budget of a session, for asynchronous programs."""

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from segue.aio._twins import like, reads, writes
from segue.engine import api_budget

if TYPE_CHECKING:
    from segue.aio._store import Session

R = TypeVar("R")


class Successor(NamedTuple):
    """What goes on in the place of a session whose context was full."""

    session: "Session"
    context: str
    """The condensed context, to give to whoever goes on."""
    freed: int
    """Tokens."""


class SessionBudget:
    """How full the context of a session is, what it cost, and what is done about that, for asynchronous programs."""

    def __init__(self, session: "Session") -> None:
        self._session = session
        self.sync = session.sync.budget
        """The synchronous one."""

    position = reads(api_budget.SessionBudget.position)
    report = reads(api_budget.SessionBudget.report)
    limit = writes(api_budget.SessionBudget.limit)
    answer = writes(api_budget.SessionBudget.answer)
    condense = reads(api_budget.SessionBudget.condense)

    @like(api_budget.SessionBudget.succeed)
    async def succeed(self, *args: str, **named: str) -> Successor | None:
        """See `SessionBudget.succeed`."""

        def call() -> Successor | None:
            done = self.sync.succeed(*args, **named)
            return done and Successor(self._session._beside(done.session), done.context, done.freed)  # noqa: SLF001 - a part of its session

        return await self._write("succeed", call)

    async def _write(self, what: str, call: Callable[[], R]) -> R:
        return await self._session._write(what, call)  # noqa: SLF001
