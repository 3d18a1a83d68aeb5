"""The life of a session."""

import pytest

from segue.core.errors import IllegalTransitionError
from segue.core.log.events import Draft
from segue.core.session.lifecycle import BEFORE, ENTERS, STATES, TRANSITIONS, VERBS, allowed, decide, diagram
from segue.core.session.state import State, fold
from segue.testing.events import START, written

WAY = {
    "created": (),
    "active": ("start",),
    "paused": ("start", "pause"),
    "recovering": ("start", "recover"),
    "emergency": ("start", "emergency"),
    "ended": ("start", "end"),
    "archived": ("start", "end", "archive"),
}


def told(state, drafts, minute=None):
    """Fold what a store makes of *drafts*, all of them at that minute."""
    start = START + 60 * (state.seq if minute is None else minute)
    events = written(drafts, after=state.seq, start=start, step=0)
    return fold(events, state)


def walked(*verbs):
    state = told(State("s"), [Draft("session.created", {"name": "SESSION-260115-001"})])
    for verb in verbs:
        state = told(state, decide(state, verb))
    return state


@pytest.mark.parametrize("status", STATES)
def test_each_state_is_reached_on_its_way(status):
    assert walked(*WAY[status]).status == status


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("status", STATES)
def test_a_verb_leads_where_the_table_says_or_is_refused_with_what_is_allowed(status, verb):
    state = walked(*WAY[status])
    target = TRANSITIONS[status].get(verb)
    if target is None:
        with pytest.raises(IllegalTransitionError) as refused:
            decide(state, verb)
        assert refused.value.fields == {
            "session": "s",
            "verb": VERBS[verb].done,
            "state": status,
            "allowed": sorted(TRANSITIONS[status]),
        }
    else:
        assert told(state, decide(state, verb)).status == ("ended" if target == BEFORE else target)


def test_a_superseded_session_can_only_be_archived():
    state = walked("start")
    state = told(state, decide(state, "end", reason="superseded", by="next"))
    assert allowed(state) == ("archive",)
    assert state.lifecycle["by"] == "next"
    with pytest.raises(IllegalTransitionError, match=r"it is ended \(superseded\); allowed now: archive"):
        decide(state, "resume")
    archived = told(state, decide(state, "archive"))
    assert allowed(told(archived, decide(archived, "unarchive"))) == ("archive",)


def test_what_was_paused_when_it_was_archived_is_paused_again():
    state = walked("start", "pause", "archive", "unarchive")
    assert (state.status, allowed(state)) == ("paused", ("archive", "emergency", "end", "recover", "resume"))


def test_active_time_is_the_time_without_the_pauses():
    state = told(State("s"), [Draft("session.created", {})], minute=10)
    state = told(state, decide(state, "start"), minute=11)
    state = told(state, decide(state, "pause", reason="budget"), minute=25)
    state = told(state, decide(state, "resume"), minute=40)
    state = told(state, decide(state, "end"), minute=45)
    assert state.active_seconds == (25 - 11 + 45 - 40) * 60
    assert state.lifecycle["times"] == {
        "created": "2026-01-15T09:10:00.000000Z",
        "active": "2026-01-15T09:40:00.000000Z",
        "paused": "2026-01-15T09:25:00.000000Z",
        "ended": "2026-01-15T09:45:00.000000Z",
    }


def test_a_long_silence_while_active_is_active_and_idle():
    state = told(walked("start"), [Draft("message", {"role": "user", "parts": []})], minute=1 + 31)
    assert (state.active_seconds, state.lifecycle["idle_ms"]) == (31 * 60, 31 * 60_000)
    assert state.worked_seconds == 0


def test_a_clock_that_goes_backwards_takes_no_time_away():
    state = told(walked("start"), [Draft("message", {"role": "user", "parts": []})], minute=10)
    state = told(state, [Draft("message", {"role": "user", "parts": []})], minute=4)
    state = told(state, [Draft("message", {"role": "user", "parts": []})], minute=12)
    assert state.active_seconds == 11 * 60


def test_bookkeeping_is_no_activity():
    state = told(walked("start"), [Draft("import.advanced", {"agent": "a", "foreign_id": "f", "position": {}})], minute=900)
    assert (state.active_seconds, state.activity) == (0, "2026-01-15T09:01:00.000000Z")


def test_a_message_makes_a_created_session_active_and_a_paused_one_not():
    hello = [Draft("message", {"role": "user", "parts": [{"type": "text", "content": "hello"}]})]
    assert (told(walked(), hello).status, told(walked("start", "pause"), hello).status) == ("active", "paused")


def test_a_reason_is_given_where_none_was():
    state = walked("start")
    assert [decide(state, v)[0].body for v in ("pause", "end", "recover")] == [{"reason": "user"}, {"reason": "done"}, {}]
    with pytest.raises(ValueError, match="no such reason"):
        decide(state, "end", reason="tired")
    with pytest.raises(ValueError, match="no such verb"):
        decide(state, "sing")


def test_the_diagram_shows_every_transition_of_the_table():
    shown = {tuple(line.strip().split(": ")[0].split(" --> ")) for line in diagram().splitlines()[2:]}
    table = {(s, t) for s, verbs in TRANSITIONS.items() for t in verbs.values() if t != BEFORE}
    assert shown == table | {("archived", "ended"), ("archived", "paused")}


def test_every_verb_has_a_kind_that_the_fold_knows():
    assert {v.kind for v in VERBS.values()} - {"session.unarchived"} <= set(ENTERS)
