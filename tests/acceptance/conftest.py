"""The installed command in processes of its own: what a user has."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from segue import open as open_store


def obey_permissions() -> None:
    """In a process that is to be started: root too is refused what the permissions of a file refuse."""
    import ctypes

    if os.geteuid() == 0:
        libc = ctypes.CDLL(None, use_errno=True)
        for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
            if libc.prctl(24, capability, 0, 0, 0):  # PR_CAPBSET_DROP
                raise OSError(ctypes.get_errno(), "prctl")


class Segue:
    """Runs `segue` in a home of its own."""

    def __init__(self, place: Path) -> None:
        self.home = place / "home"
        self.workspace = place / "shop"
        self.home.mkdir()
        self.workspace.mkdir()
        kept = {
            k: v
            for k, v in os.environ.items()
            if k in {"PATH", "LANG", "LC_ALL", "TMPDIR", "PYTHONPATH", "COVERAGE_PROCESS_START"}
        }
        self.env = {**kept, "HOME": str(self.home), "SEGUE_HOME": str(self.home / "segue"), "COLUMNS": "100"}

    def start(self, *arguments: str, **options: Any) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "segue", *arguments],
            env=self.env,
            cwd=self.workspace,
            **{"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options},
        )

    def __call__(self, *arguments: str, stdin: bytes = b"", **options: Any) -> subprocess.CompletedProcess[bytes]:
        process = self.start(*arguments, stdin=subprocess.PIPE, **options)
        out, err = process.communicate(stdin, timeout=120)
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)

    @staticmethod
    def finish(process: subprocess.Popen[bytes]) -> tuple[int, bytes, bytes]:
        """End its input and return its exit code and what it still said."""
        if process.stdin is not None:
            process.stdin.close()
            process.stdin = None
        out, err = process.communicate(timeout=120)
        return process.returncode, out, err

    def json(self, *arguments: str, stdin: bytes = b"") -> Any:
        done = self(*arguments, "--json", stdin=stdin)
        assert (done.returncode, done.stderr) == (0, b""), done
        return json.loads(done.stdout)

    def events(self, session: str) -> list[dict[str, Any]]:
        done = self("log", session, "--json")
        assert done.returncode == 0, done
        return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture
def segue(tmp_path: Path) -> Segue:
    return Segue(tmp_path)


@pytest.fixture
def lines() -> Callable[..., bytes]:
    def make(count: int, who: str = "ann") -> bytes:
        events = ({"kind": "x.y", "body": {"n": n, "who": who}, "actor": who, "key": f"{who}-{n}"} for n in range(count))
        return b"".join(json.dumps(e).encode() + b"\n" for e in events)

    return make


@pytest.fixture
def lived_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with a session in it, for this process and those that it starts."""
    monkeypatch.setenv("SEGUE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SEGUE_UPKEEP", "off")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    (tmp_path / "run").mkdir(mode=0o700)
    with open_store() as store:
        store.create(task="sell pears")
    return tmp_path / "home"
