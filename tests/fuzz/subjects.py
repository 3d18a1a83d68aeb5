"""What fuzzing begins from: the sample transcripts of every agent that there is a reader for."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from segue.ports import TranscriptReader
from segue.transcripts import readers

FIXTURES = Path(__file__).parents[1] / "fixtures"
SAMPLES = FIXTURES / "transcripts"
_LONG = 80


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


def excerpts(agent: str, records: int = 4) -> list[bytes]:
    """Return the same in pieces of a few *records*, long texts cut: ten times as many are read in the same time."""
    return [piece for seed in seeds(agent) for piece in (_lines if seed.is_lines else _document)(seed.data, records)]


def cut(value: Any) -> Any:
    """Return JSON with its long texts cut."""
    if isinstance(value, dict):
        return {k: cut(v) for k, v in value.items()}
    if isinstance(value, list):
        return [cut(inner) for inner in value]
    return value[:_LONG] if isinstance(value, str) else value


def _lines(data: bytes, records: int) -> list[bytes]:
    lines = [_dump(json.loads(line)) + b"\n" for line in data.splitlines()]
    return [b"".join(lines[at : at + records]) for at in range(0, len(lines), records)]


def _document(data: bytes, records: int) -> list[bytes]:
    """Return documents with a few items each of the document's longest list; what is no JSON as it is."""
    try:
        value = json.loads(data)
    except ValueError:
        return [data]
    name = max(value, key=lambda name: len(value[name]) if isinstance(value[name], list) else -1)
    items = value[name]
    return [_dump(value | {name: items[at : at + records]}) for at in range(0, len(items), records)]


def _dump(value: Any) -> bytes:
    return json.dumps(cut(value), ensure_ascii=False, separators=(",", ":")).encode()


def _samples() -> Iterator[Path]:
    for path in sorted(SAMPLES.rglob("*")):
        if path.is_file() and "payload" not in path.name:
            yield path


def _whose(path: Path) -> str | None:
    head = path.read_bytes()[: 256 * 1024]
    return next((reader.agent for reader in readers() if reader.sniff(str(path), head)), None)
