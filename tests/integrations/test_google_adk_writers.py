"""Writers to one session of Google ADK's: those that are late, those at once, and those that say a thing twice."""

import threading

import pytest
from google.adk.errors import StaleSessionError
from google.adk.errors.session_not_found_error import SessionNotFoundError
from google.adk.sessions import Session

from segue.core.log.events import Draft
from segue.engine import foreign
from segue.engine.foreign import Foreign
from segue.integrations.google_adk import SegueSessionService
from tests.integrations.adk import APP, USER, Client, said, texts


def test_a_stale_writer_is_refused_and_nothing_of_his_is_stored(adk, other):
    adk.create()
    mine, theirs = adk.get(), other.get()
    other.append(theirs, said("first", at=7.0, delta={"k": 1, "user:k": 1}))

    with pytest.raises(StaleSessionError):
        adk.append(mine, said("second", at=7.0, delta={"k": 2, "user:k": 2}))

    assert (texts(adk.get()), adk.get().state, mine.events) == (["first"], {"k": 1, "user:k": 1}, [])


def test_of_writers_that_append_at_once_exactly_one_wins(store, adk):
    adk.create()
    for turn in range(10):
        sessions, gate, lost = [adk.get() for _ in range(4)], threading.Barrier(4), []

        def race(n, session, gate=gate, lost=lost, turn=turn):
            gate.wait()
            try:
                Client(SegueSessionService(store)).append(session, said(f"{turn}.{n}", at=1.0))
            except StaleSessionError:
                lost.append(n)

        threads = [threading.Thread(target=race, args=(n, s)) for n, s in enumerate(sessions)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        assert len(lost) == 3
    assert len(adk.get().events) == 10


def test_a_session_made_by_hand_may_append_if_it_has_what_is_stored(adk):
    by_hand = Session(id="s", app_name=APP, user_id=USER)
    adk.create()
    adk.append(by_hand, said("one"))
    adk.append(by_hand, said("two"))

    with pytest.raises(StaleSessionError):
        adk.append(Session(id="s", app_name=APP, user_id=USER), said("three"))
    copy = Session(id="s", app_name=APP, user_id=USER, events=adk.get().events)
    adk.append(copy, said("three"))

    assert texts(adk.get()) == ["one", "two", "three"]


def test_other_uses_of_the_session_make_nobody_stale(store, adk):
    session = adk.create()
    at = foreign.find(store, Foreign("google_adk", (APP, USER, "s")))
    store.append(at, [Draft("checkpoint.created", {"name": "c", "position": 1})])
    store.acquire(at, "somebody", 60)

    adk.append(session, said("one"))

    assert texts(adk.get()) == ["one"]


def test_an_equal_event_again_adds_nothing(store, adk, other):
    session = adk.create()
    event = said(delta={"user:n": 1})
    adk.append(session, event)
    head = store.info(next(store.sessions())).head

    adk.append(session, event)
    adk.append(session, event.model_copy(deep=True))
    adk.append(other.get(), event)

    assert store.info(next(store.sessions())).head == head
    assert (len(adk.get().events), len(session.events)) == (1, 1)


def test_a_session_object_that_was_given_another_name_does_not_write_where_it_was_read(adk):
    session = adk.create("s")
    adk.create("t")

    with pytest.raises(StaleSessionError):
        adk.append(session.model_copy(update={"id": "t"}), said("astray"))
    with pytest.raises(SessionNotFoundError):
        adk.append(session.model_copy(update={"id": "nowhere"}), said("astray"))

    assert [texts(adk.get(name)) for name in ("s", "t")] == [[], []]


def test_what_another_service_marked_is_stale_here(adk):
    adk.create()
    session = adk.get()
    session._storage_update_marker = "2026-01-15T09:30:00"

    with pytest.raises(StaleSessionError):
        adk.append(session, said("one"))
