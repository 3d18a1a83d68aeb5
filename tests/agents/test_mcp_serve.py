"""segue's own MCP server as real programs use it: coding agents that `segue init` told of it, and MCP Inspector's command line."""

import json
import re
import subprocess
import time
from pathlib import Path

import pytest

from tests.acceptance.mcp_kit import PATIENCE, SERVE, Shop
from tests.acceptance.test_mcp_serve import USES
from tests.agents.programs import Claude, Codex, Gemini, OpenCode, Qwen
from tests.agents.segue import Segue

pytestmark = pytest.mark.long

AGENTS = [Claude, Codex, Gemini, OpenCode, Qwen]
TRIES = 5
PREFIX = Path(__file__).parents[2] / ".cache/mcp"


@pytest.fixture
def shop(tmp_path):
    return Shop(tmp_path)


@pytest.fixture(params=AGENTS)
def program(request, place):
    return request.param(place)


def until(look):
    """Return the first true answer of *look*."""
    end = time.monotonic() + PATIENCE
    while not (found := look()):
        assert time.monotonic() < end
        time.sleep(0.3)
    return found


def told(program, server, tool, **given):
    """Have the model call a tool in a session of its own, and return what it was told.

    Claude Code does not wait for a server for ever: on a busy machine its first request may be sent without our tools.
    Qwen Code offers tools by name alone at first.
    """
    name = f"mcp__segue__{tool}" if isinstance(program, Qwen) else tool
    prompt = f"go on [[tool {name} {'; '.join(f'{key}={value}' for key, value in given.items())}]]"
    for _ in range(TRIES):
        program.run(prompt)
        text = server.last.results[-1].text
        if "No such tool available" not in text:
            return text
    raise AssertionError(f"{tool} was never offered: {text}")


def test_an_agent_finds_what_was_done_before_and_notes_what_it_decides_in_its_own_session(program, server):
    segue = Segue(program)
    segue.run("init", program.name, "--yes", "--no-import")
    program.run("first [[say the word is ORCHID]]")
    (before,) = until(lambda: json.loads(segue.run("list", "--all", "--json"))["sessions"])

    assert before["name"] in told(program, server, "where_was_i")

    assert "the word is ORCHID" in told(program, server, "restore", session=before["name"], budget=2_000)

    said = told(program, server, "decision", title="sell by weight", reason="pears differ")
    assert "decision noted: sell by weight" in said
    name = re.search(r"session (SESSION-\d+-\d+) \(yours: ", said)[1]
    log = [json.loads(line) for line in segue.run("log", name, "--json").splitlines()]
    (made,) = [event for event in log if event["kind"] == "decision.made"]
    assert (made["actor"], made["source"]["tool"], made["body"]["title"]) == (program.name, "decision", "sell by weight")
    rows = json.loads(segue.run("list", "--all", "--json"))["sessions"]
    (own,) = next(row["foreign_ids"] for row in rows if row["name"] == name)
    assert own in ids_of(program, said="decision noted: sell by weight")


def ids_of(program, said):
    """Return what an agent calls the sessions in which that was said: an earlier run may be the last to write to its own file."""
    if isinstance(program, OpenCode):
        return [program.session()]
    texts = [path.read_text() for path in program.transcripts()]
    return [
        found for text in texts if said in text for found in re.findall(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", text)
    ]


# --- MCP Inspector


class Inspector:
    """The command line of MCP Inspector: a program for each request."""

    def __init__(self, shop, url="", token=""):
        assert (PREFIX / ".installed").exists(), "MCP Inspector is installed by: make test-agents"
        self.shop = shop
        if url:
            self.server = ["--transport", "http", "--server-url", url, "--header", f"Authorization: Bearer {token}"]
        else:
            env = [word for name in ("HOME", "SEGUE_HOME", "SEGUE_UPKEEP") for word in ("-e", f"{name}={shop.env[name]}")]
            self.server = [*env, "--cwd", str(shop.project), *SERVE]

    def __call__(self, method, *more):
        command = [str(PREFIX / "node_modules/.bin/mcp-inspector"), "--cli", "--method", method, *more, *self.server]
        done = subprocess.run(
            command, env=self.shop.env, capture_output=True, text=True, timeout=PATIENCE, check=False, stdin=subprocess.DEVNULL
        )
        assert done.returncode == 0, f"{method} {more}: {done.stdout}{done.stderr}"
        return json.loads(done.stdout)


def use_everything(ask):
    tools = {tool["name"] for tool in ask("tools/list")["tools"]}
    for name, given in USES.items():
        pairs = [word for key, value in given.items() for word in ("--tool-arg", f"{key}={json.dumps(value)}")]
        said = ask("tools/call", "--tool-name", name, *pairs)
        assert said.get("isError") is not True, said
        assert said["content"][0]["text"]
    uris = [one["uri"] for one in ask("resources/list")["resources"]]
    for uri in [*uris, "session://previous/transcript/1-3"]:
        assert ask("resources/read", "--uri", uri)["contents"][0]["text"]
    assert len(ask("resources/templates/list")["resourceTemplates"]) == 2
    prompts = [one["name"] for one in ask("prompts/list")["prompts"]]
    for name in prompts:
        assert ask("prompts/get", "--prompt-name", name)["messages"][0]["content"]["text"]
    return tools, len(uris), prompts


def test_inspector_uses_every_tool_resource_and_prompt_over_standard_streams(shop):
    assert use_everything(Inspector(shop)) == (set(USES), 2, ["resume", "hand_over", "summarise"])


def test_inspector_uses_every_tool_resource_and_prompt_over_http(shop):
    with shop.http() as (url, token):
        assert use_everything(Inspector(shop, url, token)) == (set(USES), 2, ["resume", "hand_over", "summarise"])
