"""kill -9 in a fork-server loop: 1 to 8 concurrent writers, threads and processes, killed at a random moment.

A store lives through several kills, each verified in a fresh process, so that recovery from a recovered store is
tried too. What a verifier has read once must never be missing later.
"""

import random
import time
from pathlib import Path

from tests.faults.harness import (
    Acks,
    Job,
    Outcome,
    acknowledged,
    file_system,
    in_fresh_process,
    judged,
    kill_all,
    reap,
    replay_line,
    scratch,
    spawn_writers,
    split,
    wait_for_size,
    writer_errors,
)
from tests.faults.oracle import Expectation, Subject, Violation

NAME = "kill"
LIVES = 6
"""Kills that one store lives through."""


def run(subject: Subject, cases: int, seed: int, base: Path | None = None) -> Outcome:
    """Kill writers `cases` times and judge the store after each."""
    outcome = Outcome(NAME, subject.name, "", seed)
    begin = time.monotonic()
    life = 0
    while outcome.cases < cases:
        with scratch(base) as place:
            outcome.where = file_system(place)
            _one_store(subject, place, seed + life, min(LIVES, cases - outcome.cases), outcome)
        life += 1
    outcome.seconds = time.monotonic() - begin
    return outcome


def _one_store(subject: Subject, place: Path, seed: int, kills: int, outcome: Outcome) -> None:
    rng = random.Random(seed)
    root, ack_file = place / "store", place / "acks"
    root.mkdir(0o700)
    acks = Acks(ack_file)
    shared = in_fresh_process(lambda: [subject.create(root, f"shared{i}") for i in range(2)])
    for session in shared:
        acks.created(session)
    known: dict[tuple[str, str], int] = {}
    for kill in range(kills):
        jobs = _jobs(rng, shared, known, kill)
        before = acks.size()
        pids = spawn_writers(subject, root, ack_file, seed, split(rng, jobs))
        wait_for_size(ack_file, before)
        time.sleep(rng.random() ** 2 * 0.02)
        kill_all(pids)
        codes = reap(pids)
        sessions, events = acknowledged(ack_file.read_bytes())
        expected = Expectation(seed, sessions, known | _max(events, known))
        verdict = judged(subject, root, expected, append=rng.random() < 0.3)
        violations = list(verdict.violations)
        errors = writer_errors(ack_file)
        violations += [Violation("I6", f"a writer failed: {text[-500:]}") for text in errors]
        violations += [Violation("I6", f"a writer died by itself: {code}") for code in codes if code not in {-9, 3}]
        outcome.cases += 1
        if violations:
            outcome.fail(f"store {seed}, kill {kill}", tuple(violations), replay_line(NAME, subject.name, seed, {"cases": kills}))
            break
        known = dict(verdict.seen)
        outcome.note("kills while appending", sum(code == -9 for code in codes) > 0)
    outcome.acknowledged += sum(acknowledged(ack_file.read_bytes())[1].values())
    acks.close()


def _jobs(rng: random.Random, shared: list[str], known: dict[tuple[str, str], int], kill: int) -> list[Job]:
    """Let up to eight writers go on with the shared sessions or begin one of their own."""
    jobs = []
    for i in range(rng.choice((1, 1, 2, 3, 4, 8))):
        writer = f"w{i}"
        if rng.random() < 0.2:
            jobs.append(Job(f"{writer}k{kill}", f"own{kill}x{i}", create=True))
        else:
            session = rng.choice(shared)
            jobs.append(Job(writer, session, begin=known.get((session, writer), 0)))
    return jobs


def _max(events: dict[tuple[str, str], int], known: dict[tuple[str, str], int]) -> dict[tuple[str, str], int]:
    return {key: max(count, known.get(key, 0)) for key, count in events.items()}
