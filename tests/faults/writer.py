"""The writer program that is recorded: a few threads and processes that append, acknowledge, and meet errors.

An append that raises is not acknowledged. Its writer goes on under a new name, so that whatever became of the failed
append counts as the one that may be there or not; where the subject has idempotency keys, it tries the same again first.
Some processes of a plan with KILL end by it; others then go on where they were.
"""

import os
import random
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn, TypeVar

from tests.faults.harness import Acks, Job, reap
from tests.faults.oracle import Subject, batch_size, payload
from tests.faults.subjects import SUBJECTS

T = TypeVar("T")

_PATIENCE = 5
"""Errors after which a writer gives up."""


def jobs_for(rng: random.Random, shared: list[str], appends: int) -> list[list[Job]]:
    """Return the work of each process: one to three threads that use shared sessions or create one, at times the same one."""
    groups = []
    for process in range(rng.choice((1, 1, 2, 3))):
        jobs = []
        for thread in range(rng.choice((1, 1, 2))):
            writer = f"p{process}t{thread}"
            limit = max(2, appends // 2 + rng.randrange(appends))
            own = rng.random() < 0.3
            jobs.append(Job(writer, f"own{rng.randrange(2)}" if own else rng.choice(shared), create=own, limit=limit))
        groups.append(jobs)
    return groups


class Stubborn:
    """A writer that goes on after errors, for a while."""

    def __init__(self, subject: Subject, root: Path, acks: Acks, seed: int, job: Job) -> None:
        """Keep what is needed; `errors` tells what was met."""
        self.subject, self.root, self.acks, self.seed, self.job = subject, root, acks, seed, job
        self.errors: list[str] = []

    def run(self) -> None:
        """Create the session if that is the job, then append up to the limit."""
        session = self.job.session
        if self.job.create:
            created = self._try(lambda: self.subject.create(self.root, self.job.session))
            if created is None:
                return
            session = created
            self.acks.created(session)
        name, number = self.job.writer, 0
        for attempt in range(self.job.limit):
            if len(self.errors) >= _PATIENCE:
                return
            texts = [payload(self.seed, name, number + i) for i in range(batch_size(self.seed, name, number))]
            tries = 2 if getattr(self.subject, "keyed", False) else 1
            if any(self._try(lambda: self._append(session, texts)) for _ in range(tries)):  # noqa: B023  (called at once)
                number += len(texts)
                self.acks.appended(session, name, number)
            else:
                name, number = f"{self.job.writer}again{attempt}", 0

    def _append(self, session: str, texts: list[str]) -> bool:
        writer = self.subject.open(self.root, session)
        try:
            writer.append(texts)
        finally:
            writer.close()
        return True

    def _try(self, work: Callable[[], T]) -> T | None:
        try:
            return work()
        except Exception as error:  # noqa: BLE001  (what a fault leads to is looked at by the method)
            promised = isinstance(error, getattr(self.subject, "promised", Exception))
            kind = "promised" if promised else "RAW"
            text = "".join(traceback.format_exception(error)).replace("\n", " | ")
            self.errors.append(f"{kind} {type(error).__name__}: {text[-900:]}")
            return None


def main() -> int:
    """Create two sessions, fork, write, and print what went wrong on the way."""
    name, root, ack_file, seed, appends = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5])
    subject = SUBJECTS[name]
    rng = random.Random(seed)
    acks = Acks(ack_file)
    shared = []
    for label in ("shared0", "shared1"):
        first = Stubborn(subject, root, acks, seed, Job("first", label, create=True, limit=0))
        first.run()
        print("\n".join(first.errors), flush=True)
        if not first.errors:
            shared.append(acknowledged_last(ack_file))
    if not shared:
        return 0
    pids = []
    for group in jobs_for(rng, shared, appends):
        pid = os.fork()
        if pid == 0:
            _run_group(subject, root, ack_file, seed, group)
        pids.append(pid)
    return 0 if all(code in {0, -9} for code in reap(pids)) else 1


def acknowledged_last(ack_file: Path) -> str:
    """Return the session that was created last."""
    return ack_file.read_text().splitlines()[-1]


def _run_group(subject: Subject, root: Path, ack_file: Path, seed: int, jobs: list[Job]) -> NoReturn:
    writers = [Stubborn(subject, root, Acks(ack_file), seed, job) for job in jobs]
    threads = [threading.Thread(target=writer.run) for writer in writers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print("\n".join(error for writer in writers for error in writer.errors), flush=True)
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
