"""The index: fed from the store, found in, and rebuilt at any time."""

from typing import Final, Literal, NamedTuple, Protocol

from segue.core.session.catalogue import PlaceRow, SessionRow
from segue.core.session.refs import Target


class Filters(NamedTuple):
    """Which sessions a list or a search is about; None and empty: any. Times are RFC 3339 in UTC, `until` is left out itself."""

    session: str | None = None
    status: tuple[str, ...] = ()
    organisation: str | None = None
    project: str | None = None
    type: str | None = None
    agent: str | None = None
    workspace: str | None = None
    owner: str | None = None
    tag: str | None = None
    since: str | None = None
    until: str | None = None


EVERYTHING: Final = Filters()
"""No filter."""


class Hit(NamedTuple):
    """A place that a search found."""

    session: str
    seq: int
    at: str
    kind: str
    role: str
    actor: str
    snippet: str
    """An extract, the words that were found between `[` and `]`."""
    score: float
    """From 0 on, the more the better; comparable within one answer only."""


class Hits(NamedTuple):
    """What a search found, and what it did not look at."""

    hits: list[Hit]
    more: bool
    """There are further hits."""
    window: int | None
    """How many entries were ranked, where there are more with some common word: of such words the newest. None: all were."""


class Spot(NamedTuple):
    """An entry that a question is about: an event that says something."""

    session: str
    seq: int
    step: int
    """0: it is event `seq`, which has a word of the question. Else it is so many entries behind (or before) that one."""
    score: float
    """Comparable within one answer only."""


class Ranking(NamedTuple):
    """What a question is about, best first."""

    spots: list[Spot]
    window: int | None
    """As in `Hits`."""


class IndexStatus(NamedTuple):
    """What `doctor` says of the index."""

    path: str
    version: str
    sqlite: str
    bytes: int
    sessions: int
    entries: int
    dead: int
    """Words of entries that are gone, still in the full text."""
    damaged: int
    """Damaged places that were met while reading."""
    rebuilt: str
    """Why it was last made anew; empty where it was not."""
    fallback: str
    """Why this process works on a copy in memory; empty where it does not."""
    guarded: bool
    """This SQLite can damage a WAL when two processes write: our lock keeps them apart."""
    hint: str | None = None
    """What would make the fallback needless, where that is known."""


class Index(Protocol):
    """A catalogue and a full-text index over a store: computed from it, may be deleted at any time, rebuilds itself.

    Every question first takes in what is new in the store, or in the one session that it is about: one reads one's own writes.
    """

    def catch_up(self) -> int:
        """Take in what is new in the store; return the number of events."""
        ...

    def sessions(
        self, filters: Filters = EVERYTHING, *, text: str = "", limit: int | None = None, offset: int = 0
    ) -> list[SessionRow]:
        """Return the catalogue's rows that fit, latest activity first. *text* is looked for in names, titles, tasks and tags."""
        ...

    def session(self, session: str) -> SessionRow:
        """Return the row of a session, by its id. Raises NotFoundError."""
        ...

    def offspring(self, session: str) -> list[SessionRow]:
        """Return the rows of the sessions that were forked from one, by segue or by its agent, in the order of their beginning.

        Raises NotFoundError.
        """
        ...

    def resolve(self, ref: str, *, workspace: str = "") -> Target:
        """Return what a reference means (see `core.session.refs.resolve`). Raises NotFoundError, AmbiguousError."""
        ...

    def places(self, session: str | None = None) -> list[PlaceRow]:
        """Return the checkpoints and continuations, of one session or of all, latest first."""
        ...

    def search(
        self,
        query: str,
        filters: Filters = EVERYTHING,
        *,
        kind: str | None = None,
        role: str | None = None,
        file: str | None = None,
        limit: int = 20,
        order: Literal["newest", "best"] = "newest",
    ) -> Hits:
        """Return where the words of *query* stand. It is data: no character of it has a meaning but `"` around a phrase.

        `newest`: what has all of its words, the latest first; where nothing has, as `best`. `best`: what has some of them, the
        best first; common English words are left out where the query has others. Words are found by their stems, and names in
        camel case by their parts. What stands between quotes must be there word for word, in either order. The filter's times
        are those of the events, not of their sessions; *file* is a path or the end of one, or a directory: what touched it.

        However common a word is, it counts; the work is bounded all the same (see `Hits.window`).

        What sessions share is shown once: for the session whose log holds it, or, where that was deleted or is not asked for,
        for the oldest fork that reads it and is.
        """
        ...

    def rank(
        self,
        query: str,
        filters: Filters = EVERYTHING,
        *,
        kind: str | None = None,
        role: str | None = None,
        file: str | None = None,
        limit: int = 1_000,
    ) -> Ranking:
        """Return what *query* is about, as `search` finds it best first, and what stands beside that in its log."""
        ...

    def rebuild(self) -> int:
        """Make the index anew, so that nothing of what was deleted or erased is left in it; return the number of events."""
        ...

    def status(self) -> IndexStatus:
        """Return what is known of the index, without taking anything in."""
        ...

    def shortfall(self) -> str:
        """Return why this process answers from memory, where something would help, and what; else nothing."""
        ...

    def close(self) -> None:
        """Let go of files."""
        ...
