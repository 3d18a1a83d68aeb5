"""Runs the fault tests and says what was found: `python -m tests.faults.run --short`, `--long`, or `--only METHOD`.

Every part prints its seed; a failing case prints the command that shows it again. Each control must be caught: a method
that lets one pass is blind, and the run is red. `--long` writes its results, a line for each part, to
`.cache/faults/results.jsonl` as they come, and from them the tables of `docs/reliability.md`.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict
from functools import partial
from pathlib import Path

from tests.faults import (
    caches,
    damage,
    errors,
    fulldisk,
    holders,
    kill,
    meanwhile,
    powerloss,
    scarce,
    signals,
    states,
    sweep,
    ticks,
)
from tests.faults.disk import ordered
from tests.faults.harness import Outcome, die_with_parent, scratch
from tests.faults.operations import NAMED, Operation
from tests.faults.oracle import Subject
from tests.faults.plan import CONTROLS, LONG, SHORT, Part, parts
from tests.faults.report import write_report
from tests.faults.subjects import SUBJECTS
from tests.faults.trace import read

PROJECT = Path(__file__).resolve().parents[2]
CACHE = PROJECT / ".cache" / "faults"

METHODS: dict[str, Callable[..., Outcome]] = {
    kill.NAME: kill.run,
    states.NAME: partial(states.run, keep=CACHE),
    errors.NAME: partial(errors.run, keep=CACHE),
    "power-ext4": partial(powerloss.run, kind="ext4"),
    "power-xfs": partial(powerloss.run, kind="xfs"),
    fulldisk.NAME: fulldisk.run,
    damage.NAME: damage.run,
    caches.NAME: caches.run,
    holders.NAME: holders.run,
    signals.NAME: signals.run,
    ticks.NAME: ticks.run,
    sweep.NAME: sweep.run,
    scarce.NAME: scarce.run,
    meanwhile.NAME: meanwhile.run,
}
TRIED: Mapping[str, Subject | Operation] = {**SUBJECTS, **NAMED}
"""What faults are tried on, by name: stores, and of the sweep operations."""
ON_DISK = {kill.NAME, holders.NAME}
"""Methods that can also run on the disk that the project is on."""


def run_part(part: Part, seed: int) -> Outcome:
    """Run one part and return its outcome."""
    method = METHODS[part.method]
    if part.on_disk and part.method in ON_DISK:
        CACHE.mkdir(parents=True, exist_ok=True)
        return method(TRIED[part.subject], part.cases, seed, base=CACHE)
    return method(TRIED[part.subject], part.cases, seed)


def run_all(wanted: list[Part], seed: int, jobs: int, results: Path | None) -> list[tuple[Part, Outcome]]:
    """Run parts on several processes, tell of each as it ends, and return all outcomes."""
    done: list[tuple[Part, Outcome]] = []
    with ProcessPoolExecutor(jobs, initializer=die_with_parent) as pool:
        waiting = {pool.submit(run_part, part, seed + 1_000_003 * number): part for number, part in enumerate(wanted)}
        for future in as_completed(waiting):
            part, outcome = waiting[future], future.result()
            done.append((part, outcome))
            tell(part, outcome)
            if results is not None:
                with results.open("a") as file:
                    file.write(json.dumps({"part": asdict(part), "at": time.time(), "outcome": asdict(outcome)}) + "\n")
    return done


def tell(part: Part, outcome: Outcome) -> None:
    """Print one outcome; of a control only whether it was caught."""
    what = f"{part.method:10} {part.subject:24} seed {outcome.seed:<12} {outcome.cases:6} cases"
    if outcome.skipped:
        print(f"{what}  NOT RUN: {outcome.skipped}", flush=True)
    elif part.control:
        print(f"{what}  {'caught' if outcome.failed else 'NOT CAUGHT: the method is blind'} ({outcome.failed})", flush=True)
    else:
        print(
            f"{what}  {outcome.failed} failed, {outcome.acknowledged} acknowledged, {outcome.seconds:.0f} s{_longest(outcome)}",
            flush=True,
        )
        print_failures(outcome)


def _longest(outcome: Outcome) -> str:
    longest = outcome.notes.get(signals.LONGEST)
    return f", the longest {longest} ms" if longest else ""


def print_failures(outcome: Outcome) -> None:
    """Print the first failing cases and how to see them again."""
    for failure in outcome.failures[:4]:
        print(f"  {failure.case}", flush=True)
        for violation in failure.violations[:4]:
            print(f"    {violation}", flush=True)
        print(f"    again: {failure.replay}", flush=True)


def is_good(done: list[tuple[Part, Outcome]]) -> bool:
    """Return whether segue survived everything and every control was caught."""
    caught: dict[tuple[str, str], bool] = {}
    for part, outcome in done:
        if part.control and not outcome.skipped:
            key = (part.method, part.subject)
            caught[key] = caught.get(key, False) or outcome.failed > 0
    return all(caught.values()) and not any(outcome.failed for part, outcome in done if not part.control)


def replay_trace(subject: str, trace: Path, seed: int, cases: int, state: int) -> int:
    """Judge one crash state of a kept recording again."""
    with scratch() as place:
        outcome = states.judge_states(SUBJECTS[subject], place, trace.read_bytes(), seed, cases, only=state)
    print_failures(outcome)
    print(f"{len(list(ordered(read(trace.read_bytes()))))} records, {outcome.failed} failed")
    return 1 if outcome.failed else 0


def arguments() -> argparse.Namespace:
    """Return the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.run", description=__doc__.splitlines()[0])
    parser.add_argument("--short", action="store_true", help="the form of make test: at most four minutes on two cores")
    parser.add_argument("--long", action="store_true", help="the form of make faults")
    parser.add_argument("--scale", type=float, default=1.0, help="multiply the number of cases")
    parser.add_argument("--only", choices=sorted(METHODS), action="append", help="one method (repeatable)")
    parser.add_argument("--subject", choices=sorted(TRIED), help="one store, or of the sweep one operation")
    parser.add_argument("--cases", type=int, help="how many cases, with --only and --subject")
    parser.add_argument("--seed", type=int, help="the first seed")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--trace", type=Path, help="a kept recording to judge --state of again")
    parser.add_argument("--state", type=int)
    parser.add_argument("--point", type=int, help="one point of a swept operation, with every fault")
    parser.add_argument("--json", action="store_true", help="print outcomes as JSON lines")
    parser.add_argument("--report", action="store_true", help="only write docs/reliability.md from the kept results")
    return parser.parse_args()


def chosen(options: argparse.Namespace) -> Iterator[Part]:
    """Yield the parts that the command line asks for."""
    if options.only and options.subject:
        for method in options.only:
            control = (method, options.subject) in CONTROLS
            yield Part(method, options.subject, options.cases or 200, control=control)
        return
    for part in parts(LONG if options.long else SHORT, options.scale):
        if (not options.only or part.method in options.only) and (not options.subject or part.subject == options.subject):
            yield part


def main() -> int:
    """Run what is asked for; 0 if all is good."""
    options = arguments()
    results = CACHE / "results.jsonl"
    if options.report:
        write_report(results, PROJECT / "docs" / "reliability.md")
        return 0
    if options.point:
        METHODS[sweep.NAME] = partial(sweep.run, point=options.point)
    seed = options.seed if options.seed is not None else int(time.time()) if options.long else 1
    if options.trace:
        return replay_trace(options.subject, options.trace, seed, options.cases or states.PER_TRACE, options.state)
    if options.long:
        CACHE.mkdir(parents=True, exist_ok=True)
        powerloss.provide()
    done = run_all(list(chosen(options)), seed, options.jobs, results if options.long else None)
    if options.json:
        for part, outcome in done:
            print(json.dumps({"part": asdict(part), "outcome": asdict(outcome)}))
    if options.long:
        write_report(results, PROJECT / "docs" / "reliability.md")
    good = is_good(done)
    print("good" if good else "NOT good", flush=True)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
