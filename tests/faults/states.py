"""Crash states: a writer's calls are recorded, and disks that a crash could have left behind are built and judged.

At a chosen record the pending changes arrive or not: all, none, the first few, any subset; writes torn at 512 B or
4 KiB; names of new, renamed and removed files dropped. The acknowledgements up to that record have to hold.
"""

import hashlib
import os
import random
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from tests.faults.disk import Data, Disk, Layout, Naming, Node, ordered
from tests.faults.harness import Outcome, acknowledged, file_system, in_fresh_process, replay_line, scratch
from tests.faults.oracle import Expectation, Subject, Violation, judge
from tests.faults.trace import Op, Record, read, record

NAME = "states"
PER_TRACE = 500
"""Distinct crash states taken from one recording."""

Pending = tuple[Node, Data]
Pieces = dict[int, list[tuple[int, bytes | None]]]


@dataclass(frozen=True, slots=True)
class State:
    """A disk after a crash: at which record, by which rule, with what on it and what was acknowledged."""

    number: int
    position: int
    rule: str
    layout: Layout
    acks: bytes


def run(subject: Subject, cases: int, seed: int, base: Path | None = None, keep: Path | None = None) -> Outcome:
    """Record writers and judge `cases` distinct crash states of what they did."""
    outcome = Outcome(NAME, subject.name, "", seed)
    begin = time.monotonic()
    part = 0
    while outcome.cases < cases:
        wanted = min(PER_TRACE, cases - outcome.cases)
        with scratch(base) as place:
            outcome.where = f"recorded on {file_system(place)}"
            outcome.add(one_trace(subject, place, seed + part, wanted, keep=keep))
        part += 1
    outcome.note("recordings", part)
    outcome.seconds = time.monotonic() - begin
    return outcome


def one_trace(subject: Subject, place: Path, seed: int, wanted: int, plan: str = "", keep: Path | None = None) -> Outcome:
    """Record one run of the writers and judge up to *wanted* states of it, in a process of their own."""
    trace, errors = record(place, subject.name, seed, plan=plan)
    outcome = in_fresh_process(lambda: judge_states(subject, place, trace.read_bytes(), seed, wanted), limit=600)
    outcome.note("writers' errors", len(errors))
    wrong = [error for error in errors if not plan or error.startswith("RAW")]
    if wrong:
        what = "a writer met an error that nobody promised" if plan else "a writer failed without a fault"
        violations = tuple(Violation("I6", f"{what}: {error}") for error in wrong)
        outcome.fail(f"the recording itself {plan}", violations, replay_line(NAME, subject.name, seed, {"cases": wanted}))
    if outcome.failed and keep:
        keep.mkdir(parents=True, exist_ok=True)
        kept = keep / f"{subject.name}-{seed}.trace"
        shutil.copyfile(trace, kept)
        outcome.failures = [type(item)(item.case, item.violations, f"{item.replay} --trace {kept}") for item in outcome.failures]
    return outcome


def judge_states(subject: Subject, place: Path, trace: bytes, seed: int, wanted: int, only: int | None = None) -> Outcome:
    """Judge the crash states of a recording (or only one of them, by number)."""
    outcome = Outcome(NAME, subject.name, "", seed)
    rng = random.Random(seed)
    for state in states(ordered(read(trace)), seed, wanted):
        if only is not None and state.number != only:
            continue
        root = place / f"state{state.number}"
        build(root, state.layout)
        sessions, events = acknowledged(state.acks)
        verdict = judge(subject, root, Expectation(seed, sessions, events), append=rng.random() < 0.15)
        outcome.cases += 1
        outcome.acknowledged += sum(events.values())
        outcome.note(f"states: {state.rule}")
        if verdict.violations:
            replay = replay_line(NAME, subject.name, seed, {"cases": wanted, "state": state.number})
            outcome.fail(f"state {state.number} at record {state.position} ({state.rule})", verdict.violations, replay)
        if only is None:
            shutil.rmtree(root)
    return outcome


def build(root: Path, layout: Layout) -> None:
    """Lay a disk down as files."""
    root.mkdir(0o700)
    for path, content in layout.items():
        if content is None:
            (root / path).mkdir(0o700)
        else:
            fd = os.open(root / path, os.O_WRONLY | os.O_CREAT, 0o600)
            if content:
                with os.fdopen(fd, "wb") as file:
                    file.write(content)
            else:
                os.close(fd)


def states(records: list[Record], seed: int, wanted: int) -> Iterator[State]:
    """Yield up to *wanted* distinct crash states of a trace, a function of the trace and the seed alone."""
    rng = random.Random(seed)
    disk = Disk(random.Random(seed + 1))
    seen: set[bytes] = set()
    acks = b""
    tries = _tries(records, rng, wanted)
    number = 0
    for position, entry in enumerate(records):
        disk.apply(entry)
        if entry.op == Op.ACK:
            acks += entry.data
        for _ in range(tries[position]):
            rule, layout = _crash(disk, rng)
            key = _key(layout, acks)
            if key not in seen and number < wanted:
                seen.add(key)
                yield State(number, position, rule, layout, acks)
                number += 1


def _tries(records: list[Record], rng: random.Random, wanted: int) -> list[int]:
    """Say how many states to try at each record: more where names change, and just before a sync ends."""
    weights = [
        4.0 if item.op in {Op.RENAME, Op.UNLINK, Op.LINK, Op.MKDIR} else 2.0 if item.op != Op.ACK else 1.0 for item in records
    ]
    tries = [0] * len(records)
    for position in rng.choices(range(len(records)), weights, k=wanted * 2):
        tries[position] += 1
    return tries


def _crash(disk: Disk, rng: random.Random) -> tuple[str, Layout]:
    data, names = disk.pending()
    rule = rng.choices(("all", "none", "first", "subset", "torn", "names", "wild"), (1, 1, 3, 3, 4, 4, 3))[0]
    pieces: Pieces = {}
    kept: set[int] = set()
    if rule == "all":
        pieces, kept = _whole(data), {item.number for item in names}
    elif rule == "first":
        pieces, kept = _first(data, names, rng)
    elif rule == "subset":
        pieces = _whole([item for item in data if rng.random() < 0.5])
        kept = {item.number for item in names}
    elif rule == "torn":
        pieces = _torn(data, rng)
        kept = {item.number for item in names}
    elif rule == "names":
        pieces = _whole(data)
        kept = {item.number for item in names if rng.random() < 0.5}
    elif rule == "wild":
        pieces = _torn(data, rng)
        kept = {item.number for item in names if rng.random() < 0.5}
    return rule, disk.layout(pieces, kept)


def _whole(data: list[Pending]) -> Pieces:
    return {item.number: [(item.offset, item.bytes)] for _, item in data}


def _first(data: list[Pending], names: list[Naming], rng: random.Random) -> tuple[Pieces, set[int]]:
    """Let everything up to some change arrive, in the order of issue, and the last one torn."""
    numbers = sorted([item.number for _, item in data] + [item.number for item in names])
    last = rng.choice(numbers) if numbers else 0
    pieces = _whole([pair for pair in data if pair[1].number < last])
    for _, item in data:
        if item.number == last:
            pieces[last] = _tear(item, rng, prefix=True)
    return pieces, {item.number for item in names if item.number <= last}


def _torn(data: list[Pending], rng: random.Random) -> Pieces:
    return {item.number: _tear(item, rng, prefix=rng.random() < 0.5) for _, item in data if rng.random() < 0.8}


def _tear(item: Data, rng: random.Random, *, prefix: bool) -> list[tuple[int, bytes | None]]:
    """Return the blocks of a write that arrived: the first few, or any."""
    if item.bytes is None:
        return [(item.offset, None)]
    size = rng.choice((512, 4096))
    first = size - item.offset % size
    cuts = [0, *range(first, len(item.bytes), size), len(item.bytes)]
    blocks = [(item.offset + a, item.bytes[a:b]) for a, b in pairwise(cuts)]
    if prefix:
        return list(blocks[: rng.randrange(len(blocks) + 1)])
    return [block for block in blocks if rng.random() < 0.6]


def _key(layout: Layout, acks: bytes) -> bytes:
    digest = hashlib.blake2b(acks, digest_size=16)
    for path, content in sorted(layout.items()):
        digest.update(f"{path}\0{-1 if content is None else len(content)}\0".encode())
        digest.update(content or b"")
    return digest.digest()
