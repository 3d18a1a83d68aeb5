"""One log on disk: append with group commit, read, recover.

<log>/lock               who writes; its size is the generation of the segments
<log>/log/000001.jsonl   segments
<log>/fork.json          where it left its parent, if it is a fork
<log>/aside/             what was cut short by a crash, kept
<log>/keys, snapshots/, lease.json, forks/
"""

import json
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from segue.core.errors import (
    DamagedError,
    FencedError,
    GoneError,
    HeadMovedError,
    NotFoundError,
    OutcomeUnknownError,
    SegueError,
    StorageFullError,
)
from segue.core.log.codec import Content, encode_content, encode_line, genesis
from segue.core.log.events import ANY, Appended, Commit, Damage, Draft, Event, ForkPoint, Head, KeyPolicy
from segue.core.log.keys import Known, Planned, found, placed, plan
from segue.core.log.times import stamp as time_stamp
from segue.ports import Clock, Ids
from segue.stores.log import files, leases, segments, tail
from segue.stores.log.blobs import Blobs
from segue.stores.log.files import Sync
from segue.stores.log.keytable import KeyTable
from segue.stores.log.locks import DEFAULT_TIMEOUT, LogLock
from segue.stores.log.reading import OnDamage, Source, read_events
from segue.stores.log.segments import View

_FAR = 1 << 60
SEGMENT_BYTES = 1 << 20
"""A segment that has grown to this is closed at the next append."""


class Env:
    """What the logs of one store have in common."""

    def __init__(
        self, *, clock: Clock, ids: Ids, blobs: Blobs, sync: Sync, relaxed: bool, lock_timeout: float = DEFAULT_TIMEOUT
    ) -> None:
        """Keep the clock, the ids, the blobs, and how to make bytes durable."""
        self.clock = clock
        self.ids = ids
        self.blobs = blobs
        self.sync = sync
        self.relaxed = relaxed
        self.lock_timeout = lock_timeout
        self.rolled: Callable[[str], None] = _nobody
        """Told when a segment was closed: there is something to seal."""

    def request(
        self, drafts: Sequence[Draft], expect: int = ANY, on_key: KeyPolicy = "ignore", fence: int | None = None
    ) -> "Request":
        """Return an append of *drafts*, encoded, their large values durable. Raises InvalidEventError."""
        contents = [encode_content(draft, self.ids.salt()) for draft in drafts]
        for content in contents:
            for name, data in content.blobs.items():
                self.blobs.put(name, data)
        return Request(drafts, contents, expect, on_key, fence)


class Request:
    """One append: what is asked, and what became of it."""

    __slots__ = ("commit", "contents", "drafts", "error", "expect", "fence", "ids", "on_key", "planned")

    def __init__(
        self,
        drafts: Sequence[Draft],
        contents: Sequence[Content],
        expect: int = ANY,
        on_key: KeyPolicy = "ignore",
        fence: int | None = None,
    ) -> None:
        self.drafts = drafts
        self.contents = contents
        self.expect = expect
        self.on_key = on_key
        self.fence = fence
        self.planned: list[Planned] = []
        self.ids: list[str] = []
        self.commit: Commit | None = None
        self.error: BaseException | None = None

    def result(self) -> Commit:
        """Return the commit, or raise what went wrong."""
        if self.error is not None:
            raise self.error
        assert self.commit is not None  # noqa: S101  (set with every outcome)
        return self.commit


class Journal:
    """The log in one directory. Its parent's journal, for a fork, is given."""

    def __init__(self, directory: Path, session: str, env: Env, fork: ForkPoint | None, parent: "Journal | None") -> None:
        """Name the directory; it is looked at when first needed."""
        self.directory = directory
        self.session = session
        self.fork = fork
        self.parent = parent
        self.env = env
        self._log = directory / "log"
        self._base = Head(fork.seq, fork.digest) if fork else Head(0, genesis(session))
        self._queue: list[Request] = []
        self._start()

    def _start(self) -> None:
        self.lock = LogLock(self.directory / "lock", self.env.lock_timeout)
        self._queue_lock = threading.Lock()
        self._keys = KeyTable(self.directory / "keys")
        self._fd = -1
        self._segment = 0
        self._size = 0
        self._durable = 0
        self._generation = -1
        self._head = self._base
        self._view: tuple[segments.Segment, ...] = ()

    @property
    def base(self) -> Head:
        """What the first event of its own follows."""
        return self._base

    # --- append

    def append(self, request: Request) -> Commit:
        """Commit *request*, together with those that other threads ask for meanwhile: one write, one sync for all."""
        with self._queue_lock:
            self._queue.append(request)
        with self.lock.mutex:
            if request.commit is None and request.error is None:
                self._lead(request)
        return request.result()

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Hold the log alone, up to date and whole at its end."""
        with self.lock.exclusive():
            self._refresh(writing=True)
            yield

    def prepare(self, request: Request) -> int:
        """Decide what *request* will write, and return the number of its first event. `exclusive` must be held.

        Raises what the append would.
        """
        self._plan(request, self._head, {})
        return self._head.seq + 1

    def position(self) -> Head:
        """Return the last event's number and digest. `exclusive` must be held."""
        return self._head

    def commit(self, requests: Sequence[Request]) -> None:
        """Commit *requests* in one write. `exclusive` must be held. Each request has its outcome afterwards."""
        head, pending = self._head, dict[str, Known]()
        for request in requests:
            try:
                head = self._plan(request, head, pending)
            except SegueError as e:
                request.error = e
        going = [r for r in requests if r.error is None]
        total = sum(len(r.ids) for r in going)
        if total and self._size >= SEGMENT_BYTES:
            self._roll()
        lines, notes = self._encode(going, total)
        if lines:
            self._write(b"".join(lines), Head(*notes[-1][:2]))
            self._note_keys([(seq, key) for seq, _, key in notes])

    def _lead(self, mine: Request) -> None:
        requests = [mine]
        try:
            with self.lock.exclusive():
                self._refresh(writing=True)
                with self._queue_lock:
                    requests, self._queue = self._queue, []
                self.commit(requests)
        except BaseException as e:
            self._forget()
            with self._queue_lock:
                self._queue = [r for r in self._queue if r is not mine]
            for request in requests:
                request.commit = None
                request.error = request.error or _outcome(e, mine=request is mine)
            if not isinstance(e, Exception):
                raise

    def _plan(self, request: Request, head: Head, pending: dict[str, Known]) -> Head:
        planned = plan(self.session, request.drafts, request.on_key, lambda key: pending.get(key) or self.find(key))
        if any(p.draft is not None for p in planned):
            if request.expect not in {ANY, head.seq}:
                raise HeadMovedError(self.session, request.expect, head.seq)
            if request.fence is not None:
                self._check_fence(request.fence)
        request.planned = planned
        if not request.ids:
            request.ids = [self.env.ids.uuid7() for p in planned if p.draft is not None]
        seq, fresh = head.seq, iter(request.ids)
        for p in planned:
            if p.draft is not None:
                seq, event = seq + 1, next(fresh)
                if p.draft.key is not None:
                    known = pending.get(p.draft.key) if p.same_as is not None else None
                    pending[p.draft.key] = Known(seq, event, p.draft.node or (known.node if known else event), p.draft.stream)
        return Head(seq, head.digest)

    def _check_fence(self, fence: int) -> None:
        held = leases.read(self.directory, self.session)
        if held is None or held.token != fence or held.until <= self.env.clock.now():
            raise FencedError(self.session, fence, held.token if held and held.token != fence else None)

    def _encode(self, requests: Sequence[Request], total: int) -> tuple[list[bytes], list[tuple[int, str, str | None]]]:
        (seq, digest), left = self._head, total
        lines: list[bytes] = []
        notes: list[tuple[int, str, str | None]] = []
        now = ""
        for request in requests:
            entries: list[Appended] = []
            fresh = iter(request.ids)
            for p, content in zip(request.planned, request.contents, strict=True):
                draft = placed(p, entries)
                if draft is None:
                    entries.append(found(p, entries))
                    continue
                left -= 1
                seq, event = seq + 1, next(fresh)
                now = now or time_stamp(self.env.clock.now())
                at = draft.at or now
                line, digest = encode_line(draft, content, seq=seq, id=event, at=at, prev=digest, more=left, of=total)
                lines.append(line)
                notes.append((seq, digest, draft.key))
                entries.append(Appended(seq, event, new=True))
            request.commit = Commit(tuple(entries), Head(seq, digest))
        return lines, notes

    def _write(self, data: bytes, head: Head) -> None:
        start = self._size
        try:
            files.write_all(self._fd, data)
        except StorageFullError:
            self._cut(start)
            raise
        except OSError as e:
            self._cut(start)
            raise StorageFullError(f"event cannot be stored in {self.directory.name!r}: {e.strerror or e}") from e
        if not self.env.relaxed:
            try:
                self.env.sync(self._fd)
            except OSError as e:
                self._leave_segment(start)
                raise OutcomeUnknownError(
                    f"append to session {self.session!r} is unconfirmed: the disk reports {e.strerror or e}",
                    hint="append the same events with the same keys again",
                ) from e
            self._durable = start + len(data)
        self._size = start + len(data)
        self._head = head

    def _cut(self, size: int) -> None:
        try:
            os.ftruncate(self._fd, size)
        except OSError:
            self._forget()  # the next one to look finds a torn tail and sets it aside

    def _leave_segment(self, start: int) -> None:
        """After a failed sync nothing more is said about the segment's end: take it back, go on in a new file."""
        self._cut(start)
        try:
            self._new_segment(self._head.seq + 1)
        except (OSError, SegueError):
            self._forget()

    # --- segments

    def _roll(self) -> None:
        self._new_segment(self._head.seq + 1)
        self.env.rolled(self.session)

    def _new_segment(self, first: int) -> None:
        path = segments.segment_path(self._log, first)
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        try:
            self._fd = files.create(path)
        except FileExistsError:
            self._fd = files.open_append(path)
        files.sync_dir(self._log)
        self._generation = self.lock.bump()
        self._segment, self._size, self._durable = first, os.fstat(self._fd).st_size, 0
        self._view = segments.listed(self._log)

    def close_segment(self) -> None:
        """Let the last segment be sealed: the next append begins a new one. `exclusive` must be held."""
        if self._size:
            self._new_segment(self._head.seq + 1)

    def _refresh(self, *, writing: bool) -> None:
        """Take in what others did since. The lock must be held."""
        try:
            generation = self.lock.generation()
            if self._fd < 0 or generation != self._generation:
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
            self._forget()
            raise

    def _load(self, generation: int, *, writing: bool) -> None:
        self._forget()
        if writing and is_deleted(self.directory):
            raise GoneError("session", self.session)
        self._view = self._listed()
        self._head = self._base
        last = self._view[-1] if self._view else None
        if last is None or last.sealed:
            self._head = self._head_before(None)
            if writing:
                self._new_segment(self._head.seq + 1)
                return
        else:
            self._fd = files.open_append(last.path) if os.access(last.path, os.W_OK) else files.open_read(last.path)
            self._segment, self._size, self._durable = last.first, 0, 0
            self._head = self._head_before(last.first)
            data = files.read_all(self._fd)
            if writing and not data:
                files.sync_dir(self._log)  # whoever made the file may have died before its name was durable
            self._take_in(data, writing=writing)
        self._generation = generation

    def _listed(self) -> tuple[segments.Segment, ...]:
        try:
            return segments.listed(self._log)
        except FileNotFoundError as e:
            gone = is_deleted(self.directory)
            raise (GoneError if gone else NotFoundError)("session", self.session) from e

    def _take_in(self, data: bytes, *, writing: bool) -> None:
        found = tail.examine(data, self._head)
        if found.torn and writing:
            self._set_aside(data[found.end :])
        self._size += found.end
        self._head = found.head or self._head

    def _head_before(self, first: int | None) -> Head:
        """Return the last event before the segment that begins with *first* (or of all segments)."""
        older = [s for s in self._view if first is None or s.first < first]
        if not older:
            return self._base
        upto = first - 1 if first is not None else None
        view = View(tuple(older), _whole_size(older[-1]), Head(upto or _FAR, ""))
        seen = self._base
        source = Source(self.session, view, self._base)
        for event in read_events(source, older[-1].first - 1, upto, on_damage=_unheard):
            seen = Head(event.seq, event.digest)
        if first is not None and seen.seq < first - 1:
            seen = Head(first - 1, seen.digest)
        return seen

    def _set_aside(self, rest: bytes) -> None:
        """Keep what a crash cut short in a file of its own, and end the segment before it."""
        aside = self.directory / "aside"
        files.make_dir(aside)
        end = os.fstat(self._fd).st_size
        files.replace(aside / f"{self._segment:06d}-{end - len(rest)}-{os.urandom(3).hex()}.torn", rest)
        os.ftruncate(self._fd, end - len(rest))
        self.env.sync(self._fd)

    def _forget(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = -1
        self._generation = -1

    # --- read

    def view(self) -> View:
        """Return what may be seen now: all of it durable."""
        with self.lock.shared():
            self._refresh(writing=False)
            if self._fd >= 0 and self._durable < self._size:
                self._make_durable()
            return self._seen()

    def head(self) -> Head:
        """Return the last event's number and digest, durable."""
        return self.view().head

    def read(
        self,
        after: int,
        upto: int | None,
        *,
        reverse: bool = False,
        blobs: bool = True,
        on_damage: OnDamage | None = None,
    ) -> Iterator[Event]:
        """Yield events, a fork's shared past first."""
        load_blob = self.env.blobs.get if blobs else None
        pieces = self._pieces(max(after, 0), upto)
        for source, low, high in reversed(pieces) if reverse else pieces:
            yield from read_events(source, low, high, reverse=reverse, load_blob=load_blob, on_damage=on_damage)

    def _pieces(self, after: int, upto: int | None) -> list[tuple[Source, int, int | None]]:
        """Return which parts of which logs hold the events, oldest first."""
        found: list[tuple[Source, int, int | None]] = []
        log: Journal | None = self
        high = upto
        while log is not None:
            if high is None or high > log.base.seq:
                found.append((Source(log.session, log.view(), log.base), max(after, log.base.seq), high))
            if log.fork is None or after >= log.fork.seq:
                break
            high = log.fork.seq if high is None else min(high, log.fork.seq)
            log = log.parent
        return found[::-1]

    def event(self, seq: int, *, blobs: bool = False) -> Event | None:
        """Return one event, or None. Without *blobs* its large values stay references."""
        return next(self.read(seq - 1, seq, blobs=blobs, on_damage=_unheard), None)

    def _make_durable(self) -> None:
        try:
            self.env.sync(self._fd)
        except OSError as e:
            if e.errno not in {9, 22, 30}:  # a read-only descriptor or file system has nothing to sync
                raise
        self._durable = self._size

    # --- keys

    def find(self, key: str, upto: int | None = None) -> Known | None:
        """Return the latest event with *key*, a fork's shared past included. The lock must be held."""
        self._load_keys()
        for seq in self._keys.find(key, upto):
            event = self._own_event(seq)
            if event is not None and event.key == key:
                return Known(event.seq, event.id, event.node, event.stream)
        if self.parent is not None and self.fork is not None:
            return self.parent.lookup(key, self.fork.seq if upto is None else min(upto, self.fork.seq))
        return None

    def lookup(self, key: str, upto: int | None = None) -> Known | None:
        """Return what `find` does, taking the lock."""
        with self.lock.shared():
            self._refresh(writing=False)
            return self.find(key, upto)

    def _load_keys(self) -> None:
        if not self._keys.loaded:
            self._keys.load(self._base.seq + 1)
        if self._keys.covered > self._head.seq:
            self._keys.reset(self._base.seq)  # the table of a longer log: not believed
        if self._keys.covered < self._head.seq:
            source = Source(self.session, self._seen(), self._base)
            for event in read_events(source, self._keys.covered, None, on_damage=_unheard):
                self._keys.add(event.seq, event.key)
            self._keys.covered = self._head.seq
            self._keys.save()

    def _note_keys(self, notes: Sequence[tuple[int, str | None]]) -> None:
        if not self._keys.loaded:
            return
        for seq, key in notes:
            self._keys.add(seq, key)
        if any(key is not None for _, key in notes):
            self._keys.save()

    def _own_event(self, seq: int) -> Event | None:
        source = Source(self.session, self._seen(), self._base)
        return next(read_events(source, seq - 1, seq, on_damage=_unheard), None)

    def _seen(self) -> View:
        return View(self._view, self._size if self._fd >= 0 else -1, self._head)

    # --- life

    def close(self) -> None:
        """Let go of files."""
        self._forget()
        self.lock.close()

    def after_fork(self) -> None:
        """In a forked child: nothing of the parent's is ours."""
        self._queue = []
        if self._fd >= 0:
            os.close(self._fd)
        self._start()


def is_deleted(directory: Path) -> bool:
    """Return whether a log was deleted; its bytes may still be there for its forks."""
    return os.path.exists(f"{directory}/deleted")


def mark_deleted(directory: Path) -> None:
    """Delete a log: from now on it is gone, after a power loss too."""
    files.replace(directory / "deleted", b"")


def read_fork(directory: Path) -> ForkPoint | None:
    """Return where a log left its parent. Raises DamagedError."""
    try:
        found = json.loads(files.read_file(directory / "fork.json"))
        return ForkPoint(str(found["session"]), int(found["seq"]), str(found["digest"]))
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as e:
        raise DamagedError(f"fork header of session {directory.name!r}", str(e), session=directory.name) from e


def write_fork(directory: Path, fork: ForkPoint) -> None:
    """Keep where a log left its parent."""
    files.replace(directory / "fork.json", json.dumps(fork._asdict()).encode() + b"\n")


def _nobody(_: str) -> None:
    """Is told, and does nothing."""


def _unheard(_: Damage) -> None:
    """Damage is told where the log is read for its own sake."""


def _outcome(error: BaseException, *, mine: bool) -> BaseException:
    if mine or isinstance(error, (SegueError, OSError)):
        return error
    return OutcomeUnknownError("append was interrupted: it may or may not be there", hint="append again with the same keys")


def _whole_size(segment: segments.Segment) -> int:
    return -1 if segment.sealed else segment.path.stat().st_size
