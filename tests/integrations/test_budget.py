"""A framework's agent within the limits of a run."""

import pytest

import segue
from segue.core.errors import InterruptionError
from segue.engine.budget.budgets import Rules, usage
from tests.integrations.talks import FRAMEWORKS, MODEL, RUN


@pytest.fixture(params=RUN)
def framework(request):
    return FRAMEWORKS[request.param]()


@pytest.fixture
def store(tmp_path):
    with segue.open(tmp_path / "store") as found:
        yield found


def reasons(error):
    """An error and what caused it: frameworks wrap what their hooks raise."""
    while error is not None:
        yield error
        error = error.__cause__


def test_a_limit_that_is_reached_pauses_the_session_and_the_model_is_asked_no_more(store, framework):
    session = store.ensure(framework.agent, *framework.ids("priced"), model=MODEL)
    with pytest.raises(Exception) as raised, session.running(budget=1_000) as run:  # noqa: PT011 - which one is asserted below
        framework.work(store, "priced", run, [400] * 5)

    stopped = next(e for e in reasons(raised.value) if isinstance(e, InterruptionError))
    state = session.state()
    assert (framework.work.asked, stopped.fields["reason"], state.status) == (3, "budget", "paused")
    assert (state.metrics["tokens"]["input"], state.metrics["tokens"]["output"]) == (1_200, 3)
    assert [place["trigger"] for place in state.checkpoints.values()] == ["pause: budget"]
    assert "answer 2" in str(framework.load(store, "priced"))


def test_a_limit_of_money_counts_by_the_prices_of_the_models_that_are_asked(store, framework):
    session = store.ensure(framework.agent, *framework.ids("priced"), model=MODEL)
    with pytest.raises(Exception) as raised, session.running(cost=1.0) as run:  # noqa: PT011 - which one is asserted below
        framework.work(store, "priced", run, [90_000] * 5)
    assert next(e for e in reasons(raised.value) if isinstance(e, InterruptionError)).fields["reason"] == "budget"
    assert framework.work.asked < 5


def test_a_limit_that_the_last_answer_reached_pauses_the_session_too(store, framework):
    session = store.ensure(framework.agent, *framework.ids("priced"), model=MODEL)
    with session.running(budget=1_000) as run:
        framework.work(store, "priced", run, [600, 600])
    assert (framework.work.asked, session.state().status, run.interruption.reason) == (2, "paused", "budget")


def test_each_threshold_that_is_crossed_is_told_of_once(store, framework):
    session = store.ensure(framework.agent, *framework.ids("priced"), model=MODEL)
    crossed = []
    with session.running(on_crossing=lambda crossing: crossed.append(crossing["band"])) as run:
        framework.work(store, "priced", run, [1_000, 125_000, 155_000, 156_000, 175_000, 176_000])
    assert (framework.work.asked, crossed) == (6, ["disclosure", "summarisation", "emergency"])
    assert session.budget.position().used == 176_001


def test_what_was_used_is_priced_by_the_models_names_and_else_by_the_sessions_own(store, framework):
    session = store.ensure(framework.agent, *framework.ids("priced"), model=MODEL)
    with session.running() as run:
        framework.work(store, "priced", run, [90_000])

    (by_model,) = usage(store.port, [(session.id, "priced")], "model", Rules())

    whole = session.budget.report().spent
    assert (by_model.name, by_model.unpriced, whole.unpriced) == (MODEL, 0, 0)
    assert by_model.cost_usd == whole.cost_usd > 0
