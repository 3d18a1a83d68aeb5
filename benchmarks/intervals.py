"""Confidence intervals: means over what was measured, with the interval in which they would lie had other cases been drawn."""

import random
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

DRAWS: Final = 1_000
SEED: Final = 20261121


class Mean(NamedTuple):
    """A mean, its 95 % interval (bootstrap over the cases), and of how many cases it is."""

    mean: float
    low: float
    high: float
    count: int

    def __str__(self) -> str:
        """Return it as `.812 (.790 to .833)`."""
        return f"{short(self.mean)} ({short(self.low)} to {short(self.high)})"


def short(share: float) -> str:
    """Return a share from 0 to 1 with three places and no leading zero."""
    return f"{share:.3f}".removeprefix("0") if share < 1 else "1.00"


def mean_of(values: Sequence[float]) -> Mean | None:
    """Return the mean of *values* with its interval; None of none. The same values give the same interval."""
    if not values:
        return None
    draw = random.Random(SEED)
    count = len(values)
    means = sorted(sum(draw.choices(values, k=count)) / count for _ in range(DRAWS))
    return Mean(sum(values) / count, means[int(DRAWS * 0.025)], means[int(DRAWS * 0.975)], count)


def without_each(groups: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """Return for each group the mean of all values but its own: how much one of them carries."""
    found = {}
    for name in groups:
        rest = [value for other, values in groups.items() if other != name for value in values]
        if rest:
            found[name] = sum(rest) / len(rest)
    return found
