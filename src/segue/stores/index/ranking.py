"""Ranking: what was said around a word counts for what stands there.

A place (an event in a log) scores by its own BM25, and by the share of the question's weight that stands in it or near it: terms
that occur in neighbouring turns, not all in one, still answer a question together. Each place then lends to those around
it, matching or not, and a session with many good places lifts all of them. Nothing of it reads a text: the full text knows
which entries have which term. Measured by `benchmarks/evidence.py`; the constants were chosen on conversations 0 to 4 of
LoCoMo, and hold for the others (`docs/context-quality.md`).
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from math import log
from typing import Final

At = tuple[int, int]
"""Where an entry stands: the number of its log, and of the event in it."""

_NEAR: Final = ((0, 1.0), (-1, 0.75), (1, 0.75), (-2, 0.5625), (2, 0.5625))
"""Step in the log -> what a term there counts for this place."""
_TOGETHER: Final = 1.75
"""What having all terms near counts, where the best BM25 counts 1."""
_LENT: Final = tuple((step * sign, 0.3 * 0.7 ** (step - 1)) for step in range(1, 6) for sign in (-1, 1))
"""Step -> share of a score that a place there gains."""
_LIFT: Final = 0.2
"""What the best session's places gain, as a share of the best score."""


def ranked(
    own: Mapping[At, float], terms: Sequence[AbstractSet[At]], entries: int, sizes: Mapping[int, int], *, around: bool = False
) -> list[tuple[At, float]]:
    """Return places with their scores, best first; of equal ones the newer.

    Args:
        own: the places that match, newest first, with their BM25 (from 0 on).
        terms: for each term of the question the places that have it, of those that match.
        entries: how many entries there are in all, matching or not.
        sizes: the number of events in each log that has a match.
        around: those around matches are places too (they may turn out to be no entry); else only matches are.
    """
    weights = [log(1 + (entries - len(places) + 0.5) / (len(places) + 0.5)) if len(places) < entries else 0.0 for places in terms]
    near: dict[At, float] = defaultdict(float)
    for weight, places in zip(weights, terms, strict=True):
        for at, share in _nearest(places, own).items():
            near[at] += weight * share
    whole, best = sum(weights) or 1.0, max(own.values(), default=0.0) or 1.0
    scores = {at: score / best + _TOGETHER * near[at] / whole for at, score in own.items()}
    lent = dict(scores)
    for (no, seq), score in scores.items():
        for step, share in _LENT:
            at = (no, seq + step)
            if seq + step > 0 and (around or at in scores):
                lent[at] = lent.get(at, 0.0) + share * score
    return _lifted(lent, sizes)


def _nearest(places: AbstractSet[At], of: Iterable[At]) -> dict[At, float]:
    """Return for each of *of* what the nearest of *places* counts for it."""
    return {(no, seq): max((share for step, share in _NEAR if (no, seq + step) in places), default=0.0) for no, seq in of}


def _lifted(scores: Mapping[At, float], sizes: Mapping[int, int]) -> list[tuple[At, float]]:
    totals: dict[int, float] = defaultdict(float)
    for (no, _), score in scores.items():
        totals[no] += score
    lift = {no: total / max(sizes.get(no, 1), 1) ** 0.5 for no, total in totals.items()}
    most, best = max(lift.values(), default=0.0) or 1.0, max(scores.values(), default=0.0)
    found = [(at, score + _LIFT * best * lift[at[0]] / most) for at, score in scores.items()]
    return sorted(found, key=lambda entry: -entry[1])
