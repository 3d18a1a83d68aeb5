"""The asynchronous API: what `segue` has, for programs that run in an event loop. Import it by name: `from segue import aio`.

Nothing is written twice: each call is the synchronous one, done in a thread.
"""

from segue.aio._outcomes import Outcome, outcome
from segue.aio._runs import Run
from segue.aio._store import Opening, Session, Store, open  # noqa: A004 - segue.aio.open
from segue.core.errors import SegueError
from segue.core.log.events import Draft, Event
from segue.core.session.state import State
from segue.ports import Asked, Filters

__all__ = [
    "Asked",
    "Draft",
    "Event",
    "Filters",
    "Opening",
    "Outcome",
    "Run",
    "SegueError",
    "Session",
    "State",
    "Store",
    "open",
    "outcome",
]
