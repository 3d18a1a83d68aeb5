"""Spoils transcripts the way disks, crashes, attackers and next year's versions do: by structure, from a seed."""

import json
from collections.abc import Callable
from copy import deepcopy
from random import Random
from typing import Any

ODD: list[Any] = [
    None, True, 0, -1, 1, 2**53, -(2**63), 2**64, 1e308, -0.0, 0.1, "", " ", "\0", "\ud800", "\u202e", "\u2028", "\x1b]8;;x\x07",
    "../../../x", "/etc/passwd", "CON", "a" * 300, "a" * 5000, "user", "assistant", "tool", "system", "text", "tool_use",
    "2026-01-15T09:30:00Z", "2026-01-15T09:30:00.1234567891Z", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00", "never",
    [], [[]], [None], [{}], {}, {"": None}, {"type": None}, {"type": "text"}, {"type": "text", "text": 7}, [["a", 1]],
]  # fmt: skip
"""Values that programs stumble over."""

RAW = [
    b"NaN", b"1e999", b"-Infinity", b"9" * 4400, b"[" * 150 + b"]" * 150, b'"\\ud800"', b'"a\tb"', b"", b"{}", b"[]", b"null", b"17",
    b"\xff\xfe", b"\xef\xbb\xbf{}", b"\0" * 64, b"{" * 200, b'{"a":' * 120 + b"1" + b"}" * 120, b"garbage", b'{"type":', b'"',
]  # fmt: skip
"""Bytes that are no JSON, or hardly any."""


def spoil(data: bytes, random: Random, others: list[bytes], limit: int = 1 << 20) -> bytes:
    """Return *data*, taken for lines of JSON, with one to six changes; some bring in lines of *others*."""
    lines = data.split(b"\n")
    for _ in range(random.randint(1, 6)):
        random.choice(_WAYS)(lines, random, others)
    return b"\n".join(lines)[:limit]


def spoil_document(data: bytes, random: Random, limit: int = 1 << 20) -> bytes:
    """Return *data*, taken for one JSON document, with one to six changes."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return bytes(flip(data, random))[:limit]
    for _ in range(random.randint(1, 6)):
        value = changed(value, random)
    if random.random() < 0.1:
        return flip(_dump(value, random), random)[:limit]
    return _dump(value, random)[:limit]


def flip(data: bytes, random: Random) -> bytes:
    """Return *data* with a few bytes changed, cut out or doubled."""
    spoilt = bytearray(data)
    for _ in range(random.randint(1, 4)):
        if not spoilt:
            return bytes(spoilt)
        at = random.randrange(len(spoilt))
        way = random.randrange(4)
        if way == 0:
            spoilt[at] ^= 1 << random.randrange(8)
        elif way == 1:
            del spoilt[at : at + random.randint(1, 64)]
        elif way == 2:
            spoilt[at:at] = spoilt[at : at + random.randint(1, 64)]
        else:
            spoilt[at:at] = random.choice(RAW)
    return bytes(spoilt)


def changed(value: Any, random: Random) -> Any:
    """Return *value* with something in it replaced, taken away, doubled or moved."""
    here, key, way = value, None, []
    while isinstance(here, dict | list) and here and (key is None or random.random() < 0.85):
        key = random.choice(list(here)) if isinstance(here, dict) else random.randrange(len(here))
        way.append((here, key))
        here = here[key]
    if not way:
        return deepcopy(random.choice(ODD))
    inside, key = way[-1]
    action = random.randrange(6)
    if action == 0:
        del inside[key]
    elif action == 1 and isinstance(inside, list):
        inside.insert(key, inside[key])
    elif action == 2 and isinstance(inside, dict):
        inside[random.choice(["type", "id", "role", "content", "uuid", "parentUuid", "timestamp", "of-next-year"])] = here
    elif action == 3:
        other = random.choice(way)
        inside[key] = json.loads(json.dumps(other[0][other[1]]))
    else:
        inside[key] = deepcopy(random.choice(ODD))
    return value


def _dump(value: Any, random: Random) -> bytes:
    return json.dumps(value, ensure_ascii=random.random() < 0.5).encode("utf-8", "surrogatepass")


def _shape(lines: list[bytes], random: Random, others: list[bytes]) -> None:
    at = random.randrange(len(lines))
    try:
        value = json.loads(lines[at])
    except (ValueError, RecursionError):
        return
    lines[at] = _dump(changed(value, random), random)


def _raw_value(lines: list[bytes], random: Random, others: list[bytes]) -> None:
    at = random.randrange(len(lines))
    if lines[at].endswith(b"}"):
        lines[at] = lines[at][:-1] + b',"odd":' + random.choice(RAW) + b"}"


def _drop(lines: list[bytes], random: Random, others: list[bytes]) -> None:
    if len(lines) > 1:
        del lines[random.randrange(len(lines))]


def _repeat(lines: list[bytes], random: Random, others: list[bytes]) -> None:
    lines.insert(random.randrange(len(lines) + 1), random.choice(lines))


def _swap(lines: list[bytes], random: Random, others: list[bytes]) -> None:
    a, b = random.randrange(len(lines)), random.randrange(len(lines))
    lines[a], lines[b] = lines[b], lines[a]


def _foreign(lines: list[bytes], random: Random, others: list[bytes]) -> None:
    if others:
        lines.insert(random.randrange(len(lines) + 1), random.choice(random.choice(others).split(b"\n")))


def _garbage(lines: list[bytes], random: Random, others: list[bytes]) -> None:
    lines.insert(random.randrange(len(lines) + 1), random.choice(RAW))


def _torn(lines: list[bytes], random: Random, others: list[bytes]) -> None:
    at = random.randrange(len(lines))
    cut = random.randrange(len(lines[at]) + 1)
    lines[at : at + 1] = random.choice([[lines[at][:cut]], [lines[at][:cut] + lines[at]], [lines[at][:cut], lines[at][cut:]]])


def _bytes(lines: list[bytes], random: Random, others: list[bytes]) -> None:
    at = random.randrange(len(lines))
    lines[at] = flip(lines[at], random)


def _windows(lines: list[bytes], random: Random, others: list[bytes]) -> None:
    at = random.randrange(len(lines))
    lines[at] += random.choice([b"\r", b" ", b"\0", b"\0" * 4096])


def _cut(lines: list[bytes], random: Random, others: list[bytes]) -> None:
    del lines[random.randint(1, len(lines)) :]


_WAYS: list[Callable[[list[bytes], Random, list[bytes]], None]] = [
    _shape, _shape, _shape, _shape, _shape, _raw_value, _drop, _repeat, _swap, _foreign, _garbage, _torn, _bytes, _windows, _cut,
]  # fmt: skip
