"""Scripts without spaces between words: full text takes each of their characters for a word.

FTS5 would make one word of a whole Chinese sentence, which nobody finds. With a space on either side of each character every part
of a sentence is a phrase.
"""

import re
from typing import Final

_RUN: Final = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Burmese, Khmer
    "\u3040-\u30ff\u31f0-\u31ff\uff66-\uff9f"  # Japanese
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Chinese characters
    "\uac00-\ud7af"  # Korean has spaces, and endings that stick to words
)
_CHARACTER: Final = re.compile(f"([{_RUN}])")
_PARTS: Final = re.compile(f"[{_RUN}]+|[^{_RUN}]+")
_BETWEEN: Final = re.compile(f"([{_RUN}]\\]?) (?=\\[?[{_RUN}])")
_TOUCHING: Final = re.compile(f"([{_RUN}])\\]\\[(?=[{_RUN}])")


def spaced(text: str) -> str:
    """Return *text* with each character of such a script on its own."""
    return text if text.isascii() else _CHARACTER.sub(r" \1 ", text)


def joined(text: str) -> str:
    """Return an extract of a spaced text as one reads it: words that were found in it may be in brackets."""
    if text.isascii():
        return text
    return _TOUCHING.sub(r"\1", _BETWEEN.sub(r"\1", " ".join(text.split())))


def parts(word: str) -> list[str]:
    """Return what to look for instead of a word of which part is in such a script: pairs of characters, and what is between."""
    if word.isascii():
        return [word]
    found: list[str] = []
    for part in _PARTS.findall(word):
        run = len(part) > 2 and _CHARACTER.match(part)
        found += [part[i : i + 2] for i in range(len(part) - 1)] if run else [part]
    return found
