"""The ledger of files: what is worked on, and none of what is only beside it."""

from segue.core.context.ledger import ledger
from tests.unit.context.test_items import edit, read, run, units_of


def test_what_git_keeps_for_itself_is_none_of_the_files_that_a_listing_names():
    listed = "\n".join(
        ["lib/reader.py", *(f".git/hooks/hook-{n}.sample" for n in range(40)), "/w/.git/config.lock", "docs/plan.md"]
    )

    found = ledger(units_of(*edit("c1", "/w/app.py", "a", "b"), *run("c2", "find .", listed)))

    assert [entry.path for entry in found] == ["/w/app.py", "docs/plan.md", "lib/reader.py"]


def test_a_file_is_listed_once_whatever_commands_and_outputs_call_it():
    failure = "error in ../src/reader.py\nerror in reader.py"

    found = ledger(
        units_of(
            *edit("c1", "/w/src/reader.py", "a", "b"),
            *run("c2", "cat src/reader.py ./src/reader.py", "b"),
            *run("c3", "make", failure),
        ),
        home="/w",
    )

    assert [entry.path for entry in found] == ["/w/src/reader.py"]


def test_a_relative_name_is_that_of_the_workspace_where_several_end_in_it():
    drafts = [*edit("c1", "/w/deps/json/mix.exs", "a", "b"), *edit("c2", "/w/deps/json/mix.exs", "b", "c")]
    drafts += [*read("c3", "/w/mix.exs", "1\ta"), *run("c4", "git diff mix.exs", "(nothing)")]

    found = {entry.path: entry.score for entry in ledger(units_of(*drafts), home="/w")}
    plain = {entry.path: entry.score for entry in ledger(units_of(*drafts[:6]), home="/w")}

    assert sorted(found) == ["/w/deps/json/mix.exs", "/w/mix.exs"]
    assert found["/w/deps/json/mix.exs"] < plain["/w/deps/json/mix.exs"]  # it only grew older
    assert found["/w/mix.exs"] > plain["/w/mix.exs"]
