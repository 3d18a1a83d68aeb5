"""The contract of a session service of Google ADK's, on each store: ADK packages none. It is what ADK's own services keep, and where
they differ (stale writers, redelivery, order) the strictest of them: each test is one of its 34 cases, and asks what is ADK's own.
"""

import pytest
from google.adk.errors import StaleSessionError
from google.adk.errors.already_exists_error import AlreadyExistsError
from google.adk.errors.session_not_found_error import SessionNotFoundError
from google.adk.events import Event, EventActions
from google.genai import types

from tests.integrations.adk import APP, USER, said, texts

# --- creating and getting


def test_a_session_is_created_and_found_by_app_user_and_id(adk, other):
    made = adk.create("s", {"topic": "birds"})

    assert (made.id, made.app_name, made.user_id, made.state, made.events) == ("s", APP, USER, {"topic": "birds"}, [])
    assert other.get("s") == made
    assert (other.get("s", user="bob"), other.get("s", app="app2"), other.get("t")) == (None, None, None)


def test_a_session_without_an_id_gets_one(adk):
    made = adk.create(None)

    assert len(made.id) > 8
    assert adk.get(made.id) is not None


def test_an_id_is_stripped_of_spaces_around_it(adk):
    assert adk.create("  s ").id == "s"
    assert adk.get(" s  ").id == "s"


def test_an_id_that_is_taken_is_refused_and_its_state_left_alone(adk, other):
    adk.create("s", {"user:name": "Ada"})

    with pytest.raises(AlreadyExistsError):
        other.create("s", {"user:name": "Eve"})

    assert adk.user_state() == {"name": "Ada"}


def test_the_same_id_of_another_user_or_app_is_another_session(adk):
    adk.create("s", {"n": 1})
    adk.create("s", {"n": 2}, user="bob")
    adk.create("s", {"n": 3}, app="other")

    assert [adk.get("s", **who).state["n"] for who in ({}, {"user": "bob"}, {"app": "other"})] == [1, 2, 3]


def test_parts_of_a_name_never_run_together(adk):
    adk.create("c", {"user:x": 1}, app="a", user='b","c')
    adk.create("c", {"user:x": 2}, app='a","b', user="c")

    assert adk.get("c", app="a", user='b","c').state == {"user:x": 1}


def test_an_id_of_spaces_alone_is_none(adk):
    one, two = adk.create("   "), adk.create(" \t")

    assert one.id.strip() != two.id.strip()
    assert adk.get("   ") is None


@pytest.mark.parametrize("odd", ["a\0b", "é😀", "../../etc", "x" * 900, 'a"b', "a/b:c", "\n"])
def test_any_text_names_an_app_a_user_and_a_session(adk, other, odd):
    adk.append(adk.create(f"s{odd}s", {"user:n": 1}, app=odd, user=odd), said(odd))

    assert texts(other.get(f"s{odd}s", app=odd, user=odd)) == [odd]
    assert [s.id for s in other.list(app=odd, user=odd)] == [f"s{odd}s"]
    assert other.get(f"s{odd}s", app=odd, user=odd).state == {"user:n": 1}


# --- events


def test_events_come_back_in_the_order_of_their_appends_whatever_their_times_and_ids(adk, other):
    session = adk.create()
    for n, at in enumerate([5.0, 5.0, 3.0, 9.0]):
        adk.append(session, said(f"{n}", at=at, id=f"id-{9 - n}"))

    assert texts(other.get()) == ["0", "1", "2", "3"]
    assert texts(session) == ["0", "1", "2", "3"]


def test_an_event_comes_back_as_it_was_with_every_field(adk, other):
    event = Event(
        author="agent",
        invocation_id="i-1",
        branch="root.agent",
        long_running_tool_ids={"call-1"},
        custom_metadata={"k": [1, None, {"x": "é😀"}]},
        error_code="429",
        turn_complete=True,
        content=types.Content(
            role="model",
            parts=[
                types.Part(text="thinking", thought=True),
                types.Part(function_call=types.FunctionCall(id="call-1", name="look", args={"q": None})),
                types.Part(inline_data=types.Blob(data=b"\x00\xff\x10", mime_type="image/png")),
            ],
        ),
        actions=EventActions(
            state_delta={"a": None, "b": {"c": [1.5]}},
            artifact_delta={"f.txt": 2},
            transfer_to_agent="next",
            rewind_before_invocation_id="i-0",
        ),
    )
    session = adk.create()

    adk.append(session, event)

    assert other.get().events == [event]


def test_a_partial_event_is_returned_and_not_stored(adk):
    session = adk.create()
    event = said("par", partial=True, delta={"k": 1})

    assert adk.append(session, event) is event
    assert (session.events, adk.get().events, adk.get().state) == ([], [], {})


def test_an_event_for_a_session_that_is_not_there_is_refused(adk):
    session = adk.create()
    adk.delete()

    with pytest.raises(SessionNotFoundError):
        adk.append(session, said())


def test_only_the_recent_events_are_returned_on_request(adk):
    session = adk.create()
    for n in range(5):
        adk.append(session, said(f"{n}", at=float(n), delta={f"k{n}": n}))

    recent = adk.get(num_recent_events=2)

    assert texts(recent) == ["3", "4"]
    assert recent.state == {f"k{n}": n for n in range(5)}
    assert (adk.get(num_recent_events=0).events, texts(adk.get(num_recent_events=99))) == ([], list("01234"))


def test_only_events_from_a_time_on_are_returned_on_request(adk):
    session = adk.create()
    for n in range(4):
        adk.append(session, said(f"{n}", at=float(n)))

    assert texts(adk.get(after_timestamp=2.0)) == ["2", "3"]
    assert texts(adk.get(after_timestamp=1.0, num_recent_events=1)) == ["3"]
    assert adk.get(after_timestamp=3.5).events == []


def test_a_time_from_which_on_is_one_that_counts_also_at_zero_and_among_equals(adk):
    session = adk.create()
    for n, at in enumerate([1.0, 2.0, 2.0, 3.0]):
        adk.append(session, said(f"{n}", at=at))

    assert texts(adk.get(after_timestamp=2.0)) == ["1", "2", "3"]
    assert texts(adk.get(after_timestamp=0.0)) == ["0", "1", "2", "3"]
    assert texts(adk.get(after_timestamp=2.0, num_recent_events=2)) == ["2", "3"]
    assert adk.get(after_timestamp=2.0, num_recent_events=0).events == []
    assert adk.get(after_timestamp=1e12).events == []


def test_bytes_and_nul_characters_come_back_as_they_were(adk, other):
    parts = [types.Part(inline_data=types.Blob(data=bytes(range(256)) * 40, mime_type="image/png")), types.Part(text="a\0b\x7f")]
    event = Event(author="agent", invocation_id="i\0", content=types.Content(role="model", parts=parts))
    event.actions.state_delta = {"k\0": "v\0", "user:\0": "\0"}

    adk.append(adk.create(), event)

    assert other.get().events == [event]
    assert other.get().state == {"k\0": "v\0", "user:\0": "\0"}


def test_fields_of_next_years_events_that_fit_its_type_are_kept(adk, other):
    event = said("hi", custom_metadata={"next": {"year": [1, {"deep": None}]}}, branch="a.b", grounding_metadata={})
    event.actions.requested_auth_configs = {}
    event.actions.rewind_before_invocation_id = "gone"
    session = adk.create()

    adk.append(session, event)

    assert other.get().events == [event]


def test_an_event_of_many_megabytes_comes_back_and_makes_late_writers_stale(adk, other):
    session, late = adk.create(), other.get()
    large = said("x" * 3_000_000, custom_metadata={"rows": ["y" * 900 for _ in range(400)]})

    adk.append(session, large)

    assert other.get().events == [large]
    with pytest.raises(StaleSessionError):
        other.append(late, said("late"))


def test_flushing_is_done_when_it_returns(adk, other):
    adk.append(adk.create(), said("one"))
    adk.flush()

    assert texts(other.get()) == ["one"]


def test_a_negative_number_of_events_is_an_error(adk):
    with pytest.raises(ValueError, match="num_recent_events"):
        adk.get(num_recent_events=-1)


def test_the_last_update_is_the_last_events_time(adk, other):
    session = adk.create()
    adk.append(session, said(at=1234.5))

    assert session.last_update_time == other.get().last_update_time == 1234.5


# --- the three scopes of state


def test_state_is_kept_in_its_scopes_and_given_together(adk, other):
    session = adk.create("s", {"app:a": 1, "user:u": 1, "own": 1, "temp:t": 1})
    adk.append(session, said(delta={"app:a": 2, "user:v": 2, "own2": 2}))

    assert adk.get("s").state == {"app:a": 2, "user:u": 1, "user:v": 2, "own": 1, "own2": 2}
    assert other.create("s2").state == {"app:a": 2, "user:u": 1, "user:v": 2}
    assert other.create("s3", user="bob").state == {"app:a": 2}
    assert other.create("s4", app="other").state == {}


def test_temporary_state_is_in_memory_only(adk):
    session = adk.create()
    event = adk.append(session, said(delta={"temp:t": 1, "own": 2}))

    assert session.state == {"temp:t": 1, "own": 2}
    assert event.actions.state_delta == {"own": 2}
    assert adk.get().state == {"own": 2}
    assert adk.get().events[0].actions.state_delta == {"own": 2}


@pytest.mark.parametrize("value", [None, {"$null": 0}, {"$null": 1}, {"$null": "x"}, {"a": None}, [], "", 0, 1e300, "é😀"])
def test_any_json_value_is_a_value_in_every_scope(adk, value):
    session = adk.create("s", {"app:a": 1, "user:b": value, "c": value})
    adk.append(session, said(delta={"app:a": value}))

    assert adk.get("s").state == {"app:a": value, "user:b": value, "c": value}
    assert adk.user_state() == {"b": value}


def test_what_is_not_json_is_stored_as_its_description(adk, caplog):
    session = adk.create("s", {"when": {1, 2}})
    adk.append(session, said(delta={"call": print}))

    assert adk.get().state["when"] == [1, 2]
    assert "print" in adk.get().state["call"]


def test_a_users_state_can_be_read_without_a_session(adk):
    adk.create("s", {"user:name": "Ada", "app:x": 1, "y": 2})

    assert adk.user_state() == {"name": "Ada"}
    assert adk.user_state("nobody") == {}


def test_two_sessions_change_one_scope_and_none_is_stale(adk, other):
    one, two = adk.create("one"), other.create("two")
    adk.append(one, said(delta={"user:a": 1}))
    other.append(two, said(delta={"user:b": 2}))
    adk.append(one, said(delta={"user:c": 3}))

    assert adk.user_state() == {"a": 1, "b": 2, "c": 3}


def test_what_is_returned_is_never_shared_with_what_is_stored(adk):
    adk.create("s", {"list": [1], "user:list": [1]})
    adk.get("s").state["list"].append(2)
    adk.get("s").state["user:list"].append(2)

    assert adk.get("s").state == {"list": [1], "user:list": [1]}


# --- listing and deleting


def test_sessions_are_listed_by_last_update_without_events_with_state(adk):
    for n, at in ((1, 30.0), (2, 10.0), (3, 20.0)):
        adk.append(adk.create(f"s{n}", {"user:u": 1, "own": n}), said(at=at))
    adk.create("b", user="bob")
    adk.create("x", app="other")

    assert [(s.id, s.events, s.state) for s in adk.list()] == [(f"s{n}", [], {"own": n, "user:u": 1}) for n in (2, 3, 1)]
    assert {s.id for s in adk.list(user=None)} == {"s1", "s2", "s3", "b"}
    assert (adk.list(app="none"), adk.list(user="none")) == ([], [])


def test_deleting_a_session_keeps_the_shared_state_and_can_be_repeated(adk, other):
    adk.append(adk.create("s", {"app:a": 1}), said(delta={"user:u": 2, "own": 3}))

    adk.delete()
    other.delete()

    assert (adk.get(), adk.list()) == (None, [])
    assert adk.create("s").state == {"app:a": 1, "user:u": 2}
    assert adk.get().events == []


# --- writers that are late, and those that say a thing twice


def test_a_writer_that_was_refused_goes_on_after_getting_the_session_again(adk, other):
    mine = adk.create()
    other.append(other.get(), said("first"))
    with pytest.raises(StaleSessionError):
        adk.append(mine, said("second"))

    adk.append(adk.get(), said("second"))

    assert texts(adk.get()) == ["first", "second"]


def test_a_handle_of_a_deleted_session_does_not_write_into_its_successor(adk, other):
    session = adk.create()
    other.delete()
    other.create()

    with pytest.raises(StaleSessionError):
        adk.append(session, said())


def test_a_writer_that_did_not_hear_of_its_success_repeats_it_and_goes_on(adk, other):
    session, before = adk.create(), other.get()
    event = said("one", delta={"k": 1})
    adk.append(session, event)

    other.append(before, event)
    other.append(before, said("two"))

    assert (texts(before), before.state) == (["one", "two"], {"k": 1})
    assert texts(adk.get()) == ["one", "two"]


def test_different_events_of_one_id_are_both_kept(adk):
    session = adk.create()
    adk.append(session, said("one", id="same"))
    adk.append(session, said("two", id="same"))

    assert texts(adk.get()) == ["one", "two"]
