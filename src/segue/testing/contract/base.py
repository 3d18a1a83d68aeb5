"""What all clauses stand on: a place with a store in it, a clock that stands still, and looks at the whole of a store."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import pytest

from segue.core.log.events import Appended, Commit, Draft, Event, ForkPoint
from segue.ports import Clock, Ids, Store
from segue.testing.builders import created, said
from segue.testing.fakes import FakeClock, FakeIds, session_id

Open = Callable[[Path, Clock, Ids], Store]
F = TypeVar("F", bound=Callable[..., None])

A, B, C, NOBODY = (session_id(n) for n in (1, 2, 3, 99))
"""Sessions of a clause. The last is never created."""


class Place:
    """Where a clause's store lives, so that it can be opened again, and by others at the same time."""

    def __init__(self, open_store: Open, directory: Path, *, shared: bool, durable: bool) -> None:
        """Nothing is opened yet."""
        self.clock = FakeClock()
        self._open = open_store
        self._directory = directory
        self._shared = shared
        self._durable = durable
        self._opened: list[Store] = []
        self._seed = 0

    def open(self) -> Store:
        """Return a store on this place: a further one where the place can be shared, else always the same."""
        if self._opened and not self._shared:
            return self._opened[-1]
        return self.open_anew()

    def open_anew(self) -> Store:
        """Return a further store on this place."""
        self._seed += 1
        self._opened.append(self._open(self._directory, self.clock, FakeIds(self._seed)))
        return self._opened[-1]

    def open_in_process(self, number: int) -> Store:
        """Return a store on this place, for a process of its own."""
        return self._open(self._directory, self.clock, FakeIds(1000 + number))

    def reopen(self, store: Store) -> Store:
        """Close *store* and open its place again; one that does not outlive its process goes on as it is."""
        if not self._durable:
            return store
        store.close()
        self._opened = [other for other in self._opened if other is not store]
        return self.open_anew()

    def close(self) -> None:
        """Close all that is open."""
        for store in self._opened:
            store.close()


class Clauses:
    """The fixtures of the contract, and what a store may lack. Nothing else is optional."""

    shared_between_processes: ClassVar[bool] = True
    """Several processes may have it open at once."""
    durable: ClassVar[bool] = True
    """What it holds outlives it."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Take away the clauses that ask for what the store lacks."""
        super().__init_subclass__(**kwargs)
        for name in dir(cls):
            lacking = getattr(getattr(cls, name), "needs", None)
            if lacking is not None and not getattr(cls, lacking):
                setattr(cls, name, None)

    def open_store(self, place: Path, clock: Clock, ids: Ids) -> Store:
        """Return the store under test on directory *place*. A subclass says which."""
        raise NotImplementedError(f"{type(self).__name__}.open_store returns the store that is looked at")

    @pytest.fixture
    def place(self, tmp_path: Path) -> Iterator[Place]:
        """An empty place for a store."""
        place = Place(self.open_store, tmp_path, shared=self.shared_between_processes, durable=self.durable)
        yield place
        place.close()

    @pytest.fixture
    def clock(self, place: Place) -> FakeClock:
        """The clock that the store asks."""
        return place.clock

    @pytest.fixture
    def store(self, place: Place) -> Store:
        """An empty store."""
        return place.open()

    @pytest.fixture
    def other(self, store: Store, place: Place) -> Store:
        """The same store, opened a second time as another process would (where it can be, else itself)."""
        assert store is not None
        return place.open()

    @pytest.fixture
    def reopen(self, place: Place) -> Callable[[Store], Store]:
        """Closes a store and opens it again."""
        return place.reopen


def needs(capability: str) -> Callable[[F], F]:
    """Mark a clause that only makes sense for a store with that *capability*."""

    def mark(clause: F) -> F:
        clause.needs = capability  # type: ignore[attr-defined]
        return clause

    return mark


def begin(store: Store, session: str, *drafts: Draft, fork: ForkPoint | None = None) -> Commit:
    """Create *session* with *drafts*, or with the usual first event."""
    return store.create(session, drafts or [created()], fork=fork)


def point(store: Store, session: str, seq: int) -> ForkPoint:
    """Return the fork point at *seq* of *session*."""
    (event,) = store.read(session, after=seq - 1, upto=seq)
    return ForkPoint(session, seq, event.digest)


def words(events: Iterable[Event]) -> list[str]:
    """Return what the messages among *events* say."""
    return [said(e.body) for e in events if e.kind == "message"]


def seqs(entries: Iterable[Appended | Event]) -> list[int]:
    """Return the numbers of entries or events."""
    return [e.seq for e in entries]


def picture(store: Store) -> dict[str, Any]:
    """Return all that can be seen of a store."""
    sessions = list(store.sessions())
    return {
        "logs": {s: list(store.read(s)) for s in sessions},
        "infos": [store.info(s) for s in sessions],
        "stamps": [store.stamp(s) for s in sessions],
        "leases": [store.lease(s) for s in sessions],
        "scopes": [store.scope(name) for name in store.scopes()],
        "findings": list(store.verify()),
    }


@contextmanager
def refused(store: Store, error: type[Exception], match: str | None = None) -> Iterator[pytest.ExceptionInfo[Exception]]:
    """What is done inside is refused with *error*, and leaves nothing."""
    before = picture(store)
    with pytest.raises(error, match=match) as caught:
        yield caught
    assert picture(store) == before


@contextmanager
def nothing_written(store: Store) -> Iterator[None]:
    """What is done inside succeeds and changes nothing."""
    before = picture(store)
    yield
    assert picture(store) == before
