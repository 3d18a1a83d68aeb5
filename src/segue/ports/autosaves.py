"""What the worker saved by itself, and what it could not, for those who ask: `segue status`."""

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol


class Record(NamedTuple):
    """What became of the autosaves of one session."""

    saved: dict[str, str]
    """Kind -> when it was saved last."""
    failed: dict[str, dict[str, Any]]
    """Kind -> `{"times", "at", "reason"}` of the attempts that failed since."""
    notice: str
    """What was saved in the hour before: one quiet line."""


class Autosaves(Protocol):
    """Records of autosaves, by session. They may be lost at any time."""

    def write(self, records: Mapping[str, Record]) -> None:
        """Keep what is known of the sessions that are at work now; of others nothing is known any more."""
        ...

    def read(self, session: str) -> Record | None:
        """Return what is known of a session, or None."""
        ...
