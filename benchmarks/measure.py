"""Measuring on a machine that is not quiet: contenders take turns in each round, in shuffled order; what is compared are
ratios within a round, and of those the median. CPU time, syncs and bytes do not depend on the load.
"""

import ctypes
import os
import random
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

CACHE = Path(__file__).parents[1] / ".cache" / "bench"


class Cost(NamedTuple):
    """What one contender's commits cost in one round. Times in seconds, for one commit."""

    median: float
    p10: float
    cpu: float
    syncs: float
    bytes: float


class Summary(NamedTuple):
    """A contender over all rounds. Ratios are to the base of the same round."""

    median: float
    ratio: float
    p10_ratio: float
    cpu: float
    syncs: float
    bytes: float


Step = Callable[[int], object]
"""Does the n-th commit."""


def rounds(steps: Mapping[str, Step], count: int, commits: Mapping[str, int], seed: int = 1) -> list[dict[str, Cost]]:
    """Return what each contender's commits cost, for *count* rounds (one more, the first, is thrown away)."""
    order, done, found = list(steps), dict.fromkeys(steps, 0), []
    for _ in range(count + 1):
        random.Random(seed + len(found)).shuffle(order)
        costs = {}
        for name in order:
            first = done[name]
            done[name] += commits[name]
            costs[name] = _cost(steps[name], first, commits[name])
        found.append(costs)
    return found[1:]


def summary(found: Sequence[Mapping[str, Cost]], base: str) -> dict[str, Summary]:
    """Return the medians over all rounds."""
    middle = statistics.median
    return {
        name: Summary(
            middle(r[name].median for r in found),
            middle(r[name].median / r[base].median for r in found),
            middle(r[name].p10 / r[base].p10 for r in found),
            middle(r[name].cpu for r in found),
            middle(r[name].syncs for r in found),
            middle(r[name].bytes for r in found),
        )
        for name in found[0]
    }


def _cost(step: Step, first: int, commits: int) -> Cost:
    times: list[float] = []
    before, cpu = counts(), time.process_time()
    for n in range(first, first + commits):
        start = time.perf_counter()
        step(n)
        times.append(time.perf_counter() - start)
    cpu = time.process_time() - cpu
    syncs, _, written = (b - a for a, b in zip(before, counts(), strict=True))
    p10 = sorted(times)[len(times) // 10]
    return Cost(statistics.median(times), p10, cpu / commits, syncs / commits, written / commits)


def clocked(call: Callable[[], object], times: int = 5) -> float:
    """Return the median seconds of *call*."""
    found = []
    for _ in range(times):
        start = time.perf_counter()
        call()
        found.append(time.perf_counter() - start)
    return statistics.median(found)


def counts() -> tuple[int, int, int]:
    """Return syncs, writes and bytes of this process so far: zeros where it runs without the shim."""
    into = (ctypes.c_uint64 * 3)()
    try:
        ctypes.CDLL(None).bench_counts(into)
    except AttributeError:
        return 0, 0, 0
    return into[0], into[1], into[2]


def shim() -> Path | None:
    """Return the preload library, compiled once; None where there is no compiler or no such loader."""
    source = Path(__file__).with_name("shim.c")
    library = CACHE / f"shim-{source.stat().st_mtime_ns}.so"
    if sys.platform != "linux":
        return None
    if not library.exists():
        found = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
        compiler = [found] if found else [sys.executable, "-m", "ziglang", "cc"]
        CACHE.mkdir(parents=True, exist_ok=True)
        command = [*compiler, "-O2", "-shared", "-fPIC", "-o", str(library), str(source), "-ldl"]
        if subprocess.run(command, check=False, capture_output=True).returncode:
            return None
    return library


def environment(sync_us: int = 0) -> dict[str, str]:
    """Return the environment of a worker whose disk is counted, and slower by *sync_us* for each sync."""
    library = shim()
    more = {"LD_PRELOAD": str(library), "BENCH_SYNC_US": str(sync_us)} if library else {}
    root = Path(__file__).parents[1]
    return {**os.environ, **more, "PYTHONPATH": f"{root}{os.pathsep}{root / 'src'}"}


def compiled(place: Path) -> dict[str, str]:
    """Return the environment of a process whose modules are compiled once, as they are where a package was installed."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONPYCACHEPREFIX": str(place / "compiled")}
