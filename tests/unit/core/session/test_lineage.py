"""Where sessions parted."""

import pytest

from segue.core.log.events import ForkPoint
from segue.core.session.lineage import Common, ancestry, children, common

PARENTS = {
    "root": None,
    "a": ForkPoint("root", 10, "d10"),
    "b": ForkPoint("root", 20, "d20"),
    "a2": ForkPoint("a", 15, "d15"),
    "a3": ForkPoint("a", 5, "d5"),
    "other": None,
    "x": ForkPoint("y", 1, "d"),
    "y": ForkPoint("x", 1, "d"),
    "orphan": ForkPoint("deleted", 3, "d"),
}


def test_ancestry_goes_back_to_the_root():
    assert [p.session for p in ancestry("a2", PARENTS.get)] == ["a", "root"]
    assert [p.session for p in ancestry("orphan", PARENTS.get)] == ["deleted"]
    assert ancestry("root", PARENTS.get) == []


def test_a_circle_ends():
    assert [p.session for p in ancestry("x", PARENTS.get)] == ["y"]


@pytest.mark.parametrize(
    ("a", "b", "shared"),
    [
        ("a", "b", Common("root", 10)),
        ("a", "root", Common("root", 10)),
        ("a2", "b", Common("root", 10)),
        ("a2", "a", Common("a", 15)),
        ("a2", "a3", Common("a", 5)),
        ("a3", "b", Common("root", 5)),
        ("a", "a", Common("a", None)),
        ("a", "other", None),
    ],
)
def test_two_sessions_share_their_past_up_to_where_the_first_left(a, b, shared):
    assert common(a, b, PARENTS.get) == shared
    assert common(b, a, PARENTS.get) == shared


def test_children_come_in_the_order_of_their_fork_points():
    assert children(PARENTS)["a"] == ["a3", "a2"]
