"""`segue` itself, as a user of the agents runs it: a program of its own, in the agents' home."""

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.agents.programs import Program

TIMEOUT = 120


@dataclass(frozen=True)
class Segue:
    """`segue` in the environment of an agent's runs."""

    program: Program

    def environment(self) -> dict[str, str]:
        """Return the agent's environment, with the agents' programs on the path and a store beside the home."""
        found = self.program.environment()
        programs = self.program.place.prefix / "node_modules" / ".bin"
        return found | {"SEGUE_HOME": str(self.program.place.home / "segue"), "PATH": f"{programs}:{found['PATH']}"}

    def run(self, *arguments: str, cwd: Path | None = None) -> str:
        """Return what a command prints; a failure is an AssertionError that shows it."""
        done = subprocess.run(
            [sys.executable, "-m", "segue", *arguments],
            cwd=cwd or self.program.place.project,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
        assert done.returncode == 0, f"segue {' '.join(arguments)} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def take_in(self, *paths: Path) -> Mapping[str, Any]:
        """Import transcripts, and return the session that came of them; any loss is a failure."""
        report = json.loads(self.run("import", *map(str, paths), "--json"))
        losses = [loss for session in report["sessions"] for loss in session["losses"]]
        assert losses == []
        (session,) = report["sessions"]
        found: dict[str, Any] = session
        return found

    def goes_on(self, session: str, agent: str, *options: str) -> Mapping[str, Any]:
        """Return how *session* goes on in *agent*: what `segue resume --in` says."""
        found: dict[str, Any] = json.loads(self.run("resume", session, "--in", agent, *options, "--print", "--json"))
        return found
