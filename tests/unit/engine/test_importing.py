"""Importing: each record once, from where the last import stopped."""

from collections import Counter
from pathlib import Path

import pytest

from segue.core.session.tree import tree
from segue.engine.importing import import_paths
from segue.host.clock import SystemClock, SystemIds
from segue.stores.memory import MemoryStore
from segue.transcripts import transcripts

FIXTURES = Path(__file__).parents[2] / "fixtures" / "transcripts"


@pytest.fixture
def store():
    return MemoryStore(clock=SystemClock(), ids=SystemIds())


def run(store, *paths, **options):
    return import_paths(store, transcripts(), [str(p) for p in paths], clock=SystemClock(), **options)


def test_a_directory_is_imported_whole_and_a_second_import_adds_nothing(store):
    first = run(store, FIXTURES / "claude")
    second = run(store, FIXTURES / "claude")

    assert [(s.foreign_id, s.events, s.new_events, s.losses) for s in first.sessions] == [
        ("7dcc6b33-a8e7-41fa-a76f-5d0f155f452e", 47, 47, ()),
        ("a0edc6ad-81f1-4d48-9902-29dc3fc4830f", 138, 138, ()),
        ("2b6480e5-a021-48bb-9ea7-112366b32361", 30, 30, ()),
        ("0aa9855f-d063-44e4-af7e-b2010b7d0e68", 58, 58, ()),
    ]
    assert second.sessions == tuple(s._replace(new_events=0) for s in first.sessions)
    assert first.losses == second.losses == ()


def test_a_subagent_is_a_stream_of_its_session_and_linked_to_the_call_that_started_it(store):
    report = run(store, FIXTURES / "claude" / "hooks-subagent-compact.jsonl", FIXTURES / "claude" / "subagents")
    events = list(store.read(report.sessions[0].id))
    found = tree(events)

    assert {name: len(found.chain(name)) for name in found.streams} == {"main": 59, "af84c04076f3af957": 15}
    assert found.missing == []
    assert [e.body for e in events if e.kind == "agent.set"] == [
        {
            "name": "claude-code/af84c04076f3af957",
            "type": "general-purpose",
            "status": "finished",
            "set": {
                "stream": "af84c04076f3af957",
                "tool_use_id": "toolu_19d47f100ebc4a0ea806881d",
                "description": "scan",
                "model": "claude-opus-5-5",
            },
        }
    ]
    assert Counter(e.kind for e in events) == {
        "record": 103,
        "message": 29,
        "import.advanced": 2,
        "session.created": 1,
        "session.activated": 1,
        "compaction": 1,
        "agent.set": 1,
    }


def test_only_what_is_new_is_read_and_a_torn_line_is_waited_for(store, tmp_path):
    whole = (FIXTURES / "claude" / "headless-plan.jsonl").read_bytes()
    file = tmp_path / "session.jsonl"
    cut = whole.rindex(b'{"parentUuid"') + 40
    file.write_bytes(whole[:cut])
    first = run(store, file)
    file.write_bytes(whole)
    second = run(store, file)

    assert [n.reason for n in first.sessions[0].losses] == [
        "torn last line: 40 bytes without a newline; it is read when it is whole"
    ]
    assert (first.sessions[0].new_events, second.sessions[0].new_events) == (41 + 3, 3 + 1)
    assert second.sessions[0].losses == ()
