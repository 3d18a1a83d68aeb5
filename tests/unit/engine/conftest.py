"""A store, and a home with agents in it."""

import pytest

from tests.unit.engine.kit import Kit


@pytest.fixture
def kit(tmp_path):
    found = Kit(tmp_path)
    yield found
    found.store.close()
