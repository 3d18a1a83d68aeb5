"""What fails of the checks, decided from facts: what is gone or contradicted, never that others went on."""

import pytest

from segue.core.delta.checks import validated
from segue.core.delta.report import Delta, ManifestDelta, Place
from segue.core.delta.tasks import changes
from segue.core.delta.uncommitted import Fate
from segue.core.delta.values import Look, Lost, Since, Uncommitted
from segue.core.log.events import Draft
from segue.core.session.work import new_work, set_task
from segue.testing.events import written

HERE = Place("here", "/shop", "/shop")
SAVED = Look("/shop", "main", "a" * 40, (Uncommitted("a.txt", " M", "1"),), 1)
NOW = Look("/shop", "main", "b" * 40)


def work(*tasks):
    """The working state after tasks were set, one after another."""
    found = new_work()
    for event in written([Draft("task.set", body) for body in tasks]):
        set_task(found, event, dict(event.body))
    return found


def delta(**facts):
    given = {"place": HERE, "saved": SAVED, "now": NOW, "history": Since("ahead")} | facts
    return Delta("s", "SESSION-1", 5, "", 0.0, **given)


def failures(found, then=None, now=None, own=frozenset()):
    then = then if then is not None else new_work()
    return [one.text for one in validated(found, then, now if now is not None else then, own).failures]


SCALE = {"id": "scale", "title": "a scale", "status": "done"}
LIST = {"id": "list", "title": "a list", "status": "active", "depends_on": ["scale", "paper"]}
PAPER = {"id": "paper", "title": "paper", "status": "pending"}


@pytest.mark.parametrize(
    ("later", "failed"),
    [
        ([], []),
        ([{"id": "list", "status": "done"}], []),
        ([{"id": "paper", "status": "done"}], []),
        ([{"id": "other", "title": "something else", "status": "pending"}], []),
        ([{"id": "scale", "status": "reopened"}, {"id": "list"}], ["task scale, which the current one builds on, is reopened: it was done"]),
        ([{"id": "paper", "status": "reopened"}, {"id": "list"}], ["task paper, which the current one builds on, is reopened"]),
        ([{"id": "paper", "status": "dropped"}], ["task paper, which the current one builds on, is dropped"]),
        ([{"id": "list", "status": "dropped"}], ["a list: active before, dropped now"]),
    ],
)  # fmt: skip
def test_tasks(later, failed):
    then, now = work(SCALE, PAPER, LIST), work(SCALE, PAPER, LIST, *later)
    assert failures(delta(tasks=tuple(changes(then, now))), then, now) == failed


@pytest.mark.parametrize("what", ["same", "edited", "new", "committed", "elsewhere", "touched", "unknown"])
def test_an_uncommitted_change_that_is_somewhere_stops_nobody(what):
    assert failures(delta(uncommitted=(Fate("a.txt", what, "c" * 40),))) == []


@pytest.mark.parametrize(
    ("own", "estimated", "fails"), [(frozenset(), False, True), (frozenset({"a.txt"}), False, False), (None, False, False), (frozenset(), True, False)]
)  # fmt: skip
def test_one_that_is_gone_does_unless_the_session_did_it_or_nobody_knows(own, estimated, fails):
    found = delta(uncommitted=(Fate("a.txt", "gone"),), estimated=estimated)
    assert failures(found, own=own) == (["the uncommitted change of a.txt is gone"] if fails else [])


@pytest.mark.parametrize(
    ("lost", "refs", "fails"),
    [
        (Lost("a" * 40, "ann", "prices"), (), True),
        (Lost("a" * 40, "ann", "prices", became="b" * 40), (), False),
        (Lost("a" * 40, "ann", "prices", kept=True), (), False),
        (Lost("a" * 40, "ann", "prices"), ("kept",), False),
    ],
)
def test_a_lost_commit(lost, refs, fails):
    found = failures(delta(history=Since("diverged", lost=(lost,), lost_count=1, refs=refs)))
    assert found == (["commit aaaaaaaaaaaa prices is lost: its work is in the history in no form"] if fails else [])


def test_a_manifest_fails_where_its_uncommitted_change_is_gone_and_not_where_others_changed_it():
    moved = ManifestDelta("go.mod", "modified", (), 0)
    assert failures(delta(dependencies=(moved,))) == []
    gone = failures(delta(dependencies=(moved,), uncommitted=(Fate("go.mod", "gone"),)))
    assert gone == ["the uncommitted change of go.mod is gone", "go.mod: modified"]


def test_where_nothing_was_saved_nothing_fails_and_nothing_is_claimed():
    found = validated(delta(saved=None, now=None, history=Since(), place=Place("gone", "", "/shop")), new_work(), new_work())
    assert [(check.name, check.verdict) for check in found.checks] == [
        ("project", "unknown"),
        ("files", "unknown"),
        ("tasks", "same"),
        ("dependencies", "unknown"),
    ]
