"""The server over HTTP: who is let in, what is taken, and who cannot keep others from being answered."""

import contextlib
import http.client
import json
import socket
import threading
import time

import pytest

from segue.core.errors import ConfigurationError
from segue.host.mcp.token import token_of
from segue.mcp import http as transport
from segue.mcp.peer import Peer
from segue.mcp.revisions import META_CAPABILITIES, META_VERSION, STATELESS
from segue.mcp.visits import IDLE, MOST, Visits
from tests.unit.mcp.conftest import HELLO, PATIENCE, Place

TOKEN = "t" * 43
GOOD = {
    "Authorization": f"Bearer {TOKEN}",
    "Content-Type": "application/json",
    "Accept": "application/json, text/event-stream",
}
INITIALIZE = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": HELLO}
PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
ENVELOPE = {META_VERSION: STATELESS[-1], META_CAPABILITIES: {}}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    place = Place(tmp_path_factory.mktemp("mcp"))
    place.session()
    yield place
    place.server.close()
    place.app.close()


@pytest.fixture(scope="module")
def listener(place):
    with transport.Listener(place.server, 0, TOKEN) as listener:
        thread = threading.Thread(target=listener.forever)
        thread.start()
        yield listener
        listener.shutdown()
        thread.join(PATIENCE)


class Answer:
    def __init__(self, found):
        self.status, self.headers, self.body = found.status, found.headers, found.read()

    @property
    def json(self):
        return json.loads(self.body)


@pytest.fixture
def send(listener):
    """Sends one request on a connection of its own; a header None is left out."""

    def call(message=None, method="POST", path="/mcp", *, body=None, **headers):
        port = listener.server_address[1]
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)) as connection:
            data = body if body is not None else b"" if message is None else json.dumps(message).encode()
            found = GOOD | {name.replace("_", "-"): value for name, value in headers.items()}
            connection.putrequest(method, path, skip_host="Host" in found, skip_accept_encoding=True)
            for name, value in ({"Content-Length": str(len(data))} | found).items():
                for one in value if isinstance(value, list) else [value]:
                    if one is not None:
                        connection.putheader(name, one.replace("PORT", str(port)))
            connection.endheaders(data)
            return Answer(connection.getresponse())

    return call


@pytest.fixture
def session(send):
    return send(INITIALIZE).headers["Mcp-Session-Id"]


def test_a_session_is_begun_used_and_ended(send, session):
    mine = {"Mcp_Session_Id": session, "MCP_Protocol_Version": "2025-11-25"}
    assert len(session) >= 32
    assert send({"jsonrpc": "2.0", "method": "notifications/initialized"}, **mine).status == 202
    assert send(PING, **mine).json == {"jsonrpc": "2.0", "id": 1, "result": {}}
    assert [send(method="DELETE", **mine).status, send(PING, **mine).status, send(method="DELETE", **mine).status] == [
        204,
        404,
        404,
    ]


@pytest.mark.parametrize("host", ["localhost:PORT", "LOCALHOST:PORT", "[::1]:PORT", "127.0.0.1:PORT"])
def test_who_calls_us_by_a_name_of_the_loopback_is_let_in(send, host):
    assert send(INITIALIZE, Host=host, Origin=f"http://{host}").status == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 403),
        ({"Host": "evil.example:PORT"}, 403),
        ({"Host": "127.0.0.1"}, 403),
        ({"Host": "127.0.0.1:PORT@evil.example"}, 403),
        ({"Host": None}, 403),
        ({"Host": ["127.0.0.1:PORT", "evil.example"]}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "https://127.0.0.1:PORT"}, 403),
        ({"Origin": ["http://127.0.0.1:PORT", "http://evil.example"]}, 403),
        ({"Authorization": None}, 401),
        ({"Authorization": "Bearer"}, 401),
        ({"Authorization": f"Basic {TOKEN}"}, 401),
        ({"Authorization": f"Bearer {TOKEN[:-1]}"}, 401),
        ({"Authorization": f"Bearer {TOKEN}x"}, 401),
        ({"Authorization": "Bearer \xe9"}, 401),
        ({"Authorization": [f"Bearer {TOKEN}", "Bearer x"]}, 401),
        ({"Content_Type": "text/plain"}, 415),
        ({"Content_Type": None}, 415),
        ({"Accept": "text/html"}, 406),
        ({"Accept": "application/json"}, 406),
        ({"Content_Length": None}, 411),
        ({"Content_Length": "-1"}, 411),
        ({"Content_Length": "x"}, 411),
        ({"Transfer_Encoding": "chunked"}, 411),
        ({"Content_Length": "4194305"}, 413),
        ({"Content_Length": "9" * 30}, 413),
    ],
)
def test_who_is_not_let_in(send, headers, status):
    answer = send(INITIALIZE, **headers)
    assert (answer.status, "Mcp-Session-Id" in answer.headers) == (status, False)
    assert TOKEN.encode() not in answer.body


@pytest.mark.parametrize("method", ["PUT", "PATCH", "OPTIONS", "HEAD"])
def test_there_is_no_other_method(send, session, method):
    answer = send(method=method, Mcp_Session_Id=session)
    assert (answer.status, answer.headers["Allow"]) == (405, "GET, POST, DELETE")


def test_there_is_one_path(send):
    assert [send(INITIALIZE, path=path).status for path in ("/", "/mcp/", "/.well-known/oauth-protected-resource")] == [404] * 3


def test_a_request_without_a_session_of_ours_is_refused(send, session):
    assert [
        send(PING).status,
        send(PING, Mcp_Session_Id="no such").status,
        send(PING, Mcp_Session_Id=session, MCP_Protocol_Version="2024-11-05").status,
        send(PING, Mcp_Session_Id=session, MCP_Protocol_Version="2031-01-01").status,
        send(INITIALIZE | {"params": {}}).status,
        send(body=b"garbage", Mcp_Session_Id=session).status,
        send([PING], Mcp_Session_Id=session).status,
    ] == [400, 404, 400, 400, 400, 400, 400]


def test_who_asks_for_it_is_told_how_far_a_call_is(send, session):
    params = {"name": "restore", "arguments": {}, "_meta": {"progressToken": 5}}
    answer = send({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}, Mcp_Session_Id=session)
    assert answer.headers["Content-Type"] == "text/event-stream"
    events = [json.loads(line[6:]) for line in answer.body.decode().splitlines() if line.startswith("data: ")]
    assert [one.get("method", one.get("id")) for one in events] == ["notifications/progress"] * 3 + [1]


def stateless(method="tools/list", **params):
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": {**params, "_meta": ENVELOPE}}


def test_a_stateless_request_is_complete_in_itself(send):
    headers = {"MCP_Protocol_Version": STATELESS[-1], "Mcp_Method": "tools/list"}
    answer = send(stateless(), **headers)
    assert (answer.status, len(answer.json["result"]["tools"]), "Mcp-Session-Id" in answer.headers) == (200, 10, False)
    assert send({"jsonrpc": "2.0", "method": "notifications/cancelled"}, **headers).status == 202
    read = {**headers, "Mcp_Method": "resources/read", "Mcp_Name": "=?base64?c2Vzc2lvbjovLw==?="}
    assert "sell pears" in send(stateless("resources/read", uri="session://"), **read).json["result"]["contents"][0]["text"]


@pytest.mark.parametrize(
    ("message", "headers", "found"),
    [
        (stateless(), {"Mcp_Method": "tools/call"}, (400, -32020)),
        (stateless(), {}, (400, -32020)),
        (
            stateless("resources/read", uri="session://"),
            {"Mcp_Method": "resources/read", "Mcp_Name": "session://x"},
            (400, -32020),
        ),
        (
            stateless("resources/read", uri="session://"),
            {"Mcp_Method": "resources/read", "Mcp_Name": "=?base64?*?="},
            (400, -32020),
        ),
        (PING, {"Mcp_Method": "ping"}, (400, -32020)),
        (stateless("no/such"), {"Mcp_Method": "no/such"}, (404, -32601)),
        (stateless("resources/read", uri="x"), {"Mcp_Method": "resources/read", "Mcp_Name": "x"}, (400, -32602)),
    ],
)
def test_a_stateless_request_that_contradicts_itself_is_refused(send, message, headers, found):
    answer = send(message, MCP_Protocol_Version=STATELESS[-1], **headers)
    assert (answer.status, answer.json["error"]["code"]) == found


def test_a_stateless_revision_that_is_not_known_is_named(send):
    message = stateless() | {"params": {"_meta": {META_VERSION: "2031-01-01", META_CAPABILITIES: {}}}}
    answer = send(message, MCP_Protocol_Version="2031-01-01", Mcp_Method="tools/list")
    assert (answer.status, answer.json["error"]["data"]) == (400, {"supported": list(STATELESS), "requested": "2031-01-01"})


def test_one_connection_carries_many_requests(listener, session):
    connection = http.client.HTTPConnection("127.0.0.1", listener.server_address[1], timeout=PATIENCE)
    for number in range(3):
        connection.request("POST", "/mcp", json.dumps(PING | {"id": number}), GOOD | {"Mcp-Session-Id": session})
        assert json.loads(connection.getresponse().read())["id"] == number
    connection.close()


@pytest.mark.parametrize(
    "given",
    [b"", b"POST /mcp HTTP/1.1\r\nHost: x\r\n", b"\x16\x03\x01", b"GET\r\n\r\n", b"POST /mcp HTTP/1.1\r\n" + b"X: y\r\n" * 500],
)
def test_a_half_request_is_given_up(listener, monkeypatch, given):
    monkeypatch.setattr(transport, "_PATIENCE", 0.2)
    monkeypatch.setattr(transport, "_IDLE", 0.2)
    with socket.create_connection(listener.server_address, timeout=PATIENCE) as slow:
        slow.sendall(given)
        with contextlib.suppress(ConnectionError):
            while slow.recv(65_536):
                pass


def test_who_is_slow_keeps_nobody_else_waiting(listener, send):
    with contextlib.ExitStack() as stack:
        for _ in range(20):
            slow = stack.enter_context(socket.create_connection(listener.server_address, timeout=PATIENCE))
            slow.sendall(b"POST /mcp HTTP/1.1\r\n")
        assert send(INITIALIZE).status == 200


def test_who_sends_a_body_that_is_too_long_is_told_so(send):
    assert send(body=b"x" * 5_000_000).status == 413


def test_a_request_that_comes_drop_by_drop_is_given_up(listener, monkeypatch):
    monkeypatch.setattr(transport, "_PATIENCE", 0.3)
    until = time.monotonic() + PATIENCE
    with socket.create_connection(listener.server_address, timeout=PATIENCE) as slow:
        slow.settimeout(0.05)
        given_up = False
        while not given_up and time.monotonic() < until:
            try:
                slow.sendall(b"X")
                given_up = slow.recv(1) == b""
            except TimeoutError:
                continue
            except ConnectionError:
                given_up = True
    assert given_up


def test_who_comes_when_all_places_are_taken_is_told_to_come_again(place):
    with transport.Listener(place.server, 0, TOKEN, connections=1) as listener:
        thread = threading.Thread(target=listener.forever)
        thread.start()
        with (
            socket.create_connection(listener.server_address, timeout=PATIENCE) as first,
            socket.create_connection(listener.server_address, timeout=PATIENCE) as second,
        ):
            assert second.recv(65_536).startswith(b"HTTP/1.1 503 ")
            first.sendall(b"GET")
        listener.shutdown()
        thread.join(PATIENCE)


def test_clients_that_are_silent_for_long_are_forgotten_and_never_too_many_are_kept():
    now = [0.0]
    visits = Visits(lambda: now[0])
    first = visits.admit(Peer(0))
    known = [visits.admit(Peer(0)) for _ in range(MOST)]
    assert (visits.find(first), visits.find(known[0]) is not None) == (None, True)
    now[0] = IDLE - 1
    assert visits.find(known[1]) is not None
    now[0] = IDLE + 1
    assert [visits.find(id_) is not None for id_ in known[:3]] == [False, True, False]


def test_the_token_is_its_users_alone_and_stays_until_a_new_one_is_asked_for(tmp_path):
    path, token = token_of(tmp_path)
    assert (path.stat().st_mode & 0o777, len(token) >= 43, token_of(tmp_path)) == (0o600, True, (path, token))
    _, other = token_of(tmp_path, new=True)
    assert other != token
    path.chmod(0o644)
    with pytest.raises(ConfigurationError, match="others than you can read it"):
        token_of(tmp_path)
    path.chmod(0o600)
    path.write_text("short\n")
    with pytest.raises(ConfigurationError, match="it holds no token"):
        token_of(tmp_path)
