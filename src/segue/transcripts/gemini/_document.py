"""Sessions of older versions: one JSON document, `{..., "messages": [...], ...}`, written anew with each message.

Its messages are taken out of it one by one, each with its exact bytes, so that one that is damaged hides no other. What
stands around them is one record as well: the header.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from segue.ports import Noted
from segue.transcripts._lines import Line, open_file

MAX_DOCUMENT: Final = 64 * 1024 * 1024
_DECODER = json.JSONDecoder(strict=False, parse_float=str, parse_int=str, parse_constant=str)
_SPACE = re.compile(r"\s*")
_MESSAGES = re.compile(r'"messages"\s*:\s*\[')
_NEXT = re.compile(r'\{\s*"id"\s*:\s*"[^"]*"\s*,\s*"timestamp"\s*:\s*"[^"]*"\s*,\s*"type"\s*:')
_Piece = tuple[int, int, str]
"""Where a message begins and ends, and what is wrong with it."""


class Document(NamedTuple):
    """A document's records: the header first."""

    lines: list[Line]
    losses: list[tuple[int, bytes, str]]
    """Line, bytes and reason of what could not be read."""
    noted: tuple[Noted, ...] = ()


def lines_of(path: str) -> Document:
    """Return the records of the document at *path*. Raises OSError."""
    with open_file(path) as file:
        data = b"".join(iter(lambda: file.read(1 << 20) if file.tell() <= MAX_DOCUMENT else b"", b""))
    if not data.strip():
        return Document([], [], (Noted(path, "empty file"),))
    if len(data) > MAX_DOCUMENT:
        return Document([], [], (Noted(path, f"larger than {MAX_DOCUMENT >> 20} MiB: a document of this size is not read"),))
    text = data.decode("utf-8", "surrogateescape")
    begin = _MESSAGES.search(text)
    if begin is None:
        return Document([Line(1, data.strip())], [])
    lines: list[Line] = []
    losses: list[tuple[int, bytes, str]] = []
    end, number, at = begin.end(), 1, 0
    for start, stop, flaw in _pieces(text, begin.end()):
        number += text.count("\n", at, start)
        at, end = start, stop
        piece = text[start:stop].encode("utf-8", "surrogateescape")
        if flaw:
            losses.append((number, piece, flaw))
        else:
            lines.append(Line(number, piece))
    header = (text[: begin.end()] + text[end:].lstrip()).strip()
    if not header.endswith("}"):
        losses.append((number, b"", "the document is cut short; what is whole in it was read"))
        header = text[: begin.end()] + "]}"
    return Document([Line(1, header.encode("utf-8", "surrogateescape")), *lines], losses)


def _pieces(text: str, at: int) -> Iterator[_Piece]:
    """Yield the elements of the array that begins at *at*; behind a damaged one it goes on with the next message."""
    while True:
        at = _space(text, at)
        if text.startswith(",", at):
            at = _space(text, at + 1)
        if at >= len(text) or text[at] == "]":
            return
        end = _end(text, at)
        if end:
            yield at, end, ""
            at = end
            continue
        following = _NEXT.search(text, at + 1)
        stop = following.start() if following else len(text)
        piece = text[at:stop].rstrip(", \t\r\n")
        yield at, at + len(piece), "not JSON: a damaged message of the document"
        at = stop


def _space(text: str, at: int) -> int:
    found: Any = _SPACE.match(text, at)
    return int(found.end())


def _end(text: str, at: int) -> int:
    """Return where the JSON value at *at* ends; 0 where there is none."""
    try:
        return _DECODER.raw_decode(text, at)[1]
    except (ValueError, RecursionError):
        return 0
