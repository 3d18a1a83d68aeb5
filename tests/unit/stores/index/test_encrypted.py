"""The index of an encrypted store is encrypted, and whoever has it open notices when that changes."""

import sys

import pytest

from segue.core.log.storekeys import id_of
from segue.stores.index.driver import ENCRYPTED, NO_DRIVER
from segue.stores.log.cipher import SCHEME, Scheme, write_scheme
from segue.stores.log.store import LogStore
from segue.testing.builders import user
from segue.testing.fakes import FakeClock, FakeIds
from tests.encryption import KEY, OTHER, Ring
from tests.unit.stores.index.helping import another, begin, file_of, found, open_index


@pytest.fixture
def store(tmp_path):
    """A store in the clear, by a process that has KEY and OTHER should it need one."""
    made = LogStore(tmp_path / "store", clock=FakeClock(), ids=FakeIds(), keys=Ring(KEY, OTHER))
    yield made
    made.close()


def lock(store, key):
    """What another process does."""
    write_scheme(store.path / SCHEME, Scheme(id_of(key) if key else "", {id_of(one): None for one in (KEY, OTHER)}))


def files(store):
    return {p.name: p.read_bytes() for p in store.path.glob("index.sqlite*")}


def readable(store, word):
    return [name for name, data in files(store).items() if word.encode() in data]


@pytest.mark.parametrize(("before", "after"), [(b"", KEY), (KEY, b""), (KEY, OTHER)], ids=["encrypted", "decrypted", "rotated"])
def test_an_open_index_notices_that_the_store_has_another_key(store, before, after):
    lock(store, before)
    a = begin(store, 1, user("zanzibar"), title="quetzal")
    index = open_index(store)
    assert found(index, "zanzibar") == [(a, 2)]
    old = file_of(store).name
    lock(store, after)
    store.append(a, [user("xylophone")])
    assert found(index, "xylophone") == [(a, 3)]
    assert found(index, "zanzibar") == [(a, 2)]
    new = file_of(store).name
    assert set(files(store)) == {new, f"{new}-wal", f"{new}-shm", "index.sqlite.lock"}
    assert old != new
    assert (index.status().path, index.status().rebuilt) == (str(file_of(store)), "the store is under another key now")
    in_the_clear = {*readable(store, "zanzib"), *readable(store, "quetzal")}  # the full text is stemmed, the catalogue is not
    assert bool(in_the_clear) == (not after)
    index.close()


def test_what_was_read_before_the_store_was_encrypted_is_not_written_in_the_clear_after(store):
    a = begin(store, 1, user("zanzibar"), title="quetzal")
    index = open_index(store)
    index._progress = lambda done, total: lock(store, KEY)  # between reading the log and writing
    index._data.use(lambda db: None)
    assert found(index, "zanzibar") == [(a, 2)]
    assert readable(store, "quetzal") == readable(store, "zanzib") == []
    assert file_of(store).exists()
    index.close()


def test_whoever_opens_an_index_takes_away_what_is_left_of_others(store):
    a = begin(store, 1, user("zanzibar"))
    plain = open_index(store)
    plain.catch_up()
    for end in (".damaged", "-journal", ".0badc0de", ".0badc0de-wal", ".0badc0de.damaged"):
        (store.path / f"index.sqlite{end}").write_bytes(b"quetzal")
    (store.path / "index.sqlite.mine").write_bytes(b"not ours")
    lock(store, KEY)
    index = open_index(another(store, 5))
    assert found(index, "zanzibar") == [(a, 2)]
    new = file_of(store).name
    assert set(files(store)) == {new, f"{new}-wal", f"{new}-shm", "index.sqlite.lock", "index.sqlite.mine"}
    plain.close()
    assert set(files(store)) == {new, f"{new}-wal", f"{new}-shm", "index.sqlite.lock", "index.sqlite.mine"}
    assert readable(store, "zanzib") == []
    index.close()


def test_an_index_in_the_clear_keeps_its_own_damaged_one(store):
    begin(store, 1, user("zanzibar"))
    (store.path / "index.sqlite").write_bytes(b"x" * 5000)
    open_index(store).catch_up()
    assert (store.path / "index.sqlite.damaged").read_bytes() == b"x" * 5000


def test_without_sqlcipher_the_index_of_an_encrypted_store_is_in_memory(store, monkeypatch):
    a = begin(store, 1, user("zanzibar"))
    open_index(store).catch_up()
    lock(store, KEY)
    monkeypatch.setitem(sys.modules, ENCRYPTED, None)
    index = open_index(store)
    assert index.shortfall() == ""
    assert found(index, "zanzibar") == [(a, 2)]
    assert set(files(store)) == {"index.sqlite.lock"}
    status = index.status()
    assert (status.fallback, status.hint, status.sessions) == (NO_DRIVER, "pip install 'segue[encryption]'", 1)
    assert index.shortfall() == f"the index is in memory and made anew by each command: {NO_DRIVER} ({status.hint})"
    store.append(a, [user("xylophone")])
    assert found(index, "xylophone") == [(a, 3)]
    lock(store, b"")
    assert found(index, "xylophone") == [(a, 3)]
    assert (index.status().fallback, index.shortfall()) == ("", "")
    assert file_of(store).exists()
    index.close()


def test_a_copy_in_memory_begins_with_what_the_encrypted_file_has(store):
    lock(store, KEY)
    a = begin(store, 1, user("zanzibar"))
    first = open_index(store)
    first.catch_up()
    first.close()
    (store.path / "index.sqlite.lock").unlink()
    (store.path / "index.sqlite.lock").mkdir()
    reader = open_index(store)
    read = []
    whole = store.read
    store.read = lambda *args, **how: read.append(args) or whole(*args, **how)
    assert reader.catch_up() == 0
    assert read == []
    assert found(reader, "zanzibar") == [(a, 2)]
    assert reader.status().fallback


def test_damage_that_sqlcipher_reports_is_told_like_any_other(store, capfd):
    lock(store, KEY)
    a = begin(store, 1, user("zanzibar"))
    open_index(store).catch_up()
    data = bytearray(file_of(store).read_bytes())
    data[:200] = bytes(200)
    file_of(store).write_bytes(data)
    index = open_index(store)
    assert found(index, "zanzibar") == [(a, 2)]
    assert index.status().rebuilt == "file is not a database"
    assert capfd.readouterr() == ("", "")
