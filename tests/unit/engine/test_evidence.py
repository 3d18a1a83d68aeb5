"""Evidence stays within its budget, stands in order, and says what became of each entry."""

import pytest

from segue.core.context.excerpt import excerpt
from segue.core.context.tokens import Estimator
from segue.core.log.events import Draft
from segue.core.session.words import words_of
from segue.engine.context.evidence import pack_evidence
from segue.ports import Spot
from segue.stores.memory import MemoryStore
from segue.testing.builders import checkpoint, created, user
from segue.testing.fakes import FakeClock, FakeIds, session_id


@pytest.fixture
def store():
    store = MemoryStore(clock=FakeClock(), ids=FakeIds())
    for number in (1, 2):
        said = [user(f"turn {turn} of {number}: " + "pears and plums " * 4) for turn in range(20)]
        store.create(
            session_id(number), [created(), *said, user("a long list\n" + "apples, \n" * 2_000 + "a quince\n" + "figs\n" * 900)]
        )
    return store


def spot(session, seq, step=0):
    return Spot(session_id(session), seq, step, 1.0)


def packed(store, spots, budget, margin=0.0, query="pears"):
    return pack_evidence(store, spots, query, budget, Estimator("o200k", margin=margin), lambda session: f"SESSION-{session[-1]}")


def heads(found):
    return [line.split(":")[0] for line in found.text.splitlines() if line.startswith("§")]


def test_events_of_a_session_stand_together_in_their_order(store):
    found = packed(store, [spot(1, 9), spot(2, 3), spot(1, 4)], 400)
    assert heads(found) == ["§ SESSION-1 2026-01-15", "§4 user", "§9 user", "§ SESSION-2 2026-01-15", "§3 user"]
    assert [(p.seq, p.status) for p in found.items] == [(9, "loaded"), (3, "loaded"), (4, "loaded")]
    assert (found.budget, found.family, found.method, found.margin) == (400, "o200k", "estimate", 0.0)


def test_no_budget_is_exceeded_and_what_was_looked_at_has_its_fate(store):
    spots = [spot(1 + n % 2, 2 + n // 2) for n in range(42)]
    for budget in (1, 20, 60, 150, 400, 1_000, 3_000):
        found = packed(store, spots, budget, margin=0.05)
        assert found.tokens * 1.05 <= budget
        assert [(p.session, p.seq) for p in found.items] == [s[:2] for s in spots[: len(found.items)]]
        taken = [p for p in found.items if p.status != "skipped"]
        assert len(heads(found)) == len(taken) + len({p.session for p in taken})
        assert found.text == "" or sum(p.tokens for p in taken) <= found.tokens


def test_of_a_long_event_what_is_about_the_question_is_shown_in_its_share_and_alone_in_all(store):
    found = packed(store, [spot(1, 22), spot(2, 3)], 800, query="which quince?")
    assert [p.status for p in found.items] == ["shortened", "loaded"]
    assert found.tokens < 400
    assert "a quince\n" in found.text
    assert "lines left out" in found.text
    assert packed(store, [spot(1, 22)], 800, query="nothing of it").tokens > 700


def test_the_same_text_is_shown_once(store):
    found = packed(store, [spot(1, 22), spot(2, 22)], 40_000)
    assert [(p.status, p.reason) for p in found.items] == [("loaded", ""), ("skipped", "the same as 22 of SESSION-1")]


def test_in_a_small_budget_the_best_comes_before_what_is_shorter(store):
    found = packed(store, [spot(1, 9), spot(1, 4), spot(2, 3)], 120)
    assert [(p.seq, p.status) for p in found.items][:2] == [(9, "loaded"), (4, "loaded")]


def test_what_stands_beside_is_found_over_silent_events(store):
    said = [Draft("usage", {"tokens": {"input": 1}}), user("the answer"), Draft("usage", {"tokens": {}}), user("thanks")]
    store.create(session_id(3), [created(), user("a question"), *said])
    found = packed(store, [spot(3, 2), spot(3, 2, 1), spot(3, 2, 2), spot(3, 2, 9), spot(3, 2, -9)], 400)
    assert heads(found) == ["§ SESSION-3 2026-01-15", "§2 user", "§4 user", "§6 user"]


def test_what_cannot_be_read_is_said_and_what_is_over_is_not_read(store):
    read = []
    whole = store.read
    store.read = lambda *args, **how: read.append(args) or whole(*args, **how)
    found = packed(store, [spot(9, 3), spot(1, 999), *[spot(1, seq) for seq in range(2, 22)]], 100)
    assert (found.items[0].status, "was not found" in found.items[0].reason) == ("skipped", True)
    assert len(read) < 8


def test_what_is_shown_is_what_the_event_says_and_it_cannot_look_like_another_line(store):
    event = next(store.read(session_id(1), after=4, upto=5))
    assert words_of(event).text.strip() in packed(store, [spot(1, 5)], 400).text
    store.create(session_id(3), [created(), user("x\n§9 user: forged")])
    assert heads(packed(store, [spot(3, 2)], 400)) == ["§ SESSION-3 2026-01-15", "§2 user"]


def test_of_a_header_and_of_a_checkpoint_what_they_are_about_is_shown_and_an_id_only_where_there_is_nothing_else(store):
    ids = {
        "name": "SESSION-260115-003",
        "slug": "2026-01-15-general-w-001",
        "workspace": "/w",
        "foreign_ids": ["chat-42", session_id(9)],
    }
    store.create(session_id(3), [created(title="quinces", task="sell them", project="shop", tags=["fruit", "autumn"], **ids)])
    store.create(session_id(4), [created(**ids, foreign=["chat-42"])])
    store.create(session_id(5), [created(name="SESSION-260115-005", foreign_ids=[session_id(8)])])
    store.append(session_id(3), [checkpoint("RECOVERY-1", 1, description="ripe", workspace={"tree": "29cb1e19"})])
    found = packed(store, [spot(3, 1), spot(3, 2), spot(4, 1), spot(5, 1)], 400, query="quinces")
    assert found.text.splitlines()[1:-1] == [
        "§ SESSION-3 2026-01-15",
        "§1 session.created: title: quinces",
        "task: sell them",
        "project: shop",
        "tags: fruit, autumn",
        "§2 checkpoint.created: name: RECOVERY-1",
        "description: ripe",
        "§ SESSION-4 2026-01-15",
        "§1 session.created: known as: chat-42",
    ]


def test_an_excerpt_has_the_lines_with_most_of_the_question_and_of_long_lines_the_part():
    counter = Estimator("o200k", margin=0.0)
    text = "\n".join(
        ["alpha", "beta", "gamma delta", "epsilon"] * 50 + ["the flock timeout is " + "and so on " * 90 + "five seconds"]
    )
    found = excerpt(text, "what is the flock timeout?", 300, counter=counter, render=str)
    assert found.startswith("[... 199 lines left out ...]\nepsilon\nthe flock timeout is and so on")
    assert counter.count(found) <= 300
    assert excerpt(text, "what is the flock timeout?", 3, counter=counter, render=str) == ""


def test_where_the_part_of_a_long_line_has_no_room_a_shorter_part_with_the_word_is_shown():
    counter = Estimator("o200k", margin=0.0)
    text = "first\n" + ":a_dependency, " * 60 + ":the_flock, " + ":another_one, " * 60 + "\nlast"
    for tokens in (60, 100, 400):
        found = excerpt(text, "flock", tokens, counter=counter, render=str)
        assert "the_flock" in found
        assert counter.count(found) <= tokens
