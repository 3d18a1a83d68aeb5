"""A mapping of which most stays as it was written: what nobody asks for is never made."""

from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")


class SenselessError(Exception):
    """A line says nothing that can be read: whoever put it there, what it is a copy of has to be looked at instead."""


class Shelf(MutableMapping[K, V]):
    """Values by key, some of them lines that are read when they are asked for."""

    def __init__(self, lines: Mapping[K, bytes] | None = None, read: Callable[[bytes], V] | None = None) -> None:
        """Begin with *lines*, from which *read* makes values."""
        self._lines: dict[K, bytes | None] = {**(lines or {})}
        self._read = read
        self._made: dict[K, V] = {}

    def __getitem__(self, key: K) -> V:
        """Return a value, made now if it was not before. Raises KeyError, SenselessError."""
        if key not in self._made:
            line = self._lines[key]
            if line is None or self._read is None:
                raise KeyError(key)
            try:
                self._made[key] = self._read(line)
            except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as e:
                raise SenselessError from e
        return self._made[key]

    def __setitem__(self, key: K, value: V) -> None:
        """Have a value."""
        self._lines[key] = None
        self._made[key] = value

    def __delitem__(self, key: K) -> None:
        """Have it no more."""
        del self._lines[key]
        self._made.pop(key, None)

    def __contains__(self, key: object) -> bool:
        """Return whether there is such a value."""
        return key in self._lines

    def __iter__(self) -> Iterator[K]:
        """Yield the keys."""
        return iter(self._lines)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._lines)

    def lines(self, write: Callable[[V], bytes]) -> list[bytes]:
        """Return all values as lines: as they were read, or as *write* makes them of those that somebody may have changed."""
        return [line if line is not None and key not in self._made else write(self[key]) for key, line in self._lines.items()]
