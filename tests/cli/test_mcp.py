"""`segue mcp`: what servers cost and how they are used, in words and in JSON; switching them off and on."""

import json
import re
import sys
from pathlib import Path

import pytest
from inline_snapshot import snapshot

SERVER = str(Path(__file__).parents[1] / "unit/host/mcp/server.py")
KEY = "hunter2-of-fruit"
COUNTED = ("tokens", "families", "instructions", "raw", "whole", "window", "seconds", "method")
"""What depends on the tokenizers of this machine and on the weights of the estimate."""


def entry(mode):
    return {"command": sys.executable, "args": ["-S", "-E", SERVER, mode], "env": {"FRUIT_KEY": KEY}}


def plain(text):
    """Give paths of this machine fixed names, and counted figures and their columns a fixed form."""
    text = text.replace(sys.executable, "python").replace(SERVER, "server.py")
    text = re.sub(r"  +", "  ", re.sub(r"\b(exact|estimate)\b", "METHOD", text))
    return re.sub(r"(?<![\w.-])\d{2,}(?![\w.-])", "N", text)


def uncounted(value):
    """Return a document without what was counted."""
    if isinstance(value, dict):
        return {k: uncounted(v) for k, v in value.items() if k not in COUNTED}
    return [uncounted(v) for v in value] if isinstance(value, list) else value


def write(cli, path, content):
    file = (cli.home if path.startswith("~") else cli.workspace) / path.removeprefix("~/")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content if isinstance(content, str) else json.dumps(content, indent=1))
    return file


@pytest.fixture
def mcp(cli):
    """Claude Code has two servers that work and two that do not; Codex names one of them as well."""
    cli.env["COLUMNS"] = "400"  # paths of this machine are not cut
    servers = {
        "fruit": entry("good"),
        "veg": entry("pages"),
        "nuts": entry("crash"),
        "far": {"url": "https://far.example/k?key=abc"},
    }
    write(cli, "~/.claude.json", {"mcpServers": servers})
    fruit = f'[mcp_servers.fruit]\ncommand = "{sys.executable}"\nargs = ["-S", "-E", "{SERVER}", "good"]\n'
    write(cli, "~/.codex/config.toml", fruit + f'env = {{ FRUIT_KEY = "{KEY}" }}\n')
    return cli


def call(name, number, at):
    usage = {"input_tokens": 9, "output_tokens": 1}
    return {
        "type": "assistant",
        "uuid": f"00000000-0000-4000-8000-00000000000{number}",
        "parentUuid": f"00000000-0000-4000-8000-00000000000{number - 1}" if number > 1 else None,
        "sessionId": "11111111-1111-4111-8111-111111111111",
        "timestamp": at,
        "cwd": "/shop",
        "message": {
            "id": f"msg_{number}",
            "role": "assistant",
            "model": "claude-opus-4-8",
            "content": [{"type": "tool_use", "id": f"t{number}", "name": name, "input": {}}],
            "usage": usage,
        },
    }


@pytest.fixture
def used(mcp):
    """In Claude Code `weigh` was called twice, two days ago and before, and a tool that `veg` no longer has once."""
    calls = [
        call("mcp__fruit__weigh", 1, "2026-01-10T09:00:00.000Z"),
        call("Read", 2, "2026-01-11T09:00:00.000Z"),
        call("mcp__fruit__weigh", 3, "2026-01-13T09:00:00.000Z"),
        call("mcp__veg__gone", 4, "2026-01-01T09:00:00.000Z"),
    ]
    lines = "".join(json.dumps(one) + "\n" for one in calls)
    path = write(mcp, "~/.claude/projects/-shop/11111111-1111-4111-8111-111111111111.jsonl", lines)
    assert mcp("import", str(path), "--json").json["sessions"][0]["losses"] == []
    return mcp


def test_list_names_the_servers_of_all_agents_and_starts_none(mcp):
    write(mcp, "~/.gemini/settings.json", "{")
    assert plain(mcp.says("mcp", "list")) == snapshot("""\
$ segue mcp list
agent  server  scope  state  started by
claude-code  fruit  user  on  python -S -E server.py good
claude-code  veg  user  on  python -S -E server.py pages
claude-code  nuts  user  on  python -S -E server.py crash
claude-code  far  user  on, remote  far.example
codex  fruit  user  on  python -S -E server.py good
not understood: /home/dev/.gemini/settings.json (gemini-cli): it is not understood: line 1, column 2: it ends too early
""")
    assert mcp("mcp", "list", "--agent", "codex", "--json").json["servers"][0]["name"] == "fruit"


def test_servers_are_not_started_unless_somebody_says_so(mcp):
    assert mcp.says("mcp", "audit") == snapshot("""\
$ segue mcp audit
! error: start 3 MCP servers? nobody was there to say so
! hint: segue mcp list shows them; segue mcp audit --yes starts them
[exit code 3]
""")


def test_a_person_is_asked_once_and_again_when_what_is_started_changes(mcp):
    first = mcp("mcp", "audit", "--agent", "codex", typed="\n")
    assert (first.code, "Start 1 MCP server? Enter does it" in first.out) == (0, True)
    second = mcp("mcp", "audit", "--agent", "codex")
    assert (second.code, second.err) == (0, "")
    config = mcp.home / ".codex/config.toml"
    config.write_text(config.read_text().replace('"good"', '"pages"'))
    assert mcp("mcp", "audit", "--agent", "codex").code == 3
    assert mcp("mcp", "audit", "--agent", "codex", typed="no\n").code == 130


def test_an_audit_says_what_servers_cost_how_they_were_used_and_what_to_do(used):
    said = used.says("mcp", "audit", "--yes", "--task", "sell pears by phone")
    assert plain(said) == snapshot("""\
$ segue mcp audit --yes --task 'sell pears by phone'
for the task: sell pears by phone

claude-code: up to N tokens of every request (Claude from 4.7, METHOD)
server  tools  tokens  raw  calls  last  advice
fruit  2  N  N  2  2 d ago  keep: called 2 times lately
veg  2  N  N  1  N d ago  keep: it costs little
far  -  -  -  0  never  look: what it costs is not known: --remote asks it
nuts  -  -  -  0  never  mend: it lists no tools here
far: it is on another machine (far.example), which is asked only with --remote
nuts: it ended with exit code 7; its last words: RuntimeError: the key [FRUIT_KEY] was refused

codex: N tokens of every request (OpenAI models, METHOD)
server  tools  tokens  raw  calls  last  advice
fruit  2  N  N  0  never  keep: it costs little
""")


def test_without_a_task_use_alone_counts_and_every_tool_can_be_shown(used):
    assert plain(used.says("mcp", "audit", "--yes", "--agent", "claude", "--tools", "fruit", "veg")) == snapshot("""\
$ segue mcp audit --yes --agent claude --tools fruit veg
claude-code: up to N tokens of every request (Claude from 4.7, METHOD)
server  tools  tokens  raw  calls  last  advice
fruit  2  N  N  2  2 d ago  keep: called 2 times lately
veg  2  N  N  1  N d ago  keep: it costs little
tool  tokens  calls  last
mcp__fruit__weigh  N  2  2 d ago
mcp__fruit__price  N  0  never
mcp__veg__weigh  N  0  never
mcp__veg__price  N  0  never
""")


def test_an_audit_as_json_has_every_tool_and_family(used):
    document = used("mcp", "audit", "--yes", "--json", "--model", "gpt-5", "fruit").json
    for agent in document["agents"]:
        assert agent["tokens"] == sum(server["tokens"] for server in agent["servers"])
        for server in agent["servers"]:
            assert server["tokens"] == server["instructions"] + sum(tool["tokens"] for tool in server["tools"])
            assert server["families"]["o200k"] == server["tokens"] > 0
    assert list(document["families"]) == ["o200k", "claude-3", "claude-4.8", "gemini", "unknown"]
    assert uncounted(document) == snapshot(
        {
            "agents": [
                {
                    "agent": "claude-code",
                    "model": "gpt-5",
                    "family": "o200k",
                    "at_most": True,
                    "saved": 0,
                    "sessions": 1,
                    "warning": False,
                    "servers": [
                        {
                            "name": "fruit",
                            "scope": "user",
                            "path": "/home/dev/.claude.json",
                            "off": "",
                            "failure": "",
                            "notes": [],
                            "version": "fruit 1.2",
                            "calls": 2,
                            "last": "2026-01-13T09:00:00.000Z",
                            "advice": "keep",
                            "why": "called 2 times lately",
                            "left_out": 0,
                            "tools": [
                                {"name": "weigh", "called": "mcp__fruit__weigh", "calls": 2, "last": "2026-01-13T09:00:00.000Z"},
                                {"name": "price", "called": "mcp__fruit__price", "calls": 0, "last": None},
                            ],
                        }
                    ],
                },
                {
                    "agent": "codex",
                    "model": "gpt-5",
                    "family": "o200k",
                    "at_most": False,
                    "saved": 0,
                    "sessions": 0,
                    "warning": False,
                    "servers": [
                        {
                            "name": "fruit",
                            "scope": "user",
                            "path": "/home/dev/.codex/config.toml",
                            "off": "",
                            "failure": "",
                            "notes": [],
                            "version": "fruit 1.2",
                            "calls": 0,
                            "last": None,
                            "advice": "keep",
                            "why": "it costs little",
                            "left_out": 0,
                            "tools": [
                                {"name": "weigh", "called": "mcp__fruit__weigh", "calls": 0, "last": None},
                                {"name": "price", "called": "mcp__fruit__price", "calls": 0, "last": None},
                            ],
                        }
                    ],
                },
            ],
            "misread": [],
            "task": "",
            "since": "2025-10-17T09:30:01.000000Z",
        }
    )


def test_no_secret_of_a_server_is_in_anything_that_is_said(used):
    calls = [
        ("mcp", "list"),
        ("mcp", "list", "--json"),
        ("mcp", "audit", "--yes"),
        ("mcp", "audit", "--yes", "--json"),
        ("mcp", "off", "fruit", "nuts", "--dry-run"),
        ("mcp", "off", "fruit", "--yes"),
        ("mcp", "on", "fruit", "--yes"),
    ]
    for call in calls:
        said = used(*call)
        assert said.code == 0
        assert KEY not in said.out + said.err
        assert "key=abc" not in said.out + said.err


def test_a_server_goes_off_and_comes_on_in_the_agents_own_words(mcp):
    files = [mcp.home / ".claude.json", mcp.home / ".codex/config.toml"]
    before = [file.read_bytes() for file in files]

    assert plain(mcp.says("mcp", "off", "fruit")) == snapshot("""\
$ segue mcp off fruit
--- /home/dev/.claude.json
+++ /home/dev/.claude.json
@@ -1,4 +1,5 @@
 {
+ "projects": {"/shop": {"disabledMcpServers": ["fruit"]}},
  "mcpServers": {
  "fruit": {
  "command": "python",

--- /home/dev/.codex/config.toml
+++ /home/dev/.codex/config.toml
@@ -1,4 +1,5 @@
 [mcp_servers.fruit]
+enabled = false
 command = "python"
 args = ["-S", "-E", "server.py", "good"]
 env = { FRUIT_KEY = "[FRUIT_KEY]" }
! error: switch fruit off in 2 files? nobody was there to say so
! hint: segue mcp off fruit --yes; or --dry-run to look
[exit code 3]
""")
    assert [file.read_bytes() for file in files] == before
    assert plain(mcp.says("mcp", "off", "fruit", "--yes")) == snapshot("""\
$ segue mcp off fruit --yes
--- /home/dev/.claude.json
+++ /home/dev/.claude.json
@@ -1,4 +1,5 @@
 {
+ "projects": {"/shop": {"disabledMcpServers": ["fruit"]}},
  "mcpServers": {
  "fruit": {
  "command": "python",

--- /home/dev/.codex/config.toml
+++ /home/dev/.codex/config.toml
@@ -1,4 +1,5 @@
 [mcp_servers.fruit]
+enabled = false
 command = "python"
 args = ["-S", "-E", "server.py", "good"]
 env = { FRUIT_KEY = "[FRUIT_KEY]" }
fruit is off in claude-code (/home/dev/.claude.json)
fruit is off in codex (/home/dev/.codex/config.toml)
switch back on with: segue mcp on fruit
""")
    states = {s["agent"]: s["on"] for s in mcp("mcp", "list", "--json").json["servers"] if s["name"] == "fruit"}
    assert states == {"claude-code": False, "codex": False}
    assert mcp.says("mcp", "off", "fruit", "--yes") == snapshot("""\
$ segue mcp off fruit --yes
nothing to change: fruit is off
""")
    assert mcp("mcp", "on", "fruit", "--yes", "--json").json == snapshot(
        {
            "switched": [
                {"agent": "claude-code", "server": "fruit", "path": "/home/dev/.claude.json", "state": "on"},
                {"agent": "codex", "server": "fruit", "path": "/home/dev/.codex/config.toml", "state": "on"},
            ],
            "left": [],
            "changed": 2,
        }
    )
    assert [file.read_bytes() for file in files] == before


def test_what_the_agent_itself_keeps_off_stays_off_and_is_told(mcp):
    write(mcp, ".mcp.json", {"mcpServers": {"new": entry("good")}})
    assert mcp.says("mcp", "on", "new", "--yes") == snapshot("""\
$ segue mcp on new --yes
new stays off in claude-code: Claude Code waits for your approval of it
""")


def test_a_person_says_yes_to_a_switch_on_the_terminal(mcp):
    said = mcp("mcp", "off", "veg", typed="y\n")
    assert (said.code, "Switch veg off in 1 file? Enter does it, Ctrl-C does not. " in said.out) == (0, True)
    assert mcp("mcp", "off", "fruit", "--agent", "codex", typed="n\n").code == 130


def test_words_that_fit_nothing_are_told(mcp):
    assert mcp.says("mcp", "off", "plums") == snapshot("""\
$ segue mcp off plums
! error: MCP server 'plums' was not found
! hint: segue mcp list
[exit code 4]
""")
    assert mcp.says("mcp", "list", "--agent", "plum") == snapshot("""\
$ segue mcp list --agent plum
! error: there is no agent 'plum' with MCP servers
! hint: one of: claude-code, codex, gemini-cli, qwen-code, opencode, cursor, vscode
[exit code 2]
""")
    assert mcp.says("mcp", "audit", "plums", "--yes") == snapshot("""\
$ segue mcp audit plums --yes
! error: MCP server 'plums' was not found
! hint: segue mcp list
[exit code 4]
""")


def test_where_no_agent_names_a_server_there_is_nothing_to_do(cli):
    assert cli.says("mcp", "audit") == snapshot("""\
$ segue mcp audit
no MCP server is named in any agent's configuration here
""")
    assert cli("mcp", "list", "--json").json == {"servers": [], "misread": []}


def test_more_than_5_000_tokens_in_all_are_warned_of(cli):
    tools = [{"name": f"tool_{n}", "description": "weighs fruit " * 40, "inputSchema": {"type": "object"}} for n in range(50)]
    code = (
        "import json\n"
        "for answer in ({'protocolVersion': '1', 'capabilities': {'tools': {}}}, None, " + json.dumps({"tools": tools}) + "):\n"
        "    request = json.loads(input())\n"
        "    if answer: print(json.dumps({'jsonrpc': '2.0', 'id': request['id'], 'result': answer}), flush=True)\n"
    )
    write(cli, "~/.cursor/mcp.json", {"mcpServers": {"big": {"command": sys.executable, "args": ["-S", "-E", "-c", code]}}})
    out = cli("mcp", "audit", "--yes", "--agent", "cursor").out
    assert re.search(r"^warning: more than 5,000 tokens, before a word is said$", out, re.MULTILINE)


def test_servers_that_went_off_together_come_on_together_and_the_file_is_as_it_was(mcp):
    file = mcp.home / ".claude.json"
    before = file.read_bytes()
    assert mcp("mcp", "off", "fruit", "veg", "--agent", "claude-code", "--yes").code == 0
    assert "fruit is off in claude-code: disabledMcpServers of this project" in mcp("mcp", "list").out
    assert mcp("mcp", "on", "fruit", "veg", "--agent", "claude-code", "--yes").code == 0
    assert file.read_bytes() == before
