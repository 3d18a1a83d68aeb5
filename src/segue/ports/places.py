"""Where coding agents are at home on this machine."""

from collections.abc import Iterator
from typing import NamedTuple, Protocol


class Place(NamedTuple):
    """Where one agent keeps what it has. Paths are absolute; nothing of it needs to be there."""

    agent: str
    """As events name it: `claude-code`, `codex`, ..."""
    title: str
    """As people name it."""
    program: str
    """The command that starts it."""
    home: str
    """The directory of its sessions and of what it keeps about them; what `Destination.home` takes."""
    config: str
    """The directory of the user's settings for it; most often the same."""
    transcripts: tuple[str, ...]
    """Patterns (`glob`) of the directories and files that hold its transcripts."""
    in_project: tuple[str, ...] = ()
    """Names of the transcripts that it keeps in the directory that it works in."""


class Hazard(NamedTuple):
    """Something that an installed agent will do to its own transcripts."""

    agent: str
    what: str
    days: float
    """The age of a file at which it happens; 0: whatever its age."""
    against: str
    """What the user can do about it in the agent's settings."""


class Places(Protocol):
    """The coding agents of this machine."""

    def all(self) -> tuple[Place, ...]:
        """Return the place of every agent that is known, there or not."""
        ...

    def of(self, agent: str) -> Place:
        """Return an agent's place. Raises UsageError where none is known of that name."""
        ...

    def roots(self, place: Place) -> list[str]:
        """Return the directories and files that are there and hold the agent's transcripts."""
        ...

    def version(self, place: Place) -> str:
        """Return the version of the agent that is installed, or empty where it is not, or cannot be told. Nothing is started."""
        ...

    def hazards(self, place: Place) -> list[Hazard]:
        """Return what the agent, as installed and set up, will destroy of its transcripts."""
        ...

    def files(self, place: Place) -> Iterator[tuple[str, float]]:
        """Yield the files in the agent's roots, and when each was written to last, in seconds since 1970."""
        ...
