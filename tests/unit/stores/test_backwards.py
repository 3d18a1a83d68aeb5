"""A log that is read backwards gives the same events, and tells of the same damage, as one that is read from its beginning."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segue.core.log.events import Draft
from segue.core.log.ids import named_uuid
from segue.host.clock import SystemClock, SystemIds
from segue.stores.log import LogStore

A = named_uuid("backwards")
LENGTH = 60
DAMAGE = ("changed", "torn in two", "gone", "blank")


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """A store with a log of one open segment of 300 kB, and beside it that segment as it was."""
    place = tmp_path_factory.mktemp("store")
    with_events(place)
    (place / "sound").write_bytes(segment(place).read_bytes())
    return place


def with_events(place):
    store = LogStore(place, clock=SystemClock(), ids=SystemIds())
    store.create(A, [Draft("session.created", {})])
    for n in range(LENGTH - 1):
        store.append(A, [Draft("message", {"role": "user", "parts": [{"type": "text", "content": f"{n} " + "x" * 5_000}]})])
    store.close()


def segment(place: Path) -> Path:
    return place / "sessions" / A / "log" / "000001.jsonl"


@settings(max_examples=25, deadline=None)
@given(at=st.integers(2, LENGTH - 1), how=st.sampled_from(DAMAGE), after=st.sampled_from([0, 17, 55]))
def test_damage_is_told_of_and_the_events_around_it_are_given(sound, at, how, after):
    place = sound
    lines = (place / "sound").read_bytes().splitlines(keepends=True)
    line = lines[at - 1]
    lines[at - 1] = {
        "changed": line.replace(b"xx", b"xy", 1),
        "torn in two": line[:3_000] + b"\n" + line[3_000:],
        "gone": b"",
        "blank": b"\0" * (len(line) - 1) + b"\n",
    }[how]
    segment(place).write_bytes(b"".join(lines))
    store = LogStore(place, clock=SystemClock(), ids=SystemIds())

    told, back = [], []
    forwards = [e.seq for e in store.read(A, after=after, on_damage=told.append)]
    backwards = [e.seq for e in store.read(A, after=after, reverse=True, on_damage=back.append)]
    store.close()

    assert backwards[::-1] == forwards == [seq for seq in range(after + 1, LENGTH + 1) if seq != at]
    lost = {at} if at > after else set()
    parts = {at, at + 1} if how == "torn in two" and at >= after else lost  # the second part may be counted as a line
    assert all(lost <= {damage.seq for damage in found} <= parts for found in (told, back))
    if how == "changed":
        assert [damage.where for damage in back] == [damage.where for damage in told]


def test_sound_it_is_given_whole_without_a_word(sound):
    place = sound
    segment(place).write_bytes((place / "sound").read_bytes())
    store = LogStore(place, clock=SystemClock(), ids=SystemIds())

    assert [e.seq for e in store.read(A, reverse=True)] == [*range(LENGTH, 0, -1)]
    store.close()
