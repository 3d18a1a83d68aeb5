"""Fusing: two orders of the same entries become one, by reciprocal ranks.

What the words of a question find is put in order by them, and again by how near its meaning is; only places count, since the
scores of the two have nothing in common. The constants were chosen on conversations 0 to 4 of LoCoMo (`docs/context-quality.md`).
"""

from collections.abc import Sequence
from typing import Final

from segue.ports import Spot
from segue.ports.nearness import Nearness

MOST: Final = 400
"""Of the best entries, so many at the least are put in order anew, whatever the budget."""
_K: Final = 30
"""How slowly a place counts less: an entry at this one counts half as much as the first."""
_SHARE: Final = 0.5
"""What the order by meaning counts, where that by words counts 1."""


def fused(spots: Sequence[Spot], texts: Sequence[str], question: str, nearness: Nearness) -> list[Spot]:
    """Return *spots*, which are in the order of their words, in the order of words and meaning. Those without a text are last."""
    said = [place for place, text in enumerate(texts) if text.strip()]
    near = nearness.near(question, [texts[place] for place in said])
    scores = {place: 1 / (_K + rank) for rank, place in enumerate(said)}
    for rank, (_, place) in enumerate(sorted(zip(near, said, strict=True), key=lambda entry: (-entry[0], entry[1]))):
        scores[place] += _SHARE / (_K + rank)
    return [spots[place] for place in sorted(range(len(spots)), key=lambda place: (-scores.get(place, 0.0), place))]
