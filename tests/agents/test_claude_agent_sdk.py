"""The Claude Agent SDK with the Claude Code that it brings along: killed in the middle, and gone on with from the store alone."""

import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

import pytest

from segue.engine.capture.importing import import_paths
from segue.engine.foreign import Foreign, find
from segue.host.clock import SystemClock, SystemIds
from segue.integrations.claude_agent_sdk import SegueSessionStore
from segue.stores.log import LogStore
from segue.transcripts import transcripts
from tests.agents import processes
from tests.agents.programs import TIMEOUT, Claude
from tests.integrations.claude import run

pytestmark = pytest.mark.long

SAY = """
import asyncio, json, sys
from claude_agent_sdk import ClaudeAgentOptions, ResultMessage, query
from segue.host.clock import SystemClock, SystemIds
from segue.integrations.claude_agent_sdk import SegueSessionStore
from segue.stores.log import LogStore

async def main(store, project, home, env, prompt, resume, flush):
    kept = LogStore(store, clock=SystemClock(), ids=SystemIds())
    options = ClaudeAgentOptions(
        cwd=project,
        env={**json.loads(env), "CLAUDE_CONFIG_DIR": home},
        session_store=SegueSessionStore(kept),
        session_store_flush=flush,
        permission_mode="bypassPermissions",
        resume=resume or None,
    )
    async for message in query(prompt=prompt, options=options):
        if isinstance(message, ResultMessage):
            print(json.dumps({"session": message.session_id, "said": message.result}), flush=True)

asyncio.run(main(*sys.argv[1:]))
"""


class Sdk(Claude):
    """A program that is built with the SDK."""

    @property
    def config(self):
        return self.place.home / ".claude"

    @property
    def store(self):
        return LogStore(self.place.home / "store", clock=SystemClock(), ids=SystemIds())

    def say(self, prompt, resume="", flush="eager"):
        """Start what says *prompt*."""
        env = json.dumps(dict(self.env()))
        told = [str(self.place.home / "store"), str(self.place.project), str(self.config), env, prompt, resume, flush]
        return self._start([sys.executable, "-c", SAY, *told])

    def said(self, prompt, resume=""):
        """Return the session, and what the model said last."""
        found = json.loads(self._finish(self.say(prompt, resume)).splitlines()[-1])
        return found["session"], found["said"].strip()

    def _start(self, command):
        environment = {**self.environment(), "PYTHONPATH": ":".join(sys.path), "TMPDIR": str(self.temporary)}
        return subprocess.Popen(
            command,
            cwd=self.place.project,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def loaded(self, session):
        """Return the session's entries as the store has them."""
        with closing(self.store) as store:
            return run(SegueSessionStore(store).load({"project_key": self.project, "session_id": session}))

    def written(self, session):
        """Return the session's records as Claude Code's own file has them."""
        files = self.temporary.glob(f"claude-resume-*/projects/*/{session}.jsonl")
        lines = [line for file in files for line in file.read_text().splitlines(keepends=True)]
        return [json.loads(line) for line in lines if line.endswith("\n")]

    @property
    def temporary(self):
        found = self.place.home / "tmp"
        found.mkdir(exist_ok=True)
        return found

    @property
    def project(self):
        from claude_agent_sdk import project_key_for_directory

        return project_key_for_directory(str(self.place.project))


WORK = "Please work [[sh until [ -e go ]; do touch begun; sleep 0.1; done; echo done > result.txt]]"


def texts(entries):
    """Return what was said, called and answered, in order."""
    blocks = []
    for message in (entry["message"] for entry in entries if entry["type"] in {"user", "assistant"}):
        content = message["content"]
        blocks += [{"type": "text", "text": content}] if isinstance(content, str) else content
    return [(block["type"], block.get("text") or block.get("name") or "") for block in blocks]


def kill_in_tool(sdk, session, flush="eager"):
    """Have the agent work, and kill everything with -9 while its tool runs and the call is written down."""
    running = sdk.say(WORK, session, flush)
    written = sdk.loaded if flush == "eager" else sdk.written
    deadline = time.monotonic() + TIMEOUT / 2
    while not ((sdk.place.project / "begun").exists() and ("tool_use", "Bash") in texts(written(session))[-1:]):
        assert running.poll() is None, running.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.2)
    processes.kill_tree(running.pid)
    running.communicate()


def test_a_session_that_was_killed_goes_on_from_the_store_without_its_local_file_and_ends_as_if_nothing_had_been(place, server):
    sdk = Sdk(place)
    session, fact = sdk.said("Please build notes [[plan]]")
    kill_in_tool(sdk, session)
    before = sdk.loaded(session)
    shutil.rmtree(sdk.config / "projects")
    (place.project / "go").touch()
    server.forget()

    again, said = sdk.said(WORK, session)

    assert (again, said) == (session, "Done after 1 steps.")
    assert (place.project / "result.txt").read_text() == "done\n"
    assert sdk.loaded(session)[: len(before)] == before
    sent = "\n".join(str(item) for item in server.requests[0].conversation)
    assert fact in sent
    assert sent.count("toolu_") >= 8  # the four calls of the plan, and their answers
    alone, end = sdk.said(WORK)  # a session that nothing happened to
    assert end == said
    assert texts(sdk.loaded(session))[-3:] == texts(sdk.loaded(alone))[-3:]


def test_a_turn_that_was_not_handed_over_when_it_was_killed_is_taken_in_and_gone_on_with(place, monkeypatch):
    sdk = Sdk(place)
    monkeypatch.setattr(tempfile, "tempdir", str(sdk.temporary))
    session, _ = sdk.said("hello [[say hello]]")
    before = sdk.loaded(session)
    with closing(sdk.store) as store:
        mine = run(SegueSessionStore(store).reconcile(session, local=sdk.config))
    kill_in_tool(sdk, session, "batched")
    behind = sdk.loaded(session)
    written = [e for e in sdk.written(session) if not e["type"].startswith("api-request")]

    with closing(sdk.store) as store:
        run(SegueSessionStore(store).reconcile(session, local=sdk.config))
    whole = sdk.loaded(session)
    shutil.rmtree(sdk.config / "projects")
    shutil.rmtree(sdk.temporary)
    (place.project / "go").touch()
    _, said = sdk.said(WORK, session)

    assert (mine, behind[: len(before)]) == (0, before)
    assert ("tool_use", "Bash") not in texts(behind)
    assert whole == [*behind, *written[len(behind) :]]
    assert said == "Done after 1 steps."
    assert (place.project / "result.txt").read_text() == "done\n"


def test_what_was_handed_over_is_what_an_import_of_the_local_file_would_make(place):
    sdk = Sdk(place)
    session, _ = sdk.said("Please build notes [[plan]]")
    with closing(sdk.store) as store:
        ours = find(store, Foreign("claude-code", (session,)))
        there = [e for e in store.read(ours) if e.kind != "import.advanced"]

        (again,) = import_paths(store, transcripts(), [str(sdk.config)], clock=SystemClock()).sessions
        new = [e for e in store.read(ours, after=there[-1].seq) if e.kind != "import.advanced"]

    assert again.id == ours
    assert {e.body["type"] for e in new} <= {"api-request", "api-request-shape", "api-request-blob"}
    assert {e.kind for e in new} <= {"record"}
    assert sum(e.kind == "message" for e in there) > 8


def test_a_mirror_that_is_behind_takes_in_what_the_local_file_has(place):
    sdk = Sdk(place)
    session, _ = sdk.said("Please build notes [[plan]]")
    whole = sdk.loaded(session)
    with closing(LogStore(place.home / "other", clock=SystemClock(), ids=SystemIds())) as store:
        behind = SegueSessionStore(store, local=sdk.config)
        run(behind.append({"project_key": sdk.project, "session_id": session}, whole[:9]))

        assert run(behind.load({"project_key": sdk.project, "session_id": session})) == whole
        assert run(behind.reconcile(session)) == 0


def test_a_subagent_is_handed_over_and_an_import_of_its_files_adds_none_of_it(place):
    sdk = Sdk(place)
    session, _ = sdk.said("Please have it looked at [[delegate]]")
    with closing(sdk.store) as store:
        handed = SegueSessionStore(store)
        (subpath,) = run(handed.list_subkeys({"project_key": sdk.project, "session_id": session}))
        entries = run(handed.load({"project_key": sdk.project, "session_id": session, "subpath": subpath}))
        ours = find(store, Foreign("claude-code", (session,)))
        before = list(store.read(ours))
        import_paths(store, transcripts(), [str(sdk.config)], clock=SystemClock())
        new = [e for e in store.read(ours, after=before[-1].seq) if e.kind not in {"import.advanced", "session.updated"}]

    assert "from-subagent" in json.dumps(entries)
    stream = subpath.removeprefix("subagents/agent-")
    assert [e for e in before if e.kind == "message" and e.stream == stream]
    assert [e.body["set"]["stream"] for e in before if e.kind == "agent.set"]
    assert {e.body.get("type") for e in new} <= {"api-request", "api-request-shape", "api-request-blob"}


def test_the_pages_example_asks_and_asks_again(place, monkeypatch):
    page = {"__name__": "page"}
    text = (Path(__file__).parents[2] / "docs/how-to/claude-agent-sdk.md").read_text(encoding="utf-8")
    for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        exec(compile(block, "claude-agent-sdk.md", "exec"), page)
    monkeypatch.setenv("SEGUE_HOME", str(place.home / "segue"))
    sdk = Sdk(place)
    options = {
        "cwd": str(place.project),
        "env": {**sdk.env(), "CLAUDE_CONFIG_DIR": str(sdk.config), "HOME": str(place.home)},
        "permission_mode": "bypassPermissions",
    }

    session, first = run(page["ask"]("Please build notes [[plan]]", **options))
    shutil.rmtree(sdk.config / "projects")
    again, second = run(page["ask"]("go on [[say on it goes]]", session, **options))

    assert again == session
    assert ("PLANTED-FACT-7741" in first, second.strip()) == (True, "on it goes")
