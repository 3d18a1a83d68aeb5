"""Snapshots of state lie beside their log, and are believed only as they were written."""

import hashlib
import json

from segue.ports import Snapshot
from segue.stores.log import snapshots, zstd
from segue.testing import builders as b

DATA = b"what was said"


def test_a_snapshot_that_was_changed_anywhere_is_not_believed(shop):
    session = shop.begin(1, b.user("pears"))
    kept = Snapshot(1, next(shop.store.read(session)).digest, "test.1", DATA)
    shop.store.put_snapshot(session, kept)
    (path,) = (shop.store.path / "sessions" / session / "snapshots").iterdir()
    written = path.read_bytes()
    assert shop.store.snapshot(session, "test.1") == kept
    seen = set()
    for at in range(len(written)):
        for changed in (written[:at], written[:at] + bytes([written[at] ^ 1 << at % 8]) + written[at + 1 :]):
            path.write_bytes(changed)
            seen.add(shop.store.snapshot(session, "test.1"))
    assert seen <= {None, kept}  # a bit of the frame that means nothing changes nothing
    assert None in seen


def test_a_snapshot_that_cannot_know_whether_it_was_changed_is_not_believed(shop):
    session = shop.begin(1, b.user("pears"))
    kept = Snapshot(1, next(shop.store.read(session)).digest, "test.1", DATA)
    shop.store.put_snapshot(session, kept)
    (path,) = (shop.store.path / "sessions" / session / "snapshots").iterdir()
    header = json.dumps({"seq": 1, "digest": kept.digest, "schema": "test.1"}).encode() + b"\n"
    path.write_bytes(zstd.compress(header, checksum=True) + zstd.compress(DATA, checksum=True))
    assert shop.store.snapshot(session, "test.1") == kept
    path.write_bytes(zstd.compress(header, checksum=True) + zstd.compress(DATA))
    assert shop.store.snapshot(session, "test.1") is None


def test_a_snapshot_of_the_older_forms_is_read(shop):
    session = shop.begin(1, b.user("pears"))
    kept = Snapshot(1, next(shop.store.read(session)).digest, "test.1", DATA)
    shop.store.put_snapshot(session, kept)
    (path,) = (shop.store.path / "sessions" / session / "snapshots").iterdir()
    header = {"seq": 1, "digest": kept.digest, "schema": "test.1"}
    hashed = header | {"hash": hashlib.blake2b(DATA, digest_size=16).hexdigest()}

    def found(header, data, *, checksum):
        path.write_bytes(zstd.compress(json.dumps(header).encode() + b"\n" + data, checksum=checksum))
        return shop.store.snapshot(session, "test.1")

    assert [found(header, DATA, checksum=True), found(hashed, DATA, checksum=False)] == [kept, kept]
    assert [found(header, DATA, checksum=False), found(hashed, b"another", checksum=False)] == [None, None]


def test_of_snapshots_that_are_put_alone_one_file_is_kept(shop):
    session = shop.begin(1, *(b.user(str(n)) for n in range(9)))
    for event in shop.store.read(session):
        shop.store.put_snapshot(session, Snapshot(event.seq, event.digest, "test.1", DATA))
        shop.store.put_snapshot(session, Snapshot(event.seq, event.digest, "test.2", DATA), alone=True)
    names = [path.name.split(".")[:2] for path in (shop.store.path / "sessions" / session / "snapshots").iterdir()]
    kept = [[int(seq) for seq, tag in sorted(names) if tag == one] for one in {tag for _, tag in names}]
    assert sorted(kept, key=len) == [[10], [3, 4, 5, 6, 7, 8, 9, 10]]


def test_a_snapshot_that_takes_anothers_place_while_that_is_looked_for_is_found(shop, monkeypatch):
    session = shop.begin(1, b.user("pears"))
    first, second = (Snapshot(event.seq, event.digest, "test.1", DATA) for event in shop.store.read(session))
    shop.store.put_snapshot(session, first)
    read = snapshots._read

    def put_meanwhile(*args):
        shop.store.put_snapshot(session, second, alone=True)
        return read(*args)

    monkeypatch.setattr(snapshots, "_read", put_meanwhile)

    assert shop.store.snapshot(session, "test.1") == second
