"""Which files come next: what speaks for each, and that nothing but the evidence does."""

from segue.core.context.prediction import Evidence, Group, predict

FILES = (
    "lib/shop/prices.ex",
    "lib/shop/stock.ex",
    "lib/shop/till.ex",
    "lib/web/router.ex",
    "test/shop/prices_test.exs",
    "test/web/prices_test.exs",
    "README.md",
)


def best(evidence, limit=1):
    return [(one.path, one.why[0]) for one in predict(evidence, limit)]


def test_what_went_with_the_file_at_hand_comes_first_and_the_commit_says_so():
    groups = [
        Group("commit a1", frozenset({"lib/shop/stock.ex", "lib/web/router.ex"})),
        Group("commit b2", frozenset({"lib/shop/stock.ex", "lib/web/router.ex", "README.md"})),
    ]
    found = predict(Evidence(recent=["lib/shop/stock.ex"], groups=groups, files=FILES), 2)
    assert [(one.path, one.why[0]) for one in found] == [
        ("lib/web/router.ex", "went with lib/shop/stock.ex in commit a1 and 1 more"),
        ("README.md", "went with lib/shop/stock.ex in commit b2"),
    ]


def test_the_test_of_a_file_is_the_one_in_the_same_place_and_the_other_way_round():
    assert best(Evidence(recent=["lib/shop/prices.ex"], files=FILES)) == [
        ("test/shop/prices_test.exs", "test of lib/shop/prices.ex")
    ]
    assert best(Evidence(recent=["test/shop/prices_test.exs"], files=FILES)) == [
        ("lib/shop/prices.ex", "tested by test/shop/prices_test.exs")
    ]


def test_what_is_talked_about_is_found_by_the_words_of_its_path():
    assert best(Evidence(talk=[("please mend the tills", 1.0)], files=FILES)) == [("lib/shop/till.ex", "about till")]


def test_what_was_named_is_predicted_by_its_end_and_what_does_not_exist_yet_too():
    named = [("web/router.ex", 1.0, "by the user"), ("lib/shop/new.ex", 0.5, "by the agent")]
    assert [(one.path, one.why) for one in predict(Evidence(named=named, files=FILES), 2)] == [
        ("lib/web/router.ex", ("named by the user, and not opened yet",)),
        ("lib/shop/new.ex", ("named by the agent, and not opened yet",)),
    ]


def test_a_name_that_ends_like_no_file_is_not_taken_for_one_be_the_workspace_there_or_gone():
    named = [("this.el", 1.0, "in an output"), ("till.ex", 0.5, "by the agent"), ("lib/mix.lock", 0.4, "in an output")]
    for files in ((), ("lib/shop/stock.ex",)):
        found = predict(Evidence(recent=["lib/shop/prices.ex", "lib/shop/stock.ex"], named=named, files=files))
        assert [one.path for one in found] == ["till.ex", "lib/mix.lock"]


def test_what_was_touched_is_not_predicted_and_without_evidence_nothing_is():
    assert predict(Evidence(recent=FILES, files=FILES)) == []
    assert predict(Evidence()) == []
    assert predict(Evidence(files=FILES)) == []


def test_a_commit_that_touched_everything_says_nothing():
    groups = [Group("rename", frozenset(f"f{n}.py" for n in range(100)))]
    assert predict(Evidence(recent=["f1.py"], groups=groups)) == []


def test_the_same_evidence_in_another_order_of_sets_gives_the_same_list():
    groups = [Group(f"c{n}", frozenset({f"a{n % 7}.py", f"b{n % 5}.py", f"c{n % 3}.py"})) for n in range(40)]
    first = Evidence(recent=["a1.py", "b2.py"], groups=groups, files=FILES, talk=[("prices of stock", 1.0)])
    second = first._replace(
        groups=[g._replace(paths=frozenset(sorted(g.paths, reverse=True))) for g in groups], files=tuple(reversed(FILES))
    )
    assert predict(first) == predict(second)


def test_each_file_has_a_reason():
    groups = [Group("commit a1", frozenset({"README.md", "lib/web/router.ex"}))]
    assert [(one.path, one.why) for one in predict(Evidence(groups=groups), 2)] == [
        ("README.md", ("touched in this project lately",)),
        ("lib/web/router.ex", ("touched in this project lately",)),
    ]
