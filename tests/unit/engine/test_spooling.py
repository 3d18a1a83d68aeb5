"""What hooks spooled comes into the log: once, completely, whatever a killed hook left."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from segue import hooks
from segue.engine.capture.spooling import STREAM, Ingested, ingest
from segue.host.clock import SystemClock, SystemIds
from segue.host.spool import Frame, Spools
from segue.stores.memory import MemoryStore
from segue.transcripts import transcripts

FIXTURES = Path(__file__).parents[2] / "fixtures" / "transcripts"
SESSION = "7dcc6b33-a8e7-41fa-a76f-5d0f155f452e"


@pytest.fixture
def store():
    return MemoryStore(clock=SystemClock(), ids=SystemIds())


@pytest.fixture
def home(tmp_path):
    (tmp_path / "spool").mkdir()
    return tmp_path


def spool(home, payload, event="Stop", agent="claude-code"):
    hooks.spool(str(home), agent, event, payload if isinstance(payload, bytes) else json.dumps(payload).encode())


def run(store, home):
    return ingest(store, Spools(home), transcripts(), clock=SystemClock())


def about(event, **more):
    path = str(FIXTURES / "claude" / "headless-plan.jsonl")
    return {"session_id": SESSION, "transcript_path": path, "hook_event_name": event, **more}


def hooked(store):
    (session,) = store.sessions()
    return [(e.body["type"], json.loads(e.source["raw"])) for e in store.read(session) if e.stream == STREAM]


def test_a_payload_brings_its_transcript_and_is_kept_beside_it(store, home):
    spool(home, about("SessionStart"), "SessionStart")
    spool(home, about("SessionEnd", reason="other"), "SessionEnd")

    assert run(store, home) == Ingested(2, 49, 0, 0)

    assert hooked(store) == [
        ("hook:SessionStart", about("SessionStart")),
        ("hook:SessionEnd", about("SessionEnd", reason="other")),
    ]
    assert Spools(home).is_empty()


def test_a_spool_that_was_taken_in_but_not_let_go_of_adds_nothing(store, home, monkeypatch):
    """A crash between the log and the unlinking."""
    spool(home, about("Stop"))
    monkeypatch.setattr(Spools, "done", lambda self, taken, waiting: None)
    first = run(store, home)
    monkeypatch.undo()
    second = run(store, home)

    assert (first.events, second.events) == (48, 0)
    assert len(hooked(store)) == 1
    assert Spools(home).is_empty()


def test_a_spool_that_another_took_in_meanwhile_is_none(store, home, monkeypatch):
    spool(home, about("Stop"))
    there = Spools._left

    def left(self):
        found = there(self)
        monkeypatch.undo()
        assert ingest(MemoryStore(clock=SystemClock(), ids=SystemIds()), self, transcripts(), clock=SystemClock()).payloads == 1
        return found

    monkeypatch.setattr(Spools, "_left", left)
    assert run(store, home) == Ingested(0, 0, 0, 0)


def test_a_payload_of_an_unknown_session_waits_for_it(store, home, tmp_path):
    file = tmp_path / "late.jsonl"
    spool(home, about("SessionStart") | {"transcript_path": str(file)})
    assert run(store, home) == Ingested(0, 0, 1, 0)

    file.write_bytes((FIXTURES / "claude" / "headless-plan.jsonl").read_bytes())
    assert run(store, home) == Ingested(1, 48, 0, 0)


def test_pieces_that_a_killed_hook_left_hide_nothing(store, home):
    path = home / "spool" / "claude-code"
    spool(home, about("SessionStart"))
    with path.open("ab") as file:
        file.write(b'segue-spool 1 5 Stop 500\n{"session_id": "cut sh')
    spool(home, about("Stop"))
    with path.open("ab") as file:
        file.write(b"segue-spool 1 5 Stop 99999\n{}")

    done = run(store, home)

    assert (done.payloads, done.waiting, done.broken) == (2, 0, 2)
    assert [kind for kind, _ in hooked(store)] == ["hook:Stop", "hook:Stop"]


@pytest.mark.parametrize(
    "payload", [b"", b"{", b"[]", b"\xff\xfe", b'{"session_id": 5}', b'{"transcript_path": "/"}', b"[" * 5000]
)
def test_a_payload_that_says_nothing_is_counted_and_let_go_of(store, home, payload):
    spool(home, payload)
    assert run(store, home) == Ingested(0, 0, 0, 1)
    assert Spools(home).is_empty()


def test_frames_come_back_as_they_were_spooled(home):
    payloads = [b"", b"\n", b'{"said":\n"segue-spool 1 1 Stop 3\\nabc\\n"}', bytes(range(256)) * 300]
    for payload in payloads:
        spool(home, payload, "PreToolUse")
    (taken,) = Spools(home).take()
    assert [f.payload for f in taken.frames] == payloads
    assert {(f.agent, f.event) for f in taken.frames} == {("claude-code", "PreToolUse")}
    assert isinstance(taken.frames[0], Frame)
    assert taken.broken == []


@pytest.mark.parametrize("ends", [b"\n", b"}\n"], ids=["at the end of a head", "at the end of a payload"])
def test_a_frame_that_was_cut_short_takes_none_behind_it_along(home, ends):
    """Its length may by chance end where a line behind it does."""
    spool(home, about("SessionStart"))
    spool(home, about("Stop"))
    file = home / "spool" / "claude-code"
    behind = file.read_bytes()
    torn = b'{"session_id": "nob'
    length = len(torn) + behind.index(ends) + len(ends) - 1
    file.write_bytes(b"segue-spool 1 1768469400000000000 Stop %d\n" % length + torn + behind)

    (taken,) = Spools(home).take()

    assert [json.loads(f.payload)["hook_event_name"] for f in taken.frames] == ["SessionStart", "Stop"]
    assert [piece[-len(torn) :] for _, piece in taken.broken] == [torn]


@pytest.mark.parametrize(
    "arguments",
    [["Stop"], ["Stop", "--agent", "codex"], ["Stop", "--agent", "../../x"], [], ["Stop", "--agent"], ["\udce4"]],
)
def test_the_command_is_silent_and_never_fails(tmp_path, arguments):
    env = {**os.environ, "SEGUE_HOME": str(tmp_path / "home")}
    command = [sys.executable, "-m", "segue", "hook", *arguments]
    done = subprocess.run(command, input=b"{}", env=env, capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert not (tmp_path / "x").exists()
