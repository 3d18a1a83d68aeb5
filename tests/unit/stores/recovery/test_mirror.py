"""A mirror as the only thing that is left."""

import shutil

import pytest

from segue.testing.fakes import session_id


def bad(store):
    return [one for one in store.verify() if one.severity in {"damage", "gap"}]


@pytest.fixture
def mirrored(shop):
    shop.fill()
    shop.mirrored()
    shop.say(1, "later", count=3)
    shop.mirrored()
    shop.store.close()
    return shop


def test_a_store_that_is_gone_comes_back_from_its_mirror_alone(mirrored):
    want = mirrored.told(mirrored.open("store"))
    shutil.rmtree(mirrored.store.path)
    found = mirrored.recovery().run()
    store = mirrored.open("store")
    assert (mirrored.told(store), bad(store)) == (want, [])
    assert [(s.kind, s.state, s.sessions, s.events) for s in found.sources] == [
        ("store", "missing", 0, 0),
        ("mirror", "intact", 3, 38 + 2 + 2 + 1),
    ]
    assert store.number("SESSION-260115-", session_id(9)) == 2
    assert mirrored.recovery().run().logs == []


def test_one_damaged_log_is_all_that_is_read_of_a_mirror(mirrored):
    want = mirrored.told(mirrored.open("store"))
    log = mirrored.store.path / "sessions" / session_id(2) / "log" / "000001.jsonl"
    log.write_bytes(log.read_bytes().replace(b"pears", b"plums"))
    found = mirrored.recovery().run()
    assert [(one.session, one.sources) for one in found.logs] == [(session_id(2), (str(mirrored.home / "mirror"),))]
    assert mirrored.told(mirrored.open("store")) == want


def test_a_large_value_comes_back_from_the_mirror(mirrored):
    want = mirrored.told(mirrored.open("store"))
    (blob,) = mirrored.store.path.glob("blobs/*/*.zst")
    blob.unlink()
    found = mirrored.recovery().run()
    assert found.others == [f"large value {blob.name[:16]}... is back from another copy"]
    assert mirrored.told(mirrored.open("store")) == want


def test_where_refs_of_the_mirror_are_lost_its_commits_are_found(mirrored):
    want = mirrored.told(mirrored.open("store"))
    shutil.rmtree(mirrored.store.path)
    shutil.rmtree(mirrored.home / "mirror" / "refs" / "segue")
    (mirrored.home / "mirror" / "packed-refs").unlink(missing_ok=True)
    mirrored.recovery().run()
    assert mirrored.told(mirrored.open("store")) == want


def test_a_mirror_that_is_damaged_gives_what_it_has_and_says_so(mirrored):
    shutil.rmtree(mirrored.store.path)
    packs = sorted((mirrored.home / "mirror" / "objects" / "pack").glob("*.pack"), key=lambda path: path.stat().st_size)
    packs[0].chmod(0o600)
    packs[0].write_bytes(packs[0].read_bytes()[:30])
    found = mirrored.recovery().run()
    (mirror,) = found.sources[1:]
    store = mirrored.open("store")
    assert (mirror.kind, mirror.state, bool(mirror.reason)) == ("mirror", "damaged", True)
    assert bad(store) == []
    assert {session_id(2), session_id(3)} <= {*store.sessions()} or found.logs


def test_a_session_that_was_deleted_stays_deleted_and_its_fork_keeps_their_past(mirrored):
    store = mirrored.open("store")
    store.delete(session_id(1))
    want = mirrored.told(store)
    store.close()
    mirrored.mirrored()
    shutil.rmtree(mirrored.store.path)
    mirrored.recovery().run()
    store = mirrored.open("store")
    assert (mirrored.told(store), bad(store)) == (want, [])
