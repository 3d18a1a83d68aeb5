"""The protocol: what may be asked when, in each revision, and what is answered to whoever gets it wrong."""

import json
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from inline_snapshot import snapshot

from segue.mcp.messages import LONGEST
from segue.mcp.peer import Exchange
from segue.mcp.revisions import HANDSHAKE, META_CAPABILITIES, META_VERSION, STATELESS
from tests.unit.mcp.conftest import PATIENCE, Client

ENVELOPE = {META_VERSION: STATELESS[-1], META_CAPABILITIES: {}}


@pytest.fixture
def stranger(place):
    """A client that has not said hello."""
    return Client(place.server, place.clock.now())


@pytest.mark.parametrize("version", HANDSHAKE)
def test_each_revision_of_the_handshake_is_agreed_on(stranger, version):
    found = stranger.hello(protocolVersion=version)
    assert (found["protocolVersion"], found["serverInfo"]["name"]) == (version, "segue")
    assert ("title" in found["serverInfo"], "completions" in found["capabilities"]) == (version > "2025-04", version > "2025")


@pytest.mark.parametrize("version", ["2027-01-01", "1.0", ""])
def test_a_revision_that_is_not_known_is_answered_with_the_latest(stranger, version):
    assert stranger.hello(protocolVersion=version)["protocolVersion"] == HANDSHAKE[-1]


def test_nothing_but_a_ping_is_answered_before_hello(stranger):
    assert stranger.ask("ping") == {}
    assert stranger.ask("tools/list") == snapshot({"code": -32600, "message": "the client has not initialized"})
    assert stranger.ask("server/discover") == snapshot({"code": -32600, "message": "the client has not initialized"})


def test_hello_is_said_once_and_whole(stranger):
    assert [
        stranger.ask("initialize"),
        stranger.ask("initialize", protocolVersion=HANDSHAKE[-1]),
        stranger.ask("initialize", protocolVersion=HANDSHAKE[-1], capabilities={}, clientInfo={}),
    ] == snapshot(
        [
            {"code": -32602, "message": "protocolVersion is missing, or is no string"},
            {"code": -32602, "message": "capabilities is missing, or is no object"},
            {"code": -32602, "message": "name is missing, or is no string"},
        ]
    )
    stranger.hello()
    assert stranger.hello() == snapshot({"code": -32600, "message": "the client has initialized already"})


def test_a_request_of_a_stateless_revision_needs_no_hello(place, stranger):
    place.session()
    found = stranger.ask("server/discover", _meta=ENVELOPE)
    assert (found["supportedVersions"], found["resultType"], found["cacheScope"]) == (list(STATELESS), "complete", "private")
    result = stranger.ask("tools/call", name="where_was_i", _meta=ENVELOPE)
    assert (result["resultType"], result["isError"], "ttlMs" in result) == ("complete", False, False)


@pytest.mark.parametrize(
    ("meta", "code"),
    [
        ({META_VERSION: "2027-01-01", META_CAPABILITIES: {}}, -32022),
        ({META_VERSION: 7, META_CAPABILITIES: {}}, -32602),
        ({META_VERSION: STATELESS[-1]}, -32602),
        ({META_VERSION: STATELESS[-1], META_CAPABILITIES: "all"}, -32602),
    ],
)
def test_a_stateless_request_says_of_which_revision_it_is(stranger, meta, code):
    assert stranger.ask("tools/list", _meta=meta)["code"] == code


def test_who_began_with_one_kind_of_revision_stays_with_it(place, stranger):
    stranger.ask("tools/list", _meta=ENVELOPE)
    assert [stranger.ask("tools/list")["code"], stranger.ask("initialize")["code"]] == [-32600, -32022]
    assert place.client().ask("tools/list", _meta=ENVELOPE)["code"] == -32600


@pytest.mark.parametrize("method", ["ping", "logging/setLevel", "resources/subscribe"])
def test_a_stateless_revision_has_no(stranger, method):
    assert stranger.ask(method, _meta=ENVELOPE, level="info", uri="session://x")["code"] == -32601


@pytest.mark.parametrize(
    "data",
    [
        b"garbage",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"jsonrpc": "2.0", "id": 1, "method": "ping", "x": NaN}',
        b'{"jsonrpc": "2.0", "id": 1, "method": "ping", "x": ' + b"9" * 10_000 + b"}",
        b"7",
        b"null",
        b"[]",
        b'[{"jsonrpc": "2.0", "id": 1, "method": "ping"}]',
        b"{}",
        b'{"jsonrpc": "1.0", "id": 1, "method": "ping"}',
        b'{"jsonrpc": "2.0", "id": null, "method": "ping"}',
        b'{"jsonrpc": "2.0", "id": true, "method": "ping"}',
        b'{"jsonrpc": "2.0", "id": {}, "method": "ping"}',
        b'{"jsonrpc": "2.0", "id": 1, "method": 7}',
        b'{"jsonrpc": "2.0", "id": 1}',
        b'{"jsonrpc": "2.0", "id": 1, "result": 1, "error": 1}',
        b'{"jsonrpc": "2.0", "id": 1, "method": "ping", "params": []}',
        b'{"jsonrpc": "2.0", "id": 1, "method": "ping", "params": {"_meta": 7}}',
        b'{"jsonrpc": "2.0", "id": 1, "method": "no/such"}',
        b'{"jsonrpc": "2.0", "id": 1, "method": "tools/call"}',
        b'{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "no_such"}}',
        b'{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "search", "arguments": []}}',
        b'{"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"cursor": "p-1"}}',
        b'{"jsonrpc": "2.0", "id": 1, "method": "logging/setLevel", "params": {"level": "loud"}}',
    ],
)
def test_what_is_no_request_is_refused_and_the_next_one_is_answered(client, data):
    answer = client.raw(data)
    assert set(answer) == {"jsonrpc", "id", "error"}
    assert answer["error"]["code"] in {-32700, -32600, -32601, -32602}
    assert client.ask("ping") == {}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=20)
@given(
    method=st.sampled_from(["tools/call", "resources/read", "prompts/get", "completion/complete", "initialize", "tools/list"]),
    params=st.dictionaries(st.sampled_from(["name", "arguments", "uri", "ref", "argument", "cursor", "_meta"]), JSON),
)
def test_any_parameters_are_answered(place_of_all, method, params):
    answer = place_of_all.client().send({"jsonrpc": "2.0", "id": "x", "method": method, "params": params})
    assert answer["id"] == "x"
    assert answer.get("error", {"code": 0})["code"] in {0, -32600, -32602, -32002}


@pytest.fixture(scope="module")
def place_of_all(tmp_path_factory):
    from tests.unit.mcp.conftest import Place

    place = Place(tmp_path_factory.mktemp("mcp"))
    yield place
    place.server.close()
    place.app.close()


def test_a_batch_is_answered_in_one_list_where_the_revision_has_batches(place, stranger):
    place.session()
    stranger.hello(protocolVersion="2025-03-26")
    batch = [
        {"jsonrpc": "2.0", "id": 1, "method": "ping"},
        {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 99}},
        {"jsonrpc": "2.0", "id": "two", "method": "tools/call", "params": {"name": "where_was_i"}},
        {"jsonrpc": "2.0", "id": 3, "method": "no/such"},
        7,
    ]
    answers = stranger.send(batch)
    assert {str(one["id"]): "result" in one for one in answers} == {"1": True, "two": True, "3": False, "None": False}
    assert stranger.send([{"jsonrpc": "2.0", "method": "notifications/initialized"}]) is None
    assert [stranger.send(wrong)["error"]["code"] for wrong in ([], [batch[0]] * 101)] == [-32600, -32600]


def test_what_was_cancelled_is_never_answered_and_what_comes_behind_it_is(place, client):
    """The lane is held by a job of ours, so that what is asked for waits."""
    from segue.mcp.lane import Job

    held, came = threading.Event(), []
    place.server.lane.submit(Job(lambda _: held.wait(PATIENCE)))
    done = threading.Event()
    exchange = Exchange(lambda answer: (came.append(answer), len(came) == 2 and done.set()), lambda *_: None)
    for id_ in ("a", "b"):
        ask = {"jsonrpc": "2.0", "id": id_, "method": "tools/call", "params": {"name": "decision", "arguments": {"title": id_}}}
        client.server.take(client.peer, ask, exchange)
    assert client.send({"jsonrpc": "2.0", "id": "a", "method": "resources/list"})["error"]["code"] == -32600  # its id is in use
    client.send({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": "a"}})
    client.send({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": []}})
    held.set()
    assert done.wait(PATIENCE)
    assert [None if one is None else one["id"] for one in came] == [None, "b"]


def test_progress_is_told_to_who_asks_and_never_goes_back(place, client):
    place.session()
    client.call("restore")
    assert client.notified == []
    client.ask("tools/call", name="restore", arguments={}, _meta={"progressToken": "t"})
    told = [(method, params["progressToken"], params["progress"]) for method, params in client.notified]
    assert told == [("notifications/progress", "t", n) for n in (1, 2, 3)]


def test_a_long_list_comes_by_pages(place, client):
    for number in range(60):
        place.session(task=f"task {number}")
    first = client.ask("resources/list")
    second = client.ask("resources/list", cursor=first["nextCursor"])
    uris = [one["uri"] for page in (first, second) for one in page["resources"]]
    assert (len(first["resources"]), len(uris), len(set(uris)), "nextCursor" in second) == (50, 61, 61, False)


def test_names_of_sessions_are_completed(place, client):
    session = place.session()
    ref = {"type": "ref/prompt", "name": "resume"}
    found = client.ask("completion/complete", ref=ref, argument={"name": "session", "value": "sess"})
    assert found == {"completion": {"values": [session.name], "total": 1, "hasMore": False}}
    template = {"type": "ref/resource", "uri": "session://{session}"}
    assert client.ask("completion/complete", ref=template, argument={"name": "session", "value": "m"})["completion"]["total"] == 1
    assert client.ask("completion/complete", ref=ref, argument={"name": "colour", "value": ""})["code"] == -32602


def test_a_defect_of_ours_ends_one_request_and_tells_nothing_of_the_inside(place, client, capsys, monkeypatch):
    monkeypatch.setattr(type(place.app), "tend", lambda _: 1 / 0)
    assert client.ask("resources/list") == {"code": -32603, "message": "internal error: ZeroDivisionError"}
    assert "ZeroDivisionError" in capsys.readouterr().err
    assert client.ask("ping") == {}


def test_a_message_may_be_as_long_as_is_said(client):
    long = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "ping", "params": {"x": "y" * 1_000_000}}).encode()
    assert len(long) < LONGEST
    assert client.raw(long) == {"jsonrpc": "2.0", "id": 1, "result": {}}
