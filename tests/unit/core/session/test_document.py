"""The state document: of the published schema, and a way back into a log."""

import json
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given

from segue.core.errors import UsageError
from segue.core.log.events import Draft
from segue.core.session.document import document
from segue.core.session.state import fold
from segue.core.session.undocument import from_document
from segue.testing.events import SESSION, written
from segue.testing.strategies import stories, values

SCHEMA = Path(__file__).parents[4] / "docs" / "reference" / "state.schema.json"
PUBLISHED = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text()))


def of(drafts):
    return document(fold(written(drafts), session=SESSION))


def told(drafts, **more):
    return document(fold(written(from_document(drafts), start=2e9, **more), session="new"))


def portable(doc):
    """What comes back: all but positions, and the times of what has no time in the document."""
    dropped = {
        "position",
        "hints",
        "checkpoints",
        "continuations",
        "imports",
        "losses",
        "unknown",
        "budget",
        "seq",
        "begun",
        "ended",
        "at",
        "score",
    }

    def clean(value):
        if isinstance(value, dict):
            return {k: clean(v) for k, v in value.items() if k not in dropped}
        return [clean(v) for v in value] if isinstance(value, list) else value

    found = clean(doc)
    del found["project"]["active_files"]
    session = found["session"]
    found["session"] = {k: v for k, v in session.items() if k not in {"id", "foreign_ids"}}
    found["lifecycle"] = {k: found["lifecycle"][k] for k in ("status", "created")}
    found["lineage"] = found["lineage"]["predecessor"]
    found["memory"] = sorted((m["path"], json.dumps(m["value"])) for m in found["memory"])
    found["items"] = sorted(found["items"], key=json.dumps)
    return found


STORY = [
    Draft(
        "session.created",
        {"name": "SESSION-260115-001", "task": "ship", "agents": [{"name": "coder", "type": "dev"}], "predecessor": "p"},
    ),
    Draft("session.activated", {}),
    Draft("message", {"role": "user", "parts": [{"type": "text", "content": "do it"}]}),
    Draft(
        "message",
        {
            "role": "assistant",
            "parts": [{"type": "text", "content": "done"}, {"type": "tool_call", "name": "Edit", "id": "1"}],
            "message_id": "m1",
            "model": "big",
            "usage": {"input_tokens": 100, "output_tokens": 20, "cache_read_tokens": 70, "cost_usd": 0.0125},
            "effects": [{"op": "edit", "path": "a.py", "added": 3}],
        },
        actor="coder",
    ),
    Draft("usage", {"model": "small", "input_tokens": 7, "message_id": "m2", "context_tokens": 900}, actor="reviewer"),
    Draft("task.set", {"id": "T1", "title": "one"}),
    Draft("task.set", {"id": "T1", "status": "done"}),
    Draft("task.set", {"id": "T2", "title": "two", "depends_on": ["T1"]}),
    Draft("plan.set", {"steps": ["x", {"text": "y", "status": "in_progress"}]}),
    Draft("step.completed", {"text": "x", "task": "T2"}),
    Draft("question.asked", {"text": "why?"}),
    Draft("question.asked", {"text": "how?", "id": "q2"}),
    Draft("question.answered", {"question": "q2", "answer": "so"}),
    Draft("decision.made", {"title": "B", "reason": "fast", "major": True}),
    Draft("thread.set", {"topic": "cache", "notes": "n"}),
    Draft("constraint.set", {"text": "no network"}),
    Draft("focus.set", {"path": "a.py", "position": {"line": 3}}),
    Draft("progress.set", {"percent": 40}),
    Draft("changes.seen", {"files": ["a.py"], "branch": "main"}),
    Draft("project.set", {"set": {"build": "green"}}),
    Draft("memory.set", {"path": "/k", "value": [1]}),
    Draft("note.used", {"id": "N1", "tokens": 30, "hash": "h"}),
    Draft("note.used", {"id": "N1", "action": "updated"}),
    Draft("metric", {"name": "suggestions_offered", "by": 3, "agent": "coder"}),
    Draft("checkpoint.created", {"name": "RECOVERY-260115-001-090000", "position": 3}),
    Draft("session.paused", {"reason": "budget", "note": "out of it"}),
]


def test_a_document_that_is_imported_gives_the_same_document():
    doc = of(STORY)
    again = told(json.loads(json.dumps(doc)))
    assert portable(again) == portable(doc)
    assert again["lifecycle"]["active_seconds"] == doc["lifecycle"]["active_seconds"]
    assert (again["lifecycle"]["reason"], again["lifecycle"]["note"]) == ("budget", "out of it")
    assert again["session"]["foreign_ids"] == [SESSION]


@pytest.mark.parametrize("ending", ["created", "resumed", "recovering", "emergency", "ended", "archived"])
def test_each_state_of_the_lifecycle_comes_back(ending):
    why = {} if ending == "created" else {"reason": "done", "by": "next"}
    doc = of([*STORY, Draft(f"session.{ending}", why)])
    again = told(doc)
    assert portable(again) == portable(doc)
    assert again["lifecycle"]["by"] == doc["lifecycle"]["by"]


@given(stories())
def test_figures_come_back_whatever_was_counted(more):
    doc = of([STORY[0], *more])
    again = told(doc)
    assert again["metrics"]["tools"] == {k: v for k, v in doc["metrics"]["tools"].items() if v}
    assert {k: v for k, v in again["metrics"]["counts"].items() if v} == pytest.approx(
        {k: v for k, v in doc["metrics"]["counts"].items() if v}
    )
    for table in ("agents", "models"):
        assert {k: v["tokens"] for k, v in again["metrics"][table].items() if any(v["tokens"].values())} == {
            k: v["tokens"] for k, v in doc["metrics"][table].items() if any(v["tokens"].values())
        }


@given(stories(wild=True))
def test_every_document_is_of_the_published_schema(more):
    PUBLISHED.validate(of(more))


@given(values)
def test_what_is_no_state_document_is_refused(value):
    with pytest.raises(UsageError, match="not a state document"):
        from_document(value)


@given(values, values, values)
def test_a_document_with_anything_in_it_gives_events_that_can_be_written(a, b, c):
    doc = of(STORY)
    sections = {k: dict(zip(v, (a, b, c), strict=False)) if isinstance(v, dict) else [a, b, c] for k, v in doc.items()}
    for broken in (doc | {"work": a, "metrics": b}, sections | {"format": "segue-state", "version": 1}):
        try:
            drafts = from_document(broken)
        except UsageError:
            continue
        assert drafts[0].kind == "session.created"
        assert len(written(drafts)) == len(drafts)


def test_a_document_of_a_newer_version_is_refused():
    with pytest.raises(UsageError, match="version 2"):
        from_document(of(STORY) | {"version": 2})
