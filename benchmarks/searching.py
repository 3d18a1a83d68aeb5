"""Searching in a store of many messages: how fast it is taken in, how long answers take, and what that needs of memory."""

import json
import random
import re
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from benchmarks.contenders import opened
from benchmarks.corpus import small
from benchmarks.measure import clocked
from benchmarks.sizes import stored
from segue.core.log.events import Draft
from segue.core.log.ids import named_uuid

ASKED = 200
"""Questions of each kind that are asked in a fresh process."""
_SIZE = 300


def measure(place: Path, sessions: int, events: int) -> dict[str, Any]:
    """Return seconds, bytes and megabytes of indexing and searching in *sessions* times *events* messages."""
    from segue.stores.index.index import SqliteIndex

    made = small(events, _SIZE)
    with closing(opened(place / "store", durability="relaxed")) as store:
        for n in range(sessions):
            session = named_uuid("searched", str(n))
            needle = Draft("message", {"role": "user", "parts": [{"type": "text", "content": f"needle{n} in the haystack"}]})
            store.create(session, [Draft("session.created", {}), needle])
            for at in range(0, events, 100):
                store.append(session, made[at : at + 100])
        index = SqliteIndex(store, place / "store" / "index.sqlite")
        start, used = time.perf_counter(), time.process_time()
        index.catch_up()
        found: dict[str, Any] = {"events": sessions * (events + 2), "indexing": time.perf_counter() - start}
        found["indexing cpu"] = time.process_time() - used
        found["index"] = sum(p.stat().st_size for p in (place / "store").glob("index.sqlite*"))
        found["bytes"] = stored(place / "store") - found["index"]
        numbers = iter(range(100))

        def own_write() -> None:
            said = f"fresh{next(numbers)}"
            store.append(session, [Draft("message", {"role": "user", "parts": [{"type": "text", "content": said}]})])
            if not index.search(said).hits:
                raise AssertionError("a search does not see what was just appended")

        found["append a message and find it"] = clocked(own_write, 9)
        index.close()
    asked = [sys.executable, "-m", "benchmarks.searching", str(place / "store"), str(sessions)]
    done = subprocess.run(asked, capture_output=True, text=True, check=True, cwd=Path(__file__).parent.parent)
    return found | json.loads(done.stdout)


def ask(place: str, sessions: int) -> dict[str, Any]:
    """Return how long questions of each kind take, in seconds and of CPU, and the most memory of this process in megabytes."""
    from segue.stores.index.index import SqliteIndex

    chance = random.Random(5)
    words = [w for draft in small(2_000, _SIZE) for w in re.findall(r"[a-z]{4,}", draft.body["parts"][0]["content"])]
    with closing(opened(Path(place))) as store, closing(SqliteIndex(store, Path(place) / "index.sqlite")) as index:

        def some(count: int) -> str:
            return " ".join(chance.choice(words) for _ in range(count))

        kinds: dict[str, Callable[[], object]] = {
            "a word that is there once": lambda: index.search(f"needle{chance.randrange(sessions)}", order="best"),
            "a word of the corpus": lambda: index.search(some(1), order="best"),
            "three words": lambda: index.search(some(3), order="best"),
            "six words": lambda: index.search(some(6), order="best"),
            "six words, of one role": lambda: index.search(some(6), role="user", order="best"),
            "a very common word": lambda: index.search("self", order="best"),
            "three words, newest first": lambda: index.search(some(3)),
            "a very common word, newest first": lambda: index.search("self"),
        }
        answers = {name: _times(one) for name, one in kinds.items()}
    return {"answers": answers, "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def _times(question: Callable[[], object]) -> dict[str, float]:
    wall, cpu = [], []
    for _ in range(ASKED):
        start, used = time.perf_counter(), time.process_time()
        question()
        wall.append(time.perf_counter() - start)
        cpu.append(time.process_time() - used)
    wall.sort()
    cpu.sort()
    middle, most = ASKED // 2, ASKED * 99 // 100
    return {"median": wall[middle], "p99": wall[most], "cpu": cpu[middle], "cpu p99": cpu[most]}


if __name__ == "__main__":
    print(json.dumps(ask(sys.argv[1], int(sys.argv[2]))))
