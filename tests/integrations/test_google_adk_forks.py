"""What a session of Google ADK's has here beyond ADK's own services: forks, a conversation that is rewound, and what a call cost."""

import pytest
from google.adk.errors.already_exists_error import AlreadyExistsError
from google.adk.errors.session_not_found_error import SessionNotFoundError
from google.adk.events import Event, EventActions
from google.genai import types

from segue.core.session.tree import active_chain
from segue.engine.foreign import Foreign, find
from segue.engine.loading import load
from tests.integrations.adk import APP, USER, said, texts


def turns(adk, session, count, first=0):
    for n in range(first, first + count):
        adk.append(
            session, said(f"question {n}", at=float(n), delta={"n": n, "user:n": n}).model_copy(update={"invocation_id": f"i{n}"})
        )


def test_a_fork_goes_on_by_itself_and_so_does_what_it_was_forked_from(adk, other):
    session = adk.create("s", {"topic": "birds"})
    turns(adk, session, 3)

    forked = other.fork("s", "f")
    other.append(forked, said("there"))
    adk.append(session, said("here"))

    asked = [f"question {n}" for n in range(3)]
    assert (texts(adk.get("f")), texts(adk.get("s"))) == ([*asked, "there"], [*asked, "here"])
    assert adk.get("f").state == {"topic": "birds", "n": 2, "user:n": 2}
    assert {s.id for s in adk.list()} == {"s", "f"}


def test_a_fork_before_an_invocation_has_the_state_and_the_events_of_then(adk):
    session = adk.create("s", {"topic": "birds"})
    turns(adk, session, 3)

    assert texts(adk.fork("s", "f1", before="i1")) == ["question 0"]
    assert adk.get("f1").state == {"topic": "birds", "n": 0, "user:n": 2}
    assert (adk.fork("s", "f0", before="i0").events, adk.get("f0").state) == ([], {"topic": "birds", "user:n": 2})


def test_a_fork_outlives_what_it_was_forked_from_and_can_be_forked(adk):
    turns(adk, adk.create(), 2)
    turns(adk, adk.fork("s", "f"), 1, first=2)
    adk.delete("s")

    second = adk.fork("f", "g", before="i2")

    assert (texts(second), texts(adk.get("f"))) == (["question 0", "question 1"], [f"question {n}" for n in range(3)])


def test_a_fork_costs_the_same_whatever_its_parents_length(adk, store):
    turns(adk, adk.create(), 40)

    adk.fork("s", "f")

    at = find(store, Foreign("google_adk", (APP, USER, "f")))
    assert store.info(at).head.seq - store.info(at).first < 3


def test_a_fork_that_cannot_be_is_refused(adk):
    turns(adk, adk.create(), 1)

    with pytest.raises(AlreadyExistsError):
        adk.fork("s", "s")
    with pytest.raises(SessionNotFoundError):
        adk.fork("none", "f")
    with pytest.raises(ValueError, match="no invocation"):
        adk.fork("s", "f", before="i9")
    assert [s.id for s in adk.list()] == ["s"]


def test_what_was_rewound_is_out_of_the_conversation_and_in_the_log(adk, store):
    session = adk.create()
    turns(adk, session, 3)
    back = Event(author="user", invocation_id="r", actions=EventActions(rewind_before_invocation_id="i1", state_delta={"n": 0}))

    adk.append(session, back)
    adk.append(session, back)
    turns(adk, session, 1, first=7)

    at = find(store, Foreign("google_adk", (APP, USER, "s")))
    chain = [e for e in active_chain(store.read(at)) if e.kind == "message"]
    assert [e.body["parts"][0]["content"] for e in chain] == ["question 0", "question 7"]
    assert len(adk.get().events) == 5
    assert sum(e.kind == "head.moved" for e in store.read(at)) == 1


def test_a_session_that_is_rewound_to_its_beginning_has_no_conversation(adk, store):
    session = adk.create()
    turns(adk, session, 2)

    adk.append(session, Event(author="user", invocation_id="r", actions=EventActions(rewind_before_invocation_id="i0")))

    at = find(store, Foreign("google_adk", (APP, USER, "s")))
    assert [e for e in active_chain(store.read(at)) if e.kind == "message"] == []


def test_what_a_call_cost_is_counted_also_where_it_said_nothing(adk, store):
    session = adk.create()
    usage = types.GenerateContentResponseUsageMetadata(
        prompt_token_count=100, candidates_token_count=5, thoughts_token_count=2, cached_content_token_count=60
    )
    answer = types.Content(role="model", parts=[types.Part(text="hi")])
    adk.append(session, Event(author="bot", invocation_id="i", content=answer, usage_metadata=usage, model_version="m-1"))
    adk.append(session, Event(author="bot", invocation_id="i", usage_metadata=usage, model_version="m-1"))

    at = find(store, Foreign("google_adk", (APP, USER, "s")))
    counted = {"input_tokens": 100, "output_tokens": 7, "cache_read_tokens": 60, "reasoning_tokens": 2}
    message, alone = [e for e in store.read(at) if e.kind in {"message", "usage"}]
    assert (message.body["usage"], message.body["model"]) == (counted, "m-1")
    assert (alone.kind, alone.body) == ("usage", {**counted, "model": "m-1"})
    assert load(store, at).metrics["tokens"]["input"] == 200
