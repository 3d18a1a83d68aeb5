"""Runs the commands that a document shows, and prints what they answer: a real transcript, the same each time.

Everything happens in this process, in a home of its own (shown as /home/dev), with a clock that moves one second for each
command.
"""

import io
import json
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from queue import Queue
from typing import Any

HOME = "/home/dev"
WORKSPACE = f"{HOME}/project"
FIXTURES = Path(__file__).parents[1] / "tests" / "fixtures" / "transcripts"
DAY = "2026-11-21T02:00:00+00:00"


class _Input(io.BytesIO):
    """What a command reads; there is no terminal."""

    def isatty(self) -> bool:
        return False


class Console:
    """A home with a project in it, and the commands that are run there."""

    def __init__(self, *, here: bool = False) -> None:
        """Make the home, which goes away with this object; *here*: commands run in the project that is in it."""
        from segue.testing.fakes import FakeClock, FakeIds

        # Without the tokenizer that Python 3.12 has and 3.11 has not: a page says the same on each.
        sys.modules["ctok"] = None  # type: ignore[assignment]
        self._place = tempfile.TemporaryDirectory(prefix="segue-docs-")
        self.home = Path(self._place.name).resolve()
        (self.home / "project").mkdir()
        # The workspace is the recorded one, in which nothing is and nothing looks, unless it is wanted.
        self.workspace = str(self.home / "project") if here else WORKSPACE
        self.clock, self.ids = FakeClock(at := datetime.fromisoformat(DAY).timestamp()), FakeIds(at=at)

    def put(self, fixture: str, place: str) -> None:
        """Put a recorded transcript where an agent would have written it."""
        target = self.home / place
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(FIXTURES / fixture, target)

    def damage(self, place: str, line: int) -> None:
        """Overwrite the second half of a line with NULs, as a power loss leaves them."""
        target = self.home / place
        lines = target.read_bytes().splitlines(keepends=True)
        half = len(lines[line - 1]) // 2
        lines[line - 1] = lines[line - 1][:half] + b"\0" * (half - 1) + b"\n"
        target.write_bytes(b"".join(lines))

    def show(self, script: str, last: int | None = None) -> None:
        """Run each line of *script*, and print it with its answer, or the *last* lines of it, as a console block."""
        lines = [line.strip() for line in script.splitlines() if line.strip()]
        print("```console\n" + "\n".join(_end(self.run(line), last) for line in lines) + "\n```")

    def ask(self, calls: Mapping[str, Mapping[str, Any]]) -> None:
        """Call tools of the MCP server in the project, as an agent does, and print each with its answer, as a console block."""
        print(
            "```console\n"
            + "".join(f"> {tool} {json.dumps(given)}\n{self._call(tool, given)}" for tool, given in calls.items())
            + "```"
        )

    def _call(self, tool: str, given: Mapping[str, Any]) -> str:
        from segue.app import App
        from segue.mcp.peer import Exchange, Peer
        from segue.mcp.server import Server

        self.clock.advance(1)
        app = App(self._env(), cwd=self.workspace, clock=self.clock, ids=self.ids)
        server, came = Server(app), Queue[Any]()
        peer, exchange = Peer(self.clock.now(), None, ""), Exchange(came.put, lambda *_: None)
        hello = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "an agent", "version": "1"}}
        answer = None
        for number, (method, params) in enumerate([("initialize", hello), ("tools/call", {"name": tool, "arguments": given})]):
            call = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
            server.receive(peer, json.dumps(call).encode(), exchange)
            answer = came.get(timeout=60)
        server.close()
        app.close()
        return str(answer["result"]["content"][0]["text"]).replace(str(self.home), HOME)

    def run(self, line: str) -> str:
        """Return `$ line` and what it prints. In `COMMAND | segue ...` segue reads what COMMAND prints."""
        before, _, call = line.rpartition(" | ")
        given = self._shell(before) if before else b""
        program, *arguments = shlex.split(call)
        answer = self._segue(arguments, given) if program == "segue" else self._shell(line).decode()
        return f"$ {line.replace(str(self.home), '~')}\n{_steady(answer.replace(str(self.home), HOME))}".rstrip()

    def _segue(self, arguments: list[str], given: bytes) -> str:
        from segue.cli.frame import Frame
        from segue.cli.main import run

        self.clock.advance(1)
        out = io.StringIO()
        frame: Any = Frame(
            env=self._env(),
            cwd=self.workspace,
            stdin=_Input(given),
            stdout=out,
            stderr=out,
            clock=self.clock,
            ids=self.ids,
        )
        words = [str(self.home) + word[1:] if word.startswith("~/") else word for word in arguments]
        run(words, frame)
        return out.getvalue()

    def _env(self) -> dict[str, str]:
        return {"HOME": str(self.home), "SEGUE_UPKEEP": "off", "COLUMNS": "100", "USER": "dev"}

    def _shell(self, line: str) -> bytes:
        done = subprocess.run(["bash", "-c", line], cwd=self.home / "project", capture_output=True, check=True)
        return done.stdout + done.stderr


def _end(answer: str, last: int | None) -> str:
    """Return a call and the *last* lines of its answer."""
    call, *lines = answer.splitlines()
    cut = last is not None and len(lines) > last
    return "\n".join([call, "[...]", *lines[-(last or 0) :]] if cut else [call, *lines])


def _steady(answer: str) -> str:
    """Return *answer* without what hangs on the name of this run's home: digests, and ids made from them."""
    answer = re.sub(r"first [0-9a-f]{12}, last [0-9a-f]{12}", "first DIGEST, last DIGEST", answer)
    return re.sub(r"(resume|session) [0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", r"\1 ID", answer)
