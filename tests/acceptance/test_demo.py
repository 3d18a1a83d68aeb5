"""`make demo` proves what it prints, and fails where something does not hold."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_demo_proves_everything_that_it_prints():
    done = subprocess.run([sys.executable, "scripts/demo.py"], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "DOES NOT HOLD" not in done.stdout
    assert done.stdout.count("✓") >= 8
    assert "events were acknowledged before the kill" in done.stdout


def test_a_demo_in_which_something_does_not_hold_fails():
    code = "import sys; sys.path.insert(0, 'scripts'); import demo; demo.BUDGET = 80; sys.exit(demo.main())"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1
    assert "✗ DOES NOT HOLD: all" in done.stdout
