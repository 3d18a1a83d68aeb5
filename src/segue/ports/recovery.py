"""Recovery of a store's logs from all copies that there are."""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, NamedTuple, Protocol

from segue.core.log.events import Event, Head
from segue.core.log.rejoining import Range
from segue.ports.store import Finding

Progress = Callable[[str, int, int], None]


class Source(NamedTuple):
    """A copy of the store, or the store itself (the first one)."""

    kind: Literal["store", "backup", "aside", "mirror"]
    place: str
    state: Literal["intact", "damaged", "unreadable", "missing"]
    sessions: int
    events: int
    """Intact ones."""
    newest: str
    """When it was last known to be written; empty where nobody knows."""
    reason: str = ""
    """What is wrong with it."""


class Split(NamedTuple):
    """What went on separately from a log: its events behind *after*, to be kept as a fork of this id."""

    session: str
    after: Head
    events: Sequence[Event]
    fork: str


class Repaired(NamedTuple):
    """What became of one log."""

    session: str
    was: Literal["damaged", "missing", "behind", "split"]
    """Before: damaged; not there; intact, and shorter than a copy of it; intact, and a copy went on separately."""
    before: int
    """Intact events of its own that the store had."""
    after: int
    """Those that it has now, those of its forks left out."""
    sources: tuple[str, ...]
    """The places of the copies that gave events."""
    lost: tuple[Range, ...]
    """Numbers that no copy has."""
    blobs: tuple[str, ...]
    """Large values that no copy has."""
    aside: str
    """Where the log is kept as it was; empty where it was not there."""
    why: str = ""
    """What was wrong with it, in words."""


class Recovered(NamedTuple):
    """What recovery found, and did (or would do)."""

    sources: Sequence[Source]
    logs: Sequence[Repaired]
    """Those that were not as they should be."""
    splits: Sequence[Split]
    """For the caller to keep as forks."""
    others: Sequence[str]
    """What else was mended, set aside, or could not be: a sentence each."""
    sound: int
    """Logs with which nothing was wrong."""


class Recovery(Protocol):
    """Brings a store's logs back."""

    def run(self, *, dry_run: bool = False, alone: bool = False, session: str | None = None) -> Recovered:
        """Look at every copy, and put each log together from all of them: the longest line wins, nothing intact is dropped.

        Only logs that are damaged, missing, or shorter than a copy are written, each beside and then into its place; the log as
        it was is kept. Repeatable. Others may be at work.

        Args:
            dry_run: say what would be done, and do nothing.
            alone: ask no other copy than the store itself (`repair`).
            session: this one's log only.

        Raises:
            StoreUnusableError, StoreTooNewError: what is in the store's place is no store of ours.
            NotFoundError: no copy has that *session*.
            StorageFullError: there is no room; logs that were not reached are as they were.
        """
        ...

    def compare(self, session: str | None = None) -> Sequence[Finding]:
        """Return what the latest backup and the mirror have of all sessions, or of one, and the store has not: `gap` each.

        Cheap: only where their logs end is compared. Changes nothing.
        """
        ...


class Piece(NamedTuple):
    """What is left of a session."""

    session: str
    """Its id; empty where nothing tells it."""
    events: Sequence[Event]
    """In their order, a fork's shared past first. What is not among them is `lost`; large values are in them, or `blobs`."""
    lost: tuple[Range, ...]
    blobs: tuple[str, ...]
    files: tuple[str, ...]
    """Where its own events were."""


class Sifted(NamedTuple):
    """What a heap of files holds."""

    pieces: Sequence[Piece]
    strangers: Sequence[str]
    """Files with nothing of ours in them: transcripts may be among them."""
    unread: Mapping[str, str]
    """File -> why it could not be read."""
    damaged: int
    """How many places look like events and are not intact."""
    shared: int
    """How many changes of shared state were found: they are of no session."""


class Sifter(Protocol):
    """Finds what is left of sessions in files of any origin."""

    def sift(self, paths: Sequence[str]) -> Sifted:
        """Look at the files that *paths* name or hold; nothing is changed. Raises NotFoundError where one is not there."""
        ...
