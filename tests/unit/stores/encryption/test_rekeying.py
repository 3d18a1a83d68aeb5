"""A store is put under a key, under another and under none while others use it; whatever interrupts that, nothing is lost."""

import os
import random
import shutil
import threading
from pathlib import Path

import pytest

from segue.core.errors import ConflictError, WrongKeyError
from segue.core.log.events import ForkPoint
from segue.core.log.storekeys import id_of
from segue.ports import Snapshot
from segue.stores.log import LogStore, ending, sealing, zstd
from segue.stores.log.cipher import MAGIC, Cipher
from segue.testing import FakeClock, FakeIds
from segue.testing.builders import created, user
from segue.testing.builders import said as said_in
from segue.testing.fakes import session_id
from tests.encryption import Ring
from tests.killing import killed_at

ONE, TWO = bytes(range(32)), bytes(range(32, 64))
CANARY = "canary-4f1c"
OPERATIONS = {"open", "os.rename", "os.remove", "os.mkdir", "os.truncate", "os.link", "os.rmdir"}
A, B, C = (session_id(n) for n in (1, 2, 3))


class Place:
    """A store's directory, and what was ever put into it."""

    def __init__(self, directory):
        self.path = directory / "store"
        self.ids = FakeIds(7)

    def open(self, *keys):
        return LogStore(self.path, clock=FakeClock(), ids=self.ids, keys=Ring(*keys) if keys else None)

    def fill(self, store):
        """Put something of each kind into the store, the canary in all of it."""
        store.create(A, [created(title=CANARY), *[user(f"{CANARY} {n}", key=f"{CANARY}-{n}") for n in range(40)]])
        store.seal(A, whole=True)
        store.append(A, [user(CANARY + random.Random(1).randbytes(60_000).hex(), key="large")])
        event = next(store.read(A, after=19, upto=20))
        store.create(B, [created(), user(f"{CANARY} forked")], fork=ForkPoint(A, event.seq, event.digest))
        store.append(B, [user("shared")._replace(scopes={f"team:{CANARY}": {CANARY: CANARY}})])
        store.put_snapshot(A, Snapshot(event.seq, event.digest, "test.1", CANARY.encode()))
        store.acquire(A, f"{CANARY}@host", 1000.0)
        assert store.number(f"{CANARY}-SESSION", A) == 1
        torn = self.path / "sessions" / B / "log" / "000021.jsonl"
        with torn.open("ab") as file:
            file.write(f'{{"v":1,"seq":24,"canary":"{CANARY}'.encode())
        store.append(B, [user("after the crash")])

    def content(self, store):
        """Return all that a store gives back."""
        large = [event.body for event in store.read(A, after=41)]
        return {
            "logs": {name: list(store.read(name, blobs=False)) for name in store.sessions()},
            "large": large,
            "scopes": {name: store.scope(name) for name in store.scopes()},
            "lease": store.lease(A),
            "known": store.lookup(A, f"{CANARY}-7"),
            "findings": [one for one in store.verify() if one.severity != "aside"],
        }

    def readable(self):
        """Return the files in which the canary, or anything of it, can be read without a key, by name or content."""
        found = []
        for path in sorted(self.path.rglob("*")):
            name = str(path.relative_to(self.path))
            data = path.read_bytes() if path.is_file() else b""
            if CANARY in name or any(CANARY.encode() in one for one in (data, *unpacked(path, data))):
                found.append(name)
        return found


def unpacked(path, data):
    if data.startswith(zstd.MAGIC):
        fd = os.open(path, os.O_RDONLY)
        try:
            for frame in sealing.frames(fd):
                try:
                    yield sealing.content(fd, frame)
                except zstd.BadFrame:
                    continue
        finally:
            os.close(fd)


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


def quiet(*_):
    pass


def change(store, key, place="file:/keys"):
    store.encryption.begin(key, place)
    return store.encryption.run(quiet)


def test_a_store_is_put_under_a_key_and_nothing_of_it_can_be_read_without(place):
    store = place.open()
    place.fill(store)
    before = place.content(store)
    assert place.readable() != []
    store.close()
    store = place.open(ONE)

    done = change(store, ONE)

    assert (done.logs > 2, done.blobs, done.left) == (True, 1, ())
    assert place.content(store) == before
    assert place.readable() == []
    assert store.number(f"{CANARY}-SESSION", A) == 2
    assert store.append(A, [user("again", key=f"{CANARY}-7")]).entries[0].new is False
    again = place.open(ONE)
    assert place.content(again) == place.content(store)
    assert again.encryption.state() == (id_of(ONE), "file:/keys", (), False)


def test_a_store_goes_from_one_key_to_another_and_the_first_opens_it_no_more(place):
    store = place.open(ONE)
    place.fill(store)
    change(store, ONE)
    before = place.content(store)
    store.close()
    store = place.open(ONE, TWO)

    change(store, TWO)

    assert place.content(store) == before
    again = place.open(TWO)
    assert place.content(again) == before
    assert again.number(f"{CANARY}-SESSION", A) == 2
    assert again.encryption.state().older == (id_of(ONE),)
    with pytest.raises(WrongKeyError):
        place.open(ONE)
    assert place.readable() == []
    assert [path for path in place.path.rglob("*") if path.is_file() and bytes.fromhex(id_of(ONE)) in path.read_bytes()] == []


def test_a_store_is_written_in_the_clear_again_and_needs_no_key(place):
    store = place.open(ONE)
    place.fill(store)
    before = place.content(store)
    change(store, ONE)

    change(store, None)

    assert place.content(store) == before
    again = place.open()
    assert place.content(again) == before
    assert again.number(f"{CANARY}-SESSION", A) == 2
    assert [path for path in place.path.rglob("*") if path.is_file() and path.read_bytes().startswith(MAGIC)] == []
    assert not (place.path / "encryption.json").exists()


def test_what_could_not_be_read_when_all_else_was_decrypted_is_still_under_its_key(place):
    store = place.open(ONE)
    place.fill(store)
    before = place.content(store)
    (plain,) = place.path.glob("blobs/??/*.zst")
    change(store, ONE)
    (blob,) = place.path.glob("blobs/??/*.zst")
    whole = blob.read_bytes()
    blob.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))

    done = change(store, None)

    assert done.left == (str(blob.relative_to(place.path)),)
    assert store.encryption.state() == ("", "file:/keys", (id_of(ONE),), False)
    store.close()
    assert [f.where for f in place.open().verify() if f.severity == "damage"] == [str(plain.relative_to(place.path))]
    blob.write_bytes(whole)  # another copy has it
    assert place.content(place.open(ONE)) == before
    assert change(place.open(ONE), TWO).left == ()
    assert place.content(place.open(TWO)) == before
    assert place.readable() == []


@pytest.mark.parametrize("given", [(), (TWO,)], ids=["no key", "another key"])
def test_without_the_key_nothing_is_opened_and_nothing_changes(place, given):
    store = place.open(ONE)
    place.fill(store)
    change(store, ONE)
    store.close()
    before = {path: path.read_bytes() for path in place.path.rglob("*") if path.is_file()}

    with pytest.raises(WrongKeyError) as refused:
        place.open(*given)

    assert refused.value.exit_code == 7
    assert {path: path.read_bytes() for path in place.path.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(("first", "then"), [(None, ONE), (ONE, TWO), (ONE, None)], ids=["encrypt", "rotate", "decrypt"])
def test_a_change_that_is_killed_at_any_operation_is_gone_on_with(place, first, then, tmp_path_factory):
    store = place.open(ONE, TWO)
    place.fill(store)
    if first is not None:
        change(store, first)
    before = place.content(store)
    store.close()
    points, step, n = 0, 7, 1
    while True:
        trial = Place(tmp_path_factory.mktemp("trial"))
        shutil.copytree(place.path, trial.path)

        def work(trial=trial):
            change(trial.open(ONE, TWO), then)

        if not killed_at(n, OPERATIONS, work):
            break
        points, n = points + 1, n + step
        store = trial.open(ONE, TWO)
        assert place.content(store) == before, n
        if store.encryption.state().changing:
            store.encryption.run(quiet)
        elif store.encryption.state().key != (id_of(then) if then else ""):
            change(store, then)
        assert place.content(store) == before, n
        assert then is None or trial.readable() == [], n
        store.close()
        assert place.content(trial.open(*([then] if then else []))) == before, n
    assert points > 10


def test_others_go_on_while_the_key_changes_and_all_that_they_wrote_is_there_and_encrypted(place, monkeypatch):
    monkeypatch.setattr(ending, "SEGMENT_BYTES", 4096)
    mine = place.open(ONE, TWO)
    place.fill(mine)
    others = [place.open(ONE, TWO) for _ in range(3)]
    stop, said, wrong = threading.Event(), [[] for _ in others], []

    def talk(n):
        count = 0
        while not stop.is_set():
            text = f"{CANARY} {n} {count}"
            try:
                others[n].append(A, [user(text, key=text)])
                others[n].append(A, [user("x")._replace(scopes={f"team:{CANARY}": {f"{n}": count}})])
                if count % 5 == 0:
                    others[n].create(session_id(1000 + n * 100_000 + count), [created(title=text)])
                    others[n].append(A, [user(text + "y" * 60_000, key=f"large {text}")])
                if count % 7 == 0:
                    list(others[n].read(A))
            except BaseException as e:  # noqa: BLE001 - told below
                wrong.append(e)
                return
            said[n].append(text)
            count += 1

    threads = [threading.Thread(target=talk, args=(n,)) for n in range(len(others))]
    for thread in threads:
        thread.start()
    for key in (ONE, TWO, None, TWO):
        change(mine, key)
    stop.set()
    for thread in threads:
        thread.join()
    assert wrong == []
    mine.encryption.run(quiet)
    last = place.open(TWO)
    texts = [said_in(event.body) for event in last.read(A) if event.kind == "message"]
    for one in said:
        assert [text for text in texts if text in set(one)] == one
    assert [one for one in last.verify() if one.severity not in {"aside", "orphan"}] == []
    assert place.readable() == []


def test_a_line_read_before_a_store_was_decrypted_can_be_opened_after_it(place):
    mine = place.open(ONE)
    place.fill(mine)
    change(mine, ONE)
    reader = Cipher(place.path, Ring(ONE)).refresh()
    line = b'{"v":1,"seq":7,"kind":"of a reader that is slow"}'
    boxed = reader.box_line(line + b"\n")[:-1]
    change(mine, None)
    assert b"slow" not in boxed
    assert reader.refresh().open_line(boxed) == line
    with pytest.raises(WrongKeyError):
        Cipher(place.path).open_line(boxed)


def test_a_change_is_not_begun_before_the_one_before_is_done(place):
    store = place.open(ONE, TWO)
    place.fill(store)
    store.encryption.begin(ONE, "environment")
    with pytest.raises(ConflictError):
        store.encryption.begin(TWO, "environment")
    store.encryption.run(quiet)
    assert store.encryption.state() == (id_of(ONE), "environment", (), False)


def test_a_damaged_line_stays_damaged_and_hides_no_other(place):
    store = place.open(ONE)
    place.fill(store)
    change(store, ONE)
    store.close()
    log = max((place.path / "sessions" / A / "log").glob("*.jsonl"))
    data = log.read_bytes()
    at = data.index(b'"box":"') + 40
    log.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
    store = place.open(ONE)
    damages = []

    found = [event.seq for event in store.read(A, on_damage=damages.append)]

    assert len(damages) >= 1
    assert found == [n for n in range(1, found[-1] + 1) if n not in {one.seq for one in damages}]


def test_bytes_of_no_store_are_not_taken_for_boxes(place):
    store = place.open(ONE)
    place.fill(store)
    change(store, ONE)
    for path in (Path(p) for p in place.path.rglob("*.zst") if "log" in str(p)):
        data = bytearray(path.read_bytes())
        for at in (0, 4, 9, 14, 30, len(data) - 1):
            data[at] ^= 0xFF
        path.write_bytes(bytes(data))
    damages = []
    list(store.read(A, on_damage=damages.append))
    assert damages != []
