"""Text for people: safe characters, tables, times."""

import json
import re
from collections.abc import Sequence
from typing import Any, Final

_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e0fff]"
)
_SGR = re.compile("\x1b\\[[0-9;]*m")
_STYLES: Final = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}
_LAST: Final = 12
"""Characters that the last column of a table has at least."""
_MARK: Final = "\x00"
_MARKED = re.compile(f"{_MARK}<([a-z]+)>(.*?){_MARK}</>", re.DOTALL)


def safe(text: str, *, colour: bool = False) -> str:
    """Return *text* with every character that steers a terminal or turns its writing direction shown as an escape.

    Marks of `style` become colours, or go.
    """
    parts = _MARKED.split(text)
    found = []
    for i in range(0, len(parts), 3):
        found.append(_UNSAFE.sub(_escape, parts[i]))
        if i + 2 < len(parts):
            inner = _UNSAFE.sub(_escape, parts[i + 2])
            code = _STYLES.get(parts[i + 1])
            found.append(f"\x1b[{code}m{inner}\x1b[0m" if colour and code else inner)
    return "".join(found)


def json_text(document: Any, *, compact: bool = True) -> str:
    """Return *document* as JSON; what steers a terminal, turns the direction of text or is not seen stands there as an escape."""
    separators = (",", ":") if compact else None
    text = json.dumps(document, ensure_ascii=False, separators=separators, default=str)
    return _UNSAFE.sub(lambda found: json.dumps(found[0])[1:-1], text)


def style(name: str, text: str) -> str:
    """Return *text* marked for `safe` to colour. What *text* itself marks is not obeyed."""
    return f"{_MARK}<{name}>{text.replace(_MARK, '')}{_MARK}</>"


def line(text: str, width: int) -> str:
    """Return *text* on one line of at most *width* characters."""
    flat = " ".join(text[: width * 8].split())
    return flat if len(flat) <= width else flat[: max(width - 1, 0)] + "…"


def around(snippet: str, width: int) -> str:
    """Return *snippet* on one line of at most *width* characters, begun so late that its first [hit] is in it."""
    flat = " ".join(snippet.split())
    before, mark, _ = flat.partition("[")
    end = flat.find("]", len(before)) + 1
    if not mark or end <= max(width - 1, 0) or len(flat) <= width:
        return line(flat, width)
    start = max(len(before) - max(width - (end - len(before)) - 2, 0) // 2, 0)
    return line(f"…{flat[start:].lstrip()}", width)


def table(rows: Sequence[Sequence[str]], header: Sequence[str], width: int, dispensable: Sequence[str] = ()) -> str:
    """Return rows as columns as wide as their content; the last column takes what is left of *width*.

    Where that is too little, *dispensable* columns are left out, the first one first.
    """
    if not rows:
        return ""
    shown = [list(header), *[[" ".join(cell.split()) for cell in row] for row in rows]]
    widths = [max(len(row[i]) for row in shown) for i in range(len(header) - 1)]
    for name in dispensable:
        if width - sum(widths) - 2 * len(widths) >= _LAST:
            break
        at = shown[0].index(name)
        shown = [[*row[:at], *row[at + 1 :]] for row in shown]
        del widths[at]
    rest = max(width - sum(widths) - 2 * len(widths), _LAST)
    lines = []
    for number, row in enumerate(shown):
        cells = [cell.ljust(w) for cell, w in zip(row, widths, strict=False)] + [line(row[-1], rest)]
        text = "  ".join(cells).rstrip()
        lines.append(style("dim", text) if number == 0 else text)
    return "\n".join(lines) + "\n"


def diff(path: str, before: bytes | None, after: bytes | None) -> str:
    """Return how a file changes line by line; None: it is not there."""
    from difflib import unified_diff

    old, new = ((data or b"").decode("utf-8", "backslashreplace").splitlines() for data in (before, after))
    names = ("/dev/null" if before is None else path, "/dev/null" if after is None else path)
    return "".join(f"{one}\n" for one in unified_diff(old, new, *names, lineterm=""))


def ago(seconds: float) -> str:
    """Return a length of time that has passed, in its largest unit."""
    if seconds < 0:
        return "in the future"
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= size:
            return f"{int(seconds // size)} {unit} ago"
    return "just now"


def span(seconds: float) -> str:
    """Return a duration, such as `1 h 05 min`."""
    minutes = int(seconds // 60)
    if minutes >= 60:
        return f"{minutes // 60} h {minutes % 60:02d} min"
    return f"{minutes} min" if minutes else f"{int(seconds)} s"


def number(value: float) -> str:
    """Return a count for people: 12,345."""
    return f"{value:,.0f}"


def size(count: int) -> str:
    """Return a number of bytes in the unit that suits it: 812 B, 4.1 MB."""
    value, units = float(count), ["B", "kB", "MB", "GB", "TB"]
    while value >= 999.5 and len(units) > 1:
        value, units = value / 1000, units[1:]
    return f"{value:.0f} {units[0]}" if value >= 9.95 or units[0] == "B" else f"{value:.1f} {units[0]}"


def plural(count: int, one: str, many: str = "") -> str:
    """Return `1 event`, `2 events`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def beside(width: int, *hints: str) -> str:
    """Return hints on one line, or where that is longer than *width* each on its own, so that a command can be copied whole."""
    one = "    ".join(hints)
    return f"{one if len(one) <= width else chr(10).join(hints)}\n"


def _escape(match: "re.Match[str]") -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x1_0000 else f"\\U{code:08x}"
