"""What is fuzzed: every reader that there is, begun from the sample transcripts of its agent."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from segue.ports import TranscriptReader
from segue.transcripts import readers

FIXTURES = Path(__file__).parents[1] / "fixtures"
SAMPLES = FIXTURES / "transcripts"
FOUND = FIXTURES / "fuzz"
"""Inputs that once broke a promise, by agent: they are tried in every `make test`."""


class Seed(NamedTuple):
    """A sound transcript: what it may be called, and its bytes."""

    name: str
    data: bytes

    @property
    def is_lines(self) -> bool:
        """Whether it is JSON Lines."""
        return self.name.endswith(".jsonl")


def agents() -> list[str]:
    """Return the agents that there is a reader for."""
    return [reader.agent for reader in readers()]


def reader_of(agent: str) -> TranscriptReader:
    """Return a new reader of *agent*."""
    return next(reader for reader in readers() if reader.agent == agent)


def seeds(agent: str) -> list[Seed]:
    """Return the samples that are *agent*'s, as the importer would tell them apart."""
    return [Seed(path.name, path.read_bytes()) for path in _samples() if _whose(path) == agent]


def found(agent: str) -> list[Path]:
    """Return the inputs that once broke a promise."""
    return sorted(path for path in (FOUND / agent).glob("*") if path.is_file())


def _samples() -> Iterator[Path]:
    for path in sorted(SAMPLES.rglob("*")):
        if path.is_file() and "payload" not in path.name:
            yield path


def _whose(path: Path) -> str | None:
    head = path.read_bytes()[: 256 * 1024]
    return next((reader.agent for reader in readers() if reader.sniff(str(path), head)), None)
