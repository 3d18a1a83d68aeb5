"""Hints: what one who goes on needs first."""

from segue.core.log.events import Draft
from segue.core.session.hints import hints
from segue.core.session.state import fold
from segue.core.session.tables import HALF_LIFE
from segue.testing.events import written


def note(name, **more):
    return Draft("note.used", {"id": name, **more})


def edit(path):
    return Draft("message", {"role": "assistant", "parts": [], "effects": [{"op": "edit", "path": path}]})


def of(*drafts):
    return hints(fold(written([Draft("session.created", {}), *drafts])))


def ids(found):
    return [r["id"] for r in found["recommended_context"]]


def test_what_was_used_more_often_comes_first():
    assert ids(of(note("once"), note("twice"), edit("a.py"), note("twice"), edit("a.py"), edit("a.py"))) == [
        "a.py",
        "twice",
        "once",
    ]


def test_of_two_used_as_often_the_later_comes_first():
    assert ids(of(note("early"), note("late"))) == ["late", "early"]


def test_many_old_uses_weigh_less_than_a_few_new_ones():
    pause = [Draft("progress.set", {"percent": 1})] * (2 * HALF_LIFE)
    found = of(note("old"), note("old"), note("old"), note("old"), *pause, note("new"), note("new"))
    assert [(r["id"], r["uses"]) for r in found["recommended_context"]] == [("new", 2), ("old", 4)]
    assert 0.9 < found["recommended_context"][1]["score"] < 1.1


def test_a_deleted_note_is_not_recommended():
    assert ids(of(note("gone"), note("gone", action="deleted"))) == []


def test_uncommitted_changes_and_open_threads_become_next_actions():
    found = of(
        Draft("action.next", {"text": "run the tests"}),
        Draft("action.next", {"text": "forget it"}),
        Draft("action.done", {"text": "forget it"}),
        Draft("blocker.raised", {"text": "no key"}),
        Draft("plan.set", {"steps": ["one", "two"]}),
        Draft("step.completed", {"text": "one"}),
        Draft("changes.seen", {"files": [{"path": f"f{i}.py", "status": "M"} for i in range(7)]}),
        Draft("thread.set", {"topic": "cache", "notes": "measure it"}),
        Draft("thread.set", {"topic": "names", "status": "waiting"}),
        Draft("question.asked", {"text": "which port?"}),
    )
    assert [(a["text"], a["why"], a["seq"]) for a in found["next_actions"]] == [
        ("run the tests", "noted", 2),
        ("Resolve: no key", "blocker", 5),
        ("two", "plan", 6),
        ("Commit or discard 7 uncommitted changes: f0.py, f1.py, f2.py, f3.py, f4.py and 2 more", "uncommitted changes", 8),
        ("Go on with names", "waiting thread", 10),
        ("Go on with cache: measure it", "open thread", 9),
    ]
    assert found["open_questions"] == ["which port?"]


def test_changes_that_were_committed_are_no_action():
    assert of(Draft("changes.seen", {"files": ["a"]}), Draft("changes.seen", {"files": []}))["next_actions"] == []
