"""Contents go from logs, large values, what was set aside, and backups; a kill at any moment is finished by the next."""

import os

import pytest

from segue.core.log.events import Draft, ForkPoint
from segue.core.log.needles import literal
from segue.host.workspace.copies import SnapshotCopies
from segue.host.workspace.workspace import GitWorkspace
from segue.ports import Snapshot
from segue.stores.log.backup import Series
from segue.stores.log.grounds import CopiesGround, StoreGround
from segue.testing import builders as b
from segue.testing.fakes import session_id

S = session_id(1)
WORDS = "correct horse battery staple"
NEEDLE = literal([WORDS])


@pytest.fixture
def log(shop):
    """A session with the words in a sealed event, an open one, a large value and shared state; a fork; two backups."""
    shop.begin(1)
    shop.say(1, "pears", count=5)
    shop.store.append(S, [b.user(f"say {WORDS}")])
    shop.say(1, "plums", count=20)
    shop.store.seal(S, whole=True)
    shop.store.append(S, [b.user("large " * 20_000 + WORDS)])
    shop.store.append(S, [Draft("memory.set", {"path": "/a"}, scopes={"shop": {"word": WORDS, "pears": 7}})])
    event = next(shop.store.read(S, after=9, upto=10))
    shop.store.create(session_id(2), [b.forked({}), b.user("own")], fork=ForkPoint(S, 10, event.digest))
    shop.series().take()
    shop.say(1, "cherries", count=3)
    shop.series().take()
    return shop


def grounds(shop):
    return [StoreGround(shop.store), CopiesGround(shop.store, shop.series(), None)]


def erase(shop):
    store, copies = grounds(shop)
    for session, seqs in store.find(NEEDLE).items():
        shop.store.erasing.erase(session, seqs, {"by": "me"})
    return store.purge(NEEDLE), copies.purge(NEEDLE)


def left(shop):
    return [one.where for ground in grounds(shop) for one in (*ground.scan(NEEDLE).left, *ground.scan(NEEDLE).unread)]


def test_it_is_found_in_every_place_and_gone_from_every_place(log):
    found = StoreGround(log.store).find(NEEDLE)
    assert found == {S: {7, 28, 29}, "scope:shop": {1}}
    assert len(left(log)) == 12

    erase(log)

    assert left(log) == []
    assert [f for f in log.store.verify() if f.severity in ("damage", "gap")] == []
    assert [e.seq for e in log.store.read(S) if e.erased] == [7, 28, 29]


def test_it_is_found_in_a_snapshot(log):
    head = log.store.info(S).head
    said = " ".join(f"{n} {WORDS}, {n * n} pears" for n in range(500))
    log.store.put_snapshot(S, Snapshot(*head, "test.1", said.encode()))
    (path,) = (log.store.path / "sessions" / S / "snapshots").iterdir()
    assert WORDS.encode() not in path.read_bytes()

    scan = StoreGround(log.store).scan(NEEDLE)

    assert [one.where for one in scan.left if "snapshots" in one.where] == [str(path)]
    assert scan.unread == []


def test_backups_are_verified_again_and_give_back_a_store_without_it(log):
    erase(log)

    series = log.series()
    assert [series.check(one.name).damaged for one in series.all()] == ["", ""]
    series.restore("1", str(log.home / "restored"))
    store = log.open("restored")
    assert [e.seq for e in store.read(S) if e.erased] == [7, 28, 29]
    assert [f for f in store.verify() if f.severity in ("damage", "gap")] == []
    store.close()


def test_the_next_backup_goes_on_from_the_cleared_ones(log):
    erase(log)
    log.say(1, "later")

    made = log.series().take()

    assert made.damaged == ""
    assert left(log) == []


def test_backups_share_what_they_shared(log):
    erase(log)

    (name,) = {path.name for path in log.home.glob("backups/*/*/store/sessions/*/log/*.zst")}
    files = list(log.home.glob(f"backups/*/*/store/sessions/{S}/log/{name}"))
    assert len(files) == 2
    assert len({path.stat().st_ino for path in files}) == 1


def test_what_a_crash_or_recovery_set_aside_is_cleared(log):
    directory = log.home / "store" / "sessions" / S
    last = max((directory / "log").iterdir())
    log.store.close()
    with last.open("ab") as file:
        file.write(b'{"v":1,"torn":"' + WORDS.encode())
    log.say(1, "gone on")
    (directory / "aside" / "log-1").mkdir()
    for path in (directory / "log").iterdir():
        (directory / "aside" / "log-1" / path.name).write_bytes(path.read_bytes())
    (directory / "log" / ".000001.jsonl.77777.0123abcd").write_bytes(WORDS.encode())
    assert len(left(log)) > 12

    erase(log)

    assert left(log) == []
    assert (directory / "aside" / "log-1" / last.name).exists()


def test_recovery_never_brings_back_what_is_erased(log):
    for session, seqs in StoreGround(log.store).find(NEEDLE).items():
        log.store.erasing.erase(session, seqs, {})  # the backups still have it
    log.store.close()
    last = max((log.home / "store" / "sessions" / S / "log").iterdir())
    last.unlink()

    found = log.recovery().run()

    assert [one.session for one in found.logs] == [S]
    log.store = log.open("store")
    assert [e.seq for e in log.store.read(S) if e.erased][:1] == [7]
    assert WORDS not in repr([e.body for e in log.store.read(S)])


CALLS = ("open", "write", "fsync", "fdatasync", "replace", "unlink", "ftruncate", "rename", "link", "mkdir", "rmdir")


def die_at(monkeypatch, number):
    """End the process in the place of the system call of that number which changes something; return how many there were."""
    seen = [0]
    for name in CALLS:
        original = getattr(os, name)

        def call(*args, original=original, name=name, **more):
            if name != "open" or args[1] & os.O_CREAT:
                seen[0] += 1
                if seen[0] == number:
                    os._exit(9)
            return original(*args, **more)

        monkeypatch.setattr(os, name, call)
    return seen


@pytest.mark.parametrize("part", range(3))
def test_a_kill_at_any_system_call_loses_nothing_and_is_finished_by_the_next(log, monkeypatch, part, tmp_path_factory):
    told = {e.seq: (e.id, e.digest, e.body) for e in log.store.read(S) if e.seq not in (7, 28, 29)}
    log.store.close()
    with monkeypatch.context() as patch:
        seen = die_at(patch, 0)
        copy = tmp_path_factory.mktemp("counted")
        other = again(log, copy)
        erase(other)
        calls = seen[0]
        other.store.close()
    assert calls > 60
    for number in range(part * 5 + 1, calls + 1, 15):
        other = again(log, tmp_path_factory.mktemp("killed"))
        other.store.close()
        child = os.fork()
        if not child:
            try:
                die_at(monkeypatch, number)
                erase(other)
            finally:
                os._exit(0)
        os.waitpid(child, 0)

        other.store.upkeep()
        assert [f for f in other.store.verify() if f.severity in ("damage", "gap")] == [], number
        erase(other)
        assert left(other) == [], number
        assert {e.seq: (e.id, e.digest, e.body) for e in other.store.read(S) if e.seq in told} == told
        assert sum(e.kind == "erased" for e in other.store.read(S)) == 1
        assert [f for f in other.store.verify() if f.severity in ("damage", "gap")] == [], number
        assert [one.damaged for one in other.series().all()] == ["", ""]
        other.store.close()


def again(shop, home):
    """Return a copy of a shop in another directory."""
    import shutil

    shutil.copytree(shop.home, home, dirs_exist_ok=True)
    series = shop.series().directory.name
    other = type(shop)(home)
    (home / "backups" / series).rename(other.series().directory)
    return other


def test_what_a_backup_has_beside_the_store_stays_in_it(log):
    project, copies = log.home / "project", SnapshotCopies(log.home / "ours", os.environ)
    project.mkdir()
    (project / "prices.txt").write_text("pears 7\n")
    taken = GitWorkspace(str(project), log.home / "ours", log.clock).take()
    series = Series(log.home / "store", log.home / "backups", keep=5, clock=log.clock, ids=log.ids, beside=copies)
    had = series.take().snapshots
    for session, seqs in StoreGround(log.store).find(NEEDLE).items():
        log.store.erasing.erase(session, seqs, {})

    CopiesGround(log.store, series, None).purge(NEEDLE)

    assert (series.check("last").snapshots, had > 0) == (had, True)
    assert series.bring_back("last", [taken.id]) == {taken.id}


def test_a_change_of_shared_state_that_never_happened_does_not_count_when_it_is_erased_with_the_next(shop):
    session = shop.begin(1)
    for name in ("pears", "plums"):
        shop.store.append(session, [b.user("", scopes={"shop": {name: 1}})])
    shop.store.close()
    (log,) = (shop.home / "store" / "sessions" / session / "log").iterdir()
    log.write_bytes(b"".join(log.read_bytes().splitlines(keepends=True)[:-1]))  # killed between the two
    store = shop.open("store")
    store.append(session, [b.user("", scopes={"shop": {"apples": 1}})])
    assert store.scope("shop") == ("shop", {"pears": 1, "apples": 1}, 2)

    store.erase(session, [3], {"by": "me"})

    assert store.scope("shop") == ("shop", {"pears": 1}, 2)
    assert shop.open("store").scope("shop") == ("shop", {"pears": 1}, 2)
