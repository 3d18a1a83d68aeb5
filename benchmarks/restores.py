"""What a restored context costs out of a long session: whole fresh processes, interpreter and imports included.

The text is the standard library's source in turns of a user's message (every eighth turn), a call, its answer and a reply; tokens
are taken as four characters. Tokens of the context are estimated, as for everybody who installed no tokenizer. Modules are
compiled before the first run, as they are where segue is installed.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.corpus import Conversation
from benchmarks.measure import compiled
from benchmarks.startup import cpu
from segue.core.log.events import Draft
from segue.core.log.ids import named_uuid
from segue.host.clock import SystemClock, SystemIds
from segue.stores.log import LogStore

SESSION = named_uuid("session")
BUDGETS = (5_000, 25_000, 40_000)
_PROGRAM = """
import json, resource, sys
from pathlib import Path
from segue.core.context.tokens import Estimator
from segue.engine.context.restoring import Wanted, restore
from segue.host.clock import SystemClock, SystemIds
from segue.stores.log import LogStore
place, session, budget = sys.argv[1], sys.argv[2], int(sys.argv[3])
store = LogStore(place, clock=SystemClock(), ids=SystemIds())
tokens = 0
if budget:
    tokens = restore(store, session, Wanted(budget=budget), lambda model: Estimator("claude-4.8")).context.size.tokens
status = Path("/proc/self/status")  # unlike getrusage it does not count what the process was before it ran this
if status.exists():
    peak = next(int(line.split()[1]) * 1024 for line in status.read_text().splitlines() if line.startswith("VmHWM"))
else:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps([tokens, peak]))
"""


def measure(place: Path, sizes: tuple[int, ...], rounds: int) -> dict[str, Any]:
    """Return, for sessions of so many tokens, what the first context costs and what later ones cost, by budget."""
    found: dict[str, Any] = {}
    _session(place / "warm", 1_000)
    _run(place / "warm", BUDGETS[0])
    for tokens in sizes:
        home = place / str(tokens)
        events, size = _session(home, tokens)
        first = _run(home, BUDGETS[1])
        runs, bare = [], []
        for _ in range(rounds):
            bare.append(cpu([sys.executable, "-c", "pass"]))
            runs.append({f"{budget}": _run(home, budget) for budget in (0, *BUDGETS)})
        later = {budget: _median([run[budget] for run in runs]) for budget in runs[0]}
        about = {"events": events, "bytes": size, "bare": statistics.median(bare)}
        found[f"{tokens}"] = about | {"first": first, "later": later}
    return found


def _session(place: Path, tokens: int) -> tuple[int, int]:
    store = LogStore(place, clock=SystemClock(), ids=SystemIds(), durability="relaxed")
    store.create(SESSION, [Draft("session.created", {"name": "SESSION-260115-001", "task": "measure", "workspace": "/w"})])
    said = 0
    for number, turn in enumerate(Conversation().turns(tokens)):
        drafts = turn if number % 8 == 0 else turn[1:]
        store.append(SESSION, drafts)
        parts = [part for draft in drafts for part in draft.body["parts"]]
        said += sum(len(part.get("content", "")) + len(part.get("response", "")) for part in parts)
        if said >= tokens * 4:
            break
    info = store.info(SESSION)
    store.close()
    return info.head.seq, info.size


def _run(place: Path, budget: int) -> dict[str, float]:
    """Return seconds, CPU seconds and megabytes of a process that restores a context; budget 0: that only opens the store."""
    command = [sys.executable, "-c", _PROGRAM, str(place), SESSION, str(budget)]
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, env=compiled(place.parent))
    assert process.stdout is not None
    said = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"a context could not be restored: {process.returncode}")
    tokens, peak = json.loads(said)
    return {"seconds": seconds, "cpu": used.ru_utime + used.ru_stime, "mb": peak / 1e6, "tokens": tokens}


def _median(runs: list[dict[str, float]]) -> dict[str, float]:
    return {name: statistics.median(run[name] for run in runs) for name in runs[0]}
