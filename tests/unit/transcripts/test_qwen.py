"""What Qwen Code's records mean, record by record, and what is left of the conversation."""

import json
from pathlib import Path

import pytest

from segue.testing.transcripts import read
from segue.transcripts import transcripts
from segue.transcripts.claude_code.reader import ClaudeCode
from segue.transcripts.qwen.reader import Qwen
from tests.unit.transcripts.json_lines import said_in, write

FIXTURES = Path(__file__).parents[2] / "fixtures" / "transcripts"
AT = "2026-01-15T09:30:00.000Z"
SESSION = "11111111-1111-4111-8111-111111111111"


def record(uuid, parent, kind, *parts, **more):
    message = {"message": {"role": "model" if kind == "assistant" else "user", "parts": list(parts)}} if parts else {}
    return {
        "uuid": uuid,
        "parentUuid": parent,
        "sessionId": SESSION,
        "timestamp": AT,
        "type": kind,
        "cwd": "/home/dev/project",
        "version": "0.15.10",
        **message,
        **more,
    }


def said(uuid, parent, kind, text, **more):
    return record(uuid, parent, kind, {"text": text}, **more)


def call(uuid, parent, identity, name="run_shell_command", **args):
    return record(uuid, parent, "assistant", {"functionCall": {"id": identity, "name": name, "args": args}})


def result(uuid, parent, identity, name="run_shell_command", output="ok", status="success", **more):
    answer = {"functionResponse": {"id": identity, "name": name, "response": {"output": output}}}
    return record(uuid, parent, "tool_result", answer, toolCallResult={"callId": identity, "status": status, **more})


@pytest.fixture
def drafts(tmp_path):
    return lambda *records: read(Qwen(), write(tmp_path / f"{SESSION}.jsonl", *records)).drafts


@pytest.fixture
def line(tmp_path):
    """What is said on the active line, once a file of these records is imported."""

    return lambda *records: said_in(write(tmp_path / "chats" / f"{SESSION}.jsonl", *records))


def test_a_message_of_the_model_has_thoughts_text_calls_and_usage(drafts):
    found = drafts(
        record(
            "a1",
            None,
            "assistant",
            {"text": "I think.", "thought": True},
            {"text": "I look."},
            {"text": ""},
            {"functionCall": {"id": "c1", "name": "glob", "args": {"pattern": "*"}}},
            model="qwen3-coder",
            usageMetadata={
                "promptTokenCount": 100,
                "candidatesTokenCount": 20,
                "thoughtsTokenCount": 5,
                "totalTokenCount": 125,
                "cachedContentTokenCount": 60,
            },
        )
    )[0]
    assert (found.kind, found.actor, found.node, found.parent, found.at) == ("message", "qwen-code", "a1", None, AT)
    assert found.body == {
        "role": "assistant",
        "message_id": "a1",
        "model": "qwen3-coder",
        "parts": [
            {"type": "reasoning", "content": "I think."},
            {"type": "text", "content": "I look."},
            {"type": "tool_call", "id": "c1", "name": "glob", "arguments": {"pattern": "*"}},
        ],
        "usage": {"input_tokens": 100, "output_tokens": 25, "cache_read_tokens": 60, "reasoning_tokens": 5},
    }


def test_an_answer_tells_what_was_done_by_its_call_also_when_reading_on(tmp_path):
    stat = {"diffStat": {"model_added_lines": 3, "model_removed_lines": 1}, "fileDiff": "..."}
    records = [
        call("a1", None, "c1", "write_file", file_path="/p/a.py", content="x"),
        result("t1", "a1", "c1", "write_file", resultDisplay=stat),
        call("a2", "t1", "c2", command="make"),
        result("t2", "a2", "c2", output="Command: make\nError: (none)\nExit Code: 2\nSignal: 0"),
        call("a3", "t2", "c3", "edit", file_path="/p/a.py"),
        result("t3", "a3", "c3", "edit", "not found", status="error"),
    ]
    file = tmp_path / f"{SESSION}.jsonl"
    whole = read(Qwen(), write(file, *records)).drafts
    assert [d.body.get("effects") for d in whole[1::2]] == [
        [{"op": "write", "path": "/p/a.py", "added": 3, "removed": 1, "call": "c1"}],
        [{"op": "run", "exit_code": 2, "call": "c2"}],
        None,
    ]
    assert whole[5].body["parts"] == [{"type": "tool_call_response", "id": "c3", "response": "not found", "is_error": True}]
    assert {d.actor for d in whole[1::2]} == {"tool"}
    steps, position = [], None
    for i in range(len(records)):
        step = read(Qwen(), write(file, *records[: i + 1]), position)
        steps, position = steps + step.drafts, step.position
    assert steps == whole


def test_a_rewind_leaves_a_branch_behind(line):
    assert line(
        said("u1", None, "user", "one"),
        said("a1", "u1", "assistant", "1"),
        said("u2", "a1", "user", "two"),
        said("a2", "u2", "assistant", "2"),
        record("r1", "a1", "system", subtype="rewind", systemPayload={"truncatedCount": 2}),
        said("u3", "r1", "user", "three"),
    ) == [("user", "one"), ("assistant", "1"), ("user", "three")]


def test_a_compression_is_a_boundary(drafts, line):
    history = [
        {"role": "user", "parts": [{"text": "<state_snapshot>all</state_snapshot>"}]},
        {"role": "model", "parts": [{"text": "Got it."}]},
        {"role": "user", "parts": [{"text": "two"}]},
    ]
    payload = {"info": {"originalTokenCount": 900, "newTokenCount": 90}, "compressedHistory": history}
    records = [
        said("u1", None, "user", "one"),
        record("k1", "u1", "system", subtype="chat_compression", systemPayload=payload),
        said("u2", "k1", "user", "three"),
    ]
    assert [(d.kind, d.body) for d in drafts(*records)][1] == (
        "compaction",
        {"summary": "<state_snapshot>all</state_snapshot>", "pre_tokens": 900, "post_tokens": 90},
    )
    assert line(*records) == [("user", "one"), ("user", "three")]


def test_what_the_user_did_not_type_is_not_his(drafts):
    found = drafts(
        said("u1", None, "user", "hello"),
        said("u2", "u1", "user", "task is done", subtype="notification"),
        said("u3", "u2", "user", "check the build", subtype="cron"),
    )
    assert [(d.actor, d.body.get("meta")) for d in found] == [("user", None), ("qwen-code", True), ("qwen-code", None)]


def test_notes_of_the_program_are_records_in_the_line(drafts):
    event = {"uiEvent": {"event.name": "qwen-code.api_response", "input_token_count": 7}}
    found = drafts(
        record("s1", None, "system", subtype="ui_telemetry", systemPayload=event),
        record("s2", "s1", "system", subtype="slash_command", systemPayload={"phase": "invocation"}),
        record("s3", "s2", "system"),
    )
    assert [(d.kind, d.body, d.parent) for d in found] == [
        ("record", {"type": "system", "subtype": "ui_telemetry", "event": "qwen-code.api_response"}, None),
        ("record", {"type": "system", "subtype": "slash_command"}, "s1"),
        ("record", {"type": "system"}, "s2"),
    ]


def test_the_records_tell_of_the_session(tmp_path):
    found = read(
        Qwen(),
        write(
            tmp_path / f"{SESSION}.jsonl",
            said("u1", None, "user", "hello", gitBranch="main", forkedFrom={"sessionId": "other", "messageUuid": "u1"}),
            said("a1", "u1", "assistant", "hi", model="qwen3-coder"),
            record(
                "s1", "a1", "system", subtype="custom_title", systemPayload={"customTitle": "Greetings", "titleSource": "auto"}
            ),
        ),
    )
    assert found.facts == {
        "root": "u1",
        "workspace": "/home/dev/project",
        "git_branch": "main",
        "agent_version": "0.15.10",
        "model": "qwen3-coder",
        "title": "Greetings",
        "forked_from": {"foreign_id": "other", "node": "u1"},
    }


def test_a_subagent_is_a_stream_of_its_session_and_its_description_says_who_it_is(tmp_path):
    file = tmp_path / "subagents" / SESSION / "agent-look-1.jsonl"
    write(file, said("u1", None, "user", "look", isSidechain=True, agentId="look-1"), said("a1", "u1", "assistant", "seen"))
    file.with_name("agent-look-1.meta.json").write_text(json.dumps({"agentType": "explorer", "status": "completed"}))
    reader = Qwen()
    assert reader.identify(str(file), file.read_bytes()) == SESSION
    found = read(reader, file)
    assert [(d.kind, d.stream, d.actor) for d in found.drafts] == [
        ("message", "look-1", "qwen-code/look-1"),
        ("message", "look-1", "qwen-code/look-1"),
        ("agent.set", "main", "qwen-code"),
    ]
    assert found.drafts[2].body == {
        "name": "qwen-code/look-1",
        "type": "explorer",
        "status": "finished",
        "set": {"stream": "look-1"},
    }
    assert "title" not in found.facts


def test_a_record_whose_parent_is_gone_is_named(drafts):
    assert [d.kind for d in drafts(said("a2", "gone", "assistant", "hi"))] == ["message", "loss"]


@pytest.mark.parametrize(
    "name", ["claude/hooks-subagent-compact.jsonl", "claude/killed-mid-tool.jsonl", "qwen/headless-plan.jsonl"]
)
def test_claude_code_and_qwen_code_do_not_take_each_other_s_files(name):
    file = FIXTURES / name
    head = file.read_bytes()[:65536]
    ours = name.startswith("qwen")
    assert (Qwen().sniff(str(file), head), ClaudeCode().sniff(str(file), head)) == (ours, not ours)
    (found,) = transcripts().find([str(file)])
    assert found.reader.agent == ("qwen-code" if ours else "claude-code")
