"""Budgets: random (session, position, budget, family), packed by the exact tokenizer and by the estimator, counted exactly.

    python benchmarks/budgets.py [--draws N] [--seed N] [--log FILE] [--part K/N]

With the exact tokenizer none may be over, and what left something out for want of room is at least 95 % full. With the
estimator at most one in a thousand may be over. Budgets are from 500 to 40,000 tokens, small ones as likely as large ones
(log-uniform). Families are those with an exact tokenizer here: o200k, and with Python 3.12 both of Claude, drawn half as often,
since their tokenizer is slow. FILE gets each case as a line of JSON: a run that was stopped goes on with those that are not
there, and several processes may share it, each with its part; run again it reports all.
"""

import json
import random
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import cache, lru_cache
from math import exp, log
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, cast

import context_data
from recall import Place, imported

from segue.core.context.tokens import Estimator, Family
from segue.core.log.events import Event
from segue.engine.context.restoring import Wanted, restore
from segue.host.tokenizers import Exact, exact

if TYPE_CHECKING:
    from segue.ports import Store

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
    log = Path(arguments[arguments.index("--log") + 1]) if "--log" in arguments else None
    part, parts = map(int, arguments[arguments.index("--part") + 1].split("/")) if "--part" in arguments else (1, 1)
    cases = _read(log) if log and log.is_file() else {}
    for number, case in draws(sessions, counters, count, seed, lambda n: n not in cases and n % parts == part - 1):
        cases[number] = case
        if log:
            with log.open("a", encoding="utf-8") as file:
                file.write(f"{json.dumps([number, *case])}\n")
    return report(list(cases.values()))


def _read(path: Path) -> dict[int, Draw]:
    """Return the cases of a run that was stopped, by their numbers; a line that was being written then is passed over."""
    lines = [line for line in path.read_text("utf-8").splitlines(keepends=True) if line.endswith("]\n")]
    return {number: Draw(*case) for number, *case in map(json.loads, lines)}


def draws(
    sessions: Sequence[context_data.Session],
    counters: dict[Family, Exact],
    count: int,
    seed: int,
    wanted: Callable[[int], bool] = lambda _: True,
) -> Iterator[tuple[int, Draw]]:
    """Yield those of *count* random cases whose numbers are *wanted*, with the numbers; the same seed gives the same."""
    draw = random.Random(seed)
    found = cache(lambda number: _decoded(sessions[number].path))
    counters = {family: _Remembering(counter) for family, counter in counters.items()}
    for number in range(count):
        session = draw.randrange(len(sessions))
        (family,) = draw.choices(list(counters), [_WEIGHTS[family] for family in counters])
        budget = round(exp(draw.uniform(log(SMALLEST), log(LARGEST))))
        where = draw.random()
        if wanted(number):
            place = found(session)
            last = place.store.info(place.session).head.seq
            position = round(min(20, last) + where * (last - min(20, last)))
            yield number, _case(sessions[session].name, place, position, budget, counters[family])


def _decoded(path: Path) -> Place:
    place = imported(path)
    return place._replace(store=cast("Store", _Decoded(place)))


class _Remembering(Exact):
    """A tokenizer that counts the same text once."""

    def __init__(self, counter: Exact) -> None:
        super().__init__(counter.family, counter.name, lru_cache(64)(counter.count), slow=counter.slow)


class _Decoded:
    """A store with one session that nothing is appended to any more: its events are decoded once, not for every case."""

    def __init__(self, place: Place) -> None:
        self._store = place.store
        self._events = {blobs: list(place.store.read(place.session, blobs=blobs)) for blobs in (True, False)}

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)

    def read(self, _session: str, *, after: int = 0, upto: int | None = None, blobs: bool = True, **_: object) -> Iterator[Event]:
        return iter(self._events[blobs][after:upto])


def _case(session: str, place: Place, position: int, budget: int, counter: Exact) -> Draw:
    wanted = Wanted(at=position, budget=budget)
    whole = restore(*place, wanted, lambda _: counter).context
    guessed = restore(*place, wanted, lambda _: Estimator(counter.family)).context
    left = any(entry.status == "shortened" or "no room" in entry.reason for entry in whole.items)
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
