r"""Emergency files: what could not be appended to a log, kept until it is taken in.

A run of an agent sets a file aside whose blocks are allocated (`HOME/emergency/PID-RANDOM`): a disk that is full has room in
it. Where not even that can be written, the user's runtime directory and the temporary one are tried. A file is a row of
frames, then zeros:

    segue-emergency 1 <bytes of the payload> <BLAKE2b-128 of the payload, in hex>\n<payload>\n

Its process holds a lock on it while it lives; what others may take in has none. Beside an encrypted store the payload is a box.
"""

import os
import re
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import Final

from segue.core.errors import SegueError
from segue.host import boxing
from segue.ports.boxes import CLEAR, Boxes

SIZES: Final = (256 * 1024, 64 * 1024, 16 * 1024)
"""Bytes that are set aside; less where there is no more."""
_HEAD = re.compile(rb"segue-emergency 1 (\d{1,12}) ([0-9a-f]{32})\n")
_NAME = re.compile(r"\d{1,10}-[0-9a-f]{16}\Z")
MAGIC: Final = b"segue-emergency "
_LARGEST = 1 << 30
_WHAT: Final = "emergency"
ASIDE: Final = ".broken"
_own: set[str] = set()
"""Files of this process: a lock does not keep a process from its own."""


class ReserveFile:
    """A file with room for an emergency."""

    def __init__(self, places: list[Path], boxes: Boxes = CLEAR) -> None:
        """Set room aside in the first of *places*; the others, and it again, are for when that fails. *boxes* hold payloads."""
        self._boxes = boxes
        self._pid = os.getpid()
        self._others = [*places[1:], places[0]]
        self._elsewhere: dict[Path, tuple[Path, int]] = {}
        self._path, self._fd, self._size, self._end = places[0], -1, 0, 0
        for size in SIZES:
            try:
                self._path, self._fd = _allocated(places[0], size)
            except OSError:
                continue
            self._size = size
            break

    def put(self, payload: bytes) -> str:
        """See `Reserve.put`."""
        frame = self._frame(payload)
        if self._end + len(frame) > self._size:
            return self.put_elsewhere(payload)
        try:
            _write(self._fd, frame, self._end)
        except OSError:
            return self.put_elsewhere(payload)
        self._end += len(frame)
        return str(self._path)

    def put_elsewhere(self, payload: bytes) -> str:
        """See `Reserve.put_elsewhere`."""
        refused: OSError | None = None
        frame = self._frame(payload)
        for place in self._others:
            try:
                if place not in self._elsewhere:
                    self._elsewhere[place] = _new(place)
                path, fd = self._elsewhere[place]
                _write(fd, frame, os.fstat(fd).st_size)
            except OSError as e:
                refused = e
            else:
                return str(path)
        raise refused or FileNotFoundError("there is no other place")

    def _frame(self, payload: bytes) -> bytes:
        """Return the frame of a payload. Raises PermissionError where it may not lie in the clear, and its key is not at hand."""
        try:
            return _frame(self._boxes.refresh().box(payload, _WHAT))
        except SegueError as e:
            if not self._boxes.tag:  # it was encrypted since this process opened it
                raise PermissionError(e.message) from e
            return _frame(self._boxes.box(payload, _WHAT))

    def close(self) -> None:
        """See `Reserve.close`."""
        if os.getpid() != self._pid:
            return  # a forked child's copy: the file is its parent's
        with suppress(OSError):
            if self._end:
                os.ftruncate(self._fd, self._end)  # the rest is room to take it in with
            elif self._size:
                self._path.unlink()
        for path, fd in (*self._elsewhere.values(), (self._path, self._fd)):
            if fd >= 0:
                os.close(fd)
                _own.discard(str(path))


class KeptFile:
    """An emergency file that nobody writes any more."""

    def __init__(self, path: Path, fd: int, boxes: Boxes = CLEAR) -> None:
        """Read it, and open its boxes."""
        self.path = str(path)
        self.locked = ""
        self._fd = fd
        found, self.broken = _read(fd)
        self.current = all(map(boxes.is_current, found))
        try:
            self.payloads = [boxes.open(payload, _WHAT) for payload in found]
        except (ValueError, SegueError) as e:
            self.payloads, self.locked = [], str(e)

    def done(self) -> None:
        """See `Kept.done`."""
        with suppress(OSError):
            if self.broken:
                Path(self.path).rename(f"{self.path}{ASIDE}")
            else:
                Path(self.path).unlink()
        os.close(self._fd)

    def leave(self) -> None:
        """See `Kept.leave`."""
        os.close(self._fd)


class EmergencyFiles:
    """The emergency files that belong to a home of segue."""

    def __init__(self, home: Path, env: Mapping[str, str], boxes: Callable[[], Boxes] = lambda: CLEAR) -> None:
        """Name the places; nothing is made there. *boxes* is asked for when something is taken."""
        self._places = places(home, env)
        self._boxes = boxes

    def is_empty(self) -> bool:
        """See `Emergencies.is_empty`."""
        return not any(name for place in self._places for name in _names(place))

    def take(self) -> list[KeptFile]:
        """See `Emergencies.take`. Reserves that a killed process left unused are removed."""
        found = []
        for path in [place / name for place in self._places for name in _names(place)]:
            kept = _take(path, self._boxes())
            if kept is None:
                continue
            if kept.payloads or kept.broken or kept.locked:
                found.append(kept)
            else:
                kept.done()
        return found

    def rekey(self) -> list[str]:
        """Bring what waits under the newest key, or under none; return the files that stay as they are, and why.

        Each file is whole in its old form or in its new one. Raises OSError.
        """
        boxes = self._boxes().refresh()
        left = []
        for kept in self.take():
            if kept.locked:
                left.append(f"{kept.path}: {kept.locked}")
            elif not kept.current:
                copy, fd = _new(Path(kept.path).parent)
                data = b"".join(_frame(boxes.box(payload, _WHAT)) for payload in kept.payloads)
                _write(fd, data, 0)
                os.close(fd)
                _own.discard(str(copy))
                kept.done()
                continue
            kept.leave()
        for place in self._places:
            boxing.sweep(place)
        for path in [one for place in self._places for one in _aside(place)]:
            try:
                data = path.read_bytes()
                if not boxes.is_current(data):
                    boxing.replace(path, [boxes.box(boxes.open(data, ASIDE), ASIDE)])
            except (ValueError, SegueError) as e:
                left.append(f"{path}: {e}")
        return left


def places(home: Path, env: Mapping[str, str]) -> list[Path]:
    """Return the directories that emergency files go to, the best one first."""
    tag = blake2b(str(home).encode("utf-8", "surrogateescape"), digest_size=6).hexdigest()
    runtime = env.get("XDG_RUNTIME_DIR", "")
    found = [home / "emergency"]
    if runtime.startswith("/"):
        found.append(Path(runtime, "segue", tag))
    temporary = env.get("TMPDIR", "")  # as `tempfile` has it, which would cost every start 10 ms
    return [*found, Path(temporary if temporary.startswith("/") else "/tmp", f"segue-{os.geteuid()}", tag)]  # noqa: S108


def _new(place: Path) -> tuple[Path, int]:
    """Make a file in a directory that is ours alone. Raises OSError."""
    for directory in (place.parent, place):
        if not directory.exists():
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not _is_ours(place):
        raise PermissionError(f"{place} is not this user's alone")
    path = place / f"{os.getpid()}-{os.urandom(8).hex()}"
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    _own.add(str(path))
    os.lockf(fd, os.F_TLOCK, 0)
    return path, fd


def _is_ours(place: Path) -> bool:
    """Return whether a directory, and the one around it where others may write, are this user's."""
    for directory in (place, place.parent):
        found = directory.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
            return False
    return not place.lstat().st_mode & 0o022


def _allocated(place: Path, size: int) -> tuple[Path, int]:
    """Make a file of *size* zeros whose blocks are there. Raises OSError."""
    path, fd = _new(place)
    try:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(fd, 0, size)
        else:
            _write(fd, bytes(size), 0)
        os.fsync(fd)
    except OSError:
        path.unlink()
        os.close(fd)
        _own.discard(str(path))
        raise
    return path, fd


def _frame(payload: bytes) -> bytes:
    digest = blake2b(payload, digest_size=16).hexdigest()
    return b"segue-emergency 1 %d %s\n%s\n" % (len(payload), digest.encode(), payload)


def _write(fd: int, data: bytes, at: int) -> None:
    view = memoryview(data)
    while view:
        done = os.pwrite(fd, view, at)
        view, at = view[done:], at + done
    os.fsync(fd)


def _names(place: Path) -> list[str]:
    try:
        return sorted(path.name for path in place.iterdir() if _NAME.match(path.name) and str(path) not in _own)
    except OSError:
        return []


def _aside(place: Path) -> list[Path]:
    try:
        return [path for path in place.iterdir() if path.name.endswith(ASIDE) and _NAME.match(path.name.removesuffix(ASIDE))]
    except OSError:
        return []


def _take(path: Path, boxes: Boxes) -> KeptFile | None:
    """Return a file that no living process holds; None for another one, or what is no file of ours."""
    try:
        if not _is_ours(path.parent):
            return None
        fd = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        found = os.fstat(fd)
        if stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid() and found.st_size <= _LARGEST:
            os.lockf(fd, os.F_TLOCK, 0)
            if path.exists():  # nobody took it between opening and locking
                return KeptFile(path, fd, boxes)
    except OSError:
        pass
    os.close(fd)
    return None


def _read(fd: int) -> tuple[list[bytes], int]:
    """Return the payloads of a file, and how many bytes of it are none."""
    data = os.pread(fd, os.fstat(fd).st_size, 0)
    found = list(_frames(data))
    payloads = [payload for _, payload in found]
    ends = [0, *(data.index(b"\n", at) + len(payload) + 2 for at, payload in found)]
    begins = [*(at for at, _ in found), len(data)]
    return payloads, sum(len(data[a:b].strip(b"\0")) for a, b in zip(ends, begins, strict=True))


def _frames(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield where each whole frame begins, and its payload."""
    at = 0
    while 0 <= at < len(data):
        head = _HEAD.match(data, at)
        end = head.end() + int(head[1]) if head else 0
        if head and data[end : end + 1] == b"\n" and _digest(data[head.end() : end]) == head[2]:
            yield at, data[head.end() : end]
            at = end + 1
        else:
            at = data.find(MAGIC, at + 1)


def payloads_in(data: bytes, boxes: Boxes) -> Iterator[tuple[int, bytes]]:
    """Yield where each frame of a file begins, and what it says. Raises ValueError, SegueError."""
    for at, payload in _frames(data):
        yield at, boxes.open(payload, _WHAT)


def framed(payload: bytes, boxes: Boxes) -> bytes:
    """Return the frame of what is to be said. One that says as many bytes as another is as long."""
    return _frame(boxes.box(payload, _WHAT))


def _digest(payload: bytes) -> bytes:
    return blake2b(payload, digest_size=16).hexdigest().encode()
