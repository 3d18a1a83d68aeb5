"""A disk that fails: syncs that report EIO, writes that are short or find no room, processes killed between the two.

The calls are made to fail by the shim, the n-th of a process, and the run is recorded: its crash states are judged as in
`states`, where data whose sync has failed may be gone for good although a later sync succeeds.
"""

import random
import time
from pathlib import Path

from tests.faults.harness import Outcome, file_system, scratch
from tests.faults.oracle import Subject
from tests.faults.states import one_trace

NAME = "errors"
PER_TRACE = 60
"""Crash states taken from one recording: many plans matter more than many states of one."""


def run(subject: Subject, cases: int, seed: int, base: Path | None = None, keep: Path | None = None) -> Outcome:
    """Record writers that meet errors, and judge `cases` crash states of what they did."""
    outcome = Outcome(NAME, subject.name, "", seed)
    begin = time.monotonic()
    part = 0
    while outcome.cases < cases:
        plan = plan_for(seed + part)
        with scratch(base) as place:
            outcome.where = f"recorded on {file_system(place)}"
            found = one_trace(subject, place, seed + part, min(PER_TRACE, cases - outcome.cases), plan, keep)
            if not found.cases:
                found.cases = 1  # nothing could be written at all: that is one case
            outcome.add(found)
        part += 1
    outcome.note("recordings", part)
    outcome.seconds = time.monotonic() - begin
    return outcome


def plan_for(seed: int) -> str:
    """Return which calls fail in the run of a seed."""
    rng = random.Random(seed)
    parts = []
    kind = rng.choice(("sync", "sync", "short", "full", "room", "kill", "all"))
    if kind in {"sync", "all"}:
        parts.append(f"sync=EIO@{_some(rng, 90)}")
    if kind in {"short", "all"}:
        parts.append(f"write=short@{_some(rng, 90)}")
    if kind in {"full", "all"}:
        parts.append(f"write=ENOSPC@{_some(rng, 90)}")
    if kind == "room":
        parts.append(f"room={rng.randrange(4_000, 120_000)}")
    if kind in {"kill", "all"}:
        parts.append(f"{rng.choice(('sync', 'write'))}=KILL@{rng.randrange(25, 120)}")
    return " ".join(parts)


def _some(rng: random.Random, most: int) -> str:
    return ",".join(str(number) for number in sorted(rng.sample(range(1, most), rng.randrange(1, 6))))
