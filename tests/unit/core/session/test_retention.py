"""Which checkpoints stay, and why."""

from datetime import date, timedelta

from hypothesis import example, given
from hypothesis import strategies as st

from segue.core.session.retention import LEAP, Policy, Taken, decide, verdicts
from segue.core.session.state import State, fold
from segue.testing import builders as b
from segue.testing.events import written

BEGIN = date(2026, 1, 12)  # a Monday


def taken(seq, day, *, automatic=True, hour=12, **more):
    at = f"{(BEGIN + timedelta(days=day)).isoformat()}T{hour:02}:00:00.000000Z"
    return Taken(f"AUTO-{seq}", seq, seq - 1, at, automatic, **more)


def kept(checkpoints, policy=Policy(), held=()):  # noqa: B008  (immutable)
    return {v.checkpoint.seq: v.kept for v in decide(checkpoints, policy, held) if v.kept}


NOTHING = Policy(0, 0, 0, 0)


def test_the_last_ones_stay_in_the_order_of_the_log():
    assert kept([taken(2, 3), taken(9, 1), taken(4, 3)], Policy(2, 0, 0, 0)).keys() >= {4, 9}


def test_the_last_one_of_each_of_the_latest_days_stays():
    days = [taken(10 * day + hour, day, hour=hour) for day in range(9) for hour in (3, 6)]
    assert kept(days, NOTHING._replace(daily=3)) == dict.fromkeys((66, 76, 86), ("last of its day",))


def test_days_without_a_checkpoint_do_not_count():
    assert kept([taken(1, 0), taken(2, 9), taken(3, 30)], NOTHING._replace(daily=2)).keys() == {2, 3}


def test_the_last_one_of_each_of_the_latest_weeks_stays_and_a_week_begins_on_monday():
    assert kept([taken(1, 0), taken(2, 6), taken(3, 7), taken(4, 13)], NOTHING._replace(weekly=2)) == {
        2: ("last of its week",),
        4: ("last of its week",),
    }


def test_the_rules_keep_their_union_and_one_checkpoint_has_all_its_reasons():
    found = kept([taken(seq, seq // 4) for seq in range(1, 60)], Policy())
    assert found[59] == ("last 5", "last of its day", "last of its week")
    of_the_week, of_the_day = [27], [35, 39, 43, 47, 51, 55, 59]
    last, further = [55, 56, 57, 58, 59], [42, 44, 45, 46, 48, 49, 50, 52, 53, 54]
    assert sorted(found) == sorted({*of_the_week, *of_the_day, *last, *further})


def test_what_a_person_took_stays_and_so_does_what_others_rely_on():
    found = kept(
        [
            taken(2, 0, automatic=False),
            taken(3, 0, automatic=False, description="before the merge"),
            taken(4, 0, trigger="handoff"),
            taken(5, 0),
            taken(6, 0),
        ],
        NOTHING,
        held={4},
    )
    assert found == {
        2: ("taken by hand",),
        3: ("named",),
        4: ("taken for a handoff",),
        5: ("a fork or a continuation begins there",),
    }


def test_a_session_decides_on_its_own_checkpoints_and_not_on_those_of_its_parents_past():
    events = written(
        [
            b.created(),
            b.checkpoint("RECOVERY-A", 1, automatic=True),
            b.forked({"session": "p", "seq": 2, "digest": "d"}),
            b.checkpoint("RECOVERY-B", 3, automatic=True),
        ]
    )
    assert [v.checkpoint.name for v in verdicts(fold(events, State("s")), NOTHING)] == ["RECOVERY-B"]


def test_a_clock_that_leaps_years_ahead_and_comes_back_costs_no_day():
    days = [taken(2 * day + i, day) for day in range(10) for i in (1, 2)]
    jumped = [c._replace(at="2036-05-05T00:00:00Z") if c.seq in {15, 16} else c for c in days]
    assert decide(days, NOTHING._replace(daily=7)) != decide(jumped, NOTHING._replace(daily=7))
    assert kept(jumped, NOTHING._replace(daily=7)).keys() >= kept(days, NOTHING._replace(daily=7)).keys()


def test_a_clock_before_1970_or_none_at_all_keeps_what_it_touches():
    found = kept(
        [taken(1, 0), taken(2, 0)._replace(at="1969-12-31T23:00:00Z"), taken(3, 0)._replace(at="soon"), taken(4, 1)], NOTHING
    )
    assert found == dict.fromkeys((1, 2, 3), ("the clock contradicts the log here",))


def test_the_time_that_it_is_now_makes_nothing_old():
    """There is no such input: the same checkpoints are decided the same way in ten years."""
    assert "now" not in decide.__annotations__


histories = st.lists(st.tuples(st.integers(0, 3), st.booleans(), st.integers(0, 23)), max_size=60)
policies = st.builds(Policy, st.integers(0, 6), st.integers(0, 8), st.integers(0, 5), st.integers(0, 11))


def grown(history):
    """Return checkpoints whose days never go back."""
    day, found = 0, []
    for seq, (step, automatic, hour) in enumerate(history, 1):
        day += step
        found.append(taken(seq, day, automatic=automatic, hour=hour))
    return found


@given(histories, policies, st.integers(0, 59), st.integers(1, 20), st.sampled_from([-4004, -406, 406, 4004]))
@example(
    [(gap, n == 2, 0) for n, gap in enumerate((0, 1, 3, 3, 0, 0, 1, 3, 3, 1, 0, 1))], Policy(0, 0, 3, 0), 0, 11, -4004
)  # within a week
def test_a_clock_that_was_off_for_a_while_has_nothing_forgotten_that_would_have_stayed(history, policy, at, length, days):
    right = grown(history)
    policy = policy._replace(automatic=0)
    off = [
        c._replace(at=f"{(date.fromisoformat(c.at[:10]) + timedelta(days=days)).isoformat()}{c.at[10:]}")
        if at <= c.seq < at + length
        else c
        for c in right
    ]
    assert set(kept(right, policy)) <= set(kept(off, policy))


@given(histories, policies, st.lists(st.integers(-LEAP - 9, LEAP + 9), max_size=60), st.sets(st.integers(0, 60), max_size=3))
def test_to_decide_again_after_forgetting_forgets_nothing_more(history, policy, shifts, held):
    found = grown(history)
    for i, shift in enumerate(shifts[: len(found)]):
        at = (date.fromisoformat(found[i].at[:10]) + timedelta(days=shift)).isoformat()
        found[i] = found[i]._replace(at=f"{at}{found[i].at[10:]}")
    left = [v.checkpoint for v in decide(found, policy, held) if v.kept]
    assert [v.checkpoint.name for v in decide(left, policy, held) if not v.kept] == []
