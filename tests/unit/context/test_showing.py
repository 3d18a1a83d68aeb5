"""What a command or a search shows of a file is lines of that file; anything else is an output like any other."""

import pytest

from segue.core.context.condense import Unit
from segue.core.context.files import files, view
from segue.core.context.lanes import restored
from segue.core.context.showing import Shown, found_in, read_by
from segue.core.session.state import fold
from segue.host.tokenizers import exact
from segue.testing.builders import assistant, created, tool, tool_call, tool_result, user
from segue.testing.events import written
from tests.unit.context.test_items import edit, read, run, units_of


def search(call, path, out):
    return assistant(tool_call("Grep", call, pattern="x", path=path)), tool(tool_result(out, call))


@pytest.mark.parametrize(
    ("command", "path", "first"),
    [
        ("cat src/a.py", "src/a.py", 1),
        ("cd /w && cat src/a.py 2>/dev/null", "/w/src/a.py", 1),
        ("cd /w && cat /x/a.py", "/x/a.py", 1),
        ("sed -n '20,40p' a.py", "a.py", 20),
        ("bash -lc sed -n '20,40p' a.py", "a.py", 20),
        ("/bin/bash -c cat 'my notes.txt'", "my notes.txt", 1),
        ("cat a.py | sed -n 20,40p", "a.py", 20),
        ("head -n 40 a.py", "a.py", 1),
        ("head -40 a.py", "a.py", 1),
        ("cat a.py | head -40", "a.py", 1),
    ],
)
def test_a_command_that_only_reads_a_file_shows_its_lines(command, path, first):
    assert read_by(command, "one\n\nthree") == Shown(path, ((first, "one\n\nthree"),))


@pytest.mark.parametrize("command", ["cat -n a.py", "nl -ba a.py", "nl -ba a.py | sed -n '1,40p'"])
def test_numbers_that_a_command_adds_are_taken_off(command):
    assert read_by(command, "     1\tone\n     2\ttwo") == Shown("a.py", ((1, "one\ntwo"),))


@pytest.mark.parametrize(
    "command",
    [
        "",
        "cat",
        "cat a.py b.py",
        "cat a.py; ls",
        "cat a.py > b.py",
        "cat *.py",
        "cat $FILE",
        "cat a.py | grep x",
        "cat a.py | sort",
        "head -n 5 a.py | sed -n 2,3p",
        "sed -i 's/a/b/' a.py",
        "sed -n '40,20p' a.py",
        "sed -n '/x/p' a.py",
        "head -c 100 a.py",
        "head -n ² a.py",
        "tail -5 a.py",
        "cat 'a.py",
        "python a.py",
        "cat -A a.py",
        "cat a.py\nls",
        "cd /w; cat a.py",
    ],
)
def test_any_other_command_shows_no_file(command):
    assert read_by(command, "one\ntwo") is None


@pytest.mark.parametrize(
    "output",
    [
        "",
        "one\n[... 4,000 characters truncated ...]\ntwo",
        "one…120 tokens truncated…two",
        "<returncode>0</returncode>\n<output>\none",
        "Output: one",
    ],
)
def test_an_output_that_was_shortened_or_framed_is_not_taken_for_the_file(output):
    assert read_by("cat a.py", output) is None


def test_more_lines_than_were_asked_for_or_other_numbers_are_not_the_file():
    assert read_by("head -n 1 a.py", "one\ntwo") is None
    assert read_by("nl -ba a.py", "     5\tone") is None


def test_a_search_in_one_file_shows_its_hits_and_the_lines_beside_them():
    out = "9-before\n10:hit\n11-\n--\n40:other\n41:[Omitted long matching line]\n\n[Showing results with pagination = limit: 3]"

    assert found_in("a.py", out.replace("\n\n", "\n")) == Shown("a.py", ((9, "before\nhit\n"), (40, "other")))


@pytest.mark.parametrize("output", ["", "no matches", "src/a.py:12:hit", "12:30 said something\n11:59 said more", "count: 3"])
def test_a_search_that_says_anything_else_shows_no_file(output):
    assert found_in("a.py", output) is None


def test_a_file_that_was_read_by_commands_is_put_together_with_its_edits():
    found = files(
        units_of(*run("c1", "cat /w/a", "one\ntwo\nthree"), *edit("c2", "/w/a", "two", "2"), *run("c3", "sed -n 3,3p /w/a", "3"))
    )

    assert view(found["/w/a"])[0] == "[1-3]\none\n2\n3"


def test_of_a_file_that_only_searches_showed_there_are_their_lines_until_it_is_read():
    searched = [*search("c1", "/w/a", "5:five\n6-six"), *search("c2", "/w/a", "9:nine")]

    assert view(files(units_of(*searched))["/w/a"])[0] == "[5-6]\nfive\nsix\n[9]\nnine"


def test_a_search_in_a_file_that_was_read_stays_an_output():
    units = units_of(*read("c1", "/w/a", "1\tone\n2\ttwo"), *search("c2", "/w/a", "2:two"))

    found = files(units)["/w/a"]

    assert (view(found)[0], found.sources) == ("[1-2]\none\ntwo", [0])


def test_a_reading_that_failed_shows_nothing():
    (unit,) = units_of(*run("c1", "cat /w/a", "cat: /w/a: No such file", is_error=True))

    assert (unit.shown, unit.head) == ((), "Bash $ cat /w/a (failed)")


def context_of(budget, *drafts):
    events = written([created(name="SESSION-260115-001", workspace="/w"), user("Go on."), *drafts])
    return restored(events, fold(events), budget, exact("o200k")).text


def test_what_was_read_by_a_command_and_changed_since_stands_in_a_context_as_it_is_now():
    text = context_of(3_000, *run("c1", "cat /w/src/a.py", "one\ntwo"), *edit("c2", "/w/src/a.py", "two", "2"))

    assert "File src/a.py as last known\n[1-2]\none\n2" in text
    assert "$ cat" not in text


def test_old_lines_that_a_search_showed_come_before_newer_outputs():
    noise = [draft for n in range(60) for draft in run(f"n{n}", f"make {n}", f"warning {n} of the linker\n" * 60)]

    text = context_of(5_000, *search("c1", "/w/src/a.py", "12:def looked_for():\n13-    return 1"), *noise)

    assert "[12-13]\ndef looked_for():\n    return 1" in text


def test_a_document_that_was_read_long_ago_takes_less_than_a_file_that_was_changed():
    lines = "\n".join(f"{n}\tline {n} of it, which is about as long as lines are" for n in range(1, 900))
    noise = [draft for n in range(60) for draft in run(f"n{n}", f"make {n}", f"warning {n} of the linker\n" * 60)]
    both = [
        *read("c1", "/w/src/a.py", lines),
        *edit("c2", "/w/src/a.py", "line 5 of", "line V of"),
        *read("c3", "/w/b.md", lines),
    ]

    text = context_of(25_000, *both, *noise)

    shown = {name: text.split(f"File {name} as last known")[1].split("\n§")[0].count(" of it") for name in ("src/a.py", "b.md")}
    assert shown["src/a.py"] > shown["b.md"] > 100


def test_what_a_background_command_says_is_an_output_and_its_end_names_what_is_worked_on():
    built = "".join(f"warning in deps/other/lib/part_{n}.ex:1\n" for n in range(50))
    asked = (
        assistant(tool_call("TaskOutput", "c1", task_id="b1")),
        tool(tool_result(f"{built}error in lib/mine/reader.ex:3", "c1")),
    )

    (unit,) = units_of(*asked)
    text = context_of(2_000, *asked)

    assert (type(unit), unit.op, unit.head) == (Unit, "run", "TaskOutput b1")
    assert "- lib/mine/reader.ex\n" in text
    assert "- deps/other/lib/part_0.ex\n" in text
    assert "- deps/other/lib/part_25.ex\n" not in text


def test_a_file_of_the_top_directory_is_named_whole_and_the_others_from_there():
    text = context_of(2_000, *read("c1", "/w/mix.exs", "1\tone"), *read("c2", "/w/lib/a.ex", "1\tone"))

    assert "- /w/mix.exs read\n" in text
    assert "- lib/a.ex read\n" in text


def test_what_is_last_is_not_said_twice_in_a_small_context():
    text = context_of(1_000, assistant("I am done with the first half."))

    assert text.count("I am done with the first half.") == 1


@pytest.mark.parametrize("budget", [400, 520, 640, 900])
def test_a_small_context_names_what_it_has_no_room_for_until_it_is_full(budget):
    noise = [draft for n in range(40) for draft in run(f"n{n}", f"make part-{n} of-the-whole", f"result {n} " * 200)]

    context = context_of(budget, *noise)

    assert 0.95 * budget <= exact("o200k").count(context) <= budget
