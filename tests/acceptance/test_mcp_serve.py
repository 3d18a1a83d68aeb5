"""The MCP server as agents have it: a process, the official SDK's client, both transports, all of what is offered."""

import json
import signal
import threading
import warnings

import pytest

from tests.acceptance.mcp_kit import PATIENCE, Shop, connected, run

USES = {
    "where_was_i": {},
    "restore": {"budget": 1_000},
    "search": {"query": "pears"},
    "checkpoint": {"name": "noon"},
    "decision": {"title": "sell by weight", "reason": "pears differ"},
    "thread": {"topic": "scales"},
    "question": {"question": "how many?"},
    "task": {"title": "sell all pears", "percent": 7},
    "memory": {"action": "write", "title": "Scales", "text": "They are late."},
    "budget": {},
}
HELLO = {
    "jsonrpc": "2.0",
    "id": 0,
    "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "x", "version": "1"}},
}


@pytest.fixture
def shop(tmp_path):
    return Shop(tmp_path)


@pytest.mark.parametrize("mode", ["legacy", "auto"])
@pytest.mark.parametrize("transport", ["stdio", "http"])
def test_the_sdks_client_uses_every_tool_resource_and_prompt(shop, transport, mode):
    async def use():
        heard = []

        async def progress(done, of, message):
            heard.append((done, of))

        async with connected(shop, transport, mode) as client:
            version = client.protocol_version
            tools = {tool.name for tool in (await client.list_tools()).tools}
            said = {name: await client.call_tool(name, given, progress_callback=progress) for name, given in USES.items()}
            uris = [str(one.uri) for one in (await client.list_resources()).resources] + ["session://previous/transcript/1-3"]
            read = [(await client.read_resource(uri)).contents[0].text for uri in uris]
            templates = len((await client.list_resource_templates()).resource_templates)
            prompts = {
                one.name: (await client.get_prompt(one.name, {})).messages[0].content.text
                for one in (await client.list_prompts()).prompts
            }
            if mode == "legacy":
                with warnings.catch_warnings(action="ignore"):  # gone from later revisions
                    await client.send_ping()
                    await client.set_logging_level("warning")
        return version, tools, said, read, templates, prompts, heard

    version, tools, said, read, templates, prompts, heard = run(use())
    assert version == {"legacy": "2025-11-25", "auto": "2026-07-28"}[mode]
    assert tools == set(USES)
    assert {name: (one.is_error, bool(one.content[0].text)) for name, one in said.items()} == dict.fromkeys(USES, (False, True))
    assert [shop.name in text for text in read] == [True] * 3
    assert (templates, {name: shop.name in text for name, text in prompts.items()}) == (
        2,
        {"resume": True, "hand_over": True, "summarise": True},
    )
    assert heard == [(1, 3), (2, 3), (3, 3), (1, 2), (1, 2), (2, 2)]
    made = [event for event in _events(shop) if (event["source"] or {}).get("protocol") == "mcp"]
    assert [(event["kind"], event["actor"], event["source"]["client"]) for event in made] == [
        (kind, "python-client", "python-client")
        for kind in (
            *("checkpoint.created", "decision.made", "thread.set", "question.asked", "task.set", "progress.set", "note.used"),
        )
    ]


def _events(shop):
    from segue.app import App

    app = App(shop.env, cwd=str(shop.project))
    try:
        found = app.store.read(app.resolve(shop.name).session)
        return [{"kind": one.kind, "actor": one.actor, "source": one.source} for one in found]
    finally:
        app.close()


def lines(*messages):
    return b"".join(one if isinstance(one, bytes) else json.dumps(one).encode() + b"\n" for one in messages)


def ask(id_, tool, **given):
    return {"jsonrpc": "2.0", "id": id_, "method": "tools/call", "params": {"name": tool, "arguments": given}}


def told(out):
    """Return the answers by id; whatever stands on standard output is one."""
    found = [json.loads(line) for line in out.splitlines()]
    assert all(one["jsonrpc"] == "2.0" for one in found)
    return {one.get("id"): one for one in found}


def test_what_was_asked_before_the_input_ended_is_answered_garbage_and_half_a_line_among_it(shop):
    server = shop.start()
    huge = b'{"jsonrpc": "2.0", "id": "huge", "method": "ping", "params": {"x": "' + b"y" * 5_000_000 + b'"}}\n'
    given = lines(
        HELLO, b"garbage\n", b"\n", b"\xff\n", huge, ask(1, "decision", title="x"), b'{"jsonrpc": "2.0", "id": 2, "meth'
    )
    out, err = server.communicate(given, timeout=PATIENCE)
    answers = told(out)
    assert (server.returncode, err) == (0, b"")
    assert set(answers) == {0, None, 1}
    assert answers[1]["result"]["isError"] is False
    errors = [json.loads(line)["error"] for line in out.splitlines() if b'"error"' in line]
    assert [one["code"] for one in errors] == [-32700] * 4
    assert any("at most 4,194,304 bytes" in one["message"] for one in errors)


def test_a_client_that_is_gone_ends_the_server(shop):
    server = shop.start()
    server.stdin.write(lines(HELLO))
    server.stdin.flush()
    server.stdout.readline()
    server.stdout.close()
    server.stdin.write(lines(*(ask(number, "where_was_i") for number in range(20))))
    server.stdin.close()
    assert server.wait(timeout=PATIENCE) in {0, 130}
    server.stderr.close()


def test_an_answered_decision_outlives_a_kill(shop):
    server = shop.start()
    server.stdin.write(lines(HELLO, ask(1, "decision", title="never plums")))
    server.stdin.flush()
    while json.loads(server.stdout.readline()).get("id") != 1:
        pass
    server.send_signal(signal.SIGKILL)
    server.communicate(timeout=PATIENCE)
    assert "decision.made" in [event["kind"] for event in _events(shop)]


def test_a_ctrl_c_in_the_agents_terminal_does_not_end_the_server(shop):
    server = shop.start()
    server.stdin.write(lines(HELLO))
    server.stdin.flush()
    server.stdout.readline()
    server.send_signal(signal.SIGINT)
    out, _ = server.communicate(lines({"jsonrpc": "2.0", "id": 1, "method": "ping"}), timeout=PATIENCE)
    assert (server.returncode, told(out)[1]["result"]) == (0, {})


def test_many_clients_at_once_write_to_one_session_and_nothing_is_lost(shop):
    import http.client
    from urllib.parse import urlsplit

    def one(url, token, number, wrong):
        def post(message, **headers):
            connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=PATIENCE)
            more = {"Content-Type": "application/json", "Accept": "*/*", "Authorization": f"Bearer {token}", **headers}
            connection.request("POST", "/mcp", json.dumps(message), more)
            answer = connection.getresponse()
            found = answer.headers, json.loads(answer.read())
            connection.close()
            return found

        headers, _ = post(HELLO)
        mine = {"Mcp-Session-Id": headers["Mcp-Session-Id"]}
        for each in range(5):
            _, answer = post(ask(each, "decision", title=f"{number}.{each}"), **mine)
            if answer.get("result", {}).get("isError", True):
                wrong.append(answer)

    wrong = []
    with shop.http() as (url, token):
        clients = [threading.Thread(target=one, args=(url, token, number, wrong)) for number in range(8)]
        for client in clients:
            client.start()
        for client in clients:
            client.join(PATIENCE)
    assert wrong == []
    assert [event["kind"] for event in _events(shop)].count("decision.made") == 40
