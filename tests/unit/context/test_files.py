"""Files are put together from what was read and written, with the edits since put into them."""

from hypothesis import given
from hypothesis import strategies as st

from segue.core.context.condense import Change
from segue.core.context.files import File, files, view
from segue.testing.builders import assistant, tool, tool_call, tool_result
from tests.unit.context.test_items import NUMBERED, edit, read, units_of


def write(call, path, text):
    return assistant(tool_call("Write", call, file_path=path, content=text)), tool(tool_result("File created", call))


def test_a_file_that_was_read_and_edited_stands_as_it_is_now():
    found = files(units_of(*read("c1", "/w/a", NUMBERED), *edit("c2", "/w/a", "line 11\nline 12", "line eleven")))

    text, gone = view(found["/w/a"])

    assert (text.split("\n")[:4], gone) == (["[10-18]", "line 10", "line eleven", "line 13"], 0)


def test_a_later_read_replaces_its_lines_and_keeps_the_others():
    later = "12\tnew 12\n13\tnew 13"

    found = files(units_of(*read("c1", "/w/a", NUMBERED), *read("c2", "/w/a", later)))

    assert view(found["/w/a"])[0] == "[10-19]\n" + "\n".join(
        ["line 10", "line 11", "new 12", "new 13", *(f"line {n}" for n in range(14, 20))]
    )


def test_stretches_below_an_edit_move_by_the_lines_that_it_adds():
    found = files(
        units_of(
            *read("c1", "/w/a", "1\talpha\n2\tbeta"),
            *read("c2", "/w/a", "50\tomega\n51\tend"),
            *edit("c3", "/w/a", "beta", "b\nc\nd"),
        )
    )

    assert view(found["/w/a"])[0] == "[1-4]\nalpha\nb\nc\nd\n[52-53]\nomega\nend"


def test_a_file_that_was_written_is_known_whole():
    found = files(units_of(*read("c1", "/w/a", NUMBERED), *write("c2", "/w/a", "one\ntwo\n")))

    assert view(found["/w/a"])[0] == "[1-2]\none\ntwo"


def test_an_edit_of_unknown_lines_is_counted_and_a_failed_one_is_not():
    found = files(
        units_of(
            *read("c1", "/w/a", NUMBERED),
            *edit("c2", "/w/a", "not there", "x"),
            *edit("c3", "/w/a", "line 10", "line ten", "denied", is_error=True),
        )
    )

    assert found["/w/a"].missed == [1]
    assert "line 10" in view(found["/w/a"])[0]


def test_a_file_of_which_only_edits_are_known_is_not_put_together():
    assert files(units_of(*edit("c1", "/w/a", "x", "y"))) == {}


def test_every_occurrence_is_replaced_where_that_was_asked_for():
    file = File("a")
    file.read(0, 1, "a b a\na")

    file.edit(1, [Change("a", "aa", everywhere=True)])

    assert view(file)[0] == "[1-2]\naa b aa\naa"


def test_of_a_long_file_its_beginning_and_what_was_changed_last_are_shown():
    file = File("a")
    file.read(0, 1, "\n".join(f"line {n}" for n in range(1, 101)))
    file.edit(1, [Change("line 50\n", "line fifty\n")])

    text, gone = view(file, 9)

    assert text == "[1-2]\nline 1\nline 2\n[47-53]\nline 47\nline 48\nline 49\nline fifty\nline 51\nline 52\nline 53"
    assert gone == 91


@given(
    text=st.text("ab\n", min_size=1, max_size=30),
    changes=st.lists(st.tuples(st.text("ab\n", min_size=1, max_size=4), st.text("abc\n", max_size=4)), max_size=6),
)
def test_edits_give_what_replacing_in_the_text_gives(text, changes):
    file = File("a")
    file.read(0, 1, text)
    expected = text

    for place, (old, new) in enumerate(changes, 1):
        file.edit(place, [Change(old, new)])
        expected = expected.replace(old, new, 1)

    assert view(file)[0].split("\n", 1)[1] == expected
