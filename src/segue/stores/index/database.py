"""The index's file: opened, locked, and made anew when it is missing, damaged or of another version.

Only one process writes at a time: a `flock` on a file beside it is held around opening, every write, and closing.
SQLite before 3.51.3 can damage a WAL file when two processes write and checkpoint at the same instant; and a lock of our own
never starves. A process that cannot write (a read-only place, a full disk, a lock that another does not give back) works on
a copy in memory: it answers like all others, and what it took in is lost with it.
"""

import fcntl
import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, TypeVar

from segue.stores.index.schema import SCRATCH, TABLES, VERSION

MEMORY: Final = ":memory:"
_LOCK_SECONDS: Final = 5.0
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


class Stale(sqlite3.DatabaseError):
    """The index is sound and of no more use: it is made anew."""


class Database:
    """A connection to the index, and what it takes to have one. Safe between threads; a forked child opens its own."""

    def __init__(self, path: str | Path, lock_seconds: float = _LOCK_SECONDS) -> None:
        """Know where the index is: a file, or MEMORY. Nothing is opened yet."""
        self.path = str(path)
        self.in_memory = self.path == MEMORY
        self.rebuilt = ""
        """Why this process made the index anew; empty where it did not."""
        self.fallback = ""
        """Why this process works on a copy in memory; empty where it does not."""
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
                except (sqlite3.ProgrammingError, sqlite3.InterfaceError):
                    raise
                except sqlite3.Error as e:
                    if attempt == _ATTEMPTS - 1:
                        raise
                    self._mend(e, attempt)
            raise AssertionError("unreachable")

    @contextmanager
    def writing(self, db: sqlite3.Connection) -> Iterator[None]:
        """Hold the write lock, and commit what is done within."""
        with self._flock():
            db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                with suppress(sqlite3.Error):
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
            except (Unwritable, sqlite3.Error):
                _abandoned.append(db)

    def drop(self, why: str) -> None:
        """Make the index anew at its next use."""
        with self._mutex:
            self._discard(why, keep=False)

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
            self._db = self._open_memory() if self.in_memory or self.fallback else self._open_file()
        return self._db

    def _open_file(self) -> sqlite3.Connection:
        with self._flock():
            try:
                os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
                self._inode = Path(self.path).stat().st_ino
            except OSError as e:
                raise Unwritable(e.strerror or "cannot be opened") from e
            db = _connect(self.path)
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
            db.execute("COMMIT")
        elif "meta" not in tables or _version(db) != VERSION:
            raise Stale("it is of another version")
        db.executescript(SCRATCH)

    def _open_memory(self) -> sqlite3.Connection:
        """Return a connection to a copy of the file, or to an empty index where there is none to copy."""
        db = _connect(MEMORY)
        if not self.in_memory:
            with suppress(sqlite3.Error, OSError):
                source = sqlite3.connect(f"file:{_quoted(self.path)}?mode=ro", uri=True, timeout=1)
                try:
                    source.backup(db)
                finally:
                    source.close()
        try:
            self._ensure_tables(db)
        except sqlite3.Error:
            db.close()
            db = _connect(MEMORY)
            self._ensure_tables(db)
        return db

    def _mend(self, error: sqlite3.Error, attempt: int) -> None:
        code = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
        if self.in_memory or self.fallback:
            self._db = None
        elif code in _UNWRITABLE:
            if code in {5, 6} and attempt == 0:
                time.sleep(0.05)
            else:
                self._fall_back(str(error))
        else:
            try:
                self._discard(str(error), keep=not isinstance(error, Stale))
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
                with suppress(sqlite3.Error):
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
            fd = os.open(f"{self.path}.lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
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


def _connect(path: str) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=1, isolation_level=None, check_same_thread=False)
    db.execute("PRAGMA temp_store=MEMORY")
    db.execute("PRAGMA trusted_schema=OFF")
    return db


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
