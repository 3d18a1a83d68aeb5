"""`segue import` in real processes: what agents really wrote, what somebody else wrote, and following while it is written."""

import json
import shutil
import subprocess
import time
from pathlib import Path

import pytest

FIXTURES = Path(__file__).parents[1] / "fixtures" / "transcripts"


def test_an_import_has_the_shape_that_is_promised_and_a_second_one_adds_nothing(segue):
    first = segue.json("import", str(FIXTURES / "claude"), str(FIXTURES / "codex"))
    assert set(first["sessions"][0]) == {"id", "foreign_id", "agent", "events", "new_events", "losses"}
    assert {s["agent"] for s in first["sessions"]} == {"claude-code", "codex"}
    again = segue.json("import", str(FIXTURES / "claude"), str(FIXTURES / "codex"))
    assert [s["new_events"] for s in again["sessions"]] == [0] * len(first["sessions"])
    assert {s["id"]: s["events"] for s in again["sessions"]} == {s["id"]: s["events"] for s in first["sessions"]}
    foreign = first["sessions"][0]["foreign_id"]
    assert segue.json("status", foreign)["id"] == first["sessions"][0]["id"]


HOSTILE = {
    "nothing": b"",
    "no-newline": b'{"type":"user"',
    "binary": bytes(range(256)) * 40,
    "nul": b"\0" * 5000,
    "deep": b'{"type":"user","uuid":"1","message":' + b"[" * 50_000,
    "names": json.dumps(
        {"type": "user", "uuid": "../../etc/passwd", "sessionId": "x\x1b[2J", "message": {"role": "user", "content": 7}}
    ).encode()
    + b"\n",
    "huge-number": b'{"type":"user","uuid":"1","timestamp":1e999,"message":{"role":"user","content":"x"}}\n',
    "surrogate": b'{"type":"user","uuid":"1","message":{"role":"user","content":"\\ud800"}}\n',
}


@pytest.mark.parametrize("name", sorted(HOSTILE))
def test_no_file_whatever_is_in_it_hides_a_good_one_or_ends_in_a_traceback(segue, name):
    place = segue.home / "projects"
    place.mkdir()
    shutil.copy(FIXTURES / "claude" / "headless-plan.jsonl", place / "good.jsonl")
    (place / "bad.jsonl").write_bytes(HOSTILE[name])
    done = segue("import", str(place), str(place / "bad.jsonl"), "--json")
    assert b"Traceback" not in done.stderr
    assert done.returncode == 0, done.stderr
    good = [s for s in json.loads(done.stdout)["sessions"] if s["events"] >= 44]
    assert len(good) == 1
    assert segue.json("validate")["valid"] is True
    for arguments in (["list"], ["log", "last"], ["status", "last"]):
        said = segue(*arguments)
        assert (said.returncode, said.stderr) == (0, b"")
        assert b"\x1b" not in said.stdout


def test_a_path_that_is_not_there_is_not_found(segue):
    done = segue("import", "/nowhere/at/all", "--json")
    assert (done.returncode, json.loads(done.stderr)["error"]["code"]) == (4, "not-found")


def test_what_an_agent_writes_is_acknowledged_while_it_writes(segue):
    lines = (FIXTURES / "claude" / "headless-plan.jsonl").read_bytes().splitlines(keepends=True)
    file = segue.home / "live.jsonl"
    file.write_bytes(b"".join(lines[:5]))
    process = segue.start("import", "--follow", str(file), "--json", stdout=subprocess.PIPE)
    try:
        first = json.loads(process.stdout.readline())
        with file.open("ab", buffering=0) as out:
            out.write(b"".join(lines[5:30]))
            second = json.loads(process.stdout.readline())
            events = segue.events(first["id"])
    finally:
        process.kill()
        process.communicate()
    assert (first["id"], second["new_events"] > 0) == (second["id"], True)
    assert len(events) >= second["events"]


def limited(file, ends):
    """Write a transcript of a session that stopped at a limit."""
    record = {
        "type": "assistant",
        "uuid": "00000000-0000-4000-8000-000000000001",
        "parentUuid": None,
        "sessionId": file.stem,
        "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "isApiErrorMessage": True,
        "message": {
            "role": "assistant",
            "model": "<synthetic>",
            "content": [{"type": "text", "text": f"Claude AI usage limit reached|{ends}"}],
        },
    }
    file.write_text(json.dumps(record) + "\n")
    return str(file)


def test_a_session_that_stopped_at_a_limit_goes_on_when_it_ends(segue, tmp_path):
    now = int(time.time())
    segue.json("import", limited(tmp_path / "late.jsonl", now + 3_600))
    assert segue("resume", "last").returncode == 3
    (soon,) = segue.json("import", limited(tmp_path / "soon.jsonl", now + 3))["sessions"]
    assert segue.json("resume", soon["id"], "--when-reset")["status"] == "active"
    assert time.time() >= now + 3
