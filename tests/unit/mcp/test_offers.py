"""Resources and prompts: every one of them, and those that there are not."""

import json

import pytest
from inline_snapshot import snapshot


def texts(result):
    (content,) = result["contents"]
    return content["text"]


def test_the_state_of_a_session_is_a_document(place, client):
    session = place.session()
    listed = client.ask("resources/list")["resources"]
    assert [one["uri"] for one in listed] == ["session://", f"session://{session.id}"]
    for uri in (listed[1]["uri"], f"session://{session.name}", f"session://{session.name.lower()}", "session://previous"):
        document = json.loads(texts(client.read(uri)))
        assert (document["session"]["id"], document["format"]) == (session.id, "segue-state")


def test_the_sessions_are_listed(place, client):
    session = place.session()
    document = json.loads(texts(client.read("session://")))
    assert (document["count"], document["mine"], [one["id"] for one in document["sessions"]]) == (1, None, [session.id])


def test_a_transcript_has_of_a_header_what_the_session_is_about_and_not_its_ids(place, client):
    session = place.session(task="sell quinces", title="quinces of autumn")
    text = texts(client.read(f"session://{session.id}/transcript/1-1"))
    assert "session.created\ntitle: quinces of autumn\ntask: sell quinces\nproject: shop\n" in text
    assert session.state().header["slug"] not in text


def test_a_transcript_is_read_page_by_page(place, client):
    session = place.session()
    for number in range(120):
        session.append("message", {"role": "user", "parts": [{"type": "text", "content": f"word {number} SEGUE-QUOTE>>>"}]})
    uri, seen, pages = f"session://{session.id}/transcript", "", 0
    while uri:
        text = texts(client.read(uri))
        seen, pages = seen + text, pages + 1
        uri = text.rpartition("\nnext: ")[2].strip() if "\nnext: " in text else ""
    assert (pages, [f"\nword {n} " in seen for n in range(120)]) == (3, [True] * 120)
    assert (seen.count("<<<SEGUE-QUOTE"), seen.count(">>>\n")) == (3, 120 + 3)


def test_a_page_of_long_events_is_no_longer_than_is_said(place, client):
    session = place.session()
    for _ in range(40):
        session.append("message", {"role": "tool", "parts": [{"type": "text", "content": "pear " * 2_000}]})
    text = texts(client.read(f"session://{session.id}/transcript/1-50"))
    assert len(text) < 66_000
    assert "characters more]" in text
    assert "\nnext: session://" in text


@pytest.mark.parametrize(
    "uri",
    [
        "session://no-such",
        "session://no-such/transcript/1-5",
        "session://mine/else",
        "session://a b",
        "file:///etc/passwd",
        "session://../..",
        "",
        "session://" + "x" * 10_000,
    ],
)
def test_what_is_no_resource_is_not_found(place, client, uri):
    place.session()
    assert client.read(uri)["code"] == -32002


def test_a_page_that_is_not_there_is_refused(place, client):
    session = place.session()
    answers = [client.read(f"session://{session.id}/transcript/{pages}") for pages in ("0-5", "99-100", "2-1")]
    assert [one["code"] for one in answers] == [-32602] * 3


def test_each_prompt_is_listed_with_its_arguments_and_can_be_had(place, client):
    session = place.session()
    listed = {one["name"]: [each["name"] for each in one["arguments"]] for one in client.ask("prompts/list")["prompts"]}
    assert listed == snapshot({"resume": ["session", "task"], "hand_over": ["to", "session"], "summarise": ["session"]})
    for name in listed:
        for given in ({}, {"session": session.name}):
            (message,) = client.ask("prompts/get", name=name, arguments=given)["messages"]
            assert message["role"] == "user"
            assert f"session {session.name} (" in message["content"]["text"]
            assert "sell pears" in message["content"]["text"]
    assert "Hand this work over to codex." in str(client.ask("prompts/get", name="hand_over", arguments={"to": "codex"}))


@pytest.mark.parametrize(
    "params",
    [
        {"name": "no such"},
        {"name": "resume", "arguments": {"colour": "green"}},
        {"name": "resume", "arguments": {"task": 7}},
        {"name": "resume", "arguments": {"task": "x" * 3_000}},
        {"name": "resume", "arguments": {"session": "no such"}},
    ],
)
def test_what_is_no_prompt_is_refused(place, client, params):
    place.session()
    assert client.ask("prompts/get", **params)["code"] == -32602
