"""A head that is moved to an earlier position: the conversation and the working state are again what they were there."""

from hypothesis import given, settings
from hypothesis import strategies as st

from segue.core.log.events import MAIN, Draft
from segue.core.session.recall import recalling
from segue.core.session.state import fold
from segue.core.session.tree import active_chain, moves_back, tree
from segue.testing.builders import assistant, decision, tool, tool_call, tool_result, usage, user
from segue.testing.events import SESSION, written
from segue.testing.strategies import stories


def folded(events):
    def read(after, upto):
        return events[after:upto]

    return fold(events, session=SESSION, recall=recalling(SESSION, read, lambda _: None))


def conversation(events):
    return {name: [(e.node, e.digest) for e in active_chain(events, name)] for name in {MAIN, *tree(events).streams}}


def chain(events):
    return [e.node for e in active_chain(events)]


@settings(max_examples=40)
@given(stories(wild=True), st.lists(st.tuples(stories(wild=True), st.integers(0, 100)), min_size=1, max_size=4))
def test_after_any_number_of_returns_all_is_what_it_was_at_the_position(first, more):
    drafts, returns = list(first), []
    for next_, where in more:
        events = written([*drafts, *next_])
        position = where % (len(events) + 1)
        if position and not tree(events[:position]).missing:  # a parent that comes later is found where it was not
            drafts += [*next_, *moves_back(events, position)]
            returns.append((len(drafts), position))
        else:
            drafts += next_
    events = written(drafts)
    for done, position in returns:
        then, now = folded(events[:position]), folded(events[:done])
        before = conversation(events[:position])
        assert {name: line for name, line in conversation(events[:done]).items() if line} == {
            k: v for k, v in before.items() if v
        }
        changes = folded(events[: done - 1]).work["changes"]
        assert (now.work, now.usage) == (then.work | {"changes": changes}, then.usage)


@settings(max_examples=40)
@given(stories(wild=True), stories(wild=True), st.integers(0, 100), st.integers(0, 40))
def test_a_state_that_is_known_already_makes_no_difference(story, more, where, cut):
    events = written([*story, *more])
    events = written([*story, *more, *moves_back(events, where % (len(events) + 1)), *more])
    whole = folded(events)
    first = folded(events[:cut])

    recall = recalling(SESSION, lambda after, upto: events[after:upto], lambda at: first if first.seq <= at else None)
    assert fold(events[cut:], first, recall=recall).to_bytes() == whole.to_bytes()


def test_what_was_written_between_is_neither_on_the_line_nor_beside_it():
    call = assistant(tool_call("run", "c1"), node="call", message_id="m")
    story = [user("go", node="go"), call]
    after = [tool(tool_result("late", "c1"), node="answer"), assistant("more", node="more", message_id="m", parent="call")]
    events = written([*story, *after])
    events = written([*story, *after, *moves_back(events, 2)])
    assert chain(events) == ["go", "call"]
    assert chain(events[:4]) == ["go", "call", "more", "answer"] or chain(events[:4]) == ["go", "call", "answer", "more"]


def test_a_node_says_what_it_said_then_and_later_again_what_it_said_later():
    story = [user("go", node="go"), user("old", node="b"), user("new", node="b"), user("on", node="c")]
    events = written(story)
    events = written([*story, *moves_back(events, 2)])
    assert [e.body["parts"][0]["content"] for e in active_chain(events)] == ["go", "old"]
    events = written([*story, *moves_back(events[:4], 2), *moves_back(events, 4)])
    assert [e.body["parts"][0]["content"] for e in active_chain(events)] == ["go", "new", "on"]


def test_the_working_state_goes_back_and_what_was_spent_and_named_does_not():
    story = [
        user("first"),
        decision("sqlite"),
        usage(900, 100),
        Draft("changes.seen", {"files": ["a.py"], "branch": "main"}),
        Draft("checkpoint.created", {"name": "RECOVERY-1", "position": 4}),
        user("second"),
        decision("postgres"),
        usage(5_000, 500),
        Draft("changes.seen", {"files": ["a.py", "b.py"], "branch": "main"}),
        Draft("memory.set", {"path": "/k", "value": 1}),
    ]
    events = written(story)
    events = written([*story, *moves_back(events, 4)])
    then, now = folded(events[:4]), folded(events)
    assert [s["text"] for s in now.work["instructions"]] == ["first"]
    assert [*now.work["decisions"]] == ["sqlite"]
    assert now.usage == then.usage is not None
    assert now.work["changes"]["files"] == ["a.py", "b.py"]
    assert (now.metrics["tokens"]["input"], now.metrics["counts"]["decisions"]) == (5_900, 2)
    assert ([*now.checkpoints], [*now.memory]) == (["RECOVERY-1"], ["/k"])
    assert now.heads[MAIN]["node"] == events[0].node


def test_a_thousand_returns_to_returns_are_folded_in_bounded_depth():
    drafts = [user("go", node="go"), decision("d0")]
    for i in range(1, 300):
        drafts += [Draft("head.moved", {"to": "go", "position": len(drafts)}), decision(f"d{i}")]
    events = written(drafts)
    assert len(folded(events).work["decisions"]) == 200
    late = fold(
        events[-1:], fold(events[:-1], session=SESSION), recall=recalling(SESSION, lambda a, b: events[a:b], lambda _: None)
    )
    assert late.seq == len(events)


def test_a_position_that_is_none_moves_the_head_alone():
    for position in (0, -1, 3, 4, "2", None, 2.0, True, 10**30):
        events = written([user("go", node="go"), decision("d"), Draft("head.moved", {"to": None, "position": position})])
        assert [*folded(events).work["decisions"]] == ["d"]
        assert chain(events) == []
