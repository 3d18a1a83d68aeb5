"""Python agents that are stopped from outside, and what the tests of them share."""

import subprocess
import sys
from contextlib import contextmanager

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
from segue.engine.runs import ending
from segue.host import signals
signals.GRACE, signals._STUCK, ending._HURRY = 30.0, 20.0, 25.0  # a busy machine may be slow where nothing hangs
"""
HANGS = """
from segue.engine.runs import ending
from segue.host import signals
signals.GRACE, ending._KEEP = 30.0, 20.0  # one lock hangs; all else may be slow, and comes to its end
"""
SLEEP = """
with session.running() as run:
    say("ready")
    time.sleep(300)
"""


@contextmanager
def agent(program, *, hangs=False, **more):
    program = AGENT + (HANGS if hangs else PATIENT) + program
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
