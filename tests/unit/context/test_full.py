"""A context uses its budget: what is left out for its length gets what is left, and what nobody reads takes nothing."""

import pytest

from segue.core.context.known import Fact, Known
from segue.core.context.lanes import restore, restored
from segue.core.context.pack import shortened
from segue.core.context.tokens import Estimator
from segue.core.session.state import fold
from segue.host.tokenizers import exact
from segue.testing.builders import assistant, created, reasoning, user
from segue.testing.events import written
from tests.unit.context.test_items import read, run


def context_of(drafts, budget):
    events = written([created(name="SESSION-260115-001", workspace="/w"), user("Find the fault."), *drafts])
    return restored(events, fold(events), budget, exact("o200k"))


def test_what_is_long_for_its_kind_gets_the_room_that_nothing_else_wants():
    thought = " ".join(f"perhaps-{n}" for n in range(150))

    context = context_of([assistant(reasoning(thought)), assistant("Let me look.")], 2_000)

    assert thought in context.text
    assert {entry.status for entry in context.items} == {"loaded"}


@pytest.mark.parametrize("budget", [3_000, 8_000])
def test_a_file_of_long_lines_fills_its_room(budget):
    lines = "\n".join(f"{n}\t" + " ".join(f"word-{n}-{m}" for m in range(400)) for n in range(1, 13))

    context = context_of(read("r", "/w/data.jsonl", lines), budget)

    assert 0.95 * budget <= exact("o200k").count(context.text) <= budget


def test_encoded_output_is_told_by_its_size():
    picture = "iVBORw0KGgoAAAANSUhEUgAA" * 4_000

    context = context_of(run("t", "screenshot", f"saved\n{picture}\ndone"), 2_000)

    assert "saved\n[96,000 encoded characters]\ndone" in context.text
    assert "iVBORw0K" not in context.text


def test_encoded_text_in_a_file_that_was_read_stays_as_it_is():
    code = "QUJD" * 150

    assert code in context_of(read("r", "/w/key.txt", f"1\tbefore\n2\t{code}"), 5_000).text


def test_a_long_task_is_there_whole_where_it_takes_more_than_its_usual_share():
    task = " ".join(f"requirement-{n}" for n in range(700))

    context = context_of([user(task), *run("t", "make", "line of output\n" * 3_000)], 5_000)

    assert 0.4 * 5_000 < exact("o200k").count(task) < 0.6 * 5_000
    assert task in context.text


def test_what_is_kept_for_naming_what_is_left_out_goes_to_what_was_cut_where_nothing_is():
    events = written([created(name="SESSION-260115-001", workspace="/w"), *run("t", "make", "a line of output\n" * 2_000)])

    context = restored(events, fold(events), 2_129, exact("o200k"))

    assert {entry.status for entry in context.items} == {"shortened"}
    assert context.size.tokens >= 0.97 * 2_129


@pytest.mark.parametrize("must", [True, False])
@pytest.mark.parametrize("budget", [600, 1_500, 5_000, 25_000])
def test_working_state_that_is_more_than_its_share_gets_the_room_that_nothing_else_wants(budget, must):
    threads = [Fact("thread", f"the parser of part {n}, at length, in module_{n}.py", n, must) for n in range(1, budget // 10)]

    context = restore([], Known("SESSION-260115-001", facts=tuple(threads)), budget, exact("o200k"))

    assert 0.95 * budget <= context.size.tokens <= budget
    assert context.text.count("the parser of part") == sum(entry.status == "loaded" for entry in context.items)


def test_what_the_user_said_long_ago_gets_the_room_that_nothing_else_wants():
    said = [f"Rule {n}: never touch folder {n}." for n in range(1, 13)]

    context = context_of([user(each) for each in said], 1_000)

    assert [each for each in said if each not in context.text] == []
    assert {entry.status for entry in context.items} == {"loaded"}


@pytest.mark.parametrize(("path", "times"), [("src/a.py", 1), ("./src/a.py", 1), ("a.py", 2)])
def test_a_file_of_the_workspace_is_given_once_by_whichever_name_it_was_read(path, times):
    drafts = [
        *run("c1", f"cat {path}", "import os\nprint(os.name)"),
        *read("c2", "/w/src/a.py", "1\timport os\n2\tprint(os.name)"),
    ]

    assert context_of(drafts, 5_000).text.count("import os") == times


def test_of_a_huge_text_only_the_ends_are_counted_to_shorten_it():
    counted = []

    class Counting(Estimator):
        def count(self, text):
            counted.append(len(text))
            return super().count(text)

    shown = shortened("word Wörter 日本語\n" * 200_000, 300, counter=Counting("o200k"), render=lambda said: f"> {said}")

    assert 0.9 * 300 <= Estimator("o200k").count(shown) <= 300
    assert max(counted) <= 1_000_000


@pytest.mark.parametrize("output", ["<system-reminder>" * 60_000, "<system-reminder>" + " \n" * 500_000], ids=["marks", "blanks"])
def test_reminders_that_never_end_do_not_hold_a_context_up(output):
    context = context_of(run("c1", "cat log", output), 500)

    assert context.size.tokens <= 500
