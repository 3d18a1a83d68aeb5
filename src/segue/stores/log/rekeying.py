"""Bringing a store under a key, under another one, or under none, while others use it.

`begin` says what is written from now on; `run` brings the rest after it, file by file, each whole in its old form or in its new
one. A log is rewritten under its lock and its generation rises, so that every process that has it open asks for the key anew.
Whoever looks something up by name tries the new one first, then those that it may have had. When nothing of another kind is left,
the change is done; until then `encryption.json` says that it is not, and whoever comes next goes on with it.
"""

import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Final

from segue.core.errors import ConflictError, DamagedError, NotFoundError, SegueError, WrongKeyError
from segue.core.log.codec import blob_name
from segue.core.log.ids import is_uuid
from segue.ports.encryption import Changed, Encrypted, Progress
from segue.stores.log import files, kinds, leases, numbers, rewriting, scopes, sealing, segments, snapshots, zstd
from segue.stores.log.blobs import LIMIT, Blobs
from segue.stores.log.cipher import SCHEME, BadBox, Cipher, Scheme, write_scheme
from segue.stores.log.files import promised
from segue.stores.log.journal import Journal
from segue.stores.log.logs import Logs
from segue.stores.log.marks import is_deleted
from segue.stores.log.place import ASIDE
from segue.stores.log.scopes import Scopes

_PASSES: Final = 200
_PAUSE: Final = 0.05
_START: Final = 64
"""Bytes that say of which kind a line or a box is."""
_TEMPORARY: Final = re.compile(r"\..+\.(\d+)\.[0-9a-f]{8}\Z")


class Rekeying:
    """The encryption of the store at one path. Passes for `ports.Encryption`."""

    def __init__(self, path: Path, logs: Logs, scopes: Scopes, blobs: Blobs) -> None:
        """Work on the parts of a store that is open."""
        self._path, self._logs, self._scopes, self._blobs = path, logs, scopes, blobs
        self._cipher: Cipher = logs.env.cipher
        self._left: set[str] = set()

    def state(self) -> Encrypted:
        """See `Encryption.state`."""
        scheme = self._cipher.refresh().scheme
        return Encrypted(scheme.key, scheme.place, tuple(scheme.older), scheme.changing)

    @promised
    def begin(self, key: bytes | None, place: str) -> Encrypted:
        """See `Encryption.begin`."""
        cipher = self._cipher.refresh()
        with ExitStack() as stack:
            for lock in (self._scopes.lock(), numbers.lock(self._path / "numbers")):
                stack.callback(lock.close)
                stack.enter_context(lock.exclusive())
            old = cipher.refresh().scheme
            if old.changing:
                raise ConflictError("the key cannot be changed: an earlier change is not done", hint="segue key continue")
            write_scheme(self._path / SCHEME, self._next(old, key, place))
        return self.state()

    @promised
    def run(self, progress: Progress, beside: Callable[[], object] = lambda: None) -> Changed:
        """See `Encryption.run`."""
        logs = blobs = others = 0
        for _ in range(_PASSES):
            done = (self._logs_changed(progress), self._blobs_changed(progress), self._others_changed())
            logs, blobs, others = logs + done[0], blobs + done[1], others + done[2]
            if not any(done):
                if not self._is_one_begun():
                    break
                time.sleep(_PAUSE)
        else:
            raise ConflictError("the change of the key is not done: others make sessions faster than they can be followed")
        beside()
        self._finish()
        return Changed(logs, blobs, others, tuple(sorted(self._left)))

    # --- what is written from now on

    def _next(self, old: Scheme, key: bytes | None, place: str) -> Scheme:
        former = self._cipher.key_of(old.key) if old.key else None
        if key is None:
            return Scheme("", {old.key: None} if old.key else {}, changing=True, place=old.place)
        name = self._cipher.adopt(key)
        keys = {one: self._at_hand(one) for one in old.older} | ({old.key: former} if former else {})
        older = {one: self._cipher.wrapped(known, under=name) if known else None for one, known in keys.items() if one != name}
        return Scheme(name, older, changing=True, place=place)

    def _at_hand(self, older: str) -> bytes | None:
        with suppress(WrongKeyError):
            return self._cipher.key_of(older)
        return None

    def _finish(self) -> None:
        scheme = self._cipher.refresh().scheme
        for path in self._path.glob("index.sqlite*"):  # made anew under the key, whoever asks next
            if not path.name.endswith(".lock"):
                path.unlink(missing_ok=True)
        if scheme.key or self._left:  # what is left is still under the key that the scheme names
            write_scheme(self._path / SCHEME, scheme._replace(changing=False))
        else:
            (self._path / SCHEME).unlink(missing_ok=True)
            files.sync_dir(self._path)

    # --- logs

    def _logs_changed(self, progress: Progress) -> int:
        names = sorted(filter(is_uuid, os.listdir(self._path / "sessions")))
        done = 0
        for n, name in enumerate(names):
            progress("sessions", n, len(names))
            try:
                done += self._log(self._logs.any(name))
            except NotFoundError:
                continue
            except DamagedError:
                self._left.add(f"sessions/{name}")
            self._logs.drop(name)
        for where in self._scopes.directories():
            with suppress(SegueError):
                done += self._scope(where)
        return done

    def _log(self, journal: Journal) -> bool:
        """Bring one log, and what stands beside it, to what is written now; return whether something was to do."""
        directory = journal.directory
        if not (directory / "log").is_dir() and is_deleted(directory):
            return False
        done = False
        if any(not self._is_current(p) and self._name(p) not in self._left for p in rewriting.segment_files(directory / "log")):
            rewriting.rewrite(journal, _same, anew=True)
            done = True
            self._left.update(self._name(p) for p in rewriting.segment_files(directory / "log") if not self._is_current(p))
        for kept in sorted((directory / "aside").glob("*")):
            done |= self._kept(kept)
        return self._beside(journal) or done

    def _beside(self, journal: Journal) -> bool:
        """Bring what a log's caches and its lease are in to what is written now. Caches are let go."""
        directory, done = journal.directory, False
        tag = self._cipher.tag
        with journal.lock.exclusive():
            for path in directory.glob("keys*"):
                if path.name != (f"keys-{tag}" if tag else "keys"):
                    path.unlink()
                    done = True
            if not self._is_fresh(directory / "lease.json"):
                lease = leases.read(directory, journal.session, self._cipher)
                if lease is None:
                    leases.clear(directory)
                else:
                    leases.write(directory, lease, self._cipher)
                done = True
            if any(not self._is_fresh(path) for path in (directory / "snapshots").glob("*")):
                snapshots.drop(directory)
                done = True
        return done

    def _scope(self, where: Path) -> bool:
        """Bring the log of a scope, its name and its directory's to what is written now."""
        journal = self._scopes.open(where)
        done = False
        if not self._is_fresh(where / "name"):
            self._cipher.write(where / "name", journal.session.removeprefix("scope:").encode(), kinds.SCOPE)
            done = True
        new = where.with_name(scopes.places_of(journal.session.removeprefix("scope:"), self._cipher)[0])
        done |= self._log(journal)
        if new != where:
            lock = self._scopes.lock()
            with lock.exclusive(), journal.lock.exclusive():
                where.rename(new)
                files.sync_dir(new.parent)
                journal.lock.bump()
            lock.close()
            done = True
        self._logs.drop(journal.session)
        return done

    # --- the rest

    def _blobs_changed(self, progress: Progress) -> int:
        found = [path for path in sorted((self._path / "blobs").glob("??/*.zst")) if not path.name.startswith(".")]
        done = 0
        for n, path in enumerate(found):
            progress("large values", n, len(found))
            if self._is_fresh(path) or self._name(path) in self._left:
                continue
            try:
                data = zstd.decompress(self._cipher.read(path, kinds.BLOB), LIMIT)
            except FileNotFoundError:
                continue
            except (zstd.BadFrame, BadBox):
                self._left.add(self._name(path))
                continue
            name = blob_name(data)
            self._blobs.put(name, data)
            if path != self._blobs.path(name) and self._blobs.has(name):
                path.unlink(missing_ok=True)
            done += 1
        return done

    def _others_changed(self) -> int:
        done = numbers.rename(self._path / "numbers", self._cipher)
        for path in sorted((self._path / ASIDE).rglob("*")) if (self._path / ASIDE).is_dir() else ():
            if path.is_file() and not path.is_symlink():
                done += self._kept(path)
        return done + sum(map(_unlinked, self._temporary()))

    def _kept(self, path: Path) -> bool:
        """Bring something that was set aside to what is written now: lines of a log as lines, all else in a box."""
        if path.is_dir():
            return sum(map(self._kept, sorted(path.iterdir()))) > 0
        name = self._name(path)
        if name in self._left or path.name in {"lock", "fork.json", "lost.json", "deleted"} or path.parent.name == "forks":
            return False
        if segments.is_segment(path.name):
            if self._is_current(path):
                return False
            rewriting.rewrite_segment(path, _same, self._cipher, anew=True)
            return self._noted(path, current=self._is_current(path))
        if self._is_fresh(path):
            return False
        data = files.read_file(path)
        for kind in kinds.ALL:
            with suppress(BadBox):
                self._cipher.write(path, self._cipher.open(data, kind), kind)
                return self._noted(path, current=self._is_fresh(path))
        return self._noted(path, current=False)

    def _noted(self, path: Path, *, current: bool) -> bool:
        if not current:
            self._left.add(self._name(path))
        return current

    def _temporary(self) -> Iterator[Path]:
        """Yield temporary files whose process is gone: they may hold anything."""
        for directory, _, names in os.walk(self._path):
            for name in names:
                match = _TEMPORARY.match(name)
                if match and not _is_alive(int(match[1])):
                    yield Path(directory, name)

    def _is_one_begun(self) -> bool:
        """Return whether a session is being made by a process that lives: it may be of the old kind."""
        with os.scandir(self._path / "incoming") as entries:
            return any(_is_alive(int(e.name.split(".")[1])) for e in entries if e.name.count(".") == 2)

    def _is_current(self, path: Path) -> bool:
        """Return whether a segment is of the kind that is written now, all of its frames."""
        try:
            fd = files.open_read(path)
        except FileNotFoundError:
            return True
        try:
            if not path.name.endswith(".zst"):
                start = files.read_all(fd, 0, min(os.fstat(fd).st_size, 2 * _START))
                return not start or self._cipher.is_current(start)
            starts = (files.read_all(fd, frame.offset, frame.offset + _START) for frame in sealing.frames(fd))
            return all(self._cipher.is_current(start) for start in starts)
        finally:
            os.close(fd)

    def _is_fresh(self, path: Path) -> bool:
        """Return whether a file that is no segment is of the kind that is written now; one that is not there is."""
        try:
            fd = files.open_read(path)
        except FileNotFoundError:
            return True
        try:
            return self._cipher.is_current(files.read_all(fd, 0, min(os.fstat(fd).st_size, _START)))
        finally:
            os.close(fd)

    def _name(self, path: Path) -> str:
        return str(path.relative_to(self._path))


def _same(line: bytes) -> bytes:
    return line


def _unlinked(path: Path) -> int:
    path.unlink(missing_ok=True)
    return 1


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
