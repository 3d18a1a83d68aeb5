"""One log in the mirror: closed segments whole, the open one in parts, what stands beside it, and its large values.

What the mirror has is never given up for less: a file that is damaged or gone stays in it as it was, and so does a log of which
the store's has become another; that one is mirrored anew beside it.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

from segue.core.errors import SegueError
from segue.core.log.codec import blob_refs
from segue.core.log.events import Damage, Event, Head
from segue.ports.mirror import Files, Mirrored, Part, Writing
from segue.stores.log import files, segments
from segue.stores.log.journal import Journal
from segue.stores.log.marks import is_deleted, read_lost
from segue.stores.log.mirroring.parts import Range, join_from, range_of
from segue.stores.log.reading import Source, read_events
from segue.stores.log.segments import Segment

_BESIDE: Final = ("fork.json", "lost.json", "erased.json", "deleted", "name")
_END: Final = 1 << 60


class _OtherError(Exception):
    """What the mirror has is not the beginning of the log."""


class OneLog:
    """A log as it is now."""

    def __init__(self, name: str, journal: Journal, before: Mapping[str, str]) -> None:
        """Look at the log *name*; *before* tells what its segments looked like when they were mirrored last."""
        self.name, self._journal, self._before = name, journal, before
        self._view = journal.view()
        self.stamps = {segment.path.name: _stamp(segment.path) for segment in self._view.segments}
        """What its segments look like."""

    def write(self, change: Writing, says_more: Callable[[Mirrored], bool]) -> None:
        """Bring the mirror up to date. Where what it has is another log, that stays beside this one if it *says_more*.

        Raises FileNotFoundError where files are moved meanwhile, SegueError where the log cannot be read at all.
        """
        mirrored = change.at(self.name)
        try:
            kept = self._continued(change, mirrored)
            self._keep(change, kept, mirrored)
        except _OtherError:
            kept = change.files(self.name, anew=True)
            self._segments(kept)
            self._keep(change, kept, None, part=mirrored is not None and says_more(mirrored))

    def _continued(self, change: Writing, mirrored: Mirrored | None) -> Files:
        """Return the mirror's files with what is new of the segments."""
        if mirrored is None or not self._goes_on(mirrored):
            raise _OtherError
        kept = change.files(self.name)
        self._segments(kept)
        return kept

    def _keep(self, change: Writing, kept: Files, mirrored: Mirrored | None, *, part: bool = False) -> None:
        self._beside(kept)
        since = max(mirrored.seq if mirrored else 0, self._journal.base.seq)
        lacks = self._values(kept, self._journal.base.seq if mirrored and mirrored.lacks else since)
        count = sum(1 for _ in self._read(since, None)) + (mirrored.events if mirrored else 0)
        last = next(self._read(self._journal.base.seq, None, reverse=True), None)
        seq, digest, at = (last.seq, self._journal.env.cipher.name(last.digest), last.at) if last else (0, "", "")
        deleted = is_deleted(self._journal.directory)
        change.keep(Mirrored(self.name, "", seq, digest, at, count, lacks, deleted), kept, part=part)

    def _goes_on(self, mirrored: Mirrored) -> bool:
        """Return whether the log has the event that was the mirror's last: its digest covers all before it."""
        found = next(self._read(mirrored.seq - 1, mirrored.seq), None)
        return found is not None and mirrored.digest in self._journal.env.cipher.names(found.digest)

    def _read(self, after: int, upto: int | None, *, reverse: bool = False) -> Iterator[Event]:
        source = Source(self._journal.session, self._view, self._journal.base, read_lost(self._journal.directory))
        return read_events(source, after, upto, reverse=reverse, on_damage=_pass)

    # --- segments

    def _segments(self, kept: Files) -> None:
        there = set(kept.names("log"))
        for segment in self._view.segments:
            if segment.sealed:
                self._sealed(kept, segment, there)
            else:
                self._grown(kept, segment, there)
        if self._view.segments and not segments.is_as_seen(self._view.segments[-1], self._view.generation):
            raise FileNotFoundError(str(self._view.segments[-1].path))

    def _sealed(self, kept: Files, segment: Segment, there: set[str]) -> None:
        """Take a sealed segment in the place of what it was before, unless that says more."""
        name = segment.path.name
        plain = name.removesuffix(".zst")
        if name in there and self._before.get(name) == self.stamps[name]:
            return
        data = files.read_file(segment.path)
        if name in there and kept.same(f"log/{name}", data):
            return
        if there & {name, plain} and not self._is_intact(segment):
            return
        kept.put(f"log/{name}", data)
        kept.remove(f"log/{plain}")

    def _is_intact(self, segment: Segment) -> bool:
        """Return whether every event is in a segment that one before the last has to have."""
        following = [other.first for other in self._view.segments if other.first > segment.first]
        last = following[0] - 1 if following else self._view.head.seq
        return sum(1 for _ in self._read(segment.first - 1, last)) == last - segment.first + 1

    def _grown(self, kept: Files, segment: Segment, there: set[str]) -> None:
        """Take what an open segment has more than the mirror."""
        name = segment.path.name
        where = f"log/{name}"
        if f"{name}.zst" in there:
            raise _OtherError
        parts = [range_of(one) for one in kept.names(where)]
        done, size = parts[-1].end if parts else 0, self._size(segment)
        if size < done or not (_inode(self._before.get(name)) == _inode(self.stamps[name]) or _has(kept, where, segment, parts)):
            raise _OtherError
        if size == done:
            return
        new = Range(done, size)
        at = join_from([*parts, new])
        if at >= len(parts):
            kept.put(f"{where}/{new.name}", Part(str(segment.path), done, size))
            return
        data = b"".join(kept.content(f"{where}/{part.name}") for part in parts[at:])
        with open(segment.path, "rb") as file:
            file.seek(done)
            data += file.read(size - done)
        for part in parts[at:]:
            kept.remove(f"{where}/{part.name}")
        kept.put(f"{where}/{Range(parts[at].start, size).name}", data)

    def _size(self, segment: Segment) -> int:
        """Return how many bytes of an open segment are durable."""
        is_last = segment == self._view.segments[-1] and self._view.end >= 0
        return self._view.end if is_last else files.size(segment.path)

    # --- beside

    def _beside(self, kept: Files) -> None:
        directory = self._journal.directory
        for name in _BESIDE:
            try:
                data = files.read_file(directory / name)
            except FileNotFoundError:
                kept.remove(name)
                continue
            if not kept.same(name, data):
                kept.put(name, data)
        marks = set(os.listdir(directory / "forks")) if (directory / "forks").is_dir() else set()
        known = set(kept.names("forks"))
        for mark in marks - known:
            kept.put(f"forks/{mark}", b"")
        for mark in known - marks:
            kept.remove(f"forks/{mark}")

    def _values(self, kept: Files, since: int) -> int:
        """Take the large values that events behind *since* refer to; return how many are not there intact."""
        waiting, blobs = dict[str, bool](), self._journal.env.blobs
        for block in segments.blocks(self._view._replace(head=Head(_END, "")), since + 1):
            for line in block.lines:
                if (segments.seq_of(line) or _END) > since:
                    waiting |= blob_refs(line)
        seen, lacks = set[str](), 0
        while waiting:
            name, is_json = waiting.popitem()
            if name in seen:
                continue
            seen.add(name)
            try:
                path = next(path for path in blobs.paths(name) if path.exists())
                where = f"blobs/{path.parent.name}"
                if path.name not in kept.names(where):
                    data = blobs.get(name)  # only what is intact
                    kept.put(f"{where}/{path.name}", Part(str(path), 0, path.stat().st_size))
                    waiting |= blob_refs(data) if is_json else {}
            except (StopIteration, OSError, SegueError):
                lacks += 1
        return lacks


def _has(kept: Files, where: str, segment: Segment, parts: list[Range]) -> bool:
    """Return whether a file begins with the parts that the mirror has of it."""
    at = 0
    with open(segment.path, "rb") as file:
        for part in parts:
            if part.start != at or not kept.same(f"{where}/{part.name}", file.read(part.end - part.start)):
                return False
            at = part.end
    return True


def _stamp(path: Path) -> str:
    stat = path.stat()
    return f"{stat.st_ino}:{stat.st_size}:{stat.st_mtime_ns}"


def _inode(stamp: str | None) -> str | None:
    return stamp.partition(":")[0] if stamp else None


def _pass(_: Damage) -> None:
    """Damage is for `validate`."""
