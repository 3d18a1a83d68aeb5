"""Readers of files, as targets."""

from functools import cached_property
from pathlib import Path
from random import Random

from tests.fuzz.mutate import spoil, spoil_document
from tests.fuzz.promises import check
from tests.fuzz.subjects import excerpts, reader_of, seeds

_PLACES = 97


class Reading:
    """The reader of one agent's files."""

    def __init__(self, agent: str) -> None:
        self.name = agent
        self._reader = reader_of(agent)
        self._file = seeds(agent)[0].name
        self.suffix = Path(self._file).suffix
        self._lines = self.suffix == ".jsonl"

    @cached_property
    def _excerpts(self) -> list[bytes]:
        return excerpts(self.name)

    def seeds(self) -> list[bytes]:
        """See `Target.seeds`."""
        return self._excerpts

    def spoil(self, data: bytes, random: Random, limit: int) -> bytes:
        """See `Target.spoil`."""
        return spoil(data, random, self._excerpts, limit) if self._lines else spoil_document(data, random, limit)

    def check(self, data: bytes, directory: Path) -> None:
        """See `Target.check`. Where it is read in two steps, the content tells."""
        cut = len(data) * (sum(data) % _PLACES) // _PLACES
        check(self._reader, directory / self._file, data, cut, lines=self._lines)
