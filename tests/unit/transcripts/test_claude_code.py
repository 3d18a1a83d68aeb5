"""What Claude Code's records mean, record by record."""

import json
from collections import Counter
from pathlib import Path

import pytest

from segue.testing.transcripts import read
from segue.transcripts.claude_code.reader import ClaudeCode
from tests.unit.transcripts.json_lines import write

FIXTURES = Path(__file__).parents[2] / "fixtures" / "transcripts" / "claude"
AT = "2026-01-15T09:30:00.000Z"


def record(uuid, parent=None, kind="user", **more):
    return {"parentUuid": parent, "type": kind, "uuid": uuid, "sessionId": "s", "timestamp": AT, **more}


def typed(uuid, parent, text):
    return record(uuid, parent, message={"role": "user", "content": text})


def model(uuid, parent, *blocks, **message):
    return record(uuid, parent, "assistant", message={"id": "m", "role": "assistant", "content": list(blocks), **message})


@pytest.fixture
def drafts(tmp_path):
    return lambda *records, name="session.jsonl": read(ClaudeCode(), write(tmp_path / name, *records)).drafts


def test_a_record_becomes_an_event_that_has_its_place_its_time_and_its_bytes(drafts, tmp_path):
    told = typed("u1", None, "Build it")
    (draft,) = drafts(told)
    assert draft._asdict() == {
        "kind": "message",
        "body": {"role": "user", "parts": [{"type": "text", "content": "Build it"}]},
        "actor": "user",
        "stream": "main",
        "node": "u1",
        "parent": None,
        "key": "claude-code:00000000-0000-4000-8000-000000000001:u1:" + draft.key.rpartition(":")[2],
        "at": AT,
        "source": {
            "agent": "claude-code",
            "file": str(tmp_path / "session.jsonl"),
            "record": "u1",
            "line": 1,
            "reader": "claude-code/1",
            "raw": json.dumps(told),
        },
        "scopes": None,
    }


def test_blocks_of_the_model_are_parts_and_its_input_counts_the_cache(drafts):
    (draft,) = drafts(
        model(
            "a1",
            "u1",
            {"type": "thinking", "thinking": "Hm.", "signature": "x"},
            {"type": "text", "text": "Looking."},
            {"type": "tool_use", "id": "t1", "name": "Bash", "input": {"command": "ls"}},
            {"type": "redacted_thinking", "data": "x"},
            {"type": "hologram", "depth": 3},
            model="claude-x",
            stop_reason="tool_use",
            usage={
                "input_tokens": 3,
                "cache_read_input_tokens": 90,
                "cache_creation_input_tokens": 7,
                "output_tokens": 11,
                "output_tokens_details": {"thinking_tokens": 5},
            },
        )
    )[:1]
    assert draft.body == {
        "role": "assistant",
        "parts": [
            {"type": "reasoning", "content": "Hm."},
            {"type": "text", "content": "Looking."},
            {"type": "tool_call", "id": "t1", "name": "Bash", "arguments": {"command": "ls"}},
            {"type": "reasoning", "content": "", "redacted": True},
            {"type": "hologram", "depth": 3},
        ],
        "message_id": "m",
        "model": "claude-x",
        "finish_reason": "tool_use",
        "usage": {
            "input_tokens": 100,
            "output_tokens": 11,
            "cache_read_tokens": 90,
            "cache_write_tokens": 7,
            "reasoning_tokens": 5,
        },
    }


@pytest.mark.parametrize(
    ("result", "effects"),
    [
        (
            {"filePath": "/p/a.py", "oldString": "a", "newString": "b", "structuredPatch": [{"lines": [" x", "-a", "+b", "+c"]}]},
            [{"op": "edit", "path": "/p/a.py", "added": 2, "removed": 1, "call": "t1"}],
        ),
        (
            {"type": "create", "filePath": "/p/new.py", "content": "1\n2\n3\n", "structuredPatch": [], "originalFile": None},
            [{"op": "write", "path": "/p/new.py", "added": 3, "removed": 0, "call": "t1"}],
        ),
        (
            {"type": "text", "file": {"filePath": "/p/a.py", "content": "x", "startLine": 5, "numLines": 40}},
            [{"op": "read", "path": "/p/a.py", "first": 5, "lines": 40, "call": "t1"}],
        ),
        ({"stdout": "x", "stderr": "", "interrupted": True}, [{"op": "run", "interrupted": True, "call": "t1"}]),
        ({"filenames": ["a", "b"], "numFiles": 2}, [{"op": "search", "files": 2, "call": "t1"}]),
        ("Error: no", None),
        ([1, 2], None),
        ({"filePath": 7, "file": [], "stdout": None}, [{"op": "run", "call": "t1"}]),
    ],
)
def test_what_a_tool_did_is_taken_from_its_result(drafts, result, effects):
    content = [{"type": "tool_result", "tool_use_id": "t1", "content": [{"type": "text", "text": "ok"}]}]
    (draft,) = drafts(record("r1", None, message={"role": "user", "content": content}, toolUseResult=result))
    expected = {"role": "tool", "parts": [{"type": "tool_call_response", "id": "t1", "response": "ok"}]}
    assert draft.body == (expected if effects is None else {**expected, "effects": effects})
    assert draft.actor == "tool"


@pytest.mark.parametrize(
    ("said", "more", "meta"),
    [
        ("Build it", {}, False),
        ("Build it", {"isMeta": True}, True),
        ("Build it", {"origin": {"kind": "human"}}, False),
        ("Task 7 has ended", {"origin": {"kind": "task-notification"}}, True),
        ("This session is being continued ...", {"isCompactSummary": True}, True),
        ("<local-command-stdout>ok</local-command-stdout>", {}, True),
        ("<task-notification>\n<task-id>1</task-id>", {}, True),
        ("[Request interrupted by user]", {}, True),
        ("<command-name>/deploy</command-name><command-args>to staging</command-args>", {}, False),
        ("what does <system-reminder> mean?", {}, False),
    ],
)
def test_what_the_program_put_there_is_not_taken_for_the_users_words(drafts, said, more, meta):
    (draft,) = drafts(record("u1", None, message={"role": "user", "content": said}, **more))
    assert draft.body.get("meta", False) is meta
    assert draft.actor == ("claude-code" if meta else "user")


def test_a_compaction_follows_what_was_before_it_where_the_agent_cut_the_link(drafts):
    boundary = record("b", None, "system", subtype="compact_boundary", compactMetadata={"trigger": "auto", "preTokens": 9})
    found = drafts(typed("u1", None, "x"), typed("u2", "u1", "y"), {**boundary, "logicalParentUuid": "u1"})
    lost = drafts(typed("u1", None, "x"), typed("u2", "u1", "y"), {**boundary, "logicalParentUuid": "never-written"})
    assert found[2].body == {"follows": "u1", "trigger": "auto", "pre_tokens": 9}
    assert lost[2].body == {"follows": "u2", "trigger": "auto", "pre_tokens": 9}
    assert found[2].parent is None


def test_a_parent_that_is_not_in_the_file_is_a_named_loss_and_the_record_is_kept(drafts, tmp_path):
    found = drafts(typed("u1", None, "x"), typed("u3", "u2", "z"))
    assert [(d.kind, d.node, d.parent) for d in found[:2]] == [("message", "u1", None), ("message", "u3", "u2")]
    assert [d.body for d in found[2:]] == [
        {
            "where": f"{tmp_path}/session.jsonl:2",
            "reason": "the record before it, u2, is not in the file; it follows the last one that is",
        }
    ]


def test_the_head_moves_where_the_agent_will_resume(drafts):
    prompt = {"type": "last-prompt", "sessionId": "s", "lastPrompt": "x"}
    story = [typed("u1", None, "x"), typed("u2", "u1", "y"), typed("u3", "u2", "z")]
    back = drafts(*story, {**prompt, "leafUuid": "u1"})[3]
    here = drafts(*story, {**prompt, "leafUuid": "u3"})[3]
    ahead = drafts(*story, {**prompt, "leafUuid": "u4"})[3]
    assert (back.kind, back.body) == ("head.moved", {"to": "u1", "frm": "u3", "reason": "the agent resumes from here"})
    assert (here.kind, ahead.kind) == ("record", "record")


def test_what_was_typed_while_the_agent_worked_is_a_message_when_it_is_handed_over(drafts):
    def queue(operation, content=None):
        more = {} if content is None else {"content": content}
        return {"type": "queue-operation", "operation": operation, "timestamp": AT, "sessionId": "s", **more}

    found = drafts(
        typed("u1", None, "x"),
        queue("enqueue", "<task-notification>done</task-notification>"),
        queue("enqueue", "and check the tests"),
        queue("enqueue", "then stop"),
        model("a1", "u1", {"type": "text", "text": "ok"}),
        queue("remove"),
        queue("dequeue"),
        typed("u2", "a1", "then stop"),
    )
    assert [(d.body["parts"][0]["content"], d.parent, d.body.get("queued")) for d in found if d.actor == "user"] == [
        ("x", None, None),
        ("and check the tests", "a1", True),
        ("then stop", "a1", None),
    ]


def test_a_queued_command_is_the_users_word_and_said_once(drafts):
    found = drafts(
        typed("u1", None, "x"),
        {"type": "queue-operation", "operation": "enqueue", "timestamp": AT, "sessionId": "s", "content": "and that"},
        record("q1", "u1", "attachment", attachment={"type": "queued_command", "prompt": "and that"}),
        {"type": "queue-operation", "operation": "remove", "timestamp": AT, "sessionId": "s"},
    )
    assert [(d.kind, d.node, d.body.get("queued")) for d in found if d.actor == "user"] == [
        ("message", "u1", None),
        ("message", "q1", True),
    ]


def test_titles_are_taken_over_where_they_are_this_conversations(drafts):
    found = drafts(
        {"type": "summary", "summary": "Another conversation", "leafUuid": "elsewhere"},
        typed("u1", None, "x"),
        {"type": "summary", "summary": "Mine", "leafUuid": "u1"},
        {"type": "custom-title", "customTitle": "Better\nname", "sessionId": "s"},
    )
    assert [(d.kind, d.body) for d in found if d.kind != "message"] == [
        ("record", {"type": "summary"}),
        ("session.updated", {"title": "Mine"}),
        ("session.updated", {"title": "Better"}),
    ]


def test_the_header_is_learned_from_the_records(tmp_path):
    found = read(ClaudeCode(), FIXTURES / "hooks-subagent-compact.jsonl")
    assert found.facts == {
        "root": "962e3181-2c53-4fbc-9dd3-bef03392d75b",
        "workspace": "/home/dev/project",
        "git_branch": "main",
        "agent_version": "2.1.329",
        "title": "Please build notes [[plan]]",
        "model": "claude-opus-5-5",
    }


def test_a_subagents_file_is_a_stream_of_its_own(drafts):
    inner = {**typed("s1", None, "scan"), "isSidechain": True, "agentId": "af8"}
    name = "0aa9855f-d063-44e4-af7e-b2010b7d0e68/subagents/agent-af8.jsonl"
    found = drafts(inner, {"type": "api-request", "sessionId": "s"}, name=name)
    assert [(d.kind, d.actor, d.stream, d.node, d.parent) for d in found] == [
        ("message", "claude-code/af8", "af8", "s1", None),
        ("record", "claude-code/af8", "af8", "@2", "s1"),
    ]


def test_sidechains_of_older_versions_stay_out_of_the_main_line(drafts):
    found = drafts(
        typed("u1", None, "x"),
        {**typed("s1", None, "inner"), "isSidechain": True},
        {**model("s2", "s1", {"type": "text", "text": "done"}), "isSidechain": True},
        typed("u2", "u1", "y"),
    )
    assert [(d.stream, d.node, d.parent) for d in found] == [
        ("main", "u1", None),
        ("sidechain", "s1", None),
        ("sidechain", "s2", "s1"),
        ("main", "u2", "u1"),
    ]


def test_files_are_known_by_name_where_nothing_in_them_can_be_read():
    reader = ClaudeCode()
    assert reader.sniff("p/a0edc6ad-81f1-4d48-9902-29dc3fc4830f.jsonl", b"\0\0\0\n\xff\xfe garbage\n{torn")
    assert not reader.sniff("p/a0edc6ad-81f1-4d48-9902-29dc3fc4830f.jsonl", b'{"of": "somebody else"}\n')
    assert reader.sniff("p/a0edc6ad-81f1-4d48-9902-29dc3fc4830f.jsonl", b"")
    assert not reader.sniff("p/notes.jsonl", b"")
    assert reader.identify("p/a0edc6ad-81f1-4d48-9902-29dc3fc4830f.jsonl.gz", b"") == "a0edc6ad-81f1-4d48-9902-29dc3fc4830f"
    assert reader.identify("p/0aa9855f-d063-44e4-af7e-b2010b7d0e68/subagents/agent-a.jsonl", b"") == (
        "0aa9855f-d063-44e4-af7e-b2010b7d0e68"
    )


def test_qwens_records_have_the_same_envelope_and_are_not_taken_for_claudes():
    qwen = {**typed("u1", None, "x"), "message": {"role": "user", "parts": [{"text": "x"}]}}
    assert not ClaudeCode().sniff("chat.jsonl", json.dumps(qwen).encode() + b"\n")


def test_every_record_of_every_sample_is_accounted_for_by_its_type():
    counts = Counter()
    for file in sorted(FIXTURES.rglob("*.jsonl")):
        told = [json.loads(line)["type"] for line in file.read_text().splitlines()]
        found = read(ClaudeCode(), file).drafts
        lines = [json.loads(d.source["raw"])["type"] for d in found if d.kind != "agent.set"]
        assert lines == told
        counts += Counter((kind, d.kind) for kind, d in zip(told, found, strict=False))
    assert counts == {
        ("user", "message"): 27,
        ("assistant", "message"): 26,
        ("system", "compaction"): 1,
        ("system", "record"): 7,
        ("attachment", "record"): 76,
        ("queue-operation", "record"): 16,
        ("last-prompt", "record"): 18,
        ("atis-latch", "record"): 16,
        ("tools-used", "record"): 12,
        ("api-request", "record"): 23,
        ("api-request-blob", "record"): 14,
        ("api-request-shape", "record"): 5,
        ("cost-state", "record"): 8,
        ("mode", "record"): 5,
        ("permission-mode", "record"): 3,
        ("file-history-snapshot", "record"): 1,
        ("file-history-delta", "record"): 1,
    }
