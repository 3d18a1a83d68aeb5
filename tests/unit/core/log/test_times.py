"""Times of events: RFC 3339, UTC, microseconds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segue.core.log.times import day, seconds, stamp


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (0, "1970-01-01T00:00:00.000000Z"),
        (1768469400.123456, "2026-01-15T09:30:00.123456Z"),
        (1768469400.9999999, "2026-01-15T09:30:01.000000Z"),
        (-61094000000.0, "0034-01-03T12:26:40.000000Z"),
    ],
)
def test_seconds_are_written_in_one_way(at, text):
    assert stamp(at) == text


@given(st.integers(0, 2**32 * 10**6))  # until the year 2106; there a float still holds microseconds
def test_a_time_comes_back_to_the_microsecond(micros):
    at = stamp(micros / 1e6)
    assert round(seconds(at) * 1e6) == micros
    assert stamp(seconds(at)) == at


@given(st.lists(st.integers(0, 2**48), min_size=2, max_size=2))
def test_texts_sort_as_times_do(micros):
    one, two = sorted(micros)
    assert stamp(one / 1e6) <= stamp(two / 1e6)


def test_shorter_and_longer_fractions_are_read():
    assert seconds("2026-01-15T09:30:00Z") == 1768469400
    assert seconds("2026-01-15T09:30:00.5Z") == 1768469400.5
    assert seconds("2026-01-15T09:30:00.123456789Z") == 1768469400.123456


@pytest.mark.parametrize("text", ["", "yesterday", "2026-02-30T00:00:00Z"])
def test_what_is_no_time_is_a_value_error(text):
    with pytest.raises(ValueError, match=r"isoformat|range"):
        seconds(text)


def test_the_day_is_six_digits():
    assert day("2026-01-15T23:59:59Z") == "260115"
