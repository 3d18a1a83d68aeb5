"""Budgets: random (session, position, budget, family), packed by the exact tokenizer and by the estimator, counted exactly.

    python benchmarks/budgets.py [--draws N] [--seed N]

With the exact tokenizer none may be over, and what left something out for want of room is at least 95 % full. With the
estimator at most one in a thousand may be over. Budgets are from 500 to 40,000 tokens, small ones as likely as large ones
(log-uniform). Families are those with an exact tokenizer here: o200k, and with Python 3.12 both of Claude, drawn half as often,
since their tokenizer is slow.
"""

import random
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from math import exp, log
from typing import Final, NamedTuple

import context_data
from recall import Place, imported

from segue.core.context.tokens import Estimator, Family
from segue.engine.restoring import Wanted, restore
from segue.host.tokenizers import Exact, exact

DRAWS: Final = 10_000
SMALLEST, LARGEST = 500, 40_000
FULL: Final = 0.95
SEED: Final = 5
_WEIGHTS: Final[dict[Family, int]] = {"o200k": 2, "claude-3": 1, "claude-4.8": 1}


class Draw(NamedTuple):
    """One random case: how full each way of packing made its budget, and whether the exact one left something out."""

    session: str
    position: int
    budget: int
    family: Family
    exact: float
    estimated: float
    left_out: bool


def main(arguments: Sequence[str]) -> int:
    """Measure and report; return 1 where a promise is broken, or there is no data."""
    count, seed = (
        int(arguments[arguments.index(name) + 1]) if name in arguments else usual
        for name, usual in (("--draws", DRAWS), ("--seed", SEED))
    )
    counters = {family: counter for family in _WEIGHTS if (counter := exact(family))}
    sessions = context_data.sessions()
    if not sessions or not counters:
        print("budgets: nothing measured: no sessions, or no exact tokenizer; docs/context-quality.md says what to fetch")
        return 1
    return report(list(draws(sessions, counters, count, seed)))


def draws(sessions: Sequence[context_data.Session], counters: dict[Family, Exact], count: int, seed: int) -> Iterator[Draw]:
    """Yield *count* random cases; the same seed gives the same."""
    draw = random.Random(seed)
    cases = Counter(draw.choice(range(len(sessions))) for _ in range(count))
    for number, times in sorted(cases.items()):
        place = imported(sessions[number].path)
        last = place.store.info(place.session).head.seq
        for _ in range(times):
            position = draw.randint(min(20, last), last)
            budget = round(exp(draw.uniform(log(SMALLEST), log(LARGEST))))
            (family,) = draw.choices(list(counters), [_WEIGHTS[family] for family in counters])
            yield _case(sessions[number].name, place, position, budget, counters[family])


def _case(session: str, place: Place, position: int, budget: int, counter: Exact) -> Draw:
    wanted = Wanted(at=position, budget=budget)
    whole = restore(*place, wanted, lambda _: counter).context
    guessed = restore(*place, wanted, lambda _: Estimator(counter.family)).context
    left = any(entry.status == "shortened" or entry.reason == "no room" for entry in whole.items)
    shares = [counter.count(context.text) / budget for context in (whole, guessed)]
    return Draw(session, position, budget, counter.family, shares[0], shares[1], left)


def report(cases: Sequence[Draw]) -> int:
    """Print what was over and what was not full; return 1 where it is more than may be."""
    over = [case for case in cases if case.exact > 1]
    cut = [case for case in cases if case.left_out]
    empty = [case for case in cut if case.exact < FULL]
    guessed = [case for case in cases if case.estimated > 1]
    print(f"{len(cases):,} cases; by the exact tokenizer {len(over)} over, {len(empty)} of {len(cut):,} less than 95 % full")
    fill = sorted(case.estimated for case in cut)
    print(f"by the estimator {len(guessed)} over; budget used: median {fill[len(fill) // 2]:.1%}, least {fill[0]:.1%}")
    for family in sorted({case.family for case in cases}):
        shares = [case.estimated for case in cases if case.family == family]
        print(f"  {family}: {len(shares):,} cases, {sum(share > 1 for share in shares)} over, most {max(shares):.1%}")
    for case in [*over, *empty, *guessed][:20]:
        print(f"  {case}")
    return 1 if over or empty or len(guessed) * 1_000 > len(cases) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
