"""An index can be deleted, damaged, held, shared and killed: it answers like a fresh one."""

import os
import random
import signal
import stat
import threading
import time
from pathlib import Path

import pytest

from segue.core.log.events import Draft, ForkPoint
from segue.testing.builders import user
from segue.testing.fakes import session_id
from tests.unit.stores.index.helping import another, answers, begin, fill, found, open_index

# --- lost, damaged, held, shared


def test_a_deleted_index_is_made_anew(log_place):
    store, path = log_place
    fill(store, random.Random(1))
    first = open_index(store)
    expected = answers(first)
    first.close()
    path.unlink()
    assert answers(open_index(store)) == expected


@pytest.mark.parametrize("seed", range(12))
def test_a_damaged_index_answers_like_a_fresh_one(log_place, seed):
    store, path = log_place
    rng = random.Random(seed)
    fill(store, rng)
    index = open_index(store)
    expected = answers(index)
    if seed % 2:
        index.close()
    data = bytearray(path.read_bytes())
    how = seed % 4
    if how == 0:
        data = data[: rng.randrange(len(data))]
    elif how == 1:
        for page in rng.sample(range(len(data) // 4096), max(len(data) // 8192, 1)):
            data[page * 4096 : page * 4096 + 4096] = rng.randbytes(4096)
    elif how == 2:
        data[:100] = rng.randbytes(100)
    else:
        data = bytearray(b"not a database\n" * 400)
    path.write_bytes(data)
    fresh = open_index(store)
    assert answers(fresh) == expected
    assert answers(index) == expected
    store.append(session_id(1), [user("w0 again")])
    assert [found(i, "w0 again") for i in (fresh, index)] == [[(session_id(1), 32)]] * 2


@pytest.mark.parametrize("seed", range(4))
def test_whatever_happens_the_index_answers_like_a_fresh_one(place, seed):
    store, path = place
    rng = random.Random(seed)
    fill(store, rng, sessions=4, events=8)
    index, last = open_index(store), 4
    for _ in range(25):
        there = list(store.sessions())
        session = rng.choice(there)
        act = rng.randrange(8)
        if act <= 2:
            store.append(session, [user(f"w{rng.randrange(50)}") for _ in range(rng.randrange(1, 40))])
        elif act == 3:
            last += 1
            begin(store, last, user(f"w{last}"), title=f"t{last}")
        elif act == 4:
            last += 1
            event = rng.choice(list(store.read(session)))
            forked = Draft("session.forked", {"parent": {"session": session, "seq": event.seq, "digest": event.digest}})
            store.create(session_id(last), [forked, user("w7")], fork=ForkPoint(session, event.seq, event.digest))
        elif act == 5 and len(there) > 2:
            store.delete(session)
        elif act == 6:
            store.append(session, [Draft("checkpoint.created", {"name": f"RECOVERY-260115-001-09{last:04d}", "position": 1})])
        elif path != ":memory:":
            index.close()
            if rng.random() < 0.3:
                path.unlink(missing_ok=True)
            index = open_index(store)
        if rng.random() < 0.5:
            assert answers(index) == answers(open_index(store, ":memory:"))
    assert answers(index) == answers(open_index(store, ":memory:"))


def test_an_index_of_another_version_is_made_anew(log_place):
    store, path = log_place
    fill(store, random.Random(1))
    index = open_index(store)
    expected = answers(index)
    index.close()
    db = index._data.driver.connect(str(path))
    db.execute("UPDATE meta SET value = 'segue-index-0' WHERE name = 'version'")
    db.close()
    again = open_index(store)
    assert answers(again) == expected
    assert again.status().rebuilt == "it is of another version"
    again.close()
    assert open_index(store).status().rebuilt == "it is of another version"


def test_what_was_done_to_a_damaged_index_is_told(log_place):
    store, path = log_place
    fill(store, random.Random(1))
    path.write_bytes(b"x" * 5000)
    index = open_index(store)
    index.catch_up()
    assert (index.status().rebuilt, index.status().sessions) == ("file is not a database", 6)
    assert Path(f"{path}.damaged").read_bytes() == b"x" * 5000


def test_the_files_are_for_their_owner_alone(log_place):
    store, path = log_place
    old = os.umask(0)
    try:
        index = open_index(store)
        fill(store, random.Random(1), sessions=1)
        index.catch_up()
        modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in path.parent.glob("index.sqlite*")}
    finally:
        os.umask(old)
    assert set(modes.values()) == {0o600}
    assert f"{path.name}-wal" in modes


def test_where_nothing_can_be_written_the_answer_is_the_same(log_place):
    store, _ = log_place
    fill(store, random.Random(1))
    index = open_index(store)
    expected = answers(index)
    index.close()
    store.append(session_id(1), [user("w0 unseen")])
    (store.path / "index.sqlite.lock").unlink()
    (store.path / "index.sqlite.lock").mkdir()
    reader = open_index(store)
    assert found(reader, "unseen") == [(session_id(1), 32)]
    assert reader.status().fallback
    assert len(answers(reader)[0]) == len(expected[0])


def test_a_lock_that_is_not_given_back_does_not_stop_a_reader(log_place):
    import fcntl

    store, _ = log_place
    fill(store, random.Random(1), sessions=2)
    fd = os.open(store.path / "index.sqlite.lock", os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(fd, fcntl.LOCK_EX)
    try:
        reader = open_index(store)
        reader._data._lock_seconds = 0.1
        assert len(reader.sessions()) == 2
        assert reader.status().fallback == "another process holds its lock"
    finally:
        os.close(fd)


def test_many_processes_catch_up_at_once(log_place):
    store, _ = log_place
    fill(store, random.Random(3), sessions=20)
    children = []
    for n in range(6):
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                own = open_index(another(store, n + 10))
                code = 0 if len(own.sessions()) == 20 and len(found(own, "w1", limit=1000)) > 10 else 2
                own._store.append(session_id(n + 1), [user(f"from{n}")])
                code = code or (0 if found(own, f"from{n}") == [(session_id(n + 1), 32)] else 3)
                own.close()
            finally:
                os._exit(code)
        children.append(pid)
    assert [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children] == [0] * 6
    shared, fresh = open_index(store), open_index(store, ":memory:")
    assert answers(shared) == answers(fresh)
    assert shared.status().entries == fresh.status().entries == 20 * 31 + 6
    assert (shared.status().rebuilt, shared.status().fallback) == ("", "")


def test_a_process_that_is_killed_while_it_writes_leaves_an_index_that_answers(log_place):
    store, _ = log_place
    rng = random.Random(6)
    fill(store, rng, sessions=4)
    for n in range(12):
        pid = os.fork()
        if pid == 0:
            try:
                own = another(store, n + 10)
                index = open_index(own)
                while True:
                    own.append(session_id(n % 4 + 1), [user(f"w{n}") for _ in range(5)])
                    index.catch_up()
            finally:
                os._exit(1)
        time.sleep(0.01 + rng.random() * 0.1)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    shared, fresh = open_index(store), open_index(store, ":memory:")
    assert answers(shared) == answers(fresh)
    assert shared.status().entries == fresh.status().entries
    assert (shared.status().rebuilt, shared.status().fallback) == ("", "")


def test_a_forked_child_leaves_its_parents_connection_alone(log_place):
    store, _ = log_place
    fill(store, random.Random(4), sessions=2)
    index = open_index(store)
    expected = answers(index)
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            code = 0 if answers(index) == expected else 2
            index.close()
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    store.append(session_id(1), [user("after")])
    assert found(index, "after") == [(session_id(1), 32)]


def test_threads_share_an_index(log_place):
    store, _ = log_place
    fill(store, random.Random(5), sessions=4)
    index = open_index(store)
    failed = []

    def ask(n):
        try:
            store.append(session_id(n), [user(f"thread{n}")])
            assert found(index, f"thread{n}") == [(session_id(n), 32)]
        except BaseException as e:  # noqa: BLE001  (told to the thread that asserts)
            failed.append(e)

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(1, 5)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert failed == []


def test_a_damaged_event_hides_no_other_and_is_counted(log_place):
    store, _ = log_place
    a = begin(store, 1, user("first"), user("second"), user("third"))
    (segment,) = (store.path / "sessions" / a / "log").iterdir()
    lines = segment.read_bytes().splitlines(keepends=True)
    plain = lines[2].replace(b'"content":"second"', b'"content":"sec0nd"')
    lines[2] = plain if plain != lines[2] else lines[2][:-40] + lines[2][-40:].swapcase()
    segment.write_bytes(b"".join(lines))
    again = another(store, 9)
    index = open_index(again)
    assert [found(index, w) for w in ("first", "second", "sec0nd", "third")] == [[(a, 2)], [], [], [(a, 4)]]
    assert index.status().damaged == 1
    again.close()


def test_a_log_that_is_another_one_now_is_taken_in_anew(place, index):
    store, _ = place
    begin(store, 1, user("old words"), user("more"))
    index.catch_up()
    (data,) = [index._data]
    data.use(lambda db: db.execute("UPDATE sessions SET digest = 'other', stamp = 'x'"))
    assert found(index, "old") == [(session_id(1), 2)]
    assert index.status().entries == 3
    assert index.status().dead == 3


def test_words_of_deleted_sessions_do_not_pile_up(place, index):
    store, _ = place
    begin(store, 1, *[user(f"gone{i}") for i in range(1100)])
    begin(store, 2, user("stays"))
    index.catch_up()
    store.delete(session_id(1))
    assert found(index, "stays") == [(session_id(2), 2)]
    assert index.status().dead == 0
    assert found(index, "gone5") == []


@pytest.mark.parametrize("earlier", ["nothing", "damaged", "made by another", "not opened"])
def test_rebuilding_leaves_nothing_of_what_was_erased(log_place, earlier):
    store, path = log_place
    begin(store, 1, user("unutterable"))
    index = open_index(store)
    index.catch_up()
    if earlier == "damaged":
        path.with_name(f"{path.name}.damaged").write_bytes(b"unutter")
    if earlier == "made by another":
        other = open_index(store)
        other.rebuild()
        other.close()
    store.delete(session_id(1))
    if earlier == "not opened":
        index.close()
        index = open_index(store)
    index.rebuild()
    assert index.status().rebuilt == "asked for"
    index.close()
    assert not any(b"unutter" in p.read_bytes() for p in path.parent.glob("index.sqlite*"))
