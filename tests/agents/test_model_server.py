"""The model server speaks each provider's language; real agents are tried in `test_capture`."""

import json
import urllib.error
import urllib.request

import pytest

from tests.agents.model_server import Call, ModelServer, Result, Said

PROMPT = "build it [[sh echo hi]]"

ASKED = {
    "/v1/messages": {
        "model": "m",
        "messages": [{"role": "user", "content": PROMPT}],
        "tools": [{"name": "Bash"}],
    },
    "/v1/responses": {
        "model": "m",
        "input": [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": PROMPT}]}],
        "tools": [{"type": "function", "name": "exec_command"}],
    },
    "/v1/chat/completions": {
        "model": "m",
        "messages": [{"role": "user", "content": PROMPT}],
        "tools": [{"type": "function", "function": {"name": "bash"}}],
    },
    "/v1beta/models/m:generateContent": {
        "contents": [{"role": "user", "parts": [{"text": PROMPT}]}],
        "tools": [{"functionDeclarations": [{"name": "run_shell_command"}]}],
    },
}
"""The first request of a conversation, as each provider's clients send it."""

ANSWERED = {
    "/v1/messages": [
        {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "Bash", "input": {"command": "echo hi"}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "hi"}]},
    ],
    "/v1/responses": [
        {"type": "function_call", "call_id": "t1", "name": "exec_command", "arguments": '{"cmd": "echo hi"}'},
        {"type": "function_call_output", "call_id": "t1", "output": "hi"},
    ],
    "/v1/chat/completions": [
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "t1", "type": "function", "function": {"name": "bash", "arguments": '{"command": "echo hi"}'}}],
        },
        {"role": "tool", "tool_call_id": "t1", "content": "hi"},
    ],
    "/v1beta/models/m:generateContent": [
        {"role": "model", "parts": [{"functionCall": {"id": "t1", "name": "run_shell_command", "args": {"command": "echo hi"}}}]},
        {"role": "user", "parts": [{"functionResponse": {"id": "t1", "response": {"output": "hi"}}}]},
    ],
}
"""What follows it when the tool has run."""


@pytest.fixture
def server(tmp_path):
    with ModelServer(str(tmp_path)) as server:
        yield server


def ask(server, path, body):
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(server.url + path, json.dumps(body).encode(), headers)  # noqa: S310  (loopback)
    with urllib.request.urlopen(request, timeout=120) as answer:  # noqa: S310
        return answer.read().decode()


def with_answer(path):
    body = json.loads(json.dumps(ASKED[path]))
    for name in ("messages", "input", "contents"):
        if name in body:
            body[name] += ANSWERED[path]
    return body


@pytest.mark.parametrize("path", ASKED)
def test_a_command_is_called_with_the_tool_on_offer_and_its_result_ends_the_turn(server, path):
    first, second = ask(server, path, ASKED[path]), ask(server, path, with_answer(path))

    assert "echo hi" in first
    assert "Done after 1 steps." in second
    assert server.requests[0].conversation == (Said("user", PROMPT),)
    assert [type(item) for item in server.requests[1].conversation] == [Said, Call, Result]
    assert (server.requests[1].results[0].id, server.requests[1].results[0].text) == ("t1", "hi")


@pytest.mark.parametrize("path", [p for p in ASKED if "generate" not in p])
def test_a_streamed_answer_has_the_same_words(server, path):
    body = ASKED[path] | {"stream": True, "tools": []}
    for name in ("messages", "input"):
        if name in body:
            body[name] = [{"type": "message", "role": "user", "content": "[[say one two three]]"}]

    lines = [line[6:] for line in ask(server, path, body).splitlines() if line.startswith("data: ")]
    events = [json.loads(line) for line in lines if line != "[DONE]"]

    assert "one two three" in "".join(
        str(
            e.get("delta", {}).get("text", "")
            if isinstance(e.get("delta"), dict)
            else e.get("delta") or "".join(c["delta"].get("content", "") for c in e.get("choices", ()))
        )
        if "delta" in e
        else "".join(c["delta"].get("content", "") for c in e.get("choices", ()))
        for e in events
    )


def test_a_limit_is_an_error_of_the_provider(server):
    body = {"model": "m", "messages": [{"role": "user", "content": "[[limit]]"}]}
    with pytest.raises(urllib.error.HTTPError) as refused:
        ask(server, "/v1/messages", body)
    with refused.value as error:
        assert (error.code, error.headers["retry-after"]) == (429, "3600")
        assert json.loads(error.read())["error"]["type"] == "rate_limit_error"
