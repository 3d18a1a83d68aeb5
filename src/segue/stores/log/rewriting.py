"""Lines of a log changed where they stand: as many as before, each with the number, the head and the digest that it had.

Two need it: `erase`, which takes contents away, and a cipher that is put on or taken off. Under the log's exclusive lock each
segment is written anew in a file of its own, made durable, read back, compared, renamed over the old one, and the name made
durable. So at every moment there is the old form or the new one, whole. A crash leaves some segments changed and others not:
whoever asked for it does it again.

The log's generation rises before the first rename: every other process looks at the segments anew. Whoever is in the middle of a
segment keeps the form that was opened. No file that is left behind holds the old bytes; whether the file system or the disk
still has them in blocks that nothing refers to is beyond us.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from segue.core.errors import DamagedError
from segue.core.log.codec import BadLine, split_line, verify_line
from segue.stores.log import files, sealing, segments, zstd
from segue.stores.log.cipher import PLAIN, Cipher
from segue.stores.log.journal import Journal

Change = Callable[[bytes], bytes]
"""Gives a line, without its newline, as it is to be: the same head and digest. What is no line of a log (damaged, torn) is
given as it stands, and may become anything that has no newline."""


class Part(NamedTuple):
    """Neighbouring lines of a segment that are stored together: a frame of a sealed one, a line of an open one."""

    lines: list[bytes]
    """Of a frame the last one is empty."""
    stored: bytes
    """As it stands in the file."""
    size: int
    """Length of its content."""
    error: str = ""
    """Why its lines cannot be read; then there are none."""


def rewrite(journal: Journal, change: Change, *, anew: bool = False) -> int:
    """Change the lines of a log's own, open and sealed segments alike; return how many are others now.

    Args:
        journal: the log; also a deleted one whose forks still need it.
        change: what each line becomes.
        anew: write segments also where no line changes.

    Raises:
        StorageFullError, OSError: segments that were not reached are as they were.
        DamagedError: what was written does not read back; the segment is as it was.
        ValueError: *change* gave a line of another head or digest.
    """
    with journal.rewriting():
        paths = segment_files(journal.directory / "log")
        return sum(rewrite_segment(path, change, journal.env.cipher, anew=anew) for path in paths)


def segment_files(log: Path) -> list[Path]:
    """Return the files of the directory *log* that are segments, both forms of one that a crash left in both."""
    try:
        return sorted(log / name for name in os.listdir(log) if segments.is_segment(name))
    except FileNotFoundError:
        return []


def rewrite_segment(path: Path, change: Change, cipher: Cipher = PLAIN, *, anew: bool = False) -> int:
    """Change the lines of one file, which nobody else may be writing to; return how many are others now."""
    sealed = path.name.endswith(".zst")
    before = list(parts(path, cipher))
    after = [_changed(part, change) for part in before]
    lines = sum(old != new for one, other in zip(before, after, strict=True) for old, new in zip(one.lines, other, strict=True))
    if lines or anew:
        form = _frame if sealed else _line
        written = [form(part, new, cipher, anew=anew) for part, new in zip(before, after, strict=True)]
        data = sealing.packed(written) if sealed else b"\n".join(line for line, _ in written)
        put(path, data, lambda made: [part.lines for part in parts(made, cipher, sealed=sealed)] == after)
    return lines


def parts(path: Path, cipher: Cipher = PLAIN, *, sealed: bool | None = None) -> Iterator[Part]:
    """Yield the lines of a segment, part by part; *sealed*: in which form it is, whatever its name says."""
    if not (path.name.endswith(".zst") if sealed is None else sealed):
        yield from (Part([cipher.open_line(line)], line, len(line)) for line in files.read_file(path).split(b"\n"))
        return
    fd = files.open_read(path)
    try:
        for frame in sealing.frames(fd):
            stored = files.read_all(fd, frame.offset, frame.offset + frame.size)
            try:
                content = sealing.content(fd, frame, cipher)
            except zstd.BadFrame as e:
                yield Part([], stored, frame.content, str(e))
            else:
                yield Part(content.split(b"\n"), stored, len(content))
    finally:
        os.close(fd)


def put(path: Path, data: bytes, reads_back: Callable[[Path], bool]) -> None:
    """Give *path* the content *data*, durably, all or nothing, once it reads back from the disk. Raises DamagedError."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    fd = files.create(temporary)
    try:
        try:
            files.write_all(fd, data)
            os.fsync(fd)
        finally:
            os.close(fd)
        if files.read_file(temporary) != data or not reads_back(temporary):
            raise DamagedError(f"file {path.name!r}", "its new form does not read back: the disk is not to be trusted")
        os.replace(temporary, path)
        files.sync_dir(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def _changed(part: Part, change: Change) -> list[bytes]:
    return [_checked(line, change(line)) if line else line for line in part.lines]


def _checked(old: bytes, new: bytes) -> bytes:
    """Return *new* if it may stand where *old* does. Raises ValueError."""
    if old != new and (b"\n" in new or (_identity(old) is not None and _identity(old) != _identity(new))):
        raise ValueError("a line was to become another event")
    return new


def _identity(line: bytes) -> tuple[bytes, str] | None:
    """Return the head and the digest of an intact line; None for what is none."""
    try:
        return split_line(line)[0], verify_line(line)
    except BadLine:
        return None


def _frame(part: Part, lines: list[bytes], cipher: Cipher, *, anew: bool) -> tuple[bytes, int]:
    """Return a frame of *lines* and its content's length; one that cannot be read, or need not be written, as it stands."""
    if part.error:
        return sealing.kept(part.stored, cipher) if anew else part.stored, part.size
    if part.lines == lines and not anew:
        return part.stored, part.size
    content = b"\n".join(lines)
    return sealing.frame(content, cipher), len(content)


def _line(part: Part, lines: list[bytes], cipher: Cipher, *, anew: bool) -> tuple[bytes, int]:
    """Return a line as it is to be stored; what need not be written as it stands."""
    (line,) = lines
    if not line or (part.lines == lines and not anew):
        return part.stored, part.size
    boxed = cipher.box_line(line + b"\n")[:-1] if anew or _identity(line) else line
    return boxed, len(boxed)
