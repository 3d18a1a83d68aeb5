"""Each clause of the contract is seen failing: on a store that has the fault it is there for."""

import inspect
import itertools

import pytest

from segue.core.errors import SegueError
from segue.stores.memory import MemoryStore
from segue.testing import StoreContract
from segue.testing.contract import reading, together
from segue.testing.contract.base import Place

from .broken import BROKEN

CLAUSES = {
    name.removeprefix("test_"): clause
    for name, clause in inspect.getmembers(StoreContract)
    if name.startswith("test_") and clause
}
PAIRS = [(store, clause) for store, broken in BROKEN.items() for clause in broken.clauses]


@pytest.fixture(autouse=True)
def little_patience(monkeypatch):
    monkeypatch.setattr(reading, "PATIENCE", 0.2)
    monkeypatch.setattr(together, "PATIENCE", 10.0)


def test_every_clause_is_seen_failing():
    assert sorted({clause for _, clause in PAIRS}) == sorted(CLAUSES)


@pytest.mark.parametrize("name", sorted(c for c in CLAUSES if not hasattr(CLAUSES[c], "needs")))
def test_a_sound_store_passes_the_clause_when_it_is_called_directly(name, tmp_path):
    check(name, MemoryStore, tmp_path, shared=False)


@pytest.mark.parametrize(("store", "clause"), PAIRS)
def test_the_clause_fails_on_the_broken_store(store, clause, tmp_path, monkeypatch):
    broken = BROKEN[store]
    if hasattr(broken.store, "sabotage"):
        broken.store.sabotage(monkeypatch)
    with pytest.raises((AssertionError, pytest.fail.Exception, SegueError)):
        check(clause, broken.store, tmp_path, shared=broken.shared)


def check(name, make, directory, *, shared):
    """Call a clause with all of its parameters, each on a new store."""

    def open_store(place, clock, ids):
        return make(place, clock=clock, ids=ids) if shared else make(clock=clock, ids=ids)

    clause = CLAUSES[name]
    for i, chosen in enumerate(parameters(clause)):
        where = directory / str(i)
        where.mkdir()
        place = Place(open_store, where, shared=shared, durable=shared)
        try:
            clause(StoreContract(), **arguments(clause, chosen, place, where))
        finally:
            place.close()


def parameters(clause):
    """Yield what `pytest.mark.parametrize` says, every combination of it."""
    marks = [m for m in getattr(clause, "pytestmark", []) if m.name == "parametrize"]
    for values in itertools.product(*(m.args[1] for m in marks)):
        yield {m.args[0]: value for m, value in zip(marks, values, strict=True)}


def arguments(clause, chosen, place, directory):
    """Return what the fixtures of the contract give."""
    fixtures = {
        "place": lambda: place,
        "clock": lambda: place.clock,
        "store": place.open,
        "other": place.open,
        "reopen": lambda: place.reopen,
        "threads": lambda: together.threads(place),
        "processes": lambda: together.processes(place),
        "tmp_path": lambda: directory,
    }
    names = [n for n in inspect.signature(clause).parameters if n != "self"]
    return {n: chosen[n] if n in chosen else fixtures[n]() for n in names}
