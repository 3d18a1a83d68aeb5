"""What clients hear over HTTP: the stream that they GET, and the answer to a request that listens."""

import contextlib
import http.client
import json
import threading

import pytest

from segue.mcp import http as transport
from segue.mcp import streams, watching
from segue.mcp.revisions import META_CAPABILITIES, META_VERSION, STATELESS
from tests.unit.mcp.conftest import HELLO, PATIENCE

TOKEN = "t" * 43
GOOD = {
    "Authorization": f"Bearer {TOKEN}",
    "Content-Type": "application/json",
    "Accept": "application/json, text/event-stream",
}
UPDATED = "notifications/resources/updated"
ENVELOPE = {META_VERSION: STATELESS[-1], META_CAPABILITIES: {}}


@pytest.fixture(autouse=True)
def _often(monkeypatch):
    for thread in looks():  # who looked for a test before this one may be on his way out
        thread.join(PATIENCE)
    monkeypatch.setattr(watching, "PAUSE", 0.01)
    monkeypatch.setattr(streams, "_LOOK", 0.02)
    monkeypatch.setattr(transport, "_LOOK", 0.02)


def looks():
    return [thread for thread in threading.enumerate() if thread.name == "segue-mcp-watch"]


class Caller:
    """A client on connections of its own, one for each request."""

    def __init__(self, listener):
        self._netloc, self._stack = f"127.0.0.1:{listener.server_address[1]}", contextlib.ExitStack()
        answer = self.post("initialize", id_=0, **HELLO)
        self.mine = {"Mcp-Session-Id": answer.headers["Mcp-Session-Id"]}

    def send(self, verb, message=None, **headers):
        connection = http.client.HTTPConnection(self._netloc, timeout=PATIENCE)
        self._stack.callback(connection.close)
        data = b"" if message is None else json.dumps(message).encode()
        connection.request(verb, "/mcp", data, GOOD | {name: value for name, value in headers.items() if value})
        return connection.getresponse()

    def post(self, method, id_=1, headers=None, **params):
        more = headers or getattr(self, "mine", {})
        return self.send("POST", {"jsonrpc": "2.0", "id": id_, "method": method, "params": params}, **more)

    def listen(self):
        answer = self.send("GET", **self.mine)
        assert (answer.status, answer.headers["Content-Type"]) == (200, "text/event-stream")
        return answer

    def close(self):
        self._stack.close()


def heard(stream):
    """Return the next message of a stream; None at its end."""
    for line in iter(stream.readline, b""):
        if line.startswith(b"data: "):
            return json.loads(line[6:])
    return None


@pytest.fixture
def listener(place):
    with transport.Listener(place.server, 0, TOKEN, connections=32) as listener:
        thread = threading.Thread(target=listener.forever)
        thread.start()
        yield listener
        listener.shutdown()
        thread.join(PATIENCE)


@pytest.fixture
def caller(listener):
    with contextlib.closing(Caller(listener)) as caller:
        yield caller


def say(session):
    session.append("message", {"role": "user", "parts": [{"type": "text", "content": "more"}]})


def test_who_listens_hears_what_it_subscribed_to_also_of_before(place, caller):
    session, uris = place.session(), []
    for uri in (f"session://{session.id}", f"session://{session.name}"):
        assert json.load(caller.post("resources/subscribe", uri=uri))["result"] == {}
        uris.append(uri)
    say(session)
    stream = caller.listen()
    found = [heard(stream) for _ in uris]
    assert [(one["method"], one["params"]["uri"]) for one in found] == [(UPDATED, uri) for uri in uris]
    say(session)
    assert heard(stream)["params"] == {"uri": uris[0]}


def test_what_waits_for_who_does_not_listen_is_limited_and_each_thing_waits_once():
    visitor = streams.Visitor(0)
    for number in [*range(300), *range(200, 300)]:
        visitor.notify(UPDATED, {"uri": f"session://{number}"})
    ear = visitor.listens_anew()
    heard = [visitor.next(ear, 0)["params"]["uri"] for _ in range(200)]
    assert (heard, visitor.next(ear, 0)) == ([f"session://{number}" for number in range(100, 300)], None)


def test_who_listens_anew_hears_and_the_stream_before_ends(place, caller):
    session = place.session()
    caller.post("resources/subscribe", uri=f"session://{session.id}")
    first, second = caller.listen(), caller.listen()
    assert heard(first) is None
    say(session)
    assert heard(second)["method"] == UPDATED


def test_a_session_that_is_ended_is_no_longer_told_and_no_longer_looked_at(place, caller):
    session = place.session()
    caller.post("resources/subscribe", uri=f"session://{session.id}")
    stream = caller.listen()
    before = looks()
    assert caller.send("DELETE", **caller.mine).status == 204
    assert heard(stream) is None
    for thread in before:
        thread.join(PATIENCE)
    assert [thread.is_alive() for thread in before] == [False]
    assert caller.send("GET", **caller.mine).status == 404


def test_a_stream_gives_signs_of_life_and_its_client_is_not_forgotten(listener, caller, monkeypatch):
    monkeypatch.setattr(streams, "_BEAT", 0.0)
    found = listener.visits.find
    seen = []
    monkeypatch.setattr(listener.visits, "find", lambda id_: seen.append(id_) or found(id_))
    stream = caller.listen()
    assert [stream.readline() for _ in range(4)] == [b":\r\n", b"\r\n"] * 2
    assert len(seen) >= 3


def test_so_many_listen_at_once_and_others_are_still_answered(listener, caller):
    listener.listening = threading.BoundedSemaphore(2)
    with contextlib.ExitStack() as stack:
        for _ in range(2):
            stack.enter_context(contextlib.closing(Caller(listener))).listen()
        refused = caller.send("GET", **caller.mine)
        assert (refused.status, refused.headers["Retry-After"]) == (503, "5")
        assert json.load(caller.post("ping"))["result"] == {}


def test_the_streams_end_with_the_server(listener, caller):
    stream = caller.listen()
    listener.shutdown()
    assert heard(stream) is None


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Accept": "application/json"}, 406),
        ({"Mcp-Session-Id": None}, 400),
        ({"Mcp-Session-Id": "no such"}, 404),
        ({"MCP-Protocol-Version": "2024-11-05"}, 400),
        ({"MCP-Protocol-Version": STATELESS[-1]}, 405),
        ({"Authorization": None, "authorization": "Bearer x"}, 401),
        ({"Origin": "http://evil.example"}, 403),
    ],
)
def test_who_may_not_listen(caller, headers, status):
    assert caller.send("GET", **(caller.mine | headers)).status == status


def listening(caller, **wanted):
    headers = {"MCP-Protocol-Version": STATELESS[-1], "Mcp-Method": "subscriptions/listen"}
    return caller.post("subscriptions/listen", "l", headers, notifications=wanted, _meta=ENVELOPE)


def test_a_request_that_listens_is_a_stream_until_its_client_goes(place, listener, caller):
    session = place.session()
    answer = listening(caller, resourceSubscriptions=[f"session://{session.id}"])
    assert heard(answer)["method"] == "notifications/subscriptions/acknowledged"
    say(session)
    assert heard(answer)["params"]["uri"] == f"session://{session.id}"
    before = looks()
    answer.close()
    caller.close()
    for thread in before:
        thread.join(PATIENCE)
    assert [thread.is_alive() for thread in before] == [False]


def test_a_request_that_listens_is_answered_when_the_server_ends(place, caller):
    answer = listening(caller)
    assert heard(answer)["method"] == "notifications/subscriptions/acknowledged"
    place.server.close()
    assert heard(answer)["result"]["resultType"] == "complete"
    assert heard(answer) is None
