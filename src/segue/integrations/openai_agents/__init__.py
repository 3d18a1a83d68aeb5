"""OpenAI Agents SDK on a segue store: `SegueSession(session_id, store)` is a session of the SDK.

Each item is one event: its record verbatim, beside it what it says as a message, so everything that reads messages reads these
sessions too. Nothing that was said is taken away: what is popped, cleared or condensed stays in the log, behind the line.
"""

from segue.host.extras import needs

needs("agents.memory.session_settings", extra="openai-agents")

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from agents.memory import SessionSettings
from agents.memory.session_settings import coerce_session_settings, resolve_session_limit

from segue.core.log.events import ABSENT, Draft
from segue.host.clock import SystemClock
from segue.host.threads import InTurn
from segue.integrations.openai_agents._branches import Branches
from segue.integrations.openai_agents._budget import BudgetHooks
from segue.integrations.openai_agents._items import AGENT, MAIN_BRANCH, draft, fresh
from segue.integrations.openai_agents._lines import PRUNED, Lines, Said, condensed, moved
from segue.integrations.openai_agents._log import Log
from segue.integrations.openai_agents._messages import messages
from segue.integrations.openai_agents._usage import Counted
from segue.ports import Clock, Opened, Store, port_of

if TYPE_CHECKING:
    from agents.items import TResponseInputItem
    from agents.memory.session import OpenAIResponsesCompactionArgs
    from agents.run_context import RunContextWrapper

try:  # private to the SDK: where a release lacks it, its compaction replaces the whole history by other means
    from agents.memory.session import _CompactionSnapshot
except ImportError:  # pragma: no cover
    _CompactionSnapshot = None  # type: ignore[assignment,misc]

__all__ = ["BudgetHooks", "SegueSession", "messages"]

Items: TypeAlias = "list[TResponseInputItem]"
Condense: TypeAlias = "Callable[[Items], Awaitable[Items | None]]"


class SegueSession(Branches):
    """A session of the OpenAI Agents SDK on an open store, for many tasks and processes at once.

    What was added is on disk: one write and one sync for each call, done whatever becomes of the caller. Writers of one session
    are never refused; their calls interleave. Calls of one object are done in the order in which they were made. The store stays
    the caller's: closing it is his.

    Example:
        >>> import asyncio, segue
        >>> session = SegueSession("trip", segue.open("memory://"))
        >>> asyncio.run(session.add_items([{"role": "user", "content": "hello"}]))
        >>> asyncio.run(session.get_items())
        [{'role': 'user', 'content': 'hello'}]
    """

    session_id: str
    session_settings: SessionSettings | None

    def __init__(
        self,
        session_id: str,
        store: Store | Opened,
        *,
        session_settings: SessionSettings | dict[str, Any] | None = None,
        branch: str = MAIN_BRANCH,
        condense: "Condense | None" = None,
        header: Mapping[str, Any] | None = None,
        clock: Clock | None = None,
    ) -> None:
        """Work on a session, which begins with the first item.

        Args:
            session_id: the caller's own id for it: `segue show ID` finds it.
            store: an open store.
            session_settings: how many items a run reads at most.
            branch: the branch to work on.
            condense: is given the items of the branch after a run, and returns what replaces them, or None. With it the session
                is aware of compaction; OpenAI's own is `OpenAIResponsesCompactionSession`, around this one.
            header: fields of the session's header when it begins: `project`, `task`, `title`, ...
            clock: dates the session's name.
        """
        self.session_id = session_id
        self.session_settings = SessionSettings() if session_settings is None else coerce_session_settings(session_settings)
        self._branch = branch
        self._log = Log(port_of(store), session_id, clock or SystemClock(), dict(header or {}))
        self._turn = InTurn()
        self._counted = Counted()
        if condense is not None:
            self._condense = condense
            self.run_compaction = self._run_compaction

    async def get_items(
        self,
        limit: int | None = None,
        branch_id: str | None = None,
        *,
        wrapper: "RunContextWrapper[Any] | None" = None,
    ) -> Items:
        """Return the last *limit* items in the order in which they were added; without one, those that the settings allow.

        Items that were damaged or erased are left out and do not count.
        """
        most = resolve_session_limit(limit, self.session_settings)

        def read() -> list[Said]:
            if wrapper is not None:
                self._counted.seen(wrapper.usage)
            return self._read(most, branch_id)

        found = await self._turn.do(read)
        return [fresh(said.item) for said in found]

    async def add_items(self, items: Items, *, wrapper: "RunContextWrapper[Any] | None" = None) -> None:
        """Add *items* to the branch, durably: one append, whole or not at all. What the run used is recorded with it."""
        if not items:
            return
        branch, told = self._branch, list(items)
        await self._turn.do(lambda: self._add(told, branch, wrapper and wrapper.usage))

    async def pop_item(self, *, wrapper: "RunContextWrapper[Any] | None" = None) -> "TResponseInputItem | None":
        """Take the newest item off the branch and return it; None where there is none. It stays in the log."""
        branch = self._branch

        def decide(lines: Lines) -> tuple[list[Draft], Said | None]:
            name = branch if branch in lines.said else self._current(lines)
            line = lines.said[name]
            if not line:
                return [], None
            return [moved(name, "pop", line[-2] if len(line) > 1 else None)], line[-1]

        popped = await self._turn.do(lambda: self._log.change(decide))
        return None if popped is None else fresh(popped.item)

    async def clear_session(self, *, wrapper: "RunContextWrapper[Any] | None" = None) -> None:
        """Begin anew with nothing, all branches gone. What was said stays in the log: `segue erase` takes it away for good."""

        def decide(lines: Lines) -> tuple[list[Draft], None]:
            something = len(lines.said) > 1 or lines.said[MAIN_BRANCH]
            return [moved(MAIN_BRANCH, "clear", None)] if something else [], None

        def clear() -> None:
            self._log.change(decide)
            self._branch = MAIN_BRANCH

        await self._turn.do(clear)

    # --- compaction

    async def _run_compaction(
        self, args: "OpenAIResponsesCompactionArgs | None" = None, *, wrapper: "RunContextWrapper[Any] | None" = None
    ) -> None:
        """Replace the branch's items by what `condense` makes of them, unless something was added meanwhile."""
        branch = self._branch
        line = await self._turn.do(lambda: list(self._line(branch)))
        made = await self._condense([fresh(said.item) for said in line])
        if made is not None and line:
            await self._turn.do(lambda: self._replace(branch, line, list(made), None))

    async def _get_compaction_snapshot(
        self, limit: int, *, prune_prefix: "Callable[[TResponseInputItem], bool] | None" = None
    ) -> "_CompactionSnapshot | None":
        """Return the last items, and what replaces the end of them atomically: the SDK's private contract, since 0.2x."""
        if _CompactionSnapshot is None:
            return None
        branch = self._branch
        whole = await self._turn.do(lambda: list(self._line(branch)))
        line = whole[-limit:] if limit > 0 else []

        async def replace_suffix(start: int, output: Items) -> bool:
            expected, made = line[start:], list(output)
            return bool(expected) and await self._turn.do(lambda: self._replace(branch, expected, made, prune_prefix))

        return _CompactionSnapshot([fresh(said.item) for said in line], len(whole) <= limit, replace_suffix)

    def _replace(
        self, branch: str, expected: list[Said], made: list[Any], expired: "Callable[[TResponseInputItem], bool] | None"
    ) -> bool:
        """Replace the end of a branch's line, if it is still as *expected*; what leads it and has *expired* goes too."""

        def decide(lines: Lines) -> tuple[list[Draft], bool]:
            line = lines.said.get(branch, [])
            keep = len(line) - len(expected)
            if keep < 0 or [said.seq for said in line[keep:]] != [said.seq for said in expected]:
                return [], False
            gone = 0
            while expired is not None and gone < keep and expired(fresh(line[gone].item)):
                gone += 1
            pruned = [Draft(PRUNED, {"branch": branch, "upto": line[gone - 1].seq}, actor=AGENT)] if gone else []
            parent = ABSENT if lines.active == branch else lines.tips.get(branch)
            new = [draft(item, branch) for item in made]
            return [*pruned, condensed(branch, line[keep - 1] if keep else None, parent), *new], True

        return self._log.change(decide)

    # --- in a thread

    def _read(self, most: int | None, branch_id: str | None) -> list[Said]:
        if most == 0:
            return []
        if most is not None and most > 0 and (branch_id or self._branch) == MAIN_BRANCH:
            return self._log.last(most)
        line = self._line(branch_id)
        return line if most is None or most < 0 else line[-most:]

    def _add(self, items: list[Any], branch: str, usage: Any) -> None:
        if branch != MAIN_BRANCH and branch not in self._log.lines().said:
            branch = self._current(self._log.lines())  # cleared or deleted meanwhile, by another
        beside, number = self._counted.beside(usage, items) if usage is not None else ([], 0)
        self._log.add(items, branch, beside)
        if usage is not None:
            self._counted.took(usage, number)
