"""Python agents that are stopped from outside: their session is saved and paused, and they end as a shell expects it.

Each agent is a real process. Nothing here is timed: that a process ends at all, while its lock or its main thread hangs, is
what the watchdog is for. `segue` itself ends it within two seconds.
"""

import fcntl
import json
import os
import resource
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

import segue

PATIENCE = 60
AGENT = """
import ctypes, os, signal, sys, threading, time
import segue

def say(word):
    sys.stdout.write(word + "\\n")
    sys.stdout.flush()

def default(number):
    signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)

for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
    default(number)  # whatever the parent ignored

store = segue.open()
session = store.session("last")
"""
PATIENT = """
from segue.engine import running
from segue.host import signals
signals.GRACE, signals._STUCK, running._APPEND = 30.0, 20.0, 25.0  # a busy machine may be slow where nothing hangs
"""
SLEEP = """
with session.running() as run:
    say("ready")
    time.sleep(300)
"""
STUCK = """
threading.Thread(target=time.sleep, args=(300,), daemon=True).start()  # who gets the signal
with session.running() as run:
    signal.pthread_sigmask(signal.SIG_BLOCK, {1, 2, 3, 15})
    say("ready")
    while True:
        ctypes.CDLL(None).pause()  # the main thread waits in C, and nothing wakes it
"""


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("SEGUE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SEGUE_UPKEEP", "off")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    (tmp_path / "run").mkdir(mode=0o700)
    with segue.open() as store:
        store.create(task="sell pears")
    return tmp_path / "home"


@contextmanager
def agent(program, *, hangs=False, **more):
    program = AGENT + ("" if hangs else PATIENT) + program
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, **more)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def told():
    """Return the reason of the session's pause, its triggers of checkpoints, and its agent's status."""
    with segue.open() as store:
        state = store.session("last").state()
        life = state.lifecycle
        triggers = [place["trigger"] for place in state.checkpoints.values()]
        return life["status"], life["reason"], life["note"], triggers, state.agents["agent"]["status"]


ENDINGS = [
    (signal.SIGTERM, 143, "system"),
    (signal.SIGHUP, 129, "system"),
    (signal.SIGQUIT, 131, "system"),
    (signal.SIGINT, -signal.SIGINT, "user"),
]


@pytest.mark.parametrize(("number", "code", "reason"), ENDINGS, ids=[n.name for n, _, _ in ENDINGS])
def test_a_signal_saves_pauses_and_ends(home, number, code, reason):
    with agent(SLEEP) as process:
        process.send_signal(number)
        assert process.wait(PATIENCE) == code  # Python ends by SIGINT itself: a shell sees 130

    assert told() == ("paused", reason, number.name, [f"pause: {reason}"], "interrupted")
    assert list((home / "emergency").iterdir()) == []


@pytest.mark.parametrize(
    ("number", "code", "reason"), [(n, 128 + n, r) for n, _, r in ENDINGS], ids=[n.name for n, _, _ in ENDINGS]
)
def test_a_main_thread_that_never_comes_to_it_does_not_keep_the_process(home, number, code, reason):
    with agent(STUCK, hangs=True) as process:
        process.send_signal(number)
        # One that comes before the main thread is in C ends it as Python does.
        assert process.wait(PATIENCE) in {code, -number if number == signal.SIGINT else code}

    assert told() == ("paused", reason, number.name, [f"pause: {reason}"], "interrupted")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda n: n.name)
def test_a_lock_that_hangs_does_not_keep_the_process_and_nothing_is_lost(home, number):
    with segue.open() as store:
        session = store.session("last").id
    (lock,) = (home / "store" / "sessions" / session).glob("lock")
    with agent(SLEEP, hangs=True) as process:
        fd = os.open(lock, os.O_RDWR)
        fcntl.flock(fd, fcntl.LOCK_EX)
        process.send_signal(number)
        code = process.wait(PATIENCE)
        (kept,) = (home / "emergency").iterdir()
        os.close(fd)

    assert code == (143 if number == signal.SIGTERM else -signal.SIGINT)
    assert kept.stat().st_size < 4_096
    reason = "system" if number == signal.SIGTERM else "user"
    assert told() == ("paused", reason, number.name, [f"pause: {reason}"], "interrupted")
    assert list((home / "emergency").iterdir()) == []


ASYNC = """
import asyncio
from segue import aio

async def main():
    async with aio.open() as store:
        session = await store.session("last")
        async with session.running() as run:
            await session.append("step.completed", {"text": "weighed"})
            say("ready")
            HERE
asyncio.run(main())
"""
ASYNC_PLACES = {
    "waits": "await asyncio.sleep(300)",
    "computes": "time.sleep(300)",
    "appends": "while True: await session.append('metric', {'name': 'n'})",
}


ASYNC_ENDINGS = [(signal.SIGTERM, where) for where in ASYNC_PLACES] + [(signal.SIGINT, "waits"), (signal.SIGINT, "appends")]


@pytest.mark.parametrize(("number", "where"), ASYNC_ENDINGS, ids=[f"{n.name}-{where}" for n, where in ASYNC_ENDINGS])
def test_a_signal_saves_pauses_and_ends_an_asynchronous_program(home, number, where):
    with agent(ASYNC.replace("HERE", ASYNC_PLACES[where]), stderr=subprocess.DEVNULL) as process:
        process.send_signal(number)
        assert process.wait(PATIENCE) == (143 if number == signal.SIGTERM else -signal.SIGINT)

    status, why, note, triggers, agent_status = told()
    reason = "system" if number == signal.SIGTERM else "user"
    assert (status, why, note, agent_status) == ("paused", reason, number.name, "interrupted")
    assert [one for one in triggers if one != "signal"] == [f"pause: {reason}"]  # asyncio handles Ctrl-C: a checkpoint as well
    assert list((home / "emergency").iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda n: n.name)
def test_a_lock_that_hangs_does_not_keep_an_asynchronous_program_and_nothing_is_lost(home, number):
    with segue.open() as store:
        session = store.session("last").id
    (lock,) = (home / "store" / "sessions" / session).glob("lock")
    with agent(ASYNC.replace("HERE", "await asyncio.sleep(300)"), hangs=True, stderr=subprocess.DEVNULL) as process:
        fd = os.open(lock, os.O_RDWR)
        fcntl.flock(fd, fcntl.LOCK_EX)
        process.send_signal(number)
        code = process.wait(PATIENCE)
        os.close(fd)

    assert code == (143 if number == signal.SIGTERM else -signal.SIGINT)
    reason = "system" if number == signal.SIGTERM else "user"
    status, why, note, triggers, agent_status = told()
    assert (status, why, note, agent_status) == ("paused", reason, number.name, "interrupted")
    assert f"pause: {reason}" in triggers


def test_a_signal_that_comes_twice_ends_the_process_once(home):
    with agent(SLEEP) as process:
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 143

    assert told() == ("paused", "system", "SIGTERM", ["pause: system"], "interrupted")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda n: n.name)
def test_a_signal_that_comes_as_a_run_ends_by_itself_is_not_lost(home, number):
    program = """
from segue.engine import checkpoints
create = checkpoints.create
def slow(*args, **more):
    say("ready")
    time.sleep(0.5)  # the signal comes here, in the thread that saves
    return create(*args, **more)
checkpoints.create = slow
with session.running() as run:
    pass
while True:
    time.sleep(1)
"""
    with agent(program, stderr=subprocess.DEVNULL) as process:
        process.send_signal(number)
        assert process.wait(PATIENCE) == -number


def test_an_exception_that_python_swallows_is_raised_again(home):
    program = """
class Sticky:
    def __del__(self):
        say("ready")
        time.sleep(300)
with session.running() as run:
    sticky = Sticky()
    del sticky
    time.sleep(300)
"""
    with agent(program, stderr=subprocess.PIPE) as process:
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE) == -signal.SIGINT
        assert "Exception ignored" not in process.stderr.read()
        process.stderr.close()

    assert told()[:3] == ("paused", "user", "SIGINT")


def test_a_signal_during_a_checkpoint_leaves_a_sound_store(home):
    program = """
with session.running() as run:
    session.checkpoint("first")
    say("ready")
    while True:
        session.checkpoint("again")
"""
    with agent(program) as process:
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 143

    status, reason, _, triggers, _ = told()
    assert (status, reason, triggers[-1]) == ("paused", "system", "pause: system")
    with segue.open() as store:
        assert [f for f in store.verify() if f.severity in {"damage", "gap"}] == []


def test_a_handler_of_the_users_is_called_put_back_and_decides(home):
    program = """
heard = []
signal.signal(signal.SIGHUP, lambda number, frame: heard.append(number))
before = signal.getsignal(signal.SIGHUP), signal.getsignal(signal.SIGTERM)
with session.running() as run:
    say("ready")
    while not heard or not session.state().checkpoints:
        time.sleep(0.01)
assert (signal.getsignal(signal.SIGHUP), signal.getsignal(signal.SIGTERM)) == before
assert signal.set_wakeup_fd(-1) == -1
say(str(heard))
"""
    with agent(program) as process:
        process.send_signal(signal.SIGHUP)
        assert process.stdout.readline() == "[1]\n"
        assert process.wait(PATIENCE) == 0

    assert told() == ("active", "", "", ["signal", "run ended"], "idle")


def test_an_ignored_signal_stays_ignored(home):
    program = """
signal.signal(signal.SIGHUP, signal.SIG_IGN)
with session.running() as run:
    say("ready")
    sys.stdin.readline()
"""
    with agent(program, stdin=subprocess.PIPE) as process:
        process.send_signal(signal.SIGHUP)
        process.communicate("\n", timeout=PATIENCE)
        assert process.returncode == 0

    assert told()[0] == "active"


@pytest.mark.parametrize("inside", [True, False], ids=["within the loop", "around the loop"])
def test_an_asyncio_program_is_cancelled_by_ctrl_c_as_ever(home, inside):
    program = """
import asyncio
async def work():
    async with session.running() as run:
        say("ready")
        await asyncio.sleep(300)
async def bare():
    say("ready")
    await asyncio.sleep(300)
"""
    program += "asyncio.run(work())" if inside else "with session.running() as run:\n    asyncio.run(bare())"
    with agent(program, stderr=subprocess.DEVNULL) as process:
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE) == -signal.SIGINT

    assert told() == ("paused", "user", "SIGINT", ["pause: user"], "interrupted") or told()[:2] == ("paused", "user")


def test_a_loop_that_handles_a_signal_itself_still_gets_it(home):
    program = """
import asyncio
async def work():
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    with session.running() as run:
        say("ready")
        await stop.wait()
    say("stopped")
asyncio.run(work())
"""
    with agent(program) as process:
        process.send_signal(signal.SIGTERM)
        assert process.stdout.readline() == "stopped\n"
        assert process.wait(PATIENCE) == 0

    assert told()[0] == "active"


def test_a_forked_child_neither_ends_the_run_nor_hears_its_signals(home):
    program = """
with session.running() as run:
    child = os.fork()
    if child == 0:
        say("ready")
        time.sleep(300)
    _, status = os.waitpid(child, 0)
    os.write(1, b"%d\\n" % os.waitstatus_to_exitcode(status))
    raise SystemExit(0)
"""
    with agent(program) as process:
        (child,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        os.kill(int(child), signal.SIGTERM)
        assert process.stdout.readline() == "-15\n"
        assert process.wait(PATIENCE) == 0

    assert told() == ("active", "", "", ["run ended"], "idle")


def test_the_end_of_the_interpreter_pauses_a_run_that_goes_on_in_a_thread(home):
    program = """
begun = threading.Event()
def work():
    with session.running() as run:
        say("ready")
        begun.set()
        time.sleep(300)
threading.Thread(target=work, daemon=True).start()
begun.wait()
"""
    with agent(program) as process:
        assert process.wait(PATIENCE) == 0

    assert told()[:3] == ("paused", "other", "the interpreter ended")


def test_a_process_that_was_killed_is_noticed(home):
    with agent(SLEEP) as process:
        process.kill()
        process.wait(PATIENCE)
    assert told()[0] == "active"
    shown = subprocess.run(
        [sys.executable, "-m", "segue", "status", "last", "--json"], capture_output=True, text=True, check=True
    )

    assert json.loads(shown.stdout)["reason"] == "unknown"
    assert told() == ("paused", "unknown", f"process {process.pid} is gone without a word", ["pause: unknown"], "interrupted")
    assert list((home / "emergency").iterdir()) == []


FULL = """
with session.running() as run:
    session.append("message", {"role": "user", "parts": [{"type": "text", "content": "before"}]})
    say("ready")
    sys.stdin.readline()
    try:
        for n in range(10_000):
            session.append("note.kept", {"n": n, "text": "x" * 1000})
    except segue.SegueError as e:
        say(json.dumps([n, e.code, e.fields["kept"]]))
        raise SystemExit(7)
"""


def filled(**more):
    """Run an agent until nothing fits any more; return what it said."""
    with agent("import json, resource\n" + FULL, stdin=subprocess.PIPE, **more) as process:
        out, _ = process.communicate("\n", timeout=PATIENCE)
        assert process.returncode == 7
        return json.loads(out)


def kept_events():
    with segue.open() as store:
        return [e.body["n"] for e in store.session("last").events() if e.kind == "note.kept"]


def test_a_limit_on_file_sizes_loses_nothing(home):
    limit = 60_000
    last, code, kept = filled(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))

    assert (code, Path(kept).exists()) == ("storage-full", True)
    assert kept_events() == list(range(last + 1))
    assert told()[:2] == ("paused", "error")
    assert not Path(kept).exists()


def test_a_full_disk_loses_nothing(tmp_path, monkeypatch):
    if os.geteuid() != 0:
        return  # only root may mount: the limit on file sizes has to do
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "small", str(disk)], check=True)
    try:
        monkeypatch.setenv("SEGUE_HOME", str(disk / "home"))
        monkeypatch.setenv("SEGUE_UPKEEP", "off")
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "none"))
        monkeypatch.setenv("TMPDIR", str(disk))
        with segue.open() as store:
            store.create(task="sell pears")
        last, code, kept = filled()
        assert (code, Path(kept).parent) == ("storage-full", disk / "home" / "emergency")
        with suppress(OSError), (disk / "filler").open("wb", buffering=0) as filler:  # the reserve gave its room back
            while filler.write(bytes(1000)) == 1000:
                pass
        assert told()[0] == "active"
        assert Path(kept).exists()
        subprocess.run(["mount", "-o", "remount,size=32m", str(disk)], check=True)
        assert kept_events() == list(range(last + 1))
        assert told()[:2] == ("paused", "error")
        assert list((disk / "home" / "emergency").iterdir()) == []
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def test_a_run_is_saved_by_a_worker_that_leaves_with_it(home, monkeypatch):
    monkeypatch.delenv("SEGUE_UPKEEP")
    program = """
with session.running() as run:
    say("ready")
    while True:
        session.append("note.kept", {})
        time.sleep(0.05)
"""

    def saved():
        return "session start" in told()[3]

    with agent(program) as process:
        assert until(saved)
        process.kill()
        process.wait(PATIENCE)
        assert until(lambda: told()[:2] == ("paused", "unknown"))
    assert until(lambda: is_free(home / "spool" / "worker~"))


def until(holds):
    """Return whether it holds before long."""
    end = time.monotonic() + PATIENCE
    while not holds() and time.monotonic() < end:
        time.sleep(0.1)
    return holds()


def is_free(path):
    with path.open("r+") as file:
        try:
            os.lockf(file.fileno(), os.F_TLOCK, 0)
        except OSError:
            return False
        return True
