"""What opens the index's file: SQLite as Python has it, or under a key SQLCipher, which encrypts every page, of the WAL too."""

import sqlite3
from importlib import import_module
from typing import Any, Final

PLAIN: Final = "sqlite3"
ENCRYPTED: Final = "sqlcipher3.dbapi2"
"""Of the same interface, but an exception of the one is none of the other."""
NO_DRIVER: Final = "sqlcipher3 is not installed, and the index of an encrypted store is never written in the clear"


class Driver:
    """A way to open databases under one key. With the key `` (none) they are in the clear."""

    def __init__(self, key: str = "") -> None:
        """Take the *key*, 64 hex digits or none. Raises ImportError: with a key it takes sqlcipher3, which is not installed."""
        self.key = key
        self._library: Any = import_module(ENCRYPTED if key else PLAIN)
        self.Error: type[Exception] = self._library.Error
        """What goes wrong with a file."""
        self.Misuse: tuple[type[Exception], ...] = (self._library.ProgrammingError, self._library.InterfaceError)
        """What goes wrong with a program: errors too, but a new file helps against none."""
        self.version: tuple[int, ...] = self._library.sqlite_version_info

    def connect(self, path: str, *, uri: bool = False) -> sqlite3.Connection:
        """Return a connection; nothing of the file is read yet. The key is used as it is: opening takes 0.2 ms, not 200."""
        db: sqlite3.Connection = self._library.connect(path, timeout=1, isolation_level=None, check_same_thread=False, uri=uri)
        if self.key:
            db.execute("PRAGMA cipher_log_level=NONE")  # it would write to stderr what is an exception as well
            db.execute(f"PRAGMA key = \"x'{self.key}'\"")
        db.execute("PRAGMA temp_store=MEMORY")
        db.execute("PRAGMA trusted_schema=OFF")
        return db
