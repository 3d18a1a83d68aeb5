"""How full a context is, which band that is, and when it goes from one into another."""

from types import SimpleNamespace

import pytest

from segue.core.log.events import Draft
from segue.core.session.budget import (
    USUAL,
    Position,
    Thresholds,
    band_of,
    crossings,
    duration_of,
    new_budget,
    position,
    spending,
    unhandled,
)
from segue.core.session.state import fold
from segue.testing.events import written


def event(seq, kind, body):
    return next(iter(written([Draft(kind, body)])))._replace(seq=seq)


def crossed(state, percent, thresholds=USUAL):
    """Return from which band to which the crossings of a context that is so full lead."""
    drafts = crossings(state, position(int(percent * 10), 1_000, thresholds), thresholds)
    return [(d.body["frm"], d.body["band"]) for d in drafts]


def in_band(band):
    return SimpleNamespace(budget=new_budget() | {"band": band}, usage=None)


@pytest.mark.parametrize(
    ("percent", "band"),
    [
        (0, "normal"),
        (59.9, "normal"),
        (60, "disclosure"),
        (75, "summarisation"),
        (84.9, "summarisation"),
        (85, "emergency"),
        (120, "emergency"),
    ],
)
def test_a_threshold_belongs_to_the_band_that_it_begins(percent, band):
    assert band_of(percent) == band


def test_the_thresholds_are_the_users_to_set():
    assert [band_of(percent, Thresholds(10, 20, 30)) for percent in (9, 10, 20, 30)] == [
        "normal",
        "disclosure",
        "summarisation",
        "emergency",
    ]


def test_without_a_window_neither_percent_nor_band_nor_what_is_available_is_known():
    assert (position(5, 0), position(5, 0).available) == (Position(5, 0, None, None), None)


@pytest.mark.parametrize(
    ("minutes", "name"), [(0, "under 30 minutes"), (30, "30 to 60 minutes"), (59.9, "30 to 60 minutes"), (60, "over 60 minutes")]
)
def test_a_duration_has_its_band(minutes, name):
    assert duration_of(minutes * 60) == name


def test_each_threshold_on_the_way_up_is_a_crossing_of_its_own():
    assert crossed(in_band(""), 90) == [("normal", "disclosure"), ("disclosure", "summarisation"), ("summarisation", "emergency")]


def test_on_the_way_down_there_is_one_and_only_well_below_the_threshold():
    assert [crossed(in_band("emergency"), percent) for percent in (84, 80.1, 80, 10)] == [
        [],
        [],
        [("emergency", "summarisation")],
        [("emergency", "normal")],
    ]


def test_a_size_that_wavers_about_a_threshold_crosses_it_once():
    state = fold([], session="s")
    found = []
    for percent in (59, 61, 59, 61, 56, 62):
        drafts = crossings(state, position(percent * 10, 1_000), USUAL)
        found += [d.body["band"] for d in drafts]
        state = fold([event(state.seq + 1 + i, d.kind, d.body) for i, d in enumerate(drafts)], state)
    assert found == ["disclosure"]


def test_what_nobody_handled_is_what_led_into_a_fuller_band():
    bodies = [("normal", "disclosure"), ("disclosure", "summarisation"), ("summarisation", "normal")]
    events = [event(i, "budget.crossed", {"frm": frm, "band": to, "percent": 1}) for i, (frm, to) in enumerate(bodies, 1)]
    events.append(event(4, "budget.handled", {"crossing": 1, "outcome": "done"}))
    assert [one["seq"] for one in unhandled(fold(events))] == [2]


def test_a_limit_is_reached_once_until_it_is_raised():
    state = fold([event(1, "budget.spending", {"limit": 2.0})])
    assert [spending(state, cost) for cost in (0.0, 1.99)] == [[], []]
    (reached,) = spending(state, 2.5)
    state = fold([event(2, reached.kind, reached.body)], state)
    assert (reached.body, spending(state, 9)) == ({"limit": 2.0, "spent": 2.5, "reached": True}, [])
    state = fold([event(3, "budget.spending", {"limit": 5.0, "choice": "raise"})], state)
    assert (state.budget["reached"], [d.body["spent"] for d in spending(state, 9)]) == (None, [9])


@pytest.mark.parametrize(
    "body",
    [
        {"band": "beyond", "frm": "normal"},
        {"band": 7},
        {"band": "normal", "frm": None, "percent": "much"},
        {"band": "emergency", "percent": True},
    ],
)
def test_a_crossing_of_another_shape_breaks_nothing(body):
    assert crossed(fold([event(1, "budget.crossed", body)]), 30) in ([], [("emergency", "normal")])


def test_a_window_that_the_agent_told_is_known_from_then_on():
    assert fold([event(1, "usage", {"window": 1_000_000})]).budget["window"] == 1_000_000
