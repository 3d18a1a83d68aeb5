"""Where something stands in the bytes of a store: in lines, in large values, in whatever lies beside them."""

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from segue.core.errors import SegueError
from segue.core.log.codec import BadLine, decode_line, split_line
from segue.core.log.needles import Needle
from segue.ports.erasing import Left, Scan
from segue.stores.log import files, rewriting, segments, zstd
from segue.stores.log.blobs import Blobs
from segue.stores.log.cipher import MAGIC, BadBox, Cipher
from segue.stores.log.erasing import all_refs
from segue.stores.log.kinds import ALL

_LIMIT = 4 << 30


class Holding:
    """Tells which lines hold something, in themselves or in the large values that they refer to."""

    def __init__(self, needle: Needle, blobs: Blobs) -> None:
        """Look for *needle*."""
        self._needle, self._blobs = needle, blobs
        self._known: dict[str, bool] = {}

    def __call__(self, line: bytes) -> bool:
        """Return whether the contents of an event hold it. What is no line is asked as a whole."""
        try:
            content = split_line(line)[2]
        except BadLine:
            return self._needle.is_in(line)
        return self._needle.is_in(content) or any(self._in_blob(name) for name in all_refs(line, self._blobs))

    def _in_blob(self, name: str) -> bool:
        if name not in self._known:
            self._known[name] = False
            with suppress(SegueError, OSError):
                self._known[name] = self._needle.is_in(self._blobs.get(name))
        return self._known[name]


def is_event(line: bytes) -> bool:
    """Return whether a line is an intact event whose contents are there."""
    try:
        return not decode_line(line).erased
    except BadLine:
        return False


def scan(root: Path, needle: Needle, cipher: Cipher, leave: Iterator[Path] | tuple[Path, ...] = ()) -> Scan:
    """Look at every byte below *root*, but for what is below the paths *leave*."""
    number = size = 0
    left: list[Left] = []
    unread: list[Left] = []
    left_out = {*leave}
    for path in walk(root, left_out):
        count, why = 0, ""
        try:
            data = files.read_file(path)
        except FileNotFoundError:  # renamed or gone meanwhile
            continue
        except OSError as e:
            unread.append(Left(str(path), 0, e.strerror or str(e)))
            continue
        number, size = number + 1, size + len(data)
        count = needle.count(data) + needle.count(os.fsencode(path.name))
        for plain, flaw in _opened(path, data, cipher):
            count += needle.count(plain)
            why = why or flaw
        if count:
            left.append(Left(str(path), count))
        if why:
            unread.append(Left(str(path), 0, why))
    return Scan(number, size, left, unread)


def walk(root: Path, leave: set[Path] | frozenset[Path] = frozenset()) -> Iterator[Path]:
    """Yield the files below *root*, links not followed, sorted."""
    for directory, names, others in os.walk(root):
        here = Path(directory)
        names[:] = sorted(name for name in names if here / name not in leave)
        for name in sorted(others):
            path = here / name
            with suppress(OSError):
                if path not in leave and stat.S_ISREG(path.lstat().st_mode):
                    yield path


def _opened(path: Path, data: bytes, cipher: Cipher) -> Iterator[tuple[bytes, str]]:
    """Yield what a file holds in another form than its bytes, and what could not be opened."""
    name = path.name.removeprefix(".").partition(".jsonl")
    if segments.is_segment(path.name) or (path.name.startswith(".") and name[1]):
        sealed = ".jsonl.zst" in path.name
        with suppress(FileNotFoundError):
            for part in rewriting.parts(path, cipher, sealed=sealed):
                if part.error:
                    yield b"", part.error
                elif sealed or part.lines != [part.stored]:
                    yield b"\n".join(part.lines), ""
    elif data.startswith((MAGIC, zstd.MAGIC)):
        yield _unpacked(data, cipher)


def _unpacked(data: bytes, cipher: Cipher) -> tuple[bytes, str]:
    flaw = ""
    for kind in ALL if data.startswith(MAGIC) else ("",):
        try:
            plain = cipher.open(data, kind) if kind else data
            if not plain.startswith(zstd.MAGIC):
                return plain, ""
            first, second = zstd.split(plain, _LIMIT)  # a snapshot is two frames
            return first + (zstd.decompress(second, _LIMIT) if second else b""), ""
        except (BadBox, zstd.BadFrame) as e:
            flaw = str(e)
    return b"", flaw
