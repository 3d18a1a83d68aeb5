"""What a fork shares with others is found for it, once, whoever of them is still there."""

import random

import pytest

from segue.core.log.events import Draft
from segue.ports import Filters
from segue.testing.builders import user
from segue.testing.fakes import FakeIds, session_id
from tests.unit.stores.index.helping import begin, fork, found, open_index

A, B, C, D = (session_id(n) for n in range(1, 5))


@pytest.fixture
def family(place):
    """A has alpha at 2, 3 and 4; B left it at 3 and has alpha at 5; C left B at 2, D left B at 5."""
    store, _ = place
    begin(store, 1, user("alpha two"), user("alpha three"), user("alpha four"), project="p")
    fork(store, 2, 1, 3, user("alpha own"))
    fork(store, 3, 2, 2, user("beta"))
    fork(store, 4, 2, 5, user("beta"))
    return store


def test_a_fork_finds_what_it_shares_and_nothing_behind_the_fork_point(family, index):
    assert found(index, "alpha", Filters(session=A)) == [(A, 4), (A, 3), (A, 2)]
    assert sorted(found(index, "alpha", Filters(session=B))) == [(B, 2), (B, 3), (B, 5)]
    assert found(index, "alpha", Filters(session=C)) == [(C, 2)]
    assert sorted(found(index, "alpha", Filters(session=D), order="best")) == [(D, 2), (D, 3), (D, 5)]
    assert sorted(found(index, "alpha")) == [(A, 2), (A, 3), (A, 4), (B, 5)]


def test_what_is_new_in_a_parent_is_found_for_a_fork_that_is_asked_first(family, place):
    index = open_index(place[0])
    assert sorted(found(index, "alpha", Filters(session=D))) == [(D, 2), (D, 3), (D, 5)]
    assert [r.id for r in index.sessions()] == [D, C, B, A]
    assert index.session(D).id == D


def test_filters_are_those_of_the_session_that_is_shown(family, index):
    family.append(A, [Draft("session.updated", {"project": "q"})])
    assert sorted(found(index, "alpha", Filters(project="p"))) == [(B, 2), (B, 3), (B, 5)]
    assert sorted(found(index, "alpha", Filters(project="q"))) == [(A, 2), (A, 3), (A, 4)]
    assert found(index, "two", Filters(project="p"), role="tool") == []


@pytest.mark.parametrize("seen", [True, False])
def test_the_past_that_forks_share_with_a_deleted_session_stays_found(family, place, seen):
    index = open_index(place[0])
    if seen:
        index.catch_up()
    family.delete(A)
    assert sorted(found(index, "alpha")) == [(B, 2), (B, 3), (B, 5)]
    assert sorted(found(index, "alpha", Filters(session=D))) == [(D, 2), (D, 3), (D, 5)]
    assert [r.id for r in index.sessions()] == [D, C, B]
    family.delete(B)
    assert sorted(found(index, "alpha")) == [(C, 2), (D, 3), (D, 5)]
    assert found(index, "alpha", Filters(session=C)) == [(C, 2)]
    family.delete(D)
    assert found(index, "alpha") == [(C, 2)]
    family.delete(C)
    assert found(index, "alpha") == []
    assert (index.status().sessions, index.status().entries) == (0, 0)


def test_a_parent_that_was_taken_in_only_in_part_is_read_on_through_a_fork(place):
    store, _ = place
    begin(store, 1, *[user(f"alpha w{i}") for i in range(10)])
    index = open_index(store)
    index.catch_up()
    store.append(A, [user(f"beta w{i}") for i in range(600)])
    fork(store, 2, 1, 400)
    fork(store, 3, 1, 500)
    index.session(C)  # takes in the fork alone
    store.delete(A)
    assert len(found(index, "beta", limit=1000)) == 500 - 11
    assert found(index, "w5", Filters(session=B)) == [(B, 17), (B, 7)]
    assert found(index, "w450") == [(C, 462)]


def test_deleting_a_parent_reads_nothing_of_the_past_again(place):
    store, _ = place
    begin(store, 1, *[user(f"alpha w{i}") for i in range(300)])
    fork(store, 2, 1, 200)
    index = open_index(store)
    index.catch_up()
    store.delete(A)
    read, whole = [], store.read
    store.read = lambda *args, **how: (read.append(e.seq) or e for e in whole(*args, **how))
    assert index.catch_up() == 0
    assert read == []
    del store.read
    assert found(index, "w150") == [(B, 152)]


@pytest.mark.parametrize("seed", range(8))
def test_whichever_go_each_fork_finds_its_whole_past(place, seed):
    store, _ = place
    rng, ids = random.Random(seed), FakeIds(seed=99)
    begin(store, 1, *[user(f"alpha {ids.uuid7()[-6:]}") for _ in range(9)])
    index, last = open_index(store), 1
    for _ in range(20):
        there = sorted(store.sessions())
        number = int(rng.choice([n for n in range(1, last + 1) if session_id(n) in there]))
        if rng.random() < 0.6 or len(there) == 1:
            last += 1
            fork(store, last, number, rng.randint(1, store.info(session_id(number)).head.seq), user(f"alpha f{last}"))
        else:
            store.delete(session_id(number))
        if rng.random() < 0.5:
            index.catch_up()
    for session in store.sessions():
        said = [(session, e.seq) for e in store.read(session) if e.kind == "message"]
        for asked in (index, open_index(store, ":memory:")):
            assert sorted(found(asked, "alpha", Filters(session=session), limit=1000)) == said
    every = {e.id for s in store.sessions() for e in store.read(s) if e.kind == "message"}
    assert len(found(index, "alpha", limit=1000)) == len(every)
