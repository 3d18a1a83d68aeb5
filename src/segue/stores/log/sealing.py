"""Sealed segments: the lines of a closed segment in zstd frames of `GROUP` lines each, still readable with `zstdcat`.

The file ends with a seek table in zstd's own seekable format (a skippable frame, facebook/zstd contrib/seekable_format), so
one frame is read without the others. A damaged frame loses its own lines only; a damaged table is made again from the frames.
In an encrypted store each frame is in a box of its own (see `cipher`).
"""

import os
import struct
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from segue.stores.log import zstd
from segue.stores.log.cipher import MAGIC, PLAIN, BadBox, Cipher, box_end
from segue.stores.log.files import read_all
from segue.stores.log.kinds import FRAME

GROUP = 16
_SKIPPABLE = 0x184D2A5E
_SEEKABLE = 0x8F92EAB1
_NO_CHECKSUMS = 0
_ENTRY = struct.Struct("<II")
_HEADER = struct.Struct("<II")
_FOOTER = struct.Struct("<IBI")
_LIMIT = 1 << 31


class Frame(NamedTuple):
    """Where a frame is, and how long its content is."""

    offset: int
    size: int
    content: int


def seal(data: bytes, cipher: Cipher = PLAIN) -> bytes:
    """Return the lines of *data* (each with its newline) as a sealed file."""
    lines = _split(data)
    contents = [b"".join(lines[i : i + GROUP]) for i in range(0, len(lines), GROUP)]
    return packed((frame(content, cipher), len(content)) for content in contents)


def frame(content: bytes, cipher: Cipher = PLAIN) -> bytes:
    """Return the lines in *content* as one frame of a sealed file."""
    return cipher.box(zstd.compress(content), FRAME)


def packed(frames: Iterable[tuple[bytes, int]]) -> bytes:
    """Return a sealed file of *frames*: the bytes of each, and the length of its content."""
    parts: list[bytes] = []
    table: list[bytes] = []
    for one, content in frames:
        parts.append(one)
        table.append(_ENTRY.pack(len(one), content))
    body = b"".join(table) + _FOOTER.pack(len(table), _NO_CHECKSUMS, _SEEKABLE)
    return b"".join((*parts, _HEADER.pack(_SKIPPABLE, len(body)), body))


def frames(fd: int) -> list[Frame]:
    """Return the frames of a sealed file; where its table is damaged, found by looking for them."""
    return _table(fd, os.fstat(fd).st_size) or list(_scan(read_all(fd)))


def has_table(fd: int, cipher: Cipher = PLAIN) -> bool:
    """Return whether the file's seek table is whole, and says of each frame that can be read what it holds."""
    found = _table(fd, os.fstat(fd).st_size)
    return bool(found) and all(_is_so(fd, one, cipher) for one in found)


def kept(stored: bytes, cipher: Cipher) -> bytes:
    """Return a frame that cannot be read, as *stored*, as it is to be stored: as hard to read for others as all else."""
    return stored if stored.startswith(MAGIC) else cipher.box(stored, FRAME)


def content(fd: int, frame: Frame, cipher: Cipher = PLAIN) -> bytes:
    """Return a frame's content, whatever the table says of its length. Raises zstd.BadFrame."""
    try:
        data = cipher.open(read_all(fd, frame.offset, frame.offset + frame.size), FRAME)
    except BadBox as e:
        raise zstd.BadFrame(str(e)) from e
    out = zstd.decompress(data, _LIMIT)
    if not out:  # one wrong bit makes a box a frame that readers of zstd skip
        raise zstd.BadFrame("it holds nothing")
    return out


def _is_so(fd: int, frame: Frame, cipher: Cipher) -> bool:
    try:
        return len(content(fd, frame, cipher)) == frame.content
    except zstd.BadFrame:  # told of where its lines are missed
        return True


def _table(fd: int, size: int) -> list[Frame]:
    if size < _FOOTER.size + _HEADER.size:
        return []
    number, kind, magic = _FOOTER.unpack(read_all(fd, size - _FOOTER.size, size))
    length = number * _ENTRY.size + _FOOTER.size
    start = size - length - _HEADER.size
    if (magic, kind) != (_SEEKABLE, _NO_CHECKSUMS) or start < 0:
        return []
    data = read_all(fd, start, size)
    if _HEADER.unpack_from(data) != (_SKIPPABLE, length):
        return []
    found, offset = [], 0
    for i in range(number):
        compressed, plain = _ENTRY.unpack_from(data, _HEADER.size + i * _ENTRY.size)
        found.append(Frame(offset, compressed, plain))
        offset += compressed
    return found if offset == start else []


def _scan(data: bytes) -> Iterator[Frame]:
    at = _next(data, 0)
    while at < len(data):
        try:
            end = box_end(data, at) if data.startswith(MAGIC, at) else len(data) - len(zstd.split(data[at:], _LIMIT)[1])
        except (zstd.BadFrame, BadBox):
            end = _next(data, at + 4)
        yield Frame(at, end - at, 0)
        at = _next(data, end)


def _next(data: bytes, start: int) -> int:
    """Return where the next frame begins, boxed or not; the end where there is none."""
    found = [at for at in (data.find(zstd.MAGIC, start), data.find(MAGIC, start)) if at >= 0]
    return min(found, default=len(data))


def _split(data: bytes) -> list[bytes]:
    lines = [line + b"\n" for line in data.split(b"\n")]
    return lines[:-1] if lines[-1] == b"\n" else [*lines[:-1], lines[-1][:-1]]
