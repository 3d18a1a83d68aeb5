"""What was said around a word counts for what stands there."""

from segue.stores.index.ranking import LOG, Term, ranked


def at(no, place):
    return no * LOG + place


def order(own, terms, sizes, **how):
    """Places, best first; of equals the first given."""
    scores = ranked(own, [Term(1.0, list(places)) for places in terms], sizes, **how)
    return [divmod(place, LOG) for place in sorted(scores, key=lambda place: -scores[place])]


def test_terms_that_stand_in_neighbours_count_together():
    own = {at(1, 50): 2.0, at(1, 10): 2.0, at(1, 11): 1.9}
    assert order(own, [{at(1, 50), at(1, 10)}, {at(1, 11)}], {1: 60}) == [(1, 10), (1, 11), (1, 50)]


def test_what_stands_around_a_match_is_a_place_where_it_is_asked_for():
    own = {at(1, 5): 2.0}
    assert order(own, [own], {1: 9}) == [(1, 5)]
    assert order(own, [own], {1: 9}, around=True)[:5] == [(1, 5), (1, 4), (1, 6), (1, 3), (1, 7)]
    assert min(order({at(1, 2): 1.0}, [{at(1, 2)}], {1: 3}, around=True)) == (1, 0)


def test_neighbours_are_of_one_log():
    own = {at(1, 5): 2.0, at(2, 6): 2.0, at(2, 7): 2.0}
    assert order(own, [own], {1: 9, 2: 9})[-1] == (1, 5)


def test_a_session_with_many_good_places_lifts_them():
    own = {at(1, 5): 2.0} | {at(2, place): 2.0 for place in (10, 30, 50)}
    assert order(own, [own], {1: 60, 2: 60}) == [(2, 10), (2, 30), (2, 50), (1, 5)]


def test_nothing_is_found_in_nothing_and_the_worst_of_very_many_lend_nothing(monkeypatch):
    assert ranked({}, [Term(1.0, [])], {}) == {}
    monkeypatch.setattr("segue.stores.index.ranking.LENDERS", 2)
    own = {at(1, place): float(place) for place in range(10, 60, 10)}
    assert sorted(order(own, [own], {1: 60})) == [(1, 40), (1, 50)]
