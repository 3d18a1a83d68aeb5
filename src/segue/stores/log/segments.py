"""Where a log's lines are. A segment is named by its first event's number: `log/000001.jsonl`, sealed `log/000001.jsonl.zst`.

So an event's number leads to its segment by the names alone, and to its line by counting, unless lines are damaged: a place
found by counting is believed only when the line there says so.
"""

import os
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from segue.core.log.events import Head
from segue.stores.log import files, sealing, zstd
from segue.stores.log.cipher import PLAIN, Cipher

NEAR = 1 << 16
"""How far from its end an open segment is looked at before all of it is read."""
_NAME = re.compile(r"(\d{6,})\.jsonl(\.zst)?\Z")
_SEQ = re.compile(rb'\{"v":\d+,"seq":(\d+),')
_BEGIN = b'\n{"v":1,"seq":%d,'
"""How the line of an event begins; no line has a line break within."""


class Segment(NamedTuple):
    """One file of a log."""

    first: int
    path: Path
    sealed: bool


class View(NamedTuple):
    """What a reader may see of a log: its segments, and how far the last one is durable."""

    segments: tuple[Segment, ...]
    end: int
    head: Head
    cipher: Cipher = PLAIN
    generation: int = -1
    """The log's when `end` was found out; segments may have been written anew since. -1: they cannot have been."""


class Block(NamedTuple):
    """Neighbouring lines of a segment, or the reason why they could not be read."""

    where: str
    first: int
    """The number that the first line should have, by counting."""
    until: int
    """The last number that counts here: a later segment holds what follows."""
    lines: Iterable[bytes]
    """To be gone through once: each is opened when its turn comes."""
    error: str = ""
    lost: int = 0
    """How many lines a damaged frame held, at most."""


def segment_path(directory: Path, first: int) -> Path:
    """Return the path of the open segment that begins with event *first*."""
    return directory / f"{first:06d}.jsonl"


def sealed_path(path: Path) -> Path:
    """Return the path of the sealed form of the open segment *path*."""
    return path.with_name(path.name + ".zst")


def listed(directory: Path) -> tuple[Segment, ...]:
    """Return a log's segments in order; one that is there in both forms counts once, as sealed."""
    found: dict[int, Segment] = {}
    for name in os.listdir(directory):
        match = _NAME.match(name)
        if match and not (int(match[1]) in found and not match[2]):
            found[int(match[1])] = Segment(int(match[1]), directory / name, bool(match[2]))
    return tuple(found[first] for first in sorted(found))


def is_segment(name: str) -> bool:
    """Return whether a file of that name is a segment."""
    return _NAME.match(name) is not None


def seq_of(line: bytes) -> int | None:
    """Return the number that a line begins with, unverified."""
    match = _SEQ.match(line)
    return int(match[1]) if match else None


def blocks(view: View, start: int, *, reverse: bool = False) -> Iterator[Block]:
    """Yield the blocks that hold the events from *start* on (or, in reverse, all blocks down to the one with *start*).

    A segment that is sealed while we read is found in its new form.
    """
    begin = max(bisect_right([s.first for s in view.segments], start) - 1, 0)
    chosen = list(enumerate(view.segments))[begin:]
    for i, segment in reversed(chosen) if reverse else chosen:
        last = i == len(view.segments) - 1
        until = view.head.seq if last else view.segments[i + 1].first - 1
        for block in _segment_blocks(segment, (view.end, view.generation) if last else None, start, view.cipher, reverse=reverse):
            yield block._replace(until=until)


def is_as_seen(segment: Segment, generation: int) -> bool:
    """Return whether a file opened before this was asked is the one that was there at that generation, bytes and all."""
    try:
        return generation < 0 or os.stat(segment.path.parent.parent / "lock").st_size == generation
    except FileNotFoundError:
        return False


def _segment_blocks(
    segment: Segment, seen: tuple[int, int] | None, start: int, cipher: Cipher, *, reverse: bool
) -> Iterator[Block]:
    try:
        fd = files.open_read(segment.path)
    except FileNotFoundError:
        other = sealed_path(segment.path)
        try:
            fd = files.open_read(other)
        except FileNotFoundError:
            yield Block(segment.path.name, segment.first, 0, (), "the segment is missing", 0)
            return
        segment = segment._replace(path=other, sealed=True)
    try:
        if segment.sealed:
            yield from _sealed_blocks(fd, segment, start, cipher, reverse=reverse)
        else:
            known = seen is not None and is_as_seen(segment, seen[1])  # else all is read: the lines' numbers say what counts
            for block in _open_block(fd, segment, seen[0] if seen is not None and known else None, start):
                yield block._replace(lines=map(cipher.open_line, block.lines))
    finally:
        os.close(fd)


def _open_block(fd: int, segment: Segment, end: int | None, start: int) -> Iterator[Block]:
    near = _from_the_end(fd, end, start) if start > segment.first else None
    if near is not None:
        yield Block(segment.path.name, start, 0, near)
        return
    data = files.read_all(fd, 0, end)
    at = data.find(_BEGIN % start) if start > segment.first else -1
    if at >= 0:  # most readers want a few events: the rest is not taken apart
        yield Block(segment.path.name, start, 0, _lines(data, at + 1))
        return
    lines = data.split(b"\n")
    if not lines[-1]:
        lines.pop()
    skip = start - segment.first
    if 0 < skip < len(lines) and seq_of(lines[skip]) == start:
        yield Block(segment.path.name, start, 0, lines[skip:])
    elif lines:
        yield Block(segment.path.name, segment.first, 0, lines)


def _from_the_end(fd: int, end: int | None, start: int) -> list[bytes] | None:
    """Return the lines from event *start* on, if it is found within `NEAR` bytes of the end: the rest is not read."""
    size = os.fstat(fd).st_size if end is None else end
    data = files.read_all(fd, max(size - NEAR, 0), size)
    at = data.find(_BEGIN % start)
    if at < 0:
        return None
    lines = data[at + 1 :].split(b"\n")
    return lines[:-1] if not lines[-1] else lines


def _lines(data: bytes, at: int) -> Iterator[bytes]:
    """Yield the lines of *data* from *at* on, one at a time."""
    while at < len(data):
        end = data.find(b"\n", at)
        end = len(data) if end < 0 else end
        yield data[at:end]
        at = end + 1


def _sealed_blocks(fd: int, segment: Segment, start: int, cipher: Cipher, *, reverse: bool) -> Iterator[Block]:
    frames = sealing.frames(fd)
    if not frames:
        yield Block(segment.path.name, segment.first, 0, (), "the sealed segment holds no frame", 0)
        return
    skip = min(max((start - segment.first) // sealing.GROUP, 0), len(frames) - 1)
    order = range(skip, len(frames))
    for n in reversed(order) if reverse else order:
        first = segment.first + n * sealing.GROUP
        where = f"{segment.path.name} frame {n + 1}"
        try:
            lines = sealing.content(fd, frames[n], cipher).split(b"\n")
        except zstd.BadFrame as e:
            yield Block(where, first, 0, (), str(e), sealing.GROUP)
            continue
        yield Block(where, first, 0, lines[:-1] if not lines[-1] else lines)
