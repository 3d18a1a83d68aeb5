"""What is saved by itself, and when: decided from figures alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segue.core.log.events import Draft
from segue.core.session.autosave import GAP, Failure, Intervals, delay, due, is_news, may_trigger, trigger
from segue.testing.builders import assistant, created, decision, tool, tool_result, user
from segue.testing.events import written

KINDS = ["context", "conversation", "project", "checkpoint", "notice", "mirror"]
NOW = 1_000_000.0


def at(now, *, saved=0.0, failed=None, worked=0.0, fresh=True, intervals=Intervals()):  # noqa: B008
    return due(intervals, dict.fromkeys(KINDS, saved), failed or {}, worked=worked, fresh=fresh, now=now)


@pytest.mark.parametrize(
    ("after", "what"),
    [
        (29, []),
        (30, ["context"]),
        (60, ["context", "conversation", "mirror"]),
        (300, ["context", "conversation", "project", "mirror"]),
        (899, ["context", "conversation", "project", "mirror"]),
        (900, ["context", "conversation", "project", "checkpoint", "mirror"]),
        (3600, KINDS),
    ],
)
def test_each_kind_is_saved_at_its_own_pace(after, what):
    assert at(NOW + after, saved=NOW) == what


def test_a_session_that_works_for_long_gets_checkpoints_more_often():
    assert "checkpoint" not in at(NOW + 600, saved=NOW, worked=1799)
    assert "checkpoint" in at(NOW + 600, saved=NOW, worked=1800)


def test_nothing_new_is_no_checkpoint():
    assert at(NOW + 9000, saved=NOW, fresh=False) == ["context", "conversation", "project", "notice", "mirror"]


def test_an_interval_of_nothing_is_never():
    off = Intervals(0, 0, 0, 0, 600, 1800, 0, 0)
    assert at(NOW + 1e6, saved=NOW, worked=1e6, intervals=off) == []


def test_a_clock_that_steps_back_keeps_nobody_waiting():
    assert at(NOW - 5, saved=NOW) == KINDS


def test_what_failed_is_tried_again_later_and_later_but_not_later_than_its_interval():
    assert [delay(times, 900.0) for times in (1, 2, 3, 7, 8, 1000)] == [10, 20, 40, 640, 900, 900]
    failed = {"checkpoint": Failure(2, NOW, "full")}
    assert "checkpoint" not in at(NOW + 19, saved=NOW - 5000, failed=failed)
    assert "checkpoint" in at(NOW + 20, saved=NOW - 5000, failed=failed)


@given(st.floats(0, 1e5), st.floats(0, 1e5), st.integers(1, 10_000))
def test_what_is_due_once_stays_due_until_it_is_saved(first, more, times):
    failed = {"project": Failure(times, NOW, "x")}
    assert set(at(NOW + first, saved=NOW, failed=failed)) <= set(at(NOW + first + more, saved=NOW, failed=failed))


@pytest.mark.parametrize(
    ("draft", "name"),
    [
        (Draft("session.activated", {}), "session start"),
        (Draft("session.ended", {"reason": "done"}), "session end"),
        (Draft("task.set", {"status": "done"}), "task completed"),
        (Draft("task.set", {"status": "active"}), "task assigned"),
        (Draft("task.set", {"title": "x"}), ""),
        (decision("x", major=True), "major decision"),
        (decision("x"), ""),
        (Draft("progress.set", {"percent": 50}), "milestone"),
        (Draft("progress.set", {"percent": 51}), ""),
        (Draft("step.completed", {"text": "x", "milestone": True}), "milestone"),
        (assistant("x", effects=[{"op": "edit", "path": "a"}]), "file modified"),
        (assistant("x", effects=[{"op": "read", "path": "a"}]), ""),
        (tool(tool_result("no", is_error=True)), "error"),
        (Draft("metric", {"name": "errors"}), "error"),
        (user("hello"), ""),
        (Draft("message", {"role": "tool", "parts": [], "effects": [7, None]}), ""),
        (Draft("of.a.next.version", {"x": 1}), ""),
    ],
)
def test_some_events_ask_for_a_checkpoint(draft, name):
    assert trigger(written([created(), draft])[1:]) == name


def test_the_weightiest_of_several_is_named():
    events = written(
        [created(), assistant(effects=[{"op": "edit", "path": "a"}]), Draft("task.set", {"status": "done"}), user("x")]
    )
    assert trigger(events) == "task completed"


def test_small_things_wait_until_a_checkpoint_is_a_while_ago():
    assert [may_trigger("file modified", since) for since in (0, GAP - 1, GAP, -1)] == [False, False, True, True]
    assert (may_trigger("task completed", 0), may_trigger("", 1e9)) == (True, False)


def test_bookkeeping_is_no_news():
    drafts = [
        user("x"),
        Draft("agent.set", {"name": "a"}),
        Draft("record", {"type": "hook:Stop"}, stream="hooks"),
        Draft("record", {"type": "x"}),
    ]
    assert [is_news(event) for event in written([created(), *drafts])[1:]] == [True, False, False, True]
