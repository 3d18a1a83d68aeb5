"""Lines of unknown logs become logs again: every line is in one, and no line of another log is among them."""

from hypothesis import given, settings
from hypothesis import strategies as st

from segue.core.log.codec import genesis
from segue.core.log.piecing import Sight, piece
from segue.core.log.rejoining import Node

A, B = "019bc0fd-89c1-7000-8000-00000000000a", "019bc0fd-89c1-7000-8000-00000000000b"


def log(session, length, name, base=0, prev=""):
    nodes, before = [], prev or genesis(session)
    for seq in range(base + 1, base + length + 1):
        nodes.append(Node(seq, before, f"{name}{seq}"))
        before = f"{name}{seq}"
    return nodes


def sights(nodes, file="f", home="", begins=1):
    return [Sight(node, file, home, node.seq == begins) for node in nodes]


def told(found):
    return [([node.digest for node in one.nodes], one.lost, one.session) for one in found]


def test_what_follows_each_other_is_one_log_wherever_it_was():
    whole = log(A, 6, "a")
    found = piece([*sights(whole[4:], "x"), *sights(whole[:2], "y"), *sights(whole[2:4], "z")])
    assert told(found) == [(["a1", "a2", "a3", "a4", "a5", "a6"], [], "")]


def test_what_lost_the_line_before_it_joins_the_log_of_the_directory_that_it_was_in():
    whole = log(A, 6, "a")
    found = piece(sights([*whole[:2], *whole[3:4], *whole[5:]], "x", A))
    assert told(found) == [(["a1", "a2", "a4", "a6"], [(3, 3), (5, 5)], A)]


def test_another_logs_lines_in_a_directory_do_not_take_its_rest_with_them():
    """A segment of B's was put into the place of A's first: what is left of A is A's."""
    a, b = log(A, 6, "a"), log(B, 3, "b")
    found = piece([*sights(b, "x", A), *sights(a[3:], "y", A), *sights(b, "z", B)])
    assert told(found) == [(["b1", "b2", "b3"], [], B), (["a4", "a5", "a6"], [(1, 3)], A)]


def test_what_went_on_separately_is_two_logs_each_from_the_beginning_on():
    both, first, second = log(A, 3, "a"), log(A, 3, "b", 3, "a3"), log(A, 1, "c", 3, "a3")
    found = piece([*sights([*both, *first], "x", A), *sights([*both, *second], "y", A)])
    assert sorted(told(found)) == [
        (["a1", "a2", "a3", "b4", "b5", "b6"], [], A),
        (["a1", "a2", "a3", "c4"], [], A),
    ]


def test_a_fork_has_its_past_where_that_was_found_and_a_gap_where_not():
    parent, fork = log(A, 5, "a"), log(B, 2, "b", 3, "a3")
    together = piece([*sights(parent, "x", A), *sights(fork, "y", B, begins=4)])
    assert told(together)[1] == (["a1", "a2", "a3", "b4", "b5"], [], B)
    alone = piece(sights(fork, "y", B, begins=4))
    assert told(alone) == [(["b4", "b5"], [(1, 3)], B)]


def test_several_sessions_in_one_file_stay_apart():
    a, b = log(A, 3, "a"), log(B, 4, "b")
    found = piece(sights([*a, *b[:2], b[3]], "x"))
    assert told(found) == [(["a1", "a2", "a3"], [], ""), (["b1", "b2", "b4"], [(3, 3)], "")] or told(found) == [
        (["b1", "b2", "b4"], [(3, 3)], ""),
        (["a1", "a2", "a3"], [], ""),
    ]


@settings(max_examples=200)
@given(st.data())
def test_every_line_is_in_a_log_and_each_log_rises(data):
    logs = [log(A, 8, "a"), log(B, 8, "b"), log(A, 4, "c", 4, "a4"), log(B, 3, "d", 2, "a2")]
    found = []
    for number, nodes in enumerate(logs):
        kept = data.draw(st.lists(st.sampled_from(nodes), unique=True))
        file = data.draw(st.sampled_from(["x", "y", f"f{number}"]))
        home = data.draw(st.sampled_from(["", A, B]))
        found += sights(sorted(kept), file, home, begins=3 if number == 3 else 1)
    pieced = piece(data.draw(st.permutations(found)))
    assert {node for one in pieced for node in one.nodes} == {sight.node for sight in found}
    for one in pieced:
        seqs = [node.seq for node in one.nodes]
        assert seqs == sorted(set(seqs))
        present = {seq for first, last in one.lost for seq in range(first, last + 1)}
        assert present.isdisjoint(seqs)
        assert present | set(seqs) == set(range(1, seqs[-1] + 1))
