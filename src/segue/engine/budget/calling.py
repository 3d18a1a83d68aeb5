"""A program's own function, called once for each threshold that the context of its session crosses."""

from collections.abc import Callable, Mapping
from threading import Lock
from typing import Any

from segue.core.log.events import Draft
from segue.core.session.budget import unhandled
from segue.engine.budget.budgets import Rules
from segue.engine.budget.crossing import note
from segue.engine.loading import Desk


class Calls:
    """Looks at a session's crossings, and tells a function of those that it was not told of.

    A crossing that is not told of when the program dies is told of in the session's next run. One whose function raises counts
    as told; the log has what it raised, and it goes on to whoever looked.
    """

    def __init__(self, desk: Desk, session: str, rules: Callable[[], Rules], call: Callable[[Mapping[str, Any]], object]) -> None:
        """Look at nothing yet."""
        self._desk, self._session, self._rules, self._call = desk, session, rules, call
        self._lock, self._asked = Lock(), False

    def look(self) -> None:
        """Note what was crossed, and tell of it. One thread at a time: what others come with meanwhile, it looks at too."""
        self._asked = True
        while self._asked and self._lock.acquire(blocking=False):
            try:
                self._asked = False
                self._look()
            finally:
                self._lock.release()

    def _look(self) -> None:
        state = note(self._desk, self._session, self._rules())
        for crossing in unhandled(state, "called"):
            self._tell(crossing)

    def _tell(self, crossing: Mapping[str, Any]) -> None:
        told = {"crossing": crossing["seq"], "outcome": "done", "by": "called"}
        try:
            self._call({name: value for name, value in crossing.items() if name not in {"handled", "called"}})
        except Exception as e:
            told |= {"outcome": "failed", "reason": f"{type(e).__name__}: {e}"[:300]}
            raise
        finally:
            key = f"called:{self._session}:{crossing['seq']}"
            self._desk.store.append(self._session, [Draft("budget.handled", told, key=key)])
