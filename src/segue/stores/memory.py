"""The reference store: obvious, slow, correct, in memory. What it does, every other store must do."""

import copy
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, NamedTuple

from segue.core.errors import (
    ExistsError,
    FencedError,
    GoneError,
    HeadMovedError,
    InvalidEventError,
    LeaseHeldError,
    NotFoundError,
    SegueError,
    UsageError,
    WithdrawnError,
)
from segue.core.log.codec import (
    BadLine,
    Content,
    blob_name,
    blob_refs,
    decode_line,
    encode_content,
    encode_line,
    erase_line,
    genesis,
    verify_line,
)
from segue.core.log.events import ANY, Appended, Body, Commit, Draft, Event, ForkPoint, Head, KeyPolicy
from segue.core.log.ids import is_uuid
from segue.core.log.keys import Known, Planned, found, placed, plan
from segue.core.log.rejoining import united
from segue.core.log.times import stamp as time_stamp
from segue.ports import Asked, Clock, Finding, Ids, Lease, LogInfo, OnDamage, Scope, Snapshot


class _Log:
    """One log: its own lines, and where it left its parent."""

    def __init__(self, session: str, fork: ForkPoint | None) -> None:
        self.session = session
        self.fork = fork
        self.lines: list[bytes] = []
        self.keys: dict[str, list[Known]] = {}
        self.snapshots: dict[tuple[str, int], Snapshot] = {}
        self.lease: Lease | None = None
        self.deleted = False
        self.forbidden = range(0)
        """Positions of which no snapshot is taken: it may hold what was erased."""

    @property
    def base(self) -> int:
        return self.fork.seq if self.fork else 0


class Change(NamedTuple):
    """What one append changed in a scope."""

    session: str
    seqs: tuple[int, ...]
    deltas: list[dict[str, Any]]


class MemoryStore:
    """A store in memory, for tests and as the model that other stores are held against."""

    def __init__(self, *, clock: Clock, ids: Ids) -> None:
        """Begin empty."""
        self.url = "memory://"
        self._clock = clock
        self._ids = ids
        self._lock = threading.RLock()
        self._logs: dict[str, _Log] = {}
        self._blobs: dict[str, bytes] = {}
        self._numbers: dict[str, int] = {}
        self._scopes: dict[str, list[Change]] = {}

    # --- writing

    def create(self, session: str, drafts: Sequence[Draft], *, fork: ForkPoint | None = None) -> Commit:
        """See `Store.create`."""
        with self._lock:
            if not is_uuid(session):
                raise UsageError(f"session {session!r:.80} cannot be created: its id is not a UUID")
            if not drafts:
                raise InvalidEventError("a session begins with at least one event")
            if session in self._logs:
                raise ExistsError("session", session)
            contents = self._encode(drafts)
            if fork is not None:
                self._check_fork(fork)
            log = _Log(session, fork)
            planned = plan(session, drafts, "ignore", lambda key: self._find(log, key))
            if all(p.draft is None for p in planned):
                raise InvalidEventError("a session begins with an event of its own, its keys are all known to its parent")
            commit = self._write(log, planned, contents)
            self._logs[session] = log
            return commit

    def append(
        self,
        session: str,
        drafts: Sequence[Draft],
        *,
        expect: int = ANY,
        on_key: KeyPolicy = "ignore",
        fence: int | None = None,
    ) -> Commit:
        """See `Store.append`."""
        return self._append(session, Asked(drafts, expect, on_key, fence))

    def append_each(self, session: str, asked: Sequence[Asked]) -> list[Commit | SegueError]:
        """See `Store.append_each`."""
        self._log(session)
        return [self._outcome(session, one) for one in asked]

    def _outcome(self, session: str, asked: Asked) -> Commit | SegueError:
        if not asked.begins():
            return WithdrawnError("append to", session)
        try:
            return self._append(session, asked)
        except SegueError as e:
            return e

    def _append(self, session: str, asked: Asked) -> Commit:
        with self._lock:
            log = self._log(session)
            contents = self._encode(asked.drafts)
            planned = plan(session, asked.drafts, asked.on_key, lambda key: self._find(log, key))
            if any(p.draft is not None for p in planned):
                self._check(session, self._head(log), asked.expect, asked.fence)
            return self._write(log, planned, contents)

    def _check(self, session: str, head: Head, expect: int, fence: int | None) -> None:
        if expect not in {ANY, head.seq}:
            raise HeadMovedError(session, expect, head.seq)
        if fence is not None:
            held = self.lease(session)
            if held is None or held.token != fence:
                raise FencedError(session, fence, held.token if held else None)

    def _encode(self, drafts: Sequence[Draft]) -> list[Content]:
        return [encode_content(draft, self._ids.salt()) for draft in drafts]

    def _write(self, log: _Log, planned: Sequence[Planned], contents: Sequence[Content]) -> Commit:
        head = self._head(log)
        left = total = sum(p.draft is not None for p in planned)
        lines: list[bytes] = []
        entries: list[Appended] = []
        for p, content in zip(planned, contents, strict=True):
            draft = placed(p, entries)
            if draft is None:
                entries.append(found(p, entries))
                continue
            left -= 1
            seq, event = head.seq + 1, self._ids.uuid7()
            at = draft.at or time_stamp(self._clock.now())
            line, digest = encode_line(draft, content, seq=seq, id=event, at=at, prev=head.digest, more=left, of=total)
            lines.append(line)
            entries.append(Appended(seq, event, new=True))
            self._blobs.update(content.blobs)
            head = Head(seq, digest)
        for written in map(decode_line, lines):
            if written.key is not None:
                known = Known(written.seq, written.id, written.node, written.stream)
                log.keys.setdefault(written.key, []).append(known)
        self._change_scopes(log.session, [decode_line(line) for line in lines])
        log.lines += lines
        return Commit(tuple(entries), head)

    def _change_scopes(self, session: str, events: Sequence[Event]) -> None:
        for name in dict.fromkeys(name for event in events for name in event.scopes or ()):
            changing = [event for event in events if name in (event.scopes or {})]
            deltas = [(event.scopes or {})[name] for event in changing]
            self._scopes.setdefault(name, []).append(Change(session, tuple(event.seq for event in changing), deltas))

    def erase(self, session: str, seqs: Collection[int], note: Body) -> int:
        """See `Store.erase`."""
        with self._lock:
            log: _Log | None = self._log(session)
            head, left, done = self._head(self._log(session)).seq, {*seqs}, 0
            for seq in seqs:
                if not 0 < seq <= head:
                    raise NotFoundError("event", str(seq))
            while log is not None and left:
                own = {seq for seq in left if seq > log.base and not decode_line(log.lines[seq - log.base - 1]).erased}
                left = {seq for seq in left if seq <= log.base}
                done += self._erase(log, own, note) if own else 0
                log = self._logs[log.fork.session] if log.fork else None
            return done

    def _erase(self, log: _Log, seqs: set[int], note: Body) -> int:
        gone = {name for seq in seqs for name in self._refs(log.lines[seq - log.base - 1])}
        for seq in seqs:
            log.lines[seq - log.base - 1] = erase_line(log.lines[seq - log.base - 1])
        for changes in self._scopes.values():
            for i, change in enumerate(changes):
                if change.session == log.session and seqs & {*change.seqs}:
                    changes[i] = change._replace(deltas=[{}] * len(change.deltas))
        body = {**note, "seqs": [list(one) for one in united((seq, seq) for seq in seqs)]}
        for other in [log, *self._forks(log, min(seqs))]:
            more = {} if other is log else {"session": log.session}
            other.snapshots.clear()
            other.forbidden = range(min([min(seqs), *other.forbidden[:1]]), self._head(other).seq + 1)
            if not other.deleted:
                draft = Draft("erased", {**body, **more})
                self._write(other, [Planned(draft)], self._encode([draft]))
        used = {name for other in self._logs.values() for line in other.lines for name in self._refs(line)}
        self._blobs = {name: data for name, data in self._blobs.items() if name in used or name not in gone}
        return len(seqs)

    def _forks(self, log: _Log, seq: int) -> list[_Log]:
        """Return the forks that share event *seq* of a log or a later one, and theirs."""
        children = [c for c in self._logs.values() if c.fork and c.fork.session == log.session and c.fork.seq >= seq]
        return [one for child in children for one in [child, *self._forks(child, seq)] if not one.deleted]

    def _refs(self, data: bytes) -> set[str]:
        found = blob_refs(data)
        inner = [self._refs(self._blobs[name]) for name, is_json in found.items() if is_json and name in self._blobs]
        return {*found}.union(*inner)

    def delete(self, session: str) -> None:
        """See `Store.delete`."""
        with self._lock:
            self._log(session).deleted = True

    # --- reading

    def read(
        self,
        session: str,
        *,
        after: int = 0,
        upto: int | None = None,
        reverse: bool = False,
        blobs: bool = True,
        on_damage: OnDamage | None = None,
    ) -> Iterator[Event]:
        """See `Store.read`. Memory is never damaged."""
        with self._lock:
            lines = self._all_lines(self._log(session))
        stop = len(lines) if upto is None else min(upto, len(lines))
        numbers = range(max(after, 0), stop)
        load = self.blob if blobs else None
        return (decode_line(lines[i], load) for i in (reversed(numbers) if reverse else numbers))

    def info(self, session: str) -> LogInfo:
        """See `Store.info`."""
        with self._lock:
            log = self._log(session)
            return LogInfo(session, self._head(log), log.base + 1, log.fork, sum(map(len, log.lines)))

    def lineage(self, session: str) -> tuple[ForkPoint, ...]:
        """See `Store.lineage`."""
        with self._lock:
            points = []
            fork = self._log(session).fork
            while fork is not None:
                points.append(fork)
                fork = self._logs[fork.session].fork
            return tuple(points)

    def stamp(self, session: str) -> str:
        """See `Store.stamp`."""
        return str(self.info(session).head.seq)

    def sessions(self) -> Iterator[str]:
        """See `Store.sessions`."""
        with self._lock:
            return iter(sorted(s for s, log in self._logs.items() if not log.deleted))

    def lookup(self, session: str, key: str) -> Appended | None:
        """See `Store.lookup`."""
        with self._lock:
            known = self._find(self._log(session), key)
        return known and Appended(known.seq, known.id, new=False)

    def watch(self, session: str, *, after: int = 0, stop: Callable[[], bool], poll: float = 0.05) -> Iterator[Event]:
        """See `Store.watch`."""
        while True:
            for event in self.read(session, after=after):
                after = event.seq
                yield event
            if stop():
                return
            time.sleep(poll)

    # --- beside the logs

    def number(self, prefix: str, owner: str) -> int:
        """See `Store.number`."""
        with self._lock:
            self._numbers[prefix] = self._numbers.get(prefix, 0) + 1
            return self._numbers[prefix]

    def put_snapshot(self, session: str, snapshot: Snapshot, *, alone: bool = False) -> None:
        """See `Store.put_snapshot`."""
        with self._lock:
            log = self._log(session)
            if snapshot.seq in log.forbidden:
                return
            if alone:
                log.snapshots = {place: other for place, other in log.snapshots.items() if place[0] != snapshot.schema}
            log.snapshots[snapshot.schema, snapshot.seq] = snapshot

    def snapshot(self, session: str, schema: str, upto: int | None = None) -> Snapshot | None:
        """See `Store.snapshot`."""
        with self._lock:
            log = self._log(session)
            lines = self._all_lines(log)
            end = len(lines) if upto is None else min(upto, len(lines))
            for seq in sorted((q for s, q in log.snapshots if s == schema and q <= end), reverse=True):
                found = log.snapshots[schema, seq]
                if seq >= 1 and verify_line(lines[seq - 1]) == found.digest:
                    return found
            return None

    def drop_snapshots(self, session: str) -> None:
        """See `Store.drop_snapshots`."""
        with self._lock:
            self._log(session).snapshots.clear()

    def put_blob(self, data: bytes) -> str:
        """See `Store.put_blob`."""
        name = blob_name(data)
        with self._lock:
            self._blobs[name] = data
        return name

    def blob(self, name: str) -> bytes:
        """See `Store.blob`."""
        with self._lock:
            if name not in self._blobs:
                raise NotFoundError("blob", name)
            return self._blobs[name]

    def scope(self, name: str) -> Scope:
        """See `Store.scope`."""
        with self._lock:
            values: dict[str, Any] = {}
            deltas = self._deltas(name)
            for delta in deltas:
                for key, value in delta.items():
                    if value is None:
                        values.pop(key, None)
                    else:
                        values[key] = copy.deepcopy(value)
            return Scope(name, values, len(deltas))

    def _deltas(self, name: str) -> list[dict[str, Any]]:
        return [delta for change in self._scopes.get(name, []) for delta in change.deltas]

    def scopes(self) -> Iterator[str]:
        """See `Store.scopes`."""
        with self._lock:
            return iter(sorted(self._scopes))

    def verify(self, session: str | None = None) -> Iterator[Finding]:
        """See `Store.verify`."""
        with self._lock:
            logs = list(self._logs.values()) if session is None else [self._log(session)]
            return iter([finding for log in logs for finding in self._findings(log)])

    def _findings(self, log: _Log) -> Iterator[Finding]:
        prev = self._prev(log)
        for i, line in enumerate(log.lines):
            try:
                event = decode_line(line)
            except BadLine as e:
                yield Finding("damage", log.session, f"line {i + 1}", str(e))
                continue
            if event.prev != prev:
                yield Finding("gap", log.session, f"line {i + 1}", "it does not follow the event before it", event.seq)
            prev = event.digest

    def close(self) -> None:
        """See `Store.close`. The events stay for as long as the store is referred to."""

    # --- leases

    def acquire(self, session: str, holder: str, ttl: float, *, take_over: bool = False) -> Lease:
        """See `Store.acquire`."""
        with self._lock:
            held = self.lease(session)
            if held is not None and held.holder == holder:
                return self.renew(held, ttl)
            if held is not None and not take_over:
                raise LeaseHeldError(session, held.holder, time_stamp(held.until))
            commit = self.append(session, [Draft("lease.taken", {"holder": holder})])
            lease = Lease(session, holder, commit.head.seq, self._clock.now() + ttl)
            self._log(session).lease = lease
            return lease

    def renew(self, lease: Lease, ttl: float) -> Lease:
        """See `Store.renew`."""
        with self._lock:
            log = self._log(lease.session)
            if log.lease is None or log.lease.token != lease.token:
                raise FencedError(lease.session, lease.token, log.lease.token if log.lease else None)
            log.lease = lease._replace(until=self._clock.now() + ttl)
            return log.lease

    def release(self, lease: Lease) -> None:
        """See `Store.release`."""
        with self._lock:
            log = self._logs.get(lease.session)
            if log is not None and log.lease is not None and log.lease.token == lease.token:
                log.lease = None

    def lease(self, session: str) -> Lease | None:
        """See `Store.lease`."""
        with self._lock:
            held = self._log(session).lease
            return held if held is not None and held.until > self._clock.now() else None

    # --- inside

    def _log(self, session: str) -> _Log:
        log = self._logs.get(session)
        if log is None:
            raise NotFoundError("session", session)
        if log.deleted:
            raise GoneError("session", session)
        return log

    def _check_fork(self, fork: ForkPoint) -> None:
        lines = self._all_lines(self._log(fork.session))
        if not 1 <= fork.seq <= len(lines) or verify_line(lines[fork.seq - 1]) != fork.digest:
            raise HeadMovedError(fork.session, fork.seq, len(lines))

    def _all_lines(self, log: _Log) -> list[bytes]:
        if log.fork is None:
            return list(log.lines)
        return self._all_lines(self._logs[log.fork.session])[: log.fork.seq] + log.lines

    def _prev(self, log: _Log) -> str:
        return log.fork.digest if log.fork else genesis(log.session)

    def _head(self, log: _Log) -> Head:
        if not log.lines:
            return Head(log.base, self._prev(log))
        return Head(log.base + len(log.lines), verify_line(log.lines[-1]))

    def _find(self, log: _Log, key: str) -> Known | None:
        """Return the last event of that key: one of the log's own, else one that it shares with those that it was forked from."""
        upto = None
        while True:
            known = next((k for k in reversed(log.keys.get(key, ())) if upto is None or k.seq <= upto), None)
            if known is not None or log.fork is None:
                return known
            upto = log.fork.seq if upto is None else min(upto, log.fork.seq)
            log = self._logs[log.fork.session]
