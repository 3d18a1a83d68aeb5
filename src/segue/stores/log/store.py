"""The default store behind `ports.Store`: a directory of logs.

<store>/format.json          what this is, and which format
<store>/lock                 who may change the store as a whole
<store>/sessions/<uuid>/     a log each (see `journal`)
<store>/scopes/<hash>/       a log for each state that sessions share
<store>/blobs/ab/<hash>.zst  large values
<store>/numbers/<prefix>     which numbers were given
<store>/incoming/            logs that are not there yet
<store>/todo/                logs with closed segments to seal
"""

import json
import os
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from segue.core.errors import (
    DamagedError,
    ExistsError,
    FencedError,
    GoneError,
    HeadMovedError,
    InvalidEventError,
    LeaseHeldError,
    NotFoundError,
    StoreTooNewError,
    StoreUnusableError,
    UsageError,
)
from segue.core.log.codec import blob_name
from segue.core.log.events import ANY, Appended, Commit, Draft, Event, ForkPoint, KeyPolicy
from segue.core.log.ids import is_uuid
from segue.core.log.times import stamp as time_stamp
from segue.ports import Clock, Finding, Ids, Lease, LogInfo, OnDamage, Scope, Snapshot
from segue.stores.log import files, leases, locks, numbers, removal, scopes, snapshots, upkeep, verify
from segue.stores.log.blobs import Blobs
from segue.stores.log.files import Sync, system_sync
from segue.stores.log.journal import Env, Journal, Request, is_deleted, read_fork, write_fork
from segue.stores.log.locks import DEFAULT_TIMEOUT

FORMAT = 1
_PARTS = ("sessions", "scopes", "blobs", "numbers", "incoming", "todo")
_live: "weakref.WeakSet[LogStore]" = weakref.WeakSet()


class LogStore:
    """Logs in files under one directory. Many processes may use it at once.

    `durability="strict"` (the default): an append that has returned survives a power loss. `"relaxed"`: it survives the
    end of this process, however it ends, but a power loss may take the last seconds.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        clock: Clock,
        ids: Ids,
        durability: str = "strict",
        sync: Sync = system_sync,
        lock_timeout: float = DEFAULT_TIMEOUT,
    ) -> None:
        """Open the store at *path*; it is made where there is nothing.

        Raises:
            StoreTooNewError: a newer program wrote it.
            StoreUnusableError: not a store, another user's, or locks do not work there.
        """
        self.path = Path(path).absolute()
        self.url = f"log://{self.path}"
        self._clock = clock
        self._ids = ids
        self.blobs = Blobs(self.path / "blobs", sync)
        self._env = Env(
            clock=clock, ids=ids, blobs=self.blobs, sync=sync, relaxed=durability == "relaxed", lock_timeout=lock_timeout
        )
        self._env.rolled = self._note_rolled
        _open_place(self.path)
        self._journals: dict[str, Journal] = {}
        self._mutex = threading.Lock()
        _live.add(self)

    # --- writing

    def create(self, session: str, drafts: Sequence[Draft], *, fork: ForkPoint | None = None) -> Commit:
        """See `Store.create`. The log is written aside and moved to its place, so it is there whole or not at all."""
        if not is_uuid(session):
            raise UsageError(f"session {session!r:.80} cannot be created: its id is not a UUID")
        if not drafts:
            raise InvalidEventError("a session begins with at least one event")
        if (self.path / "sessions" / session).exists():  # also where it was deleted
            raise ExistsError("session", session)
        request = self._env.request(drafts)
        parent = self._check_fork(fork) if fork else None
        if parent is not None and fork is not None:
            removal.mark_fork(parent, session)
        try:
            return self._create(session, request, fork, parent)
        except BaseException:
            if parent is not None and not (self.path / "sessions" / session).exists():
                removal.unmark_fork(parent, session)
            raise

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
        journal = self._journals.get(session) or self._journal(session)  # one that has gone is noticed under its lock
        request = self._env.request(drafts, expect, on_key, fence)
        try:
            if any(draft.scopes for draft in drafts):
                return scopes.append(self.scope_log, journal, request, self.any_journal)
            return journal.append(request)
        except NotFoundError:
            self._drop(session)
            raise

    def delete(self, session: str) -> None:
        """See `Store.delete`."""
        journal = self._journal(session)
        scopes.settle_all(self, session)
        removal.delete(self.path, journal, self.any_journal, self._clock)
        self._drop(session)

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
        """See `Store.read`."""
        journal = self._journal(session)
        return journal.read(after, upto, reverse=reverse, blobs=blobs, on_damage=on_damage)

    def info(self, session: str) -> LogInfo:
        """See `Store.info`."""
        journal = self._journal(session)
        head = journal.head()
        first = journal.fork.seq + 1 if journal.fork else 1
        size = sum(entry.stat().st_size for entry in os.scandir(journal.directory / "log"))
        return LogInfo(session, head, first, journal.fork, size)

    def stamp(self, session: str) -> str:
        """See `Store.stamp`: the names and sizes of the last segments, without reading them."""
        directory = f"{self.path}/sessions/{session}"
        try:
            last = max(os.scandir(f"{directory}/log"), key=lambda entry: entry.name)
            stamp = f"{last.name}:{last.stat().st_size}:{os.stat(f'{directory}/lock').st_size}"
        except (FileNotFoundError, ValueError):
            stamp = ""
        if not stamp or is_deleted(Path(directory)):
            self._journal(session)
        return stamp

    def sessions(self) -> Iterator[str]:
        """See `Store.sessions`."""
        names = sorted(name for name in os.listdir(self.path / "sessions") if is_uuid(name))
        return (name for name in names if not is_deleted(self.path / "sessions" / name))

    def lookup(self, session: str, key: str) -> Appended | None:
        """See `Store.lookup`."""
        journal = self._journal(session)
        known = journal.lookup(key)
        return known and Appended(known.seq, known.id, new=False)

    def watch(self, session: str, *, after: int = 0, stop: Callable[[], bool], poll: float = 0.05) -> Iterator[Event]:
        """See `Store.watch`. Each look costs one scan of the log's directory while nothing happens."""
        seen = ""
        while True:
            stamp = self.stamp(session)
            if stamp != seen:
                for event in self.read(session, after=after):
                    after = event.seq
                    yield event
                seen = stamp
            if stop():
                return
            time.sleep(poll)

    # --- beside the logs

    def number(self, prefix: str, owner: str) -> int:
        """See `Store.number`."""
        return numbers.take(self.path / "numbers", prefix, owner, self._env.sync)

    def put_snapshot(self, session: str, snapshot: Snapshot) -> None:
        """See `Store.put_snapshot`."""
        snapshots.put(self._journal(session).directory, snapshot)

    def snapshot(self, session: str, schema: str, upto: int | None = None) -> Snapshot | None:
        """See `Store.snapshot`."""
        return snapshots.latest(self._journal(session), schema, upto)

    def drop_snapshots(self, session: str) -> None:
        """See `Store.drop_snapshots`."""
        snapshots.drop(self._journal(session).directory)

    def put_blob(self, data: bytes) -> str:
        """See `Store.put_blob`."""
        name = blob_name(data)
        self.blobs.put(name, data)
        return name

    def blob(self, name: str) -> bytes:
        """See `Store.blob`."""
        return self.blobs.get(name)

    def scope(self, name: str) -> Scope:
        """See `Store.scope`."""
        return scopes.read(self.scope_log, self.any_journal, name)

    def scopes(self) -> Iterator[str]:
        """See `Store.scopes`."""
        return (name for name in scopes.names(self.path / "scopes") if self.scope(name).head)

    def verify(self, session: str | None = None) -> Iterator[Finding]:
        """See `Store.verify`."""
        if session is None:
            return verify.store(self)
        return verify.log(self._journal(session), self.blobs)

    # --- leases

    def acquire(self, session: str, holder: str, ttl: float, *, take_over: bool = False) -> Lease:
        """See `Store.acquire`."""
        journal = self._journal(session)
        with journal.exclusive():
            held = self._held(journal)
            if held is not None and held.holder == holder:
                return self._keep(journal, held, ttl)
            if held is not None and not take_over:
                raise LeaseHeldError(session, held.holder, time_stamp(held.until))
            drafts = [Draft("lease.taken", {"holder": holder})]
            request = self._env.request(drafts)
            journal.commit([request])
            return self._keep(journal, Lease(session, holder, request.result().head.seq, 0.0), ttl)

    def renew(self, lease: Lease, ttl: float) -> Lease:
        """See `Store.renew`."""
        journal = self._journal(lease.session)
        with journal.exclusive():
            last = leases.read(journal.directory, lease.session)
            if last is None or last.token != lease.token:
                raise FencedError(lease.session, lease.token, last.token if last else None)
            return self._keep(journal, lease, ttl)

    def release(self, lease: Lease) -> None:
        """See `Store.release`."""
        try:
            journal = self._journal(lease.session)
            with journal.exclusive():
                last = leases.read(journal.directory, lease.session)
                if last is not None and last.token == lease.token:
                    leases.clear(journal.directory)
        except NotFoundError:
            return

    def lease(self, session: str) -> Lease | None:
        """See `Store.lease`."""
        return self._held(self._journal(session))

    # --- upkeep

    def seal(self, session: str, *, whole: bool = False) -> int:
        """Compress the closed segments of a session (*whole*: the open one too) and return how many.

        Each is read back and compared before the original goes. Damaged ones stay as they are.
        """
        return upkeep.seal(self._journal(session), whole=whole)

    def upkeep(self) -> int:
        """Seal what waits to be sealed, if nobody else does it now; return how many segments."""
        return upkeep.work(self.path, self.any_journal, self._clock)

    def has_upkeep(self) -> bool:
        """Return whether something waits to be sealed."""
        return any(os.scandir(self.path / "todo"))

    def close(self) -> None:
        """See `Store.close`."""
        with self._mutex:
            journals, self._journals = self._journals, {}
        for journal in journals.values():
            journal.close()

    # --- inside

    def scope_log(self, name: str, *, create: bool) -> Journal | None:
        """Return the log of a scope, made where it is missing if *create*."""
        return scopes.log(self.path / "scopes", name, self._env, self._journals, create=create)

    def after_fork(self) -> None:
        """In a forked child: nothing of the parent's is ours."""
        self._mutex = threading.Lock()
        for journal in self._journals.values():
            journal.after_fork()

    def _create(self, session: str, request: Request, fork: ForkPoint | None, parent: Journal | None) -> Commit:
        incoming = self.path / "incoming" / f"{session}.{os.getpid()}.{os.urandom(4).hex()}"
        for part in (incoming, incoming / "log", incoming / "forks"):
            part.mkdir(mode=files.DIR_MODE)
        os.close(files.create(incoming / "lock"))
        if fork is not None:
            write_fork(incoming, fork)
        journal = Journal(incoming, session, self._env, fork, parent)

        def publish() -> None:
            if not request.ids:
                raise InvalidEventError("a session begins with an event of its own, its keys are all known to its parent")
            journal.close()
            files.sync_dir(incoming)
            try:
                os.rename(incoming, self.path / "sessions" / session)
            except OSError as e:
                if (self.path / "sessions" / session).exists():
                    raise ExistsError("session", session) from e
                raise
            files.sync_dir(self.path / "sessions")

        try:
            if any(draft.scopes for draft in request.drafts):
                scopes.append(self.scope_log, journal, request, self.any_journal, publish)
            else:
                journal.append(request)
                publish()
        except BaseException:
            journal.close()
            removal.sweep(incoming)
            raise
        return request.result()

    def _check_fork(self, fork: ForkPoint) -> Journal:
        parent = self._journal(fork.session)
        event = parent.event(fork.seq)
        if event is None or event.digest != fork.digest:
            raise HeadMovedError(fork.session, fork.seq, parent.head().seq)
        return parent

    def _journal(self, session: str) -> Journal:
        """Return the log of a session that is there. Raises NotFoundError."""
        directory = self.path / "sessions" / session
        if not is_uuid(session) or not directory.is_dir():
            raise NotFoundError("session", session, hint="segue list")
        if is_deleted(directory):
            self._drop(session)
            raise GoneError("session", session)
        return self.any_journal(session)

    def any_journal(self, session: str) -> Journal:
        """Return the log of a session, also of a deleted one that forks still need. Raises NotFoundError."""
        with self._mutex:
            journal = self._journals.get(session)
        if journal is not None:
            return journal
        directory = self.path / "sessions" / session
        if not directory.is_dir():
            raise NotFoundError("session", session, hint="segue list")
        fork = read_fork(directory)
        parent = self.any_journal(fork.session) if fork else None
        with self._mutex:
            return self._journals.setdefault(session, Journal(directory, session, self._env, fork, parent))

    def _drop(self, session: str) -> None:
        with self._mutex:
            journal = self._journals.pop(session, None)
        if journal is not None:
            journal.close()

    def _held(self, journal: Journal) -> Lease | None:
        held = leases.read(journal.directory, journal.session)
        return held if held is not None and held.until > self._clock.now() else None

    def _keep(self, journal: Journal, lease: Lease, ttl: float) -> Lease:
        kept = lease._replace(until=self._clock.now() + ttl)
        leases.write(journal.directory, kept)
        return kept

    def _note_rolled(self, session: str) -> None:
        if is_uuid(session):
            (self.path / "todo" / session).touch(mode=files.FILE_MODE)


def _open_place(path: Path) -> None:
    """Make the store's directories, or check that they are a store of ours that we can use."""
    try:
        path.mkdir(mode=files.DIR_MODE, parents=True, exist_ok=True)
        _check_owner(path)
        _check_format(path)
        if os.access(path, os.W_OK):
            for part in _PARTS:
                files.make_dir(path / part)
            locks.check_locks_work(path / "lock")
    except NotADirectoryError as e:
        raise StoreUnusableError(f"store {str(path)!r} cannot be opened: it is not a directory") from e
    except FileExistsError as e:
        raise StoreUnusableError(f"store {str(path)!r} cannot be opened: it is not a directory") from e
    except PermissionError as e:
        raise StoreUnusableError(f"store {str(path)!r} cannot be opened: {(e.strerror or 'permission denied').lower()}") from e


def _check_owner(path: Path) -> None:
    if os.name == "nt":
        return
    stat = path.stat()
    if stat.st_uid not in {os.geteuid(), 0}:
        raise StoreUnusableError(f"store {str(path)!r} cannot be trusted: it belongs to user {stat.st_uid}")
    if stat.st_mode & 0o022 and not stat.st_mode & 0o1000:
        raise StoreUnusableError(
            f"store {str(path)!r} cannot be trusted: other users may write to it", hint=f"chmod 700 {str(path)!r}"
        )


def _check_format(path: Path) -> None:
    where = path / "format.json"
    try:
        found: Any = json.loads(files.read_file(where))
        version = int(found["segue"])
    except FileNotFoundError:
        _found_store(path, where)
        return
    except (ValueError, KeyError, TypeError) as e:
        raise DamagedError(f"store {str(path)!r}", f"format.json: {e}") from e
    if version > FORMAT:
        raise StoreTooNewError(str(path), version, FORMAT)


def _found_store(path: Path, where: Path) -> None:
    names = {name for name in os.listdir(path) if not name.startswith(".format")}
    if names - {"lock", *_PARTS}:
        raise StoreUnusableError(f"store {str(path)!r} cannot be opened: the directory holds something else")
    if not os.access(path, os.W_OK):
        raise StoreUnusableError(f"store {str(path)!r} cannot be made: the directory is read-only")
    files.replace(where, json.dumps({"segue": FORMAT}).encode() + b"\n")


def _after_fork() -> None:
    for store in list(_live):
        store.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
