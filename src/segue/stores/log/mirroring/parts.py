"""A file that grows is mirrored in parts, each named by its first byte and the byte behind its last.

Parts are joined as logarithmic merges do: each is larger than all behind it together. So there are few of them, and a byte is
written again only as often as the logarithm of the file's length.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

MOST: Final = 16
"""With more parts than this the small ones are joined."""


class Range(NamedTuple):
    """Bytes of a file."""

    start: int
    end: int

    @property
    def name(self) -> str:
        """What a part is called; names sort as the parts stand."""
        return f"{self.start:010d}-{self.end:010d}"


def range_of(name: str) -> Range:
    """Return what a part's name says. Raises ValueError."""
    start, _, end = name.partition("-")
    return Range(int(start), int(end))


def join_from(parts: Sequence[Range]) -> int:
    """Return from which part on all are to be joined into one; their number where none is."""
    if len(parts) <= MOST:
        return len(parts)
    for i in range(len(parts) - 1):
        if parts[i].end - parts[i].start <= parts[-1].end - parts[i + 1].start:
            return i
    return len(parts)
