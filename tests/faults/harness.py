"""What all methods share: fresh processes, writers that acknowledge outside the store, and the shape of a result."""

import ctypes
import os
import pickle
import random
import re
import resource
import select
import shutil
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from tests.faults.oracle import Expectation, Subject, Verdict, Violation, batch_size, judge, payload

T = TypeVar("T")

MEMORY_LIMIT = 3 << 30
"""Bytes of address space for a verifier: no damage may make a store ask for more."""

VERIFY_LIMIT = 60.0
"""Seconds after which a verifying process counts as hanging."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A case in which an invariant was broken, and what to type to see it again."""

    case: str
    violations: tuple[Violation, ...]
    replay: str


@dataclass(slots=True)
class Outcome:
    """The result of one method on one subject."""

    method: str
    subject: str
    where: str
    seed: int
    cases: int = 0
    acknowledged: int = 0
    seconds: float = 0.0
    failures: list[Failure] = field(default_factory=list)
    failed: int = 0
    """Cases with a violation; only the first few are kept in `failures`."""
    notes: dict[str, int] = field(default_factory=dict)
    skipped: str = ""
    """Why nothing was run: said aloud, never counted as passed."""

    def fail(self, case: str, violations: tuple[Violation, ...], replay: str) -> None:
        """Count a failing case and keep it if it is among the first."""
        self.failed += 1
        if len(self.failures) < 8:
            self.failures.append(Failure(case, violations, replay))

    def note(self, what: str, count: int = 1) -> None:
        """Count something worth knowing."""
        self.notes[what] = self.notes.get(what, 0) + count

    def add(self, other: "Outcome") -> None:
        """Take in the result of another part of the same run."""
        self.cases += other.cases
        self.acknowledged += other.acknowledged
        self.seconds = max(self.seconds, other.seconds)
        self.failed += other.failed
        self.failures = (self.failures + other.failures)[:8]
        self.skipped = self.skipped or other.skipped
        for what, count in other.notes.items():
            self.note(what, count)


class HangingError(Exception):
    """A forked process did not answer in time."""


class ChildError(Exception):
    """A forked process ended by an exception or a signal; the text is its traceback."""


def in_fresh_process(work: Callable[[], T], limit: float = VERIFY_LIMIT) -> T:
    """Run *work* in a forked process and return what it returns.

    The parent has everything imported and nothing opened, so that the child is as fresh as a new interpreter, at a
    fiftieth of the price.

    Raises:
        HangingError: no answer within *limit* seconds.
        ChildError: the work raised, or the process died.
    """
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        die_with_parent()
        os.close(reading)
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT))
        try:
            answer = pickle.dumps((True, work()))
        except BaseException:  # noqa: BLE001  (reported to the parent)
            answer = pickle.dumps((False, traceback.format_exc()))
        with suppress(BrokenPipeError), os.fdopen(writing, "wb") as pipe:
            pipe.write(answer)
        os._exit(0)
    os.close(writing)
    answer = _read_all(reading, pid, limit)
    _, status = os.waitpid(pid, 0)
    if not answer:
        raise ChildError(f"the process ended without an answer, status {status}")
    good, value = pickle.loads(answer)
    if not good:
        raise ChildError(value)
    result: T = value
    return result


def _read_all(fd: int, pid: int, limit: float) -> bytes:
    parts: list[bytes] = []
    end = time.monotonic() + limit
    try:
        while True:
            ready, _, _ = select.select([fd], [], [], max(0.0, end - time.monotonic()))
            if not ready:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
                raise HangingError(f"no answer within {limit:.0f} s")
            part = os.read(fd, 1 << 16)
            if not part:
                return b"".join(parts)
            parts.append(part)
    finally:
        os.close(fd)


def die_with_parent() -> None:
    """Let this process be killed when its parent is gone: writers without end outlive nobody."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def judged(subject: Subject, root: Path, expected: Expectation, *, append: bool = False, tidy: bool = True) -> Verdict:
    """Return the oracle's verdict from a fresh process; hanging or dying is a violation of I6."""
    try:
        return in_fresh_process(lambda: judge(subject, root, expected, append=append, tidy=tidy))
    except (HangingError, ChildError) as error:
        return Verdict((Violation("I6", f"the verifier failed: {str(error)[-600:]}"),), {})


_ACK = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}( \S+ \d+)?\Z")


class Acks:
    """The record of acknowledgements, in a file outside the store. A line is written after its append has returned."""

    def __init__(self, path: Path) -> None:
        """Open (or make) the file for appending."""
        self.path = path
        self.fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def created(self, session: str) -> None:
        """Say that a session's creation returned."""
        os.write(self.fd, f"{session}\n".encode())

    def appended(self, session: str, writer: str, count: int) -> None:
        """Say that the first *count* events of a writer are acknowledged."""
        os.write(self.fd, f"{session} {writer} {count}\n".encode())

    def size(self) -> int:
        """Return the bytes written so far."""
        return os.fstat(self.fd).st_size

    def close(self) -> None:
        """Close the file."""
        os.close(self.fd)


def acknowledged(data: bytes) -> tuple[frozenset[str], dict[tuple[str, str], int]]:
    """Return the sessions and the events of each (session, writer) that a record of acknowledgements holds.

    A kill can tear a line within its write, and the next writer goes on behind the piece: then only that one's line counts.
    """
    sessions, events = set(), dict[tuple[str, str], int]()
    for line in data[: data.rfind(b"\n") + 1].decode().splitlines():
        whole = _ACK.search(line)
        session, *rest = (whole[0] if whole else line).split(" ")
        sessions.add(session)
        if rest:
            key = (session, rest[0])
            events[key] = max(events.get(key, 0), int(rest[1]))
    return frozenset(sessions), events


@dataclass(frozen=True, slots=True)
class Job:
    """One writer's work: append to a session from event *begin* on, or first create the session."""

    writer: str
    session: str
    create: bool = False
    begin: int = 0
    limit: int = 1 << 30
    pause: float = 0.0


def write(subject: Subject, root: Path, acks: Acks, seed: int, job: Job) -> None:
    """Do one writer's work. Every append is acknowledged as soon as, and only when, it has returned."""
    session = job.session
    if job.create:
        session = subject.create(root, job.session)
        acks.created(session)
    writer = subject.open(root, session)
    number = job.begin
    while number < job.limit:
        size = batch_size(seed, job.writer, number)
        writer.append([payload(seed, job.writer, number + i) for i in range(size)])
        number += size
        acks.appended(session, job.writer, number)
        if job.pause:
            time.sleep(job.pause)
    writer.close()


def write_in_threads(subject: Subject, root: Path, acks: Acks, seed: int, jobs: list[Job]) -> list[BaseException]:
    """Do several writers' work, a thread each, and return what they raised."""
    errors: list[BaseException] = []

    def one(job: Job) -> None:
        try:
            write(subject, root, acks, seed, job)
        except BaseException as error:  # noqa: BLE001  (handed to the caller)
            errors.append(error)

    if len(jobs) == 1:
        one(jobs[0])
        return errors
    threads = [threading.Thread(target=one, args=(job,), daemon=True) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return errors


def spawn_writers(subject: Subject, root: Path, acks: Path, seed: int, groups: list[list[Job]]) -> list[int]:
    """Fork one process for each group of jobs, with a thread for each job; return their ids.

    A process whose writers raise ends with status 3 and leaves the traceback beside the acknowledgements.
    """
    return [_spawn(subject, root, acks, seed, group) for group in groups]


def _spawn(subject: Subject, root: Path, acks: Path, seed: int, jobs: list[Job]) -> int:
    pid = os.fork()
    if pid:
        return pid
    die_with_parent()
    try:
        errors = write_in_threads(subject, root, Acks(acks), seed, jobs)
        if errors:
            text = "".join("".join(traceback.format_exception(error)) for error in errors)
            acks.with_name(f"{acks.name}.error.{os.getpid()}").write_text(text)
        os._exit(3 if errors else 0)
    except BaseException:  # noqa: BLE001  (the parent sees the exit code)
        traceback.print_exc()
    finally:
        os._exit(4)


def writer_errors(acks: Path) -> list[str]:
    """Return, and take away, the tracebacks that writers left."""
    texts = []
    for path in sorted(acks.parent.glob(f"{acks.name}.error.*")):
        texts.append(path.read_text())
        path.unlink()
    return texts


def kill_all(pids: list[int], number: int = signal.SIGKILL) -> None:
    """Signal processes that are ours, all as good as at once."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def reap(pids: list[int]) -> list[int]:
    """Wait for processes of ours and return their exit codes (negative: the signal)."""
    return [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]


def wait_for_size(path: Path, size: int, limit: float = 5.0) -> int:
    """Wait until a file has grown beyond *size* bytes, or for *limit* seconds; return its size."""
    end = time.monotonic() + limit
    now = size
    while time.monotonic() < end:
        with suppress(FileNotFoundError):
            now = path.stat().st_size
            if now > size:
                break
        time.sleep(0.0005)
    return now


def split(rng: random.Random, jobs: list[Job]) -> list[list[Job]]:
    """Put jobs into processes at random: some alone, some as threads of one."""
    groups: list[list[Job]] = []
    for job in jobs:
        if groups and rng.random() < 0.4:
            rng.choice(groups).append(job)
        else:
            groups.append([job])
    return groups


@contextmanager
def scratch(base: Path | None = None, *, keep: bool = False) -> Iterator[Path]:
    """Yield a new private directory and take it away afterwards. In memory where there is such a place."""
    if base is None:
        memory = Path("/dev/shm")
        base = memory if os.access(memory, os.W_OK) else Path(tempfile.gettempdir())
    path = Path(tempfile.mkdtemp(prefix="faults-", dir=base))
    try:
        yield path
    finally:
        if not keep:
            shutil.rmtree(path, ignore_errors=True)


_MOUNT_NAMESPACE, _USER_NAMESPACE = 0x0002_0000, 0x1000_0000


def private_mounts() -> str:
    """Give this process mounts of its own, which vanish with it. Return why that cannot be, or nothing."""
    libc = ctypes.CDLL(None, use_errno=True)
    if os.geteuid() != 0:
        return "needs root: a private mount namespace"
    if libc.unshare(_MOUNT_NAMESPACE) != 0:
        return f"no private mount namespace: {os.strerror(ctypes.get_errno())}"
    if libc.mount(b"none", b"/", None, 0x4_4000, None) != 0:  # MS_REC | MS_PRIVATE
        return f"mounts cannot be made private: {os.strerror(ctypes.get_errno())}"
    return ""


def file_system(path: Path) -> str:
    """Return the type of the file system that holds a path."""
    best, kind = "", "unknown"
    target = str(path.resolve())
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, point, this, *_ = line.split(" ")
        inside = target == point or target.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best):
            best, kind = point, this
    return kind


def replay_line(method: str, subject: str, seed: int, extra: Mapping[str, object] | None = None) -> str:
    """Return the command that runs a method again with a seed."""
    options = "".join(f" --{key} {value}" for key, value in (extra or {}).items())
    return f"python -m tests.faults.run --only {method} --subject {subject} --seed {seed}{options}"
