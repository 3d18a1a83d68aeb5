"""One log on disk: append with group commit, read, look keys up.

<log>/lock               who writes; its size is the generation of the segments
<log>/log/000001.jsonl   segments
<log>/fork.json          where it left its parent, if it is a fork
<log>/aside/             what was cut short by a crash, kept
<log>/keys, snapshots/, lease.json, forks/
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from segue.core.errors import HeadMovedError, SegueError, WithdrawnError
from segue.core.log.codec import encode_line, genesis
from segue.core.log.events import ANY, Appended, Commit, Damage, Event, ForkPoint, Head
from segue.core.log.keys import Known, found, placed, plan
from segue.core.log.times import stamp
from segue.stores.log import leases
from segue.stores.log.ending import Ending
from segue.stores.log.env import Env, Request
from segue.stores.log.keytable import KeyTable
from segue.stores.log.locks import LogLock
from segue.stores.log.marks import read_lost
from segue.stores.log.reading import OnDamage, Source, read_events
from segue.stores.log.segments import View

_LONG_LAG: Final = 256
"""A look for a key that read so many events leaves the table for the next one."""


class _Written(NamedTuple):
    """One event of a write: its bytes, and what is noted of it."""

    line: bytes
    seq: int
    digest: str
    key: str | None


class Journal:
    """The log in one directory. Its parent's journal, for a fork, is given."""

    def __init__(self, directory: Path, session: str, env: Env, fork: ForkPoint | None, parent: "Journal | None") -> None:
        """Name the directory; it is looked at when first needed."""
        self.directory = directory
        self.session = session
        self.fork = fork
        self.parent = parent
        self.env = env
        self.base = Head(fork.seq, fork.digest) if fork else Head(0, genesis(session))
        """What the first event of its own follows."""
        self._start()

    def _start(self) -> None:
        self._end = Ending(self.directory, self.session, self.base, self.env)
        self._keys = KeyTable(self.directory, self.env.cipher)
        self._queue: list[Request] = []
        self._queue_lock = threading.Lock()

    @property
    def lock(self) -> LogLock:
        """The lock under which all else happens."""
        return self._end.lock

    def hide(self) -> None:
        """Say that the log is being made, where nobody looks for it."""
        self._end.published = False

    def publish(self) -> None:
        """Say that the log is in its place, its own name durable."""
        self._end.publish()

    def lineage(self) -> tuple[ForkPoint, ...]:
        """Return the fork points from this log to its root."""
        if self.fork is None or self.parent is None:
            return ()
        return (self.fork, *self.parent.lineage())

    # --- append

    def append(self, request: Request) -> Commit:
        """Commit *request*, together with those that other threads ask for meanwhile: one write, one sync for all."""
        self.append_each([request])
        return request.result()

    def append_each(self, requests: Sequence[Request]) -> None:
        """Commit *requests* in their order, as `append` does. Each has its outcome afterwards."""
        with self._queue_lock:
            self._queue += requests
        with self.lock.mutex:
            for request in requests:
                if not request.settled:
                    self._lead(requests)
                    break

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Hold the log alone, up to date and whole at its end."""
        with self.lock.exclusive():
            self._end.refresh(writing=True)
            yield

    @contextmanager
    def rewriting(self) -> Iterator[None]:
        """Hold the log alone while files of its segments are replaced: everybody looks at them anew afterwards."""
        with self.lock.exclusive():
            self.lock.bump()  # before: whoever dies in between leaves no other process with what it knew
            self._end.forget()
            yield

    def position(self) -> Head:
        """Return the last event's number and digest. `exclusive` must be held."""
        return self._end.head

    def prepare(self, request: Request) -> int:
        """Decide what *request* will write, and return the number of its first event. `exclusive` must be held.

        Raises what the append would.
        """
        self._plan(request, self._end.head, {})
        return self._end.head.seq + 1

    def commit(self, requests: Sequence[Request]) -> None:
        """Commit *requests* in one write. `exclusive` must be held. Each request has its outcome afterwards."""
        head, total = self._end.head, 0
        going: list[Request] = []
        pending: dict[str, Known] = {}
        for request in requests:
            if not request.begins():
                request.fail(WithdrawnError("append to", self.session), asked=True)
                continue
            try:
                head = self._plan(request, head, pending)
            except SegueError as e:
                request.fail(e, asked=True)
            if not request.settled:
                going.append(request)
                total += len(request.ids)
        if total and self._end.is_full():
            self._end.begin_segment()
            self.env.rolled(self.session)
        written = self._encode(going, total)
        if written:
            box, last = self.env.cipher.box_line, written[-1]
            self._end.write(b"".join([box(w.line) for w in written]), Head(last.seq, last.digest))
            self._note_keys(written)

    def close_segment(self) -> None:
        """Let the last segment be sealed: the next append begins a new one. `exclusive` must be held."""
        if not self._end.is_empty():
            self._end.begin_segment()

    def _lead(self, mine: Sequence[Request]) -> None:
        requests = list(mine)
        try:
            with self.lock.exclusive():
                self._end.refresh(writing=True)
                with self._queue_lock:
                    requests, self._queue = self._queue, []
                self.commit(requests)
        except BaseException as e:
            self._end.forget()
            with self._queue_lock:
                self._queue = [r for r in self._queue if r not in mine]
            for request in requests:
                request.fail(e.own() if isinstance(e, SegueError) else e, asked=request in mine)
            if not isinstance(e, Exception):
                raise

    def _plan(self, request: Request, head: Head, pending: dict[str, Known]) -> Head:
        planned = plan(self.session, request.drafts, request.on_key, lambda key: pending.get(key) or self._find(key))
        written = [p for p in planned if p.draft is not None]
        if written:
            if request.expect not in (ANY, head.seq):
                raise HeadMovedError(self.session, request.expect, head.seq)
            if request.fence is not None:
                leases.check(self.directory, self.session, request.fence, self.env.clock.now(), self.env.cipher)
        request.planned = planned
        if not request.ids:
            request.ids = [self.env.ids.uuid7() for _ in written]
        for i, p in enumerate(written):
            if p.draft is not None and p.draft.key is not None:
                known = pending.get(p.draft.key) if p.same_as is not None else None
                node = p.draft.node or (known.node if known else request.ids[i])
                pending[p.draft.key] = Known(head.seq + i + 1, request.ids[i], node, p.draft.stream)
        return Head(head.seq + len(written), head.digest)

    def _encode(self, requests: Sequence[Request], total: int) -> list[_Written]:
        """Return the lines that *requests* write, and settle these: the commit counts once the lines are durable."""
        seq, digest = self._end.head
        written: list[_Written] = []
        now = ""
        for request in requests:
            entries: list[Appended] = []
            fresh = iter(request.ids)
            for p, content in zip(request.planned, request.contents, strict=True):
                draft = placed(p, entries)
                if draft is None:
                    entries.append(found(p, entries))
                    continue
                now = now or stamp(self.env.clock.now())
                seq, event, at, left = seq + 1, next(fresh), draft.at or now, total - len(written) - 1
                line, digest = encode_line(draft, content, seq=seq, id=event, at=at, prev=digest, more=left, of=total)
                written.append(_Written(line, seq, digest, draft.key))
                entries.append(Appended(seq, event, new=True))
            request.commit = Commit(tuple(entries), Head(seq, digest))
        return written

    # --- read

    def view(self) -> View:
        """Return what may be seen now: all of it durable."""
        with self.lock.shared():
            self._end.refresh(writing=False)
            self._end.make_durable()
            return self._end.view()

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

    def event(self, seq: int, *, blobs: bool = False) -> Event | None:
        """Return one event, or None. Without *blobs* its large values stay references."""
        return next(self.read(seq - 1, seq, blobs=blobs, on_damage=_unheard), None)

    def _pieces(self, after: int, upto: int | None) -> list[tuple[Source, int, int | None]]:
        """Return which parts of which logs hold the events, oldest first."""
        pieces: list[tuple[Source, int, int | None]] = []
        log: Journal | None = self
        high = upto
        while log is not None:
            if high is None or high > log.base.seq:
                source = Source(log.session, log.view(), log.base, read_lost(log.directory))
                pieces.append((source, max(after, log.base.seq), high))
            if log.fork is None or after >= log.fork.seq:
                break
            high = log.fork.seq if high is None else min(high, log.fork.seq)
            log = log.parent
        return pieces[::-1]

    # --- keys

    def lookup(self, key: str, upto: int | None = None) -> Known | None:
        """Return the latest event with *key*, a fork's shared past included, at or before *upto*."""
        with self.lock.shared():
            self._end.refresh(writing=False)
            known = self._find(key, upto)
            if self._keys.lag >= _LONG_LAG:
                self._end.make_durable()  # only what is durable may be in the file
                self._keys.keep()
            return known

    def _find(self, key: str, upto: int | None = None) -> Known | None:
        self._load_keys()
        source = Source(self.session, self._end.view(), self.base)
        for seq in self._keys.find(key, upto):
            event = next(read_events(source, seq - 1, seq, on_damage=_unheard), None)
            if event is not None and event.key == key:
                return Known(event.seq, event.id, event.node, event.stream)
        if self.parent is not None and self.fork is not None:
            return self.parent.lookup(key, self.fork.seq if upto is None else min(upto, self.fork.seq))
        return None

    def _load_keys(self) -> None:
        """Bring the key table up to the log's head."""
        head = self._end.head.seq
        if not self._keys.fits():
            self._keys.load(self.base.seq + 1)
        if self._keys.covered > head:
            self._keys.reset(self.base.seq)  # the table of a longer log: not believed
        if self._keys.covered < head:
            source = Source(self.session, self._end.view(), self.base)
            for event in read_events(source, self._keys.covered, None, on_damage=_unheard):
                self._keys.add(event.seq, event.key)
            self._keys.covered = head  # kept with the next write: only what is durable may be in the file

    def _note_keys(self, written: Sequence[_Written]) -> None:
        if not self._keys.fits() or self._keys.covered != written[0].seq - 1:
            return  # others wrote in between: the next to look keys up reads what the table lacks
        for event in written:
            self._keys.add(event.seq, event.key)
        if any(event.key is not None for event in written):
            self._keys.save(written[0].seq - 1)

    # --- life

    def close(self, patience: float = -1) -> None:
        """Let go of files. They are opened again when needed.

        A thread that is at work on the log is waited for, at most *patience* seconds (for ever where that is negative): then
        it keeps them. It may wait for a lock that another process does not give.
        """
        if not self.lock.mutex.acquire(timeout=patience):
            return
        try:
            self._end.forget()
            self.lock.close()
        finally:
            self.lock.mutex.release()

    def rest(self) -> bool:
        """Let go of files unless anybody is at work on the log, this thread included; return whether it did."""
        if not self.lock.mutex.acquire(blocking=False):
            return False
        try:
            if self.lock.is_held:
                return False
            self._end.forget()
            self.lock.close()
        finally:
            self.lock.mutex.release()
        return True

    def after_fork(self) -> None:
        """In a forked child: nothing of the parent's is ours."""
        self._end.forget()
        self._start()


LookUp = Callable[[str], Journal]
"""Gives the log of a session, also of a deleted one that forks still need. Raises NotFoundError."""


def _unheard(_: Damage) -> None:
    """Damage is told where the log is read for its own sake."""
