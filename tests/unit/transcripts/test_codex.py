"""What Codex's records mean, record by record."""

import json
from collections import Counter
from pathlib import Path

import pytest

from segue.testing.transcripts import read
from segue.transcripts.codex.reader import Codex
from tests.unit.transcripts.json_lines import write

FIXTURES = Path(__file__).parents[2] / "fixtures" / "transcripts" / "codex"
AT = "2026-01-15T09:30:00.000Z"


def line(kind, ordinal=None, **payload):
    numbered = {} if ordinal is None else {"ordinal": ordinal}
    return {"timestamp": AT, **numbered, "type": kind, "payload": payload}


def message(role, text, ordinal=None, **more):
    shown = "output_text" if role == "assistant" else "input_text"
    return line("response_item", ordinal, type="message", role=role, content=[{"type": shown, "text": text}], **more)


@pytest.fixture
def drafts(tmp_path):
    return lambda *records: read(Codex(), write(tmp_path / "rollout.jsonl", *records)).drafts


def test_a_call_and_its_answer_are_messages_and_the_answer_tells_what_was_done(drafts):
    call, answer = drafts(
        line("response_item", 7, type="function_call", name="exec_command", arguments='{"cmd": "ls"}', call_id="c1", id="fc_1"),
        line("response_item", 8, type="function_call_output", call_id="c1", output="Process exited with code 2\nOutput:\nno\n"),
    )
    part = {"type": "tool_call", "id": "c1", "name": "exec_command", "arguments": {"cmd": "ls"}}
    assert (call.kind, call.actor, call.node) == ("message", "codex", "#7")
    assert call.body == {"role": "assistant", "parts": [part], "message_id": "fc_1"}
    assert (answer.actor, answer.node) == ("tool", "#8")
    assert answer.body == {
        "role": "tool",
        "parts": [
            {
                "type": "tool_call_response",
                "id": "c1",
                "response": "Process exited with code 2\nOutput:\nno\n",
                "is_error": True,
            }
        ],
        "effects": [{"op": "run", "exit_code": 2, "call": "c1"}],
    }


def test_a_tool_of_an_mcp_server_has_the_servers_name_before_its_own(drafts):
    calls = drafts(
        line("response_item", 1, type="function_call", name="weigh", namespace="mcp__my_fruit", arguments="{}", call_id="c1"),
        line("response_item", 2, type="function_call", name="spawn", namespace="multi_agent_v1", arguments="{}", call_id="c2"),
    )
    assert [call.body["parts"][0]["name"] for call in calls] == ["mcp__my_fruit__weigh", "spawn"]


PATCH = (
    "*** Begin Patch\n*** Add File: new.py\n+1\n+2\n*** Update File: a.py\n@@\n x\n-y\n+z\n*** Delete File: old.py\n*** End Patch"
)


@pytest.mark.parametrize(
    "call",
    [
        {"type": "custom_tool_call", "name": "apply_patch", "input": PATCH},
        {"type": "function_call", "name": "apply_patch", "arguments": json.dumps({"input": PATCH})},
    ],
)
def test_a_patch_that_was_applied_tells_its_files_and_lines(drafts, call):
    kind = call["type"] + "_output"
    done = {"type": kind, "call_id": "c1", "output": '{"output": "Success.", "metadata": {"exit_code": 0}}'}
    failed = {"type": kind, "call_id": "c1", "output": '{"output": "No.", "metadata": {"exit_code": 1}}'}
    asked = line("response_item", call_id="c1", **call)
    assert drafts(asked, line("response_item", **done))[1].body == {
        "role": "tool",
        "parts": [{"type": "tool_call_response", "id": "c1", "response": "Success."}],
        "effects": [
            {"op": "write", "path": "new.py", "added": 2, "removed": 0, "call": "c1"},
            {"op": "edit", "path": "a.py", "added": 1, "removed": 1, "call": "c1"},
            {"op": "delete", "path": "old.py", "added": 0, "removed": 0, "call": "c1"},
        ],
    }
    assert "effects" not in drafts(asked, line("response_item", **failed))[1].body


def test_a_patch_through_the_shell_is_a_run_and_its_files(drafts):
    shell = {"type": "function_call", "name": "shell", "call_id": "c1"}
    shell["arguments"] = json.dumps({"command": ["bash", "-lc", f"apply_patch <<'EOF'\n{PATCH}\nEOF\n"]})
    found = drafts(
        line("response_item", **shell), line("response_item", type="function_call_output", call_id="c1", output="Done!")
    )
    assert [(e["op"], e.get("path")) for e in found[1].body["effects"]] == [
        ("run", None),
        ("write", "new.py"),
        ("edit", "a.py"),
        ("delete", "old.py"),
    ]


def test_an_answer_finds_its_call_in_what_was_read_before(tmp_path):
    file = tmp_path / "rollout.jsonl"
    call = line("response_item", 1, type="function_call", name="shell", arguments='{"command": ["ls"]}', call_id="c1")
    file.write_text(json.dumps(call) + "\n")
    first = read(Codex(), file)
    answer = line("response_item", 2, type="function_call_output", call_id="c1", output="ok")
    file.write_text(json.dumps(call) + "\n" + json.dumps(answer) + "\n")
    assert read(Codex(), file, first.position).drafts[0].body["effects"] == [{"op": "run", "exit_code": 0, "call": "c1"}]


@pytest.mark.parametrize(
    ("record", "meta"),
    [
        (message("user", "Build it"), False),
        (message("user", "Build it", internal_chat_message_metadata_passthrough={"content_item_kinds": ["user.text"]}), False),
        (message("user", "cwd", internal_chat_message_metadata_passthrough={"content_item_kinds": ["environments.x"]}), True),
        (message("user", "<environment_context>\n  <cwd>/p</cwd>"), True),
        (message("user", "# AGENTS.md instructions for /p\n\n<INSTRUCTIONS>"), True),
        (message("developer", "Be kind"), True),
    ],
)
def test_what_the_program_put_there_is_not_taken_for_the_users_words(drafts, record, meta):
    (draft,) = drafts(record)
    assert draft.body.get("meta", False) is meta
    assert draft.actor == ("codex" if meta else "user")


def test_usage_is_told_twice_and_carries_one_id(drafts):
    usage = {
        "input_tokens": 100,
        "cached_input_tokens": 90,
        "output_tokens": 9,
        "reasoning_output_tokens": 4,
        "total_tokens": 109,
    }
    total = {**usage, "total_tokens": 509}
    expected = {
        "input_tokens": 100,
        "output_tokens": 9,
        "cache_read_tokens": 90,
        "cache_write_tokens": 0,
        "reasoning_tokens": 4,
        "context_tokens": 109,
        "message_id": "total:509",
    }
    found = drafts(
        line("token_usage_record", 1, response_id="r", usage=usage, thread_token_usage=total),
        line("event_msg", 2, type="token_count", info={"last_token_usage": usage, "total_token_usage": total}),
        line("event_msg", 3, type="token_count", info=None, rate_limits={}),
    )
    assert [(d.kind, d.body) for d in found] == [
        ("usage", expected),
        ("usage", expected),
        ("record", {"type": "event_msg", "subtype": "token_count"}),
    ]


def test_turns_that_are_rolled_back_move_the_head(tmp_path):
    file = tmp_path / "rollout.jsonl"
    story = [
        line("session_meta", 0, id="x"),
        message("user", "one", 1),
        message("assistant", "1", 2),
        message("user", "two", 3),
        message("assistant", "2", 4),
        line("event_msg", 5, type="thread_rolled_back", num_turns=1),
        message("user", "three", 6),
        line("event_msg", 7, type="thread_rolled_back", num_turns=9),
    ]
    text = [json.dumps(r) + "\n" for r in story]
    file.write_text("".join(text))
    found = read(Codex(), file).drafts
    moves = [d.body for d in found if d.kind == "head.moved"]
    assert moves == [
        {"to": "#2", "frm": "#4", "reason": "the agent rolled back"},
        {"to": "#0", "frm": "#6", "reason": "the agent rolled back"},
    ]
    file.write_text("".join(text[:5]))
    first = read(Codex(), file)
    file.write_text("".join(text))
    assert first.drafts + read(Codex(), file, first.position).drafts == found


def test_a_compaction_keeps_its_summary(drafts):
    (draft,) = drafts(line("compacted", 4, message="So far: all well."))
    assert (draft.kind, draft.body, draft.node) == ("compaction", {"summary": "So far: all well."}, "#4")


def test_other_records_with_a_number_that_was_used_are_events_of_their_own(drafts):
    found = drafts(message("user", "one", 1), message("user", "two", 2), message("user", "other", 1), message("user", "three", 3))
    assert [d.node for d in found] == ["#1", "#2", "#1@3", "#3"]


def test_reasoning_search_and_pictures(drafts):
    found = drafts(
        line("response_item", type="reasoning", summary=[{"type": "summary_text", "text": "Hm."}], encrypted_content="x"),
        line("response_item", type="web_search_call", id="ws", action={"type": "search", "query": "q"}),
        line(
            "response_item",
            type="message",
            role="user",
            content=[{"type": "input_image", "image_url": "data:image/png;base64,xx"}],
        ),
        line("response_item", type="ghost_snapshot", ghost_commit={}),
    )
    assert [(d.kind, d.body.get("parts", d.body)) for d in found] == [
        ("message", [{"type": "reasoning", "content": "Hm."}]),
        ("message", [{"type": "tool_call", "id": "ws", "name": "web_search", "arguments": {"type": "search", "query": "q"}}]),
        ("message", [{"type": "uri", "modality": "image", "uri": "data:image/png;base64,xx"}]),
        ("record", {"type": "response_item", "subtype": "ghost_snapshot"}),
    ]


def test_a_session_is_named_by_its_file_or_else_by_its_first_record():
    reader = Codex()
    head = json.dumps(line("session_meta", 0, id="01a1fbd8-9c48-7761-9e13-fd4d63b0070c")).encode() + b"\n"
    named = "rollout-2026-11-21T02-06-43-01a1fbdb-1b9a-7be2-8b74-ca0143f4275d.jsonl"
    assert reader.identify(named, head) == "01a1fbdb-1b9a-7be2-8b74-ca0143f4275d"
    assert reader.identify("copy.jsonl", head) == "01a1fbd8-9c48-7761-9e13-fd4d63b0070c"
    assert reader.identify("copy.jsonl", b"") == "copy"
    assert reader.sniff(named, b"")


def test_every_record_of_every_sample_is_accounted_for_by_its_type():
    counts = Counter()
    for file in sorted(FIXTURES.glob("*.jsonl")):
        told = [json.loads(text) for text in file.read_text().splitlines()]
        found = read(Codex(), file).drafts
        counts += Counter((r["type"], r["payload"].get("type"), d.kind) for r, d in zip(told, found, strict=True))
    assert counts == {
        ("session_meta", None, "record"): 3,
        ("turn_context", None, "record"): 3,
        ("world_state", None, "record"): 2,
        ("response_item", "message", "message"): 13,
        ("response_item", "function_call", "message"): 6,
        ("response_item", "function_call_output", "message"): 5,
        ("token_usage_record", None, "usage"): 7,
        ("event_msg", "token_count", "usage"): 6,
        ("event_msg", "item_completed", "record"): 10,
        ("event_msg", "task_started", "record"): 3,
        ("event_msg", "task_complete", "record"): 2,
        ("event_msg", "thread_settings_applied", "record"): 3,
    }
