"""Stores and their indexes."""

import pytest

from segue.stores.index.index import SqliteIndex
from segue.stores.log.store import LogStore
from segue.stores.memory import MemoryStore
from segue.testing.fakes import FakeClock, FakeIds


@pytest.fixture(params=["memory", "log"])
def place(request, tmp_path):
    """A store, and where its index is."""
    clock, ids = FakeClock(), FakeIds()
    if request.param == "memory":
        yield MemoryStore(clock=clock, ids=ids), ":memory:"
        return
    store = LogStore(tmp_path / "store", clock=clock, ids=ids, durability="relaxed")
    yield store, tmp_path / "store" / "index.sqlite"
    store.close()


@pytest.fixture
def log_place(tmp_path):
    store = LogStore(tmp_path / "store", clock=FakeClock(), ids=FakeIds(), durability="relaxed")
    yield store, tmp_path / "store" / "index.sqlite"
    store.close()


@pytest.fixture
def index(place):
    made = SqliteIndex(*place)
    yield made
    made.close()
