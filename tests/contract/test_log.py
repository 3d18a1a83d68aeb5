"""The default store, log files, keeps the contract."""

from segue.stores.log import LogStore
from segue.testing import StoreContract


class TestLogStore(StoreContract):
    shared_between_processes = True
    durable = True

    def open_store(self, place, clock, ids):
        return LogStore(place, clock=clock, ids=ids)
