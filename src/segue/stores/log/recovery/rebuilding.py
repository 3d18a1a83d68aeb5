"""A log written anew from lines of its copies, byte for byte, and put in the place of the damaged one, which is kept."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from segue.core.log.codec import encode_content, encode_line, erase_line
from segue.core.log.events import Draft, Head
from segue.core.log.rejoining import Node
from segue.core.log.times import stamp
from segue.ports import Clock, Ids
from segue.stores.log import files, segments
from segue.stores.log.cipher import PLAIN, Cipher
from segue.stores.log.ending import SEGMENT_BYTES
from segue.stores.log.marks import NOTHING_ERASED
from segue.stores.log.recovery.lines import Lines, Where

_SHOWN: Final = 20


def write(
    log: Path,
    nodes: Sequence[Node],
    where: Mapping[str, Where],
    last: bytes,
    last_seq: int,
    cipher: Cipher = PLAIN,
    is_erased: Callable[[int], bool] = NOTHING_ERASED.has,
) -> None:
    """Write the lines of *nodes* into the new directory *log*, and behind them *last* (with that number) where there is one.

    Contents that were erased stay away, whatever a copy holds. A segment begins behind each gap: within one, lines are found by
    counting.
    """
    log.mkdir(mode=files.DIR_MODE)
    fd, size, before, lines = -1, 0, -1, Lines(cipher)
    try:
        for seq, line in _all(nodes, where, lines, last, last_seq):
            if fd < 0 or seq != before + 1 or size >= SEGMENT_BYTES:
                _end(fd)
                fd, size = files.create(segments.segment_path(log, seq)), 0
            written = cipher.box_line(erase_line(line) if is_erased(seq) and line is not last else line)
            files.write_all(fd, written)
            size, before = size + len(written), seq
    finally:
        _end(fd)
    files.sync_dir(log)


def loss_line(head: Head, seq: int, reason: str, clock: Clock, ids: Ids) -> bytes:
    """Return the event that tells of a loss, to stand at *seq* behind *head*."""
    draft = Draft("loss", {"where": "the log itself", "reason": reason})
    content = encode_content(draft, ids.salt())
    return encode_line(draft, content, seq=seq, id=ids.uuid7(), at=stamp(clock.now()), prev=head.digest)[0]


def told(lost: Sequence[tuple[int, int]]) -> str:
    """Return what is lost, in words."""
    parts = [str(first) if first == last else f"{first} to {last}" for first, last in lost[:_SHOWN]]
    more = f" and {len(lost) - _SHOWN} more" if len(lost) > _SHOWN else ""
    one = len(lost) == 1 and lost[0][0] == lost[0][1]
    return f"event{'' if one else 's'} {', '.join(parts)}{more} {'is' if one else 'are'} in no copy"


def stamp_of(directory: Path) -> tuple[tuple[str, int], ...]:
    """Return what changes whenever the log in *directory* does."""
    try:
        return tuple(sorted(files.sizes(directory / "log").items()))
    except OSError:
        return ()


def _all(
    nodes: Sequence[Node], where: Mapping[str, Where], lines: Lines, last: bytes, last_seq: int
) -> Iterator[tuple[int, bytes]]:
    for node in nodes:
        yield node.seq, lines.get(where[node.digest])
    if last:
        yield last_seq, last


def _end(fd: int) -> None:
    if fd >= 0:
        os.fsync(fd)
        os.close(fd)
