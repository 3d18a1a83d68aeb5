"""What the writers' checks find in a transcript: what the agent's loader would refuse, drop or misread."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segue.ports import Destination
from segue.testing.builders import tool_call, tool_result
from segue.testing.writers import conversation, plain, turn
from segue.transcripts import writers
from segue.transcripts.claude_code.writer import ClaudeCodeWriter
from segue.transcripts.codex.writer import CodexWriter
from tests.unit.transcripts.json_lines import records_in, write

SAMPLES = Path(__file__).parents[2] / "fixtures" / "transcripts"
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)


@pytest.mark.parametrize("make", [type(w) for w in writers()])
@given(data=st.data())
def test_a_check_of_any_file_is_a_list_of_what_is_wrong(make, data, tmp_path_factory):
    place = tmp_path_factory.mktemp("check")
    path = Path(make().write(plain(), Destination(str(place / "home"), str(place))).files[0])
    spoilt = path.read_bytes()
    cut = st.tuples(st.integers(0, 1 << 20), st.integers(0, 200), st.binary(max_size=20))
    for at, size, instead in data.draw(st.lists(cut, min_size=1, max_size=3)):
        start = at % len(spoilt)
        spoilt = spoilt[:start] + instead + spoilt[start + size :] or b"x"
    path.write_bytes(spoilt)
    assert all(note.where and note.reason for note in make().validate(str(path)))


@pytest.mark.parametrize("make", [ClaudeCodeWriter, CodexWriter])
@given(data=st.data())
def test_a_check_of_records_of_any_shape_is_a_list_of_what_is_wrong(make, data, tmp_path_factory):
    place = tmp_path_factory.mktemp("check")
    path = Path(make().write(plain(), Destination(str(place / "home"), str(place))).files[0])
    records = records_in(path)
    here = data.draw(st.sampled_from(records))
    while True:
        key = data.draw(st.sampled_from(sorted(here) if isinstance(here, dict) else range(len(here))))
        if not (isinstance(here[key], (dict, list)) and here[key] and data.draw(st.booleans())):
            here[key] = data.draw(values)
            break
        here = here[key]
    write(path, *records)
    assert all(note.where and note.reason for note in make().validate(str(path)))


def _written(make, tmp_path):
    written = make().write(plain(), Destination(str(tmp_path), "/w"))
    return Path(written.files[0])


def _claude_damage():
    def at(record, *path):
        for name in path:
            record = record[name]
        return record

    yield "uuid", "it is skipped: its uuid is none", lambda rs: rs[2].pop("uuid")
    yield "timestamp", "the session is not found: a record without a timestamp", lambda rs: rs[2].pop("timestamp")
    yield "parent", "its parent 0 is not there", lambda rs: rs[2].update(parentUuid="0")
    yield "root", "it is not on the line to the last message", lambda rs: rs[3].update(parentUuid=None)
    yield "session", "it is of another session: other", lambda rs: rs[1].update(sessionId="other")
    yield "sidechain", "it belongs to a subagent", lambda rs: rs[7].update(isSidechain=True)
    yield "twice", "occurs twice", lambda rs: rs.insert(3, rs[2])
    yield "role", "the role in a record of type user is 'assistant'", lambda rs: at(rs[0], "message").update(role="assistant")
    yield "model", "resuming never ends", lambda rs: at(rs[1], "message").pop("model")
    yield "message id", "it runs together with others", lambda rs: at(rs[1], "message").pop("id")
    yield "empty", "it has no content", lambda rs: at(rs[0], "message").update(content=[])
    yield "blank", "a text without characters", lambda rs: at(rs[0], "message").update(content=" ")
    yield "input", "is no object", lambda rs: at(rs[1], "message", "content", 1).update(input="ls")
    yield "name", "is not of letters", lambda rs: at(rs[1], "message", "content", 1).update(name="a.b")
    yield "id", "has no call right before it", lambda rs: at(rs[2], "message", "content", 0).update(tool_use_id="x")
    yield "failed", "a failed result without content", lambda rs: at(rs[2], "message", "content", 1).update(content="")
    yield "thought", "thinking without a signature", lambda rs: at(rs[1], "message", "content").append({"type": "thinking"})
    yield (
        "image",
        "a block of type image in a message of the assistant",
        lambda rs: at(rs[1], "message", "content").append({"type": "image"}),
    )
    yield "leaf", "last-prompt names a record that is not there: x", lambda rs: rs[-1].update(leafUuid="x")
    yield "silent", "nothing was said in it", lambda rs: rs.__delitem__(slice(8))


@pytest.mark.parametrize(("reason", "damage"), [case[1:] for case in _claude_damage()], ids=[c[0] for c in _claude_damage()])
def test_what_claude_codes_loader_would_not_take_is_noted(tmp_path, reason, damage):
    path = _written(ClaudeCodeWriter, tmp_path)
    records = records_in(path)
    damage(records)
    write(path, *records)
    assert any(reason in note.reason for note in ClaudeCodeWriter().validate(str(path)))


def test_a_result_that_is_said_too_late_is_noted(tmp_path):
    path = _written(ClaudeCodeWriter, tmp_path)
    records = records_in(path)
    call, result, answer = records[3], records[4], records[5]
    answer["parentUuid"], result["parentUuid"] = call["uuid"], answer["uuid"]
    records[4], records[5], records[6]["parentUuid"] = answer, result, result["uuid"]
    write(path, *records)
    assert {n.reason for n in ClaudeCodeWriter().validate(str(path))} == {
        "a made-up result follows call call-3: it has none",
        "it is taken out: result call-3 has no call right before it",
    }


def test_in_a_large_file_the_order_of_fields_matters(tmp_path):
    odd = tool_call("Bash", "c", uuid="x" * 36, timestamp="2026")
    long = conversation(turn("user", "x" * (5 << 20)), turn("assistant", "ok", odd), turn("tool", tool_result("y", "c")))
    path = Path(ClaudeCodeWriter().write(long, Destination(str(tmp_path), "/w")).files[0])
    assert ClaudeCodeWriter().validate(str(path)) == []
    records = [dict(sorted(json.loads(line).items())) for line in path.read_text().splitlines()]
    path.write_text("".join(json.dumps(r, separators=(",", ":")) + "\n" for r in records))
    (note,) = ClaudeCodeWriter().validate(str(path))
    assert note.reason.startswith(f"in a file of this size it is taken for record {'x' * 36}")


def test_a_name_by_which_it_is_not_found_is_noted(tmp_path):
    for make in (ClaudeCodeWriter, CodexWriter):
        path = _written(make, tmp_path)
        other = path.rename(path.with_name("session.jsonl"))
        assert any("it is not found by its id" in note.reason for note in make().validate(str(other)))


def _codex_damage():
    def payload(records, kind, number=0):
        return [r for r in records if r["payload"].get("type") == kind][number]["payload"]

    def after(records, record):
        records.append({"timestamp": "2026-01-15T09:30:00.000Z", **record})

    yield "meta", "it does not begin with session_meta", lambda rs: rs.__delitem__(0)
    yield "cwd", "session_meta has no cwd", lambda rs: rs[0]["payload"].pop("cwd")
    yield "other id", "session_meta has another one", lambda rs: rs[0]["payload"].update(id="other")
    yield "timestamp", "it has no timestamp", lambda rs: rs[1].pop("timestamp")
    yield "type", "an item without a type", lambda rs: rs[1]["payload"].pop("type")
    yield "role", "role 'robot'", lambda rs: payload(rs, "message").update(role="robot")
    yield "content", "a message without a list of contents", lambda rs: payload(rs, "message").update(content="text")
    yield (
        "kind",
        "output_text where input_text is expected",
        lambda rs: payload(rs, "message")["content"][0].update(type="output_text"),
    )
    yield "no text", "a text that is none", lambda rs: payload(rs, "message")["content"][0].update(text=None)
    yield "image", "an image without an address", lambda rs: payload(rs, "message")["content"].append({"type": "input_image"})
    yield "arguments", "are no text", lambda rs: payload(rs, "function_call").update(arguments={})
    yield "name", "is not of letters", lambda rs: payload(rs, "function_call").update(name="a b")
    yield "twice", "call call-1 occurs twice", lambda rs: payload(rs, "function_call", 1).update(call_id="call-1")
    yield "orphan", "output x has no call before it", lambda rs: payload(rs, "function_call_output").update(call_id="x")
    yield "waiting", "that of call call-1: it has none", lambda rs: payload(rs, "function_call_output").update(call_id="x")
    yield "output", "is neither text nor a list", lambda rs: payload(rs, "function_call_output").update(output=None)
    yield "long", "the middle of the output", lambda rs: payload(rs, "function_call_output").update(output="x" * 12_001)
    yield "half", "half of a character", lambda rs: payload(rs, "message")["content"][0].update(text="\ud800")
    yield "ordinal", "ordinal 0 comes behind 5", lambda rs: (rs[1].update(ordinal=5), rs[2].update(ordinal=0))
    yield "silent", "nothing was said in it", lambda rs: rs.__delitem__(slice(1, None))


@pytest.mark.parametrize(("reason", "damage"), [case[1:] for case in _codex_damage()], ids=[c[0] for c in _codex_damage()])
def test_what_codexs_loader_would_not_take_is_noted(tmp_path, reason, damage):
    path = _written(CodexWriter, tmp_path)
    records = records_in(path)
    damage(records)
    write(path, *records)
    assert any(reason in note.reason for note in CodexWriter().validate(str(path)))


@pytest.mark.parametrize(
    ("make", "sample"),
    [
        (ClaudeCodeWriter, "claude/headless-plan.jsonl"),
        (ClaudeCodeWriter, "claude/tui-plan-filehistory.jsonl"),
        (ClaudeCodeWriter, "claude/hooks-subagent-compact.jsonl"),
        (CodexWriter, "codex/exec-plan-and-resume.jsonl"),
        (CodexWriter, "codex/minimal-importable.jsonl"),
    ],
)
def test_agents_own_transcripts_are_sound_but_for_their_name(make, sample):
    found = {n.reason for n in make().validate(str(SAMPLES / sample))}
    assert {r for r in found if "it is not found by its id" not in r} == set()


@pytest.mark.parametrize(
    ("make", "sample"), [(ClaudeCodeWriter, "claude/killed-mid-tool.jsonl"), (CodexWriter, "codex/killed-mid-tool.jsonl")]
)
def test_a_call_that_was_cut_off_by_a_kill_is_noted(make, sample):
    found = [n.reason for n in make().validate(str(SAMPLES / sample))]
    assert sum(reason.startswith("a made-up") for reason in found) == 1
