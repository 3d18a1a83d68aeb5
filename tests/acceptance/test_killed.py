"""Agents that are killed without a chance to save: somebody notices."""

import json
import os
import subprocess
import sys
import time

from tests.acceptance.interruption_kit import PATIENCE, SLEEP, agent, told


def test_a_process_that_was_killed_is_noticed(lived_in):
    with agent(SLEEP) as process:
        process.kill()
        process.wait(PATIENCE)
    assert told()[0] == "active"
    shown = subprocess.run(
        [sys.executable, "-m", "segue", "status", "last", "--json"], capture_output=True, text=True, check=True
    )

    assert json.loads(shown.stdout)["reason"] == "unknown"
    assert told() == ("paused", "unknown", f"process {process.pid} is gone without a word", ["pause: unknown"], "interrupted")
    assert list((lived_in / "emergency").iterdir()) == []


def test_a_run_is_saved_by_a_worker_that_leaves_with_it(lived_in, monkeypatch):
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
    assert until(lambda: is_free(lived_in / "spool" / "worker~"))


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
