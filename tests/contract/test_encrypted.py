"""An encrypted log store keeps the contract, and nothing that it holds can be read in its files."""

import pytest

from segue.stores.log import LogStore, ending
from segue.testing import StoreContract
from tests.contract.test_log import Sealing
from tests.encryption import encrypted


class TestEncryptedLogStore(StoreContract):
    def open_store(self, place, clock, ids):
        return encrypted(LogStore, place, clock, ids)


class TestEncryptedLogStoreOfManySegments(StoreContract):
    @pytest.fixture(autouse=True)
    def tiny(self, monkeypatch):
        monkeypatch.setattr(ending, "SEGMENT_BYTES", 1)

    def open_store(self, place, clock, ids):
        return encrypted(Sealing, place, clock, ids)
