"""Everything that agents left on a machine: found, imported once, and not opened again."""

import json
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from segue.engine.capture.discovery import Waiting, find_all, import_all, roots
from segue.engine.capture.importing import import_paths
from segue.host.seen import SeenFile
from segue.ports import Noted
from segue.stores.memory import MemoryStore
from segue.testing import FakeClock, FakeIds
from segue.transcripts import readers
from segue.transcripts._files import Readers
from segue.transcripts.places import Machine
from tests.unit.transcripts.opencode_files import Store

FIXTURES = Path(__file__).parents[2] / "fixtures" / "transcripts"
PLAN = "7dcc6b33-a8e7-41fa-a76f-5d0f155f452e"


class Counting(Readers):
    """Readers that note which files were opened."""

    def __init__(self, exclude=()):
        super().__init__(readers(), exclude)
        self.opened = []

    def _look(self, path, asked, only):
        self.opened.append(Path(path).name)
        return super()._look(path, asked, only)


class Home:
    """A user's home with transcripts in it, and a store."""

    def __init__(self, place):
        self.place = place
        self.projects = place / ".claude" / "projects" / "-home-dev-project"
        self.projects.mkdir(parents=True)
        self.plan = self.projects / f"{PLAN}.jsonl"
        shutil.copy(FIXTURES / "claude" / "headless-plan.jsonl", self.plan)
        (self.projects / "notes.jsonl").write_text('{"neither": "role nor type"}\n')
        codex = place / ".codex" / "sessions" / "2026" / "11" / "21"
        codex.mkdir(parents=True)
        self.rollout = next((FIXTURES / "codex").glob("*.jsonl"))
        shutil.copy(self.rollout, codex)
        self.store = MemoryStore(clock=FakeClock(), ids=FakeIds())
        self.machine = Machine({"HOME": str(place)})

    def seen(self):
        return SeenFile(self.place / "segue", self.store.url, "some/1")

    def take(self, transcripts, agent=None, seen=None):
        where = roots(self.machine, transcripts, [], agent)
        return import_all(self.store, transcripts, where, seen or self.seen(), clock=FakeClock())

    def found(self, transcripts):
        return find_all(self.store, transcripts, roots(self.machine, transcripts, []), self.seen(), clock=FakeClock())


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path)


def test_all_agents_transcripts_are_imported_and_what_is_nobodys_is_passed_over(home):
    result, unchanged = home.take(Counting())
    assert {s.agent for s in result.sessions} == {"claude-code", "codex"}
    assert (result.losses, unchanged) == ((), 0)


def test_a_second_run_opens_nothing(home):
    home.take(Counting())
    transcripts = Counting()
    result, unchanged = home.take(transcripts)
    assert (transcripts.opened, result.sessions, result.losses, unchanged) == ([], (), (), 3)


def test_only_what_was_written_to_is_opened_and_only_what_is_new_is_added(home):
    home.take(Counting())
    with home.plan.open("a") as file:
        file.write('{"type":"user","uuid":"new","parentUuid":null,"sessionId":"x","message":{"role":"user","content":"more"}}\n')
    transcripts = Counting()
    result, unchanged = home.take(transcripts)
    assert transcripts.opened == [home.plan.name]
    assert [(s.foreign_id, s.new_events) for s in result.sessions] == [(PLAN, 2)]
    assert unchanged == 2


def test_one_agents_transcripts_can_be_imported_by_themselves(home):
    result, _ = home.take(Counting(), agent="codex")
    assert [s.agent for s in result.sessions] == ["codex"]


def test_a_store_that_was_emptied_gets_everything_again(home):
    home.take(Counting())
    home.store = MemoryStore(clock=FakeClock(), ids=FakeIds())
    result, _ = home.take(Counting())
    assert len(result.sessions) == 2


def test_without_the_cache_files_are_opened_and_nothing_is_imported_twice(home):
    home.take(Counting())
    shutil.rmtree(home.place / "segue")
    result, unchanged = home.take(Counting())
    assert ([s.new_events for s in result.sessions], unchanged) == ([0, 0], 0)


def test_a_damaged_cache_costs_opening_the_file_again(home):
    home.take(Counting())
    (cache,) = (home.place / "segue" / "seen").iterdir()
    lines = cache.read_bytes().splitlines(keepends=True)
    cache.write_bytes(b"".join([lines[0], lines[1][:20] + b"\n", *lines[2:], b"\xff\n[1]\n", lines[-1][:7]]))
    transcripts = Counting()
    home.take(transcripts)
    assert len(transcripts.opened) == 1


def test_readers_of_another_version_look_at_everything_again(home):
    home.take(Counting())
    transcripts = Counting()
    home.take(transcripts, seen=SeenFile(home.place / "segue", home.store.url, "some/2"))
    assert len(transcripts.opened) == 3


def test_what_the_user_excluded_is_not_opened(home):
    result, _ = home.take(Counting(["*/-home-dev-project/*"]))
    assert [s.agent for s in result.sessions] == ["codex"]


def test_what_is_there_is_named_without_being_imported(home):
    os.utime(home.plan, (2_000_000_000, 2_000_000_000))
    first, second = home.found(Counting())
    assert first == Waiting(
        "claude-code", PLAN, str(home.plan), 1, home.plan.stat().st_size, 2_000_000_000.0, state="new", session=""
    )
    assert (second.agent, second.state) == ("codex", "new")
    assert list(home.store.sessions()) == []


def test_what_is_imported_is_not_named_until_more_is_written(home):
    home.take(Counting())
    nothing = home.found(Counting())
    with home.plan.open("a") as file:
        file.write('{"type":"user"}\n')
    (more,) = home.found(Counting())
    assert (nothing, more.foreign_id, more.state) == ([], PLAN, "changed")
    assert more.session in home.store.sessions()


def test_what_was_imported_by_name_counts_as_imported(home):
    import_paths(home.store, Counting(), [str(home.place / ".claude"), str(home.place / ".codex")], clock=FakeClock())
    assert home.found(Counting()) == []


def test_a_subagents_file_is_counted_with_its_session(home, tmp_path):
    shutil.copytree(FIXTURES / "claude" / "subagents", home.projects / PLAN / "subagents")
    found = {w.foreign_id: w.files for w in home.found(Counting())}
    assert found[PLAN] == 2


def test_a_file_that_cannot_be_read_is_named_and_tried_again(home):
    bad = home.projects / "gone.jsonl"
    bad.symlink_to(home.place / "nowhere")
    first, _ = home.take(Counting())
    second, _ = home.take(Counting())
    assert first.losses == second.losses == (Noted(str(bad), "cannot be read: No such file or directory"),)


def test_a_session_in_a_database_of_many_has_the_size_of_its_own_records(home):
    place = home.place / ".local" / "share" / "opencode"
    place.mkdir(parents=True)
    database = Store(place / "opencode.db")
    export = json.loads((FIXTURES / "opencode" / "export-plan.json").read_text())
    other = json.loads((FIXTURES / "opencode" / "minimal-importable.json").read_text())
    database.whole(export)
    database.whole(other)

    found = {w.foreign_id: w for w in home.found(Counting()) if w.agent == "opencode"}
    with closing(sqlite3.connect(database.path)) as db:
        rows = db.execute("SELECT session_id, data FROM message UNION ALL SELECT session_id, data FROM part").fetchall()
    told = {e["info"]["id"]: sum(len(data.encode()) for s, data in rows if s == e["info"]["id"]) for e in (export, other)}
    assert {name: w.bytes for name, w in found.items()} == told
    assert min(told.values()) > 500

    home.take(Counting())
    assert [w for w in home.found(Counting()) if w.agent == "opencode"] == []
