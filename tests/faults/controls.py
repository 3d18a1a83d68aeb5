"""Stores that are known to be good or bad, to show that the fault tests see the difference.

`careful` is the smallest log that takes every care. Every other log here leaves out exactly one of them, so that
a method which does not fail on it is known to be blind to that care. Two stores that rewrite a whole file on
each change stand for what most programs do.
"""

import errno
import fcntl
import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.faults.oracle import Finding, Reading


@dataclass(frozen=True, slots=True)
class Log:
    """JSON Lines, one file for each session, one line for each append; every field is a care that can be left out."""

    name: str = "careful"
    sync: bool = True
    sync_directory: bool = True
    lock: bool = True
    check_written: bool = True
    check_hash: bool = True
    undo_failed: bool = True
    """Cut off what a failed write or sync left, instead of trying the sync again (which then 'succeeds')."""

    def create(self, root: Path, label: str) -> str:
        """Create an empty file, or find it, and make its name durable."""
        fd = os.open(root / f"{label}.jsonl", os.O_WRONLY | os.O_CREAT, 0o600)
        if self.sync:
            os.fsync(fd)
        os.close(fd)
        if self.sync and self.sync_directory:
            sync_directory(root)
        return label

    def open(self, root: Path, session: str) -> "LogWriter":
        """Open the file; the lock belongs to this descriptor alone."""
        return LogWriter(self, os.open(root / f"{session}.jsonl", os.O_RDWR))

    def read(self, root: Path) -> Reading:
        """Read every line; a last one that is torn was never acknowledged."""
        reading = Reading({})
        for path in sorted(root.glob("*.jsonl")):
            texts: list[str] = []
            *lines, rest = path.read_bytes().split(b"\n")
            for number, line in enumerate(lines, 1):
                batch = self.decode(line)
                if batch is None:
                    last = number == len(lines) and not rest  # a crash can leave a hole in it
                    where = f"line {number} is damaged"
                    reading.findings.append(Finding("" if last else "I3", path.stem, where))
                else:
                    texts += batch
            if rest:
                reading.findings.append(Finding("", path.stem, "the last line is torn"))
            reading.sessions[path.stem] = texts
        return reading

    def decode(self, line: bytes) -> list[str] | None:
        """Return the texts of a line, or None if it is damaged."""
        digest, _, body = line.partition(b" ")
        if self.check_hash and digest != _digest(body):
            return None
        try:
            return [str(text) for text in json.loads(body)]
        except (ValueError, TypeError):
            return None

    def leftovers(self, root: Path) -> Sequence[str]:
        """Return nothing: a log makes no temporary files."""
        return ()


@dataclass(slots=True)
class LogWriter:
    """The writing half of `Log`."""

    cares: Log
    fd: int

    def append(self, texts: Sequence[str]) -> None:
        """Write one line with all texts at the end and sync it."""
        line = _line(texts)
        if self.cares.lock:
            fcntl.flock(self.fd, fcntl.LOCK_EX)
        try:
            end = self._whole_lines()
            try:
                self._write(line, end)
                if self.cares.sync:
                    self._sync()
            except OSError:
                if self.cares.undo_failed:
                    os.ftruncate(self.fd, end)
                raise
        finally:
            if self.cares.lock:
                fcntl.flock(self.fd, fcntl.LOCK_UN)

    def _whole_lines(self) -> int:
        """Cut off a last line that is torn or damaged, and return where the next one begins."""
        size = os.fstat(self.fd).st_size
        end = self._line_end(size)
        begin = self._line_end(max(0, end - 1))
        if end > begin and self.cares.decode(os.pread(self.fd, end - begin - 1, begin)) is None:
            end = begin
        if end < size:
            os.ftruncate(self.fd, end)
        return end

    def _line_end(self, end: int) -> int:
        """Return the place behind the last newline before *end*."""
        while end:
            begin = max(0, end - 4096)
            newline = os.pread(self.fd, end - begin, begin).rfind(b"\n")
            if newline >= 0:
                return begin + newline + 1
            end = begin
        return 0

    def _write(self, data: bytes, at: int) -> None:
        while data:
            count = os.pwrite(self.fd, data, at)
            if not self.cares.check_written:
                return
            data, at = data[count:], at + count

    def _sync(self) -> None:
        try:
            os.fdatasync(self.fd)
        except OSError:
            if self.cares.undo_failed:
                raise
            os.fdatasync(self.fd)

    def close(self) -> None:
        """Close the file."""
        os.close(self.fd)


@dataclass(frozen=True, slots=True)
class Rewritten:
    """One JSON file for each session, rewritten on every append, in place or by rename."""

    name: str
    rename: bool
    sync_directory: bool = False
    lock: bool = True

    def create(self, root: Path, label: str) -> str:
        """Write an empty list where there is none."""
        lock = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (root / f"{label}.json").exists():
                self.save(root, label, [])
            elif self.sync_directory:
                sync_directory(root)
        finally:
            os.close(lock)
        return label

    def save(self, root: Path, session: str, texts: Sequence[str]) -> None:
        """Write all texts, in place or beside and then renamed."""
        final = root / f"{session}.json"
        path = root / f".{session}.{os.getpid()}.tmp" if self.rename else final
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        data = json.dumps(texts).encode()
        while data:
            data = data[os.write(fd, data) :]
        if self.rename:
            os.fsync(fd)
        os.close(fd)
        if self.rename:
            path.rename(final)
        if self.sync_directory:
            sync_directory(root)

    def open(self, root: Path, session: str) -> "RewrittenWriter":
        """Return a writer; nothing stays open between appends."""
        return RewrittenWriter(self, root, session)

    def read(self, root: Path) -> Reading:
        """Load every file; a leftover temporary file was never acknowledged."""
        for left in root.glob(".*.tmp"):
            left.unlink()
        return Reading({path.stem: json.loads(path.read_bytes()) for path in sorted(root.glob("*.json"))})

    def leftovers(self, root: Path) -> Sequence[str]:
        """Name the temporary files that are left."""
        return sorted(path.name for path in root.glob(".*.tmp"))


@dataclass(slots=True)
class RewrittenWriter:
    """The writing half of `Rewritten`."""

    store: Rewritten
    root: Path
    session: str

    def append(self, texts: Sequence[str]) -> None:
        """Load, extend and write the whole file, one process at a time."""
        lock = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY)
        try:
            if self.store.lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
            before = json.loads((self.root / f"{self.session}.json").read_bytes())
            self.store.save(self.root, self.session, [*before, *texts])
        finally:
            os.close(lock)

    def close(self) -> None:
        """Nothing is open."""


def sync_directory(path: Path) -> None:
    """Make the names in a directory durable."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _line(texts: Sequence[str]) -> bytes:
    body = json.dumps(list(texts)).encode()
    return _digest(body) + b" " + body + b"\n"


def _digest(body: bytes) -> bytes:
    return hashlib.sha256(body).hexdigest()[:16].encode()


def out_of_space(error: BaseException) -> bool:
    """Tell whether an error says, itself or by its cause, that there is no room."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, OSError) and seen.errno in {errno.ENOSPC, errno.EFBIG, errno.EDQUOT}:
            return True
        seen = seen.__cause__ or seen.__context__
    return False


@dataclass(frozen=True, slots=True)
class Indexed:
    """A log whose index is believed: an event counts when the index says so, and nobody can make it again."""

    name: str = "index-believed"
    log: Log = Log()

    def create(self, root: Path, label: str) -> str:
        """Create the log and an index that counts nothing."""
        self.log.create(root, label)
        self.count(root, label, 0)
        return label

    def count(self, root: Path, session: str, count: int) -> None:
        """Add to the count of a session's events."""
        fd = os.open(root / f"{session}.index", os.O_RDWR | os.O_CREAT, 0o600)
        os.pwrite(fd, f"{int(os.pread(fd, 20, 0) or 0) + count:020}".encode(), 0)
        os.fsync(fd)
        os.close(fd)

    def open(self, root: Path, session: str) -> "IndexedWriter":
        """Open the log."""
        return IndexedWriter(self, root, session, self.log.open(root, session))

    def read(self, root: Path) -> Reading:
        """Read as many events as the index says."""
        reading = self.log.read(root)
        for session, texts in reading.sessions.items():
            index = root / f"{session}.index"
            del texts[int(index.read_bytes() or 0) if index.exists() else 0 :]
        return reading

    def derived(self, root: Path) -> Sequence[Path]:
        """Return the indexes."""
        return sorted(root.glob("*.index"))

    def leftovers(self, root: Path) -> Sequence[str]:
        """Return nothing."""
        return ()


@dataclass(slots=True)
class IndexedWriter:
    """The writing half of `Indexed`."""

    store: Indexed
    root: Path
    session: str
    log: LogWriter

    def append(self, texts: Sequence[str]) -> None:
        """Append to the log, then count."""
        self.log.append(texts)
        self.store.count(self.root, self.session, len(texts))

    def close(self) -> None:
        """Close the log."""
        self.log.close()


CONTROLS = (
    Log(),
    Log("no-sync", sync=False),
    Log("no-directory-sync", sync_directory=False),
    Log("no-lock", lock=False),
    Log("short-write-unseen", check_written=False),
    Log("no-hash", check_hash=False),
    Log("sync-retried", undo_failed=False),
    Rewritten("json-in-place", rename=False),
    Rewritten("rename-no-directory-sync", rename=True),
    Rewritten("rename", rename=True, sync_directory=True),
    Indexed(),
)
"""The good stores (`careful`, `rename`) must pass every method; each other must fail the methods that look for its fault."""
