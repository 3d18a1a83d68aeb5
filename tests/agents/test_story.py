"""A story is carried, or what is missing is named: the measure of the matrix is itself measured."""

import pytest

from tests.agents.model_server import Call, Request, Result, Said
from tests.agents.story import Story, first_request, unsound

STORY = Story(
    (
        Said("user", "build notes"),
        Call("a", "Bash", {"command": "ls -la && cat notes.txt", "description": "look"}),
        Result("a", "total 1\nnotes.txt"),
        Said("assistant", "The fact is 7741."),
    )
)
CARRIED = (
    Said("developer", "You are ..."),
    Said("user", "“build notes”"),
    Call("call_1", "exec_command", {"cmd": "ls -la && cat notes.txt"}),
    Result("call_1", "Chunk ID: 1\nOutput:\ntotal 1\n  notes.txt"),
    Said("assistant", "The fact is 7741. "),
    Said("user", "go on"),
)


def request(*items):
    return Request("any", "m", items, tools=("exec_command",))


def test_what_another_agent_says_in_its_own_words_is_carried():
    assert STORY.missing(request(*CARRIED)) == []


@pytest.mark.parametrize(
    ("items", "missing"),
    [
        (CARRIED[:1] + CARRIED[2:], ["missing: Said(role='user', text='build notes')"]),
        (CARRIED[:4] + CARRIED[5:], ["missing: Said(role='assistant', text='The fact is 7741.')"]),
        (
            (*CARRIED[:2], Call("call_1", "exec_command", {"cmd": "ls -la"}), *CARRIED[3:]),
            ["missing: Call(id='a', name='Bash', arguments={'command': 'ls -la && cat notes.txt', 'description': 'look'})"],
        ),
        ((*CARRIED[:3], Result("call_1", "total 1"), *CARRIED[4:]), ["missing in a result: 'notes.txt'"]),
        (
            (*CARRIED[:3], Result("call_2", "total 1 notes.txt"), *CARRIED[4:]),
            ["missing: Result(id='a', text='total 1\\nnotes.txt')"],
        ),
        ((*CARRIED[2:5], CARRIED[1]), None),
    ],
    ids=["prompt", "answer", "arguments", "line", "pair", "order"],
)
def test_what_is_missing_is_named(items, missing):
    found = STORY.missing(request(*items))
    assert found == missing if missing is not None else found[0].startswith("out of order: ")


def test_the_same_call_made_twice_is_carried_twice():
    twice = Story((STORY.items[1], STORY.items[2], Call("b", "Bash", {"command": "ls -la && cat notes.txt"}), Result("b", "x")))
    assert [line[:13] for line in twice.missing(request(*CARRIED))] == ["out of order:"]


def test_calls_and_results_without_partner_are_unsound():
    found = unsound(request(CARRIED[2], Result("x", "y")))
    assert [line.partition(":")[0] for line in found] == ["a result without its call", "a call without its result"]
    assert unsound(request(*CARRIED)) == []


def test_where_a_provider_has_no_ids_the_order_tells():
    pairs = (Call("", "f", {"n": 1}), Call("", "f", {"n": 2}), Result("", "one"), Result("", "two"))
    assert Story(pairs).missing(request(*pairs)) == []
    swapped = (pairs[0], pairs[1], pairs[3], pairs[2])
    assert Story(pairs).missing(request(*swapped)) == ["missing in a result: 'one'", "missing in a result: 'two'"]


def test_a_story_of_a_session_begins_with_its_first_prompt():
    seen = request(Said("assistant", "Got it."), *CARRIED[:4])
    story = Story.of(seen, ["build notes"], "The fact is 7741.")
    assert story.items == (Said("user", "build notes"), CARRIED[2], CARRIED[3], Said("assistant", "The fact is 7741."))


def test_a_moved_project_is_another_path_everywhere():
    story = Story((Said("user", "see /a/x"), Call("1", "Read", {"path": "/a/x", "n": [1, "/a/y"]}), Result("1", "/a/x: ok")))
    assert story.moved("/a/", "/b/").items == (
        Said("user", "see /b/x"),
        Call("1", "Read", {"path": "/b/x", "n": [1, "/b/y"]}),
        Result("1", "/b/x: ok"),
    )


def test_the_first_request_is_the_working_models():
    title = Request("any", "small", (Said("user", "go on"),))
    working = request(*CARRIED)
    assert first_request([title, working], "go on") is working
    with pytest.raises(AssertionError, match="no request says"):
        first_request([title], "go on")
