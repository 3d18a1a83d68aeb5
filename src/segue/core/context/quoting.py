"""Restored text is data: it is shown between marks that it cannot contain, and nothing in it is invisible.

What a transcript holds was written by people, models, tools and web pages. An agent that reads it must be able to tell where
it begins and ends, and must not be led by characters that a person reviewing the text does not see.
"""

import re
from hashlib import blake2b
from typing import Final

MARK: Final = "§"
"""Begins the line that says what follows; a quoted line that begins with it gets a backslash."""

_FENCE: Final = "SEGUE-QUOTE"
_SPOOF: Final = re.compile(rf"^(\\*{MARK})", re.MULTILINE)
_FENCED: Final = re.compile(_FENCE, re.IGNORECASE)
_COLOURS: Final = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
_PLAIN: Final = bytes(range(0x20, 0x7F)) + b"\t\n"
_HIDDEN: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0d\ufeff\uffa0\ufff9-\ufffb\ud800-\udfff"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
    # joiners have their place in emoji and in scripts that use them, not between ASCII characters
    "|(?<![^\x00-\x7f])[\u200c\u200d]|[\u200c\u200d](?![^\x00-\x7f])|(?<=[\u200c\u200d])[\u200c\u200d]"
    # what chooses between text and emoji follows a sign, a digit, # or *, and once
    "|(?<![^\x00-\x7f]|[0-9#*])[\ufe0e\ufe0f]|(?<=[\ufe00-\ufe0f])[\ufe0e\ufe0f]"
)
_SUSPECT: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\ud800-\udfff"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
"""What `_HIDDEN` can find, wherever it stands: where there is none of it, it need not be looked for."""


def visible(text: str) -> str:
    """Return *text* with invisible, direction-changing and control characters shown by number; colours are taken out."""
    if not text.encode().translate(None, _PLAIN) if text.isascii() else not _SUSPECT.search(text):
        return text
    text = _COLOURS.sub("", text.replace("\r\n", "\n"))
    return _HIDDEN.sub(lambda found: f"⟨U+{ord(found[0]):04X}⟩", text)


def line(text: str, limit: int = 0) -> str:
    """Return *text* on one line, visible, in at most *limit* characters (0: no limit)."""
    joined = " ".join(visible(text).split())
    joined = _FENCED.sub("SEGUE\\\\-QUOTE", joined)
    return joined if not limit or len(joined) <= limit else joined[: max(limit - 1, 1)].rstrip() + "…"


def quoted(text: str) -> str:
    """Return *text* as it may stand between the marks: visible, nothing in it looks like a mark."""
    shown = _FENCED.sub("SEGUE\\\\-QUOTE", visible(text))
    return _SPOOF.sub(r"\\\1", shown) if MARK in shown else shown


def fence(content: str) -> tuple[str, str]:
    """Return the lines between which *content* (already quoted) stands. They name its digest, so that it cannot foresee them."""
    name = blake2b(content.encode("utf-8", "replace"), digest_size=4).hexdigest()
    return f"<<<{_FENCE} {name}", f"{_FENCE} {name}>>>"
