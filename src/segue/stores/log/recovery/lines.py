"""The intact lines of one copy of a log, whatever happened to the rest: found, and read again when they are written anew."""

import errno
import json
import os
from pathlib import Path
from typing import Any, NamedTuple

from segue.core.errors import SegueError
from segue.core.log.codec import BadLine, is_erased, split_line, verify_line
from segue.core.log.events import Head
from segue.core.log.rejoining import Node
from segue.core.session.lifecycle import BEGINNINGS
from segue.stores.log import files, sealing, segments, tail, zstd
from segue.stores.log.cipher import PLAIN, Cipher

_OPEN = -1
_SCOPES = "scope.delta"
_NOT_OURS = {errno.EACCES, errno.EPERM}
"""What may not be read is not damaged."""


class Where(NamedTuple):
    """Where a line stands: in a file, or in a frame of a sealed one, between two bytes."""

    path: Path
    frame: int
    start: int
    end: int
    more: int
    """How many lines of the same write follow it."""


class Copy(NamedTuple):
    """One copy of a log."""

    source: str
    nodes: list[Node]
    where: dict[str, Where]
    """Digest -> where the line stands."""
    damaged: int
    """How many places of it are no intact lines of such a log."""
    is_scope: bool
    begins: set[str]
    """Digests of events that stand at the beginning of a session and nowhere else."""
    erased: set[str]
    """Digests of events whose contents were taken away."""
    cipher: Cipher


def scan(source: str, log: Path, cipher: Cipher = PLAIN) -> Copy:
    """Return the intact lines of the segments in the directory *log*. What a crash cut short at the end is not among them, and
    neither are lines of a session in a scope's log, or the other way round.
    """
    copy = Copy(source, [], {}, 0, log.parent.parent.name == "scopes", set(), set(), cipher)
    damaged = 0
    try:
        found = segments.listed(log)
    except OSError:
        return copy
    for segment in found:
        try:
            damaged += _scan(copy, segment, last=segment == found[-1])
        except OSError as e:
            if e.errno in _NOT_OURS:
                raise
            damaged += 1
    copy.nodes.sort()
    return copy._replace(damaged=damaged)


class Lines:
    """Gives the bytes of lines; those that stand together are read together."""

    def __init__(self, cipher: Cipher = PLAIN) -> None:
        self._cipher = cipher
        self._at: tuple[Path, int] | None = None
        self._data = b""

    def get(self, where: Where) -> bytes:
        """Return a line with its newline."""
        if self._at != (where.path, where.frame):
            self._data = _content(where.path, where.frame, self._cipher)
            self._at = (where.path, where.frame)
        return self._cipher.open_line(self._data[where.start : where.end]) + b"\n"


def _scan(copy: Copy, segment: segments.Segment, *, last: bool) -> int:
    if not segment.sealed:
        data = files.read_file(segment.path)
        end = tail.examine(data, Head(0, ""), copy.cipher.open_line).end if last else len(data)
        return _lines(copy, segment.path, _OPEN, data[:end])
    fd = files.open_read(segment.path)
    try:
        damaged = 0
        for n, frame in enumerate(sealing.frames(fd)):
            try:
                damaged += _lines(copy, segment.path, n, sealing.content(fd, frame, copy.cipher))
            except zstd.BadFrame:
                damaged += 1
        return damaged
    finally:
        os.close(fd)


def _lines(copy: Copy, path: Path, frame: int, data: bytes) -> int:
    damaged = start = 0
    for line in data.split(b"\n"):
        end = start + len(line)
        if line:
            node = _node(copy, copy.cipher.open_line(line))
            if node is None or node[0].digest in copy.where:
                damaged += 1
            else:
                copy.nodes.append(node[0])
                copy.where[node[0].digest] = Where(path, frame, start, end, node[1])
        start = end + 1
    return damaged


def _node(copy: Copy, line: bytes) -> tuple[Node, int] | None:
    try:
        digest = verify_line(line)
        head: dict[str, Any] = json.loads(split_line(line)[0] + b"}")
        node = Node(int(head["seq"]), str(head["prev"]), digest)
        if head["kind"] in BEGINNINGS:
            copy.begins.add(digest)
        if is_erased(line):
            copy.erased.add(digest)
        return (node, int(head.get("more", 0))) if (head["kind"] == _SCOPES) == copy.is_scope else None
    except (BadLine, SegueError, ValueError, KeyError, TypeError, RecursionError):
        return None


def _content(path: Path, frame: int, cipher: Cipher) -> bytes:
    if frame == _OPEN:
        return files.read_file(path)
    fd = files.open_read(path)
    try:
        return sealing.content(fd, sealing.frames(fd)[frame], cipher)
    finally:
        os.close(fd)
