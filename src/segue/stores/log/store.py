"""The default store behind `ports.Store`: a directory of logs.

<store>/format.json          what this is, and which format
<store>/encryption.json      under which key it is, if it is encrypted (see `cipher`)
<store>/lock                 who may change the store as a whole
<store>/sessions/<uuid>/     a log each (see `journal`)
<store>/scopes/<hash>/       a log for each state that sessions share
<store>/blobs/ab/<hash>.zst  large values
<store>/numbers/<prefix>     which numbers were given
<store>/incoming/            logs that are not there yet
<store>/todo/                logs with closed segments to seal
"""

import os
import time
import weakref
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from segue.core.errors import (
    ExistsError,
    HeadMovedError,
    InvalidEventError,
    NotFoundError,
    OutcomeUnknownError,
    SegueError,
    UsageError,
)
from segue.core.log.codec import blob_name
from segue.core.log.events import ANY, Appended, Body, Commit, Draft, Event, ForkPoint, KeyPolicy
from segue.core.log.ids import is_uuid
from segue.ports import Asked, Clock, Finding, Ids, Lease, LogInfo, OnDamage, Scope, Snapshot
from segue.ports.keys import Keys
from segue.stores.log import driving, files, numbers, removal, snapshots, upkeep, verify
from segue.stores.log.appending import append_each
from segue.stores.log.blobs import Blobs
from segue.stores.log.cipher import Cipher
from segue.stores.log.env import Env, Request
from segue.stores.log.erasing import Erasing
from segue.stores.log.files import Sync, promised, system_sync
from segue.stores.log.journal import Journal
from segue.stores.log.locks import DEFAULT_TIMEOUT
from segue.stores.log.logs import Logs
from segue.stores.log.marks import is_deleted, write_fork
from segue.stores.log.place import open_place
from segue.stores.log.reading import unless_deleted, while_there
from segue.stores.log.scopes import Scopes

if TYPE_CHECKING:
    from segue.ports.encryption import Encryption

_live: "weakref.WeakSet[LogStore]" = weakref.WeakSet()
_LOOKS = 8
"""How often the last segment is looked for, each time it was sealed under another name since it was listed."""


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
        keys: Keys | None = None,
    ) -> None:
        """Open the store at *path*; it is made where there is nothing. *keys* gives the key where it is encrypted.

        Raises:
            StoreTooNewError: a newer program wrote it.
            StoreUnusableError: not a store, another user's, or locks do not work there.
            WrongKeyError: it is encrypted, and *keys* has not the key.
        """
        self.path = Path(path).absolute()
        self.url = f"log://{self.path}"
        self._clock = clock
        self._ids = ids
        self.cipher = Cipher(self.path, keys)
        self.blobs = Blobs(self.path / "blobs", sync, self.cipher)
        self._env = Env(
            clock=clock,
            ids=ids,
            blobs=self.blobs,
            sync=sync,
            relaxed=durability == "relaxed",
            lock_timeout=lock_timeout,
            cipher=self.cipher,
        )
        self._env.rolled = self._note_rolled
        open_place(self.path)
        self.cipher.refresh()
        self._logs = Logs(self.path / "sessions", self._env)
        self._scopes = Scopes(self.path / "scopes", self._logs)
        self.erasing = Erasing(self.path, self._logs, self._scopes)
        _live.add(self)

    # --- writing

    @promised
    def create(self, session: str, drafts: Sequence[Draft], *, fork: ForkPoint | None = None) -> Commit:
        """See `Store.create`. The log is written aside and moved to its place, so it is there whole or not at all."""
        if not is_uuid(session):
            raise UsageError(f"session {session!r:.80} cannot be created: its id is not a UUID")
        if not drafts:
            raise InvalidEventError("a session begins with at least one event")
        if (self.path / "sessions" / session).exists():  # also where it was deleted
            raise self._taken(session)
        request = self._env.request(drafts)
        try:
            return self._begin(session, request, fork)
        finally:
            request.let_go()

    @promised
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
        journal = self._logs.at_hand(session)
        request = self._env.request(drafts, expect, on_key, fence)
        try:
            for draft in drafts:
                if draft.scopes:
                    return self._scopes.append(journal, request)
            return journal.append(request)
        except NotFoundError:
            self._logs.drop(session)
            raise
        finally:
            request.let_go()

    @promised
    def append_each(self, session: str, asked: Sequence[Asked]) -> list[Commit | SegueError]:
        """See `Store.append_each`."""
        found = append_each(self._logs.at_hand(session), self._scopes, self._env, asked)
        if any(isinstance(one, NotFoundError) for one in found):
            self._logs.drop(session)
        return found

    @promised
    def erase(self, session: str, seqs: Collection[int], note: Body) -> int:
        """See `Store.erase`."""
        self._logs.there(session)
        return self.erasing.erase(session, seqs, note)

    @promised
    def delete(self, session: str) -> None:
        """See `Store.delete`."""
        journal = self._logs.there(session)
        self._scopes.settle(session)
        removal.delete(self.path, journal, self._logs.any, self._clock)
        self._logs.drop(session)

    # --- reading

    @promised
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
        journal = self._logs.there(session)
        told = on_damage and unless_deleted(journal.directory, session, on_damage)
        events = journal.read(after, upto, reverse=reverse, blobs=blobs, on_damage=told)
        return while_there(journal.directory, session, events)

    def info(self, session: str) -> LogInfo:
        """See `Store.info`."""
        journal = self._logs.there(session)
        head = journal.head()
        first = journal.fork.seq + 1 if journal.fork else 1
        try:
            size = sum(files.sizes(journal.directory / "log").values())
        except FileNotFoundError:  # deleted meanwhile
            self._logs.there(session)
            raise
        return LogInfo(session, head, first, journal.fork, size)

    def lineage(self, session: str) -> tuple[ForkPoint, ...]:
        """See `Store.lineage`."""
        return self._logs.there(session).lineage()

    def stamp(self, session: str) -> str:
        """See `Store.stamp`: the names and sizes of the last segments, without reading them."""
        directory, stamp = f"{self.path}/sessions/{session}", ""
        for _ in range(_LOOKS):
            try:
                last = max(os.listdir(f"{directory}/log"))
                stamp = f"{last}:{os.stat(f'{directory}/log/{last}').st_size}:{os.stat(f'{directory}/lock').st_size}"
                break
            except (FileNotFoundError, ValueError):  # sealed since it was listed; or there is nothing
                self._logs.there(session)
        if is_deleted(directory):
            self._logs.there(session)
        return stamp

    def sessions(self) -> Iterator[str]:
        """See `Store.sessions`."""
        return self._logs.ids()

    def lookup(self, session: str, key: str) -> Appended | None:
        """See `Store.lookup`."""
        journal = self._logs.there(session)
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

    @promised
    def number(self, prefix: str, owner: str) -> int:
        """See `Store.number`."""
        return numbers.take(self.path / "numbers", prefix, owner, self._env.sync, self.cipher)

    def put_snapshot(self, session: str, snapshot: Snapshot, *, alone: bool = False) -> None:
        """See `Store.put_snapshot`."""
        snapshots.put(self._logs.there(session).directory, snapshot, self.cipher, alone=alone)

    def snapshot(self, session: str, schema: str, upto: int | None = None) -> Snapshot | None:
        """See `Store.snapshot`."""
        return snapshots.latest(self._logs.there(session), schema, upto)

    def drop_snapshots(self, session: str) -> None:
        """See `Store.drop_snapshots`."""
        snapshots.drop(self._logs.there(session).directory)

    @promised
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
        return self._scopes.read(name)

    def scopes(self) -> Iterator[str]:
        """See `Store.scopes`."""
        return iter(self._scopes.names())

    def verify(self, session: str | None = None) -> Iterator[Finding]:
        """See `Store.verify`."""
        if session is None:
            return verify.store(self.path, self._logs, self._scopes)
        return verify.log(self._logs.there(session))

    # --- leases

    @promised
    def acquire(self, session: str, holder: str, ttl: float, *, take_over: bool = False) -> Lease:
        """See `Store.acquire`."""
        return driving.acquire(self._logs.there(session), holder, ttl, take_over=take_over)

    @promised
    def renew(self, lease: Lease, ttl: float) -> Lease:
        """See `Store.renew`."""
        return driving.renew(self._logs.there(lease.session), lease, ttl)

    @promised
    def release(self, lease: Lease) -> None:
        """See `Store.release`."""
        with suppress(NotFoundError):
            driving.release(self._logs.there(lease.session), lease)

    def lease(self, session: str) -> Lease | None:
        """See `Store.lease`."""
        return driving.held(self._logs.there(session))

    # --- upkeep

    @promised
    def seal(self, session: str, *, whole: bool = False) -> int:
        """Compress the closed segments of a session (*whole*: the open one too) and return how many.

        Each is read back and compared before the original goes. Damaged ones stay as they are.
        """
        return upkeep.seal(self._logs.there(session), whole=whole)

    @promised
    def rest(self, session: str) -> None:
        """See `Sealing.rest`. It is noted for `upkeep`, which seals the open segment too where that is worth it."""
        if is_uuid(session):
            upkeep.mark_whole(self.path / "todo" / session)

    @promised
    def upkeep(self) -> int:
        """Seal what waits to be sealed, if nobody else does it now; return how many segments."""
        return upkeep.work(self.path, self._logs.any, self._clock, self.erasing.finish)

    def has_upkeep(self) -> bool:
        """Return whether something waits to be sealed."""
        with os.scandir(self.path / "todo") as marks:
            return any(marks)

    def close(self) -> None:
        """See `Store.close`."""
        self._logs.close()

    @property
    def encryption(self) -> "Encryption":
        """The encryption of this store."""
        from segue.stores.log.rekeying import Rekeying

        return Rekeying(self.path, self._logs, self._scopes, self.blobs)

    # --- inside

    def after_fork(self) -> None:
        """In a forked child: nothing of the parent's is ours."""
        self._logs.after_fork()

    def _taken(self, session: str) -> ExistsError:
        """Return the refusal of a name that is durable: who made it may not have come to that yet."""
        self._sync_names(session)
        return ExistsError("session", session)

    def _sync_names(self, session: str) -> None:
        try:
            files.sync_dir(self.path / "sessions")
        except OSError as e:  # it is there, but a power loss may take it
            raise OutcomeUnknownError(f"session {session!r} is unconfirmed: the disk reports {e.strerror or e}") from e

    def _begin(self, session: str, request: Request, fork: ForkPoint | None) -> Commit:
        parent = self._check_fork(fork) if fork else None
        if parent is not None and fork is not None:
            removal.mark_fork(parent, session)
        try:
            return self._create(session, request, fork, parent)
        except BaseException:
            if parent is not None and not (self.path / "sessions" / session).exists():
                removal.unmark_fork(parent, session)
            raise

    def _create(self, session: str, request: Request, fork: ForkPoint | None, parent: Journal | None) -> Commit:
        incoming = self.path / "incoming" / f"{session}.{os.getpid()}.{os.urandom(4).hex()}"
        for part in (incoming, incoming / "log", incoming / "forks"):
            part.mkdir(mode=files.DIR_MODE)
        os.close(files.create(incoming / "lock"))
        if fork is not None:
            write_fork(incoming, fork)
        journal = Journal(incoming, session, self._env, fork, parent)
        journal.hide()

        def publish() -> None:
            if not request.ids:
                raise InvalidEventError("a session begins with an event of its own, its keys are all known to its parent")
            files.sync_dir(incoming)
            try:
                os.rename(incoming, self.path / "sessions" / session)
            except OSError as e:
                if (self.path / "sessions" / session).exists():
                    raise self._taken(session) from e
                raise
            self._sync_names(session)
            journal.publish()

        try:
            if any(draft.scopes for draft in request.drafts):
                self._scopes.append(journal, request, publish)
            else:
                journal.append(request)
                publish()
        except BaseException:
            journal.close()
            removal.sweep(incoming)
            raise
        journal.close()
        return request.result()

    def _check_fork(self, fork: ForkPoint) -> Journal:
        parent = self._logs.there(fork.session)
        event = parent.event(fork.seq)
        if event is None or event.digest != fork.digest:
            raise HeadMovedError(fork.session, fork.seq, parent.head().seq)
        return parent

    def _note_rolled(self, session: str) -> None:
        if is_uuid(session):
            (self.path / "todo" / session).touch(mode=files.FILE_MODE)


def _after_fork() -> None:
    for store in list(_live):
        store.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
