"""The index and the caches lost or damaged: they are computed from the log, so nothing may be missing without them.

After any of them is deleted, emptied, cut, flipped or filled with noise, the store reads as before, what was appended with
a key is not appended twice, and the next append works.
"""

import random
import time
from collections.abc import Callable, Sequence  # noqa: TC003  (as everywhere)
from pathlib import Path

from tests.faults.harness import Acks, ChildError, Job, Outcome, acknowledged, in_fresh_process, judged, replay_line, scratch
from tests.faults.oracle import Expectation, Subject, Violation, payload
from tests.faults.writer import Stubborn

NAME = "caches"
_APPENDS = 30


def run(subject: Subject, cases: int, seed: int, base: Path | None = None) -> Outcome:
    """Take caches away `cases` times, between appends."""
    outcome = Outcome(NAME, subject.name, "any", seed)
    begin = time.monotonic()
    for case in range(cases):
        with scratch(base) as place:
            violations, acks = _one(subject, place, seed + case)
        outcome.cases += 1
        outcome.acknowledged += acks
        if violations:
            outcome.fail(f"case {case}", tuple(violations), replay_line(NAME, subject.name, seed + case, {"cases": 1}))
    outcome.seconds = time.monotonic() - begin
    return outcome


def _one(subject: Subject, place: Path, seed: int) -> tuple[list[Violation], int]:
    rng = random.Random(seed)
    root = place / "store"
    root.mkdir(0o700)
    derived: Callable[[Path], Sequence[Path]] = getattr(subject, "derived", lambda _: ())
    violations: list[Violation] = []

    def write(begin: int) -> None:
        for i in range(2):
            job = Job(f"w{i}x{begin}", f"s{i}", create=True, limit=_APPENDS)
            writer = Stubborn(subject, root, Acks(place / "acks"), seed, job)
            writer.run()
            if writer.errors:
                raise RuntimeError(writer.errors[0])

    for round_ in range(2):
        try:
            in_fresh_process(lambda: write(round_))  # noqa: B023  (called at once)
        except ChildError as error:
            violations.append(Violation("I6", f"an append failed after the caches were gone: {str(error)[-600:]}"))
            break
        for path in derived(root):
            if rng.random() < 0.7:
                _spoil(path, rng)
        sessions, events = acknowledged((place / "acks").read_bytes())
        expected = Expectation(seed, sessions, events)
        verdict = judged(subject, root, expected)
        violations += verdict.violations
        if getattr(subject, "keyed", False):
            in_fresh_process(lambda: _repeat(subject, root, events, seed))  # noqa: B023  (called at once)
            again = judged(subject, root, expected)
            violations += again.violations
            if again.seen != verdict.seen:
                violations.append(Violation("I2", "what was appended with known keys is there twice"))
    return violations, sum(acknowledged((place / "acks").read_bytes())[1].values())


def _repeat(subject: Subject, root: Path, events: dict[tuple[str, str], int], seed: int) -> None:
    """Append known events again, one at a time."""
    for (session, writer), count in events.items():
        for number in sorted({0, count // 2, count - 1}):
            subject.open(root, session).append([payload(seed, writer, number)])


def _spoil(path: Path, rng: random.Random) -> None:
    data = path.read_bytes()
    kind = rng.choice(("deleted", "deleted", "empty", "cut", "bit", "noise"))
    if kind == "deleted" and path.name != "lock":
        path.unlink()
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "cut":
        path.write_bytes(data[: len(data) // 2])
    elif kind == "bit" and data:
        at = rng.randrange(len(data))
        path.write_bytes(data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1 :])
    elif kind == "noise":
        path.write_bytes(rng.randbytes(rng.randrange(1, 4096)))
