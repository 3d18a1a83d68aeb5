"""Zstandard: the standard library's from 3.14, the `zstandard` package before. Imported when first needed."""

import sys
from typing import Any

MAGIC = b"\x28\xb5\x2f\xfd"
_LEVEL = 3


class BadFrame(ValueError):  # noqa: N818  (a finding of the reader, not an error of ours)
    """Bytes that are not a zstd frame, or not the one that was written."""


def compress(data: bytes) -> bytes:
    """Return *data* as one zstd frame that knows its content's size."""
    if sys.version_info >= (3, 14):
        from compression import zstd

        return zstd.compress(data, level=_LEVEL)
    import zstandard

    return zstandard.ZstdCompressor(level=_LEVEL).compress(data)


def decompress(data: bytes, limit: int) -> bytes:
    """Return the content of one frame of at most *limit* bytes. Raises BadFrame."""
    try:
        out, rest = _one(data, limit)
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
