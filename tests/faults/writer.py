"""The writer program that is recorded: a few threads and processes that append, acknowledge, and meet errors.

An append that raises is not acknowledged. Its writer goes on under a new name, so that whatever became of the failed
append counts as the one that may be there or not; where the subject has idempotency keys, it may try the same again.
"""

import os
import random
import sys
from pathlib import Path

from tests.faults.harness import Acks, Job, reap, write_in_threads
from tests.faults.subjects import SUBJECTS


def jobs_for(rng: random.Random, shared: list[str], appends: int) -> list[list[Job]]:
    """Return the work of each process: one to three threads that use shared sessions or create their own."""
    groups = []
    for process in range(rng.choice((1, 1, 2, 3))):
        jobs = []
        for thread in range(rng.choice((1, 1, 2))):
            writer = f"p{process}t{thread}"
            limit = max(2, appends // 2 + rng.randrange(appends))
            own = rng.random() < 0.3
            jobs.append(Job(writer, f"own-{writer}" if own else rng.choice(shared), create=own, limit=limit))
        groups.append(jobs)
    return groups


def main() -> int:
    """Create two sessions, fork, write, and print what went wrong on the way."""
    name, root, ack_file, seed, appends = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5])
    subject = SUBJECTS[name]
    rng = random.Random(seed)
    acks = Acks(ack_file)
    shared = []
    for label in ("shared0", "shared1"):
        try:
            shared.append(subject.create(root, label))
            acks.created(shared[-1])
        except Exception as error:  # noqa: BLE001  (planned faults)
            print(f"create: {type(error).__name__}: {error}", flush=True)
    if not shared:
        return 0
    pids = []
    for group in jobs_for(rng, shared, appends):
        pid = os.fork()
        if pid == 0:
            errors = write_in_threads(subject, root, Acks(ack_file), seed, group)
            for met in errors:
                print(f"append: {type(met).__name__}: {met}", flush=True)
            os._exit(0)
        pids.append(pid)
    return 0 if all(code == 0 for code in reap(pids)) else 1


if __name__ == "__main__":
    sys.exit(main())
