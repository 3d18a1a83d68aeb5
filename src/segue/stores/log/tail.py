"""What a crash left at the end of the open segment.

One write holds one group of lines; each says how many there are (`of`) and how many `more` follow. What counts:

- Everything up to the last whole group is the log.
- A group that was cut short (no newline at the end, its last line missing, blocks of NUL inside that the disk never got)
  was never acknowledged: it is TORN, and set aside whole by the next append.
- A whole line that is wrong (its digest does not fit) was written and later damaged: it stays where it is, keeps its place
  in the numbering, and is reported.
"""

import json
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from segue.core.log.codec import BadLine, split_line, verify_line
from segue.core.log.events import Head
from segue.stores.log.cipher import PLAIN, Opened
from segue.stores.log.segments import seq_of

_BEGIN: Final = b'{"v":1,"seq":%d,'
"""How the line of an event begins."""


class Tail(NamedTuple):
    """How far the log goes in the bytes that were looked at."""

    end: int
    """Where the torn rest begins; the length of the bytes where there is none."""
    head: Head | None
    """The last event, None where there is no line at all. Its digest is the last intact line's."""
    torn: bool


class LineHead(NamedTuple):
    """What the head of an intact line says."""

    seq: int
    more: int
    of: int
    digest: str
    key: str | None
    id: str


def line_head(line: bytes) -> LineHead:
    """Return what a line's head says, its digest checked. Raises BadLine."""
    digest = verify_line(line)
    head: dict[str, Any] = json.loads(split_line(line)[0] + b"}")
    return LineHead(head["seq"], head.get("more", 0), head.get("of", 1), digest, head.get("key"), head["id"])


def examine(data: bytes, before: Head, opened: Opened = PLAIN.open_line) -> Tail:
    """Return how far the log goes in *data*, whose first line follows the event *before*; *opened* decrypts its lines."""
    whole = _whole(data, before, opened)
    if whole is not None:
        return Tail(len(data), whole, torn=False)
    parts = data.split(b"\n")
    rest = parts.pop()
    heads = _Heads(parts, opened)
    last = _last(heads, lambda h: h is not None and h.more == 0)
    damaged = _last(heads, lambda h: h is None, above=last, whole=True)
    end = max(last, damaged)
    start = _torn_group(heads, last) if damaged < 0 and last >= 0 else -1
    if start >= 0:
        end = start - 1
    kept = sum(len(line) + 1 for line in parts[: end + 1])
    torn = bool(rest) or end + 1 < len(parts)
    return Tail(kept, _head(heads, end, before), torn)


def _whole(data: bytes, before: Head, opened: Opened) -> Head | None:
    """Return the last event where *data* ends with it, in a group that is all there; None where more has to be looked at.

    Mostly it is so; and then nothing is copied, however large the group is.
    """
    if not data.endswith(b"\n"):
        return None
    start = data.rfind(b"\n", 0, -1) + 1
    try:
        last = line_head(opened(data[start:-1]))
    except (BadLine, ValueError, KeyError):
        return None
    if last.more or last.seq <= before.seq:
        return None
    for seq in range(last.seq - 1, last.seq - last.of, -1):
        end = start - 1
        start = data.rfind(b"\n", 0, max(end, 0)) + 1
        if end < 0 or not data.startswith(_BEGIN % seq, start):
            return None
    return None if last.of > 1 and data.find(b"\0", start) >= 0 else Head(last.seq, last.digest)


def first_end(data: bytes, opened: Opened = PLAIN.open_line) -> tuple[int, Head] | None:
    """Return where, in *data* that may begin within a line, the first whole write ends, and its last event; None if nowhere.

    A write that began before *data* is known to be whole when another came behind it.
    """
    at = data.find(b"\n") + 1
    while 0 < at < len(data):
        end = data.find(b"\n", at)
        if end < 0:
            return None
        try:
            head = line_head(opened(data[at:end]))
        except (BadLine, ValueError, KeyError):
            head = None
        if head is not None and head.more == 0 and (head.of == 1 or end + 1 < len(data)):
            return end + 1, Head(head.seq, head.digest)
        at = end + 1
    return None


class _Heads:
    """The lines' heads, read when asked for: mostly only the last one is."""

    def __init__(self, lines: list[bytes], opened: Opened) -> None:
        self.lines = lines
        self._opened = opened
        self._known: dict[int, LineHead | None] = {}

    def __getitem__(self, i: int) -> LineHead | None:
        if i not in self._known:
            try:
                self._known[i] = line_head(self._opened(self.lines[i]))
            except (BadLine, ValueError, KeyError):
                self._known[i] = None
        return self._known[i]


def _last(heads: _Heads, fits: Callable[[LineHead | None], bool], above: int = -1, *, whole: bool = False) -> int:
    for i in range(len(heads.lines) - 1, above, -1):
        if fits(heads[i]) and (not whole or _looks_whole(heads.lines[i])):
            return i
    return -1


def _looks_whole(line: bytes) -> bool:
    return line.startswith(b'{"v":') and line.endswith(b"}") and b"\0" not in line


def _torn_group(heads: _Heads, last: int) -> int:
    """Return where the last group begins if the disk never got all of it, else -1.

    A line of the group that is wrong, but has no NUL in it, was written: then it is damage, not a torn write.
    """
    end = heads[last]
    if end is None or end.of == 1:
        return -1
    first, start, intact = end.seq - end.of + 1, last, 1
    if _is_all_there(heads.lines, first, last - end.of + 1, last):
        return -1
    while start > 0:
        head = heads[start - 1]
        if head is not None and head.seq < first:
            break
        if head is None and b"\0" not in heads.lines[start - 1]:
            return -1
        intact += head is not None
        start -= 1
    return start if intact < end.of else -1


def _is_all_there(lines: list[bytes], first: int, start: int, last: int) -> bool:
    """Return whether the lines from *start* to *last* are those of events from *first* on, by what they begin with.

    None of them has blocks that the disk never got: who is wrong all the same was damaged later. Nothing else is verified here.
    """
    return start >= 0 and all(
        seq_of(lines[start + n]) == first + n and b"\0" not in lines[start + n] for n in range(last - start)
    )


def _follows(head: LineHead | None, before: Head) -> bool:
    return head is not None and head.seq > before.seq


def _head(heads: _Heads, end: int, before: Head) -> Head | None:
    if end < 0:
        return None
    i = end
    while i >= 0 and not _follows(heads[i], before):  # damaged, or another log's: it has its place in the numbering only
        i -= 1
    good = heads[i] if i >= 0 else None
    seq, digest = (good.seq, good.digest) if good else (before.seq, before.digest)
    said = seq_of(heads.lines[end]) or 0
    counted = seq + end - i
    return Head(said if counted <= said <= counted + 1 else counted, digest)
