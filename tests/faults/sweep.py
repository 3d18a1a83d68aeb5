"""The sweep: every call of an operation that changes a file or a name fails, is short, or is the last one of its process.

An operation is run once to count its points, then anew for each point and each fault (`trials`).
"""

import errno
import random
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.faults.harness import Outcome, replay_line
from tests.faults.operations import CONTROLS, Operation
from tests.faults.plan import ALL
from tests.faults.points import AFTER, BEFORE, SHORT, Points, interrupted_by
from tests.faults.trials import Trial, begin, spawn, tell

NAME = "sweep"

_EIO, _FULL, _CLOSED = errno.EIO, errno.ENOSPC, errno.EACCES
FAULTS: Final[Mapping[str, Sequence[int]]] = {
    "o": (_CLOSED, errno.EMFILE),
    "w": (_EIO, SHORT),
    "s": (_EIO,),
    "t": (_EIO,),
    "a": (_FULL,),
    "r": (_EIO, _CLOSED),
    "l": (_EIO, _FULL),
    "u": (_CLOSED,),
    "d": (_CLOSED,),
    "m": (_FULL,),
}
"""How each sort of call fails; beside it every point ends the process before and after it, and is where a disk gets full."""
_ROOM: Final = "womla"


@dataclass(frozen=True, slots=True)
class Case:
    """One point of an operation and what happens there."""

    at: int
    fault: int
    lasting: int = 0

    def __str__(self) -> str:
        names = {SHORT: "short", BEFORE: "killed before it", AFTER: "killed behind it"}
        name = names.get(self.fault) or (errno.errorcode[self.fault] if self.fault > 0 else f"signal {-100 - self.fault}")
        return f"point {self.at}: {name}{', and so on' if self.lasting else ''}"


def cases(sorts: str) -> Iterator[Case]:
    """Yield every fault of every point."""
    for at, sort in enumerate(sorts, 1):
        yield from (Case(at, fault) for fault in (*FAULTS[sort], BEFORE, AFTER))
        if sort in _ROOM:
            yield Case(at, _FULL, lasting=1)
        if sort == "w":
            yield Case(at, interrupted_by(2))


def run(operation: Operation, cases: int, seed: int, base: Path | None = None, point: int | None = None) -> Outcome:
    """Try so many cases of one operation, of a control until one is caught; *point*: those of one point."""
    return spawn(__name__, operation, cases, seed, base, *([str(point)] if point else []))


def _sweep(name: str, wanted: int, seed: int, only: int | None) -> Outcome:
    operation, outcome = begin(NAME, name, seed)
    trial = Trial(operation)
    every = list(cases(trial.known.points))
    chosen = [case for case in every if only in {None, case.at}]
    if wanted < len(chosen):
        chosen = random.Random(f"{seed}/{name}").sample(chosen, wanted)
    start = time.monotonic()
    for case in chosen:
        if outcome.failed and operation in CONTROLS:
            break
        violations, hit = trial.tried(_armed(trial.points, case))
        outcome.cases += 1
        outcome.note(hit.partition(" of ")[0])
        if violations:
            replay = replay_line(NAME, name, seed, {"cases": ALL, "point": case.at})
            outcome.fail(f"{name}, {case}, {hit}", tuple(violations), replay)
    outcome.note("points", len(trial.known.points))
    outcome.note("cases in all", len(every))
    outcome.seconds = time.monotonic() - start
    return outcome


@contextmanager
def _armed(points: Points, case: Case) -> Iterator[None]:
    points.arm(case.at, case.fault, lasting=case.lasting)
    yield


if __name__ == "__main__":
    _name, _cases, _seed, *_point = sys.argv[1:]
    tell(_sweep(_name, int(_cases), int(_seed), int(_point[0]) if _point else None))
