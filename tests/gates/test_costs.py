"""What an append, a fork, a load and a stored session cost, in what can be counted exactly: syncs, bytes, events.

Times are for `make bench`; nothing here depends on a clock or on load.
"""

import json
import math
import os
import threading
import time
from pathlib import Path

import pytest

from benchmarks.corpus import Conversation, raw_bytes, small
from benchmarks.sizes import STATE, sealed_size
from segue.core.log.codec import encode_content, encode_line
from segue.core.log.events import Draft, ForkPoint
from segue.core.log.ids import named_uuid
from segue.core.session.state import State, fold
from segue.engine.capture.importing import import_paths
from segue.host.clock import SystemClock, SystemIds
from segue.ports import Asked, Snapshot
from segue.stores.log import LogStore
from segue.stores.log.ending import SEGMENT_BYTES
from segue.stores.log.segments import NEAR
from segue.transcripts import transcripts

S, FORK = named_uuid("session"), named_uuid("fork")


def opened(place, **options):
    return LogStore(place, clock=SystemClock(), ids=SystemIds(), **options)


def begin(store, session=S):
    return store.create(session, [Draft("session.created", {"task": "measure"})])


class Calls:
    """Counts what this process asks of the disk."""

    def __init__(self, monkeypatch):
        self.syncs, self.written, self.read = [], [], []
        self._watch(monkeypatch, "fsync", self.syncs, lambda done, fd: fd)
        self._watch(monkeypatch, "fdatasync", self.syncs, lambda done, fd: fd)
        self._watch(monkeypatch, "write", self.written, lambda done, fd, data: done)
        self._watch(monkeypatch, "pwrite", self.written, lambda done, *args: done)
        self._watch(monkeypatch, "writev", self.written, lambda done, *args: done)
        self._watch(monkeypatch, "read", self.read, lambda done, *args: len(done))
        self._watch(monkeypatch, "pread", self.read, lambda done, *args: len(done))

    def clear(self):
        for counted in (self.syncs, self.written, self.read):
            counted.clear()

    @staticmethod
    def _watch(monkeypatch, name, into, note):
        original = getattr(os, name)

        def counted(*args):
            done = original(*args)
            into.append(note(done, *args))
            return done

        monkeypatch.setattr(os, name, counted)


@pytest.fixture
def calls(monkeypatch):
    return Calls(monkeypatch)


def read_by_this_process():
    """Bytes that this process has read, by any call (Linux)."""
    with Path("/proc/self/io").open() as f:
        return int(next(line for line in f if line.startswith("rchar:")).split()[1])


# --- append


@pytest.mark.parametrize("events", [1, 10, 100])
@pytest.mark.parametrize("key", [False, True], ids=["plain", "keyed"])
def test_an_append_is_one_write_and_one_sync_of_exactly_its_lines(tmp_path, calls, events, key):
    store = opened(tmp_path / "s")
    begin(store)
    drafts = [d._replace(key=f"k{n}" if key else None) for n, d in enumerate(small(events * 3))]
    store.append(S, drafts[:events])
    before = store.info(S).size
    calls.clear()

    store.append(S, drafts[events : 2 * events])

    assert len(calls.syncs) == 1
    lines = store.info(S).size - before
    index = 16 * (events + 1) if key else 0  # entries of the key table, which is a cache and never synced
    assert lines <= sum(calls.written) <= lines + index
    assert max(calls.written) == lines


def test_a_look_for_a_key_reads_a_log_without_keys_once_and_not_again(tmp_path):
    store = opened(tmp_path / "s", durability="relaxed")
    begin(store)
    store.append(S, small(2_000))
    cost = []
    for _ in range(3):
        store.close()
        store = opened(tmp_path / "s")
        store.info(S)
        before = read_by_this_process()
        assert store.lookup(S, "never") is None
        cost.append(read_by_this_process() - before)
    (tmp_path / "s/sessions" / S / "keys").write_bytes(b"torn")  # it is a cache: the log says the same
    assert store.lookup(S, "never") is None

    first, *later = cost
    assert first > store.info(S).size
    assert max(later) < 4_096


def test_an_event_weighs_its_body_and_at_most_400_bytes_of_envelope():
    drafts = [d for turn in Conversation().turns(50) for d in turn]
    ids, weights = SystemIds(), []
    for n, draft in enumerate(drafts):
        content = encode_content(draft, ids.salt())
        line, _ = encode_line(draft, content, seq=n + 1, id=ids.uuid7(), at="2026-01-15T09:30:00.000000Z", prev="0" * 64)
        weights.append(len(line) + sum(map(len, content.blobs.values())) - raw_bytes(draft))

    assert max(weights) <= 400


def test_appends_that_wait_for_each_other_share_a_sync(tmp_path):
    entered, go, syncs = threading.Event(), threading.Event(), []

    def slow(fd):
        syncs.append(fd)
        if len(syncs) == armed:
            entered.set()
            go.wait(120)
        os.fdatasync(fd)

    armed = -1
    store = opened(tmp_path / "s", sync=slow)
    begin(store)
    drafts = small(21)
    before = len(syncs)
    armed = before + 1
    first = threading.Thread(target=store.append, args=(S, drafts[:1]))
    first.start()
    assert entered.wait(120)
    others = [threading.Thread(target=store.append, args=(S, [d])) for d in drafts[1:]]
    for t in others:
        t.start()
    while len(store._logs.there(S)._queue) < 20:
        time.sleep(0.001)
    go.set()
    for t in [first, *others]:
        t.join(120)

    assert store.info(S).head.seq == 22
    assert len(syncs) - before == 2


def test_several_appends_at_once_are_one_write_and_one_sync(tmp_path, calls):
    store = opened(tmp_path / "s")
    begin(store)
    drafts = small(100)
    calls.clear()

    found = store.append_each(S, [Asked([draft], expect=n + 1) for n, draft in enumerate(drafts)])

    assert [one.head.seq for one in found] == list(range(2, 102))
    assert (len(calls.syncs), len(calls.written)) == (1, 1)


def transcript(place, number, records=120):
    """A session of Claude Code's in a file."""
    path = place / f"7dcc6b33-a8e7-41fa-a76f-{number:012d}.jsonl"
    told = {"sessionId": path.stem, "cwd": "/w", "version": "2.1.197", "type": "user", "timestamp": "2026-01-15T09:00:00.000Z"}
    lines = (
        {**told, "uuid": f"u{n}", "parentUuid": f"u{n - 1}" if n else None, "message": {"role": "user", "content": f"step {n}"}}
        for n in range(records)
    )
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_an_import_begins_a_session_with_one_append_of_all_that_it_read(tmp_path, calls):
    """Five syncs: its number, its segment, and the three directories that name it."""
    place = tmp_path / "transcripts"
    place.mkdir()
    paths = [str(transcript(place, n)) for n in range(11)]
    store = opened(tmp_path / "s")
    import_paths(store, transcripts(), paths[:1], clock=SystemClock(), commit_of=lambda _: "")  # the number's own file is new
    calls.clear()

    report = import_paths(store, transcripts(), paths[1:], clock=SystemClock(), commit_of=lambda _: "c0ffee")

    assert len(calls.syncs) == 5 * 10 + 1  # the session that was there is looked at, and what is looked at is durable
    assert [(one.events, one.new_events) for one in report.sessions] == [(124, 124)] * 10
    assert [sum(1 for _ in store.read(one.id)) for one in report.sessions] == [124] * 10


def test_relaxed_appends_do_not_sync(tmp_path, calls):
    store = opened(tmp_path / "s", durability="relaxed")
    begin(store)
    calls.clear()

    for draft in small(20):
        store.append(S, [draft])

    assert calls.syncs == []


def test_nothing_is_written_for_what_is_known(tmp_path, calls):
    store = opened(tmp_path / "s")
    begin(store)
    drafts = [d._replace(key=f"k{n}") for n, d in enumerate(small(5))]
    store.append(S, drafts)
    calls.clear()

    store.append(S, drafts)

    assert (calls.syncs, calls.written) == ([], [])


# --- size


@pytest.mark.timeout(600)
def test_a_sealed_store_is_half_its_raw_events_and_grows_no_faster_than_they_do(tmp_path):
    sizes = {turns: sealed_size(tmp_path / str(turns), turns) for turns in (10, 100, 1000)}

    share = {turns: size / raw for turns, (size, raw) in sizes.items()}
    exponent = math.log(sizes[1000][0] / sizes[10][0]) / math.log(sizes[1000][1] / sizes[10][1])
    assert share[100] <= 0.5, share
    assert share[1000] <= 0.5, share
    assert exponent <= 1.05, sizes


# --- fork, load, tail


def long_log(place, events):
    store = opened(place, durability="relaxed")
    begin(store)
    for i in range(0, events, 500):
        store.append(S, small(min(500, events - i), size=200))
    store.close()
    return opened(place)


def test_a_fork_copies_nothing_however_long_its_parent(tmp_path, calls):
    costs = {}
    for events in (10, 10_000):
        store = long_log(tmp_path / str(events), events)
        head = store.info(S).head
        parent = {p: p.stat().st_size for p in (store.path / "sessions" / S / "log").iterdir()}
        calls.clear()

        store.create(FORK, [Draft("session.forked", {"parent": {}})], fork=ForkPoint(S, *head))

        costs[events] = len(calls.syncs), sum(calls.written) - len(str(head.seq)) * 3
        assert {p: p.stat().st_size for p in parent} == parent
        assert store.info(FORK).size < 1000
        assert sum(1 for _ in store.read(FORK)) == events + 2
    assert costs[10_000][0] == costs[10][0]
    assert abs(costs[10_000][1] - costs[10][1]) <= 16  # digits


@pytest.mark.parametrize("sealed", [False, True], ids=["open", "sealed"])
def test_loading_by_snapshot_reads_the_snapshot_and_the_tail_only(tmp_path, sealed):
    cost = {}
    for events in (2_000, 20_000):
        store = long_log(tmp_path / str(events), events)
        if sealed:
            store.seal(S, whole=True)
        state = fold(store.read(S))
        store.put_snapshot(S, Snapshot(state.seq, state.digest, STATE, state.to_bytes()))
        tail = small(50, size=200)
        store.append(S, tail)
        store.close()
        store = opened(store.path)
        before = read_by_this_process()

        kept = store.snapshot(S, STATE)
        seqs = [event.seq for event in store.read(S, after=kept.seq)]

        cost[events] = read_by_this_process() - before
        assert seqs == list(range(events + 2, events + 52))
        assert fold(store.read(S, after=kept.seq), State.from_bytes(kept.data)) == fold(store.read(S))
    assert cost[20_000] <= cost[2_000] + 2 * NEAR, cost  # the end of a segment is looked at, wherever that is


def test_the_last_events_are_read_from_the_end(tmp_path):
    cost = {}
    for events in (2_000, 20_000):
        store = long_log(tmp_path / str(events), events)
        head = store.info(S).head.seq
        store.close()
        store = opened(store.path)
        before = read_by_this_process()

        tail = [event.seq for event in store.read(S, after=head - 200)]

        cost[events] = read_by_this_process() - before
        assert tail == list(range(head - 199, head + 1))
    assert cost[20_000] <= 4 * SEGMENT_BYTES, cost  # a segment is the least that is looked at
