"""A conversation is a tree, and its active line is what is gone on with."""

from hypothesis import given

from segue.core.log.events import ABSENT, MAIN, Draft
from segue.core.log.kinds import is_node
from segue.core.session.tree import Branch, Missing, active_chain, branches, tree
from segue.testing.events import written
from segue.testing.strategies import stories


def say(node, parent=ABSENT, stream=MAIN, text=""):
    parts = [{"type": "text", "content": text or node}]
    return Draft("message", {"role": "user", "parts": parts}, node=node, parent=parent, stream=stream)


def move(to, stream=MAIN):
    return Draft("head.moved", {"to": to}, stream=stream)


def chain(*drafts, stream=MAIN):
    return [e.node for e in active_chain(written(drafts), stream)]


def test_an_absent_parent_is_the_head():
    assert chain(say("a"), Draft("decision.made", {"title": "t"}), say("b"), say("c")) == ["a", "b", "c"]


def test_an_abandoned_branch_is_not_part_of_the_active_line():
    told = [say("a", None), say("b", "a"), say("c", "b"), say("d", "a"), say("e", "d")]
    assert chain(*told) == ["a", "d", "e"]
    assert branches(written(told)) == [
        Branch(MAIN, "e", "a", 3, None, active=True, seq=5),
        Branch(MAIN, "c", "a", 3, "a", active=False, seq=3),
    ]


def test_a_head_is_moved_back_and_the_next_event_follows_it():
    assert chain(say("a"), say("b"), say("c"), move("a"), say("d")) == ["a", "d"]
    assert chain(say("a"), say("b"), move("a"), move("b")) == ["a", "b"]
    assert chain(say("a"), move(None), say("b")) == ["b"]
    assert chain(say("a"), move(None)) == []


def test_a_revision_supersedes_in_place_and_moves_no_head():
    events = written([say("a"), say("b", text="old"), say("c"), say("b", parent="c", text="new")])
    assert [(e.node, e.body["parts"][0]["content"]) for e in active_chain(events)] == [("a", "a"), ("b", "new"), ("c", "c")]


def test_a_line_goes_on_behind_a_compaction_whose_parent_is_cut():
    boundary = Draft("compaction", {"trigger": "auto", "follows": "b"}, node="x", parent=None)
    assert chain(say("a"), say("b"), boundary, say("c", "x")) == ["a", "b", "x", "c"]


def test_streams_are_trees_of_their_own():
    told = [say("a"), say("a", stream="sub"), say("b"), say("c", stream="sub")]
    assert (chain(*told), chain(*told, stream="sub"), chain(*told, stream="none")) == (["a", "b"], ["a", "c"], [])


def test_a_missing_parent_is_named_and_the_line_goes_on_behind_the_head():
    events = written([say("a"), say("b", "lost"), say("c", "b"), move("gone")])
    assert [e.node for e in active_chain(events)] == ["a", "b", "c"]
    assert tree(events).missing == [Missing(MAIN, events[3].node, "gone", 4), Missing(MAIN, "b", "lost", 2)]


def test_a_parent_may_come_later_in_the_log():
    assert chain(say("a"), say("c", "b"), say("b", "a"), move("c")) == ["a", "b", "c"]


def test_a_circle_of_parents_ends_where_it_closes():
    assert chain(say("a", "b"), say("b", "a")) == ["a", "b"]
    assert chain(say("a", "a")) == ["a"]
    assert [b.tip for b in branches(written([say("a", "b"), say("b", "a")]))] == ["b"]


@given(stories(wild=True))
def test_every_node_stands_once_on_some_line_and_the_active_one_ends_at_the_head(more):
    events = written(more)
    found = tree(events)
    for name, stream in found.streams.items():
        line = active_chain(events, name)
        assert [e.node for e in line[-1:]] == [n for n in [stream.head] if n is not None]
        assert len({e.node for e in line}) == len(line)
        assert {(e.node, e.seq) for e in line} <= {(e.node, e.seq) for e in events if is_node(e.kind) and e.stream == name}
        tips = [b for b in branches(events) if b.stream == name]
        assert sum(b.active for b in tips) == (stream.head is not None)


def test_a_conversation_may_be_as_long_as_it_likes():
    base = written([say("n0", None)])[0]
    left = sum(i % 7 == 0 for i in range(1, 20_000))  # every seventh node goes on from the one before the last
    events = [base] + [base._replace(seq=i + 1, node=f"n{i}", parent=f"n{i - 1 - (i % 7 == 0)}") for i in range(1, 20_000)]
    assert len(active_chain(events)) == 20_000 - left
    assert len(branches(events)) == left + 1


def model(node, parent, message, *calls):
    parts = [{"type": "tool_call", "id": call, "name": "run", "arguments": {}} for call in calls]
    return Draft("message", {"role": "assistant", "message_id": message, "parts": parts}, node=node, parent=parent)


def answer(node, parent, *calls):
    parts = [{"type": "tool_call_response", "id": call, "response": "done"} for call in calls]
    return Draft("message", {"role": "tool", "parts": parts}, node=node, parent=parent)


def queued(node, parent):
    return Draft(
        "message", {"role": "user", "queued": True, "parts": [{"type": "text", "content": node}]}, node=node, parent=parent
    )


PARALLEL = [
    say("q", None),
    model("a1", "q", "m", "c1"),
    model("a2", "a1", "m", "c2"),
    answer("r1", "a1", "c1"),
    answer("r2", "a2", "c2"),
]


def test_answers_to_parallel_calls_are_part_of_the_line_in_the_order_of_the_log():
    assert chain(*PARALLEL, say("go on", "r2")) == ["q", "a1", "a2", "r1", "r2", "go on"]
    assert chain(*PARALLEL[:4]) == ["q", "a1", "a2", "r1"]
    assert branches(written(PARALLEL)) == [Branch(MAIN, "r2", "q", 4, None, active=True, seq=5)]


def test_answers_and_further_calls_of_an_abandoned_branch_are_not():
    assert chain(*PARALLEL, say("other", "q")) == ["q", "other"]


def test_an_answer_to_several_calls_belongs_where_all_of_them_do():
    told = [*PARALLEL[:2], answer("both", "a1", "c1", "elsewhere"), say("go on", "a1")]
    assert chain(*told) == ["q", "a1", "go on"]


def test_what_the_user_typed_while_the_agent_worked_is_part_of_the_line_that_it_worked_on():
    told = [*PARALLEL[:2], queued("and that", "a1"), answer("r1", "a1", "c1"), model("a3", "r1", "n")]
    assert chain(*told) == ["q", "a1", "and that", "r1", "a3"]
    assert chain(*told, say("other", "q")) == ["q", "other"]
