"""Importing: each record once, from where the last import stopped."""

import os
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from segue.core.errors import UsageError
from segue.core.log.events import Draft
from segue.core.session.state import fold
from segue.core.session.tree import active_chain, tree
from segue.engine.capture.importing import Importer, import_paths
from segue.ports import Batch, Noted
from segue.stores.log.store import LogStore
from segue.stores.memory import MemoryStore
from segue.testing import FakeClock, FakeIds
from segue.transcripts import readers, transcripts
from segue.transcripts._files import Readers
from tests.unit.engine.taking import CLAUDE, FIXTURES, PLAN, kinds, line, run


@pytest.fixture(params=["memory", "log"])
def store(request, tmp_path):
    if request.param == "memory":
        found = MemoryStore(clock=FakeClock(), ids=FakeIds())
    else:
        found = LogStore(tmp_path / "store", clock=FakeClock(), ids=FakeIds())
    yield found
    found.close()


def test_a_directory_is_imported_whole_and_a_second_import_adds_nothing(store):
    first = run(store, CLAUDE)
    second = run(store, CLAUDE)

    assert [(s.foreign_id, s.events, s.new_events, s.losses) for s in first.sessions] == [
        ("7dcc6b33-a8e7-41fa-a76f-5d0f155f452e", 47, 47, ()),
        ("a0edc6ad-81f1-4d48-9902-29dc3fc4830f", 138, 138, ()),
        ("2b6480e5-a021-48bb-9ea7-112366b32361", 30, 30, ()),
        ("0aa9855f-d063-44e4-af7e-b2010b7d0e68", 58, 58, ()),
    ]
    assert second.sessions == tuple(s._replace(new_events=0) for s in first.sessions)
    assert first.losses == second.losses == ()


def test_the_report_has_the_shape_that_scripts_rely_on(store, tmp_path):
    file = tmp_path / "chat.jsonl"
    file.write_text('{"role": "user", "content": "hi"}\ngarbage\n')
    (session,) = store.sessions() if run(store, file) else ()
    assert run(store, file, tmp_path / "gone.jsonl").to_json() == {
        "sessions": [{"id": session, "foreign_id": str(file), "agent": "messages", "events": 5, "new_events": 0, "losses": []}],
        "losses": [{"where": f"{tmp_path}/gone.jsonl", "reason": "cannot be read: No such file or directory"}],
    }


def test_a_session_begins_with_what_its_transcript_tells_of_it(store):
    (session,) = run(store, PLAN).sessions
    first, second, *_ = store.read(session.id)
    assert (first.kind, first.at, first.actor) == ("session.created", "2026-11-21T01:48:06.765Z", "claude-code")
    assert first.body == {
        "agent": "claude-code",
        "foreign": ["7dcc6b33-a8e7-41fa-a76f-5d0f155f452e"],
        "foreign_ids": ["7dcc6b33-a8e7-41fa-a76f-5d0f155f452e"],
        "type": "general",
        "root": "561f416e-6202-4b6a-a38e-b129c860b12f",
        "workspace": "/home/dev/project",
        "project": "project",
        "git_branch": "main",
        "agent_version": "2.1.329",
        "title": "Please build notes [[plan]]",
        "model": "claude-opus-5-5",
        "name": "SESSION-261121-001",
        "slug": "2026-11-21-general-project-001",
    }
    assert (second.kind, second.body) == ("session.activated", {"note": "imported"})


def test_a_subagent_is_a_stream_of_its_session_and_linked_to_the_call_that_started_it(store):
    report = run(store, CLAUDE / "hooks-subagent-compact.jsonl", CLAUDE / "subagents")
    events = list(store.read(report.sessions[0].id))
    found = tree(events)

    assert {name: len(found.chain(name)) for name in found.streams} == {"main": 59, "af84c04076f3af957": 15}
    assert found.missing == []
    assert [e.body for e in events if e.kind == "agent.set"] == [
        {
            "name": "claude-code/af84c04076f3af957",
            "type": "general-purpose",
            "status": "finished",
            "set": {
                "stream": "af84c04076f3af957",
                "tool_use_id": "toolu_19d47f100ebc4a0ea806881d",
                "description": "scan",
                "model": "claude-opus-5-5",
            },
        }
    ]
    assert Counter(e.kind for e in events) == {
        "record": 103,
        "message": 29,
        "import.advanced": 2,
        "session.created": 1,
        "session.activated": 1,
        "compaction": 1,
        "agent.set": 1,
    }


def test_only_what_is_new_is_read_and_a_torn_line_is_waited_for(store, tmp_path):
    whole = PLAN.read_bytes()
    file = tmp_path / "session.jsonl"
    file.write_bytes(whole[: whole.rindex(b'{"parentUuid"') + 40])
    first = run(store, file)
    file.write_bytes(whole)
    second = run(store, file)

    reason = "torn last line: 40 bytes without a newline; it is read when it is whole"
    assert first.sessions[0].losses == (Noted(f"{file}:42", reason),)
    assert (first.sessions[0].new_events, second.sessions[0].new_events) == (41 + 3, 3 + 1)
    assert second.sessions[0].losses == ()


def test_a_session_is_renamed_when_its_transcript_tells_where_it_works(store, tmp_path):
    file = tmp_path / "session.jsonl"
    data = PLAN.read_bytes()
    file.write_bytes(data[: data.index(b"\n") + 1])
    (session,) = run(store, file).sessions
    before = fold(store.read(session.id)).header
    file.write_bytes(data)
    run(store, file)
    after = fold(store.read(session.id)).header
    assert (before["slug"], before["workspace"]) == ("2026-11-21-general-work-001", "")
    assert (after["slug"], after["workspace"]) == ("2026-11-21-general-project-001", "/home/dev/project")
    assert after["name"] == before["name"] == "SESSION-261121-001"


def test_importing_in_steps_gives_what_importing_at_once_gives(store, tmp_path):
    file = tmp_path / "session.jsonl"
    data = (CLAUDE / "hooks-subagent-compact.jsonl").read_bytes()
    for end in (0, 700, 5_000, 31_234, len(data) - 1, len(data)):
        file.write_bytes(data[:end])
        run(store, file)
    in_steps = [e for s in store.sessions() for e in store.read(s)]

    other = MemoryStore(clock=FakeClock(), ids=FakeIds())
    run(other, file)
    at_once = [e for s in other.sessions() for e in other.read(s)]

    def told(events):
        return [(e.kind, e.body, e.stream, e.node, e.parent, e.at, e.source) for e in events if e.source]

    assert told(in_steps) == told(at_once)
    assert fold(in_steps).header == fold(at_once).header


def test_a_changed_record_is_a_revision_and_the_change_is_noted(store, tmp_path):
    file = tmp_path / "session.jsonl"
    file.write_text(line("u1", None, "one") + line("u2", "u1", "two") + line("u3", "u2", "three"))
    (session,) = run(store, file).sessions
    file.write_text(line("u1", None, "one") + line("u2", "u1", "TWO") + line("u3", "u2", "three"))
    again = run(store, file).sessions[0]

    said = [e.body["parts"][0]["content"] for e in active_chain(store.read(session.id))]
    assert said == ["one", "TWO", "three"]
    assert again.new_events == 3
    assert [n.reason.split(":")[0] for n in again.losses] == ["rewritten"]
    assert run(store, file).sessions[0].new_events == 0


def test_a_file_that_its_agent_cut_or_deleted_takes_nothing_away(store, tmp_path):
    file = tmp_path / "session.jsonl"
    file.write_text(line("u1", None, "one") + line("u2", "u1", "two"))
    (session,) = run(store, file).sessions
    file.write_text(line("u1", None, "one"))
    cut = run(store, file)
    file.unlink()
    gone = run(store, file)

    assert [e.node for e in active_chain(store.read(session.id))] == ["u1", "u2"]
    assert [n.reason.split(":")[0] for n in cut.sessions[0].losses] == ["cut short"]
    assert (gone.sessions, [n.reason for n in gone.losses]) == ((), ["cannot be read: No such file or directory"])


def test_a_file_that_was_moved_adds_no_record_again(store, tmp_path):
    before = tmp_path / "before" / "session.jsonl"
    before.parent.mkdir()
    before.write_bytes(PLAN.read_bytes())
    (first,) = run(store, before).sessions
    after = tmp_path / "after.jsonl"
    before.rename(after)
    (second,) = run(store, after).sessions

    assert (second.id, second.new_events) == (first.id, 1)
    assert kinds(store, first.id)["import.advanced"] == 2


def test_a_conversation_that_the_agent_copied_under_a_new_id_is_named(store, tmp_path):
    for name, more in (("s-1", {}), ("s-2", {"sessionId": "s-2"})):
        (tmp_path / f"{name}.jsonl").write_text(line("u1", None, "one", **more) + line("u2", "u1", "two", **more))
    first, second = run(store, tmp_path).sessions
    headers = [next(store.read(s.id)).body for s in (first, second)]
    assert [h.get("forked_from") for h in headers] == [None, {"session": first.id, "node": "u1"}]


def test_a_deleted_session_comes_back_under_another_id(store):
    (first,) = run(store, PLAN).sessions
    store.delete(first.id)
    (second,) = run(store, PLAN).sessions
    assert second.id != first.id
    assert (second.events, second.new_events) == (47, 47)


def test_a_session_that_somebody_else_began_is_gone_on_with(store):
    ours = FakeIds(seed=9).uuid7()
    foreign = "7dcc6b33-a8e7-41fa-a76f-5d0f155f452e"
    store.create(ours, [Draft("session.created", {"agent": "claude-code", "foreign_ids": [foreign], "title": "Mine"})])
    by_looking = run(store, PLAN).sessions
    asked = Importer(store, clock=FakeClock(), find=lambda *wanted: ours if wanted == ("claude-code", foreign) else None)
    by_asking = [one for file in transcripts().find([str(PLAN)]) for one in asked.take(file)]
    assert [(s.id, s.new_events) for s in (*by_looking, *by_asking)] == [(ours, 46), (ours, 0)]


def test_one_bad_file_hides_no_other(store, tmp_path):
    (tmp_path / "a-empty.jsonl").write_bytes(b"")
    (tmp_path / "11111111-0000-4000-8000-000000000001.jsonl").write_bytes(b"")
    (tmp_path / "b-binary.jsonl").write_bytes(bytes(range(256)) * 40)
    (tmp_path / "c-stranger.jsonl").write_text('{"name": "x"}\n' * 3)
    (tmp_path / "d-good.jsonl").write_bytes(PLAN.read_bytes())
    (tmp_path / "e-dangling.jsonl").symlink_to(tmp_path / "nowhere")
    (tmp_path / "f-directory.jsonl").mkdir()
    os.mkfifo(tmp_path / "g-pipe.jsonl")
    (tmp_path / "z-good.jsonl").write_bytes((CLAUDE / "killed-mid-tool.jsonl").read_bytes())
    report = run(store, tmp_path)

    assert [(s.foreign_id[:8], s.new_events) for s in report.sessions] == [("7dcc6b33", 47), ("2b6480e5", 30)]
    assert [(Path(n.where).name, n.reason) for n in report.losses] == [
        ("11111111-0000-4000-8000-000000000001.jsonl", "empty file"),
        ("e-dangling.jsonl", "cannot be read: No such file or directory"),
        ("g-pipe.jsonl", "cannot be read: not a regular file"),
    ]


@pytest.mark.parametrize(
    "data", [b"", b'{"name": "x"}\n', b"\xff\xfe\x00", b"\n\n\n"], ids=["empty", "stranger", "binary", "blank"]
)
def test_a_named_file_that_is_nobodys_is_told(store, tmp_path, data):
    file = tmp_path / "notes.jsonl"
    file.write_bytes(data)
    report = run(store, file)
    assert (report.sessions, report.losses) == ((), (Noted(str(file), "not a transcript of an agent that is known"),))


def test_an_agent_can_be_named_and_must_be_known(store, tmp_path):
    file = tmp_path / "odd.jsonl"
    file.write_text('{"uuid": "u1"}\n' + line("u1", None, "one"))
    (session,) = run(store, file, agent="claude-code").sessions
    assert kinds(store, session.id) == {
        "session.created": 1,
        "session.activated": 1,
        "record": 1,
        "message": 1,
        "import.advanced": 1,
    }
    with pytest.raises(UsageError) as told:
        run(store, file, agent="clod")
    assert told.value.hint == "one of: " + ", ".join(r.agent for r in readers())


def test_a_packed_transcript_is_read_like_any_other(store, tmp_path):
    import gzip

    file = tmp_path / "session.jsonl.gz"
    packed = gzip.compress(PLAN.read_bytes())
    file.write_bytes(packed)
    (whole,) = run(store, file).sessions
    again = run(store, file).sessions[0]
    assert (whole.new_events, again.new_events, whole.losses) == (47, 0, ())

    cut = tmp_path / "cut.jsonl.gz"
    cut.write_bytes(packed[: len(packed) // 2])
    assert run(MemoryStore(clock=FakeClock(), ids=FakeIds()), cut).sessions[0].losses != ()


class _Odd:
    """A reader of somebody else's, whose events cannot all be written."""

    agent = "odd"
    version = "1"

    def sniff(self, path, head):
        return True

    def identify(self, path, head):
        return "odd-1"

    def read(self, path, foreign_id, position=None, *, trusted=False):
        def draft(n, **more):
            told = {"role": "user", "parts": [{"type": "text", "content": f"{n}"}]}
            source = {"agent": "odd", "file": path, "line": n, "record": f"{n}", "raw": f"raw {n}"}
            return Draft("message", told, "odd", node=f"n{n}", key=f"k{n}", source=source)._replace(**more)

        nested = []
        for _ in range(100_000):
            nested = [nested]
        drafts = [
            draft(1),
            draft(2, body={"role": "user", "parts": [], "odd": float("nan")}),
            draft(3, body={"role": "user", "parts": [], "odd": nested}),
            draft(4, node="bad\0name"),
            draft(5, kind="No Kind"),
            draft(6),
        ]
        yield Batch(foreign_id, drafts, {"offset": 6, "line": 6, "digest": "x"}, {})


def test_an_event_that_cannot_be_written_keeps_its_record_and_hides_no_other(store, tmp_path):
    file = tmp_path / "odd.txt"
    file.write_text("odd")
    report = import_paths(store, Readers([_Odd()]), [str(file)], clock=FakeClock())
    again = import_paths(store, Readers([_Odd()]), [str(file)], clock=FakeClock())

    (session,) = report.sessions
    events = [e for e in store.read(session.id) if e.kind in {"message", "record", "loss"}]
    assert [(e.kind, (e.source or {}).get("raw")) for e in events] == [
        ("message", "raw 1"),
        ("record", "raw 2"),
        ("loss", None),
        ("record", "raw 3"),
        ("loss", None),
        ("loss", "raw 4"),
        ("record", "raw 5"),
        ("loss", None),
        ("message", "raw 6"),
    ]
    assert [n.where.rpartition(":")[2] for n in session.losses] == ["2", "3", "4", "5"]
    assert all(n.reason.startswith("kept, not interpreted: ") for n in session.losses)
    assert (session.new_events, again.sessions[0].new_events) == (12, 0)


def test_many_conversations_in_a_file_are_as_many_sessions(store):
    file = FIXTURES / "messages" / "conversations.jsonl"
    first, second = run(store, file), run(store, file)
    assert [(s.foreign_id.rpartition("/")[2], s.events, s.new_events) for s in first.sessions] == [
        ("5b2c9a10-0000-4000-8000-00000000000a", 5, 5),
        ("conversations.jsonl#7", 6, 6),
        ("conversations.jsonl#3", 4, 4),
    ]
    assert [s.new_events for s in second.sessions] == [0, 0, 0]


def test_a_file_that_is_all_damage_is_counted_where_it_is_not_named(tmp_path):
    file = tmp_path / "session.jsonl"
    file.write_text(line("u1", None, "hello") + "garbage\n" * 20_010)
    with closing(LogStore(tmp_path / "store", clock=FakeClock(), ids=FakeIds(), durability="relaxed")) as store:
        (session,) = run(store, file).sessions
        counted = kinds(store, session.id)["loss"]
    last = Noted(session.id, f"10 more places could not be read: segue log {session.id} --kind loss")
    assert (len(session.losses), session.losses[-1], counted) == (20_001, last, 20_010)


def test_sessions_that_an_import_began_rest_and_those_that_it_went_on_with_do_not(tmp_path):
    store = LogStore(tmp_path / "store", clock=FakeClock(), ids=FakeIds())
    file = tmp_path / "7dcc6b33-a8e7-41fa-a76f-5d0f155f452e.jsonl"
    lines = PLAN.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join(lines[:-5]))
    (one,) = run(store, file).sessions
    assert store.has_upkeep()
    assert store.upkeep() == 1
    assert store.info(one.id).size < file.stat().st_size / 2

    file.write_bytes(b"".join(lines))
    (again,) = run(store, file).sessions

    assert (again.new_events, store.has_upkeep()) == (6, False)
    assert list(store.verify(one.id)) == []
