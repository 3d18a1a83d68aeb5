"""The log store beside the memory store, driven by the machine; and that the machine sees faults."""

from unittest import mock

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from segue.core.errors import SegueError
from segue.core.log.events import ForkPoint
from segue.stores.log import LogStore, ending, journal, leases, scopes
from segue.stores.memory import MemoryStore
from segue.testing import FakeClock, FakeIds
from segue.testing.builders import user
from tests.contract.machine import SEGMENT, SESSIONS, Stores


@pytest.fixture(autouse=True)
def small_segments():
    with mock.patch.object(ending, "SEGMENT_BYTES", SEGMENT):
        yield


SHORT = settings(
    max_examples=50, stateful_step_count=25, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck)
)


def believe_the_table(self, written):
    for event in written:
        self._keys.add(event.seq, event.key)


class TestStores(Stores.TestCase):
    settings = SHORT


@pytest.mark.long
@pytest.mark.timeout(7200)
class TestStoresForLong(Stores.TestCase):
    settings = settings(SHORT, max_examples=3000, stateful_step_count=60)


FAULTS = {
    "nobody holds a lease": (leases, "read", lambda *_: None),
    "the last change of a scope never counts": (scopes.Scopes, "_happened", lambda *_: False),
    "a change of a scope counts before its event is there": (scopes.Scopes, "_happened", lambda *_: True),
    "a table of keys is complete after one's own append": (journal.Journal, "_note_keys", believe_the_table),
}


QUICK = 2
"""So many of them are seen within the first examples; the others take a minute."""


@pytest.mark.parametrize(
    "fault", [*list(FAULTS)[:QUICK], *(pytest.param(f, marks=pytest.mark.long) for f in list(FAULTS)[QUICK:])]
)
def test_the_machine_sees_a_fault_of_the_log_store(fault):
    where, name, what = FAULTS[fault]
    look = settings(SHORT, max_examples=400, stateful_step_count=30, phases=[Phase.generate], derandomize=True, database=None)
    with mock.patch.object(where, name, what), pytest.raises((AssertionError, SegueError)):
        run_state_machine_as_test(Stores, settings=look)


def test_with_equal_ids_and_times_both_write_the_same_bytes(tmp_path):
    """All but scopes, whose own logs take ids as well."""
    told = []
    for make in (MemoryStore, lambda **kw: LogStore(tmp_path / "store", **kw)):
        store = make(clock=FakeClock(), ids=FakeIds(7))
        store.create(SESSIONS[0], [user("1", key="k"), user("é" * 60_000)])
        store.append(SESSIONS[0], [user("2"), user("again", key="k"), user("3", key="l", stream="sub")])
        store.append(SESSIONS[0], [user("revised", key="k"), user("twice", key="n"), user("twice", key="n")], on_key="replace")
        store.acquire(SESSIONS[0], "me", 60)
        point = ForkPoint(SESSIONS[0], 3, next(store.read(SESSIONS[0], after=2)).digest)
        store.create(SESSIONS[1], [user("fork")], fork=point)
        told.append([list(store.read(s)) for s in SESSIONS[:2]] + [store.info(s).head for s in SESSIONS[:2]])
        told.append([sorted(e._asdict().items(), key=str) for e in store.read(SESSIONS[0], blobs=False)])
        store.close()
    assert told[:2] == told[2:]
