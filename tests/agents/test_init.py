"""After `segue init` what a real agent does is in the log as it does it: nobody imports anything."""

import subprocess
import sys
import time
from types import SimpleNamespace

import pytest

from segue.core.session.state import fold
from segue.core.session.tree import active_chain
from segue.engine.capture.spooling import STREAM
from segue.host.clock import SystemClock, SystemIds
from segue.host.keys import MachineKeys
from segue.stores.log import LogStore
from tests.agents.beginnings import killed
from tests.agents.model_server import Call, Result, Said
from tests.agents.model_server.scenario import FACT
from tests.agents.own import own
from tests.agents.programs import PROGRAMS
from tests.agents.story import Story
from tests.canary import traces

pytestmark = pytest.mark.long

CAPTURED = PROGRAMS
PATIENCE = 120
PROMPT = "Please build notes [[plan]]"


class Installed:
    """segue, set up for one agent in the agent's own home."""

    def __init__(self, program, *options):
        self.program = program
        self.home = program.place.home / ".local" / "share" / "segue"
        self.key = program.place.home / "segue.key"
        self("init", program.name, "--yes", "--no-import", *options)

    def __call__(self, *arguments):
        command = [sys.executable, "-m", "segue", *arguments]
        env = {**self.program.environment(), "SEGUE_UPKEEP": "off"}
        done = subprocess.run(command, cwd=self.program.place.project, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def events(self):
        """Return the events of the one session that the log has."""
        store = LogStore(self.home / "store", clock=SystemClock(), ids=SystemIds(), keys=MachineKeys({}, str(self.key)))
        found = [event for session in store.sessions() for event in store.read(session)]
        store.close()
        return found

    def wait_for(self, condition, told=lambda events: [(e.kind, e.body) for e in events]):
        """Wait until the worker has taken in what *condition* asks for, and return all that is there then."""
        deadline = time.monotonic() + PATIENCE
        while not condition(found := self.events()):
            assert time.monotonic() < deadline, told(found)
            time.sleep(0.2)
        return found


def conversation(events):
    """Return what was said and done, in the model server's shape."""
    found = []
    for event in active_chain(events):
        if event.kind != "message" or event.body.get("meta"):
            continue
        for part in event.body["parts"]:
            if part["type"] == "text":
                found.append(Said(event.body["role"], part["content"].strip()))
            elif part["type"] == "tool_call":
                found.append(Call(part["id"], part["name"], part["arguments"]))
            elif part["type"] == "tool_call_response":
                found.append(Result(part["id"], str(part["response"])))
    return tuple(found)


def hooked(events):
    return [event.body["type"].removeprefix("hook:") for event in events if event.stream == STREAM]


def readable(home, words):
    """Return where *words* can be read below *home*, while the worker is at work there and files come and go."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return traces(home, words)
        except (FileNotFoundError, subprocess.CalledProcessError):
            assert time.monotonic() < deadline
            time.sleep(0.2)


@pytest.fixture
def files():
    def below(place):
        return {p.relative_to(place): p.read_bytes() if p.is_file() else None for p in place.rglob("*")}

    return below


@pytest.mark.parametrize("encrypted", [False, True], ids=["in the open", "encrypted"])
@pytest.mark.parametrize("kind", CAPTURED)
def test_what_an_agent_does_is_in_the_log_without_anybody_importing_it(place, server, kind, encrypted):
    program = kind(place)
    segue = Installed(program)
    if encrypted:
        segue("encrypt", "--key-file", str(segue.key))

    program.run(PROMPT)

    def is_in(events):
        return hooked(events) and any(FACT in getattr(item, "text", "") for item in conversation(events))

    found = segue.wait_for(is_in)
    story = Story.of(server.last, [PROMPT], FACT)
    assert story.missing(SimpleNamespace(conversation=conversation(found))) == []
    said = [item.text for item in conversation(found) if isinstance(item, Said) and item.role == "user"]
    assert [text.strip('"') for text in said] == [PROMPT]
    if encrypted:
        assert readable(segue.home, {"fact": max(FACT.lower().split(), key=len), "call": "notes.txt"}) == set()


@pytest.mark.parametrize("kind", CAPTURED)
def test_an_agent_killed_in_the_middle_of_a_tool_is_in_the_log_up_to_there(place, project, kind):
    program = kind(place)
    segue = Installed(program)

    program.kill_in_tool("wait [[sh touch begun; for i in 1 2 3 4 5 6 7 8 9; do read -t 1 < /dev/zero; done]]", project / "begun")

    before_tool = {"gemini-cli": "BeforeTool", "opencode": "tool.execute.before"}.get(program.name, "PreToolUse")
    calls = [] if program.name == "gemini-cli" else [Call]  # which writes a call when it has ended: only the hook tells of it

    def called(events):
        return [type(item) for item in conversation(events) if not isinstance(item, Said)]

    found = segue.wait_for(lambda events: before_tool in hooked(events) and called(events) == calls)
    assert next(item.text.strip('"')[:9] for item in conversation(found) if isinstance(item, Said)) == "wait [[sh"


@pytest.mark.parametrize("kind", CAPTURED)
def test_a_run_with_edits_killed_in_mid_tool_is_in_the_log_whole_in_order_and_with_every_usage_figure(place, server, kind):
    program = kind(place)
    segue = Installed(program)

    killed(program, server)
    written = own(program)

    def missing(events):
        return Story(written.conversation).missing(SimpleNamespace(conversation=conversation(events)))

    def spent(events):
        tokens = fold(events).metrics["tokens"]
        return tokens["input"], tokens["output"]

    cost = tuple(map(sum, zip(*written.usage, strict=True)))
    found = segue.wait_for(
        lambda events: missing(events) == [] and spent(events) == cost, lambda events: (missing(events), spent(events), cost)
    )
    kinds = [type(item) for item in conversation(found)]
    assert kinds == [type(item) for item in written.conversation]
    assert kinds.count(Call) == (4 if program.name == "gemini-cli" else 5)  # it writes a call when it has ended
    assert kinds.count(Result) == 4
    assert len(written.usage) >= 5


@pytest.mark.parametrize("kind", CAPTURED)
def test_nothing_of_ours_is_said_to_the_model_or_left_when_segue_is_taken_out(place, server, kind, files):
    program = kind(place)
    before = files(place.home)
    segue = Installed(program)
    segue("init", program.name, "--remove", "--yes")
    after = files(place.home)
    assert {path: data for path, data in after.items() if before.get(path, 0) != data and "store" not in path.parts} == {}

    segue = Installed(program, "--no-mcp")
    program.run("first [[say one]]")
    program.run("second [[say two]]", resume=program.session())
    assert "segue" not in repr(server.last)


@pytest.mark.parametrize("kind", CAPTURED)
def test_a_command_of_ours_brings_segues_answer_into_the_conversation(place, server, kind):
    program = kind(place)
    segue = Installed(program)
    program.run("first [[say one]]")
    segue.wait_for(conversation)

    if program.name == "opencode":
        program.run_plainly(["opencode", "run", "--command", "segue:status", "my note [[say ok]]", "--format", "json"])
    else:
        program.run(("$segue-status" if program.name == "codex" else "/segue:status") + " my note [[say ok]]")

    told = [text for request in server.requests for text in request.said("user") if "Show the user this answer as it is" in text]
    assert told
    # Codex has skills in the place of commands: the model is told to run it
    assert ("segue status current" if program.name == "codex" else "SESSION-") in told[0]
    assert "my note" in told[0] or program.name == "codex"
