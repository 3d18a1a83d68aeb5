"""The spools that agents' hooks write (`segue.hooks`), taken in by whoever has time for it.

A spool is taken by renaming it under its lock into `spool/taken/`; there it stays until all that it holds is in the log, so
a crash at any moment loses nothing and takes nothing in twice (the log's keys see to that).
"""

import json
import os
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from segue.core.log.times import stamp
from segue.host import private
from segue.host.beside import beside

WORKER = "worker~"
"""The lock that the worker holds, in the spool; its time is when it was last started."""
SEALED = "sealed"
"""Where this file is in the home, hooks spool nothing of a payload's content (`segue.hooks.pointer`)."""
_SEAL = b"the store is encrypted: agents' hooks spool no more than where to find what was said\n"
_POINTS = ("session_id", "thread-id", "thread_id", "transcript_path", "agent_transcript_path")
_HEAD = re.compile(rb"segue-spool 1 (\d{1,20}) (\S{1,200}) (\d{1,12})(?: (\d{1,10}\.\d{1,20}))?\n")
_AGENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")


class Frame(NamedTuple):
    """One payload, as an agent's hook got it."""

    agent: str
    event: str
    at: str
    payload: bytes
    nanoseconds: int = 0
    """The same as `at`, since 1970."""
    process: str = ""
    """The agent's, `PID.START`; empty where the hook could not tell."""


class Taken(NamedTuple):
    """One spool that was taken: its frames, and the places in it that are none."""

    path: Path
    frames: list[Frame]
    broken: list[tuple[int, bytes]]
    """Byte offset and bytes of what is no whole frame: a hook was cut short there."""


class Spools:
    """The spools in a home of segue."""

    def __init__(self, home: Path, *, wipe: bool = False) -> None:
        """Name the home; nothing is made there. With *wipe* what was taken in is overwritten before its file is gone."""
        self._home = home
        self._wipe = wipe
        self._directory = home / "spool"
        self._taken = self._directory / "taken"

    @property
    def is_sealed(self) -> bool:
        """Whether hooks spool nothing of what was said: the store is encrypted."""
        return (self._home / SEALED).exists()

    def seal(self) -> None:
        """Have hooks spool nothing of what was said from now on, durably. Repeatable.

        What waits already is as it was until it is taken in.
        """
        if self.is_sealed:
            return
        self._home.mkdir(mode=0o700, parents=True, exist_ok=True)
        private.replace(self._home / SEALED, beside(self._home / SEALED), (_SEAL,))
        directory = os.open(self._home, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)

    def unseal(self) -> None:
        """Have hooks spool whole payloads again. Repeatable."""
        (self._home / SEALED).unlink(missing_ok=True)

    def is_empty(self) -> bool:
        """Return whether nothing waits. Cheap."""
        return not self._live() and not self._left()

    def is_new(self) -> bool:
        """Return whether something was spooled since the last `take`. Cheap."""
        return bool(self._live())

    def take(self) -> list[Taken]:
        """Return what waits, oldest first. Each stays on disk until `done`."""
        for path in self._live():
            self._take(path)
        left = self._left()
        for path in left:
            _close(path)
        return [taken for path in left if (taken := _read(path)) is not None]

    def done(self, taken: Taken, waiting: Sequence[Frame] = ()) -> None:
        """Let go of a spool: all that it holds is in the log, but for the frames that are *waiting*."""
        if not waiting:
            with suppress(FileNotFoundError), _wiping(taken.path, wanted=self._wipe):
                taken.path.unlink()
            return
        kept = [frame._replace(payload=_pointer(frame.payload)) for frame in waiting] if self.is_sealed else list(waiting)
        if kept == taken.frames and not taken.broken:
            return
        data = b""
        for frame in kept:
            process = f" {frame.process}" if frame.process else ""
            head = f"segue-spool 1 {frame.nanoseconds} {frame.event} {len(frame.payload)}{process}\n"
            data += head.encode() + frame.payload + b"\n"
        with _wiping(taken.path, wanted=self._wipe):
            private.replace(taken.path, self._directory / f"{taken.path.name}~{os.getpid()}", (data,))

    def dropped(self) -> int:
        """Return how many payloads found no room, or were too large, since the last call."""
        count = 0
        for path in self._directory.glob("*~"):
            if path.name != WORKER and _AGENT.match(path.name[:-1]):
                with suppress(FileNotFoundError):
                    taken = path.rename(path.with_name(f"{path.name}{os.getpid()}"))
                    count += taken.stat().st_size
                    taken.unlink()
        return count

    def _live(self) -> list[Path]:
        try:
            return sorted(p for p in self._directory.iterdir() if _AGENT.match(p.name) and p.is_file() and not p.is_symlink())
        except FileNotFoundError:
            return []

    def _left(self) -> list[Path]:
        try:
            return sorted(self._taken.iterdir(), key=lambda path: path.name.rpartition("@")[2])
        except FileNotFoundError:
            return []

    def _take(self, path: Path) -> None:
        self._taken.mkdir(mode=0o700, exist_ok=True)
        with _locked(path) as fd:
            if fd is not None:
                path.rename(self._taken / f"{path.name}@{time.time_ns():020d}")
                os.fchmod(fd, 0o400)  # a hook that waits for the lock sees by it that this file is taken


@contextmanager
def _locked(path: Path) -> Iterator[int | None]:
    """Hold the lock of the spool at *path*; None where another took it between opening and locking."""
    try:
        fd = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
    except FileNotFoundError:
        yield None
        return
    try:
        os.lockf(fd, os.F_LOCK, 0)
        yield fd if os.fstat(fd).st_mode & 0o200 and _is_at(path, fd) else None
    finally:
        os.close(fd)


def _is_at(path: Path, fd: int) -> bool:
    """Whether *fd* is the file at *path*: who took it may have been killed before its mode said so."""
    try:
        return os.path.samestat(os.fstat(fd), path.lstat())
    except FileNotFoundError:
        return False


def _close(path: Path) -> None:
    """Let no hook write to a spool that was taken by somebody who was killed before he said so."""
    with suppress(FileNotFoundError):
        if path.lstat().st_mode & 0o200:
            with _locked(path) as fd:
                if fd is not None:
                    os.fchmod(fd, 0o400)


@contextmanager
def _wiping(path: Path, *, wanted: bool) -> Iterator[None]:
    """Overwrite the bytes of a file that is taken away inside; as far as the disk writes where it wrote before."""
    if not wanted:
        yield
        return
    path.chmod(0o600)
    with path.open("r+b", buffering=0) as file:
        yield
        file.write(bytes(os.fstat(file.fileno()).st_size))
        os.fsync(file.fileno())


def _pointer(payload: bytes) -> bytes:
    """Return of a payload that was spooled before its store was encrypted what finds its session."""
    try:
        told = json.loads(payload)
    except (ValueError, RecursionError):
        return b"{}"
    if not isinstance(told, dict) or "segue_sealed" in told:
        return payload if isinstance(told, dict) else b"{}"
    return json.dumps({"segue_sealed": True} | {name: told[name] for name in _POINTS if isinstance(told.get(name), str)}).encode()


def _read(path: Path) -> Taken | None:
    """Return what a spool holds; None where another took it in meanwhile.

    A frame in which another one begins was cut short: no payload has a raw line end in a text.
    """
    agent = path.name.rpartition("@")[0]
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    frames: list[Frame] = []
    broken: list[tuple[int, bytes]] = []
    at = 0
    while at < len(data):
        head = _HEAD.match(data, at)
        end = head.end() + int(head[3]) if head else 0
        if head and data[end : end + 1] == b"\n" and not _HEAD.search(data, head.end(), end + 1):
            event, at_ns = head[2].decode("utf-8", "replace"), int(head[1])
            process = (head[4] or b"").decode()
            frames.append(Frame(agent, event, stamp(at_ns / 1e9), data[head.end() : end], at_ns, process))
            at = end + 1
            continue
        following = data.find(b"segue-spool 1 ", at + 1)
        following = len(data) if following < 0 else following
        broken.append((at, data[at:following]))
        at = following
    return Taken(path, frames, broken)
