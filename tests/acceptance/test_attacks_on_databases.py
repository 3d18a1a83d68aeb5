"""opencode's database, damaged, locked and hostile: what is intact is read, what is lost is named, and it stays as it was."""

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.unit.transcripts.opencode_files import Store

EXPORT = json.loads((Path(__file__).parents[1] / "fixtures" / "transcripts" / "opencode" / "export-plan.json").read_text())
SESSION = EXPORT["info"]["id"]
ROWS = {record["id"] for message in EXPORT["messages"] for record in (message["info"], *message["parts"])}
PAGE = 4096
HOLDS = """
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("PRAGMA locking_mode = EXCLUSIVE")
db.execute("BEGIN EXCLUSIVE")
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def cli(tmp_path):
    return Cli(tmp_path)


@pytest.fixture
def database(tmp_path):
    (tmp_path / "agent").mkdir()
    found = Store(tmp_path / "agent" / "opencode.db")
    found.whole(EXPORT)
    return found


def files(database):
    """Return what lies in the agent's directory, byte for byte."""
    return {path.name: path.read_bytes() for path in database.path.parent.iterdir() if not path.name.endswith("-shm")}


def rows(cli, taken):
    """Return the ids of the rows that are in the log, losses left out."""
    told = [json.loads(line) for s in taken["sessions"] for line in cli("log", s["id"], "--json").out.splitlines()]
    sources = [event["source"] for event in told if event.get("source") and event["kind"] != "loss"]
    return {source["record"].partition(":")[0] for source in sources} - {SESSION}


def take(cli, database):
    """Import it twice: what was found, and that the second time nothing was added and nothing of it was touched."""
    before = files(database)
    first = cli("import", str(database.path), "--json")
    again = cli("import", str(database.path), "--json")
    assert (first.code, again.code) == (0, 0)
    assert sum(s["new_events"] for s in again.json["sessions"]) == 0
    assert files(database) == before
    return first.json


def losses(taken):
    return [loss["reason"] for s in taken["sessions"] for loss in s["losses"]] + [
        loss["reason"] for loss in taken.get("losses", [])
    ]


# --- damage


@pytest.mark.parametrize("half", [512, 2048])
def test_a_torn_page_hides_no_row_that_stands_on_another(cli, database, half):
    with closing(sqlite3.connect(database.path)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        db.execute("PRAGMA journal_mode = DELETE")
        leaf = db.execute("SELECT rootpage FROM sqlite_master WHERE name = 'part'").fetchone()[0]
    data = bytearray(database.path.read_bytes())
    pages = len(data) // PAGE
    torn = pages - 1 if pages - 1 != leaf else pages - 2
    here = {identity for identity in ROWS if identity.encode() in data[torn * PAGE : (torn + 1) * PAGE]}
    data[torn * PAGE + half : (torn + 1) * PAGE] = bytes(PAGE - half)
    database.path.write_bytes(data)

    taken = take(cli, database)

    assert ROWS - here <= rows(cli, taken)
    assert here <= rows(cli, taken) or losses(taken) != []


def test_what_was_only_in_a_lost_log_is_all_that_is_missing(cli, database):
    with closing(sqlite3.connect(database.path)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    holder = sqlite3.connect(database.path, isolation_level=None)
    try:
        holder.execute("PRAGMA wal_autocheckpoint = 0")
        last = EXPORT["messages"][-1]["parts"][-1]["id"]
        holder.execute("UPDATE part SET data = ? WHERE id = ?", ('{"type": "text", "text": "in the log alone"}', last))
        database.path.with_name("copy.db").write_bytes(database.path.read_bytes())
    finally:
        holder.close()
    database.path = database.path.rename(database.path.with_name("gone"))
    database.path = database.path.with_name("copy.db").rename(database.path.with_name("opencode.db"))

    taken = take(cli, database)

    assert (rows(cli, taken), losses(taken)) == (ROWS, [])
    assert "in the log alone" not in cli("log", taken["sessions"][0]["id"], "--json").out


@pytest.mark.parametrize("log", [b"", b"garbage" * 1000, bytes(8192)], ids=["empty", "garbage", "NUL"])
def test_a_spoilt_log_takes_nothing_away_that_the_database_has(cli, database, log):
    database.path.with_name("opencode.db-wal").write_bytes(log)
    taken = take(cli, database)
    assert (rows(cli, taken), losses(taken)) == (ROWS, [])


def test_a_log_that_nobody_has_open_is_read_and_left_as_it_is(cli, database, tmp_path):
    """As a copy of it has it, or a machine that lost its power: reading it must neither take it in nor make files beside it."""
    with closing(sqlite3.connect(database.path)) as db:
        db.execute("PRAGMA wal_autocheckpoint = 0")
        db.execute("INSERT INTO part SELECT 'prt_last', message_id, session_id, 1, 9999999999999, data FROM part LIMIT 1")
        db.commit()
        left = {path.name: path.read_bytes() for path in database.path.parent.iterdir() if not path.name.endswith("-shm")}
    for path in database.path.parent.iterdir():
        path.unlink()
    for name, data in left.items():
        (database.path.parent / name).write_bytes(data)

    taken = take(cli, database)

    assert rows(cli, taken) == ROWS | {"prt_last"}
    assert {path.name for path in database.path.parent.iterdir()} == {"opencode.db", "opencode.db-wal"}


@pytest.mark.parametrize("mode", ["WAL", "DELETE"])
def test_a_database_that_another_process_has_for_itself_is_read(cli, database, mode):
    database.execute(f"PRAGMA journal_mode = {mode}")
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(database.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout.readline() == "held\n"
        taken = take(cli, database)
    finally:
        holder.communicate("", timeout=60)
    assert (rows(cli, taken), losses(taken)) == (ROWS, [])


# --- what next year's version may have


def test_a_database_of_next_year_is_read_as_far_as_it_is_known(cli, database):
    database.write(
        """
        PRAGMA user_version = 999;
        CREATE TABLE workspace_v2 (id text PRIMARY KEY, data blob);
        ALTER TABLE part ADD COLUMN embedding blob;
        ALTER TABLE message RENAME COLUMN time_updated TO changed_at;
        UPDATE part SET embedding = x'00ff';
        """
    )
    taken = take(cli, database)
    assert (rows(cli, taken), losses(taken)) == (ROWS, [])


def test_a_table_of_another_form_is_named_and_hides_no_other(cli, database):
    database.write("ALTER TABLE part RENAME COLUMN message_id TO owner;")
    taken = take(cli, database)
    assert rows(cli, taken) == {message["info"]["id"] for message in EXPORT["messages"]}
    assert losses(taken) == ["the table 'part' is missing, or has other columns"]


# --- attacks

ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"


@pytest.mark.parametrize("table", ["session", "message", "part", "event_sequence", "session_message"])
def test_a_view_in_the_place_of_a_table_is_not_run(cli, database, table):
    database.write(
        f"DROP TABLE IF EXISTS {table}; CREATE VIEW {table} AS {ENDLESS} SELECT i AS id, '{SESSION}' AS session_id, "
        "'x' AS message_id, i AS aggregate_id, i AS seq, 1 AS time_created, 1 AS time_updated, '{}' AS data FROM n"
    )
    taken = take(cli, database)
    assert rows(cli, taken) == {row for row in ROWS if not row.startswith({"message": "msg", "part": "prt"}.get(table, "none"))}


def test_columns_that_are_worked_out_as_they_are_read_are_left_out(cli, database):
    database.write("ALTER TABLE part ADD COLUMN bomb blob GENERATED ALWAYS AS (zeroblob(999999999)) VIRTUAL;")
    database.write("ALTER TABLE message ADD COLUMN worse text GENERATED ALWAYS AS (upper(hex(zeroblob(400000000)))) VIRTUAL;")
    taken = take(cli, database)
    assert (rows(cli, taken), losses(taken)) == (ROWS, [])


def test_triggers_and_what_a_schema_says_are_never_run(cli, database):
    for table in ("session", "message", "part"):
        for when in ("INSERT", "UPDATE", "DELETE"):
            database.write(f"CREATE TRIGGER {table}_{when} AFTER {when} ON {table} BEGIN DELETE FROM part; END")
    taken = take(cli, database)
    assert (rows(cli, taken), losses(taken)) == (ROWS, [])


@pytest.mark.parametrize("name", ["../../../x", "ses_../../x", "ses_\x1b[2J", "$(touch owned)", "ses_" + "x" * 5000, "ses_a#b"])
def test_an_id_of_any_shape_names_no_file_and_hides_no_other_session(cli, database, tmp_path, name):
    database.execute("INSERT INTO session SELECT ?, " + ", ".join(_others(database)) + " FROM session", name)
    taken = take(cli, database)
    assert rows(cli, taken) >= ROWS
    strangers = [
        p for p in tmp_path.rglob("*") if p.is_file() and not p.is_relative_to(cli.home) and p.parent != database.path.parent
    ]
    assert strangers == []


def _others(database):
    with closing(sqlite3.connect(database.path)) as db:
        return [row[1] for row in db.execute("PRAGMA table_info(session)") if row[1] != "id"]
