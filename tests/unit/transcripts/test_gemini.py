"""What Gemini CLI's records mean, record by record, and what is left of the conversation."""

from pathlib import Path

import pytest

from segue.testing.transcripts import read
from segue.transcripts.gemini.reader import Gemini
from tests.unit.transcripts.gemini_records import AT, ENVIRONMENT, SESSION, answers, call, header, messages, model, user
from tests.unit.transcripts.json_lines import said_in, write

FIXTURES = Path(__file__).parents[2] / "fixtures" / "transcripts" / "gemini"
NAME = "session-2026-01-15T09-30-11111111.jsonl"


@pytest.fixture
def drafts(tmp_path):
    return lambda *records: read(Gemini(), write(tmp_path / NAME, *records)).drafts


@pytest.fixture
def line(tmp_path):
    """What is said on the active line, once files of these records are imported."""

    def run(*files):
        return said_in(*(write(tmp_path / f"chats/{i}-{NAME}", *records) for i, records in enumerate(files)))

    return run


def test_what_the_user_typed_is_his_and_names_the_session(drafts):
    said = drafts(header(), user("u1", "hello\nthere"))[1]
    assert (said.kind, said.actor, said.node, said.at) == ("message", "user", "u1", AT)
    assert said.body == {"role": "user", "parts": [{"type": "text", "content": "hello\nthere"}]}


def test_a_message_of_the_model_has_thoughts_text_calls_answers_and_usage(drafts):
    found = drafts(
        model(
            "g1",
            "I look.",
            thoughts=[{"subject": "Plan", "description": "look first", "timestamp": AT}],
            tokens={"input": 100, "output": 20, "cached": 60, "thoughts": 5, "tool": 2, "total": 127},
            model="gemini-3-pro",
            toolCalls=[
                call("c1", args={"command": "ls"}),
                call("c2", "replace", "no such text", args={"file_path": "/p/a.py"}, status="error"),
                {"id": "c3", "name": "glob", "args": {"pattern": "*"}, "status": "cancelled"},
            ],
        )
    )[0]
    assert (found.kind, found.actor, found.node) == ("message", "gemini-cli", "g1")
    assert found.body == {
        "role": "assistant",
        "message_id": "g1",
        "model": "gemini-3-pro",
        "parts": [
            {"type": "reasoning", "content": "**Plan** look first"},
            {"type": "text", "content": "I look."},
            {"type": "tool_call", "id": "c1", "name": "run_shell_command", "arguments": {"command": "ls"}},
            {"type": "tool_call", "id": "c2", "name": "replace", "arguments": {"file_path": "/p/a.py"}},
            {"type": "tool_call", "id": "c3", "name": "glob", "arguments": {"pattern": "*"}},
            {"type": "tool_call_response", "id": "c1", "response": "ok"},
            {"type": "tool_call_response", "id": "c2", "response": "no such text", "is_error": True},
        ],
        "effects": [{"op": "run", "call": "c1"}],
        "usage": {"input_tokens": 102, "output_tokens": 25, "cache_read_tokens": 60, "reasoning_tokens": 5},
    }


def test_an_edit_tells_its_lines_and_where_the_project_is(tmp_path):
    stat = {"model_added_lines": 3, "model_removed_lines": 1, "user_added_lines": 1, "user_removed_lines": 0}
    edit = call("c1", "write_file", args={"file_path": "/home/dev/project/a/b.py"}, resultDisplay={"diffStat": stat})
    found = read(Gemini(), write(tmp_path / NAME, header(), user("u1", "hi"), model("g1", "", toolCalls=[edit])))
    assert found.drafts[2].body["effects"] == [
        {"op": "write", "path": "/home/dev/project/a/b.py", "added": 4, "removed": 1, "call": "c1"}
    ]
    assert found.facts == {"workspace": "/home/dev/project", "title": "hi"}


def test_the_directory_that_is_noted_beside_the_transcripts_is_the_workspace(tmp_path):
    (tmp_path / ".project_root").write_text("/home/dev/project")
    file = write(tmp_path / "chats" / NAME, header(), user("u1", "hi"))
    assert read(Gemini(), file).facts["workspace"] == "/home/dev/project"
    file = write(tmp_path / "chats" / NAME, header("/elsewhere"), user("u1", "hi"))
    assert "workspace" not in read(Gemini(), file).facts


def test_what_a_hook_puts_around_a_prompt_was_not_typed(drafts):
    found = drafts(user("u1", "<hook_context>be\nkind</hook_context>\n\nhello"), user("u2", "<hook_context>x</hook_context>"))
    assert found[0].body["parts"] == [{"type": "hook_context", "content": "be\nkind"}, {"type": "text", "content": "hello"}]
    assert [d.body.get("meta") for d in found] == [None, True]


def test_media_and_unknown_parts_are_kept(drafts):
    parts = [
        {"inlineData": {"mimeType": "image/png", "data": "aGk="}},
        {"fileData": {"mimeType": "application/pdf", "fileUri": "gs://x"}},
        {"executableCode": {"code": "1"}},
        "loose",
        17,
    ]
    assert drafts(user("u1", "") | {"content": parts})[0].body["parts"] == [
        {"type": "blob", "modality": "image", "mime_type": "image/png", "content": "aGk="},
        {"type": "uri", "modality": "document", "mime_type": "application/pdf", "uri": "gs://x"},
        {"type": "unknown", "executableCode": {"code": "1"}},
        {"type": "text", "content": "loose"},
        {"type": "unknown", "content": 17},
    ]


def test_answers_that_the_model_s_own_record_has_are_not_told_twice(drafts):
    one, other = call("c1"), call("c2")
    found = drafts(model("g1", "", toolCalls=[one]), answers("u1", one), answers("u2", one, other))
    assert [(d.kind, d.body.get("role"), d.body.get("subtype")) for d in found] == [
        ("message", "assistant", None),
        ("record", None, "functionResponse"),
        ("message", "tool", None),
    ]


def test_a_picture_that_came_with_an_answer_belongs_to_it(drafts):
    picture = {"inlineData": {"mimeType": "image/png", "data": "aGk="}}
    found = drafts(user("u1", "") | {"content": [*call("c1")["result"], picture]})[0].body
    assert (found["role"], [p["type"] for p in found["parts"]]) == ("tool", ["tool_call_response"])
    assert [p["type"] for p in found["parts"][0]["response"]] == ["text", "blob"]
    found = drafts(user("u1", "") | {"content": [*call("c1")["result"], {"text": "and hurry"}]})[0]
    assert (found.actor, [p["type"] for p in found.body["parts"]]) == ("user", ["tool_call_response", "text"])


def test_of_the_answers_that_a_copy_has_of_all_parallel_calls_each_call_takes_its_own(drafts):
    calls = [call("c1", output="one"), call("c2", output="two")]
    together = [part for c in calls for part in c["result"]]
    found = drafts(model("g1", "", toolCalls=[c | {"result": together} for c in calls]))[0]
    assert [p["response"] for p in found.body["parts"] if p["type"] == "tool_call_response"] == ["one", "two"]


def test_a_message_that_is_written_again_when_its_tool_ends_is_a_revision(line):
    begun = model("g1", "I run it.")
    assert line([header(), user("u1", "go"), begun, begun | {"toolCalls": [call("c1")]}, model("g2", "Done.")]) == [
        ("user", "go"),
        ("assistant", "I run it."),
        ("assistant", "run_shell_command"),
        ("assistant", "ok"),
        ("assistant", "Done."),
    ]


def test_going_on_with_a_session_tells_nothing_twice(line):
    first = [
        header(),
        messages(ENVIRONMENT),
        user("u1", "go"),
        model("g1", "", toolCalls=[call("c1")]),
        answers("u2", call("c1")),
    ]
    copy = messages(
        ENVIRONMENT,
        user("u1", "go"),
        model("g1", "", toolCalls=[call("c1")]),
        answers("g1_response", call("c1")),
        answers("u2", call("c1")),
    )
    again = [{"$set": {"sessionId": SESSION}}, copy, user("u3", "on"), model("g3", "Yes.")]
    stub = [header(startTime="2026-01-16T09:30:00.000Z"), messages(ENVIRONMENT | {"timestamp": "2026-01-16T09:30:00.000Z"})]
    said = [("user", "go"), ("assistant", "run_shell_command"), ("assistant", "ok"), ("user", "on"), ("assistant", "Yes.")]
    assert line([*first, *again], stub) == said
    longer = messages(*copy["$set"]["messages"], user("u3", "on"), model("g3", [{"text": "Yes."}]))
    assert line([*first, *again, longer, longer], stub, stub[:1]) == said


def test_going_on_within_the_minute_takes_nothing_back(line, tmp_path):
    said = [header(), messages(ENVIRONMENT), user("u1", "one"), model("g1", "1")]
    copy = messages(ENVIRONMENT, user("u1", "one"), model("g1", [{"text": "1"}]))
    again = [header(), messages(ENVIRONMENT), {"$set": {"sessionId": SESSION}}, copy, user("u2", "two")]
    assert line([*said, *again]) == [("user", "one"), ("assistant", "1"), ("user", "two")]
    file = tmp_path / NAME
    whole = read(Gemini(), write(file, *said, *again)).drafts
    first = read(Gemini(), write(file, *said, again[0]))
    second = read(Gemini(), write(file, *said, *again), first.position)
    assert first.drafts + second.drafts == whole


def test_a_rewind_takes_back_the_message_and_all_behind_it(line):
    said = [header(), user("u1", "one"), model("g1", "1"), user("u2", "two"), model("g2", "2")]
    assert line([*said, {"$rewindTo": "u2"}, user("u3", "three")]) == [("user", "one"), ("assistant", "1"), ("user", "three")]
    assert line([*said, {"$rewindTo": "gone"}, user("u3", "three")]) == [("user", "three")]
    assert line([*said, {"$rewindTo": "u2"}, {"$rewindTo": "u1"}, user("u3", "three")]) == [("user", "three")]


def test_a_turn_that_was_broken_off_is_taken_back_and_an_unanswered_prompt_is_not(line):
    one, two = user("u1", "one"), model("g1", "1")
    behind = [user("u2", "two"), model("g2", "2")]
    begun = [header(), messages(ENVIRONMENT), one, two]
    assert line([*begun, *behind, messages(ENVIRONMENT, one, two)]) == [("user", "one"), ("assistant", "1")]
    assert line([*begun, behind[0], messages(ENVIRONMENT, one, two)]) == [("user", "one"), ("assistant", "1"), ("user", "two")]
    assert line([*begun, messages(ENVIRONMENT), user("u3", "three")]) == [("user", "three")]


def test_a_compression_is_a_boundary_and_the_copy_of_what_follows_it_is_not_told_again(drafts, line):
    said = [header(), messages(ENVIRONMENT), user("u1", "one"), model("g1", "1"), user("u2", "two"), model("g2", "2")]
    snapshot = [
        user("s1", "<state_snapshot>all of it</state_snapshot>"),
        model("s2", "Got it. Thanks for the additional context!"),
    ]
    copies = [user("k1", "two"), model("k2", [{"text": "2"}])]
    compressed = messages(ENVIRONMENT, *snapshot, *copies)
    events = drafts(*said, compressed)
    assert (events[-1].kind, events[-1].body) == (
        "compaction",
        {"summary": "<state_snapshot>all of it</state_snapshot>"},
    )
    spoken = [("user", "one"), ("assistant", "1"), ("user", "two"), ("assistant", "2"), ("user", "three"), ("assistant", "3")]
    after = [user("u3", "three"), model("g3", "3")]
    resumed = messages(ENVIRONMENT, *snapshot, *copies, *after)
    assert line([*said, compressed, *after]) == spoken
    assert line([*said, compressed, *after, resumed, {"$rewindTo": "k1"}]) == spoken[:4]


def test_messages_that_stand_only_in_a_copy_are_restored_behind_and_named_between(drafts):
    lost, there = user("u1", "one"), model("g1", "1")
    found = drafts(header(), there, messages(lost, there, user("u2", "two")))
    assert [(d.kind, d.node) for d in found[2:]] == [
        ("record", f"@{AT}/3"),
        ("message", "u2"),
        ("loss", None),
    ]
    assert found[4].body["reason"].startswith("1 messages have no record of their own")


def test_a_header_with_all_messages_is_one_record_and_the_messages(drafts):
    found = drafts(header(messages=[user("u1", "one"), model("g1", "1")]))
    assert [(d.kind, d.node, "raw" in d.source) for d in found] == [
        ("record", f"@{AT}/1", True),
        ("message", "u1", False),
        ("message", "g1", False),
    ]


def test_a_summary_is_the_title(tmp_path):
    found = read(Gemini(), write(tmp_path / NAME, header(), user("u1", "hi"), {"$set": {"summary": "Greets the world"}}))
    assert (found.drafts[2].kind, found.drafts[2].body) == ("session.updated", {"title": "Greets the world"})
    assert found.facts["title"] == "Greets the world"


def test_reading_on_knows_what_stands_before(tmp_path):
    file = tmp_path / NAME
    records = [
        header(),
        messages(ENVIRONMENT),
        user("u1", "one"),
        model("g1", "1", toolCalls=[call("c1")]),
        answers("u2", call("c1")),
        messages(ENVIRONMENT, user("u1", "one"), model("g1", "1"), answers("g1_response", call("c1")), answers("u2", call("c1"))),
        user("u3", "two"),
        messages(ENVIRONMENT, user("s1", "<state_snapshot>x</state_snapshot>"), user("k1", "two")),
        messages(ENVIRONMENT, user("s1", "<state_snapshot>x</state_snapshot>"), user("k1", "two")),
        user("u4", "three"),
        {"$rewindTo": "u4"},
    ]
    whole = read(Gemini(), write(file, *records)).drafts
    steps, position = [], None
    for i in range(len(records)):
        step = read(Gemini(), write(file, *records[: i + 1]), position)
        steps, position = steps + step.drafts, step.position
    assert steps == whole
    assert [d.kind for d in whole[5:]] == ["record", "message", "compaction", "record", "message", "head.moved"]


def test_a_subagent_is_a_stream_of_its_session(tmp_path):
    records = [header(sessionId="sub-1", kind="subagent"), user("u1", "look"), model("g1", "seen")]
    file = write(tmp_path / "chats" / SESSION / "sub-1.jsonl", *records)
    reader = Gemini()
    assert reader.identify(str(file), file.read_bytes()) == SESSION
    found = read(reader, file)
    assert [(d.kind, d.stream, d.actor) for d in found.drafts] == [
        ("agent.set", "sub-1", "gemini-cli/sub-1"),
        ("message", "sub-1", "gemini-cli/sub-1"),
        ("message", "sub-1", "gemini-cli/sub-1"),
    ]
    assert "title" not in found.facts


def test_the_sample_of_the_real_program_is_the_conversation_that_it_had(tmp_path):
    found = read(Gemini(), FIXTURES / "headless-plan-and-resume.jsonl")
    assert found.losses == []
    assert [(d.body["role"], d.body.get("meta", False)) for d in found.drafts if d.kind == "message"] == [
        ("user", True),
        ("user", False),
        *[("assistant", False)] * 9,
        ("user", False),
        ("assistant", False),
    ]


def test_a_session_resumed_within_the_minute_that_names_its_file_goes_on_in_it(tmp_path, line):
    first = [header(), messages(ENVIRONMENT), user("u1", "one"), model("g1", "1")]
    again = [header(), messages(ENVIRONMENT), {"$set": {"sessionId": SESSION}}]
    whole = messages(ENVIRONMENT, user("u1", "one"), model("g1", "1"))
    records = [*first, *again, whole, user("u2", "two"), model("g2", "2")]
    said = [("user", "one"), ("assistant", "1"), ("user", "two"), ("assistant", "2")]
    assert line(records) == said

    for cut in range(1, len(records)):
        file = tmp_path / NAME
        write(file, *records[:cut])
        begun = read(Gemini(), file)
        write(file, *records)
        assert begun.events + read(Gemini(), file, begun.position).events == read(Gemini(), file).events


def test_a_conversation_that_is_written_anew_to_save_room_adds_nothing(line, tmp_path):
    prompt, first = user("u1", "one"), model("g1", "I run it.", toolCalls=[call("c1", output="long " * 9)])
    said = [header(), messages(ENVIRONMENT), prompt, first, answers("u2", call("c1")), model("g2", "1", tokens={"input": 1})]
    environment = ENVIRONMENT["content"][0]
    anew = [
        user("k1", "") | {"content": [environment, {"text": "one"}]},
        model(
            "k2", [{"text": "I run it. "}, {"functionCall": {"id": "c1", "name": "run_shell_command", "args": {}}}], tokens=None
        ),
        {"$set": {"lastUpdated": AT}},
        answers("k3", call("c1", output="<tool_output_masked>")),
        model("k4", [{"text": "1"}], tokens=None),
    ]
    after = [messages(*anew[:2], *anew[3:]), user("u3", "one"), model("g3", "1", tokens={"input": 1})]
    told = [
        ("user", "one"),
        ("assistant", "I run it."),
        ("assistant", "run_shell_command"),
        ("assistant", "long " * 9),
        ("assistant", "1"),
    ]
    assert line([*said, *anew, *after]) == [*told, ("user", "one"), ("assistant", "1")]
    assert line([*said, *anew, *after, messages(*anew[:2], *anew[3:])]) == [*told, ("user", "one"), ("assistant", "1")]
    broken = [model("g5", "half"), messages(*anew[:2], *anew[3:], user("u3", "one"))]
    assert line([*said, *anew, *after[:2], *broken]) == [*told, ("user", "one")]
    records = [*said, *anew, *after]
    file = tmp_path / NAME
    whole = read(Gemini(), write(file, *records)).drafts
    steps, position = [], None
    for i in range(len(records)):
        step = read(Gemini(), write(file, *records[: i + 1]), position)
        steps, position = steps + step.drafts, step.position
    assert steps == whole
