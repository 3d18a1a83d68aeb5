"""Records of any shape: whatever stands in a field, every record is an event or a named loss, and nothing breaks."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segue.core.log.codec import encode_content
from segue.core.log.kinds import validate
from segue.testing.transcripts import raw, read
from segue.transcripts.claude_code.reader import ClaudeCode
from segue.transcripts.codex.reader import Codex
from segue.transcripts.gemini.reader import Gemini
from segue.transcripts.messages.reader import Messages
from segue.transcripts.qwen.reader import Qwen

FIXTURES = Path(__file__).parents[2] / "fixtures" / "transcripts"
SAMPLES = {
    "claude": (ClaudeCode, "claude/hooks-subagent-compact.jsonl"),
    "codex": (Codex, "codex/exec-plan-and-resume.jsonl"),
    "gemini": (Gemini, "gemini/headless-plan-and-resume.jsonl"),
    "qwen": (Qwen, "qwen/headless-plan.jsonl"),
    "openai": (Messages, "messages/openai.jsonl"),
    "anthropic": (Messages, "messages/anthropic.jsonl"),
    "conversations": (Messages, "messages/conversations.jsonl"),
}

scalars = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(["\ud800", "\0", "a" * 2000])
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3), max_leaves=5
)


@st.composite
def spoilt(draw, record):
    """*record* with a few values, at any depth, replaced by others or taken away."""
    for _ in range(draw(st.integers(1, 3))):
        here = record
        while True:
            keys = list(here) if isinstance(here, dict) else list(range(len(here)))
            if not keys:
                break
            key = draw(st.sampled_from(keys))
            if isinstance(here[key], (dict, list)) and here[key] and draw(st.booleans()):
                here = here[key]
                continue
            if isinstance(here, dict) and draw(st.booleans()):
                del here[key]
            else:
                here[key] = draw(values)
            break
    return record


@pytest.mark.parametrize("sample", SAMPLES)
@given(data=st.data())
def test_a_record_of_any_shape_is_an_event_or_a_named_loss(sample, data, tmp_path_factory):
    make, name = SAMPLES[sample]
    lines = (FIXTURES / name).read_text().splitlines()
    chosen = data.draw(st.lists(st.sampled_from(range(len(lines))), min_size=1, max_size=5, unique=True))
    for i in chosen:
        lines[i] = json.dumps(data.draw(spoilt(json.loads(lines[i]))))
    file = tmp_path_factory.mktemp("any") / "any.jsonl"
    file.write_text("".join(line + "\n" for line in lines))

    found = read(make(), file)

    kept = {raw(d).decode() for d in found.drafts if {"raw", "raw_b64"} & set(d.source)}
    assert kept == set(lines)
    for draft in found.drafts:
        validate(draft.kind, draft.body)
        encode_content(draft, "0" * 32)


@pytest.mark.parametrize("sample", ["claude", "codex", "gemini", "qwen", "openai", "anthropic"])
@given(data=st.data())
def test_reading_in_steps_is_reading_at_once_wherever_a_file_is_cut_or_damaged(sample, data, tmp_path_factory):
    make, name = SAMPLES[sample]
    lines = (FIXTURES / name).read_bytes().splitlines(keepends=True)
    for _ in range(data.draw(st.integers(0, 4))):
        at = data.draw(st.integers(0, len(lines) - 1))
        damage = data.draw(st.sampled_from(["drop", "repeat", "garbage", "torn", "nul", "latin1", "crlf", "joined"]))
        if damage == "drop":
            lines[at] = b""
        elif damage == "repeat":
            lines.append(lines[at])
        elif damage == "garbage":
            lines[at] = b"\xff{garbage\n" + lines[at]
        elif damage == "torn":
            lines[at] = lines[at][: len(lines[at]) // 2] + b"\n" + lines[at]
        elif damage == "nul":
            lines[at] = bytes(64) + lines[at]
        elif damage == "latin1":
            lines[at] = lines[at].replace(b'"type"', b'"\xe9": 1, "type"', 1)
        elif damage == "crlf":
            lines[at] = lines[at].rstrip(b"\n") + b"\r\n"
        else:
            lines[at] = lines[at][: len(lines[at]) // 3] + lines[at]
    whole = b"".join(lines)
    file = tmp_path_factory.mktemp("cut") / "cut.jsonl"
    file.write_bytes(whole)
    at_once = read(make(), file)

    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=4)))
    steps, position = [], None
    for cut in [*cuts, len(whole)]:
        file.write_bytes(whole[:cut])
        step = read(make(), file, position)
        steps, position = steps + step.drafts, step.position

    assert steps == at_once.drafts
    assert position == at_once.position
