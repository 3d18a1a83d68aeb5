"""JSON Lines files, read from a position on, whatever state they are in. Memory is bounded whatever a file holds.

A position is JSON: `offset` (bytes consumed), `line` (lines consumed), `digest` of those bytes, the `chain` that lets the
digest be continued without reading them all again, and the interpreter's `state`. The digest runs over blocks of 64 KiB:
c[0] = "", c[k] = H(c[k-1], block k), digest = H(c[n], the rest).
"""

import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from hashlib import blake2b
from sys import getsizeof
from typing import IO, Any, Final, NamedTuple

MAX_LINE: Final = 16 * 1024 * 1024
"""Lines of more bytes are kept in pieces, unparsed: what parsing takes is a multiple of the line."""
MAX_TEXT: Final = 20 * 1024 * 1024
"""The same for a line's size as a string: one character beyond U+FFFF makes each of them take four bytes."""
_PIECE: Final = 4 * 1024 * 1024
_CHUNK: Final = 256 * 1024
_BLOCK: Final = 64 * 1024
_GZIP = b"\x1f\x8b"


class NotAFileError(OSError):
    """It is something else than a file: a directory, a pipe, a device."""


class Line(NamedTuple):
    """One line of a file, without its newline. A line that is too long comes in pieces, numbered from 1."""

    number: int
    data: bytes
    piece: int = 0


def open_file(path: str) -> IO[bytes]:
    """Return the file opened for reading, unpacked if it is packed by gzip. Never waits for a pipe's other end.

    Raises:
        OSError: it cannot be opened, or is not a file.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise NotAFileError("not a regular file")
    file = os.fdopen(descriptor, "rb", buffering=0)
    if os.pread(descriptor, 2, 0) != _GZIP:
        return file
    from segue.transcripts._packed import unpacked

    return unpacked(file)


def read_head(path: str, size: int = _BLOCK) -> bytes:
    """Return the first *size* bytes of a file, unpacked. Raises OSError."""
    with open_file(path) as file:
        return _read(file, size)


def _read(file: IO[bytes], size: int) -> bytes:
    """Return *size* bytes; fewer at the end, and where a packed file is damaged or cut short."""
    read = getattr(file, "read1", file.read)
    pieces: list[bytes] = []
    while size > 0:
        data = read(size)
        if not data:
            break
        pieces.append(data)
        size -= len(data)
    return b"".join(pieces)


class _Digest:
    """The digest of what was consumed, which can be continued from its position."""

    def __init__(self, chain: str = "") -> None:
        self.chain = chain
        self._rest = bytearray()

    def feed(self, data: bytes) -> None:
        self._rest += data
        if len(self._rest) >= _BLOCK:
            self._hash_blocks()

    def _hash_blocks(self) -> None:
        whole = len(self._rest) - len(self._rest) % _BLOCK
        for start in range(0, whole, _BLOCK):
            self.chain = _hash(self.chain, self._rest[start : start + _BLOCK])
        del self._rest[:whole]

    def value(self) -> str:
        return _hash(self.chain, self._rest)


def _hash(chain: str, data: bytes | bytearray) -> str:
    return blake2b(data, digest_size=16, key=chain.encode()).hexdigest()


class Lines:
    """A file's lines from a position on. `rewritten` says so where the file no longer begins as it did."""

    def __init__(self, file: IO[bytes], position: Mapping[str, Any] | None, *, trusted: bool = False) -> None:
        """Compare the file's beginning with *position*; reading begins behind it, or at the start."""
        self._file = file
        self._digest = _Digest()
        self._open = False  # the last line that was consumed has no newline yet
        self.offset = 0
        self.number = 0
        self.torn = ""
        """What stands at the end and is not a whole line, once all lines were read."""
        self.rewritten = self._resume(position, trusted=trusted) if position else ""
        self._start = self.offset

    def _resume(self, position: Mapping[str, Any], *, trusted: bool) -> str:
        offset, chain, number = position.get("offset"), position.get("chain"), position.get("line")
        if not isinstance(offset, int) or not isinstance(chain, str) or not isinstance(number, int):
            return "where its reading stopped is not known; the file is read again"
        found = _Digest(chain if trusted else "")
        left = offset % _BLOCK if trusted else offset
        self._file.seek(offset - left)
        while left > 0:
            data = _read(self._file, min(left, _CHUNK))
            if not data:
                self._file.seek(0)
                return f"cut short: {offset} bytes were read of it, it has {offset - left}; what was read is kept"
            found.feed(data)
            left -= len(data)
        if found.value() != position.get("digest"):
            self._file.seek(0)
            return f"rewritten: the {offset} bytes that were read of it have changed; what was read is kept"
        self._digest, self.offset, self.number = found, offset, number
        self._open = bool(position.get("open"))
        return ""

    def position(self) -> dict[str, Any]:
        """Return where to go on behind the lines that were consumed."""
        found = {"offset": self.offset, "line": self.number, "digest": self._digest.value(), "chain": self._digest.chain}
        return found | {"open": True} if self._open else found

    def read(self, is_whole: Callable[[bytes], bool]) -> Iterator[Line]:
        """Yield whole lines, blank ones left out; a last one without newline if *is_whole* says that it is one."""
        rest = b""
        while data := _read(self._file, _CHUNK):
            lines = (rest + data).split(b"\n")
            rest = lines.pop()
            for line in lines:
                yield from self._line(line + b"\n", line)
            if len(rest) > MAX_LINE:
                end = self._end(len(rest))
                if end is None:
                    return
                yield from self._pieces(end)
                rest = b""
        line = rest.rstrip(b"\0")
        if line.endswith(b"}") and not self._open and is_whole(line):
            yield from self._line(line, line)
            self._open = True
            rest = rest[len(line) :]
        if rest.strip(b"\0 \t\r"):
            self.torn = f"torn last line: {len(rest)} bytes without a newline; it is read when it is whole"
        elif b"\0" in rest:
            self.torn = f"{len(rest)} NUL bytes at the end (disk blocks that were never written)"

    def _line(self, whole: bytes, data: bytes) -> Iterable[Line]:
        """Consume the bytes of a *whole* line; return it, *data* being what stands before its newline."""
        self._digest.feed(whole)
        self.offset += len(whole)
        if self._open:
            self._open = False
        else:
            self.number += 1
        return line_of(self.number, data)

    def _end(self, length: int) -> int | None:
        """Return the offset behind the newline of a long line whose first *length* bytes were read; None: it is torn."""
        while data := _read(self._file, _CHUNK):
            found = data.find(b"\n")
            if found >= 0:
                return self.offset + length + found + 1
            length += len(data)
        self.torn = f"torn last line: {length} bytes without a newline; it is read when it is whole"
        return None

    def _pieces(self, end: int) -> Iterator[Line]:
        self.number += not self._open
        self._open = False
        self._file.seek(self.offset)
        piece = 0
        while self.offset < end:
            data = _whole_characters(_read(self._file, min(_PIECE, end - self.offset)))
            self.offset += len(data)
            self._file.seek(self.offset)
            self._digest.feed(data)
            piece += 1
            yield Line(self.number, data.removesuffix(b"\n"), piece)

    def before(self, needle: bytes) -> Iterator[Line]:
        """Yield the lines before this stretch that hold *needle*."""
        here = self._file.tell()
        try:
            self._file.seek(0)
            left, rest, number = self._start, b"", 0
            while left > 0 and (data := _read(self._file, min(_CHUNK, left))):
                left -= len(data)
                lines = (rest + data).split(b"\n")
                rest = lines.pop() if len(lines[-1]) <= MAX_LINE else b""
                if any(needle in line for line in lines):
                    yield from (Line(number + i, line) for i, line in enumerate(lines, 1) if needle in line)
                number += len(lines)
            if needle in rest:
                yield Line(number + 1, rest)
        finally:
            self._file.seek(here)


def line_of(number: int, data: bytes) -> Iterable[Line]:
    """Return the line of *data*, in pieces where it is too long; none where it is blank."""
    data = data.rstrip(b"\r")
    if len(data) > MAX_LINE or (len(data) * 4 > MAX_TEXT and getsizeof(data.decode("utf-8", "replace")) > MAX_TEXT):
        return (Line(number, piece, i) for i, piece in enumerate(_cut(data), 1))
    return () if not data or data.isspace() else (Line(number, data),)


def _cut(data: bytes) -> Iterator[bytes]:
    start = 0
    while start < len(data):
        piece = _whole_characters(data[start : start + _PIECE])
        yield piece
        start += len(piece)


def _whole_characters(data: bytes) -> bytes:
    """Return *data* without a UTF-8 character that is cut off at its end."""
    for back in range(1, min(4, len(data))):
        byte = data[-back]
        if byte & 0xC0 == 0xC0:
            need = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return data[:-back] if need > back else data
        if byte & 0x80 == 0:
            break
    return data
