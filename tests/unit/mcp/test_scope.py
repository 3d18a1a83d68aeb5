"""Of which session a call is, and of which no client may know."""

import pytest

from tests.unit.mcp.conftest import Client, Place

CLAUDE_ID = "0b8e8c1c-1111-4222-8333-944445555666"


def line(client, tool, **given):
    """Return the line that says which session an answer is about."""
    return next(one for one in client.call(tool, **given).splitlines() if one.startswith(("session ", "error: ")))


def test_an_agent_that_told_its_own_id_writes_to_that_session(place):
    mine = place.session(agent="claude-code", foreign_ids=[CLAUDE_ID])
    place.session(task="another's", agent="claude-code")
    client = place.client("claude-code", foreign_id=CLAUDE_ID)
    assert line(client, "decision", title="x") == f"session {mine.name} (yours: claude-code named it)"


def test_an_agent_whose_session_is_not_known_yet_is_given_no_other_of_its_kind_for_its_own(place):
    other = place.session(agent="claude-code", foreign_ids=["0b8e8c1c-2222-4222-8333-944445555666"])
    client = place.client("claude-code", foreign_id=CLAUDE_ID)
    assert (
        line(client, "decision", title="x") == f"session {other.name} (the one at work here; which one is yours cannot be told)"
    )


def test_codex_tells_its_session_with_each_call(place):
    mine = place.session(agent="codex", foreign_ids=["01a1ff94"])
    place.session(task="another's", agent="codex")
    client = place.client("codex-mcp-client")
    meta = {"x-codex-turn-metadata": {"session_id": "01a1ff94"}}
    result = client.ask("tools/call", name="decision", arguments={"title": "x"}, _meta=meta)
    assert result["content"][0]["text"].startswith(f"session {mine.name} (yours: codex named it)")


def test_an_agent_that_tells_no_id_writes_to_the_session_in_which_its_kind_is_at_work(place):
    place.session(agent="gemini-cli", task="this morning's")
    place.clock.advance(7_200)
    client = place.client("gemini-cli-mcp-client")
    mine = place.session(agent="gemini-cli", task="this noon's")
    place.session(agent="codex", task="another agent's")
    assert line(client, "thread", topic="x") == f"session {mine.name} (yours: gemini-cli is at work in it)"


def test_what_is_restored_is_what_was_done_before_and_not_the_call_itself(place):
    before = place.session(task="this morning's", agent="codex")
    place.clock.advance(7_200)
    client = place.client("claude-code", foreign_id=CLAUDE_ID)
    mine = place.session(task="go on", agent="claude-code", foreign_ids=[CLAUDE_ID])
    assert line(client, "restore") == f"session {before.name} (the last one here before yours)"
    assert line(client, "restore", session="mine") == f"session {mine.name} (yours: claude-code named it)"
    assert f"your session: {mine.name}" in client.call("where_was_i")


def test_a_session_that_is_over_is_nobodys_any_more(place):
    place.session(agent="claude-code", foreign_ids=[CLAUDE_ID]).end()
    client = place.client("claude-code", foreign_id=CLAUDE_ID)
    assert client.call("decision", title="x") == (
        "error: session 'mine' was not found\n"
        'hint: none is at work in this project: name one, or begin one: segue start --task "..."'
    )
    assert line(client, "restore").endswith("(the last one here)")


@pytest.fixture
def other(place):
    """A session of another project."""
    elsewhere = place.project.parent / "bank"
    elsewhere.mkdir()
    return place.session(task="count the xylophones", workspace=elsewhere)


@pytest.mark.parametrize("how", ["name", "id"])
def test_a_session_of_another_project_is_not_known_here(place, client, other, how):
    place.session()
    ref = getattr(other, how)
    for tool, more in (("restore", {}), ("decision", {"title": "x"}), ("search", {"query": "xylophones"}), ("budget", {})):
        assert client.call(tool, session=ref, **more).startswith(f"error: session {ref!r} was not found\nhint: session:// lists")
    assert "nothing fits" in client.call("search", query="xylophones")
    assert client.read(f"session://{ref}")["code"] == client.read(f"session://{ref}/transcript")["code"] == -32002
    assert "xylophone" not in str(client.ask("resources/list")) + str(client.read("session://")) + client.call("where_was_i")
    values = client.ask(
        "completion/complete", ref={"type": "ref/prompt", "name": "resume"}, argument={"name": "session", "value": ""}
    )
    assert other.name not in values["completion"]["values"]
    assert client.ask("prompts/get", name="resume", arguments={"session": ref})["code"] == -32602


def test_what_several_sessions_fit_is_told_of_those_of_this_project_alone(place, client, other):
    mine = place.session(task="sell pears in crates")
    begin = mine.id[: next(n for n, (a, b) in enumerate(zip(mine.id, other.id, strict=True)) if a != b)]
    assert line(client, "restore", session=begin) == f"session {mine.name} (as named)"
    second = place.session()
    said = client.call("restore", session=begin[:8])
    assert said.startswith(f"error: reference {begin[:8]!r} fits 2 sessions: ")
    assert (mine.name in said, second.name in said, other.name in said) == (True, True, False)
    assert said.endswith(f"hint: name the one you mean as it is called here, such as {mine.name}")
    assert line(client, "restore", session="last") == f"session {second.name} (the last one here)"


def test_with_all_every_session_is_known(place, other):
    from segue.mcp.server import Server

    server = Server(place.app, everything=True)
    client = Client(server, place.clock.now())
    client.hello()
    assert "count the xylophones" in client.call("restore", session=other.name)
    server.close()


def test_sessions_in_directories_of_the_project_are_its_own_and_those_beside_it_are_not(place, client):
    for name in ("shop/cellar", "shopping"):
        place.session(task=name, workspace=place.project.parent / name)
    listed = client.read("session://")["contents"][0]["text"]
    assert ("shop/cellar" in listed, "shopping" in listed) == (True, False)


@pytest.mark.parametrize("directory", ["/", "HOME"])
def test_a_server_that_was_started_in_no_project_knows_of_no_session(tmp_path, directory):
    place = Place(tmp_path, cwd=str(tmp_path) if directory == "HOME" else "/")
    place.session()
    assert place.client().call("where_was_i").startswith("nothing is recorded for ")
    place.server.close()
    place.app.close()


def test_a_client_that_works_elsewhere_says_so_and_is_in_that_project(place, other):
    client = place.client(roots=[f"file://{place.project.parent}/bank", "https://example.org", "file://host/x", 7])
    assert line(client, "restore") == f"session {other.name} (the last one here)"
    assert client.asked == ["roots/list"]
    client.roots = [f"file://{place.project}"]
    client.send({"jsonrpc": "2.0", "method": "notifications/roots/list_changed"})
    assert client.call("where_was_i").startswith(f"nothing is recorded for {place.project} yet")


def test_a_client_that_never_says_where_it_works_is_where_it_was_started(place, monkeypatch):
    monkeypatch.setattr("segue.mcp.peer._PATIENCE", 0.01)
    mine = place.session()
    client = Client(place.server, place.clock.now(), roots=[])
    client.peer._send = lambda _: None
    client.hello(capabilities={"roots": {}})
    assert line(client, "restore") == f"session {mine.name} (the last one here)"
