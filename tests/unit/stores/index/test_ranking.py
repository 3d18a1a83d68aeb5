"""What was said around a word counts for what stands there."""

from segue.stores.index.ranking import ranked


def order(*args, **how):
    return [at for at, _ in ranked(*args, **how)]


def test_terms_that_stand_in_neighbours_count_together():
    own = {(1, 50): 2.0, (1, 10): 2.0, (1, 11): 1.9}
    apart = order(own, [{(1, 50), (1, 10)}, {(1, 11)}], 100, {1: 60})
    assert apart == [(1, 10), (1, 11), (1, 50)]


def test_what_stands_around_a_match_is_a_place_where_it_is_asked_for():
    own = {(1, 5): 2.0}
    assert order(own, [{(1, 5)}], 100, {1: 9}) == [(1, 5)]
    assert order(own, [{(1, 5)}], 100, {1: 9}, around=True)[:5] == [(1, 5), (1, 4), (1, 6), (1, 3), (1, 7)]
    assert min(seq for _, seq in order({(1, 2): 1.0}, [{(1, 2)}], 9, {1: 3}, around=True)) == 1


def test_neighbours_are_of_one_log():
    own = {(1, 5): 2.0, (2, 6): 2.0, (2, 7): 2.0}
    assert order(own, [set(own)], 100, {1: 9, 2: 9})[-1] == (1, 5)


def test_a_session_with_many_good_places_lifts_them():
    own = {(1, 5): 2.0} | {(2, seq): 2.0 for seq in (10, 30, 50)}
    assert order(own, [set(own)], 100, {1: 60, 2: 60}) == [(2, 10), (2, 30), (2, 50), (1, 5)]


def test_a_term_that_every_entry_has_weighs_nothing_and_nothing_is_found_in_nothing():
    own = {(1, 1): 0.0, (1, 9): 0.0}
    assert {score for _, score in ranked(own, [set(own)], 2, {1: 9})} == {0.0}
    assert ranked({}, [set()], 0, {}) == []
