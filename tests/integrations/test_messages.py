"""Any session as a framework's messages, and a framework's session as anybody's."""

from itertools import starmap

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import segue
from segue.core.log.events import Draft
from segue.integrations import google_adk, langgraph
from segue.testing import builders as b
from segue.testing.strategies import stories
from tests.integrations.talks import FRAMEWORKS, PIXEL, told, turns


@pytest.fixture(params=sorted(FRAMEWORKS))
def framework(request):
    return FRAMEWORKS[request.param]()


@pytest.fixture
def store(tmp_path):
    with segue.open(tmp_path / "store") as found:
        yield found


def test_a_coding_agents_session_is_opened_as_messages_of_langchain(store):
    found = langgraph.messages(told(store, " \ud800"))
    assert [(m.type, m.content) for m in found] == [
        ("system", "You price fruit."),
        (
            "human",
            [
                {"type": "text", "text": "What do the pears cost?"},
                {"type": "image", "base64": PIXEL, "mime_type": "image/png"},
            ],
        ),
        ("ai", "I look."),
        ("tool", "pears: 3"),
        ("tool", "no such place"),
        ("ai", "Three."),
        ("human", "And the plums? \ufffd"),
        ("ai", ""),
        ("tool", "[segue: interrupted before it answered]"),
    ]
    assert [(c["name"], c["args"], c["id"]) for c in found[2].tool_calls] == [
        ("Read", {"file_path": "/p.txt"}, "c1"),
        ("Bash", {"command": "ls"}, "c2"),
    ]
    assert [(m.tool_call_id, m.name, m.status) for m in found if m.type == "tool"] == [
        ("c1", "Read", "success"),
        ("c2", "Bash", "error"),
        ("c1_1", "Read", "error"),
    ]
    assert found[5].usage_metadata == {
        "input_tokens": 120,
        "output_tokens": 30,
        "total_tokens": 150,
        "input_token_details": {"cache_read": 100, "cache_creation": 0},
        "output_token_details": {"reasoning": 4},
    }


def test_a_coding_agents_session_is_opened_as_events_of_adk(store):
    found = google_adk.messages(told(store, " \ud800"), author="pricer")
    assert [
        (e.author, e.content.role, [p.model_dump(exclude_none=True, mode="json") for p in e.content.parts]) for e in found
    ] == [
        ("user", "user", [{"text": "You price fruit."}]),
        ("user", "user", [{"text": "What do the pears cost?"}, {"inline_data": {"data": PIXEL, "mime_type": "image/png"}}]),
        (
            "pricer",
            "model",
            [
                {"text": "I look."},
                {"function_call": {"id": "c1", "name": "Read", "args": {"file_path": "/p.txt"}}},
                {"function_call": {"id": "c2", "name": "Bash", "args": {"command": "ls"}}},
            ],
        ),
        (
            "pricer",
            "user",
            [
                {"function_response": {"id": "c1", "name": "Read", "response": {"output": "pears: 3"}}},
                {"function_response": {"id": "c2", "name": "Bash", "response": {"error": "no such place"}}},
            ],
        ),
        ("pricer", "model", [{"text": "Three."}]),
        ("user", "user", [{"text": "And the plums? \ufffd"}]),
        ("pricer", "model", [{"function_call": {"id": "c1_1", "name": "Read", "args": {"file_path": "/q.txt"}}}]),
        (
            "pricer",
            "user",
            [
                {
                    "function_response": {
                        "id": "c1_1",
                        "name": "Read",
                        "response": {"error": "[segue: interrupted before it answered]"},
                    }
                }
            ],
        ),
    ]


def test_messages_are_the_same_each_time_and_at_each_position(store, framework):
    session = told(store)
    assert framework.messages(session) == framework.messages(session)
    assert len(framework.messages(session, at=3)) < len(framework.messages(session))


def test_what_does_not_fit_the_window_is_condensed(store, framework):
    session = store.create(workspace="")
    session.append_all(
        [d for n in range(60) for d in (b.user(f"question {n} " + "why " * 200), b.assistant(f"answer {n} " * 80))]
    )
    assert len(framework.messages(session, window=8_000)) < 120 <= len(framework.messages(session))


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(drafts=stories(wild=True), content=st.sampled_from([PIXEL, "no base64!", "", 7, "\ud800"]))
def test_whatever_a_log_holds_is_opened(framework, drafts: list[Draft], content):
    picture = {"type": "blob", "modality": "image", "mime_type": "image/png", "content": content}
    with segue.open("memory://") as store:
        session = store.create(workspace="")
        store.port.append(session.id, [*drafts, b.user("look \ud800", picture)])
        assert framework.messages(session)


def test_what_a_framework_was_given_is_read_again_as_it_was_said(store, framework):
    session = told(store)
    kept = framework.keep(store, "taken-over", framework.messages(session))

    def as_kept(role, parts, *used):
        told = parts if framework.fails else [{k: v for k, v in part.items() if k != "is_error"} for part in parts]
        return "user" if role == "system" and framework.folds else role, told, *(used if framework.counts else ())

    assert list(starmap(as_kept, turns(store.session(kept)))) == list(starmap(as_kept, turns(session)))
