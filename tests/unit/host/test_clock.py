"""Ids of this machine: unique, and in the order in which they were made."""

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

from segue.core.log.ids import is_uuid
from segue.host.clock import SystemClock, SystemIds


def test_ids_rise_also_within_one_millisecond():
    ids = SystemIds()
    made = [ids.uuid7() for _ in range(20_000)]
    assert all(a < b for a, b in pairwise(made))
    assert all(map(is_uuid, made))


def test_ids_rise_when_the_clock_steps_back(monkeypatch):
    ids = SystemIds()
    times = iter([2_000_000_000, 1_000_000_000, 0, 2_000_000_001])
    monkeypatch.setattr("segue.host.clock.time.time_ns", lambda: next(times))
    made = [ids.uuid7() for _ in range(4)]
    assert made == sorted(set(made))


def test_ids_of_several_threads_are_all_different():
    ids = SystemIds()
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: ids.uuid7(), range(4000)))
    assert len(set(made)) == 4000


def test_a_salt_is_32_hex_digits_and_never_the_same():
    ids = SystemIds()
    salts = {ids.salt() for _ in range(100)}
    assert len(salts) == 100
    assert all(len(s) == 32 and int(s, 16) >= 0 for s in salts)


def test_the_clock_tells_seconds_since_1970():
    assert SystemClock().now() > 1_700_000_000
