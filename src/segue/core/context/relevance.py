"""Which parts of a conversation a task is about: BM25 over units, and some of it for their neighbours, without a model."""

import re
from collections import Counter
from collections.abc import Sequence
from math import log
from typing import Final

from segue.core.context.condense import Unit
from segue.core.session.scripts import composed, parts

_WORD: Final = re.compile(r"[A-Za-z][a-z]+|[A-Z]+(?![a-z])|[0-9]{2,}|[^\W\d_a-zA-Z]+")
_COMMON: Final = frozenset(
    """the and for that this with from into not are was you can all any its then than what when which will should would could
    please make let now use has have had been but out our your their there here how why who does did done only also
    just""".split()  # noqa: SIM905
)
_K1: Final = 1.2
_B: Final = 0.75
_LONGEST: Final = 20_000
"""Characters of a unit that are looked at."""
_NEAR: Final = ((1, 0.3), (2, 0.12))
"""What a unit gets of the score of those beside it: what was said around a hit belongs to it."""


def words(text: str) -> list[str]:
    """Return the words of *text* by their stems: parts of identifiers, lower case, without common words and plural endings;
    of scripts without spaces each two characters that stand together.
    """
    found = (part for word in _WORD.findall(composed(text)) for part in parts(word.lower()))
    return [_stem(word) for word in found if len(word) > 1 and word not in _COMMON]


def _stem(word: str) -> str:
    for ending in ("ing", "ed", "es", "s"):
        if word.endswith(ending) and len(word) - len(ending) > 3:
            return word[: -len(ending)]
    return word


def relevance(units: Sequence[Unit], task: str) -> list[float]:
    """Return for each unit how much it is about *task*, from 0 to 1; all 0 where no word of it occurs."""
    wanted = set(words(task))
    counts = [Counter(w for w in words(f"{unit.head[:2_000]}\n{unit.text[:_LONGEST]}")) for unit in units] if wanted else []
    sizes = [sum(count.values()) for count in counts]
    average = sum(sizes) / len(sizes) if sizes else 1.0
    seen = Counter(word for count in counts for word in wanted & count.keys())
    rarity = {word: log(1 + (len(units) - n + 0.5) / (n + 0.5)) for word, n in seen.items()}
    scores = [
        sum(
            rarity[word] * count[word] * (_K1 + 1) / (count[word] + _K1 * (1 - _B + _B * size / (average or 1.0)))
            for word in wanted & count.keys()
        )
        for count, size in zip(counts, sizes, strict=True)
    ]
    most = max(scores, default=0.0)
    if not most:
        return [0.0] * len(units)
    near = [
        score + sum(share * sum(scores[p] for p in (place - far, place + far) if 0 <= p < len(scores)) for far, share in _NEAR)
        for place, score in enumerate(scores)
    ]
    most = max(near)
    return [score / most for score in near]
