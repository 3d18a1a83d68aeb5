"""An encrypted log store keeps the contract, and nothing that it holds can be read in its files."""

import pytest

from segue.core.errors import WrongKeyError
from segue.core.log.storekeys import id_of
from segue.stores.log import LogStore, ending
from segue.stores.log.cipher import SCHEME, Scheme, write_scheme
from segue.testing import StoreContract
from tests.contract.test_log import Sealing

KEY = bytes(range(32))


class Ring:
    """Keys that are at hand."""

    def __init__(self, *keys):
        self.keys = {id_of(key): key for key in keys}

    def key(self, id):
        try:
            return self.keys[id]
        except KeyError:
            raise WrongKeyError(f"there is no key {id}") from None


def encrypted(kind, place, clock, ids):
    path = place / "store"
    path.mkdir(exist_ok=True)
    if not (path / SCHEME).exists():
        kind(path, clock=clock, ids=ids).close()
        write_scheme(path / SCHEME, Scheme(id_of(KEY)))
    return kind(path, clock=clock, ids=ids, keys=Ring(KEY))


class TestEncryptedLogStore(StoreContract):
    def open_store(self, place, clock, ids):
        return encrypted(LogStore, place, clock, ids)


class TestEncryptedLogStoreOfManySegments(StoreContract):
    @pytest.fixture(autouse=True)
    def tiny(self, monkeypatch):
        monkeypatch.setattr(ending, "SEGMENT_BYTES", 1)

    def open_store(self, place, clock, ids):
        return encrypted(Sealing, place, clock, ids)
