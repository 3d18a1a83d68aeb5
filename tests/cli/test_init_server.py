"""`segue init` and segue's own MCP server: each agent is told of it, what others wrote stays, and nothing is left of it."""

import json
import tomllib

import pytest

from segue.host.install import jsonc
from tests.cli.configured import FOUND, tree

AGENTS = ("claude-code", "codex", "gemini-cli", "opencode", "qwen-code")
FILES = {
    "claude-code": ".claude.json",
    "codex": ".codex/config.toml",
    "gemini-cli": ".gemini/settings.json",
    "opencode": ".config/opencode/opencode.json",
    "qwen-code": ".qwen/settings.json",
}


@pytest.fixture
def five(five):
    (five.home / ".claude.json").write_text(
        '{\n  "numStartups": 7,\n  "mcpServers": {\n    "notion": {"command": "notion"}\n  }\n}\n'
    )
    return five


def document(path):
    text = path.read_text()
    return tomllib.loads(text) if path.suffix == ".toml" else jsonc.parse(text).value


def server(cli, agent):
    """Return what an agent's file says of our server; None where it says nothing."""
    path = cli.home / FILES[agent]
    found = document(path) if path.exists() and path.stat().st_size else {}
    return found.get({"codex": "mcp_servers", "opencode": "mcp"}.get(agent, "mcpServers"), {}).get("segue")


def install(cli, *arguments):
    said = cli("init", "--yes", "--no-import", *arguments)
    assert said.code == 0, said.err


@pytest.mark.parametrize("agent", AGENTS)
def test_each_agent_is_told_of_it_in_its_own_words(five, agent):
    install(five)
    found = server(five, agent)
    home = {"SEGUE_HOME": f"{five.home}/segue"}
    if agent == "opencode":
        assert (found["type"], found["command"][-2:], found["environment"]) == ("local", ["mcp", "serve"], home)
    else:
        assert (found["args"][-2:], found["env"]) == (["mcp", "serve"], home)
        assert found.get("type") == ("stdio" if agent == "claude-code" else None)


def test_all_of_them_are_found_by_segue_itself(five):
    install(five)
    named = [one for one in five("mcp", "list", "--json").json["servers"] if one["name"] == "segue"]
    assert {one["agent"] for one in named} == set(AGENTS)
    assert not any(one["off"] or one["problem"] for one in named)


def test_it_is_taken_out_byte_for_byte(five):
    before = tree(five.home)
    install(five)
    assert tree(five.home) != before
    assert five("init", "--remove", "--yes").code == 0
    assert tree(five.home) == before


@pytest.mark.parametrize("agent", AGENTS)
def test_a_file_that_its_agent_wrote_anew_keeps_the_rest_when_it_is_taken_out(five, agent):
    before = document(five.home / FILES[agent]) if FOUND.get(FILES[agent]) != "" else {}
    install(five)
    path = five.home / FILES[agent]
    if path.suffix == ".toml":
        path.write_text(path.read_text().replace("[mcp_servers.segue]\n", "[mcp_servers.segue]\nstartup_timeout_sec = 20\n"))
    else:
        path.write_text(json.dumps(jsonc.parse(path.read_text()).value, indent=4))
    assert five("init", "--remove", "--yes").code == 0
    assert (document(path) if path.exists() else {}) == before


@pytest.mark.parametrize("agent", AGENTS)
def test_a_server_of_the_users_with_our_name_stays_as_it_is(five, agent):
    path = five.home / FILES[agent]
    if agent == "codex":
        path.write_text(path.read_text() + '\n[mcp_servers.segue]\ncommand = "mine"\n')
    else:
        table = "mcp" if agent == "opencode" else "mcpServers"
        path.write_text(json.dumps({table: {"segue": {"command": "mine"}}}))
    before = tree(five.home)
    install(five)
    assert server(five, agent) == {"command": "mine"}
    assert five("init", "--remove", "--yes").code == 0
    assert tree(five.home) == before


def test_without_it_nothing_is_said_of_it_and_where_it_was_it_is_taken_out(five):
    install(five, "--no-mcp")
    without = tree(five.home)
    assert [server(five, agent) for agent in AGENTS] == [None] * 5
    install(five)
    assert None not in [server(five, agent) for agent in AGENTS]
    install(five, "--no-mcp")
    assert [server(five, agent) for agent in AGENTS] == [None] * 5
    assert {name: what for name, what in tree(five.home).items() if not name.startswith("segue/")} == {
        name: what for name, what in without.items() if not name.startswith("segue/")
    }


def test_one_that_is_started_otherwise_now_takes_the_place_of_the_old_one(five):
    install(five)
    five.env["SEGUE_HOME"] = str(five.home / "other")
    five("init", "--yes", "--no-import")
    # another home has a list of its own: what the first one put in is not its to change
    assert server(five, "claude-code")["env"] == {"SEGUE_HOME": f"{five.home}/segue"}
    five.env["SEGUE_HOME"] = str(five.home / "segue")
    path = five.home / ".claude.json"
    path.write_text(path.read_text().replace('"serve"', '"served"'))
    install(five)
    assert server(five, "claude-code")["args"][-1] == "serve"


@pytest.mark.parametrize("agent", AGENTS)
def test_one_that_was_switched_off_stays_off(five, agent):
    install(five)
    assert five("mcp", "off", "segue", "--yes", "--agent", agent).code == 0
    install(five)
    named = [one for one in five("mcp", "list", "--json").json["servers"] if (one["name"], one["agent"]) == ("segue", agent)]
    assert [bool(one["off"]) for one in named] == [True]


def test_it_goes_though_the_list_of_what_was_done_is_lost(five):
    install(five)
    for path in (five.home / "segue" / "init").iterdir():
        path.unlink()
    assert five("init", "--remove", "--yes").code == 0
    assert [server(five, agent) for agent in AGENTS] == [None] * 5


def test_a_file_that_is_not_understood_is_named_and_nothing_is_changed(five):
    (five.home / ".claude.json").write_text("{ broken")
    before = tree(five.home)
    said = five("init", "--yes", "--no-import")
    assert (said.code, ".claude.json" in said.err, "--no-mcp" in said.err) == (1, True, True)
    assert tree(five.home) == before


def test_in_a_project_it_stands_in_the_projects_files(five):
    before = tree(five.home)
    install(five, "--project")
    names = {str(path.relative_to(five.workspace)) for path in five.workspace.rglob("*") if path.is_file()}
    assert {".mcp.json", ".codex/config.toml", ".gemini/settings.json", ".qwen/settings.json", ".opencode/opencode.json"} <= names
    assert {name: what for name, what in tree(five.home).items() if name in FILES.values() and "codex" not in name} == {
        name: what for name, what in before.items() if name in FILES.values() and "codex" not in name
    }
    assert five("init", "--project", "--remove", "--yes").code == 0
    assert (tree(five.workspace), tree(five.home)) == ({}, before)
