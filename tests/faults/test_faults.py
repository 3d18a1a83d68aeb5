"""The short form of the fault tests. `make faults` runs the long one.

Each run is a process of its own, since it forks, mounts and kills.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

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
