"""What is installed works without the repository: the command, its completion, and the hook that agents call."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A directory with the package as a wheel installs it: built from the sources, nothing of them in reach."""
    where = tmp_path_factory.mktemp("installed")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    build = [*pip, "wheel", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", str(where), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True, env={**os.environ, "TMPDIR": str(where)})
    (wheel,) = where.glob("segue-*.whl")
    subprocess.run([*pip, "install", "--no-deps", "--no-index", "--target", str(where / "site"), str(wheel)], check=True)
    return where


@pytest.fixture
def segue(place, tmp_path):
    def call(*arguments, stdin=b"", **env):
        env = {"PYTHONPATH": str(place / "site"), "HOME": str(tmp_path), "SEGUE_HOME": str(tmp_path / "segue"), **env}
        command = [str(place / "site" / "bin" / "segue"), *arguments]
        env |= {"PATH": "/usr/bin:/bin", "SEGUE_UPKEEP": "off"}
        return subprocess.run(command, input=stdin, capture_output=True, env=env, cwd=tmp_path, check=False)

    return call


def test_the_installed_package_is_the_one_that_runs(place, segue):
    code = f"import segue; assert segue.__file__.startswith({str(place)!r}); print(segue.__version__)"
    env = {**os.environ, "PYTHONPATH": str(place / "site")}
    version = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, env=env, cwd=place).stdout
    done = segue("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"segue " + version, b"")


def test_the_installed_command_works(segue):
    assert segue("start", "--task", "sell pears").returncode == 0
    assert b"sell pears" in segue("list").stdout
    assert b"sell pears" in segue("restore", "last").stdout
    assert segue("doctor").returncode == 0
    assert segue("init", "--help").returncode == 0


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_installed_command_is_completed(segue, shell):
    assert b"_SEGUE_COMPLETE" in segue("completion", shell).stdout
    asked = {
        "COMP_WORDS": "segue resto",
        "COMP_CWORD": "1" if shell != "fish" else "resto",
        "_SEGUE_COMPLETE": f"{shell}_complete",
    }
    assert b"restore" in segue(**asked).stdout


def test_the_installed_hook_is_written_and_works(segue, tmp_path):
    (tmp_path / ".claude").mkdir()
    assert segue("init", "claude-code", "--yes", "--no-import").returncode == 0
    (hook,) = (tmp_path / "segue" / "hook").glob("*.py")
    run = [sys.executable, "-S", "-E", str(hook), "SessionStart"]
    subprocess.run(run, input=b'{"session_id": "s", "hook_event_name": "SessionStart"}', check=True, cwd=tmp_path, env={})
    kept = [p.read_bytes() for p in (tmp_path / "segue" / "spool").rglob("*") if p.is_file()]
    assert any(b'"session_id": "s"' in data for data in kept)
