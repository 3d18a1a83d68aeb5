"""A text as it reads once something is undone: escapes, percent signs, base64, hexadecimal digits, pieces of a literal.

A secret that is found in what is so read is mapped back to where it stands.
"""

import re
from binascii import Error, a2b_base64, b2a_base64
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from segue.core.redaction.finding import Span, flat, runs

Finder = Callable[[str], Sequence[Span]]


class Found(NamedTuple):
    """A secret that stands encoded: where, and what is put there instead, of the same length; None: the marker."""

    span: Span
    instead: str | None = None


class Reading:
    """A text with pieces replaced by what they mean."""

    def __init__(self, text: str, start: int, end: int, pieces: Iterable[tuple[int, int, str]]) -> None:
        """Read *text* from *start* to *end*; each of *pieces* says from where up to where what stands."""
        parts: list[str] = []
        self._here: list[int] = [0]
        self._there: list[int] = [start]
        at, length = start, 0
        for begin, stop, meaning in pieces:
            parts += (text[at:begin], meaning)
            length += begin - at
            for offset in (length, length + len(meaning)):
                self._here.append(offset)
            self._there += (begin, stop)
            length += len(meaning)
            at = stop
        parts.append(text[at:end])
        self.text = "".join(parts)

    def back(self, span: Span) -> Span:
        """Return where a span of the reading stands in the text."""
        return Span(self._start(span.start), self._end(span.end), span.kind)

    def _start(self, offset: int) -> int:
        i = bisect_right(self._here, offset) - 1
        if i % 2 and i + 1 < len(self._here):  # inside of a piece: all of it
            return self._there[i]
        return self._there[i] + offset - self._here[i]

    def _end(self, offset: int) -> int:
        i = bisect_right(self._here, offset - 1) - 1
        if i % 2 and i + 1 < len(self._here):
            return self._there[i + 1]
        return self._there[i] + offset - self._here[i]

    def seams(self) -> list[int]:
        """Return the offsets at which a piece stands that means nothing."""
        return self._here[1::2]


# --- escapes and percent signs

_ESCAPE: Final = re.compile(r"\\\\*(?:u00([2-7][0-9A-Fa-f])|x([2-7][0-9A-Fa-f])|/|u\{([2-7][0-9A-Fa-f])\})")
_PERCENT: Final = re.compile(r"%(0[9ADad]|[2-7][0-9A-Fa-f])")
_AROUND: Final = 300
"""Characters on each side of what is read otherwise that are read with it: what names a secret stands near it."""
_KEY_FILE: Final = 16_384
"""The same where a private key may be there."""


def _around(text: str) -> int:
    return _KEY_FILE if "PRIVATE" in text or "-----" in text else _AROUND


def unescaped(text: str, find: Finder) -> Iterator[Found]:
    r"""Yield what stands in JSON's or C's escapes: `\u003d`, `\x3d`, `\/`."""
    if "\\u00" in text or "\\x" in text or "\\/" in text or "\\u{" in text:
        yield from _read(text, _ESCAPE, lambda m: chr(int(m[1] or m[2] or m[3], 16)) if m.lastindex else "/", find)


def unquoted(text: str, find: Finder) -> Iterator[Found]:
    """Yield what stands in a URL's percent signs."""
    if "%" in text:
        yield from _read(text, _PERCENT, lambda m: chr(int(m[1], 16)), find)


def _read(text: str, pattern: re.Pattern[str], meaning: Callable[[re.Match[str]], str], find: Finder) -> Iterator[Found]:
    """Read the surroundings of what *pattern* finds; those that touch are read as one."""
    pieces: list[tuple[int, int, str]] = []
    start = end = -1
    around = _around(text)
    for m in pattern.finditer(text):
        if pieces and m.start() > end:
            yield from _one(text, start, end, pieces, find)
            pieces = []
        if not pieces:
            start = max(0, m.start() - around)
        end = min(len(text), m.end() + around)
        pieces.append((m.start(), m.end(), meaning(m)))
    if pieces:
        yield from _one(text, start, end, pieces, find)


def _one(text: str, start: int, end: int, pieces: list[tuple[int, int, str]], find: Finder) -> Iterator[Found]:
    reading = Reading(text, start, end, pieces)
    for span in find(reading.text):
        yield Found(reading.back(span))


# --- literals in pieces, lines that go on

_NEWLINE: Final = r"""(?:\r?\n|\\{1,4}n)[ \t]{0,80}(?:[+>|#*-](?=[ \t"'`]))?[ \t]{0,80}"""
_LITERALS: Final = re.compile(
    rf"""["'`](?=[ \t\r\n+&.|<\\"'`])[ \t]{{0,40}}(?:\+|&|\.\.?|\|\||<<|\\)?[ \t]{{0,40}}(?:{_NEWLINE})?"""
    rf"""(?:\+|&|\.\.?|\|\||<<)?[ \t]{{0,40}}[bfruBFRU]{{0,2}}\\{{0,4}}["'`]"""
)
_GOES_ON: Final = re.compile(rf"\\\\{{0,3}}{_NEWLINE}")
_SEAMS: Final = bytes(ord("q" if chr(i) in "\"'`" else "o" if chr(i) in "+&.|<\\>#*- \t\r\n" else "x") for i in range(256))
_SEAM: Final = re.compile(rb"q(?=[oq])(?:o|x(?=o)){0,200}x{0,2}q")
"""A quote, a quote, and between them nothing that is said: what can be a seam, found a few times as quickly."""
_SHORTEST: Final = 6
"""Characters in a row, on both sides of a seam together, from which on there may be a secret."""


def _joins(text: str) -> list[tuple[int, int]]:
    """Return from where up to where nothing stands between two pieces of something."""
    found = []
    for seam in _SEAM.finditer(flat(text, _SEAMS)):
        m = _LITERALS.match(text, seam.start())
        if m is not None:
            found.append(m.span())
    if "\\\n" in text or "\\\r" in text or "\\\\" in text:
        found = sorted(found + [m.span() for m in _GOES_ON.finditer(text)])
    return found


def joined(text: str, find: Finder) -> Iterator[Found]:
    """Yield what stands in two pieces of a literal (`"sk-" + "ant..."`), or on two lines of which the first goes on."""
    pieces: list[tuple[int, int, str]] = []
    start = end = -1
    around = _around(text)
    for begin, stop in _joins(text):
        while begin and text[begin - 1] == "\\":
            begin -= 1  # noqa: PLW2901 - the escapes of the quote belong to it
        if not _is_inside(text, begin, stop):
            continue
        if pieces and begin > end:
            yield from _across(text, start, end, pieces, find)
            pieces = []
        if not pieces:
            start = max(0, begin - around)
        end = min(len(text), stop + around)
        if not pieces or pieces[-1][1] <= begin:
            pieces.append((begin, stop, ""))
    if pieces:
        yield from _across(text, start, end, pieces, find)


def _is_inside(text: str, begin: int, stop: int) -> bool:
    """Return whether on both sides of a seam something stands that may be pieces of one secret."""
    left, right, size = begin, stop, len(text)
    while left > 0 and begin - left < _SHORTEST and text[left - 1] not in _NO_SECRET:
        left -= 1
    while right < size and right - stop < _SHORTEST and text[right] not in _NO_SECRET:
        right += 1
    return left < begin and stop < right and begin - left + right - stop >= _SHORTEST


_NO_SECRET: Final = frozenset(" \t\r\n\"'`(),;[]{}\0")
"""What stands neither right before nor right behind the seam in a secret."""


def _across(text: str, start: int, end: int, pieces: list[tuple[int, int, str]], find: Finder) -> Iterator[Found]:
    reading = Reading(text, start, end, pieces)
    seams = reading.seams()
    for span in find(reading.text):
        i = bisect_right(seams, span.start)
        if i < len(seams) and seams[i] < span.end:
            yield Found(reading.back(span))


# --- base64 and hexadecimal digits

_BASE64: Final = bytes(ord("x") if chr(i).isascii() and (chr(i).isalnum() or chr(i) in "+/_-") else ord(" ") for i in range(256))
_DIGITS: Final = "0123456789abcdef-"
_STANDARD: Final = str.maketrans("-_", "+/")
_LEAST: Final = 20
_PRINTABLE: Final = re.compile(rb"[\t\n\r\x20-\x7e]{10,}")
_HEX: Final = re.compile(r"(?:[0-9a-f]{2}){12,}+|(?:[0-9A-F]{2}){12,}+")
_WRAP: Final = re.compile(r"(?:\\{0,2}\r?\n|\\{1,4}(?:r\\{1,4})?n)[ \t]{0,40}[+>|-]?[ \t]{0,40}")


def decoded(text: str, find: Finder) -> Iterator[Found]:
    """Yield what stands in base64 (of either alphabet, also over several lines) or in hexadecimal digits."""
    lines_end = 0
    for start, end in runs(flat(text, _BASE64), _LEAST):
        yield from _run(text, start, end, find)
        if end - start >= _LINE and start >= lines_end and text[end : end + 1] in _ENDS:
            m = _LINES.match(text, start)
            if m is not None:
                lines_end = m.end()
                yield from _wrapped(text, start, lines_end, find)


_LINE: Final = 40
_ENDS: Final = frozenset("\r\n\\")
_LINES: Final = re.compile(rf"[A-Za-z0-9+/_-]{{40,130}}+(?:{_WRAP.pattern}[A-Za-z0-9+/_-]{{4,130}}+)+={{0,2}}")


def _wrapped(text: str, start: int, end: int, find: Finder) -> Iterator[Found]:
    """Yield what stands in base64 whose lines end before it does."""
    reading = Reading(text, start, end, ((w.start(), w.end(), "") for w in _WRAP.finditer(text, start, end)))
    for found in _run(reading.text, 0, len(reading.text.rstrip("=")), find):
        yield Found(reading.back(found.span))


def _run(text: str, start: int, end: int, find: Finder) -> Iterator[Found]:
    run = text[start:end]
    if "-" in run and not run.strip(_DIGITS):
        return  # a UUID
    if end - start >= 24:
        yield from _hexadecimal(run, start, find)
    if run.islower() or run.isupper():
        return  # no base64 of so many characters is
    standard = run.translate(_STANDARD)
    for skip in range(4):
        usable = (len(run) - skip) // 4 * 4
        rest = len(run) - skip - usable
        body = standard[skip:] if rest != 1 else standard[skip : skip + usable]
        try:
            data = a2b_base64(body + "=" * (-len(body) % 4))
        except (Error, ValueError):
            continue
        for part in _PRINTABLE.finditer(data):
            for span in find(part[0].decode("ascii")):
                yield _encoded(run, start, skip, data, Span(part.start() + span.start, part.start() + span.end, span.kind))


def _encoded(run: str, start: int, skip: int, data: bytes, span: Span) -> Found:
    """Return what takes the place of *span* of the decoded *data*: as many characters, that decode to the marker."""
    first, last = span.start // 3, (span.end + 2) // 3
    changed = data[: span.start] + filler(span.kind, span.end - span.start).encode() + data[span.end :]
    text = b2a_base64(changed[first * 3 : last * 3], newline=False).decode().rstrip("=")
    if "-" in run or "_" in run:
        text = text.replace("+", "-").replace("/", "_")
    begin = skip + first * 4
    end = min(begin + len(text), len(run))
    return Found(Span(start + begin, start + end, span.kind), text[: end - begin])


def _hexadecimal(run: str, start: int, find: Finder) -> Iterator[Found]:
    for m in _HEX.finditer(run):
        data = bytes.fromhex(m[0])
        for part in _PRINTABLE.finditer(data):
            for span in find(part[0].decode("ascii")):
                at, size = part.start() + span.start, span.end - span.start
                digits = filler(span.kind, size).encode().hex()
                begin = start + m.start() + 2 * at
                yield Found(Span(begin, begin + 2 * size, span.kind), digits.upper() if m[0].isupper() else digits)


def filler(kind: str, size: int) -> str:
    """Return the marker of *kind* in exactly *size* characters."""
    marker = f"[REDACTED:{kind}]"
    return marker[:size] if len(marker) > size else marker + "*" * (size - len(marker))
