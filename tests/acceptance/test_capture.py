"""Capture end to end, in real processes: a hook is called, a transcript grows, and the log grows with it."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.acceptance.test_killed import is_free

SESSION = "5e0f1f0e-0000-4000-8000-000000000001"
PATIENCE = 60


class Machine:
    """A home with Claude Code in it, and segue's command line."""

    def __init__(self, place):
        self.home = place / "home"
        self.project = place / "project"
        self.project.mkdir()
        self.transcript = self.home / ".claude" / "projects" / "-project" / f"{SESSION}.jsonl"
        self.transcript.parent.mkdir(parents=True)
        self.env = {"HOME": str(self.home), "PATH": os.environ["PATH"], "SEGUE_UPKEEP": "off"}
        self.written = 0

    def start(self, *arguments):
        command = [sys.executable, "-m", "segue", *arguments]
        return subprocess.Popen(command, env=self.env, cwd=self.project, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def segue(self, *arguments):
        running = self.start(*arguments)
        out, err = running.communicate(timeout=PATIENCE)
        assert running.returncode == 0, err.decode()
        return out.decode()

    def write(self, text):
        self.written += 1
        record = {
            "type": "user",
            "uuid": f"0a4f6a0c-0000-4000-8000-{self.written:012}",
            "parentUuid": f"0a4f6a0c-0000-4000-8000-{self.written - 1:012}" if self.written > 1 else None,
            "sessionId": SESSION,
            "timestamp": "2026-01-15T10:00:00.000Z",
            "cwd": str(self.project),
            "message": {"role": "user", "content": text},
        }
        with self.transcript.open("a") as file:
            file.write(json.dumps(record) + "\n")

    def command(self, event):
        """Return what Claude Code runs on an event."""
        settings = json.loads((self.home / ".claude" / "settings.json").read_text())
        return settings["hooks"][event][0]["hooks"][0]["command"]

    def hook(self, event):
        """Do what Claude Code does on an event."""
        payload = {"session_id": SESSION, "transcript_path": str(self.transcript), "hook_event_name": event}
        done = subprocess.run(
            ["sh", "-c", self.command(event)], input=json.dumps(payload).encode(), env=self.env, capture_output=True, check=False
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")

    def said(self):
        """Return what is on disk of what the user said, read without segue."""
        logs = sorted((self.home / ".local" / "share" / "segue" / "store" / "sessions").glob("*/log/*.jsonl"))
        events = [json.loads(line) for log in logs for line in log.read_text().splitlines() if line.endswith("}")]
        return [event["body"]["parts"][0]["content"] for event in events if event["kind"] == "message"]

    def wait_for(self, condition):
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < deadline, self.said()
            time.sleep(0.02)


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


def worker_is_gone(machine):
    """Return whether the worker has left its place, whose time it puts back, and has done what it does last."""
    home = machine.home / ".local/share/segue"
    return (home / "spool/worker~").stat().st_mtime == 0 and not any(
        works_in(home, process) for process in Path("/proc").glob("[0-9]*")
    )


def works_in(home, process):
    try:
        return f"SEGUE_HOME={home}".encode() in (process / "environ").read_bytes().split(b"\0")
    except OSError:  # it ended meanwhile, or is another's
        return False


def test_after_one_hook_all_that_is_written_is_in_the_log_and_nothing_of_ours_is_left_in_the_end(machine):
    machine.segue("init", "claude-code", "--yes")
    machine.hook("SessionStart")
    texts = [f"number {n}" for n in range(5)]
    for n, text in enumerate(texts):
        machine.write(text)
        machine.wait_for(lambda n=n: machine.said() == texts[: n + 1])
    machine.hook("SessionEnd")
    machine.wait_for(lambda: worker_is_gone(machine))

    machine.segue("init", "--remove", "--yes")

    assert [p.name for p in (machine.home / ".claude").iterdir()] == ["projects"]
    assert sorted(p.name for p in (machine.home / ".local/share/segue").iterdir()) == ["mirrors", "store", "workspaces"]
    assert json.loads(machine.segue("search", "number", "--json"))["hits"]


def test_a_worker_that_was_killed_is_replaced_by_the_next_hook(machine):
    machine.segue("init", "claude-code", "--yes")
    machine.hook("SessionStart")
    machine.write("one")
    machine.wait_for(lambda: machine.said() == ["one"])
    lock = machine.home / ".local/share/segue/spool/worker~"
    held = [line.split() for line in Path("/proc/locks").read_text().splitlines()]
    os.kill(next(int(found[4]) for found in held if found[5].endswith(f":{lock.stat().st_ino}")), signal.SIGKILL)
    machine.wait_for(lambda: is_free(lock))  # it may take a while to die
    machine.write("two")
    os.utime(lock, (0, 0))  # as if two seconds had gone since it was started
    machine.hook("Stop")
    machine.wait_for(lambda: machine.said() == ["one", "two"])
    machine.hook("SessionEnd")
    machine.wait_for(lambda: worker_is_gone(machine))


def test_a_worker_works_though_the_directory_of_its_agent_is_gone(machine):
    machine.segue("init", "claude-code", "--yes")
    hook = ["sh", "-c", 'rmdir "$PWD" && ' + machine.command("SessionStart")]
    payload = {"session_id": SESSION, "transcript_path": str(machine.transcript), "hook_event_name": "SessionStart"}
    subprocess.run(hook, input=json.dumps(payload).encode(), env=machine.env, cwd=machine.project, check=True)
    machine.write("one")
    machine.wait_for(lambda: machine.said() == ["one"])
    machine.hook("SessionEnd")
    machine.wait_for(lambda: worker_is_gone(machine))


def test_without_hooks_follow_takes_in_what_every_agent_writes(machine):
    machine.write("one")
    running = machine.start("follow", "--json")
    try:
        machine.wait_for(lambda: machine.said() == ["one"])
        machine.write("two")
        machine.wait_for(lambda: machine.said() == ["one", "two"])
    finally:
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=PATIENCE)
    assert (running.returncode, err) == (130, b"")
    assert {json.loads(line)["foreign_id"] for line in out.splitlines()} == {SESSION}


def told(machine):
    """Return what `list` says of the one session, which looks at no process: its status and the reason."""
    found = json.loads(machine.segue("list", "--json"))["sessions"]
    return [(session["status"], session["reason"]) for session in found]


def test_an_agent_that_is_killed_without_a_word_is_noticed_by_the_worker(machine):
    machine.segue("init", "claude-code", "--yes")
    payload = {"session_id": SESSION, "transcript_path": str(machine.transcript), "hook_event_name": "SessionStart"}
    machine.write("one")
    program = (
        "import subprocess, sys, time; subprocess.run(['sh', '-c', sys.argv[1]], input=sys.argv[2].encode()); time.sleep(600)"
    )
    words = [sys.executable, "-c", program, machine.command("SessionStart"), json.dumps(payload)]
    agent = subprocess.Popen(words, env=machine.env, cwd=machine.project)
    try:
        machine.wait_for(lambda: f'"pid":{agent.pid}' in logged(machine))
    finally:
        agent.kill()
        agent.wait()

    machine.wait_for(lambda: told(machine) == [("paused", "unknown")])
    shown = json.loads(machine.segue("status", "last", "--json"))
    assert (shown["note"], shown["checkpoints"] > 0) == (f"process {agent.pid} is gone without a word", True)
    machine.segue("init", "--remove", "--yes")  # else the worker waits ten minutes for more


def test_an_agent_that_ends_leaves_its_session_paused_and_one_that_begins_again_goes_on(machine):
    machine.segue("init", "claude-code", "--yes")
    machine.hook("SessionStart")
    machine.write("one")
    machine.hook("SessionEnd")
    machine.wait_for(lambda: told(machine) == [("paused", "other")])
    machine.hook("SessionStart")
    machine.wait_for(lambda: told(machine) == [("active", "")])
    machine.hook("SessionEnd")
    machine.wait_for(lambda: worker_is_gone(machine))


def logged(machine):
    """Return all that is in the log, as it is on disk."""
    logs = sorted((machine.home / ".local" / "share" / "segue" / "store" / "sessions").glob("*/log/*.jsonl"))
    return "".join(log.read_text() for log in logs)
