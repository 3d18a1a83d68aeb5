"""The log store keeps the contract: as it is, without syncs, and while every segment is sealed as soon as it is written."""

import pytest

from segue.stores.log import LogStore, ending
from segue.testing import StoreContract


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
