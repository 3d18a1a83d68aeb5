"""Python agents that are stopped from outside: their session is saved and paused, and they end as a shell expects it.

Each agent is a real process. Nothing here is timed: that a process ends at all, while its lock or its main thread hangs, is
what the watchdog is for, and it is given more time than elsewhere. `segue` itself ends it within two seconds.
"""

import fcntl
import os
import signal
import subprocess
from pathlib import Path

import pytest

import segue
from tests.acceptance.interruption_kit import PATIENCE, SLEEP, agent, told

STUCK = """
def carry_out(self, carry_out=ending.Ending._carry_out):
    carry_out(self)  # also where that is slow; then the time is over
    for number in list(signals.signals._deadlines):
        signals.signals._deadlines[number] = 0.0
        os.write(signals.signals._pipe[1], bytes([number]))
ending.Ending._carry_out = carry_out

threading.Thread(target=time.sleep, args=(300,), daemon=True).start()  # who gets the signal
with session.running() as run:
    signal.pthread_sigmask(signal.SIG_BLOCK, {1, 2, 3, 15})
    say("ready")
    while True:
        ctypes.CDLL(None).pause()  # the main thread waits in C, and nothing wakes it
"""


ENDINGS = [
    (signal.SIGTERM, 143, "system"),
    (signal.SIGHUP, 129, "system"),
    (signal.SIGQUIT, 131, "system"),
    (signal.SIGINT, -signal.SIGINT, "user"),
]


@pytest.mark.parametrize(("number", "code", "reason"), ENDINGS, ids=[n.name for n, _, _ in ENDINGS])
def test_a_signal_saves_pauses_and_ends(lived_in, number, code, reason):
    with agent(SLEEP) as process:
        process.send_signal(number)
        assert process.wait(PATIENCE) == code  # Python ends by SIGINT itself: a shell sees 130

    assert told() == ("paused", reason, number.name, [f"pause: {reason}"], "interrupted")
    assert list((lived_in / "emergency").iterdir()) == []


@pytest.mark.parametrize(
    ("number", "code", "reason"), [(n, 128 + n, r) for n, _, r in ENDINGS], ids=[n.name for n, _, _ in ENDINGS]
)
def test_a_main_thread_that_never_comes_to_it_does_not_keep_the_process(lived_in, number, code, reason):
    with agent(STUCK, hangs=True) as process:
        process.send_signal(number)
        # One that comes before the main thread is in C ends it as Python does.
        assert process.wait(PATIENCE) in {code, -number if number == signal.SIGINT else code}

    assert told() == ("paused", reason, number.name, [f"pause: {reason}"], "interrupted")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda n: n.name)
def test_a_lock_that_hangs_does_not_keep_the_process_and_nothing_is_lost(lived_in, number):
    with segue.open() as store:
        session = store.session("last").id
    (lock,) = (lived_in / "store" / "sessions" / session).glob("lock")
    with agent(SLEEP, hangs=True) as process:
        fd = os.open(lock, os.O_RDWR)
        fcntl.flock(fd, fcntl.LOCK_EX)
        process.send_signal(number)
        code = process.wait(PATIENCE)
        (kept,) = (lived_in / "emergency").iterdir()
        os.close(fd)

    assert code == (143 if number == signal.SIGTERM else -signal.SIGINT)
    assert kept.stat().st_size < 4_096
    reason = "system" if number == signal.SIGTERM else "user"
    assert told() == ("paused", reason, number.name, [f"pause: {reason}"], "interrupted")
    assert list((lived_in / "emergency").iterdir()) == []


def test_a_signal_that_comes_twice_ends_the_process_once(lived_in):
    with agent(SLEEP) as process:
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) in {143, -signal.SIGTERM}  # the second may come when all is saved

    assert told() == ("paused", "system", "SIGTERM", ["pause: system"], "interrupted")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda n: n.name)
def test_a_signal_that_comes_as_a_run_ends_by_itself_is_not_lost(lived_in, number):
    program = """
from segue.engine.saving import checkpoints
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


def test_an_exception_that_python_swallows_is_raised_again(lived_in):
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


def test_a_signal_during_a_checkpoint_leaves_a_sound_store(lived_in):
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


def test_a_handler_of_the_users_is_called_put_back_and_decides(lived_in):
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


def test_an_ignored_signal_stays_ignored(lived_in):
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


def test_a_forked_child_neither_ends_the_run_nor_hears_its_signals(lived_in):
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


def test_the_end_of_the_interpreter_pauses_a_run_that_goes_on_in_a_thread(lived_in):
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
