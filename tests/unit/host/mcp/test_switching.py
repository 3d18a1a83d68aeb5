"""Servers switched off and on: in each agent's own words, with a copy, undone byte for byte, never by guessing."""

import json

import pytest

from segue.core.errors import ChangedError, ConfigurationError
from segue.host.install import Receipt
from segue.host.mcp.switching import FOLDER, apply, plan, taken_out

CLAUDE = """{
  "numStartups": 7, // kept
  "mcpServers": { "fruit": {"command": "f"}, "veg": {"command": "v"} },
  "projects": {
    "/other": {"allowedTools": []},
    "@": {
      "allowedTools": [],
      "disabledMcpServers": ["nuts"]
    }
  }
}
"""
CODEX = """# mine
model = "m"

[ mcp_servers . fruit ]   # the best
command = "f"

[mcp_servers.fruit.env]
A = "b"
[mcp_servers."veg.x"]
enabled = true # for now
command = "v"
"""
GEMINI = """{
\t// mine
\t"mcpServers": {
\t\t"fruit": {"command": "f"}, /* first */
\t\t"veg": {"command": "v"},
\t},
}"""
OPENCODE = """{
  "$schema": "https://opencode.ai/config.json",
  "mcp": {
    "fruit": {
      "type": "local", // here
      "command": ["f"]
    },
    "veg": {"type": "local", "command": ["v"], "enabled": true}
  }
}
"""
CURSOR = """{
  "mcpServers": {
    // the first
    "fruit": {"command": "f", "env": {"K": "v"}},
    "veg": {
      "command": "v"
    }
  }
}
"""
AGENTS = {
    "claude-code": ("~/.claude.json", CLAUDE),
    "codex": ("~/.codex/config.toml", CODEX),
    "gemini-cli": ("~/.gemini/settings.json", GEMINI),
    "qwen-code": (".qwen/settings.json", GEMINI.replace("\n", "\r\n")),
    "opencode": ("opencode.jsonc", OPENCODE),
    "cursor": ("~/.cursor/mcp.json", CURSOR),
    "vscode": (".vscode/mcp.json", CURSOR.replace("mcpServers", "servers")),
}
NAMES = {"codex": ("fruit", "veg.x")}


@pytest.fixture
def receipt(tmp_path):
    return lambda: Receipt(tmp_path / "segue", FOLDER)


@pytest.fixture
def switch(machine, receipt):
    def switch(agent, name, *, on):
        known = machine.servers() | {(s.agent, s.name): s for s in taken_out(receipt())}
        change = plan(known[agent, name], machine.ground, receipt(), on=on)
        apply(change, receipt(), on=on)
        return change

    return switch


def written(machine, agent):
    path, text = AGENTS[agent]
    file = machine.write(path, "")
    file.write_bytes(text.replace('"@"', json.dumps(str(machine.project))).encode())
    return file


def is_on(machine, agent, name):
    server = machine.servers().get((agent, name))
    return server is not None and not server.off


@pytest.mark.parametrize("agent", AGENTS)
def test_off_is_off_for_the_agent_and_on_brings_every_byte_back(machine, switch, receipt, agent):
    file = written(machine, agent)
    before = file.read_bytes()
    first, second = NAMES.get(agent, ("fruit", "veg"))
    assert (is_on(machine, agent, first), is_on(machine, agent, second)) == (True, True)

    assert switch(agent, first, on=False).action == "change"
    assert (is_on(machine, agent, first), is_on(machine, agent, second)) == (False, True)
    switch(agent, second, on=False)
    assert (is_on(machine, agent, first), is_on(machine, agent, second)) == (False, False)

    switch(agent, second, on=True)
    assert (is_on(machine, agent, first), is_on(machine, agent, second)) == (False, True)
    switch(agent, first, on=True)
    assert file.read_bytes() == before
    assert not receipt().directory.exists()


@pytest.mark.parametrize("agent", AGENTS)
def test_what_was_changed_meanwhile_stays_when_a_server_comes_back(machine, switch, agent):
    file = written(machine, agent)
    first, second = NAMES.get(agent, ("fruit", "veg"))
    said = machine.servers()[agent, first]
    switch(agent, first, on=False)
    switch(agent, second, on=False)
    mark = b"\n# seen\n" if agent == "codex" else b"\n// seen\n"
    file.write_bytes(file.read_bytes() + mark)

    switch(agent, first, on=True)

    assert (is_on(machine, agent, first), is_on(machine, agent, second)) == (True, False)
    assert machine.servers()[agent, first] == said
    assert file.read_bytes().endswith(mark)
    assert machine.read().misread == ()


@pytest.mark.parametrize("agent", AGENTS)
def test_switching_twice_changes_nothing(machine, receipt, switch, agent):
    file = written(machine, agent)
    name = NAMES.get(agent, ("fruit",))[0]
    server = machine.servers()[agent, name]
    switch(agent, name, on=False)
    off = file.read_bytes()
    if agent not in {"cursor", "vscode"}:  # there it is no longer named
        assert switch(agent, name, on=False).action == "keep"
    assert file.read_bytes() == off
    switch(agent, name, on=True)
    assert plan(server, machine.ground, receipt(), on=True).action == "keep"


def test_the_words_are_the_agents_own(machine, switch):
    found = {}
    for agent in AGENTS:
        file, name = written(machine, agent), NAMES.get(agent, ("fruit",))[0]
        before = file.read_text().splitlines()
        switch(agent, name, on=False)
        after = file.read_text().splitlines()
        found[agent] = [f"-{x}" for x in before if x not in after] + [f"+{x}" for x in after if x not in before]
    assert found == {
        "claude-code": ['-      "disabledMcpServers": ["nuts"]', '+      "disabledMcpServers": ["nuts", "fruit"]'],
        "codex": ["+enabled = false"],
        "gemini-cli": ['+\t"mcp": {"excluded": ["fruit"]},'],
        "qwen-code": ['+\t"mcp": {"excluded": ["fruit"]},'],
        "opencode": ['+      "enabled": false,'],
        "cursor": ['-    "fruit": {"command": "f", "env": {"K": "v"}},'],
        "vscode": ['-    "fruit": {"command": "f", "env": {"K": "v"}},'],
    }


def test_what_was_switched_off_by_hand_is_switched_on_as_well(machine, switch):
    file = machine.write("~/.codex/config.toml", '[mcp_servers.fruit]\ncommand = "f"\nenabled = false # by me\n')
    switch("codex", "fruit", on=True)
    assert file.read_text() == '[mcp_servers.fruit]\ncommand = "f"\nenabled = true # by me\n'


def test_the_file_as_it_was_is_kept_while_a_server_is_off(machine, receipt, switch):
    file = written(machine, "cursor")
    switch("cursor", "fruit", on=False)
    (entry,) = receipt()
    kept = receipt().directory / entry.backup
    assert (kept.read_text(), kept.stat().st_mode & 0o777, entry.path) == (CURSOR, 0o600, str(file))
    assert [(s.agent, s.name, dict(s.env)) for s in taken_out(receipt())] == [("cursor", "fruit", {"K": "v"})]


@pytest.mark.parametrize(
    ("path", "text", "agent", "reason"),
    [
        ("~/.codex/config.toml", 'mcp_servers = { fruit = { command = "f" } }\n', "codex", "form that cannot be changed"),
        ("~/.codex/config.toml", '[mcp_servers]\nfruit.command = "f"\n', "codex", "form that cannot be changed"),
        ("~/.codex/config.toml", '[mcp_servers.fruit.env]\nA = "b"\n', "codex", "form that cannot be changed"),
        ("~/.gemini/settings.json", '{"mcpServers": {"fruit": {"command": "f"}}, "mcp": []}', "gemini-cli", "mcp is no object"),
        (
            "~/.gemini/settings.json",
            '{"mcpServers": {"fruit": {"command": "f"}}, "mcp": {"excluded": "x"}}',
            "gemini-cli",
            "is no list",
        ),
        ("~/.claude.json", '{"mcpServers": {"fruit": {"command": "f"}}, "projects": 7}', "claude-code", "projects is no object"),
        ("~/.cursor/mcp.json", '{"mcpServers": {"fruit": {}, "fruit": {"command": "f"}}}', "cursor", "does not stand there once"),
    ],
)
def test_what_is_not_understood_is_left_as_it_is(machine, receipt, path, text, agent, reason):
    file = machine.write(path, text)
    with pytest.raises(ConfigurationError, match=reason):
        plan(machine.servers()[agent, "fruit"], machine.ground, receipt(), on=False)
    assert file.read_text() == text


def test_a_file_that_is_written_meanwhile_is_not_overwritten(machine, receipt):
    file = written(machine, "claude-code")
    change = plan(machine.servers()["claude-code", "fruit"], machine.ground, receipt(), on=False)
    file.write_text("{}")
    with pytest.raises(ChangedError):
        apply(change, receipt(), on=False)
    assert file.read_text() == "{}"


def test_a_managed_server_is_not_switched(machine, receipt):
    written(machine, "gemini-cli")
    server = machine.servers()["gemini-cli", "fruit"]._replace(scope="managed")
    with pytest.raises(ConfigurationError, match="administrator"):
        plan(server, machine.ground, receipt(), on=False)


def test_claude_code_without_a_state_yet_is_given_one_and_it_goes_again(machine, switch):
    machine.write(".mcp.json", {"mcpServers": {"fruit": {"command": "f"}}})
    machine.write(".claude/settings.json", {"enableAllProjectMcpServers": True})
    switch("claude-code", "fruit", on=False)
    state = machine.home / ".claude.json"
    assert json.loads(state.read_text()) == {"projects": {str(machine.project): {"disabledMcpServers": ["fruit"]}}}
    switch("claude-code", "fruit", on=True)
    assert not state.exists()
