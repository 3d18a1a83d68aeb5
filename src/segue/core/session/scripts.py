"""One form for what can be written in several, and scripts without spaces between words, as full text needs both.

FTS5 would make one word of a whole Chinese sentence, which nobody finds. With a space on either side of each character every part
of a sentence is a phrase. At a vowel point of Hebrew or Arabic it would end a word.
"""

import re
from typing import Final
from unicodedata import normalize

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


_FORMS: Final = re.compile("[\uff01-\uffee\ufb00-\ufb06]+")
"""Wide and narrow forms, and ligatures, of usual letters."""
_POINTS: Final = re.compile("[\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670]+")
_MARKS: Final = re.compile("[\u0300-\u036f]+")


def composed(text: str) -> str:
    """Return *text* in the form in which it is looked for: composed, of usual width, without the points of Hebrew and Arabic."""
    if text.isascii():
        return text
    usual = _FORMS.sub(lambda found: normalize("NFKC", found[0]), text)
    return _POINTS.sub("", normalize("NFC", usual))


def unaccented(text: str) -> str:
    """Return *text* composed, in lower case, and without accents: what FTS5 takes for the same is the same."""
    folded = composed(text.casefold())
    return folded if folded.isascii() else normalize("NFC", _MARKS.sub("", normalize("NFD", folded)))


def spaced(text: str) -> str:
    """Return *text* composed, with each character of such a script on its own."""
    return text if text.isascii() else _CHARACTER.sub(r" \1 ", composed(text))


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
