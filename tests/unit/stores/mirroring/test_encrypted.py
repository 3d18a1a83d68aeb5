"""The mirror of an encrypted store is encrypted without doing anything: it has the store's own bytes."""

import shutil
import subprocess

import pytest

from segue.core.errors import WrongKeyError
from segue.core.log.storekeys import id_of
from segue.stores.log.backup import Series
from segue.stores.log.cipher import SCHEME, Scheme, write_scheme
from segue.stores.log.mirroring import Mirroring
from segue.stores.log.recovery import Others, StoreRecovery
from segue.stores.log.store import LogStore
from segue.testing import builders as b
from segue.testing.fakes import session_id
from tests.encryption import KEY, OTHER, Ring

CANARY = "xylophone"


def opened(shop, *keys):
    return LogStore(shop.home / "store", clock=shop.clock, ids=shop.ids, keys=Ring(*keys))


def mirrored(shop, *keys):
    return Mirroring(shop.home / "store", shop.mirror(), clock=shop.clock, ids=shop.ids, keys=Ring(*keys)).run()


def recovery(shop, *keys):
    series = Series(shop.home / "store", shop.home / "backups", keep=5, clock=shop.clock, ids=shop.ids, keys=Ring(*keys))
    others = Others(series, [shop.mirror()])
    return StoreRecovery(shop.home / "store", others, clock=shop.clock, ids=shop.ids, keys=Ring(*keys))


def objects(shop):
    """Return every object of the mirror, unpacked."""
    command = ["git", "--git-dir", str(shop.home / "mirror"), "cat-file", "--batch-all-objects", "--batch"]
    return subprocess.run(command, capture_output=True, check=True).stdout


@pytest.fixture
def locked(shop):
    """A store under a key, with a mirror."""
    write_scheme(shop.store.path / SCHEME, Scheme(id_of(KEY)))
    shop.store.close()
    shop.store = opened(shop, KEY)
    shop.begin(1)
    shop.say(1, CANARY, count=3)
    shop.store.append(session_id(1), [b.user(f"{CANARY} " * 20_000)])
    shop.store.seal(session_id(1), whole=True)
    shop.say(1, CANARY)
    mirrored(shop, KEY)
    return shop


def test_nothing_of_it_can_be_read_in_the_mirror(locked):
    files = [path for path in locked.store.path.rglob("*.jsonl*") if path.is_file()]
    data = objects(locked)
    assert all(path.read_bytes() in data for path in files)
    digests = [event.digest for event in locked.store.read(session_id(1))]
    assert [text for text in (CANARY, *digests) if text.encode() in data] == []


def test_it_comes_back_from_the_mirror_alone_with_its_key_and_not_without(locked):
    want = locked.told(locked.store)
    locked.store.close()
    shutil.rmtree(locked.store.path)
    with pytest.raises(WrongKeyError):
        recovery(locked, OTHER).run()
    shutil.rmtree(locked.store.path, ignore_errors=True)
    found = recovery(locked, KEY).run()
    store = opened(locked, KEY)
    assert (locked.told(store), [one for one in store.verify() if one.severity in {"damage", "gap"}]) == (want, [])
    assert [one.lost for one in found.logs] == [()]
    store.close()


def test_a_store_that_is_put_under_a_key_leaves_nothing_in_the_clear(shop):
    shop.begin(1)
    shop.say(1, CANARY, count=3)
    shop.mirrored()
    assert CANARY.encode() in objects(shop)
    shop.store.encryption.begin(KEY, "environment")
    shop.store.encryption.run(lambda *_: None)
    mirrored(shop, KEY)
    assert CANARY.encode() not in objects(shop)
    assert [one.seq for one in shop.mirror().logs() if one.log != "store"] == [4]


def test_a_lost_key_file_takes_nothing_from_the_mirror(locked):
    before = [(one.log, one.seq) for one in locked.mirror().logs()]
    (locked.store.path / SCHEME).unlink()
    locked.begin(2)
    mirrored(locked, KEY)
    assert {*before} <= {(one.log, one.seq) for one in locked.mirror().logs()}
