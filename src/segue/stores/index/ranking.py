"""Ranking: what was said around a word counts for what stands there.

A place scores by itself, and by the share of the question's weight that stands in it or near it: terms that occur in
neighbouring turns, not all in one, still answer a question together. Each place then lends to those around it, matching or not,
and a session with many good places lifts all of them. Nothing of it reads a text: the full text knows which entries have which
term. Measured by `benchmarks/evidence.py`; the constants were chosen on conversations 0 to 4 of LoCoMo, and hold for the others
(`docs/context-quality.md`).
"""

from collections.abc import Iterable, Mapping, Sequence
from math import sqrt
from typing import Final, NamedTuple

LOG: Final = 1 << 40
"""Where an entry stands, as one number: the number of its log times this, and its place in it."""

_NEAR: Final = ((1, 0.75), (-1, 0.75), (2, 0.5625), (-2, 0.5625))
"""Step in the log -> what a term there counts for this place."""
_TOGETHER: Final = 1.75
"""What having all terms near counts, where the best single place counts 1."""
_LENT: Final = tuple((step * sign, 0.3 * 0.7 ** (step - 1)) for step in range(1, 6) for sign in (-1, 1))
"""Step -> share of a score that a place there gains."""
_LIFT: Final = 0.2
"""What the best session's places gain, as a share of the best score."""
LENDERS: Final = 3_000
"""So many of the best places lend to others; the rest stay behind them."""


class Term(NamedTuple):
    """A term of a question: what it weighs, and the places that have it."""

    weight: float
    places: Iterable[int]


def ranked(
    own: Mapping[int, float], terms: Sequence[Term], sizes: Mapping[int, int], *, around: bool = False
) -> dict[int, float]:
    """Return places with their scores.

    Args:
        own: the places that match, with what each is worth by itself.
        terms: the terms of the question.
        sizes: the number of entries in each log that has a match.
        around: those around matches are places too (they may turn out to be no entry); else only matches are.
    """
    near: dict[int, float] = {}
    for weight, places in terms:
        for at, share in _nearest(places).items():
            near[at] = near.get(at, 0.0) + weight * share
    whole = sum(term.weight for term in terms) or 1.0
    best = max(own.values(), default=0.0) or 1.0
    scores = {at: score / best + _TOGETHER * near[at] / whole for at, score in own.items()}
    if len(scores) > LENDERS:
        scores = dict(sorted(scores.items(), key=lambda entry: -entry[1])[:LENDERS])
    lent = dict(scores)
    for at, score in scores.items():
        place = at % LOG
        for step, share in _LENT:
            if place + step >= 0 and (around or at + step in scores):
                lent[at + step] = lent.get(at + step, 0.0) + share * score
    return _lifted(lent, sizes)


def _nearest(places: Iterable[int]) -> dict[int, float]:
    """Return what the nearest of *places* counts for those that have one near."""
    found: dict[int, float] = dict.fromkeys(places, 1.0)
    for step, share in _NEAR:  # the nearest first
        for at in places:
            found.setdefault(at + step, share)
    return found


def _lifted(scores: dict[int, float], sizes: Mapping[int, int]) -> dict[int, float]:
    totals: dict[int, float] = {}
    for at, score in scores.items():
        totals[at // LOG] = totals.get(at // LOG, 0.0) + score
    lift = {no: total / sqrt(max(sizes.get(no, 1), 1)) for no, total in totals.items()}
    most, best = max(lift.values(), default=0.0) or 1.0, max(scores.values(), default=0.0)
    return {at: score + _LIFT * best * lift[at // LOG] / most for at, score in scores.items()}
