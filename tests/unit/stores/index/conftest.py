"""Stores and their indexes."""

import pytest

from segue.stores.log.store import LogStore
from segue.stores.memory import MemoryStore
from segue.testing.fakes import FakeClock, FakeIds
from tests.encryption import encrypted
from tests.unit.stores.index.helping import file_of, open_index


@pytest.fixture(params=["memory", "log", "encrypted"])
def place(request, tmp_path):
    """A store, and where its index is."""
    if request.param == "memory":
        yield MemoryStore(clock=FakeClock(), ids=FakeIds()), ":memory:"
        return
    store = _log_store(tmp_path, request.param)
    yield store, file_of(store)
    store.close()


@pytest.fixture(params=["log", "encrypted"])
def log_place(request, tmp_path):
    """A store in files, and the file of its index."""
    store = _log_store(tmp_path, request.param)
    yield store, file_of(store)
    store.close()


@pytest.fixture
def index(place):
    made = open_index(place[0])
    yield made
    made.close()


def _log_store(place, kind):
    clock, ids = FakeClock(), FakeIds()
    if kind == "encrypted":
        return encrypted(LogStore, place, clock, ids, durability="relaxed")
    return LogStore(place / "store", clock=clock, ids=ids, durability="relaxed")
