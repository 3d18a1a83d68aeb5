"""What chat messages mean, whoever wrote them."""

import json
from pathlib import Path

import pytest

from segue.testing.transcripts import ID, read
from segue.transcripts.messages.reader import Messages

FIXTURES = Path(__file__).parents[2] / "fixtures" / "transcripts" / "messages"


def bodies(file):
    return [d.body for d in read(Messages(), FIXTURES / file).drafts]


def test_openais_messages():
    assert bodies("openai.jsonl") == [
        {"role": "system", "parts": [{"type": "text", "content": "You are a careful assistant."}]},
        {"role": "user", "parts": [{"type": "text", "content": "How warm is it in Graz?"}]},
        {
            "role": "assistant",
            "parts": [{"type": "tool_call", "id": "call_1", "name": "weather", "arguments": {"city": "Graz"}}],
            "model": "gpt-x",
            "finish_reason": "tool_calls",
            "usage": {"input_tokens": 40, "output_tokens": 12, "cache_read_tokens": 8, "reasoning_tokens": 3},
        },
        {
            "role": "tool",
            "parts": [{"type": "tool_call_response", "id": "call_1", "response": '{"celsius": 4}', "name": "weather"}],
        },
        {
            "role": "assistant",
            "parts": [{"type": "reasoning", "content": "The tool says 4."}, {"type": "text", "content": "4 °C."}],
            "message_id": "chatcmpl-2",
        },
        {
            "role": "user",
            "parts": [
                {"type": "text", "content": "And this?"},
                {"type": "uri", "modality": "image", "uri": "https://example.org/a.png"},
            ],
            "message_id": "m-6",
        },
        {"role": "user", "parts": [{"type": "text", "content": "continue"}]},
        {"role": "user", "parts": [{"type": "text", "content": "continue"}]},
    ]


def test_anthropics_messages():
    assert bodies("anthropic.jsonl") == [
        {"role": "user", "parts": [{"type": "text", "content": "List the files."}]},
        {
            "role": "assistant",
            "parts": [
                {"type": "reasoning", "content": "I should look."},
                {"type": "text", "content": "Looking."},
                {"type": "tool_call", "id": "toolu_1", "name": "ls", "arguments": {"path": "."}},
            ],
            "message_id": "msg_1",
            "model": "claude-x",
            "finish_reason": "tool_use",
            "usage": {"input_tokens": 105, "output_tokens": 7, "cache_write_tokens": 5, "cache_read_tokens": 90},
        },
        {"role": "tool", "parts": [{"type": "tool_call_response", "id": "toolu_1", "response": "a.py"}]},
        {
            "role": "user",
            "parts": [
                {"type": "tool_call_response", "id": "toolu_1", "response": "no", "is_error": True},
                {"type": "text", "content": "Stop."},
            ],
        },
    ]


def test_times_of_every_kind_are_understood_and_hold_until_the_next():
    found = read(Messages(), FIXTURES / "openai.jsonl").drafts
    assert [d.at for d in found] == [
        None,
        "2026-01-15T09:30:00Z",
        "2026-01-15T09:30:01.500000Z",
        "2026-01-15T09:30:01.500000Z",
        "2026-01-15T09:30:01.500000Z",
        "2026-01-15T09:30:10.000000Z",
        "2026-01-15T09:30:10.000000Z",
        "2026-01-15T09:30:10.000000Z",
    ]


def test_a_line_that_is_a_conversation_is_a_session_of_its_own():
    file = FIXTURES / "conversations.jsonl"
    found = list(Messages().read(str(file), ID))
    told = [
        (b.foreign_id, b.facts.get("title"), b.position, [(d.kind, d.node, d.body.get("role")) for d in b.drafts]) for b in found
    ]
    assert told == [
        (
            "5b2c9a10-0000-4000-8000-00000000000a",
            "Sums",
            None,
            [("record", "conversation", None), ("message", "m0", "user"), ("message", "m1", "assistant")],
        ),
        (
            f"{file}#7",
            "Hi",
            None,
            [
                ("record", "conversation", None),
                ("message", "m0", "user"),
                ("message", "m1", "assistant"),
                ("record", "m2", None),
            ],
        ),
        (f"{file}#3", "No id", None, [("record", "conversation", None), ("message", "m0", "user")]),
    ]
    assert [b.drafts[0].source["raw"] for b in found] == file.read_text().splitlines()


def test_one_id_on_line_after_line_is_not_a_messages_own(tmp_path):
    file = tmp_path / "chat.jsonl"
    file.write_text("".join(json.dumps({"id": "chat-1", "role": "user", "content": text}) + "\n" for text in "abc"))
    assert [(d.node, d.body["parts"][0]["content"]) for d in read(Messages(), file).drafts] == [
        ("chat-1", "a"),
        ("@2", "b"),
        ("@3", "c"),
    ]


@pytest.mark.parametrize(
    ("message", "parts"),
    [
        ({"content": ""}, [{"type": "text", "content": ""}]),
        ({"content": ["a", {"type": "text", "text": "b"}]}, [{"type": "text", "content": "a"}, {"type": "text", "content": "b"}]),
        ({"content": 17}, [{"type": "unknown", "content": 17}]),
        ({"parts": [{"type": "text", "content": "x"}, 3]}, [{"type": "text", "content": "x"}, {"type": "unknown", "content": 3}]),
        ({"content": None, "tool_calls": ["x"]}, [{"type": "unknown", "content": "x"}]),
        (
            {"content": None, "function_call": {"name": "f", "arguments": "not json"}},
            [{"type": "tool_call", "id": "", "name": "f", "arguments": "not json"}],
        ),
        ({"content": [{"type": "hologram", "depth": 3}]}, [{"type": "hologram", "depth": 3}]),
    ],
)
def test_contents_of_every_shape_become_parts(tmp_path, message, parts):
    file = tmp_path / "chat.jsonl"
    file.write_text(json.dumps({"role": "user", **message}) + "\n")
    assert [d.body["parts"] for d in read(Messages(), file).drafts] == [parts]


def test_nul_bytes_around_a_conversation_are_named_and_it_is_read(tmp_path):
    line = (FIXTURES / "conversations.jsonl").read_bytes().splitlines()[0]
    file = tmp_path / "spoilt.jsonl"
    file.write_bytes(line + bytes(64) + b"\n")
    found = read(Messages(), file)
    told = [d.body for d in found.drafts if d.kind != "loss"]
    assert told == [d.body for d in read(Messages(), FIXTURES / "conversations.jsonl").drafts[:3]]
    assert found.losses == ["64 NUL bytes (disk blocks that were never written)"]
