"""What models read and cost: looked up by name in the table that `scripts/write_models.py` makes, and in the user's own.

A model that neither knows is unknown, and stays so: no price is guessed.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Final, NamedTuple

from segue.core.context.modeltable import DATE, SOURCE, TABLE

_OPEN: Final = {"gpt-oss": 131_072, "gemma-4": 262_144}
"""Beginning of a name -> window, of models whose weights are open: who hosts them sets the price."""
_MILLION: Final = 1_000_000


class Price(NamedTuple):
    """US dollars per million tokens. What reads from or writes to the cache has no price of its own costs as other input."""

    input: float
    output: float
    cache_read: float
    cache_write: float

    def of(self, *, input: int, output: int, cache_read: int = 0, cache_write: int = 0) -> float:
        """Return what a call costs in US dollars; *input* includes what was read from and written to the cache."""
        plain = max(input - cache_read - cache_write, 0)
        cost = plain * self.input + cache_read * self.cache_read + cache_write * self.cache_write + output * self.output
        return cost / _MILLION


class Model(NamedTuple):
    """What is known of a model: its window in tokens (0: not known), and its prices in the table's words."""

    name: str
    window: int
    prices: str

    def price(self, day: str = "9999", input: int = 0) -> Price | None:
        """Return the price of a call with so many tokens of *input* on a *day* (`2026-11-21`); None where none is known."""
        found, since, above = None, "", 0
        for period in filter(None, self.prices.split(";")):
            *conditions, figures = period.split("=")
            start = next((c for c in conditions if c[0] != ">"), "")
            least = next((int(c[1:]) for c in conditions if c[0] == ">"), 0)
            if start <= day and (start > since or (start == since and least >= above)) and (not least or input > least):
                found, since, above = price_of(figures), start, least
        return found


def price_of(figures: str) -> Price | None:
    """Return the price that `input/output/cache read/cache write` says, the latter two optional; None where it says none."""
    parts = [*figures.split("/"), "", "", ""][:4]
    try:
        numbers = [float(part) if part.strip() else None for part in parts]
    except ValueError:
        return None
    read_in, out, read, write = numbers
    if read_in is None or len(figures.split("/")) > 4 or any(n is not None and not 0 <= n < _MILLION for n in numbers):
        return None
    return Price(read_in, out or 0.0, read_in if read is None else read, read_in if write is None else write)


def model_of(name: str) -> Model | None:
    """Return what the table knows of a model, however a provider writes its name (`us.anthropic.claude-...`); None: nothing."""
    for spelling in _spellings(name):
        for names, begins, patterns, window, prices in _table():
            if (
                spelling in names
                or (begins and spelling.startswith(begins))
                or any(re.fullmatch(pattern, spelling) for pattern in patterns)
            ):
                return Model(name, int(window or 0), prices)
        for begin, tokens in _OPEN.items():
            if spelling.startswith(begin):
                return Model(name, tokens, "")
    return None


def price_for(name: str, own: Mapping[str, str], *, day: str = "9999", input: int = 0) -> Price | None:
    """Return the price of a model: the user's *own* (by what its name begins with, the longest), else the table's, else None."""
    mine = [key for key in own if name.lower().startswith(key.lower())]
    if mine:
        return price_of(own[max(mine, key=len)])
    found = model_of(name)
    return found.price(day, input) if found else None


def _spellings(name: str) -> Iterator[str]:
    """Yield the name as it is written, then without what stands before a maker's own: a provider, a region, a user."""
    plain = name.lower().split("[")[0]
    yield plain
    for found in re.finditer(r"[/.:](?=[a-z])", plain):
        yield plain[found.end() :]


@cache
def _table() -> tuple[tuple[frozenset[str], tuple[str, ...], tuple[str, ...], str, str], ...]:
    rows = []
    for line in TABLE.strip().split("\n"):
        names, begins, patterns, window, prices = line.split("|")
        rows.append((frozenset(names.split()), tuple(begins.split()), tuple(patterns.split()), window, prices))
    return tuple(rows)


__all__ = ["DATE", "SOURCE", "Model", "Price", "model_of", "price_for", "price_of"]
