"""How good restored contexts are: next-action recall at token budgets, over real sessions of coding agents.

    python benchmarks/context.py [TRANSCRIPT...]      make bench-context

Sessions are imported by the real reader; at each cut the log is restored as it was then (events -> items -> units -> context)
and held against simple packers, and where the agent condensed its own context, against its summary at that size. Without
arguments the Claude Code sessions in SEGUE_SAMPLES are used, or those in `../shared/samples/long` beside the project.
Tokens are counted exactly (o200k, by rs-bpe). Deterministic. Exit code 1: a target was missed, or there is no data.
"""

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import baselines
import next_action as na

from segue.core.context.condense import units
from segue.core.context.items import Item, from_events
from segue.core.context.known import known_of
from segue.core.context.lanes import restore
from segue.core.context.pack import Context
from segue.core.context.tokens import Estimator
from segue.core.log.events import Event
from segue.core.session.state import fold
from segue.engine.importing import import_paths
from segue.host.tokenizers import Exact, exact
from segue.stores.memory import MemoryStore
from segue.testing.fakes import FakeClock, FakeIds
from segue.transcripts import transcripts

BUDGETS = (1_000, 5_000, 25_000, 40_000)
ALL_SAID_FROM = 5_000
TARGETS = {1_000: (0.86, 0.33, 0.05), 5_000: (0.98, 0.61, 0.18), 25_000: (0.98, 0.93, 0.94)}
"""What a first prototype reached on the two sessions of samples/long: file, identifier, edit line."""
METHODS = ("most recent", "BM25", "segue")
SUMMARY = "the agent's summary"


class Result(NamedTuple):
    """One context of one cut, and what it recalled."""

    session: str
    size: str
    method: str
    recall: na.Recall


class Tally:
    """All results, and what went wrong."""

    def __init__(self) -> None:
        """Begin with none."""
        self.results: list[Result] = []
        self.faults: list[str] = []
        self.seconds: list[float] = []
        self.fill: list[float] = []
        self.estimated = [0, 0]
        """Contexts packed by the estimator, and those over their budget."""

    def add(self, session: str, size: str, method: str, recall: na.Recall) -> None:
        """Note a result."""
        self.results.append(Result(session, size, method, recall))

    def means(self, size: str, method: str, session: str | None = None) -> list[float | None]:
        """Return the mean recalls by file, identifier, edit line."""
        found = [r.recall for r in self.results if (r.size, r.method) == (size, method) and session in (None, r.session)]
        return [na.mean([getattr(recall, name) for recall in found]) for name in na.Recall._fields]


def main(arguments: Sequence[str]) -> int:
    paths = [Path(argument) for argument in arguments] or sessions()
    counter = exact("o200k")
    if not paths or counter is None:
        missing = "no sessions" if counter else "no exact tokenizer (make setup installs rs-bpe)"
        print(f"nothing measured: {missing}; name transcripts, or set SEGUE_SAMPLES to a directory of Claude Code sessions")
        return 1
    tally = Tally()
    for path in paths:
        measure(path, counter, tally)
    report(tally, counter)
    return 1 if tally.faults else 0


def sessions() -> list[Path]:
    """Return the real sessions on this machine, in the order of their names."""
    given = os.environ.get("SEGUE_SAMPLES")
    place = Path(given) if given else Path(__file__).parents[2] / "shared/samples/long"
    return sorted(path for pattern in ("*.jsonl", "*.jsonl.gz") for path in place.glob(pattern))


def measure(path: Path, counter: Exact, tally: Tally) -> None:
    """Measure every cut of one session."""
    store = MemoryStore(clock=FakeClock(), ids=FakeIds())
    (imported,) = import_paths(store, transcripts(), [str(path)], clock=FakeClock()).sessions
    events = list(store.read(imported.id))
    items = from_events(events)
    name = imported.foreign_id[:8]
    for cut in na.cuts(items):
        before = [event for event in events if event.seq < cut.at]
        for budget in BUDGETS:
            compare(name, f"{budget:,}", budget, cut, before, counter, tally)
    for cut, summary in na.compaction_cuts(items):
        before = [event for event in events if event.seq < cut.at]
        history = from_events(before)
        tally.add(name, SUMMARY, SUMMARY, na.recall(cut, na.Known(history), summary))
        compare(name, SUMMARY, counter.count(summary), cut, before, counter, tally)


def compare(name: str, size: str, budget: int, cut: na.Cut, before: list[Event], counter: Exact, tally: Tally) -> None:
    """Build the context of one cut by every method, and note what each recalls."""
    history = from_events(before)
    known = na.Known(history)
    start = time.perf_counter()
    context = restore(units(history), known_of(fold(before)), budget, counter)
    tally.seconds.append(time.perf_counter() - start)
    check(f"{name} at {cut.at}, {size}", context, history, counter, tally)
    estimated = restore(units(history), known_of(fold(before)), budget, Estimator("o200k"))
    tally.estimated[0] += 1
    tally.estimated[1] += counter.count(estimated.text) > budget
    tally.add(name, size, "segue", na.recall(cut, known, context.text))
    tally.add(name, size, "most recent", na.recall(cut, known, baselines.most_recent(history, budget, counter.count)))
    tally.add(name, size, "BM25", na.recall(cut, known, baselines.bm25(history, budget, counter.count)))


def check(where: str, context: Context, history: Sequence[Item], counter: Exact, tally: Tally) -> None:
    """Note a context over its budget, and an instruction of the user that it lacks."""
    tokens = counter.count(context.text)
    if tokens > context.budget:
        tally.faults.append(f"{where}: {tokens} tokens, over the budget of {context.budget}")
    if any(entry.status == "skipped" and entry.reason == "no room" for entry in context.items):
        tally.fill.append(tokens / context.budget)
    text = " ".join(context.text.split())
    for item in history if context.budget >= ALL_SAID_FROM else ():
        if item.kind == "instruction" and " ".join(item.text.split()) not in text:
            tally.faults.append(f"{where}: what the user said at {item.seq} is not in it")


def report(tally: Tally, counter: Exact) -> None:
    """Print the recalls by session and in total, and hold them against the targets."""
    names = sorted({result.session for result in tally.results})
    sizes = [f"{budget:,}" for budget in BUDGETS]
    print(f"next-action recall: file / identifier / edit line; {counter.family}, counted exactly by {counter.name}")
    for session in [*names, None]:
        print(f"\n{session or 'all'}")
        for method in METHODS:
            print(f"  {method:20}" + "".join(f"{size:>7}: {shown(tally.means(size, method, session))}" for size in sizes))
        for method in (SUMMARY, *METHODS):
            print(f"  at the agent's own summary's size, {method:20} {shown(tally.means(SUMMARY, method, session))}")
    judge(tally)
    full = sum(fill >= 0.95 for fill in tally.fill)
    print(f"\n{full} of {len(tally.fill)} contexts that left something out are at least 95 % full")
    print(f"packed by the estimator: {tally.estimated[1]} of {tally.estimated[0]} over their budget")
    slowest, middle = max(tally.seconds), sorted(tally.seconds)[len(tally.seconds) // 2]
    print(f"fold, condense and pack: median {middle * 1000:.0f} ms, most {slowest * 1000:.0f} ms")
    for fault in tally.faults:
        print(f"FAILED: {fault}")
    print("all targets are met" if not tally.faults else f"{len(tally.faults)} targets missed")


def judge(tally: Tally) -> None:
    """Note the targets that are missed."""
    for budget, targets in TARGETS.items():
        for name, target, found in zip(na.Recall._fields, targets, tally.means(f"{budget:,}", "segue"), strict=True):
            if found is not None and found < target:
                tally.faults.append(f"{name} recall at {budget:,} is {found:.3f}, the target is {target}")
    ours, theirs = tally.means(SUMMARY, "segue"), tally.means(SUMMARY, SUMMARY)
    for name, mine, other in zip(na.Recall._fields, ours, theirs, strict=True):
        if mine is not None and other is not None and mine <= other:
            tally.faults.append(f"{name} recall at the size of the agent's own summary is {mine:.3f}, the summary's {other:.3f}")


def shown(means: Sequence[float | None]) -> str:
    return "/".join("  - " if mean is None else f"{mean:.2f}" for mean in means)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
