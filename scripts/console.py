"""Runs the commands that a document shows, and prints what they answer: a real transcript, the same each time.

Everything happens in this process, in a home of its own, with a clock that moves one second for each command.
"""

import io
import shlex
import subprocess
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
HOME = "/home/ada"


class _Input(io.BytesIO):
    """What a command reads; there is no terminal."""

    def isatty(self) -> bool:
        return False


class Console:
    """A home with a project in it, and the commands that are run there."""

    def __init__(self, project: str = "shop") -> None:
        """Make the home. It goes away with this object."""
        from segue.testing.fakes import FakeClock, FakeIds

        self._place = tempfile.TemporaryDirectory(prefix="segue-docs-")
        self.home = Path(self._place.name).resolve()
        self.cwd = self.home / project
        self.cwd.mkdir()
        self.clock, self.ids = FakeClock(), FakeIds()

    def show(self, script: str) -> None:
        """Run each line of *script*, and print it with its answer as a console block."""
        lines = [line for line in script.strip().splitlines() if line.strip()]
        print("```console\n" + "\n".join(self.run(line.strip()) for line in lines) + "\n```")

    def run(self, line: str) -> str:
        """Return `$ line` and what it prints; `COMMAND | segue ...` gives what COMMAND prints to segue."""
        before, _, call = line.rpartition(" | ")
        given = self._shell(before) if before else b""
        program, *arguments = shlex.split(call)
        answer = self._segue(arguments, given) if program == "segue" else self._shell(line).decode()
        return f"$ {line}\n{self._own(answer)}".rstrip()

    def _segue(self, arguments: list[str], given: bytes) -> str:
        from segue.cli.frame import Frame
        from segue.cli.main import run

        self.clock.advance(1)
        out = io.StringIO()
        environment = {"HOME": str(self.home), "SEGUE_UPKEEP": "off", "COLUMNS": "100", "USER": "ada"}
        frame: Any = Frame(
            env=environment, cwd=str(self.cwd), stdin=_Input(given), stdout=out, stderr=out, clock=self.clock, ids=self.ids
        )
        run(arguments, frame)
        return out.getvalue()

    def _shell(self, line: str) -> bytes:
        done = subprocess.run(["bash", "-c", line], cwd=self.cwd, capture_output=True, check=True)
        return done.stdout + done.stderr

    def _own(self, text: str) -> str:
        return text.replace(str(self.home), HOME)
