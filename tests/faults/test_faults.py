"""The short form of the fault tests. `make faults` runs the long one.

Each run is a process of its own, since it forks, mounts and kills.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.harness import acknowledged
from tests.faults.plan import CONTROLS, SHORT
from tests.faults.powerloss import missing

LIMIT = 900
"""Seconds for one run, a guard against hanging on a busy machine: the longest takes little over a minute on an idle one."""
PROJECT = Path(__file__).resolve().parents[2]
STORES = [part for part in SHORT if not part.control]


def run(method, subject, cases):
    command = [sys.executable, "-m", "tests.faults.run", "--only", method, "--subject", subject, "--cases", str(cases)]
    paths = os.pathsep.join([str(PROJECT), str(PROJECT / "src")])
    return subprocess.run(
        [*command, "--jobs", "1"],
        cwd=PROJECT,
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        timeout=LIMIT - 20,
        check=False,
    )


def needed(method):
    """Return what power losses lack here: a machine without root or without mkfs.xfs tries the rest."""
    return missing(method.removeprefix("power-")) if method.startswith("power-") else ""


@pytest.mark.timeout(LIMIT)
@pytest.mark.parametrize("part", STORES, ids=lambda part: f"{part.method}-{part.subject}")
def test_no_acknowledged_event_is_lost(part):
    done = run(part.method, part.subject, part.cases)

    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert ("NOT RUN" in done.stdout) == bool(needed(part.method)), done.stdout


@pytest.mark.timeout(LIMIT)
@pytest.mark.parametrize(("method", "control"), [pytest.param(*names, id="-".join(names)) for names in sorted(CONTROLS)])
def test_a_control_is_caught(method, control):
    done = run(method, control, CONTROLS[method, control])

    said = "NOT RUN" if needed(method) else " caught"
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert said in done.stdout


def test_an_acknowledgement_torn_by_a_kill_does_not_spoil_the_next():
    one, two = "2ac7cc04-bbdb-4c0e-9a35-3f1f0a4c2e11", "cc04bbdb-1111-5c0e-9a35-3f1f0a4c2e12"
    for torn in (f"{one} w0 1", f"{one} w", one, "2ac7", ""):
        data = f"{one}\n{torn}{two}\n{two} w1 3\n{torn}{two} w1 5\n{one} w0 9"
        assert acknowledged(data.encode()) == (frozenset({one, two}), {(two, "w1"): 5})
