"""One measuring process: what it is asked for comes as JSON on the command line, what it found goes to standard output."""

import json
import os
import sys
import time
import warnings
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from benchmarks.contenders import APPENDERS, FLOOR, ONE_BY_ONE, SLOW, Batches, opened, sqlite
from benchmarks.conversations import FAMILIES
from benchmarks.frameworks import loads, turns
from benchmarks.measure import rounds, summary
from segue.core.errors import ExistsError
from segue.core.log.events import Draft
from segue.core.log.ids import named_uuid


def appends(place: Path, batch: int, count: int, commits: int, names: list[str] | None = None) -> dict[str, Any]:
    """Return the summary of one writer's commits."""
    batches = Batches(batch)
    chosen = names or [n for n in APPENDERS if batch == 1 or n not in ONE_BY_ONE]
    with ExitStack() as stack:
        known = {name: make for made in (APPENDERS, *FAMILIES.values()) for name, make in made.items()}
        steps = {name: known[name](place, batches, stack) for name in chosen}
        slow = {name: max(3, (commits // 10) // batch if "ADK" in name else commits // 4) for name in SLOW}
        each = {name: slow.get(name, max(5, commits // (1 if batch == 1 else 4))) for name in chosen}
        found = summary(rounds(steps, count, each), FLOOR)
    return {name: s._asdict() for name, s in found.items()}


def write(place: Path, kind: str, number: int, seconds: float) -> dict[str, Any]:
    """Commit single events for some seconds beside others; return how many, and how long the slowest took."""
    batches = Batches(1)
    with ExitStack() as stack:
        step = _writer(place, kind, number, batches, stack)
        print("ready", flush=True)
        sys.stdin.readline()
        times: list[float] = []
        end = time.perf_counter() + seconds
        start = time.perf_counter()
        while start < end:
            step(len(times))
            now = time.perf_counter()
            times.append(now - start)
            start = now
    times.sort()
    return {"commits": len(times), "p99": times[len(times) * 99 // 100], "max": times[-1]}


def _writer(place: Path, kind: str, number: int, batches: Batches, stack: ExitStack) -> Any:
    if kind == "raw, own files":
        (place / str(number)).mkdir()
        return APPENDERS[FLOOR](place / str(number), batches, stack)
    if kind == "SQLite WAL FULL, one database":
        import sqlite3

        if number == 0:
            return sqlite(place, batches, stack)
        while not (place / "plain.db").exists():
            time.sleep(0.01)
        time.sleep(0.3)
        db = sqlite3.connect(place / "plain.db", isolation_level=None, timeout=30)
        db.execute("pragma synchronous=full")
        return lambda n: db.execute("insert into events (kind, body) values (?, ?)", ("m", json.dumps(batches[n][0].body)))
    store = opened(place / "segue")
    stack.callback(store.close)
    session = named_uuid("shared" if kind == "segue, one session" else str(number))
    with suppress(ExistsError):  # another writer of the same session was first
        store.create(session, [Draft("session.created", {})])
    return lambda n: store.append(session, batches[n])


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    asked = json.loads(sys.argv[1])
    what = {"appends": appends, "write": write, "loads": loads, "turns": turns}[asked.pop("do")]
    found = what(Path(asked.pop("place")), **asked)
    os.write(1, (json.dumps(found) + "\n").encode())
