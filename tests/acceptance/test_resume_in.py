"""`segue resume --in`, installed: the agent is started where it should be, and what it then does is taken up."""

import json
import shlex
import sys
from pathlib import Path

import pytest

PLAN = Path(__file__).parents[1] / "fixtures" / "transcripts" / "claude" / "headless-plan.jsonl"
AGENT = """\
import json, os, sys
from pathlib import Path

Path(os.environ["HOME"], "started.json").write_text(json.dumps([sys.argv[1:], os.getcwd()]))
path = next(Path(os.environ["HOME"], ".claude").rglob(sys.argv[2] + ".jsonl"))
last = [r for r in map(json.loads, path.read_text().splitlines()) if "uuid" in r][-1]
said = {
    **{k: last[k] for k in ("sessionId", "cwd", "version", "userType", "isSidechain")},
    "type": "user", "uuid": "00000000-0000-4000-8000-000000000001", "parentUuid": last["uuid"],
    "timestamp": "2026-11-21T09:00:00.000Z", "message": {"role": "user", "content": "and now?"},
}
with path.open("a") as file:
    file.write(json.dumps(said) + "\\n")
"""


@pytest.fixture
def claude(segue, tmp_path):
    """A program of that name, which goes on in the transcript that it is told to resume."""
    program = tmp_path / "bin" / "claude"
    program.parent.mkdir()
    (tmp_path / "agent.py").write_text(AGENT)
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {shlex.quote(str(tmp_path / "agent.py"))} "$@"\n')
    program.chmod(0o755)
    segue.env["PATH"] = f"{program.parent}:{segue.env['PATH']}"
    return segue


def texts(segue, session):
    """What is said in a session's conversation."""
    done = segue("log", session, "--active", "--kind", "message", "--json")
    bodies = [json.loads(line)["body"] for line in done.stdout.splitlines()]
    return [p["content"] for b in bodies if not b.get("meta") for p in b["parts"] if p["type"] == "text"]


def test_the_agent_is_started_and_what_it_says_is_taken_up_behind_our_own_past(claude):
    session = claude.json("import", str(PLAN))["sessions"][0]["id"]
    said = texts(claude, session)
    done = claude("resume", session, "--in", "claude-code", "--cwd", ".", "--run", "--json")
    assert (done.returncode, done.stderr) == (0, b"")
    found = json.loads(done.stdout)
    started = json.loads((claude.home / "started.json").read_text())
    assert started == [["--resume", found["foreign_id"]], str(claude.workspace)]
    taken = claude.json("import", found["files"][0])["sessions"]
    assert [(t["id"], t["foreign_id"]) for t in taken] == [(found["continuation"], found["foreign_id"])]
    assert texts(claude, found["continuation"]) == [*said, "and now?"]
    assert texts(claude, session) == said
    assert claude.json("import", found["files"][0])["sessions"][0]["new_events"] == 0


def test_again_it_goes_on_where_the_agent_went_on(claude):
    session = claude.json("import", str(PLAN))["sessions"][0]["id"]
    first = json.loads(claude("resume", session, "--in", "claude-code", "--cwd", ".", "--run", "--json").stdout)
    again = claude.json("resume", session, "--in", "claude-code", "--cwd", ".", "--print")
    assert (again["way"], again["foreign_id"], again["session"]) == ("native", first["foreign_id"], first["continuation"])
    assert texts(claude, again["session"])[-1] == "and now?"


def test_an_agent_that_is_not_installed_is_named(segue):
    segue.env["PATH"] = "/usr/bin:/bin"
    session = segue.json("import", str(PLAN))["sessions"][0]["id"]
    done = segue("resume", session, "--in", "codex", "--cwd", ".", "--run")
    assert done.returncode == 1
    assert b"codex cannot be started" in done.stderr


def test_a_transcript_is_written_for_its_reader_alone(segue):
    session = segue.json("import", str(PLAN))["sessions"][0]["id"]
    found = segue.json("resume", session, "--in", "codex")
    modes = {oct(path.stat().st_mode & 0o777) for path in map(Path, found["files"])}
    assert modes == {"0o600"}
