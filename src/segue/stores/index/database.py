"""The index's file: opened, locked, and made anew when it is missing, damaged or of another version.

Only one process writes at a time: a `flock` on a file beside it is held around opening, every write, and closing.
SQLite before 3.51.3 can damage a WAL file when two processes write and checkpoint at the same instant; and a lock of our own
never starves. A process that cannot write (a read-only place, a full disk, a lock that another does not give back) works on
a copy in memory: it answers like all others, and what it took in is lost with it.

The index of an encrypted store is encrypted: `index.sqlite.<8 hex digits that stand for the key>`. The key is asked for at every
use and again under the lock, so that a process that began before the store was encrypted (or rotated, or decrypted) writes
nothing to the old file any more. Whoever opens an index removes those under other keys and those in the clear, and keeps nothing.
"""

import fcntl
import os
import re
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, TypeVar

from segue.core.errors import StoreUnusableError
from segue.core.log.storekeys import id_of
from segue.stores.index.driver import NO_DRIVER, Driver
from segue.stores.index.schema import SCRATCH, TABLES, VERSION

MEMORY: Final = ":memory:"
_LOCK_SECONDS: Final = 5.0
_ENDS: Final = ("", "-wal", "-shm", "-journal", ".damaged")
"""What follows the file's name in the names of those that belong to it."""
_ATTEMPTS: Final = 4
"""As it is, mended, once more, and on a copy in memory."""
_UNWRITABLE: Final = frozenset({3, 5, 6, 8, 10, 13, 14, 22})
"""SQLite's PERM, BUSY, LOCKED, READONLY, IOERR, FULL, CANTOPEN, NOLFS: the file may be sound, we cannot use it."""
_live: "weakref.WeakSet[Database]" = weakref.WeakSet()
_abandoned: list[object] = []
"""Connections of a parent process: closing one here would work on the parent's files."""

T = TypeVar("T")


class Unwritable(Exception):  # noqa: N818  (not an error of the user's: it never leaves this package)
    """The file cannot be written now."""


class Stale(Exception):  # noqa: N818  (as above)
    """The index is sound and of no more use: it is made anew."""


def no_key() -> str:
    """Return the key of an index in the clear."""
    return ""


class Database:
    """A connection to the index, and what it takes to have one. Safe between threads; a forked child opens its own."""

    def __init__(self, path: str | Path, key: Callable[[], str] = no_key, lock_seconds: float = _LOCK_SECONDS) -> None:
        """Know where the index is: a file, or MEMORY; and what says under which key (64 hex digits; empty: none) it belongs now.

        Nothing is opened yet.
        """
        self._place = str(path)
        self.path = self._place
        """The file under the key that was used last."""
        self.in_memory = self._place == MEMORY
        self.rebuilt = ""
        """Why this process made the index anew; empty where it did not."""
        self.fallback = ""
        """Why this process works on a copy in memory; empty where it does not."""
        self.driver = Driver()
        self._key = key
        self._used = ""
        self._lock_seconds = lock_seconds
        self._mutex = threading.RLock()
        self._db: sqlite3.Connection | None = None
        self._inode = 0
        self._lock_fd = -1
        _live.add(self)

    def use(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Return what *work* makes of a connection. A damaged index is made anew, and *work* is done again."""
        with self._mutex:
            for attempt in range(_ATTEMPTS):
                try:
                    return work(self._connection())
                except Unwritable as e:
                    self._fall_back(str(e))
                except Stale as e:
                    self._renew(str(e), keep=False)
                except self.driver.Misuse:
                    raise
                except self.driver.Error as e:
                    if attempt == _ATTEMPTS - 1:
                        raise
                    self._mend(e, attempt)
            raise StoreUnusableError(f"index {self.path!r} cannot be used: the store changes faster than it is read")

    @contextmanager
    def writing(self, db: sqlite3.Connection) -> Iterator[None]:
        """Hold the write lock, and commit what is done within."""
        with self._flock():
            self._check_key()
            db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                with suppress(self.driver.Error):
                    db.execute("ROLLBACK")
                raise
            db.execute("COMMIT")

    def close(self) -> None:
        """Let go of the file. The last one to close it takes the WAL in, so it is done under the lock."""
        with self._mutex:
            db, self._db = self._db, None
            if db is None:
                return
            try:
                with self._flock():
                    db.close()
            except (Unwritable, self.driver.Error):
                _abandoned.append(db)

    def drop(self, why: str) -> None:
        """Make the index anew at its next use, whoever made the one that is there; one that was damaged goes too."""
        with self._mutex:
            self._inode = 0
            if self._db is None:
                self._take_driver(self._key())
            try:
                with self._flock():
                    self._discard(why, keep=False)
                    if not self.in_memory:
                        Path(f"{self.path}.damaged").unlink(missing_ok=True)
            except OSError as e:
                self._fall_back(f"{e.filename}: {e.strerror}")
            except Unwritable as e:
                self._fall_back(str(e))

    @property
    def hint(self) -> str | None:
        """What would make a copy in memory needless, where that is known."""
        return "pip install 'segue[encryption]'" if self.fallback == NO_DRIVER else None

    def size(self) -> int:
        """Return the bytes of the file and its WAL; 0 in memory."""
        return sum(_size(f"{self.path}{end}") for end in ("", "-wal"))

    def after_fork(self) -> None:
        """In a forked child: nothing of the parent's is ours, and nothing of it may be closed by SQLite."""
        _abandoned.append(self._db)
        self._db, self._mutex = None, threading.RLock()
        if self._lock_fd >= 0:
            os.close(self._lock_fd)
            self._lock_fd = -1

    # --- inside

    def _connection(self) -> sqlite3.Connection:
        if self._db is None:
            self._take_driver(self._key())
            self._db = self._open_memory() if self.in_memory or self.fallback else self._open_file()
        else:
            self._check_key()
        return self._db

    def _check_key(self) -> None:
        if self._key() != self._used:
            raise Stale("the store is under another key now")

    def _take_driver(self, key: str) -> None:
        """Get ready to open the file under *key*; without what that takes, to do without a file."""
        if key != self._used:
            self._used, self.fallback = key, ""
        if self.in_memory:
            return
        self.path = f"{self._place}.{id_of(bytes.fromhex(key))}" if key else self._place
        try:
            self.driver = Driver(key)
        except ImportError:
            self.driver = Driver()
            with suppress(Unwritable), self._flock():
                self._remove_others()
            self.fallback = NO_DRIVER

    def _remove_others(self) -> None:
        """Remove the files of an index in the clear or under another key."""
        place = Path(self._place)
        ours = re.compile(re.escape(place.name) + rf"(\.[0-9a-f]{{8}})?({'|'.join(map(re.escape, _ENDS))})")
        kept = {f"{Path(self.path).name}{end}" for end in _ENDS}
        try:
            for file in place.parent.iterdir():
                if ours.fullmatch(file.name) and file.name not in kept:
                    file.unlink(missing_ok=True)
        except OSError as e:
            raise Unwritable(f"{e.filename}: {e.strerror}") from e

    def _open_file(self) -> sqlite3.Connection:
        with self._flock():
            self._check_key()
            self._remove_others()
            try:
                os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
                self._inode = Path(self.path).stat().st_ino
            except OSError as e:
                raise Unwritable(e.strerror or "cannot be opened") from e
            db = self.driver.connect(self.path)
            try:
                db.execute("PRAGMA journal_mode=WAL")
                db.execute("PRAGMA synchronous=NORMAL")
                self._ensure_tables(db)
            except BaseException:
                db.close()
                raise
            return db

    def _ensure_tables(self, db: sqlite3.Connection) -> None:
        tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master")}
        if not tables:
            db.execute("BEGIN IMMEDIATE")
            for statement in TABLES.split(";"):
                db.execute(statement)
            db.execute("INSERT INTO meta VALUES ('version', ?), ('rebuilt', ?)", (VERSION, self.rebuilt))
            db.execute("INSERT INTO meta VALUES ('entries', 0), ('size', 0)")
            db.execute("COMMIT")
        elif "meta" not in tables or _version(db) != VERSION:
            raise Stale("it is of another version")
        db.executescript(SCRATCH)

    def _open_memory(self) -> sqlite3.Connection:
        """Return a connection to a copy of the file, or to an empty index where there is none to copy."""
        db = self.driver.connect(MEMORY)
        if not self.in_memory:
            with suppress(self.driver.Error, OSError):
                source = self.driver.connect(f"file:{_quoted(self.path)}?mode=ro", uri=True)
                try:
                    source.backup(db)
                finally:
                    source.close()
        try:
            self._ensure_tables(db)
        except (Stale, self.driver.Error):
            db.close()
            db = self.driver.connect(MEMORY)
            self._ensure_tables(db)
        return db

    def _mend(self, error: Exception, attempt: int) -> None:
        code = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
        if self.in_memory or self.fallback:
            self._db = None
        elif code in _UNWRITABLE:
            if code in {5, 6} and attempt == 0:
                time.sleep(0.05)
            else:
                self._fall_back(str(error))
        else:
            self._renew(str(error), keep=True)

    def _renew(self, why: str, *, keep: bool) -> None:
        try:
            self._discard(why, keep=keep)
        except Unwritable as e:
            self._fall_back(str(e))

    def _fall_back(self, why: str) -> None:
        _abandoned.append(self._db)
        self._db, self.fallback = None, why

    def _discard(self, why: str, *, keep: bool) -> None:
        """Take the file away (*keep*: aside, as `.damaged`), unless another process has done it already."""
        db, self._db = self._db, None
        if self.in_memory or self.fallback:
            return
        file = Path(self.path)
        with self._flock():
            if db is not None:
                with suppress(self.driver.Error):
                    db.close()
            try:
                if file.stat().st_ino == self._inode or not self._inode:
                    if keep:
                        file.replace(f"{self.path}.damaged")
                    else:
                        file.unlink()
                    for end in ("-wal", "-shm"):
                        Path(f"{self.path}{end}").unlink(missing_ok=True)
                    self.rebuilt = why
            except FileNotFoundError:
                pass
            except OSError as e:
                raise Unwritable(e.strerror or str(e)) from e

    @contextmanager
    def _flock(self) -> Iterator[None]:
        """Hold the lock beside the file; once is enough within one thread."""
        if self.in_memory or self.fallback or self._lock_fd >= 0:
            yield
            return
        try:
            fd = os.open(f"{self._place}.lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        except OSError as e:
            raise Unwritable(e.strerror or "cannot be locked") from e
        try:
            self._wait(fd)
        except BaseException:
            os.close(fd)
            raise
        self._lock_fd = fd
        try:
            yield
        finally:
            if self._lock_fd == fd:  # not in a child forked meanwhile
                self._lock_fd = -1
                os.close(fd)

    def _wait(self, fd: int) -> None:
        end = time.monotonic() + self._lock_seconds
        pause = 0.001
        while True:
            try:
                return fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as e:
                if time.monotonic() > end:
                    raise Unwritable("another process holds its lock") from e
            except OSError as e:
                raise Unwritable(e.strerror or "cannot be locked") from e
            time.sleep(pause)
            pause = min(pause * 2, 0.05)


def _version(db: sqlite3.Connection) -> str:
    row = db.execute("SELECT value FROM meta WHERE name = 'version'").fetchone()
    return str(row[0]) if row else ""


def _quoted(path: str) -> str:
    from urllib.parse import quote

    return quote(str(Path(path).absolute()))


def _size(path: str) -> int:
    try:
        return Path(path).stat().st_size
    except OSError:
        return 0


def _after_fork() -> None:
    for database in list(_live):
        database.after_fork()


os.register_at_fork(after_in_child=_after_fork)
