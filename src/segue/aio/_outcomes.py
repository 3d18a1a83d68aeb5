"""What became of a call whose caller was cancelled."""

import asyncio
from typing import TYPE_CHECKING, Any, Final, Literal

from segue.core.errors import OutcomeUnknownError, SegueError

if TYPE_CHECKING:
    from segue.aio._lanes import Turn

_NAME: Final = "segue_outcome"


class Outcome:
    """What became of a call that writes, and whose caller was cancelled: `segue.aio.outcome(error)` finds it."""

    def __init__(self, turn: "Turn") -> None:
        self._turn = turn

    @property
    def state(self) -> Literal["whole", "absent", "unknown"]:
        """`whole`: it is done, and on disk. `absent`: nothing was written. `unknown`: it is still going on (`settled`
        waits for it), or the disk did not confirm it, or it failed on its way (`error`): do it again, with the same key.
        """
        if self._turn.withdrawn:
            return "absent"
        if not self._turn.future.done():
            return "unknown"
        error = self.error
        if error is None:
            return "whole"
        return "absent" if self._turn.asked and not isinstance(error, OutcomeUnknownError) else "unknown"

    @property
    def result(self) -> Any:
        """What the call would have returned, where it is `whole`; of an append its `Commit`."""
        return self._turn.future.result()[0] if self._turn.future.done() else None

    @property
    def error(self) -> BaseException | None:
        """What the call would have raised."""
        error: BaseException | None = self._turn.future.result()[1] if self._turn.future.done() else None
        return error

    async def settled(self) -> "Outcome":
        """Return it when the call is over: then it is `unknown` only where the disk itself did not say."""
        if not self._turn.withdrawn:
            await asyncio.wait([self._turn.future])
        return self

    def __repr__(self) -> str:
        return f"<segue outcome of {self._turn.what}: {self._told()}>"

    def _told(self) -> str:
        match self.state:
            case "whole":
                return "whole: it is on disk"
            case "absent":
                return "absent: nothing was written"
            case _:
                error = self.error
                return f"unknown: {error.message if isinstance(error, SegueError) else error or 'it is still going on'}"


def outcome(error: BaseException | None) -> Outcome | None:
    """Return what became of the call that *error* ended: a CancelledError, or the TimeoutError that it became.

    None: nothing was begun, or it was a call that only reads.
    """
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        found = getattr(error, _NAME, None)
        if isinstance(found, Outcome):
            return found
        error = error.__cause__ or error.__context__
    return None


def say(error: asyncio.CancelledError, turn: "Turn") -> None:
    """Let *error* say what became of *turn*. It stays the object that it is: `asyncio.timeout` takes no other for its own."""
    found = Outcome(turn)
    setattr(error, _NAME, found)
    error.add_note(repr(found))
