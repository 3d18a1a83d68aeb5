"""The outline of a conversation is the same however it is come by, and has what must not be forgotten."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segue.core.context.line import NEAR
from segue.core.context.outline import Outline, Turned, outlined
from segue.core.errors import DamagedError
from segue.core.log.events import Draft
from segue.testing.builders import assistant, created, tool, tool_call, tool_result, user
from segue.testing.events import written


def content(outline):
    """All that a packer takes of it."""
    files = {path: (use.weight, use.times) for path, use in outline.files().items()}
    return outline.seq, outline.digest, outline.units, outline.left, outline.conversation(), files


def followed(events):
    """The outline of events taken one by one, and how often it had to be made of all before."""
    outline, turns = Outline(), 0
    for place, event in enumerate(events):
        try:
            outline.take(event)
        except Turned:
            outline, turns = outlined(events[: place + 1]), turns + 1
    return outline, turns


@st.composite
def conversations(draw):
    """A conversation that goes on, back, beside itself, and is revised."""
    drafts, nodes, open_calls = [created(name="S")], [], []
    for n in range(draw(st.integers(1, 40))):
        what = draw(st.sampled_from(["user", "say", "calls", "answer", "queued", "record", "revise", "move", "root"]))
        back = draw(st.sampled_from([0, 0, 0, 1, 2, 7]))
        parent = nodes[-1 - back] if back < len(nodes) else (nodes[-1] if nodes else None)
        where = {"node": f"n{n}", "parent": parent}
        if what == "user":
            drafts.append(user(f"do {n} in src/mod_{n % 3}.py", **where))
        elif what == "say":
            drafts.append(assistant(f"done with src/mod_{n % 4}.py", message_id=f"m{n}", **where))
        elif what == "calls":
            for k in range(2):
                call = tool_call("Bash", f"c{n}-{k}", command=f"make t{n % 3} src/mod_{k}.py")
                drafts.append(assistant(call, message_id=f"m{n}", node=f"n{n}-{k}", parent=parent))
                parent = f"n{n}-{k}"
                nodes.append(parent)
                open_calls.append((f"c{n}-{k}", parent))
            continue
        elif what == "answer" and open_calls:
            call, asked = open_calls.pop(draw(st.integers(0, len(open_calls) - 1)))
            failed = draw(st.booleans())
            drafts.append(tool(tool_result(f"out {n}", call, is_error=failed), node=f"n{n}", parent=asked))
        elif what == "queued":
            drafts.append(user(f"also {n}", queued=True, **where))
        elif what == "record":
            drafts.append(Draft("record", {"type": "progress"}, **where))
        elif what == "revise" and nodes:
            drafts.append(user(f"revised {n}", node=nodes[-1 - min(back, len(nodes) - 1)], parent=parent))
            continue
        elif what == "move" and nodes:
            drafts.append(Draft("head.moved", {"to": nodes[-1 - min(back, len(nodes) - 1)]}))
            continue
        elif what == "root":
            drafts.append(user(f"anew {n}", node=f"n{n}", parent=None))
        else:
            continue
        nodes.append(f"n{n}")
    return written(drafts)


@settings(max_examples=60)
@given(conversations())
def test_an_outline_that_followed_the_log_is_the_outline_of_the_whole_line(events):
    assert content(followed(events)[0]) == content(outlined(events))


@settings(max_examples=20)
@given(conversations(), st.data())
def test_an_outline_can_be_kept_and_gone_on_with_anywhere(events, data):
    cut = data.draw(st.integers(0, len(events)))
    kept = Outline.from_bytes(followed(events[:cut])[0].to_bytes())
    outline = kept
    for place, event in enumerate(events[cut:], cut):
        try:
            outline.take(event)
        except Turned:
            outline = outlined(events[: place + 1])

    assert content(outline) == content(outlined(events))


def test_parallel_calls_and_their_answers_in_any_order_are_no_turn():
    drafts = [user("go", node="u", parent=None)]
    for n in range(40):
        parent = "u" if n == 0 else f"r{n - 1}-2"
        for k in range(3):
            call = tool_call("Read", f"c{n}-{k}", file_path=f"/w/{k}.py")
            drafts.append(assistant(call, message_id=f"m{n}", node=f"a{n}-{k}", parent=parent))
            parent = f"a{n}-{k}"
        drafts += [tool(tool_result("x", f"c{n}-{k}"), node=f"r{n}-{k}", parent=f"a{n}-{k}") for k in (1, 0, 2)]

    outline, turns = followed(written(drafts))

    assert turns == 0
    assert {path: use.times for path, use in outline.files().items()} == {f"/w/{k}.py": {"read": 40} for k in range(3)}


def test_what_the_user_said_on_a_branch_that_was_left_is_not_in_it():
    drafts = [
        user("keep", node="a", parent=None),
        assistant("ok", node="b", parent="a"),
        user("abandoned", node="c", parent="b"),
        assistant("no", node="d", parent="c"),
        user("instead", node="e", parent="b"),
    ]

    assert [unit.text for unit in followed(written(drafts))[0].conversation()] == ["keep", "instead"]


def test_a_failure_is_kept_until_the_same_call_succeeds():
    drafts = [user("go")]
    for n, (command, is_error) in enumerate([("make docs", True), ("make test", True), ("make test", False)]):
        drafts.append(assistant(tool_call("Bash", f"c{n}", command=command)))
        drafts.append(tool(tool_result(f"output of {command}", f"c{n}", is_error=is_error)))

    units = followed(written(drafts))[0].conversation()

    assert [(u.kind, u.head, u.text, u.failed) for u in units] == [
        ("instruction", "", "go", False),
        ("exchange", "Bash $ make docs (failed)", "output of make docs", True),
    ]


def test_its_size_has_a_limit_and_the_first_and_the_last_words_stay_whole():
    outline = Outline()
    for event in written([user(f"number {n}: " + "many words of a pasted document " * 400) for n in range(400)]):
        outline.take(event)

    texts = [unit.text for unit in outline.conversation()]
    assert len(texts) == 400
    assert sum(map(len, texts)) <= 240_000
    assert {"left out" in text for text in (texts[0], texts[-1])} == {False}
    assert "left out" in texts[1]
    assert all(text.startswith(f"number {n}: ") for n, text in enumerate(texts))


def test_an_answer_far_behind_its_call_makes_it_turn_and_is_found():
    drafts = [user("go", node="u", parent=None), assistant(tool_call("Task", "late"), message_id="m", node="t", parent="u")]
    drafts += [user(f"say {n}", queued=True) for n in range(NEAR + 1)]
    drafts.append(tool(tool_result("at last", "late"), node="r", parent="t"))
    events = written(drafts)

    outline, turns = followed(events)

    assert turns == 1
    assert content(outline) == content(outlined(events))


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"schema": "another"}', b'{"schema": "segue-outline-2", "seq": "x"}'])
def test_what_is_no_outline_is_refused(data):
    with pytest.raises(DamagedError):
        Outline.from_bytes(data)
