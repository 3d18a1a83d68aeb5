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
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from segue.core.errors import DamagedError, SegueError
from segue.core.log.events import Commit, Draft, Event
from segue.ports import Scope, Snapshot
from segue.stores.log import files, snapshots
from segue.stores.log.journal import Env, Journal, Request

if TYPE_CHECKING:
    from segue.stores.log.store import LogStore

_SCHEMA = "scope.1"
_EVERY = 64

LookUp = Callable[[str], Journal]


class ScopeLogs(Protocol):
    """Gives the log of a scope."""

    def __call__(self, name: str, *, create: bool) -> Journal | None:
        """Return it, made where it is missing if *create*."""
        ...


def append(
    logs: ScopeLogs, journal: Journal, request: Request, look_up: LookUp, publish: Callable[[], None] | None = None
) -> Commit:
    """Append *request*, whose drafts change scopes, to a session; *publish* makes a new session visible."""
    names = sorted({name for draft in request.drafts for name in draft.scopes or {}})
    with ExitStack() as stack:
        scopes = {name: _need(logs(name, create=True), name) for name in names}
        for name in names:
            stack.enter_context(scopes[name].exclusive())
        stack.enter_context(journal.exclusive())
        first = journal.prepare(request)
        for name in names:
            delta = _delta(request, name)
            if delta:
                _intend(scopes[name], journal, first, request.ids, delta, look_up)
        if request.ids or request.commit is None:
            journal.commit([request])
        if publish is not None:
            publish()
    return request.result()


def read(logs: ScopeLogs, look_up: LookUp, name: str) -> Scope:
    """Return the values of a scope and the number of changes that count."""
    log = logs(name, create=False)
    if log is None:
        return Scope(name, {}, 0)
    found = snapshots.latest(log, _SCHEMA, None)
    fold = _Fold(json.loads(found.data) if found else None)
    for event in log.read(found.seq if found else 0, None):
        fold.take(event)
    if fold.seq - (found.seq if found else 0) >= _EVERY and fold.digest:
        snapshots.put(log.directory, Snapshot(fold.seq, fold.digest, _SCHEMA, fold.to_json()))
    values, count = dict(fold.values), fold.count
    if fold.last is not None and _happened(fold.last, look_up):
        _apply(values, fold.last["delta"])
        count += len(fold.last["delta"])
    return Scope(name, values, count)


def settle_all(store: "LogStore", session: str) -> None:
    """Record the answer where a scope's last delta is a session's that is about to go."""
    for name in names(store.path / "scopes"):
        log = _need(store.scope_log(name, create=False), name)
        with log.exclusive():
            last = _last(log)
            if last is not None and last["session"] == session and last["delta"]:
                _intend(log, None, 0, [], [], store.any_journal)


def log(directory: Path, name: str, env: Env, open_logs: dict[str, Journal], *, create: bool) -> Journal | None:
    """Return the log of scope *name*, or None where there is none and *create* is not asked."""
    key = f"scope:{name}"
    if key in open_logs:
        return open_logs[key]
    where = directory / _hash(name)
    if not (where / "name").exists():
        if not create:
            return None
        _make(where, name)
    return open_logs.setdefault(key, Journal(where, key, env, None, None))


def names(directory: Path) -> list[str]:
    """Return the names of all scopes, sorted."""
    found = []
    for entry in os.scandir(directory):
        try:
            found.append(files.read_file(Path(entry.path) / "name").decode())
        except (OSError, UnicodeDecodeError):
            continue
    return sorted(found)


class _Fold:
    """The settled values, and the last delta, which is not settled yet."""

    def __init__(self, state: Mapping[str, Any] | None) -> None:
        self.values: dict[str, Any] = dict(state["values"]) if state else {}
        self.count: int = state["count"] if state else 0
        self.last: dict[str, Any] | None = state["last"] if state else None
        self.seq = 0
        self.digest = ""

    def take(self, event: Event) -> None:
        if self.last is not None and event.body.get("prior") == "done":
            _apply(self.values, self.last["delta"])
            self.count += len(self.last["delta"])
        self.last = event.body
        self.seq, self.digest = event.seq, event.digest

    def to_json(self) -> bytes:
        return json.dumps({"values": self.values, "count": self.count, "last": self.last}).encode()


def _intend(scope: Journal, journal: Journal | None, first: int, ids: Sequence[str], delta: list[Any], look_up: LookUp) -> None:
    last = _last(scope)
    prior = None if last is None else "done" if _happened(last, look_up) else "void"
    body = {
        "session": journal.session if journal else "",
        "seq": first,
        "event": ids[0] if ids else "",
        "delta": delta,
        "prior": prior,
    }
    draft = Draft("scope.delta", body)
    request = scope.env.request([draft])
    scope.commit([request])
    request.result()


def _last(scope: Journal) -> dict[str, Any] | None:
    head = scope.position().seq
    event = scope.event(head, blobs=True) if head else None
    return event.body if event is not None else None


def _happened(delta: Mapping[str, Any], look_up: LookUp) -> bool:
    """Return whether the session has the event that a delta names."""
    if not delta["delta"]:
        return True
    try:
        event = look_up(delta["session"]).event(delta["seq"])
    except (SegueError, OSError):
        return False
    return event is not None and event.id == delta["event"]


def _delta(request: Request, name: str) -> list[dict[str, Any]]:
    """Return the changes to one scope by the drafts that will be written, in order."""
    written = (p.draft for p in request.planned if p.draft is not None)
    return [dict(draft.scopes[name]) for draft in written if draft.scopes and name in draft.scopes]


def _apply(values: dict[str, Any], deltas: Iterator[Mapping[str, Any]] | Sequence[Mapping[str, Any]]) -> None:
    for delta in deltas:
        for key, value in delta.items():
            if value is None:
                values.pop(key, None)
            else:
                values[key] = value


def _make(where: Path, name: str) -> None:
    files.make_dir(where)
    files.make_dir(where / "log")
    os.close(files.open_or_create(where / "lock"))
    files.sync_dir(where)  # the name says that all else is there
    files.replace(where / "name", name.encode())


def _need(found: Journal | None, name: str) -> Journal:
    if found is None:
        raise DamagedError(f"scope {name!r}", "its log is missing")
    return found


def _hash(name: str) -> str:
    return hashlib.blake2b(name.encode(), digest_size=16).hexdigest()
