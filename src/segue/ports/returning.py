"""A transcript goes back to where its agent finds it."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, NamedTuple, Protocol


class Kept(NamedTuple):
    """One file of a session, as the log has it."""

    path: str
    """Where it was read."""
    agent: str
    lines: int
    """Of which there is a record."""
    position: Mapping[str, Any] | None
    """How far it was read; None for a file that is one record, whole."""
    read: Callable[[], Iterator[tuple[int, bytes]]]
    """Yields its lines by number, without their ends, in order. Lines of no record are left out; one may come in pieces."""


class Returned(NamedTuple):
    """What became of one file."""

    path: str
    """Where it is now."""
    outcome: Literal["written", "there", "longer", "refused"]
    """`there`: the same bytes stood there; `longer`: they, and what the agent has added; `refused`: nothing was written."""
    bytes: int
    exact: bool
    """Every byte that was read of the file is as it was: its digest says so."""
    reason: str = ""


class Shelf(Protocol):
    """Where agents look for their transcripts."""

    def moved(self, kept: Kept, old: str, new: str) -> str:
        """Return where the agent looks for *kept*, a transcript of the directory *old*, as one of the directory *new*.

        Raises:
            UsageError: that can't be told for this agent, or not before it was started there once.
        """
        ...

    def put(self, kept: Kept, target: str, *, rewrite: tuple[str, str] | None = None, anyway: bool = False) -> Returned:
        """Write *kept* to the file *target*, durable and all at once; no file that is there is ever changed.

        What is not as it was, byte for byte, is refused unless *anyway*. With *rewrite*, the records' own directory is
        changed from the first to the second.

        Raises:
            ExistsError: something else is there.
            OSError: it cannot be written.
        """
        ...
