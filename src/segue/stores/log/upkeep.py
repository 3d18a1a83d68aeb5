"""Work that nothing waits for: sealing closed segments, unlinking what was deleted. One process at a time does it."""

import os
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from segue.core.errors import DamagedError, NotFoundError, SegueError
from segue.core.log.codec import BadLine
from segue.ports import Clock
from segue.stores.log import files, locks, removal, sealing, segments
from segue.stores.log.cipher import Cipher
from segue.stores.log.journal import Journal, LookUp
from segue.stores.log.marks import is_deleted
from segue.stores.log.tail import line_head

_STALE = 3600.0
_WHOLE = b"whole"
"""What the mark of a session says whose open segment is to be sealed too."""
_WORTH = 1 << 15
"""An open segment of fewer bytes than this is not sealed unless asked for: files take room in blocks of 4 KiB."""
_TEMPORARY = re.compile(r"\..+\.\d+\.[0-9a-f]{8}\Z")


def work(store: Path, journal_of: LookUp, clock: Clock, finish: Callable[[str], None]) -> int:
    """Do what waits, if nobody else does it now; return how many segments were sealed.

    *finish* goes on with an erasure in a session that was interrupted.
    """
    fd = locks.try_lock(store / "worker.lock")
    if fd is None:
        return 0
    try:
        if abs(clock.now() - os.fstat(fd).st_mtime) > _STALE:
            _sweep_incoming(store / "incoming", clock)
            _sweep_temporary(store, clock)
            _mark_unfinished(store)
            _sweep_beside(store)
            os.utime(fd, (clock.now(), clock.now()))
        marks = sorted(store / "todo" / name for name in os.listdir(store / "todo"))
        return sum(_do_marked(store, mark, journal_of, clock, finish) for mark in marks)
    finally:
        os.close(fd)


def seal(journal: Journal, *, whole: bool = False) -> int:
    """Seal the closed segments of one log (*whole*: the last one too) and return how many."""
    if whole:
        with journal.exclusive():
            journal.close_segment()
    directory = journal.directory / "log"
    found = segments.listed(directory)
    _finish_earlier(journal, directory)
    closed = [s for s in (found if whole else found[:-1]) if not s.sealed]
    return sum(_seal(journal, segment) for segment in closed)


def mark_whole(mark: Path) -> None:
    """Note that a session rests, at its *mark*."""
    fd = files.open_or_create(mark)
    try:
        if not os.fstat(fd).st_size:
            files.write_all(fd, _WHOLE)
    finally:
        os.close(fd)


def _do_marked(store: Path, mark: Path, journal_of: LookUp, clock: Clock, finish: Callable[[str], None]) -> int:
    try:
        whole = files.read_file(mark) == _WHOLE
        finish(mark.name)  # until it has, the mark stays
    except (FileNotFoundError, NotFoundError):
        whole = False
    mark.unlink(missing_ok=True)  # first: a segment that is closed meanwhile marks again
    try:
        journal = journal_of(mark.name)
    except NotFoundError:
        return 0
    if is_deleted(journal.directory):
        removal.reclaim(store, journal, journal_of, clock)
        return 0
    return seal(journal, whole=whole and _is_worth_it(journal))


def _is_worth_it(journal: Journal) -> bool:
    """Return whether the last segment is open and large enough to be sealed."""
    last = segments.listed(journal.directory / "log")[-1:]
    return bool(last) and not last[0].sealed and files.size(last[0].path) >= _WORTH


def _seal(journal: Journal, segment: segments.Segment) -> int:
    """Write the sealed form, read it back, and only then let the original go. A damaged segment stays as it is."""
    try:
        data = files.read_file(segment.path)
    except FileNotFoundError:  # another was faster
        return 0
    cipher = journal.env.cipher.refresh()
    if not data or not _sound(data := _plain(data, cipher)):
        return 0
    target = segments.sealed_path(segment.path)
    packed = sealing.seal(data, cipher)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.{os.urandom(4).hex()}")
    fd = files.create(temporary)
    try:
        files.write_all(fd, packed)
        os.fsync(fd)
        if _content(fd, cipher) != data:
            raise DamagedError(f"segment {segment.path.name!r}", "its sealed form does not read back")
        with journal.lock.exclusive():
            if _plain(files.read_file(segment.path), cipher) != data:
                return 0
            os.replace(temporary, target)
            files.sync_dir(target.parent)
            segment.path.unlink()
            journal.lock.bump()
    except FileNotFoundError:
        return 0
    finally:
        os.close(fd)
        temporary.unlink(missing_ok=True)
    return 1


def _finish_earlier(journal: Journal, directory: Path) -> None:
    """Unlink originals whose sealed form is in place: a crash came in between."""
    cipher = journal.env.cipher.refresh()
    for name in os.listdir(directory):
        if name.endswith(".jsonl") and segments.is_segment(name) and (directory / f"{name}.zst").exists():
            with journal.lock.exclusive(), suppress(FileNotFoundError):  # another was faster
                fd = files.open_read(directory / f"{name}.zst")
                try:
                    same = _content(fd, cipher) == _plain(files.read_file(directory / name), cipher)
                finally:
                    os.close(fd)
                (directory / (name if same else f"{name}.zst")).unlink(missing_ok=True)
                journal.lock.bump()


def _content(fd: int, cipher: Cipher) -> bytes:
    try:
        return b"".join(sealing.content(fd, frame, cipher) for frame in sealing.frames(fd))
    except ValueError:
        return b""


def _plain(data: bytes, cipher: Cipher) -> bytes:
    """Return what the written lines *data* hold; what cannot be opened stays as it is."""
    return b"\n".join(map(cipher.open_line, data.split(b"\n")))


def _sound(data: bytes) -> bool:
    """Return whether *data* is whole lines, all of them intact and in order."""
    lines = data.split(b"\n")
    if lines.pop():
        return False
    before = 0
    for line in lines:
        try:
            head = line_head(line)
        except (BadLine, SegueError, ValueError, KeyError):
            return False
        if before and head.seq != before + 1:
            return False
        before = head.seq
    return True


def _sweep_temporary(store: Path, clock: Clock) -> None:
    """Unlink temporary files (`.NAME.PID.RANDOM`) whose process did not live to rename them, an hour ago or more."""
    for directory, _, names in os.walk(store):
        for name in names:
            path = Path(directory, name)
            with suppress(FileNotFoundError):  # renamed or swept meanwhile
                if _TEMPORARY.match(name) and clock.now() - path.lstat().st_mtime > _STALE:
                    path.unlink()


def _mark_unfinished(store: Path) -> None:
    """Mark sessions whose deletion was interrupted."""
    for name in os.listdir(store / "sessions"):
        if removal.unfinished(store / "sessions" / name):
            (store / "todo" / name).touch(mode=files.FILE_MODE)


def _sweep_beside(store: Path) -> None:
    """Take away what an interrupted `restore-store` or `recover` left beside the store."""
    from segue.stores.log.backup.making import sweep

    sweep(store)


def _sweep_incoming(incoming: Path, clock: Clock) -> None:
    """Unlink sessions that were never finished, an hour after their process gave up."""
    for name in os.listdir(incoming):
        with suppress(FileNotFoundError):  # moved to its place since it was listed
            if clock.now() - (incoming / name).stat().st_mtime > _STALE:
                removal.sweep(incoming / name)
