"""The stores that every adapter is tried on, by the same tests."""

import pytest

from segue.host.clock import SystemClock, SystemIds
from segue.stores.log import LogStore
from segue.stores.memory import MemoryStore


@pytest.fixture(params=["memory", "log"])
def store(request, tmp_path):
    """An open store of each kind."""
    parts = {"clock": SystemClock(), "ids": SystemIds()}
    opened = MemoryStore(**parts) if request.param == "memory" else LogStore(tmp_path / "store", **parts)
    yield opened
    opened.close()


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
