"""What is known of models: prices of a day and of a size, the user's own first, nothing guessed."""

import re

import pytest

from segue.core.context.models import Price, model_of, price_for, price_of
from segue.core.context.modeltable import TABLE


@pytest.mark.parametrize(
    ("name", "day", "input", "price"),
    [
        ("claude-opus-4-5", "2026-11-01", 0, Price(5, 25, 0.5, 6.25)),
        ("us.anthropic.claude-opus-4-5-v1:0", "2026-11-01", 0, Price(5, 25, 0.5, 6.25)),
        ("claude-opus-4-6", "2026-03-12", 200_000, Price(5, 25, 0.5, 6.25)),
        ("claude-opus-4-6", "2026-03-12", 200_001, Price(10, 37.5, 1, 12.5)),
        ("claude-opus-4-6", "2026-03-13", 200_001, Price(5, 25, 0.5, 6.25)),
    ],
)
def test_a_price_is_that_of_its_day_and_of_the_size_of_the_call(name, day, input, price):
    assert price_for(name, {}, day=day, input=input) == price


def test_what_the_user_says_of_a_price_holds_by_the_longest_beginning():
    own = {"claude": "1/2", "claude-opus": "3/4/0.5/6", "my-model": "0/0"}
    assert [price_for(name, own) for name in ("claude-opus-4-5", "Claude-Haiku-4-5", "my-model-7b")] == [
        Price(3, 4, 0.5, 6),
        Price(1, 2, 1, 1),
        Price(0, 0, 0, 0),
    ]


@pytest.mark.parametrize("name", ["", "my-own", "x-o3", "my-gemini-3", "notgpt-5", "claude"])
def test_of_a_model_that_nobody_knows_no_price_is_guessed(name):
    assert (model_of(name), price_for(name, {})) == (None, None)


def test_a_model_with_open_weights_has_a_window_and_no_price():
    assert (model_of("mine/gemma-4-31b-it").window, price_for("gemma-4-31b-it", {})) == (262_144, None)


@pytest.mark.parametrize("figures", ["", "a/b", "1/2/3/4/5", "-1/2", "1e9/2", "nan/1", "/1"])
def test_figures_that_are_no_price_are_none(figures):
    assert price_of(figures) is None


def test_a_call_costs_what_its_cache_leaves_of_the_input_and_the_rest_at_its_own_price():
    price = Price(10, 100, 1, 12)
    assert price.of(input=1_000_000, output=10_000, cache_read=600_000, cache_write=100_000) == pytest.approx(3 + 1 + 0.6 + 1.2)
    assert price.of(input=10, output=0, cache_read=600_000) == pytest.approx(0.6)  # figures that contradict each other


def test_every_line_of_the_table_can_be_read_and_says_something():
    for line in TABLE.strip().split("\n"):
        names, begins, patterns, window, prices = line.split("|")
        assert names or begins or patterns
        assert window or prices
        assert all(re.compile(pattern) for pattern in patterns.split())
        assert all(price_of(period.rpartition("=")[2]) for period in prices.split(";") if period)
