"""Imports beside one another, imports that are killed, and imports of what is being written."""

import multiprocessing
import resource
import threading
import time

from segue.engine.capture.following import Follower, follow
from segue.engine.capture.importing import Importer, import_paths
from segue.host.clock import SystemClock, SystemIds
from segue.stores.log.store import LogStore
from segue.stores.memory import MemoryStore
from segue.testing import FakeClock, FakeIds
from segue.transcripts import transcripts
from tests.unit.engine.taking import CLAUDE, FIXTURES, PLAN, kinds, line, run


def _import_there(path, files, seed, gate):
    store = LogStore(path, clock=SystemClock(), ids=SystemIds())
    gate.wait()
    import_paths(store, transcripts(), files, clock=SystemClock())
    store.close()


def test_processes_that_import_the_same_files_at_once_lose_and_double_nothing(tmp_path):
    context = multiprocessing.get_context("spawn")
    gate = context.Barrier(4)
    files = [str(CLAUDE), str(FIXTURES / "codex")]
    workers = [context.Process(target=_import_there, args=(tmp_path / "store", files, i, gate)) for i in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
    assert [w.exitcode for w in workers] == [0, 0, 0, 0]

    store = LogStore(tmp_path / "store", clock=SystemClock(), ids=SystemIds())
    alone = MemoryStore(clock=FakeClock(), ids=FakeIds())
    run(alone, *files)

    def told(of):
        return {s: [(e.kind, e.key, e.body) for e in of.read(s) if e.source] for s in of.sessions()}

    assert told(store) == told(alone)
    assert {s: kinds(store, s)["session.created"] for s in store.sessions()} == dict.fromkeys(alone.sessions(), 1)
    assert sum(s.new_events for s in run(store, *files).sessions) == 0
    store.close()


def test_an_import_that_is_killed_again_and_again_loses_and_doubles_nothing(tmp_path):
    file = tmp_path / "session.jsonl"
    texts = [line(f"u{i}", f"u{i - 1}" if i else None, f"text {i} " + "x" * 300) for i in range(4000)]
    file.write_text("".join(texts))
    context = multiprocessing.get_context("spawn")
    for attempt in range(6):
        gate = context.Barrier(2)
        worker = context.Process(target=_import_there, args=(tmp_path / "store", [str(file)], attempt, gate))
        worker.start()
        gate.wait(60)
        time.sleep(0.03 * (attempt + 1))
        worker.kill()
        worker.join(60)

    store = LogStore(tmp_path / "store", clock=SystemClock(), ids=SystemIds())
    run(store, file)
    (session,) = store.sessions()
    assert [e.source["raw"] + "\n" for e in store.read(session) if e.source] == texts
    assert {f.severity for f in store.verify()} <= {"aside", "orphan", "stale"}
    assert kinds(store, session)["session.created"] == kinds(store, session)["session.activated"] == 1
    assert run(store, file).sessions[0].new_events == 0
    store.close()


def test_what_is_written_is_taken_in_as_it_is_written(tmp_path):
    store = LogStore(tmp_path / "store", clock=SystemClock(), ids=SystemIds())
    place = tmp_path / "projects"
    place.mkdir()
    done = threading.Event()
    seen = []

    def watch():
        seen.extend(follow(store, transcripts(), [str(place)], done.is_set, clock=SystemClock(), poll=0.01))

    def in_the_log():
        return [e.source["raw"].encode() for s in store.sessions() for e in store.read(s) if e.source]

    watcher = threading.Thread(target=watch)
    watcher.start()
    lines = PLAN.read_bytes().splitlines()
    file = place / "session.jsonl"
    for written in range(1, 9):
        with file.open("ab", buffering=0) as out:
            out.write(lines[written - 1][:9])
            out.write(lines[written - 1][9:] + b"\n")
        give_up = time.monotonic() + 60
        while len(in_the_log()) < written and time.monotonic() < give_up:
            time.sleep(0.01)
        assert in_the_log() == lines[:written]
    with file.open("ab") as out:
        out.write(b"".join(line + b"\n" for line in lines[8:]))
    done.set()
    watcher.join(60)

    assert in_the_log() == lines
    assert sum(s.new_events for s in seen) == store.info(next(store.sessions())).head.seq
    store.close()


def test_what_cannot_be_read_at_first_is_taken_in_although_it_does_not_change_any_more(tmp_path):
    store = MemoryStore(clock=FakeClock(), ids=FakeIds())
    file = tmp_path / "session.jsonl"
    begin, end = PLAN.read_bytes()[:400_000].split(b"\n", 1)
    file.write_bytes(begin + b"\n")
    follower = Follower(Importer(store, clock=FakeClock()), transcripts())
    assert [one.new_events for one in follower.look([str(file)], 0.0)]
    with file.open("ab") as out:
        out.write(end)

    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, limits[1]))  # no file can be opened
    try:
        assert list(follower.glance(0.2)) == []
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)

    assert [one.new_events > 0 for one in follower.glance(0.4)] == [True]
