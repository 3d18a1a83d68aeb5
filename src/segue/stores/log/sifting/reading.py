"""The lines and large values in one file, whatever else is in it: found by what they look like, believed by their digests."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from segue.core.errors import SegueError
from segue.core.log.codec import BadLine, blob_name, split_line, verify_line
from segue.stores.log import files, sealing, zstd
from segue.stores.log.blobs import LIMIT
from segue.stores.log.cipher import MAGIC, Cipher
from segue.stores.log.kinds import BLOB

_START: Final = b'{"v":1,"seq":'
_LARGEST: Final = 2 << 30
"""A file of more bytes than this is none of ours: a segment has some 2 MB, a large value in one file half a GB."""


class Contents(NamedTuple):
    """What was found in a file."""

    lines: list[bytes]
    """Intact ones, without newlines, in their order."""
    damaged: int
    """How many places look like lines, or like frames of them, and are not intact."""
    value: str
    """The name of the large value that it is; empty where it is none."""


def read(path: Path, cipher: Cipher) -> Contents:
    """Return what a file holds of ours. Raises OSError, ValueError where it is too large."""
    fd = files.open_read(path)
    try:
        if os.fstat(fd).st_size > _LARGEST:
            raise ValueError(f"it has more than {_LARGEST:,} bytes")
        head = files.read_all(fd, 0, 4)
        if head in {zstd.MAGIC, MAGIC} or path.name.endswith(".zst"):
            return _packed(fd, cipher)
        return _lines(files.read_all(fd), cipher)
    finally:
        os.close(fd)


def value_in(path: Path, cipher: Cipher) -> bytes:
    """Return the large value that a file is. Raises OSError, ValueError."""
    return zstd.decompress(cipher.open(files.read_file(path), BLOB), LIMIT)


def _packed(fd: int, cipher: Cipher) -> Contents:
    with suppress(ValueError, SegueError):
        data = zstd.decompress(cipher.open(files.read_all(fd), BLOB), LIMIT)
        found = _lines(data, cipher)
        return found if found.lines else Contents([], 0, blob_name(data))
    lines: list[bytes] = []
    damaged = 0
    for frame in sealing.frames(fd):
        try:
            found = _lines(sealing.content(fd, frame, cipher), cipher)
        except ValueError:
            damaged += 1
        else:
            lines += found.lines
            damaged += found.damaged
    return Contents(lines, damaged, "")


def _lines(data: bytes, cipher: Cipher) -> Contents:
    lines: list[bytes] = []
    damaged = 0
    for raw in data.split(b"\n"):
        at = raw.find(_START)
        if at < 0:
            continue
        found = next((line for line in _candidates(raw, at, cipher) if _is_intact(line)), None)
        damaged += found is None
        lines += [] if found is None else [found]
    return Contents(lines, damaged, "")


def _candidates(raw: bytes, at: int, cipher: Cipher) -> Iterator[bytes]:
    """Yield what may be a line within *raw*: from each place that looks like a beginning on; something may stand around it."""
    while at >= 0:
        end = raw.rfind(b"}") + 1
        with suppress(SegueError):
            yield cipher.open_line(raw[at:end])
        at = raw.find(_START, at + 1)


def _is_intact(line: bytes) -> bool:
    try:
        verify_line(line)
        split_line(line)
    except BadLine:
        return False
    return True
