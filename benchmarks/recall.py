"""Next-action recall: restored contexts of real sessions against simple packers, and against the agents' own summaries.

    python benchmarks/recall.py [TRANSCRIPT...] [--runs N]

Sessions are imported by the real readers; at each cut the session is restored at that position, the way of `segue restore`,
and what the agent did next is looked for in it (`next_action.py`). Where the agent condensed its own context, its summary is
held against a context of that size. Tokens are counted exactly (o200k, by rs-bpe). Each session is
reported, and what the mean is without it.
"""

import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

import baselines
import context_data
import next_action as na
from context_data import SPLITS, Session, Split
from intervals import mean_of, short, without_each

from segue.core.context.items import Item, from_events
from segue.core.context.pack import Context
from segue.core.context.quoting import visible
from segue.core.log.events import Event
from segue.engine.capture.importing import import_paths
from segue.engine.context.restoring import Wanted, restore
from segue.host.tokenizers import Exact, exact
from segue.ports import Store
from segue.stores.memory import MemoryStore
from segue.testing.fakes import FakeClock, FakeIds
from segue.transcripts import transcripts

BUDGETS: Final = (1_000, 5_000, 25_000, 40_000)
ALL_SAID_FROM: Final = 5_000
TARGETS: Final = {1_000: (0.90, 0.40, 0.0), 5_000: (0.985, 0.70, 0.36), 25_000: (0.995, 0.95, 0.95), 40_000: (0.995, 0.95, 0.97)}
"""File, identifier, edit line, on sessions that nothing was tuned on."""
METHODS: Final = ("most recent", "BM25", "segue")
SUMMARY: Final = "the agent's summary"
_RUN_BUDGETS: Final = (1_000, 5_000)
"""Runs are short: half of them are whole in 25,000 tokens."""


class Result(NamedTuple):
    """One context of one cut, and what it recalled."""

    session: Session
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
        self.said = 0
        """Instructions of the user that were looked for."""

    def shares(self, field: str, size: str, method: str, of: Sequence[Session]) -> dict[str, list[float]]:
        """Return the recalls of each session's cuts that have something to find."""
        found: dict[str, list[float]] = {}
        for result in self.results:
            hits, chances = getattr(result.recall, field)
            if (result.size, result.method) == (size, method) and result.session in of and chances:
                found.setdefault(result.session.name, []).append(hits / chances)
        return found


def main(arguments: Sequence[str]) -> int:
    """Measure and report; return 1 where a target is missed on what was held out, or there is no data."""
    count = int(arguments[arguments.index("--runs") + 1]) if "--runs" in arguments else 24
    paths = [Path(argument) for argument in arguments if argument.endswith((".jsonl", ".gz"))]
    sessions = [Session(path.name[:8], "held out", path) for path in paths] or context_data.sessions()
    counter = exact("o200k")
    if not sessions or counter is None:
        print("next actions: nothing measured: no sessions, or no exact tokenizer; docs/context-quality.md says what to fetch")
        return 1
    tally = Tally()
    for session in sessions:
        measure(session, counter, tally)
    report(tally, [session for session in sessions if any(result.session == session for result in tally.results)])
    with TemporaryDirectory() as folder:
        runs = list(_some(context_data.runs(lambda name: Path(folder) / f"{name}.jsonl"), count))
        of_runs = Tally()
        for run in runs:
            measure(run, counter, of_runs, _RUN_BUDGETS)
        if runs:
            report_runs(of_runs, runs)
    missed = [*tally.faults, *of_runs.faults]
    for fault in missed:
        print(f"MISSED: {fault}")
    return 1 if missed else 0


def _some(runs: Iterator[Session], count: int) -> Iterator[Session]:
    """Yield the first *count* runs of each split."""
    left = dict.fromkeys(SPLITS, count)
    for run in runs:
        if left[run.split] > 0:
            left[run.split] -= 1
            yield run
        if not any(left.values()):
            return


def measure(session: Session, counter: Exact, tally: Tally, budgets: Sequence[int] = BUDGETS) -> None:
    """Measure every cut of one session."""
    place = imported(session.path)
    events = list(place.store.read(place.session))
    items = from_events(events)
    for cut in na.cuts(items):
        compare(place, session, {f"{budget:,}": budget for budget in budgets}, cut, events, counter, tally)
    for cut, summary in na.compaction_cuts(items):
        known = na.Known(from_events([event for event in events if event.seq < cut.at]))
        tally.results.append(Result(session, SUMMARY, SUMMARY, na.recall(cut, known, summary)))
        compare(place, session, {SUMMARY: counter.count(summary)}, cut, events, counter, tally)


class Place(NamedTuple):
    """Where an imported session is."""

    store: Store
    session: str


def imported(path: Path) -> Place:
    """Return the longest session of a transcript, imported."""
    store = MemoryStore(clock=FakeClock(), ids=FakeIds())
    found = import_paths(store, transcripts(), [str(path)], clock=FakeClock()).sessions
    return Place(store, max((session.id for session in found), key=lambda id_: store.info(id_).head.seq))


def compare(
    place: Place, session: Session, sizes: dict[str, int], cut: na.Cut, events: list[Event], counter: Exact, tally: Tally
) -> None:
    """Build the contexts of one cut by every method, and note what each recalls."""
    history = from_events([event for event in events if event.seq < cut.at])
    known = na.Known(history)
    for size, budget in sizes.items():
        start = time.perf_counter()
        context = restore(*place, Wanted(at=cut.at - 1, budget=budget), lambda _: counter).context
        tally.seconds.append(time.perf_counter() - start)
        check(f"{session.name} at {cut.at}, {size}", context, history, counter, tally)
        made = {
            "segue": context.text,
            "most recent": baselines.most_recent(history, budget, counter.count),
            "BM25": baselines.bm25(history, budget, counter.count),
        }
        tally.results += [Result(session, size, method, na.recall(cut, known, text)) for method, text in made.items()]


def check(where: str, context: Context, history: Sequence[Item], counter: Exact, tally: Tally) -> None:
    """Note a context over its budget, and an instruction of the user that it lacks."""
    tokens = counter.count(context.text)
    if tokens > context.budget:
        tally.faults.append(f"{where}: {tokens} tokens, over the budget of {context.budget}")
    if any(entry.status == "skipped" and entry.reason == "no room" for entry in context.items):
        tally.fill.append(tokens / context.budget)
    text = _plain(context.text)
    for item in history if context.budget >= ALL_SAID_FROM else ():
        if item.kind == "instruction":
            tally.said += 1
            if _plain(item.text) not in text:
                tally.faults.append(f"{where}: what the user said at {item.seq} is not in it whole")


def _plain(text: str) -> str:
    """Return *text* on one line, what is invisible in it shown, without what quoting adds to it."""
    return " ".join(visible(text).replace("\\", "").split())


def report(tally: Tally, sessions: Sequence[Session]) -> None:
    """Print recalls by split and session, hold those that were held out against the targets, each session against its summary."""
    print("next-action recall, o200k, counted exactly; 95 % intervals over cuts")
    for split in SPLITS:
        of = [session for session in sessions if session.split == split]
        for budget in BUDGETS if of else ():
            for method in METHODS:
                print(f"{split}, {budget:>6,}, {method:12} {_line(tally, f'{budget:,}', method, of)}")
            _judge(tally, split, budget, of)
    for session in sessions:
        for size in (*(f"{budget:,}" for budget in BUDGETS), SUMMARY):
            found = [
                " / ".join(_mean(tally, field, size, method, [session]) for field in na.Recall._fields)
                for method in ("segue", SUMMARY)
            ]
            print(
                f"  {session.name} ({session.split}), {size}: {found[0]}{f'; the summary {found[1]}' if size == SUMMARY else ''}"
            )
        _judge_summary(tally, session)
    _closing(tally)


def _line(tally: Tally, size: str, method: str, of: Sequence[Session]) -> str:
    parts = []
    for field in na.Recall._fields:
        groups = tally.shares(field, size, method, of)
        mean = mean_of([share for shares in groups.values() for share in shares])
        left = without_each(groups).values()
        parts.append(f"{field} {mean}" + (f" [{short(min(left))} to {short(max(left))}]" if left and method == "segue" else ""))
    return "; ".join(parts)


def _mean(tally: Tally, field: str, size: str, method: str, of: Sequence[Session]) -> str:
    values = [share for shares in tally.shares(field, size, method, of).values() for share in shares]
    return short(sum(values) / len(values)) if values else "-"


def _judge(tally: Tally, split: Split, budget: int, of: Sequence[Session]) -> None:
    for field, target in zip(na.Recall._fields, TARGETS[budget], strict=True):
        values = [share for shares in tally.shares(field, f"{budget:,}", "segue", of).values() for share in shares]
        if split == "held out" and values and sum(values) / len(values) < target:
            tally.faults.append(f"{field} at {budget:,} is {short(sum(values) / len(values))}, the target is {target}")


def _judge_summary(tally: Tally, session: Session) -> None:
    for field in na.Recall._fields:
        ours, theirs = (tally.shares(field, SUMMARY, method, [session]).get(session.name, []) for method in ("segue", SUMMARY))
        if ours and theirs and sum(ours) <= sum(theirs):
            tally.faults.append(f"{session.name}: {field} at the size of the agent's own summary: {ours}, the summary's {theirs}")


def _closing(tally: Tally) -> None:
    full = sum(fill >= 0.95 for fill in tally.fill)
    print(f"{full} of {len(tally.fill)} contexts that left something out are at least 95 % full")
    lacking = sum("the user said" in fault for fault in tally.faults)
    print(
        f"instructions of the user at {ALL_SAID_FROM:,} tokens and more: {tally.said - lacking} of {tally.said} are there whole"
    )
    slow = sorted(tally.seconds)
    print(f"read, fold, condense and pack: median {slow[len(slow) // 2] * 1000:.0f} ms, most {slow[-1] * 1000:.0f} ms")


def report_runs(tally: Tally, runs: Sequence[Session]) -> None:
    """Print the recalls of runs of mini-SWE-agent. It edits by commands: there are no edit lines."""
    lacking = sum("the user said" in fault for fault in tally.faults)
    print(f"instructions at {ALL_SAID_FROM:,} tokens: {tally.said - lacking} of {tally.said} are there whole")
    for split in SPLITS:
        of = [run for run in runs if run.split == split]
        for budget in _RUN_BUDGETS:
            for method in METHODS:
                shares = [tally.shares(field, f"{budget:,}", method, of) for field in ("file", "ident")]
                means = [str(mean_of([share for each in groups.values() for share in each])) for groups in shares]
                print(f"{len(of)} runs, {split}, {budget:>6,}, {method:12} file {means[0]}; ident {means[1]}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
