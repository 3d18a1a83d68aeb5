"""What the engine asks of the outside, in the words of the domain. Every promise here has a clause in the contract suite.

`Store` is the one that matters: append, read, and what makes them safe for many processes. A store knows bytes, order,
keys, leases and forks. It does not know what events mean: that is core's.
"""

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple, Protocol, runtime_checkable

from segue.core.log.events import ANY, Appended, Commit, Damage, Draft, Event, ForkPoint, Head, KeyPolicy
from segue.core.session.catalogue import PlaceRow, SessionRow
from segue.core.session.refs import Target

__all__ = [
    "ANY",
    "EVERYTHING",
    "Appended",
    "Batch",
    "Clock",
    "Commit",
    "Damage",
    "Draft",
    "Event",
    "Filters",
    "Finding",
    "ForkPoint",
    "Found",
    "Head",
    "Hit",
    "Hits",
    "Ids",
    "Index",
    "IndexStatus",
    "KeyPolicy",
    "Lease",
    "LogInfo",
    "Noted",
    "Opened",
    "PlaceRow",
    "SessionRow",
    "Snapshot",
    "Store",
    "Target",
    "Tokens",
    "TranscriptReader",
    "Transcripts",
    "port_of",
]

OnDamage = Callable[[Damage], None]


class LogInfo(NamedTuple):
    """What a store knows of a log without reading it: where it begins, where it ends, and a stamp that changes with it."""

    session: str
    head: Head
    first: int
    """The sequence number of its own first event: 1, or behind the fork point."""
    parent: ForkPoint | None
    size: int
    """Bytes on disk, its own."""


class Snapshot(NamedTuple):
    """A cached fold at a position: disposable. `schema` names the shape of `data`; another schema's is not returned."""

    seq: int
    digest: str
    schema: str
    data: bytes


class Lease(NamedTuple):
    """The time-limited right to drive a session. `token` is the fencing token, `until` seconds since 1970."""

    session: str
    holder: str
    token: int
    until: float


class Finding(NamedTuple):
    """Something that `verify` saw. `damage` and `gap` mean exit code 6; `aside`, `orphan` and `stale` are told only."""

    severity: Literal["damage", "gap", "aside", "orphan", "stale"]
    session: str | None
    where: str
    reason: str
    seq: int | None = None


class Scope(NamedTuple):
    """State shared by sessions: its values, and the head of its own log."""

    name: str
    values: dict[str, Any]
    head: int


class Clock(Protocol):
    """The time, injected."""

    def now(self) -> float:
        """Return seconds since 1970, UTC."""
        ...


class Ids(Protocol):
    """Randomness, injected."""

    def uuid7(self) -> str:
        """Return a new UUIDv7, greater than the ones this process made before."""
        ...

    def salt(self) -> str:
        """Return 32 random hex digits."""
        ...


@runtime_checkable
class Store(Protocol):
    """Where logs live.

    All methods may be called from many threads and, but for the memory store, from many processes at once. Order is
    the order of appends, never the clock's. A session's id is used once: what asks for a session that was deleted gets
    `GoneError`, which is a `NotFoundError`.
    """

    url: str

    def create(self, session: str, drafts: Sequence[Draft], *, fork: ForkPoint | None = None) -> Commit:
        """Begin the log of *session* (a UUID) with *drafts*, at least one. It is there whole or not at all.

        A *fork* shares its parent's events up to the fork point by reference: no event is copied, its own first event's
        number follows the fork point's, and nothing that later happens to the parent changes it.

        Raises:
            ExistsError: there is such a log, or was one that was deleted.
            NotFoundError: the fork's parent is not there.
            HeadMovedError: the parent has no event of that number and digest.
            InvalidEventError: a draft cannot be written, or none is left to write.
            UsageError: *session* is not a UUID.
        """
        ...

    def append(
        self,
        session: str,
        drafts: Sequence[Draft],
        *,
        expect: int = ANY,
        on_key: KeyPolicy = "ignore",
        fence: int | None = None,
    ) -> Commit:
        """Add *drafts* to the log, all or none, and return when they are on disk.

        Keys are looked up in the whole log, a fork's shared past included, and within *drafts*. `ignore`: a draft
        whose key is known adds nothing and gives the known event. `replace`: it is added as a revision, in the node of
        the known event. `refuse`: nothing of the append is written.
        With *expect* the head must have that sequence number; with *fence* the lease of that token must still hold.
        Keys come first: where nothing is left to write there is no write, and neither is asked. So a writer that did not
        hear of its success repeats its append as it was, `expect` and all, and gets the events that it wrote.

        Raises:
            NotFoundError, HeadMovedError, DuplicateKeyError, FencedError, InvalidEventError: nothing was written.
            UsageError: there is no such key policy; nothing was written.
            StorageFullError: nothing was written.
            OutcomeUnknownError: the disk did not confirm; the same keys may be appended again.
        """
        ...

    def read(
        self,
        session: str,
        *,
        after: int = 0,
        upto: int | None = None,
        reverse: bool = False,
        blobs: bool = True,
        on_damage: OnDamage | None = None,
    ) -> Iterator[Event]:
        """Yield the events with after < seq <= upto, in order (or the other way round), each with its digest checked.

        Only what is durable is seen. Later appends may or may not be seen by an iterator that is already running. No
        lock is held while the caller looks at an event. Without *blobs*, references to large values stay references.
        A damaged place goes to *on_damage* and reading goes on behind it; without *on_damage* it is an error.

        Raises:
            NotFoundError: no such log.
            DamagedError: a damaged place, and no *on_damage*.
        """
        ...

    def info(self, session: str) -> LogInfo:
        """Return what is known of a log without reading it. Raises NotFoundError."""
        ...

    def stamp(self, session: str) -> str:
        """Return a short text that changes whenever the log does: cheaper than `info`. Raises NotFoundError."""
        ...

    def sessions(self) -> Iterator[str]:
        """Yield the ids of all sessions, deleted ones left out, in the order of their ids."""
        ...

    def delete(self, session: str) -> None:
        """Take the session away.

        Forks keep what they share with it, for as long as they live. What it changed in scopes stays changed. Its id
        stays taken.

        Raises:
            NotFoundError: it is not there (GoneError: it was deleted before).
        """
        ...

    def lookup(self, session: str, key: str) -> Appended | None:
        """Return the latest event with that idempotency key (`new` is False), or None."""
        ...

    def number(self, prefix: str, owner: str) -> int:
        """Return the next free number for names that begin with *prefix*, from 1: no two calls ever get the same."""
        ...

    def put_snapshot(self, session: str, snapshot: Snapshot) -> None:
        """Keep a fold for later. It may vanish at any time."""
        ...

    def snapshot(self, session: str, schema: str, upto: int | None = None) -> Snapshot | None:
        """Return the latest snapshot of that *schema* at or before *upto* that fits the log, or None."""
        ...

    def drop_snapshots(self, session: str) -> None:
        """Take all snapshots of a session away."""
        ...

    def acquire(self, session: str, holder: str, ttl: float, *, take_over: bool = False) -> Lease:
        """Take (or renew, if *holder* has it) the right to drive a session for *ttl* seconds.

        A new lease's token is greater than every earlier one's. With *take_over* a lease that another holds ends.

        Raises:
            LeaseHeldError: another holds it.
        """
        ...

    def renew(self, lease: Lease, ttl: float) -> Lease:
        """Return the lease with a new end, also an expired one that nobody took. Raises FencedError where it no longer holds."""
        ...

    def release(self, lease: Lease) -> None:
        """Give the lease back. One that no longer holds is not an error."""
        ...

    def lease(self, session: str) -> Lease | None:
        """Return the lease that is held now, or None."""
        ...

    def scope(self, name: str) -> Scope:
        """Return the shared state *name*: the changes of all events that were committed. An unknown one is empty, at 0."""
        ...

    def scopes(self) -> Iterator[str]:
        """Yield the names of all scopes, sorted."""
        ...

    def put_blob(self, data: bytes) -> str:
        """Keep *data* durably, once, and return its name."""
        ...

    def blob(self, name: str) -> bytes:
        """Return a blob, its hash checked. Raises NotFoundError, DamagedError."""
        ...

    def watch(self, session: str, *, after: int = 0, stop: Callable[[], bool], poll: float = 0.05) -> Iterator[Event]:
        """Yield the events after *after* and go on with new ones as they come, until *stop* returns true."""
        ...

    def verify(self, session: str | None = None) -> Iterator[Finding]:
        """Look at every byte of one session, or of all and of the store itself. Changes nothing. Raises NotFoundError."""
        ...

    def close(self) -> None:
        """Let go of files. What was acknowledged is on disk already."""
        ...


class Opened(Protocol):
    """A store as `segue.open` returns it: with sessions as objects, around a store of the contract."""

    @property
    def port(self) -> Store:
        """The store of the contract."""
        ...


def port_of(store: Store | Opened) -> Store:
    """Return the store of the contract: an adapter takes what `segue.open` returns, and a bare store as well."""
    return store if isinstance(store, Store) else store.port


class Tokens(Protocol):
    """Counts tokens for a family of models."""

    family: str
    method: str

    def count(self, text: str) -> int:
        """Return the number of tokens of *text*."""
        ...


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
    """With `order="best"`: how many of the newest matches were ranked, where there were more; else None."""


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
        limit: int = 20,
        order: Literal["newest", "best"] = "newest",
    ) -> Hits:
        """Return where the words of *query* stand. It is data: no character of it has a meaning but `"` around a phrase.

        `newest`: what has all of its words, the latest first; where nothing has, as `best`. `best`: what has some of them, ranked
        within a window of the newest. The filter's times are those of the events, not of their sessions.
        """
        ...

    def rebuild(self) -> int:
        """Make the index anew, so that nothing of what was deleted or erased is left in it; return the number of events."""
        ...

    def status(self) -> IndexStatus:
        """Return what is known of the index, without taking anything in."""
        ...

    def close(self) -> None:
        """Let go of files."""
        ...


class Noted(NamedTuple):
    """A place in a transcript that could not be read as it should, and why."""

    where: str
    reason: str


class Batch(NamedTuple):
    """The next stretch of a transcript as events, and where the transcript goes on behind it."""

    foreign_id: str
    """The agent's own id of the session that the events belong to."""
    drafts: Sequence[Draft]
    position: dict[str, Any] | None
    """What `read` takes to go on behind this stretch, as JSON; None: the file is read whole each time."""
    facts: dict[str, Any]
    """Fields of the session's header that this stretch told or changed."""
    began: str | None = None
    """The time of the first record, where it has one."""
    noted: tuple[Noted, ...] = ()
    """What is not an event yet, and may become one: a torn last line that is waited for."""


class TranscriptReader(Protocol):
    """Reads one agent's transcripts.

    Every record of a file becomes exactly one event, or a `loss` event that names it and keeps its bytes. Nothing in a
    transcript is an error: bad input is normal input. Reading on from a position gives what reading at once gives.
    """

    agent: str
    version: str
    """The reader's own version; each event names it, so that a newer reader can tell what to correct."""

    def sniff(self, path: str, head: bytes) -> bool:
        """Return whether a file which begins with *head* is this agent's; by its name where no line of *head* can be read."""
        ...

    def identify(self, path: str, head: bytes) -> str:
        """Return the agent's own id of the session that the file belongs to."""
        ...

    def read(
        self, path: str, foreign_id: str, position: Mapping[str, Any] | None = None, *, trusted: bool = False
    ) -> Iterator[Batch]:
        """Yield what follows *position* in the file, in stretches of bounded size; nothing new yields nothing.

        A file that was rewritten or cut before the position is read again from its start, and the fact is noted in a
        `loss` event. *trusted*: the caller has watched the file since it read that position; only the last 64 KiB before
        it are compared.

        Raises:
            OSError: the file cannot be opened or read.
        """
        ...


class Found(NamedTuple):
    """A file to import: who reads it, or why nobody does."""

    path: str
    """Absolute."""
    reader: TranscriptReader | None
    foreign_id: str = ""
    reason: str = ""


class Transcripts(Protocol):
    """The transcripts on this machine."""

    def find(self, paths: Iterable[str], agent: str | None = None, *, known: Container[str] = ()) -> Iterator[Found]:
        """Yield the transcripts that *paths* name or hold, but for those of *known* paths.

        Directories are walked as they are read, a session's own file before its subagents'. A named file that nobody can
        read is found without a reader, and with a reason; in directories, files that are nobody's are passed over, unreadable
        ones are not. With *agent*, only that agent's; a named file is then read as one whatever it looks like.

        Raises:
            UsageError: there is no reader of that name.
        """
        ...

    def stamp(self, path: str) -> str:
        """Return a short text that changes when the file does; empty where there is none."""
        ...
