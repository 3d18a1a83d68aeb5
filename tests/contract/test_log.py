"""The log store keeps the contract: as it is, without syncs, and while every segment is sealed as soon as it is written."""

import pytest

from segue.stores.log import LogStore, ending
from segue.testing import FakeClock, FakeIds, StoreContract
from segue.testing.builders import user
from segue.testing.contract.base import A


class TestLogStore(StoreContract):
    def open_store(self, place, clock, ids):
        return LogStore(place / "store", clock=clock, ids=ids)


class TestRelaxedLogStore(StoreContract):
    def open_store(self, place, clock, ids):
        return LogStore(place / "store", clock=clock, ids=ids, durability="relaxed")


class TestLogStoreOfManySegments(StoreContract):
    """Every append begins a segment, and what is closed is sealed behind it."""

    @pytest.fixture(autouse=True)
    def tiny(self, monkeypatch):
        monkeypatch.setattr(ending, "SEGMENT_BYTES", 1)

    def open_store(self, place, clock, ids):
        return Sealing(place / "store", clock=clock, ids=ids)


class Sealing(LogStore):
    def append(self, *args, **kwargs):
        commit = super().append(*args, **kwargs)
        self.upkeep()
        return commit

    def acquire(self, *args, **kwargs):
        lease = super().acquire(*args, **kwargs)
        self.upkeep()
        return lease

    def create(self, session, *args, **kwargs):
        commit = super().create(session, *args, **kwargs)
        self.seal(session, whole=True)
        return commit


@pytest.mark.parametrize("size", [10, 50_000], ids=["small", "large"])
def test_a_session_that_rests_is_sealed_whole_where_that_saves_room_and_can_be_gone_on_with(tmp_path, size):
    store = LogStore(tmp_path / "store", clock=FakeClock(), ids=FakeIds(1))
    store.create(A, [user("first", key="k0"), *[user("x" * (size // 10), key=f"x{n}") for n in range(10)]])
    before = list(store.read(A))
    store.rest(A)

    sealed = store.upkeep()

    names = sorted(path.name for path in (tmp_path / "store" / "sessions" / A / "log").iterdir())
    assert (sealed, names) == ((1, ["000001.jsonl.zst", "000012.jsonl"]) if size > 10 else (0, ["000001.jsonl"]))
    assert (store.has_upkeep(), store.upkeep()) == (False, 0)
    assert [e.new for e in store.append(A, [user("first", key="k0"), user("more")]).entries] == [False, True]
    assert list(store.read(A))[:-1] == before
    assert list(store.verify(A)) == []


def test_a_session_that_rests_and_was_closed_elsewhere_is_sealed_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(ending, "SEGMENT_BYTES", 40_000)
    store = LogStore(tmp_path / "store", clock=FakeClock(), ids=FakeIds(1))
    store.create(A, [user("x" * 40_000)])
    store.append(A, [user("y" * 40_000)])  # marks the session for its closed segment
    store.rest(A)

    assert store.upkeep() == 2
    assert store.info(A).head.seq == 2


def test_keys_of_a_write_that_was_cut_off_are_forgotten_when_others_take_its_numbers(tmp_path):
    store = LogStore(tmp_path / "store", clock=FakeClock(), ids=FakeIds(1))
    store.create(A, [user("first", key="k0")])
    (segment,) = (tmp_path / "store" / "sessions" / A / "log").iterdir()
    size = segment.stat().st_size
    store.append(A, [user("cut off", key="k1"), user("cut off")])
    with segment.open("r+b") as file:  # the process died while it wrote
        file.truncate(size + 10)
    again = LogStore(tmp_path / "store", clock=FakeClock(), ids=FakeIds(2))
    entries = again.append(A, [user("other", key="k2"), user("other")]).entries
    last = LogStore(tmp_path / "store", clock=FakeClock(), ids=FakeIds(3))
    assert [last.lookup(A, key) for key in ("k1", "k2")] == [None, entries[0]._replace(new=False)]
    assert [e.new for e in last.append(A, [user("other", key="k2")]).entries] == [False]
