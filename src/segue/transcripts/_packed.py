"""Files that are packed by gzip: a spoilt one ends where it is spoilt."""

import gzip
import zlib
from typing import IO, cast

_SPOILT = (EOFError, zlib.error, gzip.BadGzipFile)


class _Packed(gzip.GzipFile):
    """Gives what can be unpacked, and then the end of the file."""

    def read1(self, size: int = -1) -> bytes:
        """See `GzipFile.read1`."""
        try:
            return super().read1(size)
        except _SPOILT:
            return b""

    def read(self, size: int | None = -1) -> bytes:
        """See `GzipFile.read`."""
        left = 1 << 62 if size is None or size < 0 else size
        pieces: list[bytes] = []
        while left > 0 and (piece := self.read1(min(left, 1 << 20))):
            pieces.append(piece)
            left -= len(piece)
        return b"".join(pieces)


def unpacked(file: IO[bytes]) -> IO[bytes]:
    """Return what *file*, opened for reading, holds unpacked; it is closed with it."""
    packed = _Packed(fileobj=file, mode="rb")
    packed.myfileobj = file  # type: ignore[assignment]
    return cast("IO[bytes]", packed)
