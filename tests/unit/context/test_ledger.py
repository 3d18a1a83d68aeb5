"""The ledger of files: what is worked on, and none of what is only beside it."""

from segue.core.context.ledger import ledger
from tests.unit.context.test_items import edit, run, units_of


def test_what_git_keeps_for_itself_is_none_of_the_files_that_a_listing_names():
    listed = "\n".join(
        ["lib/reader.py", *(f".git/hooks/hook-{n}.sample" for n in range(40)), "/w/.git/config.lock", "docs/plan.md"]
    )

    found = ledger(units_of(*edit("c1", "/w/app.py", "a", "b"), *run("c2", "find .", listed)))

    assert [entry.path for entry in found] == ["/w/app.py", "docs/plan.md", "lib/reader.py"]
