"""The stores that every adapter is tried on, by the same tests."""

import pytest

from segue.host.clock import SystemClock, SystemIds
from segue.stores.log import LogStore
from segue.stores.memory import MemoryStore
from tests.encryption import encrypted


@pytest.fixture(params=["memory", "log", "encrypted"])
def store(request, tmp_path):
    """An open store of each kind."""
    opened = _open(request.param, tmp_path, SystemClock(), SystemIds())
    yield opened
    opened.close()


def _open(kind, place, clock, ids):
    if kind == "memory":
        return MemoryStore(clock=clock, ids=ids)
    if kind == "encrypted":
        return encrypted(LogStore, place, clock, ids)
    return LogStore(place / "store", clock=clock, ids=ids)


@pytest.fixture
def adk(store):
    """Google ADK's session service on a store, as a caller has it."""
    from segue.integrations.google_adk import SegueSessionService
    from tests.integrations.adk import Client

    return Client(SegueSessionService(store))


@pytest.fixture
def other(store):
    """Another process's service."""
    from segue.integrations.google_adk import SegueSessionService
    from tests.integrations.adk import Client

    return Client(SegueSessionService(store))
