"""The store: append, read, and what makes them safe for many processes.

A store knows bytes, order, keys, leases and forks. It does not know what events mean: that is core's. Every promise here has
a clause in the contract suite.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, Literal, NamedTuple, Protocol, runtime_checkable

from segue.core.errors import SegueError, UsageError
from segue.core.log.events import ANY, Appended, Body, Commit, Damage, Draft, Event, ForkPoint, Head, KeyPolicy

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


def _wanted() -> bool:
    return True


class Asked(NamedTuple):
    """One append, as `append_each` is asked for it. See `Store.append`."""

    drafts: Sequence[Draft]
    expect: int = ANY
    on_key: KeyPolicy = "ignore"
    fence: int | None = None
    begins: Callable[[], bool] = _wanted
    """Whether it is still wanted: asked once or more, before anything of it is written; who said yes once says it again."""


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

    def append_each(self, session: str, asked: Sequence[Asked]) -> list[Commit | SegueError]:
        """Do what `append` does for each of *asked*, in their order, with as few syncs as can be: one, on the default store.

        Each has an outcome of its own: its commit, or what `append` would have raised. What is refused keeps none of the
        others from being written. One that is no longer wanted (`Asked.begins`) is not begun, and is a WithdrawnError.

        Raises:
            NotFoundError: no such log; nothing was written.
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

    def lineage(self, session: str) -> tuple[ForkPoint, ...]:
        """Return where a log left its parent, where that left its own, and so on to the root; deleted ones are in it.

        Each point is as it was given to `create`, so one may lie in what its parent itself shares. Empty for no fork.
        Raises NotFoundError.
        """
        ...

    def stamp(self, session: str) -> str:
        """Return a short text that changes whenever the log does: cheaper than `info`. Raises NotFoundError."""
        ...

    def sessions(self) -> Iterator[str]:
        """Yield the ids of all sessions, deleted ones left out, in the order of their ids."""
        ...

    def erase(self, session: str, seqs: Collection[int], note: Body) -> int:
        """Take the contents of events away for good: body, source and changes to shared state; return how many had any.

        Numbers, ids, times, kinds, actors, keys and digests stay, so the log still verifies and a known key stays known; the
        events are read as `erased`, with an empty body. Events that a fork shares are erased in the log that holds them, and so
        for all its forks. Snapshots that may hold their contents go, and none is taken that was made before. Large values
        that nothing else refers to go. What the same append changed in the same shared state goes with it: the change counts,
        and changed nothing.

        The log gets an event `erased` whose body is *note* and `seqs`, ranges of numbers; so does each fork that shares one of
        them. What was erased before adds nothing. An erasure that is interrupted is finished by the next one in this session,
        and by `upkeep`.

        Raises:
            NotFoundError: no such log, or no such event; nothing was erased.
        """
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

    def put_snapshot(self, session: str, snapshot: Snapshot, *, alone: bool = False) -> None:
        """Keep a fold for later. It may vanish at any time. *alone*: in the place of all others of its schema."""
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


@runtime_checkable
class Sealing(Protocol):
    """A store that has work to do in the background. Nothing is wrong without it: what it holds takes more room."""

    def rest(self, session: str) -> None:
        """Note that nobody is likely to add to a session soon: all of it may be compressed, not only what is closed."""
        ...

    def has_upkeep(self) -> bool:
        """Return whether something waits."""
        ...

    def upkeep(self) -> int:
        """Do it, if nobody else does it now; return how many segments were sealed."""
        ...


class Opened(Protocol):
    """A store as `segue.open` returns it: with sessions as objects, around a store of the contract."""

    @property
    def port(self) -> Store:
        """The store of the contract."""
        ...


def port_of(store: Store | Opened) -> Store:
    """Return the store of the contract: an adapter takes what `segue.open` returns, and a bare store as well.

    Raises:
        UsageError: *store* is none: a path, an address, or what `aio.open` returned and nobody awaited.
    """
    found = store if isinstance(store, Store) else getattr(store, "port", None)
    if not isinstance(found, Store):
        raise UsageError(
            f"an open store is needed here, and this is {type(store).__name__!r}",
            hint="with segue.open() as store: ...    or: async with aio.open() as store: ...",
        )
    return found
