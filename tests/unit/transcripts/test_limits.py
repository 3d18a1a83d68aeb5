"""An agent that stopped at a limit: told by its transcript, in each agent's own way."""

import json
from pathlib import Path

import pytest

from segue.testing.transcripts import read
from segue.transcripts._limits import Limits, of_error, resets
from segue.transcripts.claude_code.reader import ClaudeCode
from segue.transcripts.codex.reader import Codex
from segue.transcripts.qwen.reader import Qwen

FIXTURES = Path(__file__).parents[2] / "fixtures" / "transcripts" / "limits"
AT = "2026-11-21T07:54:30Z"


def told(reader, path):
    return [d.body for d in read(reader, path).drafts if d.kind == "agent.set"]


def test_claude_code_tells_it_in_a_message_of_its_own():
    assert told(ClaudeCode(), FIXTURES / "claude-code.jsonl") == [
        {
            "name": "claude-code",
            "status": "limited",
            "set": {
                "limit": "rate",
                "resets_at": None,
                "says": "API Error: Request rejected (429) · This request would exceed your account's rate limit. "
                "Please try again later.",
            },
        }
    ]


def test_codex_tells_it_when_a_turn_ends_and_the_time_before():
    (limit,) = told(Codex(), FIXTURES / "codex.jsonl")
    assert (limit["name"], limit["status"], limit["set"]["limit"], limit["set"]["resets_at"]) == (
        "codex",
        "limited",
        "usage",
        "2026-11-21T09:54:28.000000Z",
    )


def test_qwen_code_tells_it_in_its_telemetry():
    (limit,) = told(Qwen(), FIXTURES / "qwen-code.jsonl")
    assert limit == {
        "name": "qwen-code",
        "status": "limited",
        "set": {
            "limit": "rate",
            "resets_at": "2026-11-21T07:57:40.776000Z",
            "says": "429 Rate limit reached for requests. Please try again in 20s.",
        },
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Claude AI usage limit reached|1749924000", "2025-06-14T18:00:00.000000Z"),
        ("You've hit your limit · resets 3pm (Europe/Berlin)", "2026-11-21T14:00:00.000000Z"),
        ("You've hit your limit · resets 8:30am (Europe/Berlin)", "2026-11-22T07:30:00.000000Z"),
        ("You've hit your weekly limit · resets Nov 24, 1pm (UTC)", "2026-11-24T13:00:00.000000Z"),
        ("You've hit your limit · resets Jan 2, 12am (UTC)", "2027-01-02T00:00:00.000000Z"),
        ("You've hit your limit · resets Jan 2, 2028, 12:15pm (UTC)", "2028-01-02T12:15:00.000000Z"),
        ("Claude usage limit reached. Your limit will reset at 1pm (Etc/GMT+5).", "2026-11-21T18:00:00.000000Z"),
        ("You've hit your usage limit or try again in 3 days 4 hours 5 minutes.", "2026-11-24T11:59:30.000000Z"),
        ("Your quota will reset after 5h23m10s.", "2026-11-21T13:17:40.000000Z"),
        ("Please retry in 41.2s.", "2026-11-21T07:55:11.200000Z"),
        ("5-hour limit reached ∙ resets 3pm", None),  # whose 3 pm, nobody knows
        ("limit · resets Feb 30, 1pm (UTC)", None),
        ("limit · resets 3pm (Nowhere/Land)", None),
        ("limit · resets 3pm (../../etc/passwd)", None),
        ("You have exhausted your daily quota on this model.", None),
    ],
)
def test_the_time_of_its_end_is_read_as_it_is_told(text, expected):
    assert resets(text, AT) == expected


def said(text, **more):
    message = {"model": "<synthetic>", "role": "assistant", "content": [{"type": "text", "text": text}]}
    return {"type": "assistant", "message": message, "isApiErrorMessage": True, **more}


@pytest.mark.parametrize(
    ("agent", "record", "expected"),
    [
        ("claude-code", said("Claude AI usage limit reached|1749924000"), "usage"),
        ("claude-code", said("You've hit your limit · resets 3pm (UTC)", error="rate_limit"), "usage"),
        ("claude-code", said("You're out of extra usage · resets 3pm (UTC)"), "usage"),
        ("claude-code", said("API Error: Server is temporarily limiting requests (not your usage limit)", error="rate_limit"), "rate"),
        ("claude-code", said("API Error: 529 overloaded"), None),
        ("claude-code", said("Prompt is too long"), None),
        ("codex", {"type": "event_msg", "payload": {"type": "error", "message": "You've hit your usage limit."}}, "usage"),
        ("codex", {"type": "event_msg", "payload": {"type": "error", "message": "stream closed"}}, None),
        ("codex", {"type": "event_msg", "payload": {"type": "agent_message", "message": "usage limit reached"}}, None),
        ("gemini-cli", {"id": "1", "type": "error", "content": "[API Error: You exceeded your current quota. Please retry in 2s.]"}, "usage"),
        ("gemini-cli", {"id": "1", "type": "user", "content": "what does RESOURCE_EXHAUSTED mean?"}, None),
        ("qwen-code", {"subtype": "ui_telemetry", "systemPayload": {"uiEvent": {"event.name": "qwen-code.api_error", "status_code": 500}}}, None),
        ("claude-code", {"type": "user", "message": {"role": "user", "content": "Claude AI usage limit reached|1749924000"}}, None),
        ("claude-code", {"type": "assistant", "message": 7, "isApiErrorMessage": True}, None),
        ("codex", {"type": "event_msg", "payload": {"type": "task_complete", "error": "x"}}, None),
        ("codex", {"type": "event_msg", "payload": {"type": "token_count", "rate_limits": {"primary": {"used_percent": 100, "resets_at": 1e300}}}}, None),
        ("unheard-of", said("usage limit reached"), None),
    ],
)  # fmt: skip
def test_only_what_an_agent_says_itself_of_its_own_limit_counts(agent, record, expected):
    found = Limits(agent, {}).notice(record, AT, said=False)
    assert (found and found["set"]["limit"]) == expected


def test_it_goes_on_when_the_model_says_something_again_also_in_the_next_stretch(tmp_path):
    lines = (FIXTURES / "claude-code.jsonl").read_bytes()
    record = {
        "type": "assistant",
        "uuid": "next",
        "parentUuid": None,
        "sessionId": "s",
        "timestamp": "2026-11-21T10:00:00Z",
        "message": {"role": "assistant", "model": "claude-opus-5-5", "content": [{"type": "text", "text": "On I go."}]},
    }
    file = tmp_path / "session.jsonl"
    file.write_bytes(lines)
    first = read(ClaudeCode(), file)
    file.write_bytes(lines + json.dumps(record).encode() + b"\n")
    second = read(ClaudeCode(), file, first.position)
    assert [d.body for d in second.drafts if d.kind == "agent.set"] == [
        {"name": "claude-code", "status": "active", "set": {"limit": None, "resets_at": None, "says": None}}
    ]
    assert told(ClaudeCode(), file) == [*(d.body for r in (first, second) for d in r.drafts if d.kind == "agent.set")]


@pytest.mark.parametrize(
    ("status", "text", "after", "expected"),
    [
        (429, "This request would exceed your account's rate limit.", "7200", ("rate", "2026-11-21T09:54:30.000000Z")),
        (429, "Too many requests", "soon", ("rate", None)),
        (0, "You have exhausted your daily quota on this model.", None, ("usage", None)),
        (429, "", None, ("rate", None)),
    ],
)
def test_an_error_of_a_provider_is_a_limit_by_its_status_or_words(status, text, after, expected):
    found = of_error("opencode", status, text, after, AT)
    assert (found["set"]["limit"], found["set"]["resets_at"]) == expected


def test_another_error_of_a_provider_is_none():
    assert of_error("opencode", 500, "overloaded", "20", AT) is None
