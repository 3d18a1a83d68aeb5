"""A deleted transcript is put back as it was, byte for byte, or not at all."""

import gzip
import json
import shutil
from hashlib import sha256
from pathlib import Path

import pytest

from segue.core.errors import ExistsError, NotFoundError, UsageError
from segue.engine.capture.importing import import_paths
from segue.engine.capture.returning import kept_files, put_back
from segue.stores.memory import MemoryStore
from segue.testing import FakeClock, FakeIds
from segue.transcripts import shelf, transcripts
from segue.transcripts.places import Machine

FIXTURES = Path(__file__).parents[2] / "fixtures" / "transcripts"
SAMPLES = sorted(p for p in FIXTURES.rglob("*.jsonl") if p.parent.name != "subagents" and p.stem != "conversations")
PLAN = FIXTURES / "claude" / "headless-plan.jsonl"
TASK = "a0edc6ad-81f1-4d48-9902-29dc3fc4830f"


class Desk:
    """A store, a user's home, and a directory of transcripts."""

    def __init__(self, place):
        self.home = place / "home"
        self.place = place / "work"
        self.home.mkdir()
        self.place.mkdir()
        self.store = MemoryStore(clock=FakeClock(), ids=FakeIds())
        self.shelf = shelf(Machine({"HOME": str(self.home)}))

    def file(self, data, name="session.jsonl"):
        file = self.place / name
        file.write_bytes(data)
        return file

    def take(self, path, agent=None):
        sessions = import_paths(self.store, transcripts(), [str(path)], clock=FakeClock(), agent=agent).sessions
        return sessions[0].id

    def back(self, session, **how):
        return put_back(kept_files(self.store, session), self.shelf, **how)


@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path)


def restored(desk, data, name="session.jsonl", agent=None):
    """Import a file of these bytes, delete it, put it back; return what became of it and its bytes."""
    file = desk.file(data, name)
    session = desk.take(file, agent)
    file.unlink()
    (done,) = desk.back(session)
    return done, file.read_bytes() if file.exists() else None


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_every_sample_is_put_back_byte_for_byte(desk, sample):
    data = sample.read_bytes()
    done, found = restored(desk, data, sample.name)
    assert found == data
    assert (done.path, done.outcome, done.bytes, done.exact) == (str(desk.place / sample.name), "written", len(data), True)


@pytest.mark.parametrize(
    "change",
    {
        "windows": lambda data: data.replace(b"\n", b"\r\n"),
        "blank lines": lambda data: b"\n\n" + data.replace(b"\n", b"\n\n", 3) + b"\n\n",
        "no last newline": lambda data: data.rstrip(b"\n"),
        "garbage": lambda data: data.replace(b"\n", b"\ngarbage \xff\xfe\n", 2),
        "byte order mark": lambda data: b"\xef\xbb\xbf" + data,
        "a long line": lambda data: (
            data + b'{"type":"x","long":"' + "\N{GRINNING FACE}x".encode() * 4_000_000 + b'"}\n' + data[:100] + b"\n"
        ),
    }.items(),
    ids=lambda change: change[0],
)
def test_a_file_in_any_state_is_put_back_byte_for_byte(desk, change):
    data = change[1](PLAN.read_bytes())
    done, found = restored(desk, data)
    assert (found == data, done.outcome, done.exact) == (True, "written", True)


def test_a_file_that_was_read_as_it_was_written_is_put_back(desk):
    lines = PLAN.read_bytes().splitlines(keepends=True)
    for upto in range(1, len(lines) + 1, 7):
        file = desk.file(b"".join(lines[:upto]) + (lines[upto][:30] if upto < len(lines) else b""))
        session = desk.take(file)
    file = desk.file(b"".join(lines))
    session = desk.take(file)
    file.unlink()
    desk.back(session)
    assert file.read_bytes() == b"".join(lines)


def test_a_packed_file_is_packed_again_with_the_same_content(desk):
    done, found = restored(desk, gzip.compress(PLAN.read_bytes()), "session.jsonl.gz")
    assert (gzip.decompress(found), done.exact) == (PLAN.read_bytes(), True)


def test_a_torn_last_line_is_not_put_back(desk):
    done, found = restored(desk, PLAN.read_bytes() + b'{"torn')
    assert (found, done.exact) == (PLAN.read_bytes(), True)


def test_subagents_and_what_tells_of_them_are_put_back_with_the_session(desk):
    shutil.copy(FIXTURES / "claude" / "hooks-subagent-compact.jsonl", desk.place / f"{TASK}.jsonl")
    shutil.copytree(FIXTURES / "claude" / "subagents", desk.place / TASK / "subagents")
    before = {p: p.read_bytes() for p in desk.place.rglob("*") if p.is_file()}
    session = desk.take(desk.place)
    shutil.rmtree(desk.place)
    done = desk.back(session)
    assert {p: p.read_bytes() for p in desk.place.rglob("*") if p.is_file()} == before
    assert [(d.outcome, d.exact) for d in done] == [("written", True)] * len(before)
    assert done[0].path == str(desk.place / f"{TASK}.jsonl")


def test_what_is_private_stays_private(desk):
    file = desk.file(PLAN.read_bytes(), "session.jsonl")
    session = desk.take(file)
    shutil.rmtree(desk.place)
    desk.back(session)
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_the_same_file_is_left_as_it_is(desk):
    file = desk.file(PLAN.read_bytes())
    session = desk.take(file)
    before = file.stat()
    (done,) = desk.back(session)
    assert (done.outcome, file.stat().st_mtime_ns, file.stat().st_ino) == ("there", before.st_mtime_ns, before.st_ino)


def test_one_that_the_agent_has_gone_on_with_is_left_as_it_is(desk):
    file = desk.file(PLAN.read_bytes())
    session = desk.take(file)
    file.write_bytes(PLAN.read_bytes() + b'{"more":1}\n')
    (done,) = desk.back(session)
    assert (done.outcome, file.read_bytes()) == ("longer", PLAN.read_bytes() + b'{"more":1}\n')


@pytest.mark.parametrize("other", [b"", b"another\n", PLAN.read_bytes()[:-5]])
def test_a_different_file_is_never_changed(desk, other):
    file = desk.file(PLAN.read_bytes())
    session = desk.take(file)
    file.write_bytes(other)
    with pytest.raises(ExistsError):
        desk.back(session)
    assert (file.read_bytes(), [p.name for p in desk.place.iterdir()]) == (other, [file.name])


def test_what_is_not_there_byte_for_byte_is_refused_unless_it_is_wanted(desk):
    record = PLAN.read_bytes().splitlines(keepends=True)[3]
    data = PLAN.read_bytes() + record  # one record twice is one event
    done, found = restored(desk, data)
    assert (done.outcome, done.exact, found, list(desk.place.iterdir())) == ("refused", False, None, [])
    (session,) = desk.store.sessions()
    (anyway,) = desk.back(session, anyway=True)
    assert (anyway.outcome, anyway.exact, Path(anyway.path).read_bytes()) == ("written", False, PLAN.read_bytes())


def test_a_file_of_many_sessions_is_not_put_back_from_one_of_them(desk):
    done, found = restored(desk, (FIXTURES / "messages" / "conversations.jsonl").read_bytes(), "conversations.jsonl")
    assert (done.outcome, found) == ("refused", None)


def test_it_can_be_written_elsewhere(desk, tmp_path):
    shutil.copy(FIXTURES / "claude" / "hooks-subagent-compact.jsonl", desk.place / f"{TASK}.jsonl")
    shutil.copytree(FIXTURES / "claude" / "subagents", desk.place / TASK / "subagents")
    session = desk.take(desk.place)
    desk.back(session, to=str(tmp_path / "elsewhere"))
    names = {p.relative_to(desk.place): p.read_bytes() for p in desk.place.rglob("*") if p.is_file()}
    assert {
        p.relative_to(tmp_path / "elsewhere"): p.read_bytes() for p in (tmp_path / "elsewhere").rglob("*") if p.is_file()
    } == names


def test_of_a_project_that_moved_it_goes_where_the_agent_looks_now(desk):
    directory = desk.home / ".claude" / "projects" / "-home-dev-project"
    (directory / TASK / "subagents").mkdir(parents=True)
    shutil.copy(FIXTURES / "claude" / "hooks-subagent-compact.jsonl", directory / f"{TASK}.jsonl")
    for file in (FIXTURES / "claude" / "subagents").iterdir():
        shutil.copy(file, directory / TASK / "subagents")
    session = desk.take(directory)
    desk.back(session, moved=("/home/dev/project", "/srv/new.name"))
    there = desk.home / ".claude" / "projects" / "-srv-new-name"
    assert {p.relative_to(there): p.read_bytes() for p in there.rglob("*") if p.is_file()} == {
        p.relative_to(directory): p.read_bytes() for p in directory.rglob("*") if p.is_file()
    }


def test_the_directory_in_the_records_is_changed_on_demand_and_nothing_else(desk):
    file = desk.home / ".claude" / "projects" / "-home-dev-project" / "7dcc6b33-a8e7-41fa-a76f-5d0f155f452e.jsonl"
    file.parent.mkdir(parents=True)
    shutil.copy(PLAN, file)
    session = desk.take(file)
    (done,) = desk.back(session, moved=("/home/dev/project", '/srv/"new'), rewrite=True)
    before = [json.loads(line) for line in PLAN.read_bytes().splitlines()]
    after = [json.loads(line) for line in Path(done.path).read_bytes().splitlines()]
    assert {r["cwd"] for r in after if "cwd" in r} == {'/srv/"new'}
    assert after == [{**r, "cwd": '/srv/"new'} if "cwd" in r else r for r in before]


def test_gemini_looks_where_it_says_itself(desk):
    sample = FIXTURES / "gemini" / "headless-plan-and-resume.jsonl"
    chats = desk.home / ".gemini" / "tmp" / "old" / "chats"
    chats.mkdir(parents=True)
    shutil.copy(sample, chats / "session-2026-11-21T01-48-00000000.jsonl")
    session = desk.take(chats)
    with pytest.raises(UsageError, match="does not know '/srv/new'"):
        desk.back(session, moved=("/srv/old", "/srv/new"))
    (desk.home / ".gemini" / "projects.json").write_text('{"projects": {"/srv/new": "new"}}')
    (done,) = desk.back(session, moved=("/srv/old", "/srv/new"))
    assert done.path == str(desk.home / ".gemini" / "tmp" / "new" / "chats" / "session-2026-11-21T01-48-00000000.jsonl")


def test_geminis_hash_of_the_directory_moves_with_it(desk):
    old, new = (sha256(path).hexdigest() for path in (b"/srv/old", b"/srv/new"))
    line = '{"sessionId":"11111111-2222-4333-8444-555555555555","projectHash":"%s","startTime":"2026-01-15T09:30:00Z"}\n'
    (desk.home / ".gemini").mkdir()
    (desk.home / ".gemini" / "projects.json").write_text('{"projects": {"/srv/new": "new"}}')
    session = desk.take(desk.file((line % old).encode(), "session-2026-11-21T01-48-00000000.jsonl"))
    (done,) = desk.back(session, moved=("/srv/old", "/srv/new"), rewrite=True)
    assert Path(done.path).read_text() == line % new


def test_a_session_of_no_transcript_is_not_found(desk):
    from segue.core.log.events import Draft

    session = "0" * 8 + "-0000-7000-8000-" + "0" * 12
    desk.store.create(session, [Draft("session.created", {})])
    with pytest.raises(NotFoundError, match="transcript of session"):
        kept_files(desk.store, session)
