"""The end of a log: its open segment, what others appended to it, what a crash left there.

All of it happens under the log's lock. Whatever goes wrong, the end is forgotten and looked at anew the next time.
"""

import os
from pathlib import Path

from segue.core.errors import GoneError, NotFoundError, OutcomeUnknownError, SegueError, StorageFullError
from segue.core.log.events import Damage, Head
from segue.stores.log import files, segments, tail
from segue.stores.log.env import Env
from segue.stores.log.locks import LogLock
from segue.stores.log.marks import is_deleted
from segue.stores.log.reading import Source, read_events
from segue.stores.log.segments import Segment, View

PUBLISHED = 2
"""The generation from which on a log's own name is known to be durable: its first segment begins the first."""
SEGMENT_BYTES = 2 << 20
"""A segment that has grown to this is closed at the next append."""
_FAR = 1 << 60
_NOT_WRITABLE = 9  # EBADF
_NOTHING_TO_SYNC = {9, 22, 30}
"""EBADF, EINVAL, EROFS: a descriptor or file system that cannot be written."""


class Ending:
    """Where a log ends, and how far that is durable."""

    def __init__(self, directory: Path, session: str, base: Head, env: Env) -> None:
        """Name the log and what its first event follows."""
        self.lock = LogLock(directory / "lock", env.lock_timeout)
        self.head = base
        self.published = True
        """False while the log is being made, where nobody looks for it."""
        self._directory = directory
        self._log = directory / "log"
        self._session = session
        self._base = base
        self._env = env
        self._segments: tuple[Segment, ...] = ()
        self._fd = -1
        self._size = 0
        self._durable = 0
        self._generation = -1
        self._checked = False
        """Whether what is needed before the next write was done: names made durable that a writer may have left otherwise."""

    def view(self) -> View:
        """Return what there is, durable or not."""
        return View(self._segments, self._size if self._fd >= 0 else -1, self.head, self._env.cipher, self._generation)

    def is_full(self) -> bool:
        """Return whether the next append should begin a new segment."""
        return self._size >= SEGMENT_BYTES

    def is_empty(self) -> bool:
        """Return whether the open segment has nothing in it."""
        return self._size == 0

    # --- writing

    def _refused(self, error: OSError) -> SegueError:
        """Return what kept an event from being written: where the file could only be opened for reading, why that is so."""
        if error.errno == _NOT_WRITABLE:
            try:
                os.close(files.open_append(self._segments[-1].path))
            except OSError as e:
                return files.refusal(f"event of {self._directory.name!r}", e)
        return StorageFullError(f"event cannot be stored in {self._directory.name!r}: {error.strerror or error}")

    def write(self, data: bytes, head: Head) -> None:
        """Append *data*, whose last event is *head*, and make it durable.

        Raises:
            StorageFullError: nothing was written.
            OutcomeUnknownError: the disk did not confirm. The segment is left, the next append begins another.
        """
        start = self._size
        try:
            files.write_all(self._fd, data)
        except StorageFullError:
            self._cut(start)
            raise
        except OSError as e:
            self._cut(start)
            raise self._refused(e) from e
        if not self._env.relaxed:
            try:
                self._env.sync(self._fd)
            except OSError as e:
                self._leave(start)
                raise OutcomeUnknownError(
                    f"append to session {self._session!r} is unconfirmed: the disk reports {e.strerror or e}",
                    hint="append the same events with the same keys again",
                ) from e
            self._durable = start + len(data)
        self._size = start + len(data)
        self.head = head

    def begin_segment(self) -> None:
        """Close the open segment and go on in a new one, its name durable."""
        if not self._env.relaxed:
            self.make_durable()  # what a writer left that died before its sync: what follows must not outlive it
        path = segments.segment_path(self._log, self.head.seq + 1)
        self.forget()
        try:
            self._fd = files.create(path)
        except FileExistsError:
            self._fd = files.open_append(path)
        files.sync_dir(self._log)
        self._generation = self.lock.bump()
        self._checked = True
        self._size, self._durable = os.fstat(self._fd).st_size, 0
        self._segments = segments.listed(self._log)

    def publish(self) -> int:
        """Say that the log's own name is durable, and return the generation that says so."""
        self.published = True
        while True:
            generation = self.lock.bump()
            if generation >= PUBLISHED:
                return generation

    def make_durable(self) -> None:
        """Sync what a writer that died left unsynced: only durable events are shown."""
        if self._fd < 0 or self._durable >= self._size:
            return
        try:
            self._env.sync(self._fd)
        except OSError as e:
            if e.errno not in _NOTHING_TO_SYNC:
                raise
        self._durable = self._size

    def _cut(self, size: int) -> None:
        try:
            os.ftruncate(self._fd, size)
        except OSError:
            self.forget()  # the next one to look finds a torn tail and sets it aside

    def _leave(self, start: int) -> None:
        """After a failed sync nothing more is said about the segment's end: take it back, go on in a new file."""
        self._cut(start)
        self._durable = self._size  # a second sync would succeed and mean nothing
        try:
            self.begin_segment()
        except (OSError, SegueError):
            self.forget()

    # --- looking

    def refresh(self, *, writing: bool) -> None:
        """Take in what others did since; *writing*: and set aside what a crash cut short.

        Raises:
            NotFoundError, GoneError: the log is not there any more.
        """
        try:
            generation = self.lock.generation()
            if self._fd < 0 or generation != self._generation or (writing and not self._checked):
                self._load(generation, writing=writing)
                return
            stat = os.fstat(self._fd)
            if stat.st_size == self._size and stat.st_nlink:
                return
            if stat.st_size < self._size or not stat.st_nlink:
                self._load(generation, writing=writing)
            else:
                self._take_in(files.read_all(self._fd, self._size, stat.st_size), writing=writing)
        except BaseException:
            self.forget()
            raise

    def forget(self) -> None:
        """Look at everything anew the next time."""
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = -1
        self._generation = -1
        self._checked = False

    def _load(self, generation: int, *, writing: bool) -> None:
        self.forget()
        self._env.cipher.refresh()  # whoever changes the key looks after every log, and says so by its generation
        if writing and is_deleted(self._directory):
            raise GoneError("session", self._session)
        if writing and generation < PUBLISHED and self.published:
            files.sync_dir(self._directory.parent)  # who made this log may have died before its own name was durable
            generation = self.publish()
        self._segments = self._listed()
        last = self._segments[-1] if self._segments else None
        self.head = self._head_before(last)
        if last is None or last.sealed:
            if writing:
                self.begin_segment()
                return
        else:
            self._fd = files.open_append(last.path) if os.access(last.path, os.W_OK) else files.open_read(last.path)
            self._size, self._durable = 0, 0
            if writing and not os.fstat(self._fd).st_size:
                files.sync_dir(self._log)  # whoever made the file may have died before its name was durable
            self._take_in(self._last_writes(), writing=writing)
        self._generation = generation
        self._checked = writing

    def _listed(self) -> tuple[Segment, ...]:
        try:
            return segments.listed(self._log)
        except FileNotFoundError as e:
            gone = is_deleted(self._directory)
            raise (GoneError if gone else NotFoundError)("session", self._session) from e

    def _head_before(self, last: Segment | None) -> Head:
        """Return the last event before the open segment *last*; of all segments where the last is sealed."""
        if last is None:
            return self._base
        older = self._segments if last.sealed else self._segments[:-1]
        if not older:
            return self._base
        upto = _FAR if last.sealed else last.first - 1
        end = -1 if older[-1].sealed else older[-1].path.stat().st_size
        source = Source(self._session, View(older, end, Head(upto, ""), self._env.cipher), self._base)
        if not last.sealed:  # mostly the line before is in its place, and no other is looked at
            for event in read_events(source, upto - 1, upto, on_damage=_unheard):
                return Head(event.seq, event.digest)
        seen = self._base
        for event in read_events(source, older[-1].first - 1, None, on_damage=_unheard):
            seen = Head(event.seq, event.digest)
        return seen if last.sealed else Head(max(seen.seq, last.first - 1), seen.digest)

    def _take_in(self, data: bytes, *, writing: bool) -> None:
        found = tail.examine(data, self.head, self._env.cipher.open_line)
        if found.torn and writing:
            self._set_aside(data[found.end :])
        self._size += found.end
        self.head = found.head or self.head

    def _last_writes(self) -> bytes:
        """Return the last bytes of the segment from behind a whole write on, where there is one near the end, else all."""
        size = os.fstat(self._fd).st_size
        start = size - segments.NEAR
        if start > 0:
            near = files.read_all(self._fd, start, size)
            found = tail.first_end(near, self._env.cipher.open_line)
            if found is not None:
                skipped, self.head = found
                self._size = start + skipped
                return near[skipped:]
        return files.read_all(self._fd)

    def _set_aside(self, rest: bytes) -> None:
        """Keep what a crash cut short in a file of its own, and end the segment before it."""
        aside = self._directory / "aside"
        files.make_dir(aside)
        end = os.fstat(self._fd).st_size - len(rest)
        files.replace(aside / f"{self._segments[-1].first:06d}-{end}-{os.urandom(3).hex()}.torn", rest)
        os.ftruncate(self._fd, end)
        self._env.sync(self._fd)


def _unheard(_: Damage) -> None:
    """Damage is told where the log is read for its own sake."""
