"""Where a session came from and where it went on, told from both sides, by either index."""

import pytest

from segue.core.log.events import Draft
from segue.engine.capture.carrying import _key
from segue.engine.forks import fork
from segue.engine.lineage import Relative, came_from, went_on
from segue.engine.loading import Desk, load
from segue.engine.scanning import ScanIndex
from segue.engine.sessions import move, start
from segue.stores.index.index import SqliteIndex
from segue.stores.memory import MemoryStore
from segue.testing import FakeClock, FakeIds


@pytest.fixture
def desk():
    clock, ids = FakeClock(), FakeIds()
    return Desk(MemoryStore(clock=clock, ids=ids), clock, ids)


@pytest.fixture(params=["kept", "scanned"])
def index(request, desk, tmp_path):
    return SqliteIndex(desk.store, tmp_path / "index.sqlite") if request.param == "kept" else ScanIndex(desk.store)


def relatives(desk, index, session):
    """The names that a session came from and went on in, each with the position and how."""
    state = load(desk.store, session)
    before = came_from(desk.store, index, state)
    return before and before[1:5], [one[1:5] for one in went_on(desk.store, index, state)]


def begin(desk, task, **header):
    return start(desk, {"task": task, **header})


def test_a_session_without_relatives_has_none(desk, index):
    assert relatives(desk, index, begin(desk, "alone").id) == (None, [])


def test_a_fork_and_a_continuation_in_another_agent_are_told_on_both_sides(desk, index):
    first = begin(desk, "first", agent="claude-code")
    forked = fork(desk, first.id)
    carried = Draft(
        "session.carried", {"agent": "codex", "foreign_id": "c-1", "frm": first.id}, "codex", key=_key("codex", "c-1")
    )
    goes_on = fork(desk, first.id, 1, {"agent": "codex"}, carried)
    of_forked = fork(desk, goes_on.id)

    assert relatives(desk, index, first.id) == (
        None,
        [(forked.name, "", 2, "fork"), (goes_on.name, "codex", 1, "resume")],
    )
    assert relatives(desk, index, forked.id) == ((first.name, "claude-code", 2, "fork"), [])
    assert relatives(desk, index, goes_on.id) == ((first.name, "claude-code", 1, "resume"), [(of_forked.name, "", 4, "fork")])
    assert relatives(desk, index, of_forked.id)[0] == (goes_on.name, "codex", 4, "fork")


@pytest.mark.parametrize("by", ["session", "foreign_id"])
def test_an_agents_own_fork_is_told_on_both_sides(desk, index, by):
    first = begin(desk, "first", agent="codex", foreign_ids=["thread-1"])
    origin = {"session": first.id, "node": "u1"} if by == "session" else {"foreign_id": "thread-1"}
    second = begin(desk, "second", agent="codex", foreign_ids=["thread-2"], forked_from=origin)

    assert relatives(desk, index, first.id) == (None, [(second.name, "codex", None, "agent")])
    assert relatives(desk, index, second.id) == ((first.name, "codex", None, "agent"), [])


def test_a_successor_is_told_on_both_sides(desk, index):
    first, second = begin(desk, "first"), begin(desk, "second")
    desk.store.append(second.id, [Draft("session.updated", {"predecessor": first.id})])
    move(desk, first.id, "end", reason="superseded", by=second.id)

    assert relatives(desk, index, first.id) == (None, [(second.name, "", None, "superseded")])
    assert relatives(desk, index, second.id) == ((first.name, "", None, "superseded"), [])


def test_a_relative_that_the_store_does_not_have_is_told_by_its_id(desk, index):
    child = begin(desk, "child", forked_from={"foreign_id": "thread-0"})
    state = load(desk.store, child.id)
    assert came_from(desk.store, index, state) == Relative("thread-0", "", "", None, "agent", "")


def test_a_fork_of_a_deleted_session_says_where_it_was(desk, index):
    first = begin(desk, "first")
    forked = fork(desk, first.id)
    desk.store.delete(first.id)
    assert came_from(desk.store, index, load(desk.store, forked.id))[:5] == (first.id, "", "", 2, "fork")
