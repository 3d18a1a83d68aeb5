"""Going on with a task from a step of its plan."""

import pytest

import segue
from segue.core.errors import NotFoundError, UsageError
from segue.engine.context.stepping import beginning


def said(text, role="assistant"):
    return {"role": role, "parts": [{"type": "text", "content": text}]}


def call(*steps):
    todos = [{"content": text, "status": status} for text, status in steps]
    return {"role": "assistant", "parts": [{"type": "tool_call", "id": "c1", "name": "TodoWrite", "arguments": {"todos": todos}}]}


ANSWER = {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "response": "noted"}]}


@pytest.fixture
def store():
    with segue.open("memory://") as found:
        yield found


@pytest.fixture
def session(store):
    """A session with a task of three steps, at work on the second; events 3 to 8."""
    session = store.create(workspace="")
    session.append("task.set", {"id": "shelves", "title": "price the shelves", "status": "active"})
    session.append("plan.set", {"steps": ["read the list", "count the shelves", "write the prices"]})
    session.append("message", said("reading"))
    session.append("step.completed", {"text": "read the list"})
    session.append("message", said("counting"))
    session.append("message", said("there are 17 shelves"))
    return session


def where(session, **wanted):
    found = beginning(session._store, session.id, **wanted)
    return found.position, found.left, found.told()


def test_a_step_goes_on_from_where_the_one_before_it_was_completed(session):
    assert where(session, step="2") == (6, 2, "price the shelves - go on with step 2 of 3: count the shelves")
    assert where(session, step="count") == where(session, step="2")
    assert where(session, step="1") == (4, 4, "price the shelves - go on with step 1 of 3: read the list")


def test_a_step_that_did_not_begin_yet_goes_on_from_where_the_session_is(session):
    assert where(session, step="write the prices") == (None, 0, "price the shelves - go on with step 3 of 3: write the prices")


def test_a_step_that_nothing_was_done_for_goes_on_in_the_session_itself(session):
    session.append("step.completed", {"text": "count the shelves"})
    assert where(session, step="3")[:2] == (None, 0)
    assert session.from_step(3).id == session.id
    assert session.state().work["tasks"]["shelves"]["step"] == "step 3 of 3: write the prices"
    assert where(session, step="3")[:2] == (None, 0)  # that this was noted is nothing that came later


def test_what_came_after_the_beginning_of_a_step_is_left_to_a_fork_and_stays(session):
    again = session.from_step("count the shelves")
    assert again.id != session.id
    assert [e.body["parts"][0]["content"] for e in again.conversation()] == ["reading"]
    assert [(one.text, one.status) for one in again.steps()] == [
        ("read the list", "completed"),
        ("count the shelves", "pending"),
        ("write the prices", "pending"),
    ]
    task = again.state().work["tasks"]["shelves"]
    assert (task["title"], task["status"], task["step"]) == ("price the shelves", "active", "step 2 of 3: count the shelves")
    assert len(session.conversation()) == 3


def test_a_restored_context_is_as_it_was_when_the_step_began(session):
    text = session.restore(1_000, step=2).text
    assert "go on with step 2 of 3: count the shelves" in text
    assert "[x] read the list" in text
    assert "17 shelves" not in text


def test_a_task_that_was_done_is_reopened(store, session):
    session.append("task.set", {"id": "shelves", "status": "done"})
    session.append("message", said("now for something else"))
    on = store.session("price the shelves").from_step(3)
    task = on.state().work["tasks"]["shelves"]
    assert (task["status"], task["step"]) == ("reopened", "step 3 of 3: write the prices")


def test_a_step_of_an_agents_own_list_begins_behind_the_answer_to_its_call(store):
    session = store.create(workspace="", task="price the shelves")
    session.append("message", said("price them", "user"))
    session.append("message", call(("read", "in_progress"), ("count", "pending")))
    session.append("message", ANSWER)
    session.append("message", said("reading"))
    session.append("message", call(("read", "completed"), ("count", "in_progress")))
    session.append("message", ANSWER)
    session.append("message", said("counting"))
    assert where(session, step="1") == (5, 4, "price the shelves - go on with step 1 of 2: read")
    assert where(session, step="2") == (8, 1, "price the shelves - go on with step 2 of 2: count")


def test_what_cannot_be_gone_on_from_is_named(store, session):
    with pytest.raises(NotFoundError, match="step '4' was not found") as e:
        session.from_step(4)
    assert "one of 1 to 3" in e.value.hint
    with pytest.raises(NotFoundError, match="step 'weigh' was not found"):
        session.from_step("weigh")
    with pytest.raises(NotFoundError, match="task 'scales' was not found"):
        session.from_step(1, task="scales")
    with pytest.raises(UsageError, match="no plan"):
        store.create(workspace="").from_step(1)
    session.append("plan.set", {"steps": ["weigh pears", "weigh plums"]})
    with pytest.raises(UsageError, match="2 steps are called 'weigh': 1, 2"):
        session.from_step("weigh")
