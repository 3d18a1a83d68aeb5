"""The memory store, which is the reference, keeps the contract."""

from segue.stores.memory import MemoryStore
from segue.testing import StoreContract


class TestMemoryStore(StoreContract):
    shared_between_processes = False
    durable = False

    def open_store(self, place, clock, ids):
        return MemoryStore(clock=clock, ids=ids)
