"""Google ADK's session service on each store. ADK packages no suite for it: this is the contract as its own services keep it, and
where they differ (stale writers, redelivery, order) the strictest of them.
"""

import asyncio
import threading

import pytest
from google.adk.agents import BaseAgent
from google.adk.errors import StaleSessionError
from google.adk.errors.already_exists_error import AlreadyExistsError
from google.adk.errors.session_not_found_error import SessionNotFoundError
from google.adk.events import Event, EventActions
from google.adk.runners import Runner
from google.adk.sessions import Session
from google.adk.sessions.base_session_service import GetSessionConfig
from google.genai import types

from segue.core.log.events import Draft
from segue.engine import foreign
from segue.engine.foreign import Foreign
from segue.integrations.google_adk import SegueSessionService

APP, USER = "app", "ada"


class Client:
    """What a caller of the service does, without the waiting."""

    def __init__(self, service):
        self.service = service

    def create(self, session_id="s", state=None, app=APP, user=USER):
        return self._run(self.service.create_session(app_name=app, user_id=user, state=state, session_id=session_id))

    def get(self, session_id="s", app=APP, user=USER, **config):
        wanted = GetSessionConfig(**config) if config else None
        return self._run(self.service.get_session(app_name=app, user_id=user, session_id=session_id, config=wanted))

    def append(self, session, event):
        return self._run(self.service.append_event(session, event))

    def list(self, app=APP, user=USER):
        return self._run(self.service.list_sessions(app_name=app, user_id=user)).sessions

    def delete(self, session_id="s"):
        self._run(self.service.delete_session(app_name=APP, user_id=USER, session_id=session_id))

    def user_state(self, user=USER):
        return self._run(self.service.get_user_state(app_name=APP, user_id=user))

    def _run(self, call):
        return asyncio.run(call)


@pytest.fixture
def adk(store):
    return Client(SegueSessionService(store))


@pytest.fixture
def other(store):
    """Another process's service."""
    return Client(SegueSessionService(store))


def said(text="hi", author="user", at=1.0, delta=None, **more):
    return Event(
        author=author,
        invocation_id="i",
        timestamp=at,
        content=types.Content(role="user" if author == "user" else "model", parts=[types.Part(text=text)]),
        actions=EventActions(state_delta=delta or {}),
        **more,
    )


def texts(session):
    return [e.content.parts[0].text for e in session.events]


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


# --- writers that are late


def test_a_stale_writer_is_refused_and_nothing_of_his_is_stored(adk, other):
    adk.create()
    mine, theirs = adk.get(), other.get()
    other.append(theirs, said("first", at=7.0, delta={"k": 1, "user:k": 1}))

    with pytest.raises(StaleSessionError):
        adk.append(mine, said("second", at=7.0, delta={"k": 2, "user:k": 2}))

    assert (texts(adk.get()), adk.get().state, mine.events) == (["first"], {"k": 1, "user:k": 1}, [])


def test_a_writer_that_was_refused_goes_on_after_getting_the_session_again(adk, other):
    mine = adk.create()
    other.append(other.get(), said("first"))
    with pytest.raises(StaleSessionError):
        adk.append(mine, said("second"))

    adk.append(adk.get(), said("second"))

    assert texts(adk.get()) == ["first", "second"]


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


def test_a_handle_of_a_deleted_session_does_not_write_into_its_successor(adk, other):
    session = adk.create()
    other.delete()
    other.create()

    with pytest.raises(StaleSessionError):
        adk.append(session, said())


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


# --- redelivery


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


# --- real use


class Counter(BaseAgent):
    """An agent without a model: it counts its calls in the session's state and the user's."""

    async def _run_async_impl(self, ctx):
        n = ctx.session.state.get("n", 0) + 1
        delta = {"n": n, "user:calls": ctx.session.state.get("user:calls", 0) + 1}
        yield Event(
            author=self.name,
            invocation_id=ctx.invocation_id,
            content=types.Content(role="model", parts=[types.Part(text=f"call {n}")]),
            actions=EventActions(state_delta=delta),
        )


def ask(service, text, session_id="s"):
    async def run():
        runner = Runner(app_name=APP, agent=Counter(name="counter"), session_service=service)
        message = types.Content(role="user", parts=[types.Part(text=text)])
        return [e async for e in runner.run_async(user_id=USER, session_id=session_id, new_message=message)]

    return asyncio.run(run())


def test_a_runner_goes_on_in_another_process(store, adk):
    adk.create()
    for n in range(3):
        ask(SegueSessionService(store), f"question {n}")

    session = adk.get()

    assert texts(session) == [t for n in range(3) for t in (f"question {n}", f"call {n + 1}")]
    assert (session.state["n"], adk.user_state()) == (3, {"calls": 3})


def test_a_rewind_is_kept_and_applied(store, adk):
    adk.create()
    for n in range(3):
        ask(SegueSessionService(store), f"question {n}")
    second = adk.get().events[2].invocation_id

    async def rewind():
        runner = Runner(app_name=APP, agent=Counter(name="counter"), session_service=SegueSessionService(store))
        await runner.rewind_async(user_id=USER, session_id="s", rewind_before_invocation_id=second)

    asyncio.run(rewind())

    session = adk.get()
    assert session.state["n"] == 1
    assert session.events[-1].actions.rewind_before_invocation_id == second
    assert len(session.events) == 7


def test_a_long_session_is_loaded_from_a_snapshot_of_its_state_and_the_tail(store, adk, monkeypatch):
    session = adk.create()
    for n in range(150):
        adk.append(session, said(f"{n}", delta={f"k{n % 10}": n}))
    expected = adk.get().state
    read, seen = store.read, []

    def counted(at, **options):
        for event in read(at, **options):
            seen.append(event.seq)
            yield event

    monkeypatch.setattr(store, "read", counted)

    recent = adk.get(num_recent_events=5)

    assert (texts(recent), recent.state) == ([f"{n}" for n in range(145, 150)], expected)
    assert len(seen) <= 64 + 5

    store.drop_snapshots(session._storage_update_marker.split(":")[0])
    assert adk.get().state == expected


def test_what_was_said_reads_as_messages_beside_the_record(store, adk):
    session = adk.create()
    adk.append(session, said("hello"))
    call = types.Part(function_call=types.FunctionCall(id="c", name="look", args={"q": 1}))
    answer = types.Part(function_response=types.FunctionResponse(id="c", name="look", response={"found": 2}))
    usage = types.GenerateContentResponseUsageMetadata(prompt_token_count=10, candidates_token_count=4, thoughts_token_count=3)
    model = Event(author="bot", invocation_id="i", content=types.Content(role="model", parts=[call]), usage_metadata=usage)
    tool = Event(author="bot", invocation_id="i", content=types.Content(role="user", parts=[answer]))
    for event in (model, tool, Event(author="bot", invocation_id="i")):
        adk.append(session, event)

    bodies = [(e.kind, e.body) for e in store.read(next(store.sessions()), after=2)]

    assert bodies == [
        ("message", {"role": "user", "parts": [{"type": "text", "content": "hello"}]}),
        (
            "message",
            {
                "role": "assistant",
                "parts": [{"type": "tool_call", "id": "c", "name": "look", "arguments": {"q": 1}}],
                "usage": {"input_tokens": 10, "output_tokens": 7, "cache_read_tokens": 0, "reasoning_tokens": 3},
            },
        ),
        ("message", {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c", "response": {"found": 2}}]}),
        ("record", {"type": "event"}),
    ]
