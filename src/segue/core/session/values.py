"""Reading bodies that may hold anything, and keeping what is folded from them bounded.

An event may come from a next version of the program, from a foreign agent, or from an enemy. So the fold never trusts a
body: a field of another type counts as absent, a text is cut (the event's number leads to the whole), and every
collection has a limit beside a counter.
"""

import math
from collections.abc import Iterable, Mapping
from json import dumps
from typing import Any, Final

LINE: Final = 200
"""Characters of what is shown on one line."""
TEXT: Final = 2_000
"""Characters of a statement: a decision's reason, a question, a thread's notes."""
LONG: Final = 8_000
"""Characters of a task."""
VALUE: Final = 4_000
"""Characters of a free value, as JSON."""
_MOST: Final = 2**53
_DEPTH: Final = 64
_FLAT: Final = frozenset({str, int, float, bool, type(None)})


def text(body: Mapping[str, Any], name: str, limit: int = TEXT) -> str:
    """Return the text in field *name*, cut at *limit*; empty where there is none."""
    value = body.get(name)
    return clip(value, limit) if isinstance(value, str) else ""


def clip(value: str, limit: int) -> str:
    """Return *value*, or its beginning with an ellipsis, in at most *limit* characters."""
    return value if len(value) <= limit else value[: limit - 1] + "…"


def number(value: Any) -> int | float:
    """Return a finite number of sane size; 0 for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not -_MOST <= value <= _MOST:
        return 0
    return value if isinstance(value, int) or math.isfinite(value) else 0


def count(value: Any) -> int:
    """Return a whole number from 0 on; 0 for anything else."""
    if type(value) is int and 0 <= value <= _MOST:
        return value
    return max(int(number(value)), 0)


def items(body: Mapping[str, Any], name: str) -> list[Any]:
    """Return the list in field *name*; empty where there is none."""
    value = body.get(name)
    return value if isinstance(value, list) else []


def mapping(body: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return the object in field *name*; empty where there is none."""
    value = body.get(name)
    return value if isinstance(value, dict) else {}


def texts(body: Mapping[str, Any], name: str, most: int, limit: int = LINE) -> list[str]:
    """Return the first *most* texts of the list in field *name*, each cut at *limit*."""
    return [clip(v, limit) for v in items(body, name) if isinstance(v, str)][:most]


def free(value: Any, seq: int, limit: int = VALUE) -> Any:
    """Return a value of any shape, or where to find it when it is large."""
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, str):
        return clip(value, limit)
    try:
        copy = plain(value, _DEPTH // 2)
        size = len(dumps(copy))
    except (TypeError, ValueError):
        return {"seq": seq}
    return copy if size <= limit else {"seq": seq, "bytes": size}


def plain(value: Any, depth: int = _DEPTH) -> Any:
    """Return a deep copy of JSON data; ValueError where it is nested deeper than *depth*."""
    if not depth or (depth == 1 and value and isinstance(value, (dict, list))):
        raise ValueError("nested too deep")
    if isinstance(value, dict):
        return {k: v if type(v) in _FLAT else plain(v, depth - 1) for k, v in value.items()}
    if isinstance(value, list):
        return [v if type(v) in _FLAT else plain(v, depth - 1) for v in value]
    return value


def push(entries: list[Any], entry: Any, most: int) -> None:
    """Add *entry* at the end; the oldest goes when there are more than *most*."""
    entries.append(entry)
    if len(entries) > most:
        del entries[0]


def put(entries: dict[str, Any], key: str, entry: Any, most: int) -> None:
    """Set *key*, as the latest; the one that was set longest ago goes when there are more than *most*."""
    entries.pop(key, None)
    entries[key] = entry
    if len(entries) > most:
        del entries[next(iter(entries))]


def add(entries: dict[str, Any], key: str, by: float, most: int) -> None:
    """Add *by* to the counter *key*; a new name is not counted when there are *most*."""
    if key in entries or len(entries) < most:
        total = entries.get(key, 0) + by
        entries[key] = total if type(total) is int else round(total, 9)


def union(old: Iterable[str], new: Iterable[str], most: int) -> list[str]:
    """Return both without repetition, in order; the oldest go when there are more than *most*."""
    return list(dict.fromkeys((*old, *new)))[-most:]
