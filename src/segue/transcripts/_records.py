"""What all readers do with one record, without any file: its JSON, its flaws, its time, its names."""

import json
import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from hashlib import blake2b
from math import isfinite
from typing import Any, Final, NamedTuple

from segue.core.log.events import MAIN, Draft

MAX_DEPTH: Final = 100
"""Levels of nesting from which on a record is kept but not interpreted: what reads it later may recurse."""

_AT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z\Z")
_LONG_INT = 4000
"""Digits of an integer from which on Python refuses to convert it; such a number is kept as text."""
_MAX_NAME = 256
_MAX_COUNT = 2**53
"""What is more was not counted: other programs cannot even hold it."""
_MILLISECONDS = 1e11
"""From here on a number is milliseconds since 1970: as seconds it would be the year 5138."""
_STARTS = 64
"""How many places in a damaged line are tried as the beginning of a whole record."""


class Parsed(NamedTuple):
    """One line as JSON: the object or None, its text, and what is wrong with it (empty: nothing)."""

    record: dict[str, Any] | None
    text: str | None
    """The line's exact text; None where it is not UTF-8."""
    flaw: str = ""


class Place(NamedTuple):
    """Where a record stands."""

    path: str
    line: int
    data: bytes
    """The line's exact bytes, without its newline."""
    text: str | None = None
    """The same as text; None where it is not UTF-8."""
    name: str = ""
    """What a record here is called that has no id of its own; empty: by its line."""

    @property
    def called(self) -> str:
        """What a record here is called that has no id of its own."""
        return self.name or f"@{self.line}"

    @property
    def where(self) -> str:
        """The place in a form for people: file and line."""
        return f"{self.path}:{self.line}"


def parse(data: bytes, recognise: Callable[[Mapping[str, Any]], bool] | None = None) -> Parsed:
    """Return the record of a line. A damaged line may end in a whole record: *recognise* tells one from a fragment."""
    text: str | None
    flaw = ""
    try:
        text = shown = data.decode()
    except UnicodeDecodeError as e:
        text, shown = None, data.decode("utf-8", "replace")
        flaw = f"not UTF-8 at byte {e.start}: shown as U+FFFD, the bytes are kept"
    try:
        record = _loads(shown.removeprefix("\ufeff"))
    except RecursionError:
        return Parsed(None, text, f"nested deeper than {MAX_DEPTH} levels")
    except ValueError as e:
        record = _salvage(shown, recognise) if recognise else None
        if record is None:
            return Parsed(None, text, f"not JSON: {_brief(e)}")
        flaw = f"not JSON: {_brief(e)}; the whole record at the end of the line was read"
    if not isinstance(record, dict):
        return Parsed(None, text, f"not a record: {type(record).__name__}")
    if shown.count("{") + shown.count("[") > MAX_DEPTH and _deeper(record, MAX_DEPTH):
        return Parsed(None, text, f"nested deeper than {MAX_DEPTH} levels")
    return Parsed(record, text, flaw)


def _float(text: str) -> float | str:
    value = float(text)
    return value if isfinite(value) else text


def _int(text: str) -> int | str:
    return int(text) if len(text) <= _LONG_INT else text


# NaN and numbers too large for JSON's readers stay text, raw control characters in strings are let through
_FAST = json.JSONDecoder(strict=False, parse_float=_float, parse_constant=str)
_CAREFUL = json.JSONDecoder(strict=False, parse_float=_float, parse_constant=str, parse_int=_int)
_scan = _FAST.scan_once  # type: ignore[attr-defined]  # there since Python 2.6, undocumented


def _loads(text: str) -> Any:
    try:
        value, end = _scan(text, 0)  # most often a line is one object: half of the time that `decode` takes
        if end == len(text):
            return value
    except (ValueError, StopIteration):
        pass
    try:
        return _FAST.decode(text)
    except json.JSONDecodeError:
        raise
    except ValueError:  # an integer of thousands of digits
        return _CAREFUL.decode(text)


def _salvage(text: str, recognise: Callable[[Mapping[str, Any]], bool]) -> dict[str, Any] | None:
    """Return the record that a damaged line ends in: an agent went on writing behind a torn one."""
    start = text.find('{"', 1)
    for _ in range(_STARTS):
        if start < 0:
            return None
        try:
            record = _loads(text[start:])
        except (ValueError, RecursionError):
            start = text.find('{"', start + 1)
            continue
        return record if isinstance(record, dict) and recognise(record) else None
    return None


def _brief(e: ValueError) -> str:
    return f"{e.msg} at character {e.pos}" if isinstance(e, json.JSONDecodeError) else str(e)[:200]


def _deeper(value: Any, levels: int) -> bool:
    layer = [value]
    for _ in range(levels):
        layer = [
            inner
            for outer in layer
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, (dict, list))
        ]
        if not layer:
            return False
    return True


# --- values of records, whatever stands there


def text_of(record: Mapping[str, Any], name: str) -> str:
    """Return the text under *name*, empty where there is none."""
    value = record.get(name)
    return value if isinstance(value, str) else ""


def dict_of(record: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return the object under *name*, empty where there is none."""
    value = record.get(name)
    return value if isinstance(value, dict) else {}


def list_of(record: Mapping[str, Any], name: str) -> list[Any]:
    """Return the list under *name*, empty where there is none."""
    value = record.get(name)
    return value if isinstance(value, list) else []


def count_of(record: Mapping[str, Any], name: str) -> int:
    """Return the number under *name* as a count, 0 where there is none."""
    value = record.get(name)
    if type(value) is int:  # as it most often is
        return max(value, 0)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < _MAX_COUNT:
        return 0
    return int(value)


def name_of(record: Mapping[str, Any], name: str) -> str:
    """Return the text under *name* if it can name something: of sound characters and of moderate length; else empty."""
    value = record.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= _MAX_NAME or not value.isprintable():
        return ""
    return value


def time_of(value: Any) -> str | None:
    """Return a time (RFC 3339, or seconds or milliseconds since 1970) as an event's, or None."""
    try:
        if isinstance(value, str):
            found = datetime.fromisoformat(value)
            if _AT.match(value):
                return value
            found = found if found.tzinfo else found.replace(tzinfo=UTC)
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            found = datetime.fromtimestamp(value / 1000 if value > _MILLISECONDS else value, UTC)
        else:
            return None
        return found.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    except (ValueError, OverflowError, OSError):
        return None


def later(at: str, than: str) -> bool:
    """Return whether an event's time is later than another; every time is later than an empty one."""
    return at[:-1] > than[:-1]


def short(text: str, limit: int = 80) -> str:
    """Return the first line of *text* that says something, in *limit* characters."""
    line = next((line.strip() for line in text.splitlines() if line.strip()), "")
    line = "".join(c if c.isprintable() else " " for c in line[: 4 * limit])
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


# --- drafts

ODD: Final = (TypeError, ValueError, LookupError, AttributeError, ArithmeticError)
"""What interpreting a record raises whose shape nobody has thought of."""


def odd(error: Exception) -> str:
    """Return the reason of the loss that such a record is."""
    return f"kept, not interpreted: its shape is unknown ({type(error).__name__})"


class Drafts:
    """Makes the events of one file: each names its source and carries its record's exact bytes."""

    def __init__(self, agent: str, version: str, foreign_id: str) -> None:
        """Begin for the session that the agent calls *foreign_id*."""
        self._reader = f"{agent}/{version}"
        self._agent = agent
        self._foreign_id = foreign_id if len(foreign_id) <= _MAX_NAME else digest(foreign_id.encode("utf-8", "replace"))

    def agent_in(self, stream: str) -> str:
        """Return the actor of what the agent does in *stream*: itself, or its subagent."""
        return self._agent if stream == MAIN else f"{self._agent}/{stream}"

    def sign(self, draft: Draft, place: Place, record: str = "") -> Draft:
        """Return *draft* as the event of the record at *place*: with its source and key. *record*: its id, else its line."""
        record = record or place.called
        source: dict[str, Any] = {
            "agent": self._agent,
            "file": place.path,
            "record": record,
            "line": place.line,
            "reader": self._reader,
        }
        if place.text is None:
            source["raw_b64"] = b64encode(place.data).decode()
        else:
            source["raw"] = place.text
        kind, body, actor, stream, node, parent, _, at, _, scopes = draft
        name = record if stream == MAIN else f"{stream}/{record}"
        key = f"{self._agent}:{self._foreign_id}:{name}:{digest(place.data)}"
        return Draft(kind, body, actor or self._agent, stream, node, parent, key, at, source, scopes)  # `_replace` is slow

    def loss(self, place: Place, reason: str, *, at: str | None = None, about: str = "", raw: bool = True) -> Draft:
        """Return the event that names a loss; its *raw* bytes are with it unless they are with another event."""
        body = {"where": place.where, "reason": reason}
        found = Draft("loss", body, at=at)
        return self.sign(found, place, f"{place.called}{about}") if raw else self.beside(found, place, about)

    def beside(self, draft: Draft, place: Place, about: str) -> Draft:
        """Return *draft* as a further event of the record at *place*, whose bytes are with another. *about*: which one."""
        return without_raw(self.sign(draft, place, f"{place.called}{about}"))

    def nul(self, place: Place, number: int, *, at: str | None = None) -> Draft:
        """Return the event that names NUL bytes around a record."""
        return self.loss(place, f"{number} NUL bytes (disk blocks that were never written)", at=at, about=":nul", raw=False)


def without_raw(draft: Draft) -> Draft:
    """Return *draft* without its record's bytes: they are with another event."""
    return draft._replace(source={k: v for k, v in (draft.source or {}).items() if not k.startswith("raw")})


def digest(data: bytes) -> str:
    """Return a short content hash, in hex."""
    return blake2b(data, digest_size=16).hexdigest()
