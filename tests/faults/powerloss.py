"""Power loss on a real file system: an image in memory, loop-mounted, shut down by ioctl without flushing its log.

What was not synced is gone afterwards, journal, directory entries and all, as after pulling the plug. Needs root, a
loop device and `mkfs.ext4` or `mkfs.xfs`; without them the outcome says what is missing.
"""

import fcntl
import os
import random
import shutil
import struct
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.faults.harness import (
    Acks,
    Job,
    Outcome,
    acknowledged,
    in_fresh_process,
    judged,
    kill_all,
    private_mounts,
    reap,
    replay_line,
    scratch,
    spawn_writers,
    split,
    wait_for_size,
    writer_errors,
)
from tests.faults.oracle import Expectation, Subject

NAME = "power"
LIVES = 5
"""Power losses that one store lives through."""

_SHUTDOWN, _NO_LOG_FLUSH = 0x8004587D, 2
_MEGABYTES = {"ext4": 48, "xfs": 304}
_MKFS = {
    "ext4": ("mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,nodiscard"),
    "xfs": ("mkfs.xfs", "-q", "-f", "-K"),
}


def missing(kind: str) -> str:
    """Return why power losses cannot be tried on this file system here, or nothing."""
    if os.geteuid() != 0:
        return "not root: power loss needs loop mounts"
    if not shutil.which(_MKFS[kind][0]):
        return f"{_MKFS[kind][0]} is not installed"
    if not os.access("/dev/loop-control", os.R_OK):
        return "no loop devices"
    return ""


def provide() -> None:
    """Install the tools of xfs where that is possible: root, and Debian's installer."""
    if os.geteuid() == 0 and not shutil.which("mkfs.xfs") and shutil.which("apt-get"):
        subprocess.run(["apt-get", "update", "-qq"], check=False)
        subprocess.run(["apt-get", "install", "-y", "-qq", "xfsprogs"], check=False, stdout=subprocess.DEVNULL)


def run(subject: Subject, cases: int, seed: int, kind: str) -> Outcome:
    """Lose power `cases` times while writers append, and judge the store after each."""
    skipped = missing(kind)
    if skipped:
        return Outcome(NAME, subject.name, kind, seed, skipped=skipped)
    return in_fresh_process(lambda: _run(subject, cases, seed, kind), limit=60 + 20.0 * cases)


def _run(subject: Subject, cases: int, seed: int, kind: str) -> Outcome:
    outcome = Outcome(NAME, subject.name, kind, seed)
    outcome.skipped = private_mounts()
    begin = time.monotonic()
    store = 0
    with scratch() as place, _image(place, kind) as device:
        while outcome.cases < cases and not outcome.skipped:
            ours = seed + store
            _one_store(subject, place, device, ours, min(LIVES, cases - outcome.cases), outcome)
            store += 1
    outcome.seconds = time.monotonic() - begin
    return outcome


def _one_store(subject: Subject, place: Path, device: Path, seed: int, losses: int, outcome: Outcome) -> None:
    rng = random.Random(seed)
    mount = place / "mount"
    root, ack_file = mount / "store", place / f"acks{seed}"
    with _mounted(device, mount):
        shutil.rmtree(root, ignore_errors=True)
        root.mkdir(0o700)
        shared = in_fresh_process(lambda: [subject.create(root, f"shared{i}") for i in range(2)])
        os.sync()
    acks = Acks(ack_file)
    for session in shared:
        acks.created(session)
    known: dict[tuple[str, str], int] = {}
    for loss in range(losses):
        jobs = _jobs(rng, shared, known, loss)
        with _mounted(device, mount):
            size = acks.size()
            pids = spawn_writers(subject, root, ack_file, seed, split(rng, jobs))
            wait_for_size(ack_file, size)
            time.sleep(rng.random() ** 2 * 0.05)
            certain = ack_file.read_bytes()
            _lose_power(mount)
            kill_all(pids)
            reap(pids)
        writer_errors(ack_file)  # input/output errors of a dead disk are what should happen
        with _mounted(device, mount):
            sessions, events = acknowledged(certain)
            latest = acknowledged(ack_file.read_bytes())[1]
            expected = Expectation(seed, sessions, known | events, known | latest)
            verdict = judged(subject, root, expected, append=True)
        outcome.cases += 1
        outcome.acknowledged += sum(events.values())
        if verdict.violations:
            replay = replay_line(NAME, subject.name, seed, {"cases": losses, "file-system": outcome.where})
            outcome.fail(f"store {seed}, loss {loss}", verdict.violations, replay)
            break
        known = dict(verdict.seen)
        ack_file.write_bytes(_as_acks(sessions | {key[0] for key in known}, known))
    acks.close()


def _as_acks(sessions: frozenset[str] | set[str], events: dict[tuple[str, str], int]) -> bytes:
    lines = [f"{session}\n" for session in sorted(sessions)]
    lines += [f"{session} {writer} {count}\n" for (session, writer), count in sorted(events.items())]
    return "".join(lines).encode()


def _jobs(rng: random.Random, shared: list[str], known: dict[tuple[str, str], int], loss: int) -> list[Job]:
    jobs = []
    for i in range(rng.choice((1, 2, 4))):
        writer = f"w{i}"
        if rng.random() < 0.25:
            jobs.append(Job(f"{writer}l{loss}", f"own{loss}x{i}", create=True))
        else:
            session = rng.choice(shared)
            jobs.append(Job(writer, session, begin=known.get((session, writer), 0)))
    return jobs


@contextmanager
def _image(place: Path, kind: str) -> Iterator[Path]:
    """Yield an image with a fresh file system."""
    image = place / f"{kind}.img"
    with image.open("wb") as file:
        file.truncate(_MEGABYTES[kind] << 20)
    subprocess.run([*_MKFS[kind], str(image)], check=True, stdout=subprocess.DEVNULL)
    (place / "mount").mkdir()
    yield image


@contextmanager
def _mounted(image: Path, mount: Path) -> Iterator[None]:
    """Mount the image, which replays its journal, and take it off again."""
    subprocess.run(["mount", "-o", "loop", str(image), str(mount)], check=True)
    try:
        yield
    finally:
        for _ in range(200):
            if subprocess.run(["umount", str(mount)], check=False, stderr=subprocess.DEVNULL).returncode == 0:
                break
            time.sleep(0.01)
        else:
            raise RuntimeError(f"{mount} stays busy")


def _lose_power(mount: Path) -> None:
    fd = os.open(mount, os.O_RDONLY)
    fcntl.ioctl(fd, _SHUTDOWN, struct.pack("I", _NO_LOG_FLUSH))
    os.close(fd)
