"""One large JSON document, walked piece by piece: exact bytes of each piece, also of one that is torn or damaged.

walk = Walk(data)
for name in walk.members():        # of the object at hand
    if name == "messages":
        for _ in walk.items():     # of the array at hand
            start, end = walk.value()
    # a value that nobody took is passed over
"""

import re
from collections.abc import Iterator
from typing import Final

from segue.transcripts._lines import open_file

MAX_DOCUMENT: Final = 128 * 1024 * 1024
"""Bytes from which on a document is not read: all of it is in memory while its pieces are."""

_SPACE = re.compile(rb"[ \t\r\n]*")
_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_STRUCTURE = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\]]', re.DOTALL)
_SCALAR = re.compile(rb"(?:-?\d[\d.eE+-]*|true|false|null|NaN|-?Infinity)(?=[\s,\]}]|\Z)")
_BOM = b"\xef\xbb\xbf"


class TornError(ValueError):
    """The document goes on otherwise than JSON does, from `at` on."""

    def __init__(self, at: int, reason: str) -> None:
        super().__init__(reason)
        self.at = at


def read_document(path: str) -> bytes:
    """Return a file's bytes, unpacked, up to `MAX_DOCUMENT` and one more. Raises OSError."""
    with open_file(path) as file:
        pieces: list[bytes] = []
        left = MAX_DOCUMENT + 1
        while left > 0 and (piece := file.read(min(left, 1024 * 1024))):
            pieces.append(piece)
            left -= len(piece)
    return b"".join(pieces)


class Walk:
    """A place in a document. Every method raises TornError where the document is none."""

    def __init__(self, data: bytes, at: int = 0) -> None:
        """Begin at the value at *at*; a byte order mark is passed over."""
        self.data = data
        self.at = at + len(_BOM) if not at and data.startswith(_BOM) else at

    def members(self) -> Iterator[str]:
        """Yield the names of the object at hand, the place being at the value of each."""
        self._take(b"{")
        while not self._ends(b"}"):
            name = _STRING.match(self.data, self.at)
            if name is None:
                raise TornError(self.at, f"a name is missing at byte {self.at}")
            self.at = name.end()
            self._take(b":")
            before = self._next()
            yield name[0][1:-1].decode("utf-8", "replace")
            if self.at == before:
                self.value()

    def items(self) -> Iterator[int]:
        """Yield the number of each item of the array at hand, the place being at the item."""
        self._take(b"[")
        number = 0
        while not self._ends(b"]"):
            before = self.at
            yield number
            if self.at == before:
                self.value()
            number += 1

    def value(self) -> tuple[int, int]:
        """Pass over the value at hand, and return where it begins and ends."""
        start = self._next()
        first = self.data[start : start + 1]
        if first in {b"{", b"["}:
            self.at = self._closed(start)
        else:
            found = (_STRING if first == b'"' else _SCALAR).match(self.data, start)
            if found is None:
                raise TornError(start, f"a value is missing or cut short at byte {start}")
            self.at = found.end()
        return start, self.at

    def skip(self, token: bytes) -> None:
        """Pass over *token*, where it is at hand."""
        if self.data[self._next() : self.at + 1] == token:
            self.at += 1

    def is_object(self) -> bool:
        """Return whether an object is at hand."""
        return self.data[self._next() : self.at + 1] == b"{"

    def is_array(self) -> bool:
        """Return whether an array is at hand."""
        return self.data[self._next() : self.at + 1] == b"["

    def _closed(self, start: int) -> int:
        depth = 0
        for found in _STRUCTURE.finditer(self.data, start):
            token = found[0]
            if token in {b"{", b"["}:
                depth += 1
            elif token in {b"}", b"]"}:
                depth -= 1
                if not depth:
                    return found.end()
        raise TornError(start, f"cut short: what begins at byte {start} does not end")

    def _next(self) -> int:
        found = _SPACE.match(self.data, self.at)
        self.at = found.end() if found else self.at
        return self.at

    def _take(self, token: bytes) -> None:
        if self.data[self._next() : self.at + 1] != token:
            raise TornError(self.at, f"{token.decode()!r} is missing at byte {self.at}")
        self.at += 1

    def _ends(self, token: bytes) -> bool:
        """Return whether the object or array ends here, and pass over its end; else over a comma."""
        self.skip(b",")
        if self.data[self._next() : self.at + 1] == token:
            self.at += 1
            return True
        if self.at >= len(self.data):
            raise TornError(self.at, f"cut short at byte {self.at}")
        return False
