"""`resume --in` the agent that a session is of: it goes on there as it is, while the agent has all of it."""

from pathlib import Path

import pytest

from segue.engine.loading import load
from segue.engine.sessions import move
from segue.testing.builders import user
from tests.unit.engine.kit import PLAN, native, reply
from tests.unit.transcripts.json_lines import records_in


def test_a_session_that_the_agent_has_goes_on_there(kit):
    session, path, workspace = native(kit)
    heads = kit.heads()
    done = kit.go(session)
    assert (done.way, done.command) == ("native", ("claude", "--resume", path.stem))
    assert (done.workspace, done.continuation, done.files) == (workspace, session, (str(path),))
    assert kit.heads() == heads


def test_what_the_agent_wrote_meanwhile_is_taken_in_first(kit):
    session, path, _ = native(kit)
    reply(path, "one more thing")
    done = kit.go(session, "opencode", dry=True)
    assert kit.said(session)[-1][1]["content"] != "one more thing"
    done = kit.go(session)
    assert done.way == "native"
    assert kit.said(session)[-1] == ("user", {"type": "text", "content": "one more thing"})


@pytest.mark.parametrize(
    "change",
    [
        lambda kit, session, path: path.unlink(),
        lambda kit, session, path: path.write_bytes(b"".join(path.read_bytes().splitlines(True)[:20])),
        lambda kit, session, path: kit.store.append(session, [user("said elsewhere")]),
    ],
    ids=["gone", "cut short", "others said something since"],
)
def test_a_session_that_the_agent_has_no_longer_whole_is_converted(kit, change):
    session, path, _ = native(kit)
    said = kit.said(session)
    change(kit, session, path)
    done = kit.go(session)
    assert done.way == "converted"
    assert kit.said(done.continuation)[: len(said)] == said


def test_in_another_directory_it_is_converted_and_its_paths_follow(kit, tmp_path):
    session, _, workspace = native(kit)
    done = kit.go(session, workspace=str(tmp_path))
    assert (done.way, done.workspace) == ("converted", str(tmp_path))
    text = Path(done.files[0]).read_text()
    assert done.paths == text.count(str(tmp_path)) - sum(r.get("cwd") == str(tmp_path) for r in records_in(done.files[0]))
    assert workspace not in text


def test_a_session_that_went_on_there_before_goes_on_where_it_is(kit):
    session = kit.take(PLAN).id
    first = kit.go(session)
    reply(first.files[0], "and now?")
    again = kit.go(session)
    assert (again.way, again.session, again.foreign_id) == ("native", first.continuation, first.foreign_id)
    assert again.warnings == ("the agent went on from here before: that is where it goes on",)
    kit.store.append(session, [user("I thought of something")])
    other = kit.go(session)
    assert other.way == "converted"
    assert other.foreign_id != first.foreign_id


def test_a_paused_session_that_its_agent_has_is_at_work_again(kit):
    session, _, _ = native(kit)
    move(kit.desk, session, "pause")
    assert kit.go(session, dry=True).way == "native"
    assert load(kit.store, session).status == "paused"
    done = kit.go(session)
    assert (done.way, done.tokens > 0, done.method) == ("native", True, "usage")
    assert load(kit.store, session).status == "active"


def test_where_too_little_of_the_window_is_left_it_is_condensed_first(kit):
    session, _, _ = native(kit)
    kit.means = kit.means._replace(reserve=190_000)
    done = kit.go(session)
    assert done.way == "prompt"
    used = load(kit.store, session).usage["context_tokens"]
    assert done.freed == used - done.tokens > 12_000
    assert done.warnings == ("186,812 tokens are left in the agent's own conversation, fewer than 190,000 (budget.reserve)",)
    told = [e.body for e in kit.store.read(session) if e.kind == "budget.condensed"]
    assert [(e["trigger"], e["before"], e["after"], e["freed"]) for e in told] == [("resuming", used, done.tokens, done.freed)]
    assert kit.go(session).freed == done.freed
    assert len([e for e in kit.store.read(session) if e.kind == "budget.condensed"]) == 1


def test_a_window_that_is_asked_for_counts_as_the_one_to_leave_room_in(kit):
    session, _, _ = native(kit)
    assert kit.go(session, window=60_000, dry=True).way == "native"
    small = kit.go(session, window=40_000, dry=True)
    assert (small.way, small.window) == ("prompt", 10_000)
