"""opencode's database, as two targets: rows of any shape in a sound one, and pages that are damaged.

Rows come as JSON: `{"tables": {<table>: {<column>: <declaration>}}, "rows": [[<table>, {<column>: <value>}], ...]}`. An
object or a list is stored as JSON text, `{"base64": ...}` as bytes, all else as it is. Pages come as the bytes of the database's
length (four, the lowest last), then the database, then its write-ahead log.
"""

import json
import sqlite3
import tempfile
from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path
from random import Random
from typing import Any, Final

from segue.ports import Batch
from segue.testing.transcripts import raw
from segue.transcripts._records import digest, name_of
from segue.transcripts.opencode.reader import OpenCode
from tests.fuzz.mutate import changed, flip, spoil_document
from tests.fuzz.promises import check_draft, put
from tests.fuzz.subjects import excerpts

_TIMES: Final = {"time_created": "integer", "time_updated": "integer"}
_DATA: Final = {"session_id": "text", **_TIMES, "data": "text"}
TABLES: Final = {
    "session": {"id": "text PRIMARY KEY", "parent_id": "text", "directory": "text", "title": "text", "version": "text"}
    | {"revert": "text", "permission": "text", "model": "text", "cost": "real", "tokens_input": "integer", **_TIMES},
    "message": {"id": "text PRIMARY KEY", **_DATA},
    "part": {"id": "text PRIMARY KEY", "message_id": "text", **_DATA},
    "event_sequence": {"aggregate_id": "text PRIMARY KEY", "seq": "integer"},
}
"""What of opencode's tables is read. Its own are more."""
_DECLARATIONS: Final = {"", "text", "integer", "real", "blob", "text PRIMARY KEY", "integer PRIMARY KEY"}
_BEGAN: Final = 1_795_226_900_000
_STEP: Final = 5_000
_PAGE: Final = 512
_HEAD: Final = 64 << 10


def rows_of(export: Mapping[str, Any]) -> dict[str, Any]:
    """Return an export as tables and rows: each record changed five seconds after the one before."""
    info, at = export["info"], _BEGAN
    own = {k: info[k] for k in ("id", "directory", "title", "version", "cost", "revert", "permission", "model") if k in info}
    rows: list[list[Any]] = [["session", own | {"time_created": at, "time_updated": at}]]
    for message in export["messages"]:
        for table, record in (("message", message["info"]), *(("part", part) for part in message["parts"])):
            at += _STEP
            ids = {"id": record["id"], "session_id": info["id"], "time_created": at, "time_updated": at}
            more = {"message_id": message["info"]["id"]} if table == "part" else {}
            data = {k: v for k, v in record.items() if k not in {"id", "sessionID", "messageID"}}
            rows.append([table, ids | more | {"data": data}])
    rows.append(["event_sequence", {"aggregate_id": info["id"], "seq": len(rows)}])
    return {"tables": TABLES, "rows": rows}


def build(told: Any, page: int = 4096) -> bytes:
    """Return the database that *told* describes, as far as SQLite takes it."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        db.execute(f"PRAGMA page_size = {page}")
        tables = told.get("tables") if isinstance(told, dict) else None
        for table, columns in tables.items() if isinstance(tables, dict) else ():
            names = columns.items() if isinstance(columns, dict) else ()
            declared = ", ".join(f"{_name(n)} {d if isinstance(d, str) and d in _DECLARATIONS else ''}" for n, d in names)
            with suppress(sqlite3.Error):
                db.execute(f"CREATE TABLE {_name(table)} ({declared})")
        db.execute("BEGIN")
        rows = told.get("rows") if isinstance(told, dict) else None
        for row in rows if isinstance(rows, list) else ():
            with suppress(sqlite3.Error, ValueError, TypeError, AttributeError):  # a row that SQLite or the form does not take
                table, values = row
                columns = ", ".join(map(_name, values))
                marks = ", ".join(
                    "CAST(? AS TEXT)" if isinstance(v, dict | list | str) and not _bytes(v) else "?" for v in values.values()
                )
                db.execute(f"INSERT INTO {_name(table)} ({columns}) VALUES ({marks})", [_value(v) for v in values.values()])
        db.execute("COMMIT")
        with suppress(sqlite3.Error):  # nothing is in it
            return db.serialize()
    return b""


class Rows:
    """Rows of any shape, in tables of any shape."""

    name = "opencode-rows"
    suffix = ".json"

    def __init__(self) -> None:
        self._reader = OpenCode()

    def seeds(self) -> list[bytes]:
        """See `Target.seeds`."""
        return [json.dumps(rows_of(json.loads(data))).encode() for data in excerpts("opencode")]

    def spoil(self, data: bytes, random: Random, limit: int) -> bytes:
        """See `Target.spoil`."""
        try:
            told = json.loads(data)
            rows = [row for row in told["rows"] if isinstance(row, list) and len(row) == 2]
        except (ValueError, TypeError, LookupError, RecursionError):
            return spoil_document(data, random, limit)
        for _ in range(random.randint(1, 6)):
            row = random.choice(rows) if rows and random.random() < 0.9 else None
            if row is None:
                told = changed(told, random)
                break
            row[1] = changed(row[1], random)
        return json.dumps(told, ensure_ascii=random.random() < 0.5).encode("utf-8", "surrogatepass")[:limit]

    def check(self, data: bytes, directory: Path) -> None:
        """See `Target.check`. A row that was changed after the last reading is read when reading goes on."""
        try:
            told = json.loads(data)
        except (ValueError, RecursionError):
            told = None
        database = build(told)
        file = directory / "opencode.db"
        split = _split(database, sum(data))
        put(file, split)
        before = {address: _read(self._reader, address, foreign) for address, foreign in self._reader.sessions(str(file))}
        put(file, database)
        for address, whole in _check(self._reader, file, database).items():
            foreign = self._reader.identify(address, database[:_HEAD])
            if sum(data) % 4 == 0:
                assert _read(self._reader, address, foreign) == whole, "reading twice gives something else"
            if "#" not in Path(address).name:
                continue
            position = whole[-1].position if whole else None
            assert position is None or _read(self._reader, address, foreign, position) == [], "what was read is read again"
            _check_every_row_is_accounted_for(database, address.rpartition("#")[2], whole)
            if first := before.get(address):
                more = _read(self._reader, address, foreign, first[-1].position)
                assert _kept(whole) <= _kept(first) | _kept(more), "in two steps something is lost"


class Pages:
    """A database with damaged pages, and a write-ahead log that may be damaged, missing or another's."""

    name = "opencode-pages"
    suffix = ".db"

    def __init__(self) -> None:
        self._reader = OpenCode()

    def seeds(self) -> list[bytes]:
        """See `Target.seeds`."""
        return [packed(*with_log(rows_of(json.loads(data)))) for data in excerpts("opencode")[:2]]

    def spoil(self, data: bytes, random: Random, limit: int) -> bytes:
        """See `Target.spoil`: as disks do, in whole pages and in sectors; bits; and numbers in a page's head."""
        size = int.from_bytes(data[:4], "big")
        parts = [bytearray(data[4 : 4 + size]), bytearray(data[4 + size :])]
        for _ in range(random.randint(1, 4)):
            part = parts[random.random() < 0.3]
            pages = max(len(part) // _PAGE, 1)
            at = random.randrange(pages) * _PAGE
            way = random.randrange(7)
            if way == 0:
                part[at : at + _PAGE] = bytes(_PAGE)
            elif way == 1:
                other = random.randrange(pages) * _PAGE
                part[at : at + _PAGE] = part[other : other + _PAGE]
            elif way == 2:
                del part[random.choice([at, random.randrange(len(part) + 1)]) :]
            elif way == 3:
                half = at + random.randrange(_PAGE)
                part[half : at + _PAGE] = bytes(max(0, min(at + _PAGE, len(part)) - half))
            elif way == 4:
                part[:] = flip(bytes(part), random)
            elif way == 5 and part:
                part[min(at + random.randrange(100), len(part) - 1)] = random.choice([0, 1, 2, 5, 10, 13, 127, 128, 255])
            else:
                part[:] = part * random.randrange(2)
        return packed(bytes(parts[0]), bytes(parts[1]))[:limit]

    def check(self, data: bytes, directory: Path) -> None:
        """See `Target.check`. Neither file is touched, and nothing is left beside them."""
        size = int.from_bytes(data[:4], "big")
        database, log = data[4 : 4 + size], data[4 + size :]
        file = directory / "opencode.db"
        put(file, database)
        beside = file.with_name("opencode.db-wal")
        put(beside, log) if log else beside.unlink(missing_ok=True)
        _check(self._reader, file, database)
        assert (beside.read_bytes() if beside.exists() else b"") == log, "the agent's log was touched"


def with_log(told: Mapping[str, Any]) -> tuple[bytes, bytes]:
    """Return a database and its write-ahead log, in which its latter half still stands."""
    half = len(told["rows"]) // 2
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "opencode.db"
        file.write_bytes(build({**told, "rows": told["rows"][:half]}, _PAGE))
        with closing(sqlite3.connect(file, isolation_level=None)) as db:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA wal_autocheckpoint = 0")
            for table, values in told["rows"][half:]:
                marks = ", ".join("?" * len(values))
                db.execute(f"INSERT INTO {table} ({', '.join(values)}) VALUES ({marks})", [_plain(v) for v in values.values()])
            return file.read_bytes(), file.with_name("opencode.db-wal").read_bytes()


def packed(database: bytes, log: bytes) -> bytes:
    """Return both as one input."""
    return len(database).to_bytes(4, "big") + database + log


# --- promises


def _check(reader: OpenCode, file: Path, database: bytes) -> dict[str, list[Batch]]:
    """Return all that is in a database, whatever it is. It stays as it was, and nothing comes to lie beside it."""
    assert isinstance(reader.sniff(str(file), database[:_HEAD]), bool)
    assert isinstance(reader.stamp(f"{file}#ses_x"), str)
    found = {}
    for address, foreign in reader.sessions(str(file)):
        assert reader.identify(address, database[:_HEAD]) == foreign
        found[address] = _read(reader, address, foreign)
        for batch in found[address]:
            for draft in batch.drafts:
                check_draft(draft)
    assert file.read_bytes() == database, "the agent's database was touched"
    left = {path.name for path in file.parent.iterdir()} - {file.name, f"{file.name}-wal"}
    assert left == set(), f"left beside the agent's database: {left}"
    return found


def _check_every_row_is_accounted_for(database: bytes, session: str, found: Sequence[Batch]) -> None:
    """Each row of a session is a record, or a loss that names it."""
    drafts = [draft for batch in found for draft in batch.drafts]
    told = {draft.body["where"].partition("#")[2] for draft in drafts if draft.kind == "loss"}
    records = {raw(draft).partition(b',"sessionID"')[0] for draft in drafts if {"raw", "raw_b64"} & set(draft.source or {})}
    for table, identity in _rows(database, session):
        lost = name_of({"id": identity}, "id") or f"@{digest(identity.encode('utf-8', 'replace'))}"
        named = lost in told or table in told or b'{"id":' + json.dumps(identity).encode() in records
        assert named, f"a row of {table!r} is lost without a word: {identity[:200]!r}"


def _rows(database: bytes, session: str) -> Iterator[tuple[str, str]]:
    with closing(sqlite3.connect(":memory:")) as db:
        db.deserialize(database)
        db.text_factory = lambda data: data.decode("utf-8", "replace")
        for table in ("message", "part"):
            columns = {row[1] for row in db.execute(f"PRAGMA table_info({table})")}
            if {"id", "session_id", "data"} <= columns:
                for identity, owner in db.execute(f"SELECT id, session_id FROM {table}").fetchall():
                    if owner == session and isinstance(identity, str) and identity:
                        yield table, identity


def _split(database: bytes, number: int) -> bytes:
    """Return the database as it was before its latest changes, at a place that *number* tells."""
    if not database:
        return b""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        db.deserialize(database)
        times: list[int] = []
        for table in ("message", "part"):
            with suppress(sqlite3.Error):
                found = db.execute(f"SELECT time_updated FROM {table} WHERE typeof(time_updated) = 'integer'")
                times += [time for (time,) in found if time > 0]
        if not times:
            return database
        since = sorted(times)[number % len(times)]
        for table in ("message", "part"):
            with suppress(sqlite3.Error):
                db.execute(f"DELETE FROM {table} WHERE typeof(time_updated) = 'integer' AND time_updated >= ?", (since,))
        return db.serialize()


def _read(reader: OpenCode, address: str, foreign: str, position: Mapping[str, Any] | None = None) -> list[Batch]:
    return [batch for batch in reader.read(address, foreign, json.loads(json.dumps(position))) if batch.drafts or batch.noted]


def _kept(found: Sequence[Batch]) -> set[bytes]:
    return {raw(d) for batch in found for d in batch.drafts if {"raw", "raw_b64"} & set(d.source or {}) and d.kind != "loss"}


# --- values


def _name(name: Any) -> str:
    return '"' + str(name).replace('"', '""').replace("\0", "").encode("utf-8", "replace").decode() + '"'


def _bytes(value: Any) -> bool:
    return isinstance(value, dict) and set(value) == {"base64"} and isinstance(value["base64"], str)


def _value(value: Any) -> Any:
    """Return what is stored: text as bytes that are taken for text, since not all of it is UTF-8."""
    if _bytes(value):
        return b64decode(value["base64"] + "==", validate=False)
    if isinstance(value, dict | list):
        return json.dumps(value).encode()
    if isinstance(value, str):
        return value.encode("utf-8", "surrogatepass")
    return value if not isinstance(value, int) or -(2**63) <= value < 2**63 else float(value)


def _plain(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, dict | list) else value
