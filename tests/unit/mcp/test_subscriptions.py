"""Subscriptions: who hears of what, when, and that nobody looks while nobody wants to hear."""

import itertools
import json
import threading
from queue import Queue

import pytest

from segue.mcp import subscriptions, watching
from segue.mcp.peer import Exchange
from segue.mcp.revisions import META_CAPABILITIES, META_VERSION, STATELESS
from tests.unit.mcp.conftest import PATIENCE, Client

ENVELOPE = {META_VERSION: STATELESS[-1], META_CAPABILITIES: {}}
UPDATED, LISTED = "notifications/resources/updated", "notifications/resources/list_changed"
ACKNOWLEDGED = "notifications/subscriptions/acknowledged"
META_ID = "io.modelcontextprotocol/subscriptionId"


@pytest.fixture(autouse=True)
def _often(monkeypatch):
    assert ended()  # who looked for a test before this one may be on his way out
    monkeypatch.setattr(watching, "PAUSE", 0.01)


@pytest.fixture
def told(client):
    """What the client is told, as it comes."""
    queue = Queue()
    client.peer.notify = lambda method, params: queue.put((method, params))
    return lambda: queue.get(timeout=PATIENCE)


def say(session, text="more"):
    session.append("message", {"role": "user", "parts": [{"type": "text", "content": text}]})


def looking():
    return [thread for thread in threading.enumerate() if thread.name == "segue-mcp-watch"]


def ended():
    """Wait until nobody looks any more."""
    for thread in looking():
        thread.join(PATIENCE)
    return looking() == []


@pytest.mark.parametrize("uri", ["session://{id}", "session://{name}", "session://previous", "session://{id}/transcript/1-50"])
def test_a_client_hears_that_a_session_changed_by_the_name_it_gave_it(place, client, told, uri):
    session, other = place.session("sell plums"), place.session("sell pears", workspace="/elsewhere")
    uri = uri.format(id=session.id, name=session.name)
    assert client.ask("resources/subscribe", uri=uri) == {}
    say(other)
    say(session)
    assert told() == (UPDATED, {"uri": uri})
    say(session)
    assert told() == (UPDATED, {"uri": uri})


def test_it_hears_once_of_what_came_together_and_once_that_it_was_deleted(place, client, told):
    sessions = [place.session(), place.session()]
    for session in (*sessions, *sessions):
        client.ask("resources/subscribe", uri=f"session://{session.id}")
    sessions[0].delete()
    assert told() == (UPDATED, {"uri": f"session://{sessions[0].id}"})
    say(sessions[1])
    assert told() == (UPDATED, {"uri": f"session://{sessions[1].id}"})


def test_who_no_longer_wants_to_hear_does_not_and_then_nobody_looks(place, client, told):
    sessions = [place.session(), place.session()]
    uris = [f"session://{session.id}" for session in sessions]
    assert looking() == []
    for uri in uris:
        client.ask("resources/subscribe", uri=uri)
    assert len(looking()) == 1
    assert [client.ask("resources/unsubscribe", uri=uri) for uri in (uris[0], uris[0], "session://no-such")] == [{}] * 3
    say(sessions[0])
    say(sessions[1])
    assert told() == (UPDATED, {"uri": uris[1]})
    client.ask("resources/unsubscribe", uri=uris[1])
    assert ended()
    client.ask("resources/subscribe", uri=uris[0])
    say(sessions[0])
    assert told() == (UPDATED, {"uri": uris[0]})


def test_who_is_gone_is_no_longer_looked_for(place, client):
    client.ask("resources/subscribe", uri=f"session://{place.session().id}")
    client.peer.leave()
    assert ended()
    client.ask("resources/subscribe", uri="session://")
    assert ended()


def test_who_hears_of_the_list_hears_of_others_in_it_and_of_all_in_it_and_of_no_other_project(place, client, told):
    session = place.session()
    client.ask("resources/subscribe", uri="session://")
    place.session("sell plums", workspace="/elsewhere")
    say(session)
    assert told() == (UPDATED, {"uri": "session://"})
    place.session("sell apples")
    heard = list(itertools.takewhile(lambda one: one[0] != LISTED, iter(told, None)))
    assert {method for method, _ in heard} <= {UPDATED}
    assert told() == (UPDATED, {"uri": "session://"})
    assert len(client.ask("resources/list")["resources"]) == 3


@pytest.mark.parametrize("uri", ["session://no-such", "session://a b", "file:///etc/passwd", "", 7])
def test_what_is_no_resource_is_not_subscribed_to(place, client, uri):
    place.session()
    assert client.ask("resources/subscribe", uri=uri)["code"] == (-32602 if uri == 7 else -32002)
    assert looking() == []


def test_a_session_of_another_project_is_not_subscribed_to(place, client):
    place.session()
    hidden = place.session(workspace="/elsewhere")
    assert client.ask("resources/subscribe", uri=f"session://{hidden.id}")["code"] == -32002


def test_how_much_is_looked_at_is_limited_for_each_client_and_for_all(place, client, monkeypatch):
    session = place.session()
    monkeypatch.setattr(subscriptions, "MOST", 2)
    uris = [f"session://{session.id}/transcript/1-{last}" for last in range(1, 4)]
    answers = [client.ask("resources/subscribe", uri=uri) for uri in uris]
    assert [one.get("message", "") for one in answers] == [
        *["", ""],
        "at most 2 resources: unsubscribe from some, or subscribe to session:// for all",
    ]
    client.ask("resources/unsubscribe", uri=uris[0])
    assert client.ask("resources/subscribe", uri=uris[2]) == {}
    monkeypatch.setattr(watching, "MOST", 3)
    other, third = place.client(), place.client()
    assert other.ask("resources/subscribe", uri=uris[0]) == {}
    assert third.ask("resources/subscribe", uri=uris[0])["code"] == -32000


def test_a_look_that_fails_is_made_again_and_a_defect_ends_one_interest_alone(place, client, told, monkeypatch, capsys):
    sessions = [place.session(), place.session()]
    for session in sessions:
        client.ask("resources/subscribe", uri=f"session://{session.id}")
    real, failures = place.app.store.stamp, iter([OSError("x"), ZeroDivisionError("x")])
    failed = threading.Event()

    def stamp(session):
        if session == sessions[0].id:
            for failure in failures:
                raise failure
            failed.set()
        return real(session)

    monkeypatch.setattr(place.app.store, "stamp", stamp)
    say(sessions[1])
    assert told() == (UPDATED, {"uri": f"session://{sessions[1].id}"})
    say(sessions[0])
    say(sessions[1])
    assert told() == (UPDATED, {"uri": f"session://{sessions[1].id}"})
    assert not failed.is_set()
    assert "ZeroDivisionError" in capsys.readouterr().err


# --- requests that listen


class Listening:
    """A request that listens, of a client without a handshake."""

    def __init__(self, place, **wanted):
        self.client = Client(place.server, place.clock.now())
        self.told, self.answers = Queue(), Queue()
        message = {"jsonrpc": "2.0", "id": "l", "method": "subscriptions/listen"}
        message["params"] = {"notifications": wanted, "_meta": ENVELOPE}
        exchange = Exchange(self.answers.put, lambda method, params: self.told.put((method, params)))
        place.server.receive(self.client.peer, json.dumps(message).encode(), exchange)

    def next(self):
        method, params = self.told.get(timeout=PATIENCE)
        assert params.pop("_meta") == {META_ID: "l"}
        return method, params

    def cancel(self):
        self.client.send({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": "l"}})


def test_a_request_hears_of_what_it_asked_for_until_it_is_given_up(place):
    session = place.session()
    uris = [f"session://{session.id}", "session://no-such"]
    listening = Listening(place, resourceSubscriptions=uris, toolsListChanged=True)
    assert listening.next() == (ACKNOWLEDGED, {"notifications": {"resourceSubscriptions": uris[:1]}})
    say(session)
    assert listening.next() == (UPDATED, {"uri": uris[0]})
    listening.cancel()
    assert ended()
    say(session)
    assert (listening.told.qsize(), listening.answers.qsize()) == (0, 0)
    assert listening.client.ask("tools/list", _meta=ENVELOPE)["resultType"] == "complete"


def test_a_request_hears_that_there_are_others_and_of_no_change_it_did_not_ask_for(place):
    session = place.session()
    listening = Listening(place, resourcesListChanged=True)
    assert listening.next() == (ACKNOWLEDGED, {"notifications": {"resourcesListChanged": True}})
    say(session)
    place.session("sell plums", workspace="/elsewhere")
    place.session("sell apples")
    assert listening.next() == (LISTED, {})


def test_a_request_that_listens_is_answered_when_the_server_ends(place):
    listening = Listening(place)
    assert listening.next() == (ACKNOWLEDGED, {"notifications": {}})
    place.server.close()
    answer = listening.answers.get(timeout=PATIENCE)
    assert (answer["id"], answer["result"]["resultType"], answer["result"]["_meta"][META_ID]) == ("l", "complete", "l")


@pytest.mark.parametrize("wanted", [{"resourceSubscriptions": "session://"}, {"resourceSubscriptions": [7]}])
def test_a_request_that_is_wrong_is_refused(place, wanted):
    answer = Listening(place, **wanted).answers.get(timeout=PATIENCE)
    assert answer["error"]["code"] == -32602


def test_a_request_that_asks_for_too_much_is_refused(place):
    answer = Listening(place, resourceSubscriptions=[f"session://{n}" for n in range(101)]).answers.get(timeout=PATIENCE)
    assert answer["error"]["code"] == -32000


def test_the_handshakes_revisions_have_no_request_that_listens(place, client):
    assert client.ask("subscriptions/listen", notifications={})["code"] == -32601
