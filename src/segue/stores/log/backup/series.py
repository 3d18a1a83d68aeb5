"""The backups of one store: taking them, letting old ones go, finding them."""

import errno
import os
import re
import shutil
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path

from segue.core.errors import DamagedError, NotFoundError, SegueError, StoreUnusableError, UsageError
from segue.core.log.needles import Needle
from segue.core.log.times import stamp
from segue.ports import Clock, Finding, Ids
from segue.ports.backups import Backup, Beside, Progress, RestoredStore
from segue.ports.keys import Keys
from segue.stores.log import files, locks
from segue.stores.log.backup import manifest as manifests
from segue.stores.log.backup.capture import Capture
from segue.stores.log.backup.checking import Checking, logs_of
from segue.stores.log.backup.clearing import Clearing, clear_backup, finish_clearing
from segue.stores.log.backup.copying import Copying, is_whole
from segue.stores.log.backup.manifest import BESIDE, STORE, Manifest
from segue.stores.log.backup.restoring import restore
from segue.stores.log.locks import BusyError
from segue.stores.log.place import open_place
from segue.stores.log.scopes import Scopes

_NAME = re.compile(r"(\d{6,})-[0-9TZ]+\Z")
_TAKING, _GOING, _LOCK = ".taking-", ".going-", "lock"
PATIENCE = 30.0
"""Seconds that who reads a backup waits for who changes some."""


class Series:
    """The backups of the store at one path, in one place. Passes for `ports.Backups`."""

    def __init__(
        self,
        store: Path,
        place: Path,
        *,
        keep: int,
        clock: Clock,
        ids: Ids,
        progress: Progress | None = None,
        keys: Keys | None = None,
        beside: Beside | None = None,
    ) -> None:
        """Name them; nothing is made or looked at yet.

        Args:
            store: the directory of the store.
            place: where backups are, of this store and of others.
            keep: so many backups stay.
            clock: for the times in names and manifests; the order is that of the numbers.
            ids: for reading logs; no id is made.
            progress: is told how far it is.
            keys: give the key where the store is encrypted; a backup of it is too.
            beside: what is kept beside the store and belongs into its backups.
        """
        self._beside = beside
        self._keys = keys
        self._store, self._place, self._keep = store.absolute(), place.absolute(), max(keep, 1)
        self._clock, self._ids, self._progress = clock, ids, progress or _quiet
        self.url = f"log://{self._store}"
        name = re.sub(r"[^A-Za-z0-9._-]+", "-", self._store.name).strip(".-") or "store"
        self.directory = self._place / f"{name[:40]}-{blake2b(self.url.encode(), digest_size=4).hexdigest()}"

    def take(self, *, anew: bool = False) -> Backup:
        """See `Backups.take`."""
        try:
            if self._place.is_relative_to(self._store):
                raise UsageError(
                    f"backups cannot be kept in the store {str(self._store)!r} itself", hint="give another: --to DIR"
                )
            with self._alone():
                return self._take(anew=anew)
        except OSError as e:
            if e.errno is None:
                raise
            raise files.refusal("backup", e) from e

    def all(self) -> list[Backup]:
        """See `Backups.all`."""
        others = sorted(p for p in _entries(self._place) if p != self.directory and p.is_dir())
        return [manifests.about(path) for series in (self.directory, *others) for path in reversed(_listed(series))]

    def last(self) -> Backup | None:
        """See `Backups.last`."""
        found = (manifests.about(path) for path in reversed(_listed(self.directory)))
        return next((one for one in found if not one.damaged), None)

    def tried(self) -> float:
        """See `Backups.tried`."""
        try:
            return (self.directory / _LOCK).stat().st_mtime
        except OSError:
            return 0.0

    def check(self, name: str) -> Backup:
        """See `Backups.check`."""
        with self._still():
            return self._checked(name)

    def bring_back(self, name: str, wanted: Collection[str]) -> set[str]:
        """See `Backups.bring_back`."""
        with self._still():
            backup = self._checked(name)
            if self._beside is None or not backup.snapshots:
                return set()
            return self._beside.bring_back(str(Path(backup.path) / BESIDE), wanted)

    def restore(self, name: str, to: str | None = None) -> RestoredStore:
        """See `Backups.restore`."""
        target = Path(to).absolute() if to else self._store
        with self._still():
            backup = self._checked(name)
            try:
                path, aside = restore(Path(backup.path), target, self._clock, self._ids, self._progress, self._keys)
            except OSError as e:
                raise files.refusal(f"store {str(target)!r}", e) from e
        return RestoredStore(backup, str(path), str(aside or ""))

    def clear(self, needle: Needle, erased: Collection[str], holds: Callable[[Path], bool]) -> int:
        """Erase in every backup of the store what *needle* finds and the events of the digests *erased*; return how many files.

        *holds* tells whether the directory of what is kept beside the store holds something: that goes as a whole.

        A backup is made anew beside itself, linked but for what changes, verified, and put in its own place. Repeatable.
        Raises BusyError while one is taken.
        """
        if not self.directory.is_dir():
            return 0
        with self._alone():
            made: dict[str, Path] = {}
            return sum(clear_backup(path, Clearing(needle, erased, self._keys, holds, made)) for path in _listed(self.directory))

    def own(self) -> list[Path]:
        """Return the backups of this store, oldest first, and what is left of unfinished ones."""
        return sorted(path for path in _entries(self.directory) if path.is_dir())

    # --- inside

    def _checked(self, name: str) -> Backup:
        backup = self._find(name)
        if backup.damaged:
            raise DamagedError(f"backup {backup.name!r}", backup.damaged)
        check_bytes(Path(backup.path), manifests.read(Path(backup.path)), self._progress)
        self._check_beside(Path(backup.path) / BESIDE, f"backup {backup.name!r}")
        return backup

    def _take(self, *, anew: bool) -> Backup:
        if not (self._store / "format.json").is_file():
            raise NotFoundError("store", str(self._store), hint="segue doctor")
        listed = _listed(self.directory)
        before = None if anew else self._before(listed)
        target = self.directory / f"{_TAKING}{os.getpid()}-{os.urandom(4).hex()}"
        target.mkdir(mode=files.DIR_MODE)
        try:
            self._fill(target, before, anew=anew)
            published = target.rename(self.directory / self._next(listed))
        except BaseException:
            shutil.rmtree(target, ignore_errors=True)
            raise
        files.sync_dir(self.directory)
        for path in [*listed, published][: -self._keep]:
            _let_go(path)
        return manifests.about(published)

    def _before(self, listed: list[Path]) -> tuple[Path, Manifest] | None:
        """Return the last backup whose manifest is whole."""
        for path in reversed(listed):
            try:
                return path / STORE, manifests.read(path)
            except SegueError:
                continue
        return None

    def _fill(self, target: Path, before: tuple[Path, Manifest] | None, *, anew: bool) -> None:
        at = stamp(self._clock.now())
        path = target / STORE
        copying = Copying(path, before)
        live = logs_of(self._store, self._clock, self._ids, self._keys)
        live.env.sync = files.system_sync  # what is copied is durable
        try:
            Capture(self._store, live, Scopes(self._store / "scopes", live), copying).run(
                lambda done, of: self._progress("copying", done, of)
            )
        finally:
            live.close()
        copying.read_back()
        (path / "sessions").mkdir(mode=files.DIR_MODE, exist_ok=True)
        open_place(path)
        logs = logs_of(path, self._clock, self._ids, self._keys)
        checking = Checking(copying, logs, before[1] if before else None)
        try:
            _refuse(list(checking.run(lambda done, of: self._progress("verifying", done, of))))
        finally:
            logs.close()
        beside = self._copy_beside(target / BESIDE, before)
        if before and before[1].beside and not beside.files and self._beside is not None:  # without *anew*
            raise _not_whole("store", "those that the last backup has are gone")
        if not anew:
            self._check_beside(target / BESIDE, "store")
        manifest = Manifest(self.url, at, copying.files, checking.tips, beside.files)
        manifests.write(target, manifest, events=checking.events, copied=copying.copied + beside.copied)
        files.sync_dir(target)

    def _copy_beside(self, target: Path, before: tuple[Path, Manifest] | None) -> Copying:
        """Copy what is kept beside the store. After the logs: it is durable before the events that name it."""
        copying = Copying(target, (before[0].parent / BESIDE, before[1]._replace(files=before[1].beside)) if before else None)
        if self._beside is not None:
            with self._beside.captured() as found:
                for name, source in sorted(found.items()):
                    copying.take(Path(source), name)
            copying.read_back()
        return copying

    def _check_beside(self, copy: Path, where: str) -> None:
        reason = self._beside.check(str(copy)) if self._beside is not None and copy.is_dir() else ""
        if reason:
            raise _not_whole(where, reason)

    def _next(self, listed: list[Path]) -> str:
        number = max((int(path.name.partition("-")[0]) for path in listed), default=0) + 1
        return f"{number:06d}-{datetime.fromtimestamp(max(self._clock.now(), 0), UTC):%Y%m%dT%H%M%SZ}"

    def _find(self, name: str) -> Backup:
        if name == "last":
            found = self.last()
            if found is None:
                raise NotFoundError("backup", name, hint="segue backup list")
            return found
        path = Path(name).absolute()
        if (path / manifests.NAME).is_file():
            return manifests.about(path)
        number = f"{int(name):06d}-" if name.isascii() and name.isdigit() else name
        fits = [one for one in self.all() if one.name.startswith(number)]
        own = [one for one in fits if Path(one.path).parent == self.directory]
        if not (own or fits) or len(own or fits) > 1:
            raise NotFoundError("backup", name, hint="segue backup list")
        return (own or fits)[0]

    @contextmanager
    def _still(self) -> Iterator[None]:
        """Keep others from changing the backups while they are read, together with other readers. Raises BusyError."""
        lock = locks.LogLock(self.directory / _LOCK, PATIENCE)
        with ExitStack() as held:
            held.callback(lock.close)
            try:
                held.enter_context(lock.shared())
            except BusyError as e:
                raise BusyError("backups cannot be read: another process is changing them", hint="segue backup list") from e
            except (FileNotFoundError, StoreUnusableError):
                pass  # none was taken yet, or it is a place without locks, where nobody changes any
            yield

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Be the only one who takes a backup here, and clear what a crash left."""
        self._place.mkdir(mode=files.DIR_MODE, parents=True, exist_ok=True)
        files.make_dir(self.directory)
        fd = locks.try_lock(self.directory / _LOCK)
        if fd is None:
            raise BusyError("backup cannot be taken: another process takes one now", hint="segue backup list")
        try:
            os.utime(fd, (self._clock.now(), self._clock.now()))
            finish_clearing(self.directory)
            for path in _entries(self.directory):
                if path.name.startswith((_TAKING, _GOING)):
                    shutil.rmtree(path, ignore_errors=True)
            yield
        finally:
            os.close(fd)


def check_bytes(backup: Path, manifest: Manifest, progress: Progress) -> None:
    """Compare every byte of a backup with its manifest. Raises DamagedError, which names the first files that differ."""
    bad = []
    found = {f"{STORE}/{name}": copied for name, copied in manifest.files.items()}
    found |= {f"{BESIDE}/{name}": copied for name, copied in manifest.beside.items()}
    for done, (name, expected) in enumerate(sorted(found.items())):
        progress("verifying", done, len(found))
        if not is_whole(backup / name, expected):
            bad.append(name.removeprefix(f"{STORE}/"))
    if bad:
        shown = ", ".join(bad[:3]) + (f" and {len(bad) - 3} more" if len(bad) > 3 else "")
        raise DamagedError(f"backup {backup.name!r}", f"not as they were written: {shown}", files=bad[:100])


def _not_whole(where: str, reason: str) -> DamagedError:
    error = DamagedError(where, f"snapshots of workspaces are not whole: {reason}")
    error.hint = "segue recover brings them back; if what is missing may be missing: segue backup --anew"
    return error


def _refuse(findings: list[Finding]) -> None:
    if not findings:
        return
    first = findings[0]
    more = f" (and {len(findings) - 1} more findings)" if len(findings) > 1 else ""
    where = f"session {first.session!r}, {first.where}" if first.session else first.where
    error = DamagedError("store", f"{where}: {first.reason}{more}; no backup was taken, the earlier ones stay")
    error.hint = "segue recover brings it back; if what is missing may be missing: segue backup --anew"
    raise error


def _listed(directory: Path) -> list[Path]:
    """Return the backups of a series, oldest first."""
    found = [(int(match[1]), path) for path in _entries(directory) if (match := _NAME.match(path.name))]
    return [path for _, path in sorted(found)]


def _entries(directory: Path) -> list[Path]:
    try:
        return list(directory.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []


def _let_go(path: Path) -> None:
    """Take a backup away: from the first step on it is none, whatever comes between."""
    try:
        going = path.rename(path.with_name(f"{_GOING}{path.name}"))
    except OSError as e:
        if e.errno == errno.ENOENT:
            return
        raise
    shutil.rmtree(going, ignore_errors=True)


def _quiet(_what: str, _done: int, _of: int) -> None:
    """Is told, and shows nothing."""
