"""The stores that every adapter is tried on, by the same tests."""

import pytest

from segue.host.clock import SystemClock, SystemIds
from segue.stores.memory import MemoryStore


def make_store(kind, place):
    return MemoryStore(clock=SystemClock(), ids=SystemIds())


@pytest.fixture(params=["memory"])
def store(request, tmp_path):
    """An open store of each kind."""
    opened = make_store(request.param, tmp_path / "store")
    yield opened
    opened.close()
