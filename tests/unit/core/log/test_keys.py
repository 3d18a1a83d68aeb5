"""What an append does with keys that are known, decided apart from any store."""

import pytest

from segue.core.errors import DuplicateKeyError, UsageError
from segue.core.log.events import Appended, Draft
from segue.core.log.keys import Known, Planned, found, placed, plan

KNOWN = Known(3, "id3", "node3", "sub")


def find(key: str) -> Known | None:
    return KNOWN if key == "known" else None


def draft(key: str | None, n: int = 0, node: str | None = None, stream: str = "main") -> Draft:
    return Draft("message", {"n": n}, key=key, node=node, stream=stream)


@pytest.mark.parametrize("policy", ["ignore", "replace", "refuse"])
def test_drafts_without_a_key_and_with_new_ones_are_written(policy):
    drafts = [draft(None, 1), draft("a", 2), draft(None, 1), draft("b", 4)]
    assert plan("s", drafts, policy, find) == [Planned(d) for d in drafts]


def test_ignore_gives_what_is_known_in_the_log_or_in_the_append():
    drafts = [draft("known"), draft("a", 1), draft("a", 2), draft("known"), draft("a", 3)]
    planned = plan("s", drafts, "ignore", find)
    assert planned == [
        Planned(None, KNOWN),
        Planned(drafts[1]),
        Planned(None, None, 1),
        Planned(None, KNOWN),
        Planned(None, None, 1),
    ]
    entries = [Appended(3, "id3", new=False), Appended(9, "id9", new=True)]
    assert found(planned[0], entries) == Appended(3, "id3", new=False)
    assert found(planned[2], entries) == Appended(9, "id9", new=False)


def test_replace_revises_the_known_event_in_its_node_and_stream():
    drafts = [draft("known", 1), draft("known", 2, node="mine", stream="mine")]
    planned = plan("s", drafts, "replace", find)
    assert [(p.draft and p.draft.node, p.draft and p.draft.stream) for p in planned] == [("node3", "sub")] * 2


def test_replace_revises_the_first_of_the_same_append_however_often():
    drafts = [draft(None), draft("a", 1, stream="sub"), draft("a", 2), draft("a", 3, node="mine")]
    planned = plan("s", drafts, "replace", find)
    entries = [Appended(1, "id1", new=True), Appended(2, "id2", new=True), Appended(3, "id3", new=True)]
    written = [placed(p, entries) for p in planned]
    assert written == [drafts[0], drafts[1], *(d._replace(node="id2", stream="sub") for d in drafts[2:])]


def test_replace_takes_the_node_that_the_first_was_given():
    planned = plan("s", [draft("a", 1, node="n"), draft("a", 2)], "replace", find)
    assert placed(planned[1], [Appended(1, "id1", new=True)]) == draft("a", 2, node="n")


def test_refuse_names_the_key_and_the_event_that_has_it():
    with pytest.raises(DuplicateKeyError, match="key 'known' is taken by event 3") as e:
        plan("s", [draft("a"), draft("known")], "refuse", find)
    assert e.value.fields == {"session": "s", "key": "known", "seq": 3}
    with pytest.raises(DuplicateKeyError, match="key 'a' occurs twice in it"):
        plan("s", [draft("a"), draft("a")], "refuse", find)


def test_another_policy_is_refused_and_not_guessed():
    with pytest.raises(UsageError, match="'Replace' is unknown: it is one of ignore, replace, refuse"):
        plan("s", [], "Replace", find)  # type: ignore[arg-type]
