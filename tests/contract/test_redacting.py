"""A store that redacts what comes in keeps the contract."""

from segue.core.redaction.redactor import Redactor
from segue.engine.secrecy.redacting import redacting
from segue.stores.log import LogStore
from segue.stores.memory import MemoryStore
from segue.testing import StoreContract

KEY = bytes(range(32))


class TestRedactingMemoryStore(StoreContract):
    shared_between_processes = False
    durable = False

    def open_store(self, place, clock, ids):
        return redacting(MemoryStore, Redactor(), KEY)(clock=clock, ids=ids)


class TestRedactingLogStore(StoreContract):
    def open_store(self, place, clock, ids):
        return redacting(LogStore, Redactor(), KEY)(place / "store", clock=clock, ids=ids)
