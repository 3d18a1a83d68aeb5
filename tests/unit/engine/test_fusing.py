"""Two orders become one: what is near in meaning comes forward, and nothing is lost or added."""

from hypothesis import given, settings
from hypothesis import strategies as st

from segue.engine.context.fusing import fused
from segue.ports import Spot


class Said:
    """Tells of each text the nearness that it says."""

    def near(self, question, texts):
        return [float(text) for text in texts]


def spots(count):
    return [Spot("s", number, 0, 0.0) for number in range(count)]


def order(texts):
    return [spot.seq for spot in fused(spots(len(texts)), texts, "?", Said())]


def test_what_is_first_in_both_orders_is_first():
    assert order(["9", "8", "7"]) == [0, 1, 2]


def test_what_is_nearest_in_meaning_comes_before_what_words_put_a_little_higher():
    assert order(["1", "1", "9", "1", "0", "0"])[:2] == [0, 2]


def test_words_count_more_than_meaning():
    texts = ["0", *["1"] * 60, "9"]

    assert order(texts).index(61) > 0


def test_what_says_nothing_is_last():
    assert order(["", "1", " ", "0"]) == [1, 3, 0, 2]


@settings(max_examples=30)
@given(st.lists(st.sampled_from(["", "0", "1", "2", "3"])))
def test_every_entry_is_there_once(texts):
    assert sorted(order(texts)) == list(range(len(texts)))
