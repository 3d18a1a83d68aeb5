"""What earlier imports saw of the files on this machine, so that unchanged ones need not be opened."""

from typing import NamedTuple, Protocol


class Sighting(NamedTuple):
    """What became of one file, as it was at its stamp."""

    stamp: str
    """See `Transcripts.stamp`."""
    agent: str = ""
    """Whose transcript it is; empty: nobody's."""
    foreign_id: str = ""
    session: str = ""
    """The session that it was taken into; empty where it had nothing to take."""


class Seen(Protocol):
    """Sightings by path. A cache: it may be lost at any time, and then files are opened again, and nothing is imported twice."""

    def get(self, path: str) -> Sighting | None:
        """Return the last sighting of a file."""
        ...

    def put(self, path: str, sighting: Sighting) -> None:
        """Remember a sighting. What can't be written is forgotten."""
        ...
