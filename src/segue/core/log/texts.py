"""Values of JSON as a cache keeps them: long texts beside the JSON, not in it.

Most of what reading JSON costs are its texts: each character is looked at, each escape undone. Here a long text is kept as it
is, so that to read it is to copy it (10,000 messages of 2 kB: 15 ms of CPU, of which `json.loads` takes 90):

    8 bytes     how many texts there are
    8 bytes     how long the JSON is
    8 bytes     how long a text is, for each
    JSON        the value, `NaN` standing for each of its long texts, in their order
    texts       in UTF-8

What is no JSON is refused, so no NaN of the value's own is taken for a text.
"""

import json
import struct
from math import isfinite
from typing import Any, Final

_LONG: Final = 48
"""Texts of more characters are kept apart."""
_HEAD: Final = struct.Struct(">QQ")
_SIZE: Final = 8
_AWAY: Final = float("nan")


def pack(value: Any) -> bytes:
    """Return a *value* of JSON as bytes. Raises ValueError, TypeError where it is none."""
    texts: list[str] = []
    data = json.dumps(_without(value, texts), separators=(",", ":")).encode()
    parts = [text.encode("utf-8", "surrogatepass") for text in texts]
    sizes = struct.pack(f">{len(parts)}Q", *map(len, parts))
    return b"".join((_HEAD.pack(len(parts), len(data)), sizes, data, *parts))


def unpack(data: bytes) -> Any:
    """Return the value that `pack` made *data* of. Raises ValueError where it made it of none."""
    try:
        count, length = _HEAD.unpack_from(data)
        begin = _HEAD.size + _SIZE * count
        at = begin + length
        if at > len(data):
            raise ValueError("it is cut short")
        view, texts = memoryview(data), []
        for size in struct.unpack_from(f">{count}Q", data, _HEAD.size):
            texts.append(str(view[at : at + size], "utf-8", "surrogatepass"))
            at += size
        left = iter(texts)
        value = json.JSONDecoder(parse_constant=lambda _: next(left)).decode(data[begin : begin + length].decode("ascii"))
    except (struct.error, StopIteration) as e:
        raise ValueError(f"not a packed value: {e!r}") from e
    if at != len(data) or next(left, None) is not None:
        raise ValueError("not a packed value: its texts are not those that it names")
    return value


def _without(value: Any, texts: list[str]) -> Any:
    """Return *value* with NaN for its long texts, which are added to *texts*."""
    if isinstance(value, dict):
        return {
            key: inner if not inner or (type(inner) is str and len(inner) <= _LONG) else _without(inner, texts)
            for key, inner in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [inner if type(inner) is int else _without(inner, texts) for inner in value]
    if isinstance(value, str):
        if len(value) <= _LONG:
            return value
        texts.append(value)
        return _AWAY
    if isinstance(value, float) and not isfinite(value):
        raise ValueError(f"{value} is no JSON")
    return value
