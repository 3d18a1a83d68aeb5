"""The hook that agents call on every event: durable, silent, harmless, and little more than the interpreter."""

import json
import re
import subprocess
import sys
import threading

import pytest

from segue.host.hookfile import hook_text

FRAME = re.compile(rb"segue-spool 1 (\d+) (\S+) (\d+)\n")


@pytest.fixture
def hook(tmp_path):
    (tmp_path / "home" / "spool").mkdir(parents=True)
    path = tmp_path / "hook.py"
    path.write_text(hook_text(str(tmp_path / "home"), "claude-code"))
    return path


def run(hook, payload=b"{}", *arguments, flags=("-S", "-E")):
    return subprocess.run([sys.executable, *flags, hook, *arguments], input=payload, capture_output=True, timeout=60, check=False)


def frames(data):
    found = []
    while data:
        head = FRAME.match(data)
        assert head, data[:80]
        size = int(head[3])
        found.append((head[2].decode(), data[head.end() : head.end() + size]))
        assert data[head.end() + size : head.end() + size + 1] == b"\n"
        data = data[head.end() + size + 1 :]
    return found


def spool(hook):
    return hook.parent / "home" / "spool" / "claude-code"


def test_a_payload_is_spooled_as_it_is(hook):
    payload = b'{"tool": "Bash"}\n\n\xff\x00 segue-spool 1 5 Stop 3\n'
    done = run(hook, payload, "PreToolUse")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert frames(spool(hook).read_bytes()) == [("PreToolUse", payload)]
    assert spool(hook).stat().st_mode & 0o777 == 0o600


def test_payloads_of_many_agents_at_once_are_all_there(hook):
    payloads = [json.dumps({"n": n, "text": "x" * n * 5000}).encode() for n in range(16)]
    threads = [threading.Thread(target=run, args=(hook, payload, "Stop")) for payload in payloads]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(frames(spool(hook).read_bytes())) == sorted(("Stop", payload) for payload in payloads)


def test_a_spool_that_was_taken_is_left_alone(hook):
    run(hook, b"first", "Stop")
    taken = spool(hook).with_name("taken")
    spool(hook).rename(taken)
    taken.chmod(0o400)
    run(hook, b"second", "Stop")
    assert frames(taken.read_bytes()) == [("Stop", b"first")]
    assert frames(spool(hook).read_bytes()) == [("Stop", b"second")]


@pytest.mark.parametrize("arguments", [(), ("Stop",), ("\udcff",), ("Stop", "more")])
def test_what_goes_wrong_is_never_seen_by_the_agent(hook, arguments):
    """No spool (segue was uninstalled), no event, an event that is no text."""
    spool(hook).parent.rmdir()
    done = run(hook, b"{}", *arguments)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert not spool(hook).parent.exists()


def test_the_hook_syncs_once_and_loads_only_what_is_built_in(hook):
    shim = "import sys, posix; sync = posix.fsync; calls = []\n"
    shim += "posix.fsync = lambda fd: (calls.append(fd), sync(fd))\n"
    shim += f"before = set(sys.modules); sys.argv = ['hook', 'Stop']; exec(compile(open({str(hook)!r}).read(), 'hook', 'exec'))\n"
    shim += "print(len(calls), sorted(set(sys.modules) - before - {'encodings.ascii'}))"
    done = subprocess.run([sys.executable, "-S", "-E", "-c", shim], input=b"{}", capture_output=True, check=True)
    assert done.stdout.decode().strip() in {"1 []", "1 ['time']"}


def test_the_written_hook_quotes_any_home(tmp_path):
    home = tmp_path / 'it\'s "a" home\\n $(x) \u65e5\u672c'
    (home / "spool").mkdir(parents=True)
    path = tmp_path / "hook.py"
    path.write_text(hook_text(str(home), "codex"), encoding="utf-8")
    assert run(path, b"x", "Stop").returncode == 0
    assert frames((home / "spool" / "codex").read_bytes()) == [("Stop", b"x")]
    assert [entry.name for entry in home.iterdir()] == ["spool"]
