"""segue's log store as a subject: everything that a busy session does between two appends, and every check that it offers.

Small segments, so that rolling and sealing happen all the time. Beside appending, writers take snapshots, seal, share
state through a scope, renew leases and fork; the reading compares all of it with the log.
"""

import os
import re
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

from segue.core.errors import ExistsError, SegueError
from segue.core.log.events import Draft, Event, ForkPoint
from segue.core.log.storekeys import id_of
from segue.host.clock import SystemClock, SystemIds
from segue.ports import Snapshot
from segue.stores.log import LogStore, ending, zstd
from segue.stores.log.cipher import SCHEME, Scheme, write_scheme
from segue.stores.log.files import refusal
from tests.encryption import KEY, Ring
from tests.faults.oracle import Finding, Reading

_KIND = "fault.text"
_SCHEMA = "fault.fold.1"
_DAMAGE = {"damage", "gap"}
_HOURS = 7200.0
_TRUTH = re.compile(r"(sessions|scopes)/[^/]+/(log/|fork\.json|name)|blobs/|format\.json|encryption\.json")
_DERIVED = ("*/*/keys*", "*/*/snapshots/*", "sessions/*/lease.json", "todo/*", "worker.lock", "*/*/lock", "index.sqlite*")
_NAMES = uuid.UUID("8c7c1bd0-6f3c-4f0e-9a35-3f1f0a4c2e11")


zstd.decompress(zstd.compress(b""), 1)  # loads the library: another user may not reach it later


class _Later:
    """A clock that is hours ahead of now, and of the last upkeep: what a crash left behind is old by then."""

    def __init__(self, root: Path) -> None:
        worked = root / "worker.lock"
        self._time = max(time.time(), worked.stat().st_mtime if worked.exists() else 0) + _HOURS

    def now(self) -> float:
        return self._time


@dataclass(frozen=True, slots=True)
class Segue:
    """The log store with small segments; *busy* writers do more than append."""

    name: str = "segue"
    durability: str = "strict"
    segment_bytes: int = 16_384
    busy: bool = True
    verify: bool = True
    keyed: bool = True
    encrypted: bool = False
    promised: type[BaseException] = SegueError
    """What a fault may raise: anything else would have leaked from below."""

    def store(self, root: Path) -> LogStore:
        """Open the store as a program does."""
        ending.SEGMENT_BYTES = self.segment_bytes
        return LogStore(root, clock=SystemClock(), ids=SystemIds(), durability=self.durability, keys=self.keys(root))

    def keys(self, root: Path) -> Ring | None:
        """Return the keys of an encrypted subject, whose store is under one before anything is written to it."""
        if not self.encrypted:
            return None
        if not (root / SCHEME).exists():
            LogStore(root, clock=SystemClock(), ids=SystemIds()).close()
            try:
                write_scheme(root / SCHEME, Scheme(id_of(KEY)))
            except OSError as e:
                raise refusal("key", e) from e
        return Ring(KEY)

    def create(self, root: Path, label: str) -> str:
        """Begin a session with one event of its own kind."""
        session = str(uuid.uuid5(_NAMES, label))
        with suppress(ExistsError):  # another was faster: it is there all the same
            _shared(self, root).create(session, [Draft("fault.begin", {"label": label})])
        return session

    def open(self, root: Path, session: str) -> "SegueWriter":
        """Return a writer; the threads of a process share one store, as they would."""
        return SegueWriter(self, _shared(self, root), session)

    def read(self, root: Path) -> Reading:
        """Open the store, recover, read all of it, and compare what is computed from the logs with the logs."""
        store = self.store(root)
        try:
            reading = Reading({})
            scope: dict[str, Any] = {}
            for session in store.sessions():
                try:
                    events = list(_events(store, session, reading.findings))
                except SegueError as error:  # one session's damage is not the others'
                    reading.findings.append(Finding("I3", session, error.message))
                    reading.sessions[session] = []
                    continue
                if store.info(session).parent is not None:
                    reading.findings += _check_fork(store, session, events)
                    continue
                reading.sessions[session] = [event.body["text"] for event in events if event.kind == _KIND]
                reading.findings += _check_snapshot(store, session, events)
                scope |= {key: value for event in events for key, value in (event.scopes or {}).get("shared", {}).items()}
            reading.findings += _check_scope(store, scope)
            if self.verify:
                reading.findings += _verified(store)
            return reading
        finally:
            store.close()

    def truth(self, path: Path) -> bool:
        """Tell whether a file, relative to the store, holds what nothing else does."""
        return bool(_TRUTH.match(str(path)))

    def owner(self, path: Path) -> str | None:
        """Return the session that a file belongs to alone."""
        return path.parts[1] if path.parts[0] == "sessions" else None

    def derived(self, root: Path) -> Sequence[Path]:
        """Return the files that are computed from others, or only make things faster."""
        found = [path for pattern in _DERIVED for path in root.glob(pattern)]
        return sorted(path for path in found if path.is_file())

    def leftovers(self, root: Path) -> Sequence[str]:
        """Do the upkeep that a worker does later, and name what is still left behind by a crash."""
        store = LogStore(root, clock=_Later(root), ids=SystemIds(), keys=self.keys(root))
        try:
            store.upkeep()
        finally:
            store.close()
        hidden = [path for path in root.rglob(".*") if path.is_file() and path.name != ".lock"]  # a lock is there to stay
        return sorted(str(path.relative_to(root)) for path in [*hidden, *root.glob("incoming/*"), *root.glob("trash/*")])


class SegueWriter:
    """One writer. What it does beside an append depends on the text, so that it is the same in every run of a seed."""

    def __init__(self, subject: Segue, store: LogStore, session: str) -> None:
        """Keep what is needed."""
        self.subject = subject
        self.store = store
        self.session = session

    def append(self, texts: Sequence[str]) -> None:
        """Append with keys; the first of some batches changes a scope too."""
        roll = blake2b(texts[0][:80].encode(), digest_size=2).digest()
        scope = self.session if roll[0] < 40 and self.subject.busy else None
        drafts = [_draft(text, scope) for text in texts]
        commit = self.store.append(self.session, drafts)
        if self.subject.busy:
            self._beside(roll[1], commit.head.seq, commit.head.digest)

    def _beside(self, roll: int, seq: int, digest: str) -> None:
        """Now and then do something that must not harm the log, whatever moment it is interrupted at."""
        if roll < 12:
            fold = _fold(list(self.store.read(self.session, upto=seq)))
            self.store.put_snapshot(self.session, Snapshot(seq, digest, _SCHEMA, fold))
        elif roll < 24:
            self.store.upkeep()
        elif roll < 28:
            self.store.seal(self.session, whole=True)
        elif roll < 34:
            held = self.store.acquire(self.session, f"pid {os.getpid()}", 30.0, take_over=True)
            self.store.release(held)
        elif roll < 38:
            child = str(uuid.uuid4())
            self.store.create(child, [Draft("fault.fork", {})], fork=ForkPoint(self.session, seq, digest))
            if roll < 36:
                self.store.delete(child)

    def close(self) -> None:
        """The process's store stays open for the other threads."""


def _draft(text: str, scope: str | None) -> Draft:
    writer, number, _ = text.split(" ", 2)
    change = {"shared": {f"{scope}/{writer}": int(number)}} if scope else None
    return Draft(_KIND, {"text": text}, key=f"{writer}:{number}", scopes=change)


_stores: dict[tuple[int, str, Path], LogStore] = {}
_stores_lock = threading.Lock()


def _shared(subject: Segue, root: Path) -> LogStore:
    with _stores_lock:
        key = (os.getpid(), subject.name, root)
        if key not in _stores:
            for old in [old for old in _stores if old[0] == key[0]]:
                _stores.pop(old).close()
            _stores[key] = subject.store(root)
        return _stores[key]


def _events(store: LogStore, session: str, findings: list[Finding]) -> Iterator[Event]:
    yield from store.read(
        session, on_damage=lambda damage: findings.append(Finding("I3", session, f"{damage.where}: {damage.reason}"))
    )


def _verified(store: LogStore) -> list[Finding]:
    return [
        Finding(
            "I3" if item.severity in _DAMAGE else "", item.session or "store", f"{item.severity} at {item.where}: {item.reason}"
        )
        for item in store.verify()
    ]


def _fold(events: Sequence[Event]) -> bytes:
    digest = blake2b(digest_size=16)
    for event in events:
        digest.update(event.digest.encode())
    return f"{len(events)} {digest.hexdigest()}".encode()


def _check_snapshot(store: LogStore, session: str, events: Sequence[Event]) -> list[Finding]:
    found = store.snapshot(session, _SCHEMA)
    if found is None:
        return []
    expected = _fold([event for event in events if event.seq <= found.seq])
    return [] if found.data == expected else [Finding("I3", session, f"the snapshot at {found.seq} is not the fold of its log")]


def _check_scope(store: LogStore, expected: dict[str, Any]) -> list[Finding]:
    """A scope's values are the changes of all events, of all sessions."""
    try:
        values = store.scope("shared").values
    except SegueError as error:
        return [Finding("I3", "scope", error.message)]
    wrong = sorted(key for key in values.keys() | expected.keys() if values.get(key) != expected.get(key))
    return [Finding("I3", "scope", f"{key} is {values.get(key)}, the log says {expected.get(key)}") for key in wrong]


def _check_fork(store: LogStore, session: str, events: Sequence[Event]) -> list[Finding]:
    """A fork has all of its parent's events up to the fork point, and one of its own."""
    numbers = [event.seq for event in events]
    whole = numbers == list(range(1, store.info(session).head.seq + 1)) and events[-1].kind == "fault.fork"
    return [] if whole else [Finding("I4", session, f"the fork reads {len(events)} events, not its parent's and its own")]
