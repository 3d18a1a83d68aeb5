"""Copies of a log become one log again."""

from hypothesis import given, settings
from hypothesis import strategies as st

from segue.core.log.events import Head
from segue.core.log.rejoining import Line, Node, Rejoined, gaps, rejoin, united

BASE = Head(0, "0")


def chain(length, name="a", after=BASE):
    nodes, prev = [], after.digest
    for seq in range(after.seq + 1, after.seq + length + 1):
        nodes.append(Node(seq, prev, f"{name}{seq}"))
        prev = nodes[-1].digest
    return nodes


def test_one_whole_copy_is_the_log():
    assert rejoin(BASE, [chain(3)]) == Rejoined(Line(chain(3), []), [])


def test_no_copy_and_an_empty_one_are_an_empty_log():
    assert rejoin(BASE, []) == rejoin(BASE, [[]]) == Rejoined(Line([], []), [])


def test_what_one_copy_lacks_another_has():
    whole = chain(9)
    assert rejoin(BASE, [whole[:2] + whole[4:6], whole[1:5], whole[7:]]) == Rejoined(Line(whole[:6] + whole[7:], [(7, 7)]), [])


def test_what_is_in_no_copy_is_a_gap_and_what_follows_it_stays():
    whole = chain(9)
    assert rejoin(BASE, [whole[3:5] + whole[8:]]) == Rejoined(Line(whole[3:5] + whole[8:], [(1, 3), (6, 8)]), [])


def test_of_two_that_went_on_separately_the_longer_is_the_log_and_the_other_a_branch():
    shared = chain(4)
    long, short = chain(5, "l", Head(4, "a4")), chain(3, "s", Head(4, "a4"))
    found = rejoin(BASE, [shared + short, shared + long])
    assert (found.main.nodes, found.branches) == (shared + long, [(Head(4, "a4"), Line(short, []))])


def test_of_two_that_are_equally_long_the_first_copys_is_the_log():
    shared = chain(2)
    one, two = chain(2, "x", Head(2, "a2")), chain(2, "b", Head(2, "a2"))
    assert rejoin(BASE, [shared + one, shared + two]).main.nodes == shared + one


def test_a_gap_is_bridged_within_the_copy_that_has_it():
    shared = chain(3)
    left, right = chain(6, "l", Head(3, "a3")), chain(5, "r", Head(3, "a3"))
    found = rejoin(BASE, [shared + left[:1] + left[2:], shared + right])
    assert (found.main.nodes, found.main.lost) == (shared + left[:1] + left[2:], [(5, 5)])
    assert [branch.line.nodes for branch in found.branches] == [right]


def test_two_events_of_one_number_in_one_copy_are_two_lines():
    shared = chain(2)
    one, two = chain(2, "x", Head(2, "a2")), [Node(3, "unknown", "y3")]
    found = rejoin(BASE, [sorted(shared + one + two)])
    assert (found.main.nodes, [branch.line.nodes for branch in found.branches]) == (shared + one, [two])


def test_ranges_that_touch_are_one():
    assert united([(5, 6), (1, 2), (3, 3), (9, 9)]) == [(1, 3), (5, 6), (9, 9)]
    assert gaps(3, [4, 7, 8, 10]) == [(5, 6), (9, 9)]


@settings(max_examples=400)
@given(st.integers(1, 12), st.lists(st.sets(st.integers(1, 12)), min_size=1, max_size=4), st.integers(0, 20))
def test_every_event_of_any_copy_is_there_again_and_what_is_not_is_named(length, holes, start):
    base = Head(start, "0")
    whole = chain(length, after=base)
    copies = [[node for node in whole if node.seq - start not in missing] for missing in holes]
    there = sorted({node for copy in copies for node in copy})
    found = rejoin(base, copies)
    assert (found.main.nodes, found.branches) == (there, [])
    lost = {n for first, last in found.main.lost for n in range(first, last + 1)}
    last = there[-1].seq if there else start
    assert lost == set(range(start + 1, last + 1)) - {node.seq for node in there}


@given(st.lists(st.tuples(st.integers(0, 8), st.integers(1, 8), st.sets(st.integers(1, 8), max_size=3)), min_size=1, max_size=5))
def test_nothing_intact_is_dropped_however_many_went_on_separately(parts):
    copies = [chain(8)]
    for i, (at, length, holes) in enumerate(parts):
        own = chain(length, f"b{i}-", Head(at, f"a{at}") if at else BASE)
        copies.append([n for n in chain(8)[:at] + own if n.seq not in holes])
    found = rejoin(BASE, copies)
    told = found.main.nodes + [node for branch in found.branches for node in branch.line.nodes]
    assert sorted(told) == sorted({node for copy in copies for node in copy})
    assert all(
        [n.seq for n in line.nodes] == sorted({n.seq for n in line.nodes})
        for line in (found.main, *(b.line for b in found.branches))
    )
