"""Real transcripts come into the log as they are, whole, and once.

The expected events of each sample are in `tests/golden/transcripts`; UPDATE_GOLDEN=1 writes them anew, to be read before
they are committed. The two long sessions are found in ../shared/samples/long beside the project, or in $SEGUE_SAMPLES/long.
"""

import gzip
import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from segue.core.session.state import fold
from segue.core.session.tree import active_chain
from segue.engine.capture.importing import import_paths
from segue.stores.log.store import LogStore
from segue.testing import FakeClock, FakeIds
from segue.transcripts import transcripts

ROOT = Path(__file__).parents[2]
FIXTURES = ROOT / "tests" / "fixtures" / "transcripts"
GOLDEN = ROOT / "tests" / "golden" / "transcripts"
LONG = Path(os.environ.get("SEGUE_SAMPLES") or ROOT.parent / "shared" / "samples") / "long"
UPDATE = bool(os.environ.get("UPDATE_GOLDEN"))

SAMPLES = sorted(str(p.relative_to(FIXTURES)) for p in FIXTURES.rglob("*.jsonl"))


@pytest.fixture
def store(tmp_path):
    found = LogStore(tmp_path / "store", clock=FakeClock(), ids=FakeIds())
    yield found
    found.close()


def run(store, *paths):
    return import_paths(store, transcripts(), [str(p) for p in paths], clock=FakeClock())


@pytest.mark.parametrize("sample", SAMPLES)
def test_a_sample_becomes_exactly_these_events(store, sample):
    report = run(store, FIXTURES / sample)
    told = [
        {
            "kind": e.kind,
            "actor": e.actor,
            "stream": e.stream,
            "node": e.node if e.source and e.kind in {"message", "record", "compaction"} else None,
            "parent": None if e.parent == "\0absent" else e.parent,
            "at": e.at,
            "record": e.source and e.source["record"],
            "body": e.body,
        }
        for session in report.sessions
        for e in store.read(session.id)
        if e.kind != "import.advanced"
    ]
    text = "".join(json.dumps(event, ensure_ascii=False) + "\n" for event in told).replace(str(FIXTURES), "")
    golden = GOLDEN / sample
    if UPDATE:
        golden.parent.mkdir(parents=True, exist_ok=True)
        golden.write_text(text)
    assert text.splitlines() == golden.read_text().splitlines()


def test_the_samples_of_all_agents_beside_each_other_are_told_apart(store):
    report = run(store, FIXTURES)
    assert Counter(s.agent for s in report.sessions) == {
        "aider": 1,
        "atif": 1,
        "claude-code": 5,
        "codex": 4,
        "gemini-cli": 2,
        "messages": 5,
        "opencode": 2,
        "qwen-code": 2,
    }
    assert report.losses == ()
    assert all(s.losses == () for s in report.sessions)


DAMAGE = {
    "torn last line": lambda lines: b"".join(lines)[:-200],
    "garbage in the middle": lambda lines: b"".join([*lines[:20], b"\x80\x00garbage\n", *lines[20:]]),
    "NUL tail": lambda lines: b"".join(lines) + bytes(4096),
    "missing tool call": lambda lines: b"".join(
        line for line in lines if b'"name": "Write"' not in line or b"tool_use" not in line
    ),
    "raw U+2028": lambda lines: b"".join([*lines[:-1], lines[-1].replace(b'"type"', '"\u2028": 1, "type"'.encode(), 1)]),
    "ten repeated records": lambda lines: b"".join([*lines, *lines[10:20]]),
    "not UTF-8": lambda lines: b"".join([*lines[:12], lines[12].replace(b'"type"', b'"\xe9": 1, "type"', 1), *lines[13:]]),
    "empty file": lambda _: b"",
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_is_named_hides_no_record_and_no_other_file(store, tmp_path, damage):
    lines = (FIXTURES / "claude" / "tui-plan-filehistory.jsonl").read_bytes().splitlines(keepends=True)
    spoilt = tmp_path / "0aa9855f-d063-44e4-af7e-b2010b7d0e68.jsonl"
    spoilt.write_bytes(DAMAGE[damage](lines))
    (tmp_path / "other.jsonl").write_bytes((FIXTURES / "claude" / "killed-mid-tool.jsonl").read_bytes())
    report = run(store, tmp_path)

    found = {s.foreign_id[:8]: s for s in report.sessions}
    intact = [line.rstrip(b"\n").decode() for line in spoilt.read_bytes().splitlines(keepends=True) if line in lines]
    session = found["0aa9855f"].id if "0aa9855f" in found else None
    kept = [e.source.get("raw") for e in store.read(session) if e.source] if session else []
    assert set(intact) <= set(kept)
    assert (found["2b6480e5"].new_events, found["2b6480e5"].losses) == (30, ())
    losses = found["0aa9855f"].losses if session else report.losses
    assert [" ".join(n.reason.split()[:2]) for n in losses] == {
        "torn last line": ["torn last"],
        "garbage in the middle": ["not JSON:"],
        "NUL tail": ["4096 NUL"],
        "missing tool call": ["the record"],
        "raw U+2028": [],
        "ten repeated records": [],
        "not UTF-8": ["not UTF-8"],
        "empty file": ["empty file"],
    }[damage]
    again = run(store, tmp_path)
    assert [s.new_events for s in again.sessions] == [0] * len(again.sessions)


def test_a_line_of_any_length_takes_bounded_memory(tmp_path):
    file = tmp_path / "a0edc6ad-81f1-4d48-9902-29dc3fc4830f.jsonl"
    whole = (FIXTURES / "claude" / "headless-plan.jsonl").read_bytes()
    with file.open("wb") as out:
        out.write(whole + b'{"type":"user","message":"')
        for _ in range(48):
            out.write("ö".encode() * (1 << 19))
        out.write(b'"}\n' + whole.splitlines(keepends=True)[-1])
    program = """
import resource, sys
from segue.engine.capture.importing import import_paths
from segue.host.clock import SystemClock, SystemIds
from segue.stores.log.store import LogStore
from segue.transcripts import transcripts
clock = SystemClock()
store = LogStore(sys.argv[1], clock=clock, ids=SystemIds())
(session,) = import_paths(store, transcripts(), sys.argv[2:], clock=clock).sessions
try:  # a child's ru_maxrss begins with its parent's on Linux, and a test runner can be large
    peak = int(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM"))) >> 10
except OSError:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 20
print(len(session.losses), peak)
"""
    command = [sys.executable, "-c", program, str(tmp_path / "store"), str(file)]
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": str(ROOT / "src")}
    )
    losses, megabytes = map(int, done.stdout.split())
    assert losses == 1
    assert megabytes < 256


# --- two real sessions of thousands of records

long = pytest.mark.skipif(not LONG.is_dir(), reason=f"the long sessions are not at {LONG}: set SEGUE_SAMPLES")


@long
@pytest.mark.parametrize("sample", ["claude-code-258c7280", "claude-code-4d5611e5"])
def test_a_long_session_is_accounted_for_record_by_record(store, sample):
    file = LONG / f"{sample}.jsonl.gz"
    lines = gzip.decompress(file.read_bytes()).decode().splitlines()
    (first,) = run(store, file).sessions
    (second,) = run(store, file).sessions
    events = list(store.read(first.id))

    assert [e.source["raw"] for e in events if e.source] == lines
    assert (first.new_events, second.new_events) == (len(events), 0)
    assert first.losses == second.losses == ()
    told = Counter((json.loads(e.source["raw"])["type"], e.kind) for e in events if e.source)
    assert {kind for _, kind in told if _ in {"user", "assistant"}} == {"message"}
    assert {kind for _, kind in told if _ in {"progress", "file-history-snapshot"}} == {"record"}
    assert told["system", "compaction"] == 1


@long
@pytest.mark.parametrize("sample", ["claude-code-258c7280", "claude-code-4d5611e5"])
def test_a_long_sessions_usage_is_that_of_each_messages_last_record(store, sample):
    file = LONG / f"{sample}.jsonl.gz"
    records = [json.loads(line) for line in gzip.decompress(file.read_bytes()).decode().splitlines()]
    last = {r["message"]["id"]: r["message"]["usage"] for r in records if r["type"] == "assistant" and "usage" in r["message"]}
    (session,) = run(store, file).sessions

    cached = ("cache_read_input_tokens", "cache_creation_input_tokens")
    tokens = fold(store.read(session.id)).metrics["tokens"]
    assert tokens["output"] == sum(u["output_tokens"] for u in last.values())
    assert tokens["input"] == sum(u["input_tokens"] + sum(u.get(name, 0) for name in cached) for u in last.values())


@long
@pytest.mark.parametrize("sample", ["claude-code-258c7280", "claude-code-4d5611e5"])
def test_a_long_sessions_line_holds_every_answered_call_and_every_word_of_the_user(store, sample):
    (session,) = run(store, LONG / f"{sample}.jsonl.gz").sessions
    events = list(store.read(session.id))
    line = active_chain(events)

    parts = [p for e in line for p in e.body.get("parts", ())]
    calls = [p["id"] for p in parts if p["type"] == "tool_call"]
    answers = [p["id"] for p in parts if p["type"] == "tool_call_response"]
    assert sorted(answers) == sorted(calls)
    assert {e.node for e in events if e.kind == "message" and e.actor == "user"} <= {e.node for e in line}
