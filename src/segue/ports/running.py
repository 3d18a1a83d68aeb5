"""What a run of an agent asks of the machine that it runs on: who it is, signals, and room for an emergency."""

from collections.abc import Callable, Collection, Mapping, Sequence
from types import CodeType
from typing import Any, Protocol

Save = Callable[[int, bool], None]
"""Is told the number of a signal, and whether the process ends for it. Called in a thread of its own."""


class Reserve(Protocol):
    """A file whose blocks are there already: what finds no room elsewhere goes here."""

    def put(self, payload: bytes) -> str:
        """Keep *payload* durably and return the file's path. Raises OSError."""
        ...

    def put_elsewhere(self, payload: bytes) -> str:
        """Keep *payload* on another disk, or in memory, and return the file's path. Raises OSError."""
        ...

    def close(self) -> None:
        """Give an unused reserve back; one in which something is kept stays until it is taken in."""
        ...


class Processes(Protocol):
    """Processes of this machine. One is known by its id, its start and the machine's: never by the id alone."""

    def me(self) -> dict[str, Any]:
        """Return this process, as it is noted in a log."""
        ...

    def known(self, pid: int, start: str) -> dict[str, Any] | None:
        """Return a process of this machine as it is noted in a log; None where there is none of that start now."""
        ...

    def is_gone(self, process: Mapping[str, Any]) -> bool | None:
        """Return whether a noted process has ended; None where that cannot be seen from here (another machine)."""
        ...


class Host(Processes, Protocol):
    """The machine, as a run needs it."""

    def reserve(self) -> Reserve:
        """Return a new reserve; where there is no room for one now, room is looked for when it is needed."""
        ...

    def listen(self, save: Save, edges: Collection[CodeType] = ()) -> Callable[[], None]:
        """Have *save* called for signals that end the process; return what ends that. Elsewhere than in the main thread of
        Python there is nothing to listen to. *edges*: the functions that begin and end a run. A signal that comes within one
        raises nothing there, from its first instruction on: what ends a run would be left out.
        """
        ...

    def wake(self) -> None:
        """Start the worker that saves by itself, unless it is at work. Nothing is wrong where it cannot be started."""
        ...

    def leaving(self, by: int) -> None:
        """Let signals interrupt no run that is on its way in or out: 1 begins that, -1 ends it."""
        ...

    def heard(self) -> int:
        """Return the signal that this process is about to end for; 0 for none."""
        ...


class Kept(Protocol):
    """An emergency file of a process that has ended."""

    @property
    def path(self) -> str:
        """Where it is."""
        ...

    @property
    def payloads(self) -> list[bytes]:
        """What is kept in it, in order."""
        ...

    @property
    def broken(self) -> int:
        """Bytes of it that are no whole payload."""
        ...

    @property
    def locked(self) -> str:
        """Why its payloads cannot be opened; empty where they are."""
        ...

    def done(self) -> None:
        """All of it is in the log: let go of it. What is broken is set aside."""
        ...

    def leave(self) -> None:
        """Leave it for the next time."""
        ...


class Emergencies(Protocol):
    """Where emergency files wait."""

    def is_empty(self) -> bool:
        """Return whether nothing waits. Cheap."""
        ...

    def take(self) -> Sequence[Kept]:
        """Return what waits; no other process takes it until it is done or left."""
        ...

    def rekey(self) -> list[str]:
        """Bring what waits under the store's newest key, or under none; return what stays as it is, and why. Raises OSError."""
        ...
