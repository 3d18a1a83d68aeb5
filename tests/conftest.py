"""What every test shares: Hypothesis profiles, and a home that is never the user's."""

import os
import signal
import sys

import pytest
from hypothesis import HealthCheck, settings

pytest.register_assert_rewrite("segue.testing.transcripts")  # some tests use its helpers before its contract

settings.register_profile("ci", max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("long", parent=settings.get_profile("ci"), max_examples=2000)
settings.load_profile(os.environ.get("SEGUE_HYPOTHESIS_PROFILE", "ci"))

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # begun in the background, where all that tests start would ignore Ctrl-C
    signal.signal(signal.SIGINT, signal.default_int_handler)


KEPT = {"SEGUE_HYPOTHESIS_PROFILE", "SEGUE_SAMPLES"}
"""What is said to the tests, not to segue."""


@pytest.fixture(autouse=True)
def home(tmp_path_factory, monkeypatch):
    """An empty home for this test: nothing reads or writes the user's own store."""
    place = tmp_path_factory.mktemp("home")
    for name in [n for n in os.environ if n.startswith("SEGUE_") and n not in KEPT]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(place))
    monkeypatch.setenv("SEGUE_HOME", str(place / "segue"))
    return place


@pytest.fixture(autouse=True)
def _files_closed():
    """Stores that a test opened let go of their files: thousands of tests share one limit of them."""
    yield
    store = sys.modules.get("segue.stores.log.store")
    for opened in list(store._live) if store else ():
        opened.close()
