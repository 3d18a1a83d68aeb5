"""More logs than are kept open: who is at work on one keeps its files."""

import threading

from segue.core.errors import SegueError
from segue.core.log.events import Draft
from segue.stores.log import LogStore
from segue.stores.log.logs import OPEN
from segue.testing import FakeClock, FakeIds


def test_more_sessions_than_are_kept_open_change_one_scope(tmp_path):
    ids = FakeIds()
    store = LogStore(tmp_path / "store", clock=FakeClock(), ids=ids)

    for n in range(OPEN + 3):
        store.create(ids.uuid7(), [Draft("metric", {"name": "x"}, scopes={"shared": {str(n): n}})])

    assert store.scope("shared").values == {str(n): n for n in range(OPEN + 3)}
    assert len(store._logs._open) <= OPEN
    store.close()


def test_threads_that_change_scopes_from_many_sessions_wait_for_no_log_that_another_keeps(tmp_path):
    ids = FakeIds()
    store = LogStore(tmp_path / "store", clock=FakeClock(), ids=ids)
    failed = []

    def work(who):
        try:
            for n in range(OPEN // 2):
                store.create(ids.uuid7(), [Draft("metric", {"name": "x"}, scopes={f"s{n % 3}": {f"{who}.{n}": 1}})])
        except SegueError as e:
            failed.append(e)

    threads = [threading.Thread(target=work, args=(who,), daemon=True) for who in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)

    assert (failed, [t.is_alive() for t in threads]) == ([], [False] * 4)
    assert sum(len(store.scope(f"s{n}").values) for n in range(3)) == 4 * (OPEN // 2)
    store.close()
