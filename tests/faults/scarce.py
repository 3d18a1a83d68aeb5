"""Nothing left of something: no room, no quota, no descriptors, no memory, no right to write, for every command.

The command runs from beginning to end in that, and says why it cannot do what it cannot; what is there can be read meanwhile
where that needs nothing; with everything back all is judged as in the sweep (`trials`). Without root only what needs no mount
is run.
"""

import errno
import os
import random
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Final, NamedTuple

from tests.faults.harness import Outcome, private_mounts, replay_line
from tests.faults.operations import Operation
from tests.faults.trials import Trial, begin, spawn, tell

NAME = "scarce"
_DISK: Final = "size=256m"


class Kind(NamedTuple):
    """Something that there is nothing left of."""

    name: str
    hits: Callable[[Trial, random.Random], AbstractContextManager[object]]
    limit: Callable[[random.Random], Callable[[], None] | None]
    names: str
    """What a refusal has to speak of."""
    mounts: bool = False


def run(operation: Operation, cases: int, seed: int, base: Path | None = None) -> Outcome:
    """Try an operation so many times, each with less of something else."""
    return spawn(__name__, operation, cases, seed, base)


def _scarce(name: str, wanted: int, seed: int) -> Outcome:
    disk = Path(os.environ["FAULTS_ROOT"]).parent
    mounts = not private_mounts()
    if mounts:
        subprocess.run(["mount", "-t", "tmpfs", "-o", _DISK, "disk", str(disk)], check=True)
    operation, outcome = begin(NAME, name, seed)
    if not mounts:
        outcome.note("not root: no full tmpfs, no read-only mount")
    kinds = [kind for kind in KINDS if mounts or not kind.mounts]
    trial, rng = Trial(operation), random.Random(f"{seed}/{name}")
    first, start = rng.randrange(len(kinds)), time.monotonic()
    for case in range(wanted):
        kind = kinds[(first + case) % len(kinds)]
        violations, hit = trial.tried(kind.hits(trial, rng), kind.limit(rng), names=kind.names)
        outcome.cases += 1
        outcome.note(kind.name)
        if violations:
            outcome.fail(f"{name}, {kind.name}, {hit}", tuple(violations), replay_line(NAME, name, seed, {"cases": wanted}))
    outcome.seconds = time.monotonic() - start
    return outcome


# --- the disk


@contextmanager
def _full(trial: Trial, rng: random.Random) -> Iterator[None]:
    """A disk with a few blocks left, or none."""
    disk = trial.world.root.parent
    found = os.statvfs(disk)
    used = (found.f_blocks - found.f_bfree) * found.f_frsize
    _remount(disk, f"size={used + rng.choice((0, 4, 8, 16, 32, 64, 128, 256, 512)) * 1024}")
    yield
    _remount(disk, _DISK)


@contextmanager
def _read_only(trial: Trial, _: random.Random) -> Iterator[None]:
    """A disk that cannot be written."""
    disk = trial.world.root.parent
    _remount(disk, "ro")
    yield
    _remount(disk, "rw")


def _remount(disk: Path, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", str(disk)], check=True)


@contextmanager
def _no_quota(trial: Trial, rng: random.Random) -> Iterator[None]:
    """All that takes room is refused from some call on, as to a user who has used up his share."""
    trial.points.arm(1 + rng.randrange(len(trial.known.points) or 1), errno.EDQUOT, lasting=1)
    yield


@contextmanager
def _not_ours(trial: Trial, rng: random.Random) -> Iterator[None]:
    """Every change is refused, as to another user."""
    trial.points.arm(1 if rng.random() < 0.7 else 1 + rng.randrange(len(trial.known.points) or 1), errno.EACCES, lasting=2)
    yield


def _as_it_is(_trial: Trial, _rng: random.Random) -> AbstractContextManager[None]:
    return nullcontext()


# --- the process


def _free(_: random.Random) -> None:
    """The process has all that it wants."""


def _few_descriptors(rng: random.Random) -> Callable[[], None]:
    number = rng.randrange(1, 24)

    def limit() -> None:
        opened = max(int(path.name) for path in Path("/proc/self/fd").iterdir())
        resource.setrlimit(resource.RLIMIT_NOFILE, (opened + number, opened + number))

    return limit


def _little_memory(rng: random.Random) -> Callable[[], None]:
    size = rng.choice((1, 2, 4, 8, 16, 32, 64, 128)) << 20

    def limit() -> None:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        most = pages * resource.getpagesize() + size
        resource.setrlimit(resource.RLIMIT_AS, (most, most))

    return limit


def _small_files(rng: random.Random) -> Callable[[], None]:
    size = rng.choice((8_192, 12_000, 20_000, 60_000))
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


_ROOM: Final = "no space|no room|full|too large|quota"
_CLOSED: Final = "read-only|permission|cannot be written"

KINDS: Final = (
    Kind("full disk", _full, _free, _ROOM, mounts=True),
    Kind("read-only mount", _read_only, _free, _CLOSED, mounts=True),
    Kind("quota", _no_quota, _free, _ROOM),
    Kind("another user's", _not_ours, _free, _CLOSED),
    Kind("few descriptors", _as_it_is, _few_descriptors, "too many open files|descriptors"),
    Kind("little memory", _as_it_is, _little_memory, "memory|cannot be loaded"),
    Kind("small files", _as_it_is, _small_files, f"{_ROOM}|file size"),
)

if __name__ == "__main__":
    _name, _cases, _seed = sys.argv[1:]
    tell(_scarce(_name, int(_cases), int(_seed)))
