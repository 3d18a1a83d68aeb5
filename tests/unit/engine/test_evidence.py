"""Evidence stays within its budget, stands in order, and says what became of each hit."""

import pytest

from segue.core.context.tokens import Estimator
from segue.core.session.words import words_of
from segue.engine.evidence import hits_for, pack_evidence
from segue.ports import Hit
from segue.stores.memory import MemoryStore
from segue.testing.builders import created, user
from segue.testing.fakes import FakeClock, FakeIds, session_id


@pytest.fixture
def store():
    store = MemoryStore(clock=FakeClock(), ids=FakeIds())
    for number in (1, 2):
        said = [user(f"turn {turn} of {number}: " + "pears and plums " * 4) for turn in range(20)]
        store.create(session_id(number), [created(), *said, user("a long list\n" + "apples, \n" * 2_000)])
    return store


def hit(session, seq, score=1.0):
    return Hit(session_id(session), seq, "2026-01-15T09:00:00Z", "message", "user", "", "", score)


def packed(store, hits, budget, margin=0.0):
    return pack_evidence(store, hits, budget, Estimator("o200k", margin=margin), lambda session: f"SESSION-{session[-1]}")


def test_events_of_a_session_stand_together_in_their_order(store):
    found = packed(store, [hit(1, 9), hit(2, 3), hit(1, 4)], 400)
    heads = [line.split(":")[0] for line in found["text"].splitlines()[1:-1]]
    assert heads == ["§ SESSION-1 2026-01-15", "§4 user", "§9 user", "§ SESSION-2 2026-01-15", "§3 user"]
    assert [item["status"] for item in found["items"]] == ["loaded"] * 3


def test_no_budget_is_exceeded_and_each_hit_has_its_fate(store):
    hits = [hit(1 + n % 2, 2 + n // 2) for n in range(42)]
    for budget in (1, 20, 60, 150, 400, 1_000, 3_000):
        found = packed(store, hits, budget, margin=0.05)
        assert found["tokens"] * 1.05 <= budget
        assert [(item["session"], item["seq"]) for item in found["items"]] == [(h.session, h.seq) for h in hits]
        assert sum(item["status"] != "skipped" for item in found["items"]) == found["text"].count("\n§") - len(
            {item["session"] for item in found["items"] if item["status"] != "skipped"}
        )


def test_a_long_event_takes_a_share_and_one_alone_all(store):
    found = packed(store, [hit(1, 22), hit(2, 3)], 800)
    assert [item["status"] for item in found["items"]] == ["shortened", "loaded"]
    assert found["tokens"] < 400
    assert packed(store, [hit(1, 22)], 800)["tokens"] > 700


def test_what_cannot_be_read_is_said_and_what_is_over_is_not_read(store):
    read = []
    whole = store.read
    store.read = lambda *args, **how: read.append(args) or whole(*args, **how)
    found = packed(store, [hit(1, 999), *[hit(1, seq) for seq in range(2, 22)]], 100)
    assert found["items"][0] == {"session": session_id(1), "seq": 999, "status": "skipped", "reason": "event '999' was not found"}
    assert len(read) < 8
    assert found["items"][-1]["reason"] == "no room"


def test_there_are_hits_enough_to_fill_a_budget():
    assert [hits_for(budget) for budget in (1, 1_000, 25_000, 10**9)] == [20, 33, 833, 1_500]


def test_what_is_shown_is_what_the_event_says(store):
    event = next(store.read(session_id(1), after=4, upto=5))
    assert words_of(event).text in packed(store, [hit(1, 5)], 400)["text"]
