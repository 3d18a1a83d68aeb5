"""Processes that write at the same time: how much of the disk they get, how fairly, and how long the unluckiest waits."""

import json
import random
import statistics
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from benchmarks.measure import environment

RAW = "raw, own files"
KINDS = (RAW, "segue, own sessions", "segue, one session", "SQLite WAL FULL, one database")
PROCESSES = 4

Fresh = Callable[[], AbstractContextManager[Path]]


def measure(fresh: Fresh, count: int, seconds: float, sync_us: int) -> dict[str, dict[str, float]]:
    """Return for each kind: commits a second, ratio to raw files in the same round, fairness, p99 and the longest wait."""
    order, rounds = list(KINDS), []
    for n in range(count):
        random.Random(n).shuffle(order)
        rounds.append({kind: _round(fresh, kind, seconds, sync_us) for kind in order})
    return {kind: _summary([r[kind] for r in rounds], [r[RAW]["rate"] for r in rounds]) for kind in KINDS}


def _summary(found: list[dict[str, float]], raw: list[float]) -> dict[str, float]:
    middle = statistics.median
    return {
        "rate": middle(f["rate"] for f in found),
        "ratio": middle(f["rate"] / r for f, r in zip(found, raw, strict=True)),
        "fairness": middle(f["fairness"] for f in found),
        "p99": middle(f["p99"] for f in found),
        "max": max(f["max"] for f in found),
    }


def _round(fresh: Fresh, kind: str, seconds: float, sync_us: int) -> dict[str, float]:
    with fresh() as place:
        workers = [_start(place, kind, number, seconds, sync_us) for number in range(PROCESSES)]
        for worker in workers:
            if _line(worker) != "ready":
                raise RuntimeError(f"a writer of {kind!r} did not start")
        for worker in workers:
            assert worker.stdin is not None
            worker.stdin.write("\n")
            worker.stdin.flush()
        found: list[dict[str, Any]] = [json.loads(_line(worker)) for worker in workers]
        for worker in workers:
            worker.communicate(timeout=60)
    commits = [f["commits"] for f in found]
    return {
        "rate": sum(commits) / seconds,
        "fairness": min(commits) / max(commits),
        "p99": max(f["p99"] for f in found),
        "max": max(f["max"] for f in found),
    }


def _start(place: Path, kind: str, number: int, seconds: float, sync_us: int) -> "subprocess.Popen[str]":
    asked = {"do": "write", "place": str(place), "kind": kind, "number": number, "seconds": seconds}
    return subprocess.Popen(
        [sys.executable, "-m", "benchmarks.worker", json.dumps(asked)],
        env=environment(sync_us),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _line(worker: "subprocess.Popen[str]") -> str:
    assert worker.stdout is not None
    return worker.stdout.readline().strip()
