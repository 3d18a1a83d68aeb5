"""`segue append` in real processes: several at once, killed in the middle, and what an acknowledgement is worth."""

import json
import os
import signal
import subprocess

import pytest


def seqs(out: bytes) -> list[int]:
    """Return the numbers that were acknowledged: whole lines only."""
    return [json.loads(line)["seq"] for line in out.split(b"\n")[:-1]]


def test_several_processes_append_at_once_and_every_acknowledgement_is_an_event(segue, lines):
    session = segue.json("start", "--task", "many")["id"]
    writers = {who: segue.start("append", session, "--stdin", stdin=subprocess.PIPE) for who in ("ann", "bob", "eve")}
    outs = {}
    for who, writer in writers.items():
        writer.stdin.write(lines(200, who))
    for who, writer in writers.items():
        code, out, err = segue.finish(writer)
        assert (code, err) == (0, b"")
        outs[who] = seqs(out)
    events = {e["seq"]: e for e in segue.events(session)}
    assert sorted(events) == list(range(1, 603))
    for who, acknowledged in outs.items():
        assert [(events[n]["actor"], events[n]["body"]["n"]) for n in acknowledged] == [(who, i) for i in range(200)]
    assert segue.json("validate")["valid"] is True


def test_sessions_begun_at_once_by_several_processes_have_names_of_their_own(segue):
    processes = [segue.start("start", "--task", "race", "--json") for _ in range(6)]
    begun = []
    for process in processes:
        code, out, err = segue.finish(process)
        assert (code, err) == (0, b"")
        begun.append(json.loads(out))
    assert sorted(b["name"][-3:] for b in begun) == ["001", "002", "003", "004", "005", "006"]
    assert len({b["slug"] for b in begun}) == len({b["id"] for b in begun}) == 6


def test_what_was_acknowledged_before_a_kill_is_there_and_the_store_opens_by_itself(segue, lines):
    session = segue.json("start")["id"]
    acknowledged: list[int] = []
    for round_ in range(5):
        writer = segue.start("append", session, "--stdin", stdin=subprocess.PIPE)
        data = lines(400, f"r{round_}").splitlines(keepends=True)
        for n, line in enumerate(data):
            writer.stdin.write(line)
            writer.stdin.flush()
            if n == 0:
                acknowledged += seqs(writer.stdout.readline())
        os.kill(writer.pid, signal.SIGKILL)
        out, _ = writer.communicate()
        acknowledged += seqs(out)
    events = segue.events(session)
    assert len(acknowledged) >= 5
    assert set(acknowledged) <= {e["seq"] for e in events}
    assert [e["seq"] for e in events] == list(range(1, len(events) + 1))
    found = segue.json("validate")
    assert (found["valid"], [f for f in found["findings"] if f["severity"] in {"damage", "gap"}]) == (True, [])


def test_what_is_acknowledged_is_in_the_file_while_the_process_still_runs(segue):
    session = segue.json("start")["id"]
    log = segue.home / "segue" / "store" / "sessions" / session / "log" / "000001.jsonl"
    writer = segue.start("append", session, "--stdin", stdin=subprocess.PIPE)
    writer.stdin.write(b'{"kind":"x.y","body":{"said":"before"}}\n')
    writer.stdin.flush()
    assert writer.stdout.readline() == b'{"seq":3}\n'
    assert b'"said":"before"' in log.read_bytes()
    writer.kill()
    writer.wait()
    writer.communicate()


def test_lines_are_acknowledged_as_they_come(segue):
    session = segue.json("start")["id"]
    writer = segue.start("append", session, "--stdin", stdin=subprocess.PIPE)
    for n in range(3, 8):
        writer.stdin.write(b'{"kind":"x.y"}\n')
        writer.stdin.flush()
        assert writer.stdout.readline() == b'{"seq":%d}\n' % n
    assert segue.finish(writer) == (0, b"", b"")


def test_a_repeated_append_with_keys_adds_nothing(segue, lines):
    session = segue.json("start")["id"]
    first = segue("append", session, "--stdin", stdin=lines(10))
    again = segue("append", session, "--stdin", stdin=lines(10))
    assert seqs(first.stdout) == seqs(again.stdout) == list(range(3, 13))


def test_a_last_line_without_its_end_counts(segue):
    session = segue.json("start")["id"]
    assert segue("append", session, "--stdin", stdin=b'{"kind":"x.y"}').stdout == b'{"seq":3}\n'


def test_a_line_too_long_to_be_true_is_refused_without_being_kept_in_memory(segue):
    session = segue.json("start")["id"]
    done = segue("append", session, "--stdin", stdin=b'{"kind":"' + b"x" * (65 << 20) + b'"}\n{"kind":"x.y"}\n')
    assert (done.returncode, done.stdout) == (2, b'{"seq":3}\n')
    assert done.stderr.startswith(b"error: line 1: event cannot be written: the line is longer than")


@pytest.mark.parametrize("size", [40_000, 3_000_000])
def test_a_large_body_comes_back_as_it_was(segue, size):
    session = segue.json("start")["id"]
    text = "pears \u00e4\U0001f350 " * (size // 9)
    assert segue("append", session, "--stdin", stdin=json.dumps({"kind": "x.y", "body": {"t": text}}).encode()).returncode == 0
    assert segue.events(session)[-1]["body"] == {"t": text}
