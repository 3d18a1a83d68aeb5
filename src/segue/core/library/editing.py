"""A note's text as its author left it, with one thing changed: what was not asked for stays as it is, byte for byte.

Front matter is edited line by line, since to parse and write it anew would lose comments, order and quotes. Whoever calls
reads the result again and compares: where the author's YAML is of a form that lines do not show, nothing is written.
"""

import re
from collections.abc import Mapping, Sequence
from json import dumps
from typing import Final, NamedTuple

LARGEST_FRONT: Final = 65_536
"""Characters up to which the end of a front matter is looked for."""

_OPEN: Final = re.compile(r"---[ \t]*\r?\n")
_CLOSE: Final = re.compile(r"^(?:---|\.\.\.)[ \t]*\r?$", re.MULTILINE)
_KEY: Final = re.compile(r"([A-Za-z_][\w-]*)[ \t]*:(?=[ \t\r\n]|$)")
_PLAIN: Final = re.compile(r"[^\W\d_](?:[\w ./()+-]*[\w)])?\Z")
_WORDS: Final = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n"})

Value = str | Sequence[str] | None
"""What a key of the front matter gets: a text, a list of texts, or nothing: it goes."""


class Parts(NamedTuple):
    """A file's text in its parts; `front` is None where it has no front matter. They joined are the file."""

    begin: str
    """A byte order mark and the line that opens the front matter."""
    front: str | None
    end: str
    """The line that closes it."""
    body: str
    newline: str
    problem: str = ""


def split(text: str) -> Parts:
    """Return the parts of *text*, the content of a note."""
    mark = "\ufeff" if text.startswith("\ufeff") else ""
    rest = text[len(mark) :]
    newline = "\r\n" if "\r\n" in text[: text.find("\n") + 1] else "\n"
    opened = _OPEN.match(rest)
    if not opened:
        return Parts(mark, None, "", rest, newline)
    closed = _CLOSE.search(rest, opened.end(), opened.end() + LARGEST_FRONT)
    if not closed:
        return Parts(mark, None, "", rest, newline, "front matter that never ends: it is read as text")
    end = closed.end() + 1 if rest[closed.end() : closed.end() + 1] == "\n" else closed.end()
    return Parts(mark + opened[0], rest[opened.end() : closed.start()], rest[closed.start() : end], rest[end:], newline)


def changed(text: str, front: Mapping[str, Value], body: str | None = None) -> str:
    """Return *text* with keys of its front matter set, and with *body* in the place of its own where one is given."""
    parts = split(text)
    newline = parts.newline
    if body is not None:
        body = body.replace("\r\n", "\n").replace("\n", newline)
    kept = parts.body if body is None else body
    if not front:
        return f"{parts.begin}{parts.front or ''}{parts.end}{kept}"
    lines = (parts.front or "").splitlines(keepends=True)
    for name, value in front.items():
        lines = _set(lines, name, value, newline)
    if parts.front is None:
        mark = parts.begin
        return f"{mark}---{newline}{''.join(lines)}---{newline}{kept}"
    return f"{parts.begin}{''.join(lines)}{parts.end}{kept}"


def made(front: Mapping[str, Value], body: str) -> str:
    """Return the text of a new note."""
    lines: list[str] = []
    for name, value in front.items():
        lines = _set(lines, name, value, "\n")
    return f"---\n{''.join(lines)}---\n{body if body.endswith(chr(10)) or not body else body + chr(10)}"


def appended(body: str, text: str, newline: str) -> str:
    """Return *body* with *text* as a paragraph behind it."""
    before = body if not body or body.endswith("\n") else body + newline
    gap = newline if before.strip() and not before.endswith(newline * 2) else ""
    return before + gap + text.replace("\r\n", "\n").rstrip("\n").replace("\n", newline) + newline


def _set(lines: list[str], name: str, value: Value, newline: str) -> list[str]:
    """Return the lines of a front matter with those of one key replaced, taken away, or put at the end."""
    start = next((n for n, line in enumerate(lines) if (found := _KEY.match(line)) and found[1] == name), None)
    new = [] if value is None else [line + newline for line in _entry(name, value)]
    if start is None:
        if lines and not lines[-1].endswith("\n"):
            lines[-1] += newline
        return [*lines, *new]
    end = start + 1
    while end < len(lines) and lines[end][:1] in {" ", "\t", "-"}:
        end += 1
    return [*lines[:start], *new, *lines[end:]]


def _entry(name: str, value: str | Sequence[str]) -> list[str]:
    if isinstance(value, str):
        return [f"{name}: {scalar(value)}"]
    return [f"{name}:", *(f"  - {scalar(one)}" for one in value)] if value else [f"{name}: []"]


def scalar(value: str) -> str:
    """Return a text as a YAML scalar that every reader takes for that text."""
    if _PLAIN.match(value) and value.lower() not in _WORDS and "  " not in value:
        return value
    if re.fullmatch(r"\d{4}-\d{2}-\d{2,6}", value):
        return value
    return dumps(value, ensure_ascii=not value.isprintable())
