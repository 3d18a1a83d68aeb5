"""Stores with one fault each, and the clauses of the contract that must fail on them."""

from collections.abc import Callable
from typing import NamedTuple

from segue.ports import Store


class Broken(NamedTuple):
    """A store with a fault, and the clauses (without their `test_`) that see it."""

    store: Callable[..., Store]
    clauses: tuple[str, ...]
    shared: bool


BROKEN: dict[str, Broken] = {}


def fails(*clauses, shared=False):
    """Say which clauses must fail on the store that follows."""

    def register(store):
        BROKEN[store.__name__] = Broken(store, clauses, shared)
        return store

    return register
