"""What the summary of an agent's own compaction says nothing of."""

import pytest

from segue.core.context.forgotten import Forgotten, Lost, forgotten, says
from segue.core.context.relevance import words
from segue.core.log.events import Draft
from segue.core.session.state import fold
from segue.testing.builders import assistant, decision, tool_call, user
from segue.testing.events import written

BEFORE = [
    Draft("session.created", {}),
    user("sell pears at the market", node="a"),
    assistant(tool_call("Edit", "c1", file_path="/shop/prices.py"), node="b", parent="a"),
    assistant(
        tool_call("Write", "c2", file_path="/shop/stand.py"),
        tool_call("Read", "c3", file_path="/shop/seen.py"),
        node="c",
        parent="b",
    ),
    user("never deliver on Sundays", node="d", parent="c"),
    decision("weigh with the brass scales"),
    Draft("constraint.set", {"text": "no credit for strangers"}),
]
SUMMARY = "The user sells pears at the market; prices.py was edited, and strangers get no credit."


def of(*drafts):
    events = list(written(drafts))
    return forgotten(events, fold(events).work)


def test_what_the_user_said_decisions_rules_and_changed_files_are_looked_for():
    assert of(*BEFORE, Draft("compaction", {"summary": SUMMARY}, node="e", parent="d")) == Forgotten(
        8,
        (
            Lost(5, "instruction", "never deliver on Sundays"),
            Lost(6, "decision", "weigh with the brass scales"),
            Lost(4, "file", "/shop/stand.py"),
        ),
    )


def test_a_summary_that_its_agent_says_after_the_compaction_is_that_summary():
    said = "This session is being continued from a previous conversation. " + SUMMARY
    drafts = [Draft("compaction", {}, node="e", parent="d"), user(said, node="f", parent="e", meta=True)]
    assert [one.seq for one in of(*BEFORE, *drafts).lost] == [5, 6, 4]


def test_what_came_after_or_before_an_earlier_compaction_is_not_its_matter():
    later = [
        Draft("compaction", {"summary": "nothing"}, node="e", parent="d"),
        user("buy quinces", node="f", parent="e"),
        Draft(
            "compaction",
            {"summary": SUMMARY + " Decided: brass scales, to weigh. Quinces are to be bought."},
            node="g",
            parent="f",
        ),
        user("paint the stand", node="h", parent="g"),
    ]
    assert of(*BEFORE, *later) == Forgotten(10, ())


@pytest.mark.parametrize("drafts", [[], [Draft("compaction", {}, node="e", parent="d")]])
def test_without_a_summary_nothing_is_told(drafts):
    assert of(*BEFORE, *drafts) is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", True),
        ("ok, and the", True),
        ("sell the pears", True),
        ("selling pear at markets", True),
        ("plums, figs and quinces", False),
    ],
)
def test_a_saying_is_there_where_half_its_words_are(text, said):
    assert says(frozenset(words(SUMMARY)), text) is said
