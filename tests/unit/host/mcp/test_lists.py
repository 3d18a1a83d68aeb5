"""The lists of servers that agents have: which files, what they mean, which server counts, what is off."""

import json

from segue.ports.mcp import Misread, Named


def entry(command, **more):
    return {"command": command, **more}


def test_a_machine_without_agents_names_nothing(machine):
    assert machine.read() == Named((), ())


def test_claude_code_takes_the_nearest_of_one_name_and_starts_what_was_approved(machine):
    project = {
        "mcpServers": {"near": entry("local-one"), "mine": entry("local-two")},
        "enabledMcpjsonServers": ["approved"],
        "disabledMcpServers": ["user", "plugin:fruit:kiwi"],
    }
    state = {"mcpServers": {"near": entry("user-one"), "user": entry("user-two")}, "projects": {str(machine.project): project}}
    machine.write("~/.claude.json", state)
    shared = {"near": entry("shared-one"), "approved": entry("a"), "waiting": entry("w"), "rejected": entry("r")}
    machine.write(".mcp.json", {"mcpServers": shared})
    machine.write(".claude/settings.local.json", {"disabledMcpjsonServers": ["rejected"]})
    machine.write("~/.claude/settings.json", {"enabledPlugins": {"fruit@market": True, "nuts@market": False}})
    plugin = machine.write("~/plugins/fruit/.mcp.json", {"mcpServers": {"kiwi": entry("${CLAUDE_PLUGIN_ROOT}/kiwi")}}).parent
    inline = machine.write("~/plugins/veg/.claude-plugin/plugin.json", {"mcpServers": {"leek": entry("leek")}}).parent.parent
    installed = {
        "fruit@market": [{"installPath": str(plugin)}],
        "nuts@market": [{"installPath": "/x"}],
        "veg@market": [{"installPath": str(inline)}],
    }
    machine.write("~/.claude/plugins/installed_plugins.json", {"version": 2, "plugins": installed})

    assert machine.listing() == {
        "claude-code near": "local stdio: local-one",
        "claude-code mine": "local stdio: local-two",
        "claude-code approved": "project stdio: a",
        "claude-code waiting": "project stdio: w, off: Claude Code waits for your approval of it",
        "claude-code rejected": "project stdio: r, off: disabledMcpjsonServers in ./.claude/settings.local.json",
        "claude-code user": "user stdio: user-two, off: disabledMcpServers of this project in ~/.claude.json",
        "claude-code plugin:fruit:kiwi": "plugin stdio: ~/plugins/fruit/kiwi, off: disabledMcpServers of this project in ~/.claude.json",
    }


def test_claude_code_leaves_out_the_tools_that_a_rule_denies(machine):
    machine.write("~/.claude.json", {"mcpServers": {"github": entry("g")}})
    machine.write(".claude/settings.json", {"permissions": {"deny": ["mcp__github__delete_repo", "mcp__slack", "Bash(rm:*)"]}})
    (server,) = machine.servers().values()
    assert server.without == ("mcp__github__delete_repo", "mcp__slack__*")


def test_claude_code_in_another_directory_has_its_state_there(machine):
    machine.env["CLAUDE_CONFIG_DIR"] = str(machine.home / "other")
    machine.write("~/other/.claude.json", {"mcpServers": {"one": entry("o")}})
    assert machine.listing() == {"claude-code one": "user stdio: o"}


CODEX = """
[mcp_servers.fruit]
command = "fruit"
args = ["--fast"]
env = { KEY = "k", N = 3 }
enabled_tools = ["weigh"]
disabled_tools = ["price"]
[mcp_servers.off]
command = "off"
enabled = false
[mcp_servers.far]
url = "https://far.example/mcp"
bearer_token_env_var = "TOKEN"
http_headers = { X-One = "1" }
env_http_headers = { X-Two = "TOKEN" }
[mcp_servers.unset]
url = "https://far.example/mcp"
bearer_token_env_var = "NOT_SET"
"""


def test_codex_names_variables_whose_values_go_into_headers(machine):
    machine.write("~/.codex/config.toml", CODEX)
    assert machine.listing() == {
        "codex fruit": "user stdio: fruit --fast",
        "codex off": "user stdio: off, off: enabled = false in ~/.codex/config.toml",
        "codex far": "user http: https://far.example/mcp",
        "codex unset": "user broken: the variable NOT_SET that it needs is not set",
    }
    servers = machine.servers()
    fruit, far = servers["codex", "fruit"], servers["codex", "far"]
    assert (dict(fruit.env), fruit.only, fruit.without) == ({"KEY": "k", "N": "3"}, ("weigh",), ("price",))
    assert dict(far.headers) == {"X-One": "1", "X-Two": "t0ken-of-fruit", "Authorization": "Bearer t0ken-of-fruit"}


def test_codex_reads_a_project_that_it_trusts(machine):
    machine.write(".codex/config.toml", '[mcp_servers.near]\ncommand = "near"\n')
    assert machine.listing() == {"codex near": "project stdio: near, off: Codex does not trust this project"}
    machine.write("~/.codex/config.toml", f'[projects."{machine.project}"]\ntrust_level = "trusted"\n')
    assert machine.listing() == {"codex near": "project stdio: near"}


def test_gemini_cli_puts_the_projects_settings_over_the_users(machine):
    user = {
        "fruit": entry("old"),
        "nuts": entry("$TOKEN", args=["${MISSING:-x}", "$MISSING"]),
        "veg": {"httpUrl": "https://v.example"},
    }
    machine.write("~/.gemini/settings.json", {"mcpServers": user, "mcp": {"excluded": ["veg"]}})
    machine.write(
        ".gemini/settings.json",
        '{ // ours\n "mcpServers": {"fruit": {"command": "new", "includeTools": ["weigh(kg)"], "excludeTools": ["price"]},}}',
    )
    machine.write("~/.gemini/mcp-server-enablement.json", {"NUTS": {"enabled": False}})
    assert machine.listing() == {
        "gemini-cli fruit": "project stdio: new",
        "gemini-cli nuts": "user stdio: t0ken-of-fruit x $MISSING, off: enabled is false in ~/.gemini/mcp-server-enablement.json",
        "gemini-cli veg": "user http: https://v.example, off: mcp.excluded in ~/.gemini/settings.json",
    }
    fruit = machine.servers()["gemini-cli", "fruit"]
    assert (fruit.only, fruit.without) == (("weigh",), ("price",))


def test_qwen_code_takes_a_bare_address_for_the_older_transport(machine):
    servers = {"old": {"url": "http://localhost:1/sse"}, "new": {"httpUrl": "http://localhost:1/mcp"}, "other": entry("o")}
    machine.write("~/.qwen/settings.json", {"mcpServers": servers, "mcp": {"allowed": ["old", "new"]}})
    assert machine.listing() == {
        "qwen-code old": "user sse: http://localhost:1/sse",
        "qwen-code new": "user http: http://localhost:1/mcp",
        "qwen-code other": "user stdio: o, off: mcp.allowed does not name it",
    }


def test_opencode_merges_what_several_files_say_of_a_server(machine):
    secret = machine.write("~/.config/opencode/key.txt", "from-a-file\n")
    user = {
        "fruit": {"type": "local", "command": ["fruit", "--key", "{file:key.txt}"], "environment": {"T": "{env:TOKEN}"}},
        "far": {"type": "remote", "url": "https://far.example", "headers": {"A": "{env:TOKEN}"}, "enabled": False},
    }
    machine.write("~/.config/opencode/opencode.json", {"mcp": user, "tools": {"fruit_p*": False, "fruit_w*": True}})
    machine.write("opencode.jsonc", '{"mcp": {"fruit": {"enabled": false}, "far": {"enabled": true}}} // here otherwise')
    assert secret.exists()
    assert machine.listing() == {
        "opencode fruit": "project stdio: fruit --key from-a-file, off: enabled is false in ./opencode.jsonc",
        "opencode far": "project http: https://far.example",
    }
    fruit = machine.servers()["opencode", "fruit"]
    assert (dict(fruit.env), fruit.without) == ({"T": "t0ken-of-fruit"}, ("fruit_p*",))


def test_editors_name_servers_for_the_user_and_for_the_project(machine):
    machine.write("~/.cursor/mcp.json", {"mcpServers": {"fruit": entry("${workspaceFolder}/fruit", env={"T": "${env:TOKEN}"})}})
    machine.write(
        ".vscode/mcp.json", '{"inputs": [], "servers": {"veg": {"type": "stdio", "command": "veg", "args": ["${input:key}"]},}}'
    )
    assert machine.listing() == {
        "cursor fruit": "user stdio: ./fruit",
        "vscode veg": "project broken: its editor asks a person for input 'key'",
    }


def test_entries_of_odd_shapes_are_servers_with_a_problem(machine):
    odd = {
        "text": "npx fruit",
        "empty": {},
        "number": {"command": 7},
        "args": {"command": "a", "args": "b"},
        "item": {"command": "a", "args": [1]},
        "env": {"command": "a", "env": ["A=b"]},
        "nul": {"command": "a\0b"},
        "kind": {"type": "pigeon", "url": "https://x.example"},
        "address": {"url": "ftp://x.example"},
        "header": {"url": "https://x.example", "headers": {"A": "b\r\nC: d"}},
        "unset": {"command": "${NOT_SET}"},
    }
    machine.write("~/.claude.json", {"mcpServers": odd})
    assert {name: server.problem for (_, name), server in machine.servers().items()} == {
        "text": "its entry is no object",
        "empty": "it has no command",
        "number": "its command is no text, or its arguments are no list of texts",
        "args": "its command is no text, or its arguments are no list of texts",
        "item": "its command is no text, or its arguments are no list of texts",
        "env": "its variables are no object",
        "nul": "a text of its entry holds a NUL",
        "kind": "it is reached by 'pigeon', which segue does not know",
        "address": "its address is not one of http or https",
        "header": "it has a header that cannot be sent",
        "unset": "the variable NOT_SET that it needs is not set",
    }


def test_a_file_that_cannot_be_understood_is_told_and_hides_no_other(machine):
    torn = machine.write("~/.claude.json", '{"mcpServers": {')
    listed = machine.write("~/.gemini/settings.json", "[1]")
    toml = machine.write("~/.codex/config.toml", "mcp_servers = {")
    latin = machine.write("~/.qwen/settings.json", "")
    latin.write_bytes(b'{"mcpServers": "\xff"}')
    machine.write("~/.cursor/mcp.json", {"mcpServers": {"fruit": entry("f")}})
    machine.write(".vscode/mcp.json", {"servers": ["none"]})
    named = machine.read()
    assert [s.name for s in named.servers] == ["fruit"]
    assert [(one.agent, one.path) for one in named.misread] == [
        ("claude-code", str(torn)),
        ("codex", str(toml)),
        ("gemini-cli", str(listed)),
        ("qwen-code", str(latin)),
    ]
    assert named.misread[2] == Misread("gemini-cli", str(listed), "it holds no object")


def test_nothing_is_shown_of_an_address_but_its_host(machine):
    machine.write(
        "~/.claude.json", json.dumps({"mcpServers": {"far": {"url": "https://user:secret@Far.example:8443/mcp?key=k"}}})
    )
    (server,) = machine.servers().values()
    assert (server.host, server.is_local) == ("far.example", False)
