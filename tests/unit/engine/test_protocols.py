"""Protocols: how much is looked at before a session goes on, by its age, in five steps that each tell what came of them."""

from itertools import count

import pytest

from segue.core.context.tokens import Estimator
from segue.core.delta.checks import Check, Finding, Validation
from segue.core.delta.report import Delta, Place
from segue.core.delta.values import Since
from segue.core.errors import NotFoundError, UsageError, WorkspaceError
from segue.core.log.events import Draft
from segue.core.log.ids import named_uuid
from segue.engine.context.going_on import Checked
from segue.engine.context.protocols import Means, follow
from segue.engine.context.restoring import Wanted
from segue.stores.memory import MemoryStore
from segue.testing.builders import assistant, created, decision, user
from segue.testing.fakes import FakeClock, FakeIds

S = named_uuid("a session")
HOUR = 3_600
WORK = [
    created(name="SESSION-260115-001", task="Port the parser", workspace="/w", agent="codex"),
    user("Port the parser. Never touch vendor/."),
    assistant("On it."),
    decision("Use the streaming reader"),
    Draft("question.asked", {"text": "Which encodings?"}),
    Draft("action.next", {"text": "run the long tests"}),
]


def around(*findings):
    """What a look at the surroundings finds."""
    delta = Delta(
        session=S, name="SESSION-260115-001", position=6, since="2026-01-15T09:00:00.000000Z", away=90_000.0,
        place=Place("here", "/w", "/w"), saved=None, now=None, history=Since(), estimated=False, files=(), file_count=0,
        files_by="", uncommitted=(), dependencies=(), notes=(), tasks=(), sessions=(), session_count=0, stale=(),
        checkpoint="", limits=("a very large repository",),
    )  # fmt: skip
    validation = Validation((Check("project", True, (), tuple(findings), "failed" if findings else "same"),))
    return Checked(S, "SESSION-260115-001", delta, validation, findings)


def following(protocol=None, idle=HOUR, found=None, drafts=WORK, **wanted):
    clock = FakeClock()
    store = MemoryStore(clock=clock, ids=FakeIds())
    store.create(S, drafts)
    clock.advance(idle)
    asked = []

    def look(session, *, thorough):
        asked.append(thorough)
        if isinstance(found, Exception):
            raise found
        return found or around()

    ticks = count()
    means = Means(store, clock, lambda model: Estimator("o200k"), look, lambda: next(ticks) / 8)
    return follow(means, S, Wanted(**wanted), protocol), asked


def statuses(outcome):
    return {step.name: step.status for step in outcome.steps}


@pytest.mark.parametrize(
    ("idle", "protocol"), [(0, "quick"), (24 * HOUR, "quick"), (24 * HOUR + 1, "full"), (400 * 24 * HOUR, "full")]
)
def test_the_protocol_is_chosen_by_age(idle, protocol):
    assert following(idle=idle)[0].protocol == protocol


def test_a_session_in_an_emergency_gets_the_critical_facts():
    outcome, asked = following(drafts=[*WORK, Draft("session.emergency", {"reason": "verification"})])

    assert (outcome.protocol, outcome.status, asked) == ("emergency", "success", [])
    assert outcome.restored.context.budget == 5_000
    assert "Never touch vendor/" in outcome.restored.context.text
    assert statuses(outcome)["compare"] == "skipped"


def test_each_of_the_five_steps_has_its_output_and_its_time():
    outcome, asked = following(idle=30 * HOUR)

    assert asked == [True]
    assert [(step.name, step.status, step.seconds) for step in outcome.steps] == [
        ("identify", "success", 0.125),
        ("load", "success", 0.125),
        ("compare", "success", 0.125),
        ("update", "success", 0.125),
        ("plan", "success", 0.125),
    ]
    identify, load, compare, update, plan = (step.output for step in outcome.steps)
    assert (identify["name"], identify["position"], identify["workspace"]) == ("SESSION-260115-001", 6, "/w")
    assert load == {
        "checkpoint": None, "decisions": 1, "constraints": 0, "open_threads": 0, "open_questions": 1, "instructions": 1,
        "losses": 0, "verified_events": 6, "damaged": 0,
    }  # fmt: skip
    assert compare["changed"] == ["not seen: a very large repository"]
    assert update["tokens"] == outcome.restored.context.size.tokens
    assert plan["next_steps"] == ["run the long tests", "answer: Which encodings?"]
    assert plan["command"] == "segue resume SESSION-260115-001 --in codex"
    assert outcome.summary.startswith("SESSION-260115-001: Port the parser. 1 decision. Away for 1 day 1 hour: 1 change")


def test_what_changed_is_in_the_context():
    outcome, _ = following()

    assert "## What changed since\n- not seen: a very large repository\n" in outcome.restored.context.text


def test_what_a_person_must_verify_comes_first_and_the_outcome_is_partial():
    finding = Finding("commit 1234567 is gone", critical=True, hint="git branch rescued 1234567")

    outcome, _ = following(found=around(finding))

    assert (outcome.status, outcome.failures, statuses(outcome)["compare"]) == ("partial", (finding,), "partial")
    assert outcome.next_steps[0] == "verify: commit 1234567 is gone"
    assert outcome.warnings == ("verify: commit 1234567 is gone (git branch rescued 1234567)",)
    assert "- verify before you rely on it: commit 1234567 is gone\n" in outcome.restored.context.text


@pytest.mark.parametrize("error", [WorkspaceError("look at /w", "git is broken"), PermissionError(13, "denied", "/w")])
def test_a_step_that_fails_is_told_and_stops_no_other(error):
    outcome, _ = following(found=error)

    assert outcome.status == "partial"
    assert statuses(outcome) == {
        "identify": "success", "load": "success", "compare": "failed", "update": "success", "plan": "success",
    }  # fmt: skip
    assert len(outcome.warnings) == 1
    assert outcome.warnings[0].startswith("compare: ")


def test_an_earlier_position_is_not_compared_with_what_is_there_now():
    outcome, asked = following("full", at=3)

    assert asked == []
    assert statuses(outcome)["compare"] == "skipped"
    assert "Use the streaming reader" not in outcome.restored.context.text


def test_a_protocol_that_is_asked_for_says_which_it_would_be():
    assert following("full")[0].why == "asked for; away for 1 hour, up to 24 hours, it would be quick"


def test_wrong_wishes_are_no_step_that_failed():
    with pytest.raises(UsageError):
        following(budget=0)
    with pytest.raises(NotFoundError):
        following(at=99)


def test_an_outcome_for_a_program_has_its_steps_and_its_context():
    shape = following()[0].to_json()

    assert shape.keys() == {
        "protocol", "why", "status", "steps", "summary", "next_steps", "warnings", "failures", "context",
    }  # fmt: skip
    assert shape["context"]["text"].startswith("# Restored context of SESSION-260115-001")
    assert shape["steps"][4]["name"] == "plan"
