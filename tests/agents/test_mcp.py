"""MCP servers in the real agents: what they send is what an audit counts, what they call is found, what is off stays away."""

import io
import json
import os
import re
import sys
from pathlib import Path

import pytest
from inline_snapshot import snapshot

from segue.cli.frame import Frame
from segue.cli.main import run
from segue.core.context.advice import Candidate, advise
from segue.core.context.definitions import DefinitionEstimator, compact, sent, sent_instructions, tool_of
from segue.host.mcp.listing import Servers
from segue.host.tokenizers import exact
from segue.ports.mcp import Server
from tests.agents.programs import Claude, Codex, Gemini, OpenCode, Qwen

pytestmark = pytest.mark.long

AGENTS = [Claude, Codex, Gemini, OpenCode, Qwen]
NAME = "my-fruit.x"
SERVER = Path(__file__).with_name("mcp") / "server.py"
TOOLS = json.loads(SERVER.with_name("tools.json").read_text())
INSTRUCTIONS = "Weigh first. " * 300


@pytest.fixture(params=AGENTS)
def program(request, place):
    program = request.param(place)
    write(program)
    return program


def write(program):
    """Name the server in the agent's own configuration."""
    home, entry = program.place.home, {"command": sys.executable, "args": [str(SERVER)]}
    if isinstance(program, Claude):
        edit(home / ".claude.json", ("mcpServers", NAME), entry)
    elif isinstance(program, Codex):
        file = home / ".codex/config.toml"
        words = f"command = {json.dumps(entry['command'])}\nargs = {json.dumps(entry['args'])}\nrequired = true\n"
        file.write_text(f"{file.read_text()}[mcp_servers.{json.dumps(NAME)}]\n{words}")
    elif isinstance(program, OpenCode):
        words = {"type": "local", "command": [entry["command"], *entry["args"]]}
        edit(home / ".config/opencode/opencode.json", ("mcp", NAME), words)
    else:
        folder = ".gemini" if isinstance(program, Gemini) else ".qwen"
        edit(home / folder / "settings.json", ("mcpServers", NAME), entry)


def edit(file, keys, value):
    document = json.loads(file.read_text()) if file.exists() else {}
    table, name = keys
    document.setdefault(table, {})[name] = value
    file.write_text(json.dumps(document, indent=2))


def offered(request):
    """Return the tools of the server in a request, by name, as what the provider is given of each."""
    found = {}
    for tool in request.raw.get("tools") or ():
        for one in tool.get("functionDeclarations") or tool.get("tools") or [tool]:
            one = one.get("function") or one  # noqa: PLW2901
            if re.search(r"fruit|weigh|price", tool.get("name", "") + one.get("name", "")):
                found[one["name"]] = {k: v for k, v in one.items() if k != "eager_input_streaming"}
    return found


def asked(server):
    """Return the request that the conversation is about: agents ask for titles besides."""
    return max(server.requests, key=lambda request: len(json.dumps(request.raw)))


def segue(program, *arguments):
    """Run a command of segue as the agent's user, in the project."""
    env = {**program.environment(), "SEGUE_HOME": str(program.place.home / "segue"), "SEGUE_UPKEEP": "off"}
    out, err = io.StringIO(), io.StringIO()
    frame = Frame(env=env, cwd=str(program.place.project), stdin=io.BytesIO(), stdout=out, stderr=err)
    assert run(arguments, frame) == 0, err.getvalue()
    return json.loads(out.getvalue()) if "--json" in arguments else out.getvalue()


def test_an_agent_sends_what_is_counted(program, server):
    program.run("hello [[say hi]]")
    request = asked(server)
    counted = [sent(program.name, NAME, tool_of(tool)) for tool in TOOLS]
    everything = json.dumps(request.raw, ensure_ascii=False)
    if isinstance(program, Qwen):
        for line in counted:
            assert json.dumps(line, ensure_ascii=False)[1:-1] in everything
    else:
        assert offered(request) == {one["name"]: one for one in map(json.loads, counted)}
    said = sent_instructions(program.name, NAME, INSTRUCTIONS)
    if isinstance(program, Codex):  # the description of a namespace
        spaces = [tool for tool in request.raw["tools"] if tool.get("type") == "namespace" and "fruit" in tool["name"]]
        assert [{k: v for k, v in space.items() if k != "tools"} for space in spaces] == [json.loads(said)]
    else:
        assert json.dumps(said.strip(), ensure_ascii=False)[1:-1] in everything
    assert ("Weigh first." in everything) == bool(said)


def test_a_call_is_found_in_what_the_agent_wrote(program, server):
    tool = f"mcp__{NAME}__price" if isinstance(program, Qwen) else "price"  # one that it does not offer at first
    program.run(f"hello [[tool {tool}]]")
    assert "7 pears" in server.last.results[-1].text
    segue(program, "import", *map(str, program.transcripts()))
    audit = segue(program, "mcp", "audit", "--yes", "--json", "--agent", program.name)
    (agent,) = audit["agents"]
    assert (agent["sessions"], [s["calls"] for s in agent["servers"]]) == (1, [1])
    assert {tool["name"]: tool["calls"] for tool in agent["servers"][0]["tools"]} == {
        tool["name"]: int(tool["name"] == "price") for tool in TOOLS
    }


def test_a_server_that_is_off_is_not_started_and_one_that_is_on_again_is(program, server):
    def names(prompt):
        before = len(server.requests)
        program.run(prompt)
        return "fruit" in json.dumps([r.raw for r in server.requests[before:]])

    segue(program, "mcp", "off", NAME, "--yes")
    assert not names("hello [[say hi]]")
    segue(program, "mcp", "on", NAME, "--yes")
    assert names("hello again [[say hi]]")


# --- servers of npm

PREFIX = Path(__file__).parents[2] / ".cache/mcp"
NPM = {
    "everything": ("mcp-server-everything",),
    "filesystem": ("mcp-server-filesystem", "."),
    "memory": ("mcp-server-memory",),
    "sequential-thinking": ("mcp-server-sequential-thinking",),
    "playwright": ("playwright-mcp",),
    "notion": ("notion-mcp-server",),
}
TASKS = {
    "fix the login form: the button cannot be clicked in the browser": ["playwright"],
    "take a screenshot of the landing page in dark mode": ["playwright"],
    "write down what we know about the customer in the knowledge graph": ["memory"],
    "update the Notion page with the release notes": ["notion"],
    "query the notion database for open tasks": ["notion"],
    "rename all files in the images directory to lower case": ["filesystem"],
    "think it through before the migration": ["sequential-thinking"],
    "refactor the parser and run the tests": [],
    "the CSV export loses umlauts": [],
}
"""What servers a task is about."""


@pytest.fixture(scope="module")
def listings(tmp_path_factory):
    assert (PREFIX / ".installed").exists(), "the servers are installed by: make test-agents"
    programs, place = PREFIX / "node_modules/.bin", str(tmp_path_factory.mktemp("mcp"))
    servers = [Server("claude-code", n, "user", "/x", "stdio", (str(programs / w[0]), *w[1:])) for n, w in NPM.items()]
    return dict(zip(NPM, Servers({**os.environ, "HOME": place}, place, limit=120).list(servers), strict=True))


def test_real_servers_are_listed_and_counted(listings):
    counter = exact("o200k")
    figures = {}
    for name, listing in listings.items():
        said = sum(counter.count(sent("claude-code", name, tool_of(tool))) for tool in listing.tools)
        whole = sum(counter.count(compact(tool)) for tool in listing.tools)
        figures[name] = (listing.failure, len(listing.tools), said, whole)
    assert figures == snapshot(
        {
            "everything": ("", 13, 1149, 1706),
            "filesystem": ("", 14, 1734, 2821),
            "memory": ("", 9, 945, 2376),
            "sequential-thinking": ("", 1, 722, 1001),
            "playwright": ("", 25, 3912, 4411),
            "notion": ("", 24, 17305, 17498),
        }
    )


@pytest.mark.parametrize("agent", ["claude-code", "codex", "gemini-cli", "opencode"])
def test_the_estimate_of_definitions_is_near_what_they_are(listings, agent):
    counter, guess = exact("o200k"), DefinitionEstimator("o200k")
    off = {}
    for name, listing in listings.items():
        texts = [sent(agent, name, tool_of(tool)) for tool in listing.tools]
        off[name] = sum(map(guess.count, texts)) / sum(map(counter.count, texts)) - 1
    assert max(map(abs, off.values())) <= 0.13, off


@pytest.mark.parametrize("task", TASKS)
def test_a_task_keeps_the_real_servers_that_it_is_about(listings, task):
    known = [Candidate(n, [tool_of(t) for t in found.tools], 2_000, 0, None, 9) for n, found in listings.items()]
    kept = [one.name for one, said in zip(known, advise(known, task), strict=True) if said.say == "keep"]
    assert kept == TASKS[task]
