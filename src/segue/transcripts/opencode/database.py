"""opencode's database: read only, in short reads, never in the agent's way; also where it is damaged or of another version.

Its tables (1.2 to 1.18): `session`, `message` and `part`, the latter two with their record as JSON in `data`; every row
tells when it was changed last. A row that cannot be read is named, and hides no other.
"""

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import quote

_TABLES: Final = frozenset({"session", "message", "part"})
NEWER: Final = "session_message"
"""A table of messages in another form: empty in 1.18.33, for versions to come."""
_WAIT = 2.0
"""Seconds that another program's lock is waited for: in WAL mode, as opencode has it, there is none to wait for."""
_TEXTS: Final = frozenset({"id", "message_id", "session_id", "parent_id"})

BROKEN: Final = (sqlite3.Error, UnicodeDecodeError, OverflowError, MemoryError)
"""What the driver raises where a database is damaged: names of columns can be as well, and lengths."""

Row = dict[str, Any]
"""A row by its columns; text as bytes, except ids."""


class Listed(NamedTuple):
    """A row of `message` or `part`, without its data."""

    table: str
    rowid: int
    id: str
    message: str
    """The id of the message, itself or the one that it is a part of."""
    updated: int


class Flaw(NamedTuple):
    """What of a database cannot be read, and why."""

    where: str
    reason: str


class Database:
    """An open database. Close it."""

    def __init__(self, path: str) -> None:
        """Open the database at *path*, which need not be sound.

        Raises:
            OSError: there is no such file, or it cannot be opened.
        """
        self.path = path
        self.flaws: list[Flaw] = []
        self._known: dict[str, frozenset[str]] = {}
        self._copy: tempfile.TemporaryDirectory[str] | None = None
        with Path(path).open("rb"):
            pass
        self._db = self._open()

    def close(self) -> None:
        """Close it, and remove what was copied."""
        self._db.close()
        if self._copy is not None:
            self._copy.cleanup()

    def is_ours(self) -> bool:
        """Return whether it has the tables of opencode's sessions."""
        return {"session_id", "data"} <= self._columns("message") and {"message_id", "data"} <= self._columns("part")

    def sessions(self) -> list[tuple[str, str | None]]:
        """Return each session's id and that of the one which began it, or None: those that were begun by nobody first."""
        has = self._columns("session")
        found: dict[str, str | None] = {}
        if "id" in has:
            parent = "parent_id" if "parent_id" in has else "NULL"
            order = "time_created" if "time_created" in has else "rowid"
            rows = self._scan(f"SELECT id, {parent} FROM session", order, "session")  # noqa: S608  (names of ours)
            found = {_id(i): _id(p) or None for i, p in rows if _id(i)}
        else:
            self._other("session")
        if (self.flaws or not found) and "session_id" in self._columns("message"):  # those whose own row is lost
            for (told,) in self._scan("SELECT session_id FROM message", "rowid", "message"):
                found.setdefault(_id(told), None)
            found.pop("", None)
        return sorted(found.items(), key=lambda item: item[1] is not None)

    def sequence(self) -> dict[str, int]:
        """Return how many events each session has had, by opencode's own count; empty for versions without one."""
        if not {"aggregate_id", "seq"} <= self._columns("event_sequence"):
            return {}
        with suppress(*BROKEN):
            counted = self._db.execute("SELECT aggregate_id, seq FROM event_sequence")
            return {_id(i): n for i, n in counted if isinstance(n, int)}
        return {}

    def session(self, session: str) -> Row | None:
        """Return a session's own row, or None."""
        if "id" not in self._columns("session"):
            self._other("session")
            return None
        return self._one("session", "id = ?", session)

    def rows(self, session: str) -> list[Listed]:
        """Return a session's rows as the conversation has them: each message, then its parts."""
        messages = self._listed(session, "message", "id")
        parts = self._listed(session, "part", "message_id")
        below: dict[str, list[Listed]] = {}
        for part in sorted(parts, key=lambda row: row.id):
            below.setdefault(part.message, []).append(part)
        found: list[Listed] = []
        for message in messages:
            found += [message, *below.pop(message.id, ())]
        found += [part for lost in below.values() for part in lost]
        if {"id", "session_id", "data"} <= self._columns(NEWER):
            found += self._listed(session, NEWER, "id")
        return found

    def row(self, listed: Listed) -> Row | None:
        """Return the row that was *listed*; None where it is gone meanwhile or cannot be read, which is noted in `flaws`."""
        return self._one(listed.table, "rowid = ?", listed.rowid, listed.id)

    def weight(self, session: str) -> int:
        """Return the bytes of a session's messages and parts, as far as they can be read."""
        total = 0
        for table in ("message", "part"):
            with suppress(*BROKEN):
                sql = f"SELECT sum(length(CAST(data AS BLOB))) FROM {table} WHERE session_id = ?"  # noqa: S608  (a name of ours)
                total += int(self._db.execute(sql, (session,)).fetchone()[0] or 0)
        return total

    def size(self, listed: Listed) -> int:
        """Return the bytes of a row's data."""
        with suppress(*BROKEN):
            sql = f"SELECT length(CAST(data AS BLOB)) FROM {listed.table} WHERE rowid = ?"  # noqa: S608  (a name of ours)
            return int((self._db.execute(sql, (listed.rowid,)).fetchone() or (0,))[0] or 0)
        return 0

    def pieces(self, listed: Listed, size: int) -> Iterator[bytes]:
        """Yield a row's data in pieces of *size* bytes."""
        sql = f"SELECT substr(CAST(data AS BLOB), ?, ?) FROM {listed.table} WHERE rowid = ?"  # noqa: S608  (a name of ours)
        at = 1
        while True:
            try:
                piece = (self._db.execute(sql, (at, size, listed.rowid)).fetchone() or (b"",))[0]
            except BROKEN as e:
                self._flaw(listed.id, e)
                return
            if not piece:
                return
            yield piece
            at += size

    # --- inside

    def _open(self) -> sqlite3.Connection:
        """Return the connection: to the file as it is, or to a copy where it cannot be opened read only."""
        wal = Path(f"{self.path}-wal")
        with suppress(OSError):
            if not wal.exists() or not wal.stat().st_size:  # nothing is in it: and none is to be created by us
                return self._connect(self.path, "mode=ro&immutable=1")
            if not Path(f"{self.path}-shm").exists():  # nobody has it open: nor is that to be created
                return self._copied()
        db = self._connect(self.path, "mode=ro")
        try:
            db.execute("SELECT 1 FROM sqlite_master").fetchone()
        except sqlite3.OperationalError:
            db.close()
            return self._copied()
        except BROKEN:
            pass  # damaged: what can be read of it is
        return db

    def _copied(self) -> sqlite3.Connection:
        """Return a connection to a copy."""
        self._copy = tempfile.TemporaryDirectory(prefix="segue-")
        for suffix in ("", "-wal"):
            with suppress(FileNotFoundError):
                shutil.copyfile(f"{self.path}{suffix}", f"{self._copy.name}/copy.db{suffix}")
        return self._connect(f"{self._copy.name}/copy.db", "mode=ro")

    def _connect(self, path: str, how: str) -> sqlite3.Connection:
        db = sqlite3.connect(f"file:{quote(path)}?{how}", uri=True, timeout=_WAIT, isolation_level=None, check_same_thread=False)
        db.text_factory = bytes
        with suppress(*BROKEN):
            db.execute("PRAGMA query_only = 1")
            db.execute("PRAGMA trusted_schema = 0")  # a schema is the agent's, or whoever's that wrote it
            db.execute("PRAGMA writable_schema = 1")  # a file that was cut short is read as far as it goes
        return db

    def _columns(self, table: str) -> frozenset[str]:
        """Return a table's columns, but for those that are worked out when they are read. A view is no table: it is a program."""
        if table not in self._known:
            self._known[table] = frozenset()
            kind = "SELECT type FROM sqlite_master WHERE lower(name) = ? AND (type <> 'table' OR sql LIKE 'CREATE VIRTUAL%')"
            try:
                if not self._db.execute(kind, (table,)).fetchone():
                    self._known[table] = frozenset(_id(row[1]) for row in self._db.execute(f"PRAGMA table_info({table})"))
            except BROKEN as e:
                self._flaw(table, e)
        return self._known[table]

    def _listed(self, session: str, table: str, message: str) -> list[Listed]:
        has = self._columns(table)
        if not {"id", "session_id", message} <= has:
            self._other(table)
            return []
        updated = "time_updated" if "time_updated" in has else "0"
        order = "time_created, id" if "time_created" in has else "id"
        sql = f"SELECT rowid, id, {message}, {updated} FROM {table} WHERE session_id = ?"  # noqa: S608  (names of ours)
        found = self._scan(sql, order, table, session)
        return [Listed(table, n, _id(i), _id(m), max(u, 0) if isinstance(u, int) else 0) for n, i, m, u in found if _id(i)]

    def _scan(self, sql: str, order: str, table: str, *values: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query; where the table is damaged, those before and those behind the damage."""
        try:
            return self._db.execute(f"{sql} ORDER BY {order}", values).fetchall()
        except BROKEN as e:
            self._flaw(table, e)
        sql = sql.replace(f"FROM {table}", f"FROM {table} NOT INDEXED")
        found: dict[tuple[Any, ...], None] = {}
        for direction in ("ASC", "DESC"):
            behind: list[tuple[Any, ...]] = []
            with suppress(*BROKEN), closing(self._db.execute(f"{sql} ORDER BY rowid {direction}", values)) as rows:
                for row in rows:
                    behind.append(row)  # noqa: PERF402  (what was read before the error stays)
            found.update(dict.fromkeys(behind if direction == "ASC" else reversed(behind)))
        return list(found)

    def _one(self, table: str, where: str, value: Any, name: str = "") -> Row | None:
        try:
            columns = [name for name in self._columns(table) if "\ufffd" not in name]
            quoted = ", ".join(f'"{name.replace(chr(34), chr(34) * 2)}"' for name in sorted(columns))
            cursor = self._db.execute(f"SELECT {quoted} FROM {table} WHERE {where}", (value,))  # noqa: S608
            row = cursor.fetchone()
        except BROKEN as e:
            self._flaw(name or value, e)
            return None
        if row is None:
            return None
        return {c[0]: _id(v) if c[0] in _TEXTS and v is not None else v for c, v in zip(cursor.description, row, strict=True)}

    def _other(self, table: str) -> None:
        self.flaws.append(Flaw(table, f"the table {table!r} is missing, or has other columns"))

    def _flaw(self, where: str, error: Exception) -> None:
        self.flaws.append(Flaw(where, f"damaged database: {str(error) or type(error).__name__}"))


def _id(value: Any) -> str:
    """Return an id as text; empty where it is none."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    return value if isinstance(value, str) else ""
