"""Packing by an estimate that is corrected until the whole, counted exactly, fits.

For a tokenizer that takes longer than restoring may: it counts the whole a few times, not every part.
"""

from collections.abc import Callable
from math import inf
from typing import Final

from segue.core.context.pack import Context, Counter, Packer
from segue.core.context.prompt import Frame
from segue.core.context.tokens import Count, Estimator

FULL: Final = 0.96
"""A part of its room from which on something fills it."""
_TRIES: Final = 8
_LESS: Final = 0.98
"""By how much less an estimate is taken where what was packed by it is not full, and counting it taught nothing."""


def by_estimate(pack: Callable[[Counter], Context], budget: int, counter: Counter) -> Context:
    """Return the fullest context that *pack* makes, given an estimator, and that is within *budget* as *counter* counts."""
    best: Context | None = None
    factor, too_low, too_high = 1.0, 0.0, inf
    found = Context("", Count(0, counter.family, counter.method, counter.margin), budget, ())
    for _ in range(_TRIES):
        found = pack(Estimator(counter.family, factor, margin=0.0))
        real = Count(counter.count(found.text), counter.family, counter.method, counter.margin)
        if real.upper <= budget and (best is None or best.size.tokens < real.tokens):
            best = found._replace(size=real)
        full = real.tokens >= budget * FULL or all(entry.status == "loaded" for entry in found.items)
        if best is not None and best.size is real and full:
            break
        too_low, too_high = (factor, too_high) if real.upper > budget else (too_low, factor)
        factor *= max(real.upper, 1) / max(found.size.tokens, 1) * (1.005 if real.upper > budget else 1.0)
        if not too_low < factor < too_high:  # what is packed depends on it: it may swing, or stay
            factor = (too_low + too_high) / 2 if too_low else too_high * _LESS
    if best is None:  # not even the frame fits
        best = Packer(Frame(found.text, ""), budget, counter).finish()._replace(items=found.items)
    return best
