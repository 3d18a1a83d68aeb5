"""All logs of a store, and what stands beside them, brought into the mirror: of each what is new since the last time."""

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from segue.core.errors import MirrorError, SegueError
from segue.core.log.ids import is_uuid
from segue.ports import Clock, Ids
from segue.ports.keys import Keys
from segue.ports.mirror import BESIDE, Mirror, Mirrored, Writing, Wrote
from segue.stores.log import files
from segue.stores.log.backup.checking import logs_of
from segue.stores.log.cipher import SCHEME, Cipher, Scheme, read_scheme
from segue.stores.log.journal import Journal
from segue.stores.log.logs import Logs
from segue.stores.log.marks import is_deleted, is_given_up
from segue.stores.log.mirroring.one import OneLog
from segue.stores.log.recovery.lines import scan
from segue.stores.log.scopes import Scopes

_KEY: Final = "key"
_FILES: Final = ("format.json", SCHEME)


class Mirroring:
    """Brings a store into its mirror. Passes for `ports.mirror.Mirroring`."""

    def __init__(self, store: Path, mirror: Mirror, *, clock: Clock, ids: Ids, keys: Keys | None = None) -> None:
        """Name the store's directory and its mirror, and what gives the key of an encrypted one; nothing is looked at yet."""
        self._keys = keys
        self._store, self._mirror, self._clock, self._ids = store.absolute(), mirror, clock, ids

    def is_due(self) -> bool:
        """See `ports.mirror.Mirroring.is_due`."""
        known = self._mirror.known()
        if self._is_under_older(self._scheme()):
            return True
        if _beside_stamp(self._store) != _stamp_in(known, BESIDE):
            return True
        return any(_stamp(self._store / name) != _stamp_in(known, name) for name in self._names(None))

    def run(self, sessions: Iterable[str] | None = None) -> Wrote:
        """See `ports.mirror.Mirroring.run`."""
        scheme = self._scheme()
        if scheme.changing:  # it is mirrored when all of it is under one key
            return Wrote((), {}, 0)
        if self._mirror.exists and self._is_under_older(scheme):
            self._mirror.drop()
        gone = self._gone()
        if gone:
            self._mirror.drop(gone)
        if not gone and not self.is_due():
            return Wrote((), {}, 0)
        logs = logs_of(self._store, self._clock, self._ids, self._keys)
        logs.env.sync = files.system_sync  # what is mirrored is durable
        try:
            try:
                wrote = self._change(logs, sessions, gone)
            except MirrorError:
                if self._mirror.exists:
                    raise
                wrote = self._change(logs, sessions, gone)  # it was damaged, and is moved aside
        finally:
            logs.close()
        return wrote._replace(dropped=len(gone))

    def _change(self, logs: Logs, sessions: Iterable[str] | None, gone: Iterable[str]) -> Wrote:
        with self._mirror.writing() as change:
            wrote = self._write(change, logs, sessions)
            there = {name: {"stamp": _stamp(self._store / name)} for name in gone if name not in wrote.logs}
            key = self._scheme().key or change.known().get(_KEY, "")
            change.remember(change.known() | there | {_KEY: key})
        return wrote

    def _write(self, change: Writing, logs: Logs, sessions: Iterable[str] | None) -> Wrote:
        known, done, failed = change.known(), list[str](), dict[str, str]()
        for name in self._names(sessions):
            stamp = _stamp(self._store / name)
            if stamp == _stamp_in(known, name):
                continue
            try:
                log = OneLog(name, self._journal(name, logs), _segments_in(known, name))
                log.write(change, lambda former: self._says_more(former, change, logs.env.cipher))
            except MirrorError:
                raise
            except (SegueError, OSError) as e:  # damaged, or moved meanwhile: what the mirror has stays
                failed[name] = e.message if isinstance(e, SegueError) else str(e)
            else:
                known[name] = {"stamp": stamp, "segments": log.stamps}
                done.append(name)
            logs.drop(name.partition("/")[2])
        stamp = _beside_stamp(self._store)
        if stamp != _stamp_in(known, BESIDE):
            self._beside(change)
            known[BESIDE] = {"stamp": stamp}
        change.remember(known)
        return Wrote(tuple(done), failed, 0)

    def _scheme(self) -> Scheme:
        try:
            return read_scheme(self._store / SCHEME)
        except (OSError, SegueError):  # recovery brings it back
            return Scheme()

    def _is_under_older(self, scheme: Scheme) -> bool:
        """Return whether what the mirror has is in the clear, or under a key that the store had before its own."""
        key = self._mirror.known().get(_KEY, "")
        return bool(scheme.key) and key != scheme.key and (not key or key in scheme.older)

    def _says_more(self, former: Mirrored, change: Writing, cipher: Cipher) -> bool:
        """Return whether the mirror has lines of a log that the store's has not: it went on otherwise, or lost them."""
        name = former.log
        with TemporaryDirectory(dir=self._store / "incoming", prefix="mirror-") as place:
            copy = Path(place) / name
            try:
                change.export(former, str(copy))
            except MirrorError:  # there is nothing to keep
                return False
            had, has = (scan("", directory / "log", cipher).where.keys() for directory in (copy, self._store / name))
            return not had <= has

    def _journal(self, name: str, logs: Logs) -> Journal:
        kind, _, own = name.partition("/")
        return logs.any(own) if kind == "sessions" else Scopes(self._store / "scopes", logs).open(self._store / name)

    def _names(self, sessions: Iterable[str] | None) -> Iterator[str]:
        """Yield the logs, latest sessions first."""
        asked = sorted(filter(is_uuid, _listed(self._store / "sessions") if sessions is None else sessions), reverse=True)
        yield from (f"sessions/{name}" for name in asked if any(_listed(self._store / "sessions" / name / "log")))
        yield from (f"scopes/{name}" for name in sorted(_listed(self._store / "scopes")))

    def _gone(self) -> list[str]:
        """Return the sessions that were deleted, or of whose past less stays for their forks, since the mirror knows of it.

        What recovery gave up is none of them: the mirror may have it.
        """
        known, found = self._mirror.known(), []
        for name in (f"sessions/{name}" for name in _listed(self._store / "sessions") if is_uuid(name)):
            directory = self._store / name
            if is_deleted(directory) and not is_given_up(directory) and _stamp(directory) != _stamp_in(known, name):
                found.append(name)
        return found

    def _beside(self, change: Writing) -> None:
        """Mirror the headers, and which numbers were given."""
        kept = change.files(BESIDE, anew=change.at(BESIDE) is None)
        numbers = {f"numbers/{name}" for name in _listed(self._store / "numbers") if name[0] != "."}
        for name in sorted({*_FILES, *numbers}):
            with suppress(FileNotFoundError):
                data = files.read_file(self._store / name)
                if not kept.same(name, data):
                    kept.put(name, data)
        change.keep(Mirrored(BESIDE, "", 0, "", "", 0), kept)


def _listed(directory: Path) -> list[str]:
    try:
        return os.listdir(directory)
    except OSError:
        return []


def _stamp(directory: Path) -> str:
    """Return what changes whenever the log in *directory* does, or a fork leaves it."""
    try:
        last = max(os.listdir(directory / "log"))
        stat, lock = (directory / "log" / last).stat(), (directory / "lock").stat()
        return f"{last}:{stat.st_ino}:{stat.st_size}:{lock.st_size}:{_time(directory)}:{_time(directory / 'forks')}"
    except (OSError, ValueError):
        return f"deleted:{is_deleted(directory)}"


def _time(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def _beside_stamp(store: Path) -> str:
    found = sorted(files.sizes(store / "numbers").items()) if store.is_dir() else []
    return f"{found}:{[_time(store / name) for name in _FILES]}"


def _stamp_in(known: dict[str, Any], name: str) -> str:
    found = known.get(name)
    return str(found.get("stamp", "")) if isinstance(found, dict) else ""


def _segments_in(known: dict[str, Any], name: str) -> dict[str, str]:
    found = known.get(name)
    segments = found.get("segments") if isinstance(found, dict) else None
    return {str(key): str(value) for key, value in segments.items()} if isinstance(segments, dict) else {}
