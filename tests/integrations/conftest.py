"""The stores that every adapter is tried on, by the same tests."""

import pytest

from segue.host.clock import SystemClock, SystemIds
from segue.stores.log import LogStore
from segue.stores.memory import MemoryStore
from tests.encryption import encrypted


@pytest.fixture(params=["memory", "log", "encrypted"])
def store_kind(request):
    """Which kind of store."""
    return request.param


@pytest.fixture
def ids_and_clock():
    """The machine's own."""
    return SystemIds(), SystemClock()


@pytest.fixture
def store(store_kind, tmp_path, ids_and_clock):
    """An open store of each kind."""
    opened = open_store(store_kind, tmp_path, *ids_and_clock)
    yield opened
    opened.close()


def open_store(kind, place, ids, clock):
    """Return an open store of a *kind*, in the directory *place*."""
    place.mkdir(exist_ok=True)
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
