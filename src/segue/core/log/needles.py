"""What an erasure looks for in bytes: a text in every form in which it may have been written, or a regular expression.

A text is also found escaped as JSON (once and twice, with and without non-ASCII characters), in base64 (both alphabets, at each
of the three places where it may begin), percent-encoded, in hex, and in UTF-16. Forms of fewer than `LEAST` bytes are not looked
for: they would be found where they are not meant.
"""

import base64
import json
import re
from collections.abc import Iterable, Iterator
from typing import Final

from segue.core.errors import UsageError

LEAST: Final = 4
_UNRESERVED: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-~"
_ENCODED: Final = 8
"""Bytes that a base64 form has at least."""


class Needle:
    """Something that is looked for."""

    def __init__(self, pattern: "re.Pattern[bytes]", *, of: int = 1) -> None:
        """Look for *pattern*, which stands for so many texts."""
        self._pattern = pattern
        self.of = of

    def spans(self, data: bytes) -> Iterator[tuple[int, int]]:
        """Yield where it stands in *data*."""
        for found in self._pattern.finditer(data):
            if found.end() > found.start():
                yield found.span()

    def is_in(self, data: bytes) -> bool:
        """Return whether it stands in *data*."""
        return next(self.spans(data), None) is not None

    def count(self, data: bytes) -> int:
        """Return how often it stands in *data*."""
        return sum(1 for _ in self.spans(data))

    def blanked(self, data: bytes) -> bytes:
        """Return *data* with an `x` for each byte of it: as long as before, and still the JSON that it was."""
        found = bytearray(data)
        for start, end in self.spans(data):
            found[start:end] = b"x" * (end - start)
        return bytes(found)


def literal(texts: Iterable[str]) -> Needle:
    """Return the needle of *texts*, in all their forms.

    Raises:
        UsageError: there is none, or one is too short to be looked for.
    """
    wanted = [text for text in dict.fromkeys(texts) if text]
    for text in wanted:
        if len(text.encode("utf-8", "surrogatepass")) < LEAST:
            raise UsageError(f"a pattern of {len(text)} characters is too short: it would be found where it is not meant")
    if not wanted:
        raise UsageError("there is nothing to look for: the pattern is empty")
    known = {form for text in wanted for form in forms(text)}
    longest_first = sorted(known, key=lambda form: (-len(form), form))
    return Needle(re.compile(b"|".join(map(re.escape, longest_first))), of=len(wanted))


def expression(text: str) -> Needle:
    """Return the needle of a regular expression, which is looked for in UTF-8 as it is written. Raises UsageError."""
    try:
        pattern = re.compile(text.encode())
    except (re.error, UnicodeEncodeError) as e:
        raise UsageError(f"the regular expression cannot be used: {e}") from e
    if pattern.match(b""):
        raise UsageError("the regular expression fits nothing at all as well: it would be found everywhere")
    return Needle(pattern)


def nothing() -> Needle:
    """Return the needle that finds nothing."""
    return Needle(re.compile(b"(?!)"), of=0)


def forms(text: str) -> set[bytes]:
    """Return the forms in which *text* may have been written."""
    raw = text.encode("utf-8", "surrogatepass")
    plain = {text, *_escaped(text), *(twice for once in _escaped(text) for twice in _escaped(once))}
    found = {one.encode("utf-8", "surrogatepass") for one in plain}
    percent = {_percent(raw, kept) for kept in (_UNRESERVED, _UNRESERVED + b"/", b"")}
    percent |= {_percent(raw, _UNRESERVED).replace("%20", "+")}
    found |= {form.encode() for one in percent for form in (one, re.sub("%[0-9A-F]{2}", lambda m: m[0].lower(), one))}
    found |= {raw.hex().encode(), raw.hex().upper().encode()}
    found |= {text.encode(coding, "surrogatepass") for coding in ("utf-16-le", "utf-16-be")}
    found |= {form for one in (raw, *(once.encode("utf-8", "surrogatepass") for once in _escaped(text))) for form in _base64(one)}
    return {form for form in found if len(form) >= LEAST}


def _percent(data: bytes, kept: bytes) -> str:
    """Return *data* percent-encoded (RFC 3986), but for the characters that are *kept*."""
    return "".join(chr(byte) if byte in kept else f"%{byte:02X}" for byte in data)


def _escaped(text: str) -> set[str]:
    return {json.dumps(text, ensure_ascii=narrow)[1:-1] for narrow in (True, False)} | {
        json.dumps(text, ensure_ascii=False)[1:-1].replace("/", "\\/")
    }


def _base64(data: bytes) -> Iterator[bytes]:
    """Yield what of *data* is the same in any base64 text that holds it."""
    for before, skipped in ((0, 0), (1, 2), (2, 3)):
        whole = (before + len(data)) * 8 // 6
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            form = encode(bytes(before) + data)[skipped:whole]
            if len(form) >= _ENCODED:
                yield form
