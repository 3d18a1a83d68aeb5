"""Conversion: a session's events as a conversation that another agent goes on from, every thing accounted for."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segue.core.context.tokens import Estimator
from segue.core.log.events import Draft
from segue.core.session.state import fold
from segue.core.together.conversation import Accepts, Carried, identity
from segue.core.together.converting import Moved, Target, convert
from segue.core.together.counting import things
from segue.core.together.pairing import INTERRUPTED
from segue.testing.builders import assistant, created, decision, reasoning, text, tool, tool_call, tool_result, user
from segue.testing.conversations import flaws
from segue.testing.events import written
from segue.testing.strategies import stories, texts, values

PLAIN = Target("messages", Accepts())
EVERYTHING = Accepts("keep", frozenset(("image", "document")), reasoning=True, system=True, window=100_000)


def converted(drafts, target=PLAIN, counter=None):
    events = written([created(agent="claude-code", workspace="/home/ann/shop", foreign_ids=["f-1"]), *drafts])
    return convert(events, fold(events), target, counter or Estimator("claude-4.8", margin=0.0))


def said(conversion):
    return [(t.role, [dict(p) for p in t.parts]) for t in conversion.conversation.turns]


def test_a_role_of_any_shape_is_no_error():
    events = written([created(), Draft("message", {"role": [], "parts": [{"type": "text", "content": "hello"}]})])

    found = convert(events, fold(events), Target("", Accepts()), Estimator())

    assert [(turn.role, turn.parts[0]["content"]) for turn in found.conversation.turns] == [("user", "hello")]


def test_what_was_said_and_done_is_carried_in_its_order():
    done = converted(
        [
            user("count the lines"),
            assistant("I look.", tool_call("wc", "c1", path="a.txt")),
            tool(tool_result("3", "c1")),
            assistant("Three."),
        ]
    )
    assert said(done) == [
        ("user", [text("count the lines")]),
        ("assistant", [text("I look."), tool_call("wc", "c1", path="a.txt")]),
        ("tool", [tool_result("3", "c1")]),
        ("assistant", [text("Three.")]),
    ]
    assert done.carried == (
        Carried("text", "kept", 3),
        Carried("tool_call", "kept", 1, "messages has no tool for it"),
        Carried("tool_call_response", "kept", 1),
    )


def test_records_of_one_message_are_one_turn_and_parallel_answers_follow_it():
    done = converted(
        [
            user("both"),
            assistant("On it.", message_id="m1", node="a1"),
            assistant(tool_call("wc", "c1"), message_id="m1", node="a2", usage={"input_tokens": 5}),
            tool(tool_result("one", "c1"), node="r1", parent="a2"),
            assistant(tool_call("wc", "c2"), message_id="m1", node="a3", parent="a2", usage={"input_tokens": 9}),
            tool(tool_result("two", "c2"), node="r2", parent="a3"),
            assistant("Done.", parent="r2"),
        ]
    )
    assert said(done) == [
        ("user", [text("both")]),
        ("assistant", [text("On it."), tool_call("wc", "c1"), tool_call("wc", "c2")]),
        ("tool", [tool_result("one", "c1"), tool_result("two", "c2")]),
        ("assistant", [text("Done.")]),
    ]
    assert done.conversation.turns[1].usage == {"input_tokens": 9}
    assert done.conversation.turns[1].message_id == "m1"


def test_messages_between_which_a_tool_answered_stay_apart():
    done = converted([user("go"), assistant(tool_call("a", "c1")), tool(tool_result("1", "c1")), assistant(tool_call("a", "c2"))])
    assert [t.role for t in done.conversation.turns] == ["user", "assistant", "tool", "assistant", "tool"]


def test_a_call_that_was_cut_off_gets_an_answer_that_says_so():
    done = converted([user("build"), assistant(tool_call("make", "c1"))])
    assert said(done)[-1] == ("tool", [tool_result(INTERRUPTED, "c1", is_error=True)])
    assert Carried("tool_call_response", "added", 1, "it was interrupted before it answered") in done.carried


def test_an_answer_without_its_call_is_told_as_text():
    done = converted([user("go"), tool(tool_result("lost and found", "gone")), assistant("Well.")])
    assert said(done)[1] == ("user", [text("[segue: a tool's answer; its call is not in the log]\nlost and found")])
    assert Carried("tool_call_response", "folded", 1, "its call is not in the log") in done.carried


def test_an_answer_that_came_twice_counts_once():
    again = tool(tool_result("1", "c1"))
    done = converted([user("go"), assistant(tool_call("a", "c1")), again, again])
    assert Carried("tool_call_response", "dropped", 1, "the same answer came before") in done.carried
    assert flaws(done.conversation, PLAIN.accepts) == []


def test_an_id_that_is_used_again_names_another_call():
    turn = [user("go"), assistant(tool_call("a", "call_0")), tool(tool_result("1", "call_0"))]
    done = converted([*turn, *turn])
    ids = [p["id"] for t in done.conversation.turns for p in t.parts if p["type"] == "tool_call_response"]
    assert ids == ["call_0", "call_0_1"]
    assert flaws(done.conversation, PLAIN.accepts) == []


def test_what_an_agents_program_put_in_is_left_out_and_counted():
    done = converted([user("<environment/>", meta=True), user("hello"), assistant("Hi.")])
    assert [t.role for t in done.conversation.turns] == ["user", "assistant"]
    assert done.carried == (
        Carried("text", "kept", 2),
        Carried("text", "dropped", 1, "put in by the agent's own program"),
    )


def test_a_subagents_words_are_in_the_answer_of_its_call():
    done = converted([user("go"), assistant("inner", stream="sub"), assistant("outer")])
    assert [t.parts[0]["content"] for t in done.conversation.turns] == ["go", "outer"]
    why = "a subagent's: its result is the answer of the call that started it"
    assert Carried("text", "folded", 1, why) in done.carried


def test_a_branch_that_was_left_is_not_carried():
    done = converted([user("go", node="u"), assistant("wrong", node="a"), assistant("right", node="b", parent="u")])
    assert [t.parts[0]["content"] for t in done.conversation.turns] == ["go", "right"]
    assert Carried("text", "dropped", 1, "on a branch that was left") in done.carried


@pytest.mark.parametrize(
    ("accepts", "choice", "turn", "line"),
    [
        (Accepts(), None, [text("Yes.")], ("dropped", "valid with its own provider only")),
        (Accepts(reasoning=True), None, [reasoning("hm"), text("Yes.")], ("kept", "")),
        (Accepts(reasoning=True), "drop", [text("Yes.")], ("dropped", "valid with its own provider only")),
        (Accepts(), "text", [text("[thinking]\nhm\n[/thinking]"), text("Yes.")], ("folded", "as text, by choice")),
    ],
)
def test_reasoning_goes_where_it_is_taken(accepts, choice, turn, line):
    done = converted([user("?"), assistant(reasoning("hm"), "Yes.")], Target("x", accepts, reasoning=choice))
    assert said(done)[1] == ("assistant", turn)
    assert Carried("reasoning", line[0], 1, line[1]) in done.carried


def test_reasoning_that_its_provider_sealed_is_dropped_as_such():
    done = converted([user("?"), assistant(reasoning(""), "Yes.")], Target("x", Accepts(reasoning=True)))
    assert Carried("reasoning", "dropped", 1, "sealed by its provider") in done.carried


IMAGE = {"type": "blob", "modality": "image", "mime_type": "image/png", "content": "iVBORw0="}


def test_an_image_goes_where_it_is_taken_and_leaves_a_line_elsewhere():
    taken = converted([user("look", IMAGE)], Target("x", Accepts(media=frozenset({"image"}))))
    assert said(taken)[0] == ("user", [text("look"), IMAGE])
    left = converted([user("look", IMAGE)])
    assert said(left)[0] == ("user", [text("look"), text("[segue: image image/png, not carried over]")])
    assert Carried("image", "dropped", 1, "the target takes none") in left.carried


def test_an_image_in_a_tools_answer_is_counted_by_itself():
    drafts = [user("go"), assistant(tool_call("shot", "c1")), tool(tool_result([text("taken"), IMAGE], "c1"))]
    taken = converted(drafts, Target("x", EVERYTHING))
    assert said(taken)[2] == ("tool", [tool_result([text("taken"), IMAGE], "c1")])
    left = converted(drafts)
    assert said(left)[2] == ("tool", [tool_result("taken\n[segue: image image/png, not carried over]", "c1")])
    assert Carried("image", "dropped", 1, "the target takes none") in left.carried


def test_a_data_address_is_an_image_like_any_other():
    url = {"type": "uri", "modality": "image", "uri": "data:image/png;base64,iVBORw0="}
    done = converted([user(url)], Target("x", EVERYTHING))
    assert said(done)[0] == ("user", [IMAGE])


def test_calls_become_text_by_choice():
    drafts = [user("go"), assistant(tool_call("make", "c1", what="all")), tool(tool_result("ok", "c1")), assistant("Built.")]
    done = converted(drafts, PLAIN._replace(tools="text"))
    assert said(done) == [
        ("user", [text("go")]),
        ("assistant", [text('[called make: {"what": "all"}]')]),
        ("user", [text("[make answered]\nok")]),
        ("assistant", [text("Built.")]),
    ]
    assert {(c.what, c.fate) for c in done.carried} == {
        ("text", "kept"),
        ("tool_call", "folded"),
        ("tool_call_response", "folded"),
    }


def test_calls_are_mapped_to_the_targets_tools_by_default():
    drafts = [user("go"), assistant(tool_call("Bash", "c1", command="ls")), tool(tool_result("a", "c1"))]
    done = converted(drafts, Target("codex", Accepts()))
    assert said(done)[1] == ("assistant", [tool_call("exec_command", "c1", cmd="ls")])
    assert Carried("tool_call", "mapped", 1, "Bash to exec_command") in done.carried
    kept = converted(drafts, Target("codex", Accepts(), tools="keep"))
    assert said(kept)[1] == ("assistant", [tool_call("Bash", "c1", command="ls")])


def test_paths_follow_the_workspace():
    drafts = [
        user("see /home/ann/shop/a.py and /home/ann/shopping"),
        assistant(tool_call("Read", "c1", file_path="/home/ann/shop/a.py")),
        tool(tool_result("/home/ann/shop: ok", "c1")),
    ]
    done = converted(drafts, Target("claude-code", Accepts(), workspace="/srv/shop"))
    assert said(done) == [
        ("user", [text("see /srv/shop/a.py and /home/ann/shopping")]),
        ("assistant", [tool_call("Read", "c1", file_path="/srv/shop/a.py")]),
        ("tool", [tool_result("/srv/shop: ok", "c1")]),
    ]
    assert done.paths == 3
    assert done.conversation.workspace == "/srv/shop"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("/a/b", "/c"),
        ("/a/b/x", "/c/x"),
        ("(/a/b).", "(/c)."),
        ("x/a/b", "x/a/b"),
        ("/a/bc", "/a/bc"),
        ("/a/b-2", "/a/b-2"),
        ("/a/b.old", "/a/b.old"),
        ('"/a/b"', '"/c"'),
    ],
)
def test_only_whole_paths_are_rewritten(before, after):
    assert Moved("/a/b", "/c")(before) == after


def test_a_conversation_begins_with_the_user():
    done = converted([assistant("Welcome.")])
    assert [t.role for t in done.conversation.turns] == ["user", "assistant"]
    assert Carried("text", "added", 1, "a conversation begins with the user") in done.carried


def test_what_segue_knows_beside_the_conversation_is_told_at_its_end():
    done = converted([user("sell pears"), Draft("constraint.set", {"text": "never plums"}), decision("by weight", "they differ")])
    assert said(done)[-1] == (
        "user",
        [
            text(
                "[segue: what is known of this session beside what was said]\n"
                "- constraint: never plums §3\n- by weight (because they differ) §4"
            )
        ],
    )
    assert done.conversation.turns[-1].meta
    assert Carried("text", "added", 1, "what segue knows beside the conversation") in done.carried


def test_an_empty_session_is_an_empty_conversation():
    done = converted([])
    assert done.conversation.turns == ()
    assert done.carried == ()


def long_session(turns, size=2_000):
    for number in range(turns):
        yield user(f"step {number}: {'word ' * (size // 10)}")
        yield assistant(f"doing {number}", tool_call("make", f"c{number}", step=number))
        yield tool(tool_result(f"output {number} " * (size // 10), f"c{number}"))
        yield assistant(f"done with {number}")


def test_a_long_session_is_condensed_and_its_last_turns_stay_word_for_word():
    drafts = list(long_session(40))
    target = Target("x", Accepts(window=50_000))
    counter = Estimator("claude-4.8", margin=0.05)
    done = converted(drafts, target, counter)
    turns = done.conversation.turns
    assert turns[0].summary
    assert turns[0].role == "user"
    assert "Restored context" in turns[0].parts[0]["content"]
    assert done.condensed > 0
    assert len(turns) - 1 + done.condensed == 160
    assert turns[-1].parts[0]["content"] == "done with 39"
    assert done.size.upper <= 30_000
    assert flaws(done.conversation, target.accepts) == []
    kept = sum(c.number for c in done.carried if c.fate == "kept")
    folded = sum(c.number for c in done.carried if c.fate == "folded")
    assert kept + folded == 200
    assert folded == sum(5 for _ in range(done.condensed // 4))


def test_the_whole_past_is_carried_across_a_compaction_where_it_fits():
    compaction = Draft("compaction", {"summary": "we said hello", "follows": "a1"}, node="k", parent=None)
    drafts = [user("hello", node="u1"), assistant("Hi.", node="a1"), compaction, user("go on", node="u2"), assistant("Yes.")]
    done = converted(drafts)
    assert [t.parts[0]["content"] for t in done.conversation.turns] == ["hello", "Hi.", "go on", "Yes."]
    assert Carried("compaction", "dropped", 1, "what it stands for is there itself") in done.carried


def test_one_turn_that_is_too_long_by_itself_is_shortened():
    drafts = [user("go"), assistant(tool_call("cat", "c1")), tool(tool_result("line\n" * 50_000, "c1"))]
    done = converted(drafts, Target("x", Accepts(window=10_000)))
    assert [t.role for t in done.conversation.turns] == ["user", "assistant", "tool"]
    assert done.size.tokens <= 6_000
    assert flaws(done.conversation, Accepts()) == []
    assert Carried("tool_call_response", "folded", 1, "shortened, to fit the window") in done.carried


def test_the_same_conversation_has_the_same_identity_and_another_one_another():
    drafts = [user("hello"), assistant("Hi.")]
    one, same = converted(drafts).conversation, converted([*drafts, Draft("session.paused", {})]).conversation
    assert identity(one, "codex") == identity(same, "codex")
    others = {
        identity(one, "codex"),
        identity(one, "gemini-cli"),
        identity(converted([*drafts, user("x")]).conversation, "codex"),
    }
    assert len(others) == 3


few = st.sampled_from(["c1", "c2", "c3", ""])
said_parts = st.one_of(
    st.builds(text, texts),
    st.builds(reasoning, texts),
    st.builds(lambda call, args: {"type": "tool_call", "id": call, "name": "Bash", "arguments": args}, few, values),
    st.builds(tool_result, values | st.just([text("x"), IMAGE]), few, is_error=st.booleans()),
    st.sampled_from([IMAGE, {"type": "uri", "modality": "image", "uri": "https://x/y.png"}, {"type": "file", "file_id": "f"}]),
    st.builds(lambda v: {"type": "refusal", "refusal": v}, values),
)
messages = st.builds(
    lambda role, parts, more: Draft("message", {"role": role, "parts": parts, **more}),
    st.sampled_from(["user", "assistant", "assistant", "tool", "system"]),
    st.lists(said_parts, max_size=4),
    st.sampled_from([{}, {}, {"meta": True}, {"message_id": "m1"}, {"message_id": "m2"}]),
)
targets = st.builds(
    Target,
    st.sampled_from(["claude-code", "codex", "gemini-cli", "opencode", "qwen-code", "messages"]),
    st.sampled_from([Accepts(), EVERYTHING, Accepts("text", window=2_000), Accepts(window=500)]),
    st.sampled_from(["", "/srv/shop"]),
    st.sampled_from([None, "map", "keep", "text"]),
    st.sampled_from([None, "drop", "text"]),
)


@given(st.lists(messages, max_size=12) | stories(wild=True), targets)
def test_every_thing_is_accounted_for_and_what_a_writer_gets_is_sound(drafts, target):
    events = written([created(agent="claude-code", workspace="/home/ann/shop"), *drafts])
    done = convert(events, fold(events), target, Estimator())
    accounted = Counter()
    for line in done.carried:
        if line.fate != "added":
            accounted[line.what] += line.number
    assert accounted == things(events)
    assert flaws(done.conversation, target.accepts) == []
    assert done.conversation == convert(events, fold(events), target, Estimator()).conversation
