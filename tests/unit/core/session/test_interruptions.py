"""What stops a session, decided from values alone."""

import pytest

from segue.core.log.events import Draft
from segue.core.log.times import seconds, stamp
from segue.core.session.interruptions import (
    Interrupt,
    Limits,
    Used,
    exceeded,
    exit_code,
    inactive,
    lost,
    of_end,
    of_error,
    of_signal,
    outdated,
    pause,
    processes,
    used,
)
from segue.core.session.state import State, fold
from segue.testing.builders import created, usage
from segue.testing.events import written


def state_of(*drafts: Draft) -> State:
    return fold(written([created(), Draft("session.activated", {}), *drafts]))


def running(pid: int = 7) -> Draft:
    return Draft("agent.set", {"name": "ann", "status": "running", "set": {"process": {"pid": pid, "boot": "b"}}})


@pytest.mark.parametrize(
    ("number", "stops"),
    [
        (2, ("user", "SIGINT")),
        (15, ("system", "SIGTERM")),
        (1, ("system", "SIGHUP")),
        (3, ("system", "SIGQUIT")),
        (10, ("system", "signal 10")),
    ],
)
def test_ctrl_c_is_the_user_and_every_other_signal_the_system(number, stops):
    assert (of_signal(number), exit_code(number)) == (stops, 128 + number)


def test_an_agent_that_says_why_it_ends_was_left_by_its_user_or_not():
    assert [of_end(reason) for reason in ("prompt_input_exit", "other", "")] == [
        ("user", "its agent ended (prompt_input_exit)"),
        ("other", "its agent ended (other)"),
        ("other", "its agent ended"),
    ]


@pytest.mark.parametrize(
    ("kinds", "text", "stops"),
    [
        (("ValueError", "Exception"), "no\n pears", ("error", "ValueError: no pears")),
        (("ValueError", "Exception"), "", ("error", "ValueError")),
        (("ReadTimeout", "TimeoutError", "OSError"), "late", ("timeout", "ReadTimeout: late")),
        (("KeyboardInterrupt", "BaseException"), "", ("user", "KeyboardInterrupt")),
        (("CancelledError", "BaseException"), "", ("other", "CancelledError")),
        (("MemoryError", "Exception"), "x" * 1000, ("error", "MemoryError: " + "x" * 300)),
    ],
)
def test_an_error_stops_for_what_it_is(kinds, text, stops):
    assert of_error(kinds, text) == stops


def test_a_run_is_stopped_by_the_first_limit_that_it_reaches():
    state = state_of(usage(900, 200, cost_usd=0.5))
    begun, now = Used(100, 0.1), seconds(state.activity) + 50

    def stops(**limits):
        return exceeded(state, Limits(**limits), begun, seconds(state.activity), now)

    assert used(state) == (1100, 0.5)
    assert stops() is None
    assert stops(budget=1001, cost=0.41, timeout=51) is None
    assert stops(budget=1000) == ("budget", "1,000 of 1,000 tokens are used")
    assert stops(cost=0.4) == ("budget", "$0.40 of $0.40 are spent")
    assert stops(timeout=50) == ("timeout", "nothing happened for 50 s")


def test_silence_counts_from_the_beginning_of_the_run():
    state = state_of()
    now = seconds(state.activity) + 1_000

    assert exceeded(state, Limits(timeout=60), Used(0, 0), now - 59, now) is None


def test_a_session_is_timed_out_by_silence_and_not_by_a_clock_that_steps_back():
    state = state_of()
    last = seconds(state.activity)

    assert [inactive(state, last + after) for after in (-1e9, 0, 86_399)] == [None, None, None]
    assert inactive(state, last + 86_400) == ("timeout", "nothing happened for 24 hours")
    assert inactive(fold(written([created()])), last + 1e9) is None


def test_a_process_that_is_gone_ended_with_its_machine_or_for_an_unknown_reason():
    assert lost({"pid": 7, "boot": "b"}, {"boot": "b"}) == ("unknown", "process 7 is gone without a word")
    assert lost({"pid": 7, "boot": "a"}, {"boot": "b"}) == ("system", "the machine was started anew")
    assert lost(None, {"boot": "b"}) == ("unknown", "its process is gone without a word")


def test_an_interruption_pauses_and_notes_that_nobody_runs():
    state = state_of(running())

    assert pause(state, Interrupt("system", "SIGTERM"), "k", "2026-01-15T10:00:00Z") == [
        Draft(
            "agent.set",
            {"name": "ann", "status": "interrupted", "set": {"process": None}},
            key="k:ann",
            at="2026-01-15T10:00:00Z",
        ),
        Draft("session.paused", {"reason": "system", "note": "SIGTERM"}, key="k", at="2026-01-15T10:00:00Z"),
    ]


def test_a_session_that_stopped_already_is_not_paused_again():
    state = state_of(running(), Draft("session.paused", {"reason": "user"}))

    assert pause(state, Interrupt("system"), "k", "2026-01-15T10:00:00Z") == []


def test_only_agents_of_a_session_at_work_count_as_running():
    idle = Draft("agent.set", {"name": "bob", "status": "idle", "set": {"process": {"pid": 8}}})

    assert processes(state_of(running(), idle)) == {"ann": {"pid": 7, "boot": "b"}}
    assert processes(state_of(running(), Draft("session.paused", {}))) == {}


def test_an_interruption_of_before_the_session_went_on_is_outdated():
    state = state_of(Draft("session.paused", {}), Draft("session.resumed", {}))
    resumed = seconds(state.lifecycle["times"]["active"])

    assert outdated(state, stamp(resumed - 1))
    assert not outdated(state, stamp(resumed + 1))
