"""State that sessions share: a log of its own for each scope.

The session's event is the commit. Under the scopes' locks (in the order of their names), then the session's:

1. each scope's log gets a `scope.delta`: the session, the numbers and ids of the events that will carry the change, the change;
2. the session's events are written.

So a delta counts if and only if the session has those events. Only a scope's last delta can be in doubt (a crash between 1
and 2): whoever reads looks into the session, whoever writes next records the answer (`prior`).
"""

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final, NamedTuple

from segue.core.errors import DamagedError, NotFoundError, SegueError
from segue.core.log.events import Commit, Draft, Event
from segue.ports import Scope, Snapshot
from segue.stores.log import files, snapshots
from segue.stores.log.cipher import PLAIN, Cipher
from segue.stores.log.env import Request
from segue.stores.log.journal import Journal
from segue.stores.log.kinds import SCOPE
from segue.stores.log.locks import LogLock
from segue.stores.log.logs import Logs
from segue.stores.log.marks import read_erased
from segue.stores.log.swapping import finish

_SCHEMA = "scope.1"
_EVERY = 64
_ERASED: dict[str, Any] = {"session": "", "seq": 0, "event": "", "prior": "done"}
"""What is left of a delta that was erased, but for how many changes it was."""


class Cause(NamedTuple):
    """The append that changes a scope: its session, the numbers of its first and last event, the first one's id."""

    session: str
    seq: int
    last: int
    event: str


NOBODY: Final = Cause("", 0, 0, "")


class Scopes:
    """The scopes of a store."""

    def __init__(self, directory: Path, logs: Logs) -> None:
        """Name the directory that holds their logs, and the sessions that change them."""
        self._directory = directory
        self._logs = logs
        self._cipher = logs.env.cipher
        self._durable: set[str] = set()  # names that this process made sure of: whoever made one may not have come to it

    def append(self, journal: Journal, request: Request, publish: Callable[[], None] | None = None) -> Commit:
        """Append *request*, whose drafts change scopes, to a session; *publish* makes a new session visible."""
        names = sorted({name for draft in request.drafts for name in draft.scopes or {}})
        with ExitStack() as stack:
            logs = self._held(names, stack)
            stack.enter_context(journal.exclusive())
            first = journal.prepare(request)
            for name in names:
                delta = _delta(request, name)
                if delta:
                    last = first + len(request.ids) - 1
                    self._intend(logs[name], Cause(journal.session, first, last, request.ids[0]), delta)
            journal.commit([request])
            if publish is not None:
                publish()
        return request.result()

    def _held(self, names: Sequence[str], stack: ExitStack) -> dict[str, Journal]:
        """Return the logs of scopes, made where they are missing and held alone, in one order."""
        logs = {}
        for name in names:
            log = self._made(name)
            try:
                stack.enter_context(log.exclusive())
            except NotFoundError:  # its directory got another name in this moment
                log = self._made(name)
                stack.enter_context(log.exclusive())
            logs[name] = log
        return logs

    def read(self, name: str) -> Scope:
        """Return the values of a scope and the number of changes that count."""
        log = self.log(name)
        if log is None:
            return Scope(name, {}, 0)
        found = snapshots.latest(log, _SCHEMA, None)
        fold = _Fold(json.loads(found.data) if found else None, log.directory)
        start = found.seq if found else 0
        for event in log.read(start, None):
            fold.take(event)
        if fold.seq - start >= _EVERY:
            kept = Snapshot(fold.seq, fold.digest, _SCHEMA, fold.to_json())
            snapshots.put(log.directory, kept, self._cipher, alone=True)
        if fold.last is not None and self._happened(fold.last):
            fold.settle()
        return Scope(name, fold.values, fold.count)

    def settle(self, session: str) -> None:
        """Record the answer where a scope's last delta is a session's that is about to go."""
        for name in self._names():
            log = self._made(name)
            with log.exclusive():
                last = _last(log)
                if last is not None and last["session"] == session and last["delta"]:
                    self._intend(log, NOBODY, [])

    def pass_by(self, log: Journal) -> None:
        """Write a change of nothing, which settles the one before. The scope's lock must be held."""
        with log.exclusive():
            self._intend(log, NOBODY, [])

    def names(self) -> list[str]:
        """Return the names of all scopes that were ever changed, sorted."""
        return [name for name in self._names() if self.read(name).head]

    def directories(self) -> list[Path]:
        """Return the directories of all scopes, sorted; one that was never finished is none yet."""
        return sorted(path for path in self._directory.iterdir() if (path / "name").exists() or _holds_something(path / "log"))

    def open(self, where: Path) -> Journal:
        """Return the log of the scope in the directory *where*. Raises DamagedError where its name does not fit."""
        try:
            name = name_in(where, self._cipher)
        except (OSError, ValueError) as e:
            raise DamagedError(f"scope {where.name!r}", f"its name cannot be read: {e}") from e
        found = self.log(name) if where.name in places_of(name, self._cipher) else None
        if found is None:
            raise DamagedError(f"scope {where.name!r}", "it bears another scope's name")
        return found

    def log(self, name: str) -> Journal | None:
        """Return the log of scope *name*, or None where there is none."""
        key = f"scope:{name}"
        kept = self._logs.kept(key)
        if kept is not None and (kept.directory / "name").exists():
            return kept
        self._logs.drop(key)
        for place in places_of(name, self._cipher.refresh()):
            where = self._directory / place
            if (where / "name").exists():
                if not (where / "log").is_dir():
                    finish(where)
                return self._logs.keep(key, Journal(where, key, self._logs.env, None, None))
        return None

    def _made(self, name: str) -> Journal:
        """Return the log of scope *name*, made where it is missing."""
        found = self.log(name)
        if found is not None:
            if name not in self._durable:
                files.sync_dir(found.directory)
                files.sync_dir(self._directory)
                self._durable.add(name)
            return found
        lock = self.lock()
        with lock.exclusive():  # the store's key does not change meanwhile, and with it the directory's name
            if self.log(name) is None:
                self._make(name)
        lock.close()
        return self._made(name)

    def lock(self) -> LogLock:
        """Return the lock under which scopes get their directories and these their names."""
        path = self._directory / ".lock"
        os.close(files.open_or_create(path))
        return LogLock(path)

    def _make(self, name: str) -> None:
        where = self._directory / places_of(name, self._cipher)[0]
        files.make_dir(where)
        files.make_dir(where / "log")
        os.close(files.open_or_create(where / "lock"))
        files.sync_dir(where)  # the name says that all else is there, whoever made it
        files.sync_dir(self._directory)
        self._cipher.write(where / "name", name.encode(), SCOPE)

    def _names(self) -> list[str]:
        found = []
        for directory in self._directory.iterdir():
            try:
                name = name_in(directory, self._cipher)
            except (OSError, ValueError):
                continue
            if directory.name in places_of(name, self._cipher):
                found.append(name)
        return sorted(found)

    def _intend(self, scope: Journal, cause: Cause, delta: list[dict[str, Any]]) -> None:
        """Write that an append, the *cause*, will change the scope, and what became of the one before."""
        last = _last(scope)
        prior = None if last is None else "done" if self._happened(last) else "void"
        body = {**cause._asdict(), "delta": delta, "prior": prior}
        request = scope.env.request([Draft("scope.delta", body)])
        try:
            scope.commit([request])
            request.result()
        finally:
            request.let_go()

    def _happened(self, delta: Mapping[str, Any]) -> bool:
        """Return whether the session has the event that a delta names."""
        if not delta["session"]:  # nobody's: it was settled when it was written, or erased
            return True
        try:
            event = self._logs.any(delta["session"]).event(delta["seq"])
        except (SegueError, OSError):
            return False
        return event is not None and event.id == delta["event"]


class _Fold:
    """The settled values, and the last delta, which is not settled yet."""

    def __init__(self, state: Mapping[str, Any] | None, directory: Path) -> None:
        self._directory = directory
        self._counts: dict[int, int] | None = None
        self.values: dict[str, Any] = dict(state["values"]) if state else {}
        self.count: int = state["count"] if state else 0
        self.last: dict[str, Any] | None = state["last"] if state else None
        self.seq = 0
        self.digest = ""

    def take(self, event: Event) -> None:
        body = self._left(event.seq) if event.erased else event.body
        if body.get("prior") == "done":
            self.settle()
        self.last = body
        self.seq, self.digest = event.seq, event.digest

    def _left(self, seq: int) -> dict[str, Any]:
        """Return what an erased delta still says."""
        if self._counts is None:
            self._counts = dict(read_erased(self._directory).counts)
        return {**_ERASED, "delta": [{}] * self._counts.get(seq, 1)}

    def settle(self) -> None:
        """The last delta counts."""
        for delta in self.last["delta"] if self.last else ():
            self.count += 1
            for key, value in delta.items():
                if value is None:
                    self.values.pop(key, None)
                else:
                    self.values[key] = value

    def to_json(self) -> bytes:
        return json.dumps({"values": self.values, "count": self.count, "last": self.last}).encode()


def _holds_something(log: Path) -> bool:
    try:
        return any(files.sizes(log).values())
    except (FileNotFoundError, NotADirectoryError):
        return False


def places_of(name: str, cipher: Cipher = PLAIN) -> list[str]:
    """Return what the directory of scope *name* may be called, what it is called from now on first."""
    return cipher.names(hashlib.blake2b(name.encode(), digest_size=16).hexdigest(), 16)


def name_in(directory: Path, cipher: Cipher) -> str:
    """Return the name that the directory of a scope bears. Raises OSError, ValueError."""
    return cipher.read(directory / "name", SCOPE).decode()


def _last(scope: Journal) -> dict[str, Any] | None:
    head = scope.position().seq
    event = scope.event(head, blobs=True) if head else None
    return _body(event) if event is not None else None


def _body(event: Event) -> dict[str, Any]:
    """Return what a delta says; an erased one says that the one before counts, and that it changed nothing itself."""
    return _ERASED if event.erased else event.body


def _delta(request: Request, name: str) -> list[dict[str, Any]]:
    """Return the changes to one scope by the drafts that will be written, in order."""
    written = (p.draft for p in request.planned if p.draft is not None)
    return [dict(draft.scopes[name]) for draft in written if draft.scopes and name in draft.scopes]
