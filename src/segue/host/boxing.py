"""Files of any size in boxes: a row of them, each of a part of the file, so that no more than a part is in memory.

Each part is boxed as what the file is, its number, and whether more follows: none can be taken out, put in or moved.
"""

import os
import struct
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, Final

from segue.host import private
from segue.host.beside import is_gone
from segue.ports.boxes import Boxes

SUFFIX: Final = ".box"
PART: Final = 4 << 20
HEAD: Final = 64
"""So many bytes of a file say of which kind it is."""
_FRAME: Final = struct.Struct("<4sI")
MAGIC: Final = b"\x53\x2a\x4d\x18"


def parts(source: IO[bytes]) -> Iterator[bytes]:
    """Yield a file in parts; one that is empty is an empty part."""
    part = source.read(PART)
    yield part
    while len(part) == PART and (part := source.read(PART)):
        yield part


def boxed(boxes: Boxes, content: Iterable[bytes], what: str) -> Iterator[bytes]:
    """Yield *content*, in parts of `PART` at most, as it is written."""
    waiting: bytes | None = None
    n = 0
    for part in content:
        if waiting is not None:
            yield boxes.box(waiting, f"{what} {n} more")
            n += 1
        waiting = part
    yield boxes.box(waiting or b"", f"{what} {n} last")


def opened(boxes: Boxes, source: IO[bytes], what: str) -> Iterator[bytes]:
    """Yield what a file holds that `boxed` wrote; the file itself where it is none.

    Raises:
        ValueError: it was changed or cut short, or is under a key that is not at hand.
    """
    head = source.read(_FRAME.size)
    if not head.startswith(MAGIC):
        yield head
        while data := source.read(PART):
            yield data
        return
    n = 0
    while head:
        if len(head) < _FRAME.size or not head.startswith(MAGIC):
            raise ValueError("its end is missing")
        data = head + source.read(_FRAME.unpack(head)[1])
        head = source.read(_FRAME.size)
        yield boxes.open(data, f"{what} {n} {'more' if head else 'last'}")
        n += 1


def read_box(source: IO[bytes]) -> bytes:
    """Return the box that a file goes on with, still closed. Raises ValueError: there is none."""
    head = source.read(_FRAME.size)
    if len(head) < _FRAME.size or not head.startswith(MAGIC):
        raise ValueError("not a box")
    return head + source.read(_FRAME.unpack(head)[1])


def replace(path: Path, content: Iterable[bytes]) -> None:
    """Give the file *path* a new content, durably, whole or not at all. Raises OSError."""
    private.replace(path, path.with_name(f".{path.name}.{os.getpid()}"), content)
    sync(path.parent)


def sweep(directory: Path) -> None:
    """Remove what `replace` did not finish in a directory: of processes that are gone, or of this one."""
    with suppress(OSError):  # no such directory
        for path in directory.glob(".*.*"):
            pid = path.name.rpartition(".")[2]
            if pid == str(os.getpid()) or is_gone(pid):
                path.unlink(missing_ok=True)


def sync(directory: Path) -> None:
    """Bring a directory to the disk. Raises OSError."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def is_current(boxes: Boxes, path: Path) -> bool:
    """Return whether a file is of the kind that is written now. Raises OSError."""
    with path.open("rb") as file:
        return boxes.is_current(file.read(HEAD))
