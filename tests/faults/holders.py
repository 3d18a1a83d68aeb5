"""Lock holders that fork, freeze and die: others wait for them no longer than they hold the lock, and nothing is mixed up."""

import os
import random
import signal
import time
from collections.abc import Callable  # noqa: TC003  (as everywhere)
from pathlib import Path

from tests.faults.harness import (
    Acks,
    ChildError,
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
    wait_for_size,
    writer_errors,
)
from tests.faults.oracle import Expectation, Subject, Violation, payload

NAME = "holders"
_PATIENCE = 120.0
"""Seconds within which the others have to go on once a holder is dead or awake again."""


def run(subject: Subject, cases: int, seed: int, base: Path | None = None) -> Outcome:
    """Try `cases` holders, each kind in turn."""
    outcome = Outcome(NAME, subject.name, "", seed)
    begin = time.monotonic()
    kinds: list[Callable[[Subject, Path, int, Outcome], list[Violation]]] = [_forked, _frozen, _frozen]
    if hasattr(subject, "store"):
        kinds.append(_stale_driver)
    for case in range(cases):
        kind = kinds[case % len(kinds)]
        with scratch(base) as place:
            outcome.where = file_system(place)
            violations = kind(subject, place, seed + case, outcome)
            if (place / "acks").exists():
                outcome.acknowledged += sum(acknowledged((place / "acks").read_bytes())[1].values())
        outcome.cases += 1
        if violations:
            replay = replay_line(NAME, subject.name, seed + case, {"cases": len(kinds)})
            outcome.fail(f"case {case}: {kind.__name__}", tuple(violations), replay)
    outcome.seconds = time.monotonic() - begin
    return outcome


def _begin(subject: Subject, place: Path) -> tuple[Path, str, Acks]:
    root = place / "store"
    root.mkdir(0o700)
    acks = Acks(place / "acks")
    session = in_fresh_process(lambda: subject.create(root, "shared"))
    acks.created(session)
    return root, session, acks


def _end(subject: Subject, place: Path, root: Path, seed: int) -> list[Violation]:
    sessions, events = acknowledged((place / "acks").read_bytes())
    return list(judged(subject, root, Expectation(seed, sessions, events), append=True).violations)


def _forked(subject: Subject, place: Path, seed: int, outcome: Outcome) -> list[Violation]:
    """A process forks while its store is open, and both go on with it."""
    root, session, _ = _begin(subject, place)

    def work() -> list[int]:
        acks = Acks(place / "acks")
        writer = subject.open(root, session)
        writer.append([payload(seed, "parent", 0)])
        acks.appended(session, "parent", 1)
        children = []
        for child in range(2):
            pid = os.fork()
            if pid == 0:
                code = 3
                try:
                    for number in range(25):
                        writer.append([payload(seed, f"child{child}", number)])
                        acks.appended(session, f"child{child}", number + 1)
                    code = 0
                finally:
                    os._exit(code)
            children.append(pid)
        for number in range(1, 25):
            writer.append([payload(seed, "parent", number)])
            acks.appended(session, "parent", number + 1)
        return reap(children)

    try:
        codes = in_fresh_process(work)
    except ChildError as error:
        return [Violation("I6", f"a process that forked: {str(error)[-500:]}")]
    outcome.note("forked")
    failed = [Violation("I6", f"a forked child ended with {code}") for code in codes if code]
    return failed + _end(subject, place, root, seed)


def _frozen(subject: Subject, place: Path, seed: int, outcome: Outcome) -> list[Violation]:
    """One of four writers is stopped at a random moment, then killed or woken up; the others have to go on."""
    rng = random.Random(seed)
    root, session, acks = _begin(subject, place)
    groups = [[Job(f"w{i}", session)] for i in range(4)]
    pids = spawn_writers(subject, root, place / "acks", seed, groups)
    wait_for_size(place / "acks", acks.size())
    time.sleep(rng.random() * 0.05)
    holder = rng.choice(pids)
    kill_all([holder], signal.SIGSTOP)
    time.sleep(0.01)
    size = acks.size()
    time.sleep(0.1)
    outcome.note("frozen with the lock" if acks.size() == size else "frozen without the lock")
    kill_all([holder], signal.SIGKILL if rng.random() < 0.5 else signal.SIGCONT)
    size = acks.size()
    grown = wait_for_size(place / "acks", size, _PATIENCE)
    kill_all(pids)
    reap(pids)
    violations = [Violation("I6", f"a writer failed: {text[-500:]}") for text in writer_errors(place / "acks")]
    if grown <= size:
        violations.append(Violation("I6", f"nobody went on within {_PATIENCE:.0f} s"))
    return violations + _end(subject, place, root, seed)


def _stale_driver(subject: Subject, place: Path, seed: int, outcome: Outcome) -> list[Violation]:
    """A driver sleeps past the end of its lease while another takes over: its next append is refused."""
    from segue.core.errors import FencedError
    from segue.core.log.events import Draft

    root, session, _ = _begin(subject, place)
    open_store = subject.store  # type: ignore[attr-defined]

    def drive() -> str:
        store = open_store(root)
        store.append(session, [Draft("fault.drive", {"by": "first"})])
        lease = store.acquire(session, "first", 0.05)
        os.kill(os.getpid(), signal.SIGSTOP)
        try:
            store.append(session, [Draft("fault.drive", {"by": "stale"})], fence=lease.token)
        except FencedError:
            return "fenced"
        return "accepted"

    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.write(writing, drive().encode())
        finally:
            os._exit(0)
    os.close(writing)
    os.waitpid(pid, os.WUNTRACED)

    def take_over() -> None:
        store = open_store(root)
        while store.lease(session) is not None:
            time.sleep(0.01)
        lease = store.acquire(session, "second", 30.0)
        store.append(session, [Draft("fault.drive", {"by": "second"})], fence=lease.token)

    in_fresh_process(take_over)
    os.kill(pid, signal.SIGCONT)
    answer = os.read(reading, 100).decode()
    os.close(reading)
    os.waitpid(pid, 0)

    def drivers() -> list[str]:
        store = open_store(root)
        return [event.body["by"] for event in store.read(session) if event.kind == "fault.drive"]

    found = in_fresh_process(drivers)
    outcome.note("stale drivers")
    if answer != "fenced" or found != ["first", "second"]:
        return [Violation("I5", f"a stale driver's append was {answer or 'lost'}, the log says {found}")]
    return []
