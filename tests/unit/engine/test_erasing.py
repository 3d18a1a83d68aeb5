"""What was erased does not come back: not by an import, not in a state, not in a restored context; references are read as told."""

import json

import pytest

from segue.core.errors import NotFoundError, UsageError
from segue.core.session.state import fold
from segue.engine.loading import load
from segue.engine.secrecy.erasing import all_of, check, needle_of, parsed
from segue.stores.log.store import LogStore
from segue.stores.memory import MemoryStore
from segue.testing import FakeClock, FakeIds
from segue.testing import builders as b
from segue.testing.fakes import session_id
from tests.unit.engine.taking import PLAN, run

A, B = session_id(1), session_id(2)


@pytest.fixture(params=["memory", "log"])
def store(request, tmp_path):
    if request.param == "memory":
        found = MemoryStore(clock=FakeClock(), ids=FakeIds())
    else:
        found = LogStore(tmp_path / "store", clock=FakeClock(), ids=FakeIds())
    yield found
    found.close()


def said(store, session):
    return [event.seq for event in store.read(session) if event.kind == "message" and not event.erased]


def test_an_import_brings_no_erased_record_back(store):
    (taken,) = run(store, PLAN).sessions
    gone = said(store, taken.id)[2:5]
    store.erase(taken.id, gone, {})
    before = said(store, taken.id)

    run(store, PLAN)

    assert said(store, taken.id) == before


def test_an_import_begins_no_session_again_that_was_erased_as_a_whole(store):
    (taken,) = run(store, PLAN).sessions
    store.erase(taken.id, all_of(store, taken.id), {})

    run(store, PLAN)

    assert list(store.sessions()) == [taken.id]
    assert said(store, taken.id) == []


def test_no_state_holds_what_was_erased(store):
    store.create(A, [b.created(task="sell pears", title="a pelican in the pantry")])
    store.append(A, [b.user("say: a pelican in the pantry"), b.decision("a pelican in the pantry", "because"), b.user("pears")])
    assert "pelican" in json.dumps(load(store, A).to_json())

    store.erase(A, [1, 2, 3], {})

    state = load(store, A)
    assert "pelican" not in json.dumps(state.to_json())
    assert state == fold(store.read(A), session=A)
    assert state.seq == 5


def test_what_only_erased_events_held_is_looked_for(store):
    store.create(A, [b.created(), b.user("a pelican in the pantry"), b.user("pears are seven crowns")])
    store.create(B, [b.created(), b.user("they say pears are seven crowns each")])

    needle = needle_of(store, {A: [2, 3]})

    assert needle.is_in(b'{"x":"a pelican in the pantry"}')
    assert not needle.is_in(b"pears are seven crowns")


@pytest.mark.parametrize(
    ("reference", "meant"),
    [("last", ("last", None)), ("a#7", ("a", [7])), ("a#5,7-9", ("a", [5, 7, 8, 9])), ("a#9-7", ("a", []))],
)
def test_a_reference_names_events(reference, meant):
    assert parsed(reference) == meant


@pytest.mark.parametrize("reference", ["a#", "a#x", "a#1-", "a#1,,2"])
def test_a_reference_to_no_event_is_refused(reference):
    with pytest.raises(UsageError):
        parsed(reference)


def test_an_event_that_is_not_there_is_refused(store):
    store.create(A, [b.created()])
    with pytest.raises(NotFoundError):
        check(store, {A: [2]})
