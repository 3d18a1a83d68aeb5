"""An event's own time is believed where it can be; what is folded does not last for ever."""

import pytest

from segue.core.log.dating import happened
from segue.core.log.events import Draft
from segue.core.session.catalogue import session_row
from segue.core.session.state import fold
from segue.engine.recovery.validating import validate
from segue.stores.memory import MemoryStore
from segue.testing.builders import user
from segue.testing.fakes import FakeClock, FakeIds, session_id

A = session_id(1)
RECORDED = "2026-01-15T09:30:00"
IMPOSSIBLE = ["9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "2026-01-16T09:31:00Z"]


def store_of(*drafts):
    store = MemoryStore(clock=FakeClock(), ids=FakeIds())
    store.create(A, [Draft("session.created", {"name": "n"}), Draft("session.activated", {}), *drafts])
    return store


@pytest.mark.parametrize("at", ["2026-01-15T09:30:00Z", "2026-01-16T09:00:00Z", "2003-01-01T00:00:00Z"])
def test_a_time_that_can_be_is_the_events_own(at):
    (event,) = store_of(user("x", at=at)).read(A, after=2)
    assert happened(event) == at


@pytest.mark.parametrize("at", IMPOSSIBLE)
def test_a_time_that_cannot_be_is_that_of_the_recording(at):
    store = store_of(user("x", at=at), user("y", at="2026-01-15T09:31:00Z"))
    state = fold(store.read(A))
    row = session_row(state)
    assert happened(next(store.read(A, after=2)))[:19] == RECORDED
    assert row.last_activity == "2026-01-15T09:31:00Z"
    assert 59 < state.active_seconds <= 60
    assert state.metrics["counts"]["times_replaced"] == 1
    assert state.at == "2026-01-15T09:31:00Z"


@pytest.mark.parametrize("at", IMPOSSIBLE)
def test_a_session_that_begins_at_such_a_time_is_not_the_last_for_ever(at):
    store = MemoryStore(clock=FakeClock(), ids=FakeIds())
    store.create(A, [Draft("session.created", {"name": "n"}, at=at)])
    row = session_row(fold(store.read(A)))
    assert (row.created[:19], row.last_activity[:19], row.since[:19]) == (RECORDED,) * 3


def test_validation_tells_of_it():
    found = validate(store_of(user("x", at="9999-12-31T23:59:59Z")))[1]
    reason = "its time '9999-12-31T23:59:59Z' cannot be: it counts as of 2026-01-15T09:30:00Z, when it was recorded"
    assert [(f.severity, f.where, f.reason) for f in found] == [("stale", "event 3", reason)]


def test_the_log_keeps_what_was_said():
    assert next(store_of(user("x", at="9999-12-31T23:59:59Z")).read(A, after=2)).at == "9999-12-31T23:59:59Z"
