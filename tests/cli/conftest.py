"""The command line in process: fixed clock, ids, home and width, on a store in files; everything it says is compared whole."""

import io
import json
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from segue.cli.frame import Frame
from segue.cli.main import run
from segue.testing.fakes import FakeClock, FakeIds
from tests.cli.configured import FOUND


class Said(NamedTuple):
    """How a command ended, and all that it said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        assert self.err == "", self.err
        return json.loads(self.out)

    @property
    def error(self) -> Any:
        assert self.out == "", self.out
        return json.loads(self.err)["error"]


class Terminal(io.StringIO):
    """A stream that a person sits at."""

    def isatty(self) -> bool:
        return True


class Typed(io.BytesIO):
    """What a person types."""

    def isatty(self) -> bool:
        return True


class Cli:
    """Runs commands one after another, a second apart, as one user in one workspace."""

    def __init__(self, place: Path) -> None:
        self.home = place / "home"
        self.workspace = place / "shop"
        self.workspace.mkdir()
        self.env = {
            "SEGUE_HOME": str(self.home / "segue"),
            "HOME": str(self.home),
            "COLUMNS": "100",
            "SEGUE_UPKEEP": "off",
            "PATH": "/usr/bin:/bin",
        }
        self.clock = FakeClock()
        self.ids = FakeIds()

    def __call__(self, *arguments: str, stdin: str | bytes = b"", typed: str | None = None) -> Said:
        data = stdin.encode() if isinstance(stdin, str) else stdin
        out: io.StringIO = io.StringIO() if typed is None else Terminal()
        err = io.StringIO()
        frame = Frame(
            env=self.env,
            cwd=str(self.workspace),
            stdin=io.BytesIO(data) if typed is None else Typed(typed.encode()),
            stdout=out,
            stderr=err,
            clock=self.clock,
            ids=self.ids,
        )
        code = run(arguments, frame)
        self.clock.advance(1)
        return Said(code, self._plain(out.getvalue()), self._plain(err.getvalue()))

    def says(self, *arguments: str, stdin: str | bytes = b"") -> str:
        """Run a command and return the call, all it printed, what it said on standard error behind `!`, and its exit code."""
        said = self(*arguments, stdin=stdin)
        call = " ".join(["$ segue", *(a if re.fullmatch(r"[\w./:@-]+", a) else repr(a) for a in arguments)])
        errors = "".join(f"! {line}\n" for line in said.err.splitlines())
        return f"{call}\n{said.out}{errors}" + (f"[exit code {said.code}]\n" if said.code else "")

    def _plain(self, text: str) -> str:
        """Paths of this run, and what depends on them, are given the same name in every run."""
        text = text.replace(str(self.workspace), "/shop").replace(str(self.home), "/home/dev")
        text = re.sub(r'digest: "?[0-9a-f]{64}"?', "digest: DIGEST", text)  # the paths are in it; YAML quotes some
        return re.sub(r"\b[0-9a-f]{64}\b", "DIGEST", text)


@pytest.fixture
def cli() -> Iterator[Cli]:
    # Not tmp_path: texts are cut at the width before paths get their fixed names, and pytest's paths differ in length.
    with tempfile.TemporaryDirectory(prefix="cli-") as place:
        yield Cli(Path(place).resolve())


@pytest.fixture
def shop(cli: Cli) -> Cli:
    """A workspace with a session in it, at work."""
    cli("start", "--task", "sell pears")
    lines = [
        {
            "kind": "message",
            "body": {"role": "user", "parts": [{"type": "text", "content": "sell pears, never plums"}]},
            "actor": "ann",
        },
        {"kind": "constraint.set", "body": {"text": "never plums"}},
        {
            "kind": "message",
            "body": {
                "role": "assistant",
                "parts": [
                    {"type": "text", "content": "I look at the stock."},
                    {"type": "tool_call", "id": "c1", "name": "Read", "arguments": {"file_path": "/shop/stock.txt"}},
                ],
                "usage": {"input_tokens": 1200, "output_tokens": 40},
                "model": "claude-opus-4-6",
            },
        },
        {
            "kind": "message",
            "body": {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "response": "pears 7\nplums 3"}]},
        },
        {"kind": "decision.made", "body": {"title": "sell by weight", "reason": "pears differ in size"}},
        {"kind": "plan.set", "body": {"steps": [{"text": "weigh", "status": "completed"}, {"text": "print a price list"}]}},
    ]
    said = cli("append", "current", "--stdin", stdin="\n".join(json.dumps(line) for line in lines))
    assert said == (0, "".join(f'{{"seq":{n}}}\n' for n in range(3, 9)), "")
    return cli


@pytest.fixture
def five(cli: Cli) -> Cli:
    """A home in which the five agents with hooks are configured."""
    for name, text in FOUND.items():
        path = cli.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
    return cli
