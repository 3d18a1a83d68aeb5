"""The hook that agents call on every event: durable, silent, harmless, and little more than the interpreter."""

import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time

import pytest

from segue import hooks
from segue.host.hookfile import hook_text
from segue.host.install import Setup, command
from segue.host.install.agents import CLAUDE_CODE
from segue.host.processes import KnownProcesses
from segue.host.spool import Spools
from segue.host.worker import Post

FRAME = re.compile(rb"segue-spool 1 (\d+) (\S+) (\d+)(?: (\d+\.\d+))?\n")


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


def test_a_frame_names_the_agents_process_and_not_its_shells(hook):
    call = f"[ -f {hook} ] && {sys.executable} -S -E {hook} Stop >/dev/null 2>&1 || :"
    subprocess.run(["sh", "-c", f"bash -c '{call}; :' || :"], input=b"{}", check=True)

    (frame,) = [frame for taken in Spools(hook.parent / "home").take() for frame in taken.frames]
    me = KnownProcesses().me()
    assert (frame.payload, frame.process) == (b"{}", f"{me['pid']}.{me['start']}")
    assert KnownProcesses().known(me["pid"], me["start"]) == me


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


def take_and_die(hook):
    """Take a spool as somebody does who is killed before its mode says so."""
    there = spool(hook).with_name("taken") / f"claude-code@{0:020d}"
    there.parent.mkdir(exist_ok=True)
    spool(hook).rename(there)
    return there


def test_a_spool_whose_taker_was_killed_is_taken_in_and_no_hook_writes_to_it_any_more(hook):
    run(hook, b"first", "Stop")
    there = take_and_die(hook)
    (taken,) = Spools(hook.parent / "home").take()
    assert (taken.path, [frame.payload for frame in taken.frames]) == (there, [b"first"])
    assert there.stat().st_mode & 0o777 == 0o400


def test_who_waited_for_a_spool_that_another_took_leaves_the_next_one_alone(hook, monkeypatch):
    run(hook, b"first", "Stop")
    lockf = os.lockf

    def late(fd, how, length):
        lockf(fd, how, length)
        monkeypatch.setattr(os, "lockf", lockf)
        take_and_die(hook)
        run(hook, b"second", "Stop")

    monkeypatch.setattr(os, "lockf", late)
    (taken,) = Spools(hook.parent / "home").take()
    assert [frame.payload for frame in taken.frames] == [b"first"]
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


# --- what does not fit, and the worker


@pytest.mark.parametrize("size", [hooks.LARGEST + 1, 3 * hooks.LARGEST])
def test_a_payload_that_is_too_large_is_read_to_its_end_and_counted(hook, size):
    assert run(hook, b"x" * size, "Stop").returncode == 0
    assert (spool(hook).read_bytes(), spool(hook).with_name("claude-code~").read_bytes()) == (b"", b".")
    assert Spools(hook.parent / "home").dropped() == 1
    assert Spools(hook.parent / "home").dropped() == 0


def test_the_largest_payload_that_fits_is_whole(hook):
    payload = b"x" * hooks.LARGEST
    run(hook, payload, "Stop")
    assert frames(spool(hook).read_bytes()) == [("Stop", payload)]


def test_a_spool_that_nobody_takes_in_stops_growing_and_counts_what_it_misses(hook):
    with spool(hook).open("wb") as file:
        file.truncate(hooks.LIMIT - 100)
    for _ in range(3):
        run(hook, b"x" * 200, "Stop")
    assert spool(hook).stat().st_size == hooks.LIMIT - 100
    assert Spools(hook.parent / "home").dropped() == 3


@pytest.fixture
def worker(tmp_path, hook):
    """A hook whose worker says that it ran, in place of the one of this installation."""
    home = tmp_path / "home"
    lock = home / "spool" / "worker~"
    lock.touch(mode=0o600)
    os.utime(lock, (0, 0))
    ran = tmp_path / "ran"
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\necho "$SEGUE_HOME $PYTHONPATH $*" >> {ran}\n')
    python.chmod(0o700)
    hook.write_text(hook_text(str(home), "claude-code", str(python), str(python)))
    return ran, lock


def wait_for(path):
    """Return the first lines of a file, once there is one."""
    deadline = time.monotonic() + 120
    while not (path.exists() and path.read_text().endswith("\n")):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return path.read_text()


def test_a_hook_starts_the_worker_once_for_this_home_and_with_nobodys_modules(hook, worker, monkeypatch):
    ran, _ = worker
    monkeypatch.setenv("PYTHONPATH", "/not/ours")
    hook.write_text(re.sub(r">= 2\b", ">= 2_000", hook.read_text()))  # three calls may take longer than two seconds
    for _ in range(3):
        run(hook, b"{}", "Stop")
    assert wait_for(ran) == f"{hook.parent / 'home'}  -E -P -m segue upkeep --follow\n"


def test_a_hook_leaves_the_worker_that_is_there_alone(hook, worker):
    ran, lock = worker
    post = Post(hook.parent / "home")
    assert post.take()
    run(hook, b"{}", "Stop")
    assert lock.stat().st_mtime == 0
    post.leave()
    run(hook, b"{}", "Stop")
    wait_for(ran)


def test_a_worker_takes_its_place_though_a_hook_looks_just_then_whether_it_is_free(tmp_path, monkeypatch):
    """Such a hook may be put to sleep while it looks: the machine is busy."""
    monkeypatch.setattr("segue.host.worker._LATELY", 60.0)
    (tmp_path / "spool").mkdir()
    (tmp_path / "spool" / "worker~").touch()
    looking = "import posix, sys, time; fd = posix.open(sys.argv[1], posix.O_RDWR); posix.lockf(fd, posix.F_TLOCK, 0)"
    looking += "; print(flush=True); time.sleep(0.5)"
    hook = subprocess.Popen([sys.executable, "-c", looking, str(tmp_path / "spool" / "worker~")], stdout=subprocess.PIPE)
    hook.stdout.readline()
    post = Post(tmp_path)
    assert post.take()
    post.leave()
    hook.communicate()


def test_there_is_one_worker(tmp_path, worker):
    there = "import sys, pathlib; from segue.host.worker import Post; post = Post(pathlib.Path(sys.argv[1])); print(post.take(), flush=True)"
    there += "; sys.stdin.read()"
    home = worker[1].parents[1]
    command = [sys.executable, "-c", there, str(home)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout.readline() == b"True\n"
        assert not Post(home).take()
        other.communicate()
    post = Post(home)
    assert post.take()
    post.leave()


@pytest.mark.parametrize("gone", ["python", "home/spool/worker~"])
def test_without_segue_or_its_worker_the_payload_is_spooled_and_nothing_is_started(hook, worker, gone):
    ran, _ = worker
    (hook.parent / gone).unlink()
    done = run(hook, b"{}", "Stop")
    assert (done.returncode, done.stdout, done.stderr, ran.exists()) == (0, b"", b"", False)
    assert frames(spool(hook).read_bytes()) == [("Stop", b"{}")]


def test_the_worker_sees_that_its_place_was_taken_away(tmp_path):
    (tmp_path / "spool").mkdir()
    lock = tmp_path / "spool" / "worker~"
    assert not Post(tmp_path).take()
    lock.touch()
    post = Post(tmp_path)
    assert post.take()
    lock.unlink()
    assert not post.is_held()
    lock.touch()
    assert not post.is_held()
    post.leave()


@pytest.mark.parametrize("missing", ["nothing", "hook", "python", "segue's home"])
def test_the_installed_command_is_silent_and_0_whatever_is_gone(tmp_path, missing):
    setup = Setup(home=tmp_path / "home", python=str(tmp_path / "python"), program="segue", config={})
    (tmp_path / "python").symlink_to(sys.executable)
    (tmp_path / "home" / "hook").mkdir(parents=True)
    (tmp_path / "home" / "spool").mkdir()
    setup.hook(CLAUDE_CODE).write_text(hook_text(str(setup.home), "claude-code"))
    if missing == "python":
        (tmp_path / "python").unlink()
    elif missing == "hook":
        setup.hook(CLAUDE_CODE).unlink()
    elif missing != "nothing":
        shutil.rmtree(setup.home)
    done = subprocess.run(["sh", "-c", command(setup, CLAUDE_CODE, "Stop")], input=b"{}", capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert (setup.home / "spool" / "claude-code").exists() == (missing == "nothing")


@pytest.mark.parametrize("name", ["it's a home", "a $(home)", 'a "home"', "日本"])
def test_the_installed_command_quotes_any_home(tmp_path, name):
    setup = Setup(home=tmp_path / name, python=sys.executable, program="segue", config={})
    (setup.home / "hook").mkdir(parents=True)
    (setup.home / "spool").mkdir()
    setup.hook(CLAUDE_CODE).write_text(hook_text(str(setup.home), "claude-code"))
    subprocess.run(["sh", "-c", command(setup, CLAUDE_CODE, "Stop")], input=b"{}", check=True)
    assert frames((setup.home / "spool" / "claude-code").read_bytes()) == [("Stop", b"{}")]
