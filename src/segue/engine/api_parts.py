"""What an open store of the Python API is made of."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from segue.core.errors import UsageError
from segue.engine.loading import Desk
from segue.ports import Index

if TYPE_CHECKING:
    from segue.core.context.pack import Counter
    from segue.core.session.state import State
    from segue.engine.budget.budgets import Rules
    from segue.engine.context.going_on import Checked
    from segue.engine.context.offering import Offered
    from segue.engine.context.protocols import Means as Following
    from segue.engine.saving.interrupting import Moment
    from segue.engine.saving.rewinding import Means
    from segue.ports.nearness import Nearness
    from segue.ports.recovery import Sifter
    from segue.ports.running import Host


class Parts(NamedTuple):
    """What an open store is made of: handed in by the wiring."""

    desk: Desk
    catalogue: Index
    counter: "Callable[[str | None], Counter]"
    """Counts tokens for the family of a model."""
    workspace: str
    header: Mapping[str, str]
    """Fields of the header that new sessions have by configuration."""
    host: "Callable[[], Host]"
    """This machine: signals, processes, and room for an emergency."""
    moment: "Callable[[str], Moment]"
    """Tells what a checkpoint of a session keeps beside the log: git's state, a snapshot of the workspace."""
    rewinding: "Callable[[], Means]"
    """What going back to a checkpoint takes."""
    sifter: "Callable[[], Sifter]"
    """Finds what is left of sessions in files of any origin."""
    rules: "Callable[[], Rules]"
    """What the user says of budgets."""
    following: "Callable[[], Following]"
    """What a restoration protocol takes."""
    check: "Callable[[str], Checked]"
    """Compares what a session relies on with what is there."""
    offer: "Callable[[State, str], Offered] | None" = None
    """What of the library may be given to who goes on; None: nothing."""
    nearness: "Callable[[], Nearness | None]" = lambda: None
    """Tells how near texts are in meaning; None: words alone count."""


class Open:
    """The parts of a store, for as long as it is open."""

    def __init__(self, parts: Parts) -> None:
        """Open it."""
        self._parts = parts
        self.closed = False

    @property
    def desk(self) -> Desk:
        """Where events are read and written."""
        return self._there.desk

    @property
    def catalogue(self) -> Index:
        """The index."""
        return self._there.catalogue

    @property
    def counter(self) -> "Callable[[str | None], Counter]":
        """Counts tokens."""
        return self._there.counter

    @property
    def rules(self) -> "Rules":
        """What the user says of budgets."""
        return self._there.rules()

    @property
    def workspace(self) -> str:
        """Where sessions begun here work."""
        return self._there.workspace

    @property
    def header(self) -> Mapping[str, str]:
        """Fields that new sessions have."""
        return self._there.header

    @property
    def host(self) -> "Host":
        """This machine."""
        return self._there.host()

    @property
    def moment(self) -> "Callable[[str], Moment]":
        """Tells what there is beside the log."""
        return self._there.moment

    @property
    def rewinding(self) -> "Means":
        """What going back takes."""
        return self._there.rewinding()

    @property
    def following(self) -> "Following":
        """What a restoration protocol takes."""
        return self._there.following()

    @property
    def check(self) -> "Callable[[str], Checked]":
        """Compares what a session relies on with what is there."""
        return self._there.check

    @property
    def offer(self) -> "Callable[[State, str], Offered] | None":
        """What of the library may be given to who goes on."""
        return self._there.offer

    @property
    def nearness(self) -> "Nearness | None":
        """Tells how near texts are in meaning."""
        return self._there.nearness()

    @property
    def sifter(self) -> "Sifter":
        """What finds what is left of sessions."""
        return self._there.sifter()

    @property
    def _there(self) -> Parts:
        if self.closed:
            raise UsageError(f"store {self._parts.desk.store.url!r} is closed", hint="segue.open opens it again")
        return self._parts
