"""What a context is full of, and what its model calls cost."""

import pytest

from segue.core.context.occupancy import Share, in_context, measure, occupancy
from segue.core.context.spent import Call, calls, key_of, spent, sums
from segue.core.context.tokens import CALL_TOKENS, Count
from segue.core.log.events import Draft
from segue.core.session.state import fold
from segue.testing.builders import assistant, tool, tool_call, tool_result, usage, user
from segue.testing.events import written


class Letters:
    """Counts letters: so that figures can be checked by eye."""

    family = "unknown"
    method = "estimate"
    margin = 0.5

    def count(self, text):
        return len(text)


STORY = [
    Draft("session.created", {}),
    user("go", node="a"),
    assistant("well", tool_call("Read", "c1", file_path="/shop/pears.py"), node="b", parent="a"),
    tool(tool_result("x" * 30, "c1"), node="c", parent="b"),
    assistant(tool_call("Bash", "c2", command="ls"), node="d", parent="c"),
    tool(tool_result("no such thing", "c2", is_error=True), node="e", parent="d"),
]
READ = len('{"file_path": "/shop/pears.py"}') + CALL_TOKENS
RUN = len('{"command": "ls"}') + CALL_TOKENS


def test_a_context_is_told_by_kind_by_tool_and_by_file_the_largest_first():
    found = occupancy(in_context(written(STORY)), Letters())
    assert (found.kinds, found.tools, found.files, found.tokens) == (
        (
            Share("call", READ + RUN, 2),
            Share("result", 30, 1),
            Share("error", 13, 1),
            Share("prose", 4, 1),
            Share("instruction", 2, 1),
        ),
        (Share("Read", READ + 30, 2), Share("Bash", RUN + 13, 2)),
        (Share("/shop/pears.py", READ + 30, 2),),
        READ + RUN + 30 + 13 + 4 + 2,
    )


def test_what_was_before_the_agents_compaction_is_no_longer_in_it():
    later = [Draft("compaction", {"summary": "sold"}, node="f", parent="e"), user("and now", node="g", parent="f")]
    assert [(i.kind, i.text) for i in in_context(written([*STORY, *later]))] == [("summary", "sold"), ("instruction", "and now")]


def test_the_size_is_what_the_provider_counted_and_an_estimate_of_what_came_since():
    answer = assistant("fine", node="f", parent="e", usage={"input_tokens": 990, "output_tokens": 10})
    story = [*STORY, answer, user("more please", node="g", parent="f")]
    events = list(written(story))
    state = fold(events)
    assert measure(events, state.usage, Letters()) == Count(1_011, "unknown", "anchored", 0.5 * 11 / 1_011)
    assert measure(events, None, Letters()).method == "estimate"


def test_of_several_records_of_one_message_the_last_one_is_the_call():
    records = [
        assistant("a", node="1", message_id="m", model="x", actor="coder", usage={"input_tokens": 5}),
        assistant("b", node="2", message_id="m", model="x", actor="coder", usage={"input_tokens": 7, "output_tokens": 1}),
        usage(2, 0, model="y"),
    ]
    found = calls(written(records))
    assert [(c.agent, c.model, c.tokens["input"], c.tokens["output"]) for c in found] == [("coder", "x", 7, 1), ("", "y", 2, 0)]


def call(model, day="2026-11-21", cost=None, **tokens):
    return Call(
        f"{day}T10:00:00Z",
        "coder",
        model,
        dict.fromkeys(("input", "output", "cache_read", "cache_write", "reasoning"), 0) | tokens,
        cost,
    )


def test_calls_are_summed_up_by_name_each_at_the_price_of_its_day_or_as_its_record_says():
    found = [
        call("claude-opus-4-6", "2026-03-12", input=1_000_000),
        call("claude-opus-4-6", "2026-03-13", input=1_000_000),
        call("claude-opus-4-6", cost=0.25, input=1_000_000),
        call("nobody-knows", input=40, output=2),
        call("mine", input=1_000_000),
    ]
    one, other = sums(((key_of(c, "agent") if c.model != "mine" else "me", c) for c in found), {"mine": "0.5/1"})
    assert (one.calls, one.cost_usd, one.recorded_usd, one.unpriced) == (4, pytest.approx(10 + 5 + 0.25), 0.25, 42)
    assert (other.name, other.cost_usd) == ("me", 0.5)


def test_what_a_session_cost_is_known_from_its_figures_alone():
    story = [
        usage(1_000_000, 0, model="claude-opus-4-5"),
        usage(9, 0, model="?"),
        usage(0, 0, cost_usd=0.5, model="z"),
    ]
    assert spent(fold(written(story)).metrics, {}) == pytest.approx(5.5)


def test_calls_that_name_no_model_cost_what_the_sessions_own_does():
    named, nobodys = usage(1_000_000, 0, model="claude-opus-4-5"), usage(1_000_000, 0)
    assert spent(fold(written([named, nobodys])).metrics, {}, "claude-opus-4-5") == pytest.approx(10)
    assert spent(fold(written([named, usage(9, 0, cost_usd=0.5)])).metrics, {}, "claude-opus-4-5") == pytest.approx(5.5)
