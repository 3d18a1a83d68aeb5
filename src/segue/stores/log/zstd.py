"""Zstandard: the standard library's from 3.14, the `zstandard` package before. Imported when first needed."""

import sys
from threading import local
from typing import Any

MAGIC = b"\x28\xb5\x2f\xfd"
_LEVEL = 3
_LIKELY = 64
"""How many times a frame's size its content may have: one that says more is read piece by piece."""
_own = local()


class BadFrame(ValueError):  # noqa: N818  (a finding of the reader, not an error of ours)
    """Bytes that are not a zstd frame, or not the one that was written."""


def compress(data: bytes, *, level: int = _LEVEL, checksum: bool = False) -> bytes:
    """Return *data* as one zstd frame that knows its content's size; with a *checksum* it also knows when it was changed."""
    if sys.version_info >= (3, 14):
        from compression import zstd

        options = {zstd.CompressionParameter.compression_level: level, zstd.CompressionParameter.checksum_flag: int(checksum)}
        return zstd.compress(data, options=options)
    import zstandard

    return zstandard.ZstdCompressor(level=level, write_checksum=checksum).compress(data)


def has_checksum(data: bytes) -> bool:
    """Return whether a frame has a checksum of its content, which is looked at when it is read (RFC 8878, 3.1.1.1.1)."""
    return len(data) > len(MAGIC) and bool(data[len(MAGIC)] & 0b100)


def decompress(data: bytes, limit: int) -> bytes:
    """Return the content of one frame of at most *limit* bytes. Raises BadFrame."""
    try:
        out, rest = _only(data, limit)
    except (ImportError, MemoryError):  # no word on the frame
        raise
    except Exception as e:  # the two libraries' errors have no common type
        raise BadFrame(f"not a zstd frame: {e}") from e
    if rest:
        raise BadFrame(f"{len(rest)} bytes follow the zstd frame")
    return out


def split(data: bytes, limit: int) -> tuple[bytes, bytes]:
    """Return the content of the first frame of *data*, and what follows it. Raises BadFrame."""
    try:
        return _one(data, limit)
    except (ImportError, MemoryError):  # no word on the frame
        raise
    except Exception as e:  # as above
        raise BadFrame(f"not a zstd frame: {e}") from e


def _only(data: bytes, limit: int) -> tuple[bytes, bytes]:
    """Return as `_one` does; at once where the frame says a size that can be believed: room is made for it before it is read."""
    if sys.version_info < (3, 14):
        import zstandard

        if 0 <= zstandard.frame_content_size(data) <= min(limit, _LIKELY * len(data)):
            return _decompressor().decompress(data, allow_extra_data=False), b""
    return _one(data, limit)


def _decompressor() -> Any:
    """Return this thread's decompressor: to make one for each of a log's small frames costs half of what they take."""
    try:
        return _own.decompressor
    except AttributeError:
        import zstandard

        _own.decompressor = zstandard.ZstdDecompressor()
        return _own.decompressor


def _one(data: bytes, limit: int) -> tuple[bytes, bytes]:
    decoder: Any
    if sys.version_info >= (3, 14):
        from compression import zstd

        decoder = zstd.ZstdDecompressor()
        out = decoder.decompress(data, limit + 1)
    else:
        import zstandard

        size = zstandard.frame_content_size(data)
        if size > limit:
            raise BadFrame(f"its content has {size} bytes, more than {limit}")
        decoder = zstandard.ZstdDecompressor().decompressobj()
        out = decoder.decompress(data)
    if not decoder.eof:
        raise BadFrame("it is cut short" if len(out) <= limit else f"its content has more than {limit} bytes")
    return out, decoder.unused_data
