"""opencode's databases, in whatever state they are: of next year, with rows and pages that are damaged, cut short; and watched."""

import json
import sqlite3
from contextlib import closing

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from segue.core.log.kinds import validate
from segue.engine.capture.importing import import_paths
from segue.host.clock import SystemIds
from segue.stores.log import LogStore
from segue.testing import FakeClock
from segue.transcripts import transcripts
from segue.transcripts.opencode.reader import OpenCode
from tests.unit.transcripts.opencode_files import Store
from tests.unit.transcripts.test_opencode import EXPORT, SESSION, export, read, took
from tests.unit.transcripts.test_opencode_files import RECORDS, raws


@pytest.fixture
def segue(tmp_path):
    return LogStore(tmp_path / "store", clock=FakeClock(), ids=SystemIds())


def test_a_database_of_next_year_is_read(tmp_path, segue):
    database = Store(tmp_path / "opencode.db")
    database.whole(export())
    database.write("""
        ALTER TABLE part ADD COLUMN mood text; UPDATE part SET mood = 'good';
        ALTER TABLE session DROP COLUMN slug; ALTER TABLE session DROP COLUMN time_archived;
        CREATE TABLE feelings (id text); DROP TABLE event_sequence;
    """)
    whole = export()
    whole["messages"][1]["parts"][1] |= {"type": "telepathy", "wave": [1, 2]}
    database.part(whole["messages"][1]["parts"][1])
    drafts, position = read(database.path)
    assert [d.kind for d in drafts].count("loss") == 0
    assert [d.body for d in drafts if d.source.get("columns", {}).get("mood") == "good"] != []
    strange = [d for d in drafts if d.body.get("type") == "telepathy"]
    assert [json.loads(d.source["raw"])["wave"] for d in strange] == [[1, 2]]
    assert read(database.path, position)[0] == []


def test_messages_in_a_form_to_come_are_kept_and_named(tmp_path):
    database = Store(tmp_path / "opencode.db")
    database.whole(export())
    database.write(f"""
        CREATE TABLE session_message (id text PRIMARY KEY, session_id text NOT NULL, type text, seq integer, time_created integer,
          time_updated integer, data text);
        INSERT INTO session_message VALUES ('msg_9', '{SESSION}', 'user', 1, 1795226999000, 1795226999000, '{{"text": "hello"}}');
    """)
    drafts, position = read(database.path)
    kept = [d for d in drafts if d.node == "msg_9"]
    assert [json.loads(d.source["raw"])["text"] for d in kept] == ["hello"]
    assert [d.source["columns"]["type"] for d in kept] == ["user"]
    assert [d.body["reason"] for d in drafts if d.kind == "loss"] == ["kept, not interpreted: a message in a newer form"]
    assert read(database.path, position)[0] == []


def test_a_session_whose_id_is_none_hides_no_other(tmp_path, segue):
    database = Store(tmp_path / "opencode.db")
    database.whole(export())
    database.session({**EXPORT["info"], "id": "../../etc/passwd#x"})
    assert [s.foreign_id for s in took(segue, database.path).sessions] == [SESSION]
    database.execute("DELETE FROM session WHERE id = ?", SESSION)
    database.execute("DELETE FROM message")
    assert [n.reason for n in took(segue, database.path).losses] == ["a session's id that is none: '../../etc/passwd#x'"]


@pytest.mark.parametrize("table", ["session", "message", "part"])
def test_a_missing_table_hides_no_other(tmp_path, segue, table):
    database = Store(tmp_path / "opencode.db")
    database.whole(export())
    database.write(f"DROP TABLE {table}")
    drafts, _ = read(database.path)
    rest = {"session": len(RECORDS) - 1, "message": len(RECORDS) - 6, "part": 7}[table]
    assert len([d for d in drafts if "raw" in d.source and d.kind != "loss"]) == rest
    assert [d.kind for d in drafts].count("loss") == 1
    assert len(took(segue, database.path).sessions) == 1


def test_a_row_that_is_no_json_is_a_loss_with_its_bytes_and_hides_no_other(tmp_path):
    database = Store(tmp_path / "opencode.db")
    database.whole(export())
    first, second, third = (p["id"] for p in EXPORT["messages"][1]["parts"][:3])
    database.execute("UPDATE part SET data = ? WHERE id = ?", '{"type":"te', first)
    database.execute("UPDATE part SET data = CAST(? AS TEXT) WHERE id = ?", b'{"type":"text","text":"caf\xe9"}', second)
    database.execute("UPDATE part SET data = '[1]' WHERE id = ?", third)
    drafts, _ = read(database.path)
    losses = {d.body["where"].rpartition("#")[2]: d for d in drafts if d.kind == "loss"}
    assert set(losses) == {first, second, third}
    assert losses[first].source["raw"] == '{"type":"te'
    assert losses[third].source["raw"] == "[1]"
    assert "not UTF-8" in losses[second].body["reason"]
    assert [d.body["parts"] for d in drafts if d.node == second] == [[{"type": "text", "content": "caf\ufffd"}]]
    assert [d.source["raw_b64"] for d in drafts if d.node == second] != []
    assert len([d for d in drafts if "raw" in d.source and d.kind != "loss"]) == len(RECORDS) - 3


def test_a_row_that_is_too_long_is_kept_in_pieces(tmp_path):
    database = Store(tmp_path / "opencode.db")
    database.whole(export())
    giant = json.dumps({"type": "text", "text": "€" * 6_000_000}, ensure_ascii=False)
    database.execute("UPDATE part SET data = ? WHERE id = ?", giant, EXPORT["messages"][1]["parts"][1]["id"])
    drafts, position = read(database.path)
    pieces = [d for d in drafts if d.kind == "loss"]
    assert b"".join(raws(pieces)) == giant.encode()
    assert [d.body["piece"] for d in pieces] == list(range(1, len(pieces) + 1))
    assert read(database.path, position)[0] == []


def _many(tmp_path):
    """Return a database of hundreds of pages, all in its own file."""
    database = Store(tmp_path / "opencode.db")
    database.whole(export())
    with closing(sqlite3.connect(database.path)) as db, db:
        for number in range(300):
            part = {"type": "text", "text": f"word {number} " * 200}
            message = EXPORT["messages"][-1]["info"]["id"]
            row = (f"prt_2{number:025}", message, SESSION, 1795226999000, 1795226999000 + number, json.dumps(part))
            db.execute("INSERT INTO part VALUES (?, ?, ?, ?, ?, ?)", row)
    with closing(sqlite3.connect(database.path)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        db.execute("PRAGMA journal_mode = DELETE")
    return database


@pytest.mark.parametrize("where", [0.3, 0.6, 0.9])
def test_a_page_that_is_spoilt_hides_nothing_but_what_stands_on_it(tmp_path, where):
    database = _many(tmp_path)
    whole, _ = read(database.path)
    data = bytearray(database.path.read_bytes())
    page = int(len(data) // 4096 * where) * 4096
    data[page : page + 4096] = bytes(b ^ 0xFF for b in data[page : page + 4096])
    database.path.write_bytes(data)
    drafts, _ = read(database.path)
    kept = {d.key for d in drafts if d.kind != "loss"}
    assert [d.body["reason"].split(":")[0] for d in drafts if d.kind == "loss"] != []
    assert len({d.key for d in whole} - kept) < len(whole) / 2
    assert len(kept & {d.key for d in whole}) > len(whole) / 2


def test_a_database_that_was_cut_short_gives_what_is_left_of_it(tmp_path, segue):
    database = _many(tmp_path)
    data = database.path.read_bytes()
    database.path.write_bytes(data[: len(data) * 2 // 3])
    drafts, _ = read(database.path)
    assert [d.kind for d in drafts].count("message") > 50
    assert [d.kind for d in drafts].count("loss") > 0
    assert len(took(segue, database.path).sessions) == 1


@pytest.mark.parametrize(
    "data", [b"SQLite format 3\0", b"SQLite format 3\0" + b"\xff" * 9000, b"SQLite format 3\0" + bytes(4080)]
)
def test_what_only_begins_like_a_database_is_noted(tmp_path, segue, data):
    file = tmp_path / "opencode.db"
    file.write_bytes(data)
    report = took(segue, file)
    assert report.sessions == ()
    assert [n.where for n in report.losses] == [str(file)]


def test_no_damage_breaks_the_reader(tmp_path):
    database = _many(tmp_path)
    data = database.path.read_bytes()

    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        st.lists(st.tuples(st.integers(0, len(data) - 1), st.binary(min_size=1, max_size=64)), min_size=1, max_size=8),
        st.integers(0, 3),
    )
    def holds(strokes, cut):
        spoilt_data = bytearray(data)
        for at, stroke in strokes:
            spoilt_data[at : at + len(stroke)] = stroke
        file = tmp_path / "spoilt-opencode.db"
        file.write_bytes(spoilt_data[: len(spoilt_data) - cut * 10_000])
        for address, _ in OpenCode().sessions(str(file)):
            for batch in OpenCode().read(address, SESSION):
                for draft in batch.drafts:
                    validate(draft.kind, draft.body)

    holds()


# --- watching


def test_a_session_has_a_stamp_of_its_own(tmp_path):
    database = Store(tmp_path / "opencode.db")
    database.whole(export())
    other = json.loads(
        json.dumps(EXPORT).replace(SESSION, "ses_other").replace("msg_1fbd", "msg_1fbe").replace("prt_1fbd", "prt_1fbe")
    )
    database.whole(other)
    for session in (SESSION, "ses_other"):
        database.execute("INSERT INTO event_sequence VALUES (?, 7, NULL)", session)
    files = transcripts()
    names = [f.path for f in files.find([str(database.path)])]
    before = {name: files.stamp(name) for name in names}
    database.execute("UPDATE event_sequence SET seq = 8 WHERE aggregate_id = ?", SESSION)
    assert {name for name in names if files.stamp(name) != before[name]} == {f"{database.path}#{SESSION}"}


def test_one_session_of_a_database_can_be_named(tmp_path, segue):
    database = Store(tmp_path / "opencode.db")
    database.whole(export())
    assert [s.foreign_id for s in took(segue, f"{database.path}#{SESSION}").sessions] == [SESSION]
    gone = import_paths(segue, transcripts(), [f"{database.path}#ses_gone"], clock=FakeClock())
    assert [n.reason for n in gone.losses] == ["no such session in it"]
