"""Events become items, items units, and nothing that was said or done is lost between."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segue.core.context.condense import Change, Unit, units
from segue.core.context.items import Item, Touch, from_events, mentions, op_of
from segue.core.log.events import Draft
from segue.testing.builders import assistant, tool, tool_call, tool_result, user
from segue.testing.events import written

NUMBERED = "\n".join(f"{n:6}→line {n}" for n in range(10, 20))
PLAIN = "\n".join(f"line {n}" for n in range(10, 20))


def units_of(*drafts):
    return units(from_events(written(drafts)))


def read(call, path, text, **more):
    return assistant(tool_call("Read", call, file_path=path, **more)), tool(tool_result(text, call))


def edit(call, path, old, new, answer="ok", **more):
    return (
        assistant(tool_call("Edit", call, file_path=path, old_string=old, new_string=new)),
        tool(tool_result(answer, call, **more)),
    )


def run(call, command, out, **more):
    return assistant(tool_call("Bash", call, command=command)), tool(tool_result(out, call, **more))


def test_what_is_said_called_and_answered_becomes_items_in_order():
    events = written(
        [
            user("fix the reader"),
            assistant("I look first", tool_call("Read", "c1", file_path="/w/a.py")),
            tool(tool_result(NUMBERED, "c1")),
            user("<reminder>", meta=True),
        ]
    )

    items = from_events(events)

    assert [(item.seq, item.kind, item.call) for item in items] == [
        (1, "instruction", ""),
        (2, "prose", ""),
        (2, "call", "c1"),
        (3, "result", "c1"),
        (4, "injected", ""),
    ]
    assert items[2].touches == (Touch("/w/a.py", "read"),)


def test_an_abandoned_branch_is_not_among_the_items():
    events = written(
        [user("first", node="a"), user("wrong turn", node="b", parent="a"), user("instead", node="c", parent="a")],
    )

    assert [item.text for item in from_events(events)] == ["first", "instead"]


def test_parallel_calls_are_kept_though_only_one_of_them_is_on_the_line():
    events = written(
        [
            user("look", node="u"),
            assistant(tool_call("Read", "c1", file_path="/w/a"), node="m1", parent="u", message_id="m"),
            assistant(tool_call("Read", "c2", file_path="/w/b"), node="m2", parent="m1", message_id="m"),
            tool(tool_result("text of a", "c1"), node="r1", parent="m1"),
            tool(tool_result("text of b", "c2"), node="r2", parent="m2"),
            assistant("both read", node="m3", parent="r2"),
        ]
    )

    found = units(from_events(events))

    assert [(unit.head, unit.text) for unit in found] == [
        ("", "look"),
        ("Read /w/a", "text of a"),
        ("Read /w/b", "text of b"),
        ("", "both read"),
    ]


def test_tools_of_different_agents_are_the_same_operations():
    names = {
        "Read": "read", "read_file": "read", "mcp__files__read_file": "read", "Edit": "edit", "replace": "edit",
        "apply_patch": "edit", "write_file": "write", "run_shell_command": "run", "exec_command": "run", "Grep": "search",
        "update_plan": "plan", "TodoWrite": "plan", "frobnicate": "other", "": "other",
    }  # fmt: skip

    assert {name: op_of(name) for name in names} == names


def test_a_patch_names_the_files_that_it_touches():
    patch = "*** Begin Patch\n*** Update File: src/a.py\n@@\n-x\n+y\n*** Add File: src/b.py\n+z\n*** End Patch"

    (unit,) = units_of(assistant(tool_call("apply_patch", "c", input=patch)), tool(tool_result("Success", "c")))

    assert unit.touches == (Touch("src/a.py", "edit"), Touch("src/b.py", "write"))
    assert unit.text == patch


def test_files_are_found_in_commands_and_prose_and_module_names_are_not():
    text = "cd /w/app && python -m pytest tests/unit/test_a.py -q; see README.md, Enum.take, 1.5, e.g. and user@host.com"

    assert mentions(text) == ["tests/unit/test_a.py", "README.md"]


@given(
    before=st.lists(st.sampled_from(["see", "a/b", "x@y", "/tmp/", "1", "(", "::"])),
    word=st.text("ab/._-~@:(,1é", max_size=12),
    space=st.sampled_from([" ", "\n", "\t", "\u00a0", "\u2028"]),
    after=st.lists(st.sampled_from(["and", "c/d", "-", "~"])),
)
def test_words_around_a_path_do_not_matter(before, word, space, after):
    assert mentions(space.join([*before, f"{word}.py", *after])) == mentions(f"{word}.py")


def test_a_read_has_its_lines_in_the_heading_and_not_before_each_line():
    (unit,) = units_of(*read("c", "/w/a.py", NUMBERED + "\n\n<system-reminder>be good</system-reminder>\n"))

    assert (unit.head, unit.text) == ("Read /w/a.py:10-19", PLAIN)


def test_an_edit_is_shown_as_what_it_changed_and_its_echo_is_dropped():
    old = "def a():\n    one()\n    two()\n    three()\n    four()\n    five()"

    (unit,) = units_of(
        *edit("c", "/w/a.py", old, old.replace("five", "six"), "The file has been updated. Here is the result ...")
    )

    assert unit.text == "     three()\n     four()\n-    five()\n+    six()"
    assert unit.changes == (Change(old, old.replace("five", "six")),)


def test_a_failed_edit_keeps_its_answer_and_changes_nothing():
    (unit,) = units_of(*edit("c", "/w/a.py", "x", "y", "String to replace not found", is_error=True))

    assert (unit.failed, unit.changes) == (True, ())
    assert unit.text == "-x\n+y\nString to replace not found"


def test_a_call_without_an_answer_and_an_answer_without_a_call_are_both_kept():
    found = units_of(assistant(tool_call("Bash", "c1", command="sleep 100")), tool(tool_result("orphan", "c2")))

    assert [(unit.head, unit.text) for unit in found] == [("Bash $ sleep 100", "(no answer)"), ("tool", "orphan")]


def test_an_earlier_read_is_needless_only_where_a_later_one_shows_all_its_lines():
    first, second = "\n".join(f"{n}\tx{n}" for n in range(1, 5)), "\n".join(f"{n}\tx{n}" for n in range(3, 9))

    found = units_of(
        *read("c1", "/w/a", first),
        *read("c2", "/w/a", "3\tx3\n4\tx4"),
        *read("c3", "/w/a", second),
        *read("c4", "/w/b", second),
    )

    assert [unit.needless for unit in found] == ["", "read again: 5", "", ""]


def test_an_output_that_came_again_word_for_word_is_needless_the_first_time():
    out = "a line of output that is long enough to be noticed"

    found = units_of(
        *run("c1", "make test", out), *run("c2", "make  test", out), *run("c3", "true", "ok"), *run("c4", "true", "ok")
    )

    assert [unit.needless for unit in found] == ["came again: 3", "", "", ""]


def test_an_error_is_never_needless_and_an_older_plan_is():
    found = units_of(
        *run("c1", "make", "a long error message that comes twice, unchanged", is_error=True),
        assistant(tool_call("TodoWrite", "p1", todos=["a"])),
        *run("c2", "make", "a long error message that comes twice, unchanged", is_error=True),
        assistant(tool_call("TodoWrite", "p2", todos=["b"])),
    )

    assert [unit.needless for unit in found] == ["", "a newer plan: 6", "", ""]


@pytest.mark.parametrize(
    ("answer", "text", "failed"),
    [
        (
            "Chunk ID: 54c3bf\nWall time: 0.0 seconds\nProcess exited with code 0\nOriginal token count: 9\nOutput:\nok",
            "ok",
            False,
        ),
        ("Wall time: 2 seconds\nProcess exited with code 2\nOutput:\nno rule", "exit code 2\nno rule", True),
        ('{"output":"ok\\n","metadata":{"exit_code":0,"duration_seconds":0.1}}', "ok\n", False),
        ('{"output":"bad","metadata":{"exit_code":1}}', "exit code 1\nbad", True),
        ('{"output":"of the program itself"}', '{"output":"of the program itself"}', False),
        ("Wall time: it took long", "Wall time: it took long", False),
    ],
)
def test_what_codex_puts_around_an_output_is_taken_off_and_its_exit_code_tells_failure(answer, text, failed):
    (unit,) = units_of(*run("c", "make", answer))

    assert (unit.text, unit.failed) == (text, failed)


def test_media_in_an_answer_are_named_and_not_spelt_out():
    response = [{"type": "text", "content": "seen"}, {"type": "blob", "modality": "image", "content": "iVBORw0KGgo=" * 1000}]
    answer = {"type": "tool_call_response", "id": "c1", "response": response}
    (event,) = written([Draft("message", {"role": "tool", "parts": [answer]})])

    assert [item.text for item in from_events([event])] == ["seen\n[image: attached]"]


def test_an_erased_message_is_an_item_that_says_so():
    (event,) = written([user("secret")])

    assert [item.kind for item in from_events([event._replace(erased=True, body={})])] == ["missing"]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
names = st.sampled_from(["type", "content", "id", "name", "arguments", "response", "text", "command", "file_path", "edits"])
parts = st.lists(
    st.dictionaries(names, json_values | st.sampled_from(["tool_call", "tool_call_response", "text"]), max_size=5), max_size=3
)


@given(
    bodies=st.lists(
        st.fixed_dictionaries({"role": st.just("user"), "parts": parts}, optional={"effects": json_values}), max_size=4
    )
)
def test_parts_of_any_shape_are_no_error(bodies):
    events = [event._replace(body=body) for event, body in zip(written([user("x")] * len(bodies)), bodies, strict=True)]

    found = units(from_events(events))

    assert all(isinstance(unit, Unit) for unit in found)
    assert all(isinstance(item, Item) for item in from_events(events))


def test_events_that_are_no_conversation_have_no_items():
    assert from_events(written([Draft("metric", {"name": "commits"}), Draft("record", {"type": "progress"})])) == []
