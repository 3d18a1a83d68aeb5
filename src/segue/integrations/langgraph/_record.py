"""What was said in a thread, by event. What a snapshot holds stays as it stands there until somebody asks for it."""

from collections.abc import Iterator, MutableMapping, Sequence
from typing import NamedTuple

from segue.integrations.langgraph._said import Said
from segue.integrations.langgraph._values import MSGPACK, Typed


class Kept(NamedTuple):
    """Messages as a snapshot has them, one behind the other: number n is `data[starts[n] : starts[n + 1]]`."""

    where: dict[int, int]
    """Their numbers, by event; only of those whose element is there, as msgpack."""
    streams: Sequence[str]
    nodes: Sequence[str]
    starts: Sequence[int]
    data: bytes


NOTHING = Kept({}, (), (), (0,), b"")


class Record(MutableMapping[int, Said | None]):
    """The messages of a thread, by event; None for one that was erased."""

    def __init__(self, kept: Kept = NOTHING) -> None:
        """Begin with what a snapshot has; events that come again take its place."""
        self._kept = kept
        self._new: dict[int, Said | None] = {}

    def __getitem__(self, seq: int) -> Said | None:
        """Return a message."""
        number = self._kept.where.get(seq)
        if number is None:
            return self._new[seq]
        return Said(self.element(seq), self._kept.streams[number], self._kept.nodes[number])

    def __setitem__(self, seq: int, said: Said | None) -> None:
        """Have a message, or that it was erased."""
        self._kept.where.pop(seq, None)
        self._new[seq] = said

    def __delitem__(self, seq: int) -> None:
        """Have it no more."""
        if self._kept.where.pop(seq, None) is None:
            del self._new[seq]

    def __iter__(self) -> Iterator[int]:
        """Yield their events."""
        yield from self._kept.where
        yield from self._new

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._kept.where) + len(self._new)

    def is_kept(self, seq: int) -> bool:
        """Return whether a message stands in the snapshot with its element."""
        return seq in self._kept.where

    def element(self, seq: int) -> Typed:
        """Return the element of one that stands in the snapshot."""
        _, _, _, starts, data = self._kept
        number = self._kept.where[seq]
        return MSGPACK, data[starts[number] : starts[number + 1]]

    def joined(self, seqs: Sequence[int | None]) -> list[bytes | memoryview] | None:
        """Return the msgpack of these, in as few pieces as it stands in; None where one of them has none."""
        count, run = self._run(seqs)
        pieces: list[bytes | memoryview] = [run]
        for seq in seqs[count:]:
            said = None if seq is None else self.get(seq)
            if said is None or said.element is None or said.element[0] != MSGPACK:
                return None
            pieces.append(said.element[1])
        return pieces

    def _run(self, seqs: Sequence[int | None]) -> tuple[int, memoryview]:
        """Return how many of *seqs*, from the first on, stand one behind the other in the snapshot, and their msgpack."""
        where, starts = self._kept.where, self._kept.starts
        numbers = [*map(where.get, seqs)] if None not in seqs[:1] else []  # type: ignore[arg-type]
        first = numbers[0] if numbers else None
        if first is None:
            return 0, memoryview(b"")
        count = len(numbers)
        if numbers != [*range(first, first + count)]:
            count = next(n for n, number in enumerate(numbers) if number != first + n)
        return count, memoryview(self._kept.data)[starts[first] : starts[first + count]]
