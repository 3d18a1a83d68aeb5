"""Backups that are taken while others work, that are killed at any point, and for which there is no room."""

import os
import resource
import signal
import threading
from pathlib import Path

import pytest

from segue.core.errors import StorageFullError
from segue.core.log.events import Draft, ForkPoint
from segue.testing import builders as b
from segue.testing.fakes import session_id
from tests.killing import killed_at

OPERATIONS = {"open", "os.rename", "os.link", "os.remove", "os.rmdir", "os.mkdir"}


class Worker(threading.Thread):
    """Appends to a session, changes shared state, forks, and seals, until it is told to stop; counts what was acknowledged."""

    def __init__(self, shop, n):
        super().__init__()
        self.shop, self.n, self.session = shop, n, session_id(n)
        self.acknowledged = 0
        self.failed = None
        self.stop = threading.Event()

    def run(self):
        try:
            while not self.stop.is_set():
                self.work()
        except Exception as e:  # noqa: BLE001  (told by the test)
            self.failed = e

    def work(self):
        store, count = self.shop.store, self.acknowledged
        large = "x" * 40_000 if count % 7 == 0 else "pears"
        commit = store.append(self.session, [b.user(f"{large} {count}", scopes={"shop": {f"{self.n}-{count}": 1}})])
        self.acknowledged = count + 1
        if count % 10 == 3:
            child = session_id(1000 * self.n + count)
            point = ForkPoint(self.session, commit.head.seq, commit.head.digest)
            store.create(child, [b.forked({"session": self.session, "seq": point.seq, "digest": point.digest})], fork=point)
        if count % 20 == 9:
            store.seal(self.session, whole=True)
            store.delete(self.shop.begin(500_000 + 1000 * self.n + count))


def test_backups_that_are_taken_while_others_work_hold_all_that_was_acknowledged_before_and_make_sense(shop):
    for n in (1, 2):
        shop.begin(n)
    workers = [Worker(shop, n) for n in (1, 2)]
    for worker in workers:
        worker.start()
    taken = []
    try:
        series = shop.series(keep=99)
        for _ in range(4):
            before = [worker.acknowledged for worker in workers]
            while any(
                worker.acknowledged < count + 5 and worker.failed is None for worker, count in zip(workers, before, strict=True)
            ):
                pass
            before = [worker.acknowledged for worker in workers]
            taken.append((before, series.take()))
    finally:
        for worker in workers:
            worker.stop.set()
            worker.join()
    assert [worker.failed for worker in workers] == [None, None]
    for before, backup in taken:
        store = shop.open((Path(backup.path) / "store").relative_to(shop.home))
        said = {w.session: [e for e in store.read(w.session) if e.kind == "message"] for w in workers}
        assert [len(said[w.session]) >= count for w, count in zip(workers, before, strict=True)] == [True, True]
        assert set(store.scope("shop").values) == {f"{w.n}-{i}" for w in workers for i in range(len(said[w.session]))}
        assert [one for one in store.verify() if one.severity in {"damage", "gap"}] == []
        store.close()


def test_a_kill_at_any_operation_leaves_the_earlier_backups_whole_and_the_next_one_is_taken(shop):
    shop.fill()
    shop.store.close()
    series = shop.series(keep=2)
    series.take()
    series.take()
    points = 0
    while killed_at(points + 1, OPERATIONS, lambda: shop.series(keep=2).take()):
        points += 1
        found = series.all()
        assert len(found) >= 2, points
        assert [series.check(one.name) for one in found] == found, points
    assert points > 40
    series.take()
    assert [p.name for p in series.directory.iterdir() if p.name.startswith(".")] == []
    assert len(series.all()) == 2


def test_a_full_disk_is_said_and_leaves_nothing_behind(shop):
    shop.fill()
    shop.store.close()
    series = shop.series()
    first = series.take()
    shop.say(2, count=40)
    shop.store.close()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
            series.take()
        except StorageFullError:
            code = 0
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert sorted(p.name for p in series.directory.iterdir()) == [first.name, "lock"]
    assert series.check("last") == first


@pytest.mark.parametrize("kept", [1, 3])
def test_a_file_that_cannot_be_linked_is_copied(shop, kept, tmp_path):
    """As on a file system without links: here, the earlier backup's file is gone."""
    shop.begin(1)
    series = shop.series(keep=kept)
    first = series.take()
    (Path(first.path) / "store" / "sessions" / session_id(1) / "log" / "000001.jsonl").unlink()
    second = series.take()
    assert (second.copied > 0, series.check(second.name)) == (True, second)


def test_what_moves_shared_state_while_it_is_copied_is_in_both_or_in_neither(shop):
    shop.begin(1, Draft("memory.set", {"path": "/a", "value": 1}, scopes={"shop": {"a": 1}}))
    backup = shop.series().take()
    store = shop.open((Path(backup.path) / "store").relative_to(shop.home))
    assert store.scope("shop") == shop.store.scope("shop")
