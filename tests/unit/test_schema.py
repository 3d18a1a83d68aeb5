"""The published schema of the state document fits what the fold gives."""

import json
from pathlib import Path

import jsonschema
import pytest

from segue.core.log.events import Event
from segue.core.log.kinds import KINDS
from segue.core.session.state import State, fold

SCHEMA = json.loads((Path(__file__).parents[2] / "docs/reference/state.schema.json").read_text())

BODIES = {
    "session.created": {"name": "SESSION-260115-001", "task": "t", "tags": ["a"], "foreign_ids": ["claude:1"]},
    "session.activated": {},
    "message": {
        "role": "assistant",
        "parts": [{"type": "text", "content": "hello"}, {"type": "tool_call", "id": "1", "name": "Bash", "arguments": {}}],
        "message_id": "m1",
        "model": "m",
        "usage": {"input_tokens": 5, "output_tokens": 7, "cost_usd": 0.25},
        "effects": [{"op": "edit", "path": "a.py", "added": 1, "removed": 0}],
    },
    "usage": {"context_tokens": 9, "model": "m", "input_tokens": 1},
    "checkpoint.created": {"name": "RECOVERY-260115-001-101112", "position": 2},
    "continuation.set": {"name": "CONTINUATION-260115-001-STEP-001", "step": 1},
    "focus.set": {"path": "a.py", "position": {"line": 3}},
    "task.set": {"title": "t", "status": "active"},
    "plan.set": {"steps": ["a", {"text": "b", "status": "done"}]},
    "question.asked": {"text": "why?", "id": "q"},
    "question.answered": {"question": "q", "answer": "so"},
    "decision.made": {"title": "d", "reason": "r"},
    "thread.set": {"topic": "x", "status": "open"},
    "changes.seen": {"files": ["a.py"], "branch": "main"},
    "project.set": {"set": {"health": "good"}},
    "metric": {"name": "searches", "by": 2.5},
    "note.used": {"id": "n", "action": "loaded", "tokens": 3},
    "memory.set": {"path": "/tasks/1", "value": {"x": [1]}},
    "agent.set": {"name": "coder", "status": "busy", "set": {"mode": "x"}},
    "loss": {"where": "line 3", "reason": "torn"},
    "import.advanced": {"agent": "claude", "foreign_id": "1", "position": {"bytes": 3}},
    "session.paused": {"reason": "user"},
}


def log():
    return [
        Event(1, i, f"id{i}", f"2026-01-15T10:00:{i:02}.000Z", kind, "coder", "main", f"id{i}", None, None, 0, "", f"d{i}", body)
        for i, (kind, body) in enumerate(BODIES.items(), 1)
    ]


def test_the_schema_is_one():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("upto", [0, 1, 3, len(BODIES)])
def test_the_state_at_any_position_fits_the_schema(upto):
    assert set(BODIES) <= set(KINDS)
    jsonschema.validate(fold(log()[:upto], session="s").to_json(), SCHEMA)


def test_a_document_of_another_shape_does_not_fit():
    document = State("s").to_json() | {"seq": "seven"}
    with pytest.raises(jsonschema.ValidationError, match="'seven' is not of type 'integer'"):
        jsonschema.validate(document, SCHEMA)
