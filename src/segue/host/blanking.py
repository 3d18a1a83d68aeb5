"""Files of ours that are no logs, by what they hold, boxed or not; and what is to go in them overwritten where it stands."""

import gzip
import io
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from segue.core.errors import SegueError
from segue.core.log.needles import Needle
from segue.host import boxing, emergency, keeping
from segue.host.emergency import ASIDE
from segue.ports.boxes import CLEAR, Boxes

_GZIP: Final = b"\x1f\x8b"


def count(path: Path, needle: Needle, boxes: Boxes = CLEAR) -> int:
    """Return how often it stands in a file: in its bytes, in its name, and in what is packed or boxed in it.

    Raises OSError, and ValueError where it has a box that cannot be opened.
    """
    data = path.read_bytes()
    found = needle.count(data) + needle.count(os.fsencode(path.name))
    if data.startswith(_GZIP):
        with suppress(OSError, EOFError):
            found += needle.count(gzip.decompress(data))
    plain = _opened(data, boxes)
    return found + (needle.count(plain) if plain != data else 0)


def blank(path: Path, needle: Needle, boxes: Boxes = CLEAR) -> None:
    """Overwrite what stands in a file: where it stands, and in a box by another box. Raises OSError, ValueError."""
    data = path.read_bytes()
    if data.startswith(boxing.MAGIC):
        plain, is_copy = _unboxed(data, boxes)
        content = io.BytesIO(needle.blanked(plain))
        kept = boxing.boxed(boxes, boxing.parts(content), keeping.KIND) if is_copy else [boxes.box(content.read(), ASIDE)]
        boxing.replace(path, kept)
    else:
        _overwrite(path, [*_in_the_open(data, needle), *_in_frames(data, needle, boxes)])


def _opened(data: bytes, boxes: Boxes) -> bytes:
    """Return what a file holds, its boxes opened. Raises ValueError."""
    try:
        if data.startswith(emergency.MAGIC):
            return b"\n".join(payload for _, payload in emergency.payloads_in(data, boxes))
        return _unboxed(data, boxes)[0] if data.startswith(boxing.MAGIC) else data
    except SegueError as e:
        raise ValueError(e.message) from e


def _unboxed(data: bytes, boxes: Boxes) -> tuple[bytes, bool]:
    """Return what boxes hold, and whether it is a kept copy: else it is what was left of an emergency."""
    with suppress(ValueError):
        return b"".join(boxing.opened(boxes, io.BytesIO(data), keeping.KIND)), True
    return boxes.open(data, ASIDE), False


def _in_the_open(data: bytes, needle: Needle) -> Iterator[tuple[int, bytes]]:
    yield from ((start, b"x" * (end - start)) for start, end in needle.spans(data))


def _in_frames(data: bytes, needle: Needle, boxes: Boxes) -> Iterator[tuple[int, bytes]]:
    """Yield the frames of an emergency that say something else now: with the sum that fits, they are taken in."""
    for at, payload in emergency.payloads_in(data, boxes) if data.startswith(emergency.MAGIC) else ():
        if needle.is_in(payload):
            yield at, emergency.framed(needle.blanked(payload), boxes)


def _overwrite(path: Path, changes: Iterable[tuple[int, bytes]]) -> None:
    """Write only what is another now, of the same length: whoever has the file open, or counts its bytes, goes on."""
    mode = stat.S_IMODE(path.lstat().st_mode)
    if not mode & stat.S_IWUSR:
        path.chmod(mode | stat.S_IWUSR)
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | getattr(os, "O_NOFOLLOW", 0))
    try:
        for at, data in changes:
            done = 0
            while done < len(data):
                done += os.pwrite(descriptor, data[done:], at + done)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
        path.chmod(mode)
