"""No room: a small tmpfs, a limit on file sizes, a directory and a mount that cannot be written.

Writers go on until nothing fits any more. What was acknowledged has to be readable while the disk is full, every refusal has
to be an error that the store promises, and with room again the next append works. Without root only what needs no mount
is run.
"""

import os
import random
import resource
import subprocess
import time
from pathlib import Path

from tests.faults.harness import (
    Acks,
    ChildError,
    Job,
    Outcome,
    acknowledged,
    in_fresh_process,
    judged,
    private_mounts,
    replay_line,
    scratch,
)
from tests.faults.oracle import Expectation, Subject, Verdict, Violation, payload
from tests.faults.writer import Stubborn

NAME = "full"
_NOBODY = 65_534


def run(subject: Subject, cases: int, seed: int, base: Path | None = None) -> Outcome:
    """Fill a disk `cases` times, each in its own way."""
    return in_fresh_process(lambda: _run(subject, cases, seed, base), limit=120 + 10.0 * cases)


def _run(subject: Subject, cases: int, seed: int, base: Path | None) -> Outcome:
    outcome = Outcome(NAME, subject.name, "tmpfs", seed)
    mounts = not private_mounts()
    kinds = [_small_disk, _file_limit, _read_only] + ([_read_only_mount] if mounts else [])
    if not mounts:
        kinds.remove(_small_disk)
        outcome.note("not root: no full tmpfs, no read-only mount")
    begin = time.monotonic()
    for case in range(cases):
        kind = kinds[case % len(kinds)]
        with scratch(base) as place:
            place.chmod(0o711)
            violations, acks = kind(subject, place, seed + case)
        outcome.cases += 1
        outcome.acknowledged += acks
        outcome.note(kind.__name__.strip("_").replace("_", " "))
        if violations:
            replay = replay_line(NAME, subject.name, seed + case, {"cases": len(kinds)})
            outcome.fail(f"case {case}: {kind.__name__}", tuple(violations), replay)
    outcome.seconds = time.monotonic() - begin
    return outcome


def _fill(subject: Subject, root: Path, place: Path, seed: int, appends: int, limit: int = 0) -> list[str]:
    """Append from two sessions until nothing fits (or *appends* are done); return the errors that were met."""

    def work() -> list[str]:
        if limit:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        acks = Acks(place / "acks")
        writers = [Stubborn(subject, root, acks, seed, Job(f"w{i}", f"s{i}", create=True, limit=appends)) for i in range(2)]
        for writer in writers:
            writer.run()
        return [error for writer in writers for error in writer.errors]

    return in_fresh_process(work)


def _verdict(subject: Subject, root: Path, place: Path, seed: int, *, full: bool) -> Verdict:
    sessions, events = acknowledged((place / "acks").read_bytes())
    return judged(subject, root, Expectation(seed, sessions, events), append=not full, tidy=not full)


def _raw(errors: list[str]) -> list[Violation]:
    return [Violation("I6", f"an error that nobody promised: {error}") for error in errors if error.startswith("RAW")]


def _count(place: Path) -> int:
    return sum(acknowledged((place / "acks").read_bytes())[1].values())


def _small_disk(subject: Subject, place: Path, seed: int) -> tuple[list[Violation], int]:
    rng = random.Random(seed)
    mount, root = place / "small", place / "small" / "store"
    mount.mkdir()
    size = rng.randrange(256, 1024)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}k", "small", str(mount)], check=True)
    try:
        root.mkdir(0o700)
        errors = _fill(subject, root, place, seed, 4_000)
        violations = _raw(errors)
        if not errors:
            violations.append(Violation("I6", "the disk did not get full: the case shows nothing"))
        violations += _verdict(subject, root, place, seed, full=True).violations
        subprocess.run(["mount", "-o", "remount,size=32m", str(mount)], check=True)
        violations += _verdict(subject, root, place, seed, full=False).violations
    finally:
        subprocess.run(["umount", "-l", str(mount)], check=True)
    return violations, _count(place)


def _file_limit(subject: Subject, place: Path, seed: int) -> tuple[list[Violation], int]:
    root = place / "store"
    root.mkdir(0o700)
    errors = _fill(subject, root, place, seed, 200, limit=random.Random(seed).randrange(3_000, 30_000))
    violations = _raw(errors) + list(_verdict(subject, root, place, seed, full=True).violations)
    return violations + list(_verdict(subject, root, place, seed, full=False).violations), _count(place)


def _read_only(subject: Subject, place: Path, seed: int) -> tuple[list[Violation], int]:
    root = place / "store"
    root.mkdir(0o700)
    violations = _raw(_fill(subject, root, place, seed, 15))
    paths = [root, *root.rglob("*")]
    for path in paths:
        path.chmod(0o500 if path.is_dir() else 0o400)
        if os.geteuid() == 0:
            os.chown(path, _NOBODY, _NOBODY)
    violations += _look(subject, root, place, seed, user=_NOBODY if os.geteuid() == 0 else None)
    for path in paths:
        path.chmod(0o700 if path.is_dir() else 0o600)
        if os.geteuid() == 0:
            os.chown(path, 0, 0)
    return violations + list(_verdict(subject, root, place, seed, full=False).violations), _count(place)


def _read_only_mount(subject: Subject, place: Path, seed: int) -> tuple[list[Violation], int]:
    mount, root = place / "mount", place / "mount" / "store"
    mount.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=32m", "store", str(mount)], check=True)
    try:
        root.mkdir(0o700)
        violations = _raw(_fill(subject, root, place, seed, 15))
        subprocess.run(["mount", "-o", "remount,ro", str(mount)], check=True)
        violations += _look(subject, root, place, seed, user=None)
        subprocess.run(["mount", "-o", "remount,rw", str(mount)], check=True)
        violations += _verdict(subject, root, place, seed, full=False).violations
    finally:
        subprocess.run(["umount", "-l", str(mount)], check=True)
    return violations, _count(place)


def _look(subject: Subject, root: Path, place: Path, seed: int, user: int | None) -> list[Violation]:
    """Read what cannot be written, and try to write: the reading is whole, the append is refused by a promised error."""
    sessions, events = acknowledged((place / "acks").read_bytes())

    def work() -> list[Violation]:
        if user is not None:
            os.setgid(user)
            os.setuid(user)
        reading = subject.read(root)
        violations = [Violation("I1", f"read-only: {name} is not there") for name in sessions - reading.sessions.keys()]
        for (session, writer), count in events.items():
            texts = [text for text in reading.sessions.get(session, []) if text.startswith(f"{writer} ")]
            if texts[:count] != [payload(seed, writer, number) for number in range(count)]:
                violations.append(Violation("I1", f"read-only: {session} has {len(texts)} of {count} events of {writer}"))
        stubborn = Stubborn(subject, root, Acks(Path(os.devnull)), seed, Job("late", min(sessions), limit=1))
        stubborn.run()
        if not stubborn.errors:
            violations.append(Violation("I6", "an append to a read-only store succeeded"))
        return violations + _raw(stubborn.errors)

    try:
        return in_fresh_process(work)
    except ChildError as error:
        return [Violation("I6", f"a read-only store cannot be read: {str(error)[-500:]}")]
