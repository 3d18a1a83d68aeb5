"""Branches and statistics of a session: the methods of the SDK's own advanced session, with the same answers and errors."""

from typing import TYPE_CHECKING, Any

from segue.core.log.events import Draft
from segue.host.threads import InTurn
from segue.integrations.openai_agents import _turns
from segue.integrations.openai_agents._items import AGENT, MAIN_BRANCH
from segue.integrations.openai_agents._lines import TURN, Lines, Said, moved, turns
from segue.integrations.openai_agents._log import Log
from segue.integrations.openai_agents._usage import Counted

if TYPE_CHECKING:
    from agents.result import RunResultBase

__all__ = ["Branches"]


class Branches:
    """What `SegueSession` can do with branches. One session object works on one branch, others on theirs."""

    _log: Log
    _turn: InTurn
    _counted: Counted
    _branch: str

    @property
    def branch(self) -> str:
        """The branch that this object works on."""
        return self._branch

    async def create_branch_from_turn(self, turn_number: int, branch_name: str | None = None) -> str:
        """Begin a branch before the user's message of a turn, work on it, and return its name.

        It shares what was before by reference. A name is used once in a session, also when its branch was deleted.

        Raises:
            ValueError: there is no such turn on this branch; the name is blank, or was used before.
        """
        if branch_name is not None and not branch_name.strip():
            raise ValueError("Branch name cannot be empty")

        def begin(source: str) -> str:
            def decide(lines: Lines) -> tuple[list[Draft], str]:
                frm = source if source in lines.said else MAIN_BRANCH
                line = lines.said[frm]
                place = _turns.begins(line, turn_number)
                if place is None:
                    raise ValueError(f"Turn {turn_number} does not contain a user message in branch '{frm}'")
                name = self._free(lines, branch_name, turn_number)
                return [moved(name, "branch", line[place - 1] if place else None, frm=frm)], name

            name = self._log.change(decide)
            if self._branch == source:
                self._branch = name
            return name

        source = self._branch
        return await self._turn.do(lambda: begin(source))

    async def create_branch_from_content(self, search_term: str, branch_name: str | None = None) -> str:
        """Begin a branch before the first user's message that contains *search_term*: see `create_branch_from_turn`.

        Raises:
            ValueError: there is none; the name is blank, or was used before.
        """
        found = await self.find_turns_by_content(search_term)
        if not found:
            raise ValueError(f"No user turns found containing '{search_term}'")
        return await self.create_branch_from_turn(found[0]["turn"], branch_name)

    async def switch_to_branch(self, branch_id: str) -> None:
        """Work on another branch from now on. Who reads the session's conversation sees that one.

        Raises:
            ValueError: there is no such branch.
        """
        await self._turn.do(lambda: self._switch(branch_id))

    async def delete_branch(self, branch_id: str, force: bool = False) -> None:  # noqa: FBT001, FBT002 - the SDK's signature
        """Take a branch away. What was said on it stays in the log; its name stays taken.

        Raises:
            ValueError: there is no such branch; it is `main`, or, without *force*, the one that this object works on.
        """
        if not branch_id or not branch_id.strip():
            raise ValueError("Branch ID cannot be empty")
        if branch_id == MAIN_BRANCH:
            raise ValueError("Cannot delete the 'main' branch")
        if branch_id == self._branch and not force:
            raise ValueError(f"Cannot delete current branch '{branch_id}'. Use force=True or switch branches first")

        def decide(lines: Lines) -> tuple[list[Draft], None]:
            if branch_id not in lines.said:
                raise ValueError(f"Branch '{branch_id}' does not exist")
            stays = lines.active if lines.active != branch_id else MAIN_BRANCH
            return [moved(stays, "delete", None, lines.tips.get(stays), frm=branch_id)], None

        def delete() -> None:
            self._log.change(decide)
            if self._branch == branch_id:
                self._branch = MAIN_BRANCH

        await self._turn.do(delete)

    async def list_branches(self) -> list[dict[str, Any]]:
        """Return the branches that hold something: `branch_id`, `message_count`, `user_turns`, `is_current`, `created_at`."""
        return await self._turn.do(lambda: _turns.branches(self._log.lines(), self._current(self._log.lines())))

    async def get_conversation_turns(self, branch_id: str | None = None) -> list[dict[str, Any]]:
        """Return what the user said in each turn: `turn`, `content`, `full_content`, `timestamp`, `can_branch`."""
        return await self._turn.do(lambda: _turns.user_turns(self._line(branch_id)))

    async def find_turns_by_content(self, search_term: str, branch_id: str | None = None) -> list[dict[str, Any]]:
        """Return the turns whose user's message contains *search_term*, as `get_conversation_turns` does, `content` whole."""
        return await self._turn.do(lambda: _turns.matching(self._line(branch_id), search_term))

    async def get_conversation_by_turns(self, branch_id: str | None = None) -> dict[int, list[dict[str, str | None]]]:
        """Return of each turn the `type` and the `tool_name` of all that was said in it."""
        return await self._turn.do(lambda: _turns.by_turns(self._line(branch_id)))

    async def get_tool_usage(self, branch_id: str | None = None) -> list[tuple[str | None, int, int]]:
        """Return (tool, how often it was called, turn), in the order of the turns."""
        return await self._turn.do(lambda: _turns.tools(self._line(branch_id)))

    async def store_run_usage(self, result: "RunResultBase") -> None:
        """Keep what a run used as that of this branch's last turn; one that is stored again replaces it.

        Without a turn nothing is kept. The session's own figures (`segue budget`) count each request once, whether it was
        told of by the run itself or here.
        """
        usage = result.context_wrapper.usage
        used, branch = _turns.told(usage), self._branch

        def store() -> None:
            spent, number = self._counted.new(usage)
            if self._log.change(lambda lines: decide(lines, spent)):
                self._counted.took(usage, number)

        def decide(lines: Lines, spent: list[Draft]) -> tuple[list[Draft], bool]:
            line = lines.said.get(branch)
            turn = turns(line)[-1] if line else None
            if turn is None:
                return [], False
            body = {"branch": branch, "turn": turn.number, "anchor": turn.said[0].seq, **used}
            return [Draft(TURN, body, actor=AGENT), *spent], True

        await self._turn.do(store)

    async def get_session_usage(self, branch_id: str | None = None) -> dict[str, int] | None:
        """Return what was used in all turns that are there, of a branch or of all; None where nothing is known."""
        return await self._turn.do(lambda: _turns.summed(self._log.lines(), branch_id or None))

    async def get_turn_usage(
        self, user_turn_number: int | None = None, branch_id: str | None = None
    ) -> list[dict[str, Any]] | dict[str, Any]:
        """Return what was used in a turn (an empty dictionary where that is not known), or a list for all turns of a branch."""

        def look() -> list[dict[str, Any]] | dict[str, Any]:
            lines = self._log.lines()
            found = _turns.turn_usage(lines, branch_id or self._current(lines))
            if user_turn_number is not None:
                return _turns.counted(found[user_turn_number]) if user_turn_number in found else {}
            return [{"user_turn_number": turn, **_turns.counted(used)} for turn, used in found.items()]

        return await self._turn.do(look)

    # --- in a thread

    def _current(self, lines: Lines) -> str:
        """Return the branch that this object works on: `main`, where its own was cleared or deleted by another."""
        if self._branch not in lines.said:
            self._branch = MAIN_BRANCH
        return self._branch

    def _line(self, branch_id: str | None) -> list[Said]:
        lines = self._log.lines()
        return lines.said.get(branch_id or self._current(lines), [])

    def _switch(self, branch: str) -> None:
        def decide(lines: Lines) -> tuple[list[Draft], None]:
            if branch not in lines.said:
                raise ValueError(f"Branch '{branch}' does not exist")
            if lines.active == branch:
                return [], None
            return [moved(branch, "switch", None, lines.tips.get(branch))], None

        self._log.change(decide)
        self._branch = branch

    def _free(self, lines: Lines, name: str | None, turn: int) -> str:
        if name is not None:
            if name in lines.taken:
                raise ValueError(f"Branch ID '{name}' has already been used. Choose a new branch ID.")
            return name
        base = name = f"branch_from_turn_{turn}_{int(self._log.clock.now())}"
        number = 1
        while name in lines.taken:
            number += 1
            name = f"{base}_{number}"
        return name
