"""The budget in the Python API: what is known, callbacks once per crossing, a successor to go on in."""

from threading import Thread

import pytest

from segue.app import App
from segue.core.errors import UsageError
from segue.engine.budget.crossing import note
from segue.testing.builders import assistant, user
from segue.testing.fakes import FakeClock, FakeIds


@pytest.fixture
def store(tmp_path):
    env = {
        "SEGUE_HOME": str(tmp_path / "home"),
        "SEGUE_WINDOWS": "pear=1000",
        "SEGUE_PRICES": "pear=1000/1000",
        "SEGUE_UPKEEP": "off",
    }
    with App(env, flags={"store": "memory://"}, cwd=str(tmp_path), clock=FakeClock(), ids=FakeIds()).opened() as store:
        yield store


@pytest.fixture
def session(store):
    session = store.create(task="sell pears", model="pear")
    session.append(user("sell pears, never plums"))
    return session


def say(session, used):
    session.append(assistant("so", model="pear", usage={"input_tokens": used, "output_tokens": 0}))


def test_a_callback_is_called_once_for_each_threshold_after_the_append_that_crossed_it(session):
    told = []
    with session.running(on_crossing=told.append) as run:
        say(session, 500)
        assert told == []
        say(session, 800)
        run.check()
        say(session, 810)
    assert [(c["frm"], c["band"], c["percent"]) for c in told] == [
        ("normal", "disclosure", 80.0),
        ("disclosure", "summarisation", 80.0),
    ]
    assert [(c["called"], c["handled"]) for c in session.state().budget["crossings"]] == [("done", ""), ("done", "")]


def test_a_threshold_is_not_crossed_again_by_an_answer_that_is_written_down_late(session):
    told = []
    with session.running(on_crossing=told.append) as run:
        run.note_usage({"input_tokens": 100}, model="pear", message_id="a1")
        run.note_usage({"input_tokens": 700}, model="pear", message_id="a2")
        for message, used in (("a1", 100), ("a2", 700)):
            session.append(assistant("so", model="pear", usage={"input_tokens": used, "output_tokens": 0}, message_id=message))
    assert [c["band"] for c in told] == ["disclosure"]


def test_what_another_thread_crosses_while_a_callback_is_at_work_is_told_of_too(session):
    told = []

    def tell(crossing):
        told.append(crossing["band"])
        if len(told) == 1:
            thread = Thread(target=say, args=(session, 800))
            thread.start()
            thread.join()

    with session.running(on_crossing=tell):
        say(session, 700)
        assert told == ["disclosure", "summarisation"]


def test_what_a_run_that_died_did_not_tell_is_told_by_the_next_one(session):
    told = []

    say(session, 700)
    note(session._parts.desk, session.id, session._parts.rules)  # and then the machine died
    with session.running(on_crossing=told.append) as run:
        run.check()
    assert [c["band"] for c in told] == ["disclosure"]


def test_what_a_callback_raises_goes_on_to_the_caller_and_stands_in_the_log(session):
    def refuse(crossing):
        raise ValueError("no room")

    with session.running(on_crossing=refuse) as run:
        with pytest.raises(ValueError, match="no room"):
            say(session, 700)
        run.check()
    (told,) = [e.body for e in session.events() if e.kind == "budget.handled"]
    assert (told["outcome"], told["reason"]) == ("failed", "ValueError: no room")


def test_a_callback_may_append_and_have_a_successor_take_over(store, session):
    after = []

    def go_on(crossing):
        if crossing["band"] == "emergency":
            after.append(session.budget.succeed())

    with session.running(on_crossing=go_on):
        say(session, 900)
    (found,) = after
    assert (session.state().status, session.state().lifecycle["by"]) == ("ended", found.session.id)
    assert ("never plums" in found.context, found.session.budget.position().band) == (True, "normal")
    again = session.budget.succeed()
    assert (again.session.id, again.context, again.freed) == (found.session.id, found.context, found.freed)
    found.session.append(user("and quinces"))
    assert [e.kind for e in found.session.events(after=found.session.state().seq - 1)] == ["message"]


def test_position_report_limit_and_answer(session):
    assert session.budget.position() == (0, 0, None, None)
    say(session, 400)
    found = session.budget.report()
    assert (found.position.percent, found.spent.cost_usd, found.window.tokens) == (40.0, 0.4, 1000)
    session.budget.limit(0.3)
    assert session.state().budget["limit"] == 0.3
    session.budget.answer("continue")
    assert session.state().budget["choice"] == "continue"
    with pytest.raises(ValueError, match="no such choice"):
        session.budget.answer("spend")
    session.budget.limit(None)
    assert session.state().budget["limit"] is None


def test_condensing_writes_nothing_and_says_what_it_frees(session):
    say(session, 900)
    head = session.state().seq
    found = session.budget.condense()
    assert (found.freed, found.before, session.state().seq) == (900 - found.context.size.tokens, 900, head)


def test_a_closed_store_says_so(store, session):
    budget = session.budget
    store.close()
    with pytest.raises(UsageError, match="is closed"):
        budget.position()
