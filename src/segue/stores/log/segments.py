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
"""How far from its end an open segment is looked at before an event is sought in it."""
_PIECE = 1 << 14
_LARGEST_PIECE = 1 << 20
_NAME = re.compile(r"(\d{6,})\.jsonl(\.zst)?\Z")
_SEQ = re.compile(rb'\{"v":\d+,"seq":(\d+),')
_BEGIN = b'\n{"v":1,"seq":%d,'
"""How the line of an event begins; no line has a line break within."""
_LONGEST_BEGINNING = 64
_BEGINS = re.compile(rb'\n\{"v":\d+,"seq":(\d+),')


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
    """The last number that counts here: a later block holds what follows; 0: that of the segment."""
    lines: Iterable[bytes]
    """To be gone through once, before the next block is asked for: each is read and opened when its turn comes."""
    error: str = ""
    lost: int = 0
    """How many lines a damaged frame held, at most."""
    skipped: int = 0
    """How many lines of the segment stand before these, by counting."""


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
        seen = (view.end, view.generation) if last else None
        for block in _segment_blocks(segment, seen, start, until, view.cipher, reverse=reverse):
            yield block if block.until else block._replace(until=until)


def is_as_seen(segment: Segment, generation: int) -> bool:
    """Return whether a file opened before this was asked is the one that was there at that generation, bytes and all."""
    try:
        return generation < 0 or os.stat(segment.path.parent.parent / "lock").st_size == generation
    except FileNotFoundError:
        return False


def _segment_blocks(
    segment: Segment, seen: tuple[int, int] | None, start: int, until: int, cipher: Cipher, *, reverse: bool
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
            size = seen[0] if seen is not None and known else os.fstat(fd).st_size
            found = _backwards(fd, segment, size, until, start, cipher) if reverse else _open_block(fd, segment, size, start)
            for block in found:
                yield block._replace(lines=map(cipher.open_line, block.lines))
    finally:
        os.close(fd)


def _backwards(fd: int, segment: Segment, size: int, last: int, start: int, cipher: Cipher) -> Iterator[Block]:
    """Yield the lines of an open segment in pieces, its end first: most readers want a few events, and read no more.

    A piece is believed where its first line has the number that it should, by counting back from the *last*; else all that
    is left is one block.
    """
    piece = NEAR
    while size > piece and start <= last:
        data = files.read_all(fd, size - piece, size)
        begin = data.find(b"\n") + 1
        lines = data[begin:].removesuffix(b"\n").split(b"\n")
        first = last - len(lines) + 1
        if not begin or begin == len(data):  # one long line
            piece *= 4
        elif first > segment.first and seq_of(cipher.open_line(lines[0])) == first:
            yield Block(segment.path.name, first, last, lines, skipped=first - segment.first)
            size, last, piece = size - len(data) + begin, first - 1, min(2 * piece, _LARGEST_PIECE)
        else:
            break
    if size and start <= last:
        yield from (block._replace(until=last) for block in _open_block(fd, segment, size, start))


def _open_block(fd: int, segment: Segment, size: int, start: int) -> Iterator[Block]:
    if start <= segment.first:
        if size:
            yield Block(segment.path.name, segment.first, 0, _lines(fd, 0, size))
        return
    found = _find(fd, size, start)
    if found is not None:  # most readers want a few events: the rest is not even read
        yield Block(segment.path.name, start, 0, _lines(fd, found[0], size, found[1]), skipped=start - segment.first)
        return
    lines = [*_lines(fd, 0, size)]
    skip = start - segment.first
    if skip < len(lines) and seq_of(lines[skip]) == start:
        yield Block(segment.path.name, start, 0, lines[skip:], skipped=skip)
    elif lines:
        yield Block(segment.path.name, segment.first, 0, lines)


def _find(fd: int, size: int, start: int) -> tuple[int, bytes] | None:
    """Return how far an open segment was read, and what was read from where event *start* begins; None where it is not found.

    The end is looked at first, and then the middle of what is before it, again and again: an event costs the same however
    long the segment is. Lines are in the order of their numbers unless the segment is damaged.
    """
    near = max(size - NEAR, 0)
    data, high = files.read_all(fd, near, size), size
    first = _BEGINS.search(data) if near else None
    if near and (first is None or int(first[1]) > start):
        low, high = _narrowed(fd, near + first.end() if first else size, start)
        data = files.read_all(fd, low, high)
    at = data.find(_BEGIN % start)
    return (high, data[at + 1 :]) if at >= 0 else None


def _narrowed(fd: int, high: int, start: int) -> tuple[int, int]:
    """Return a short part of what is before *high* in which event *start* begins, if it does so anywhere."""
    low = 0
    while high - low > _PIECE:
        middle = (low + high) // 2
        found = next(filter(None, (_BEGINS.search(files.read_all(fd, middle, end)) for end in _ends(middle, high))), None)
        if found is not None and int(found[1]) <= start:
            low = middle + found.start()
        elif found is not None and middle + found.end() < high:
            high = middle + found.end()
        else:
            high = middle + _LONGEST_BEGINNING  # no other line begins behind that
    return low, high


def _ends(start: int, most: int) -> Iterator[int]:
    """Yield how far to look for the beginning of a line: most lines are short."""
    size = _PIECE // 4
    while start + size < most:
        yield start + size
        size *= 8
    yield most


def _lines(fd: int, at: int, size: int, data: bytes = b"") -> Iterator[bytes]:
    """Yield the lines of *data* and of the file from *at* to *size*, read as they are wanted: little at first, then more."""
    rest, piece = b"", _PIECE
    while True:
        *lines, rest = (rest + data).split(b"\n")
        yield from lines
        data = files.read_all(fd, at, min(at + piece, size))
        if not data:
            break
        at += len(data)
        piece = min(2 * piece, max(_LARGEST_PIECE, len(rest)))
    if rest:
        yield rest


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
