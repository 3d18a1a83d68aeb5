"""What a load of a session of Google ADK's reads: what is asked for, from the end of the log; damage before it is not even seen."""

import pytest

from segue.core.errors import DamagedError
from segue.integrations.google_adk import SegueSessionService
from tests.integrations.adk import Client, said, texts
from tests.integrations.conftest import open_store


@pytest.fixture
def late(tmp_path, ids_and_clock):
    """A session whose first event is spoiled, of seventy events at the times 0 to 69, that was loaded, and three at 70 to 72."""
    store = open_store("log", tmp_path, *ids_and_clock)
    first = Client(SegueSessionService(store))
    session = first.create()
    for n in range(73):
        first.append(session, said(str(n), at=float(n), delta={"n": n}, custom_metadata={"much": "y" * 2_000}))
        if n == 69:
            first.get()
    (log,) = (tmp_path / "store").glob("sessions/*/log/*.jsonl")
    log.write_bytes(log.read_bytes().replace(b'"text":"0"', b'"text":"!"'))
    store.close()
    store = open_store("log", tmp_path, *ids_and_clock)
    yield Client(SegueSessionService(store))
    store.close()


def test_the_last_events_are_given_whatever_became_of_the_first(late):
    found = late.get(num_recent_events=2)

    assert (texts(found), found.state, found.last_update_time) == (["71", "72"], {"n": 72}, 72.0)


def test_what_came_after_a_time_is_read_from_where_nothing_before_is_as_late(late):
    assert texts(late.get(after_timestamp=69.5)) == ["70", "71", "72"]
    assert texts(late.get(after_timestamp=69.5, num_recent_events=2)) == ["71", "72"]
    assert late.get(after_timestamp=1e12).events == []


def test_a_load_of_all_events_tells_of_the_damage(late):
    with pytest.raises(DamagedError):
        late.get()
    with pytest.raises(DamagedError):
        late.get(after_timestamp=69.0)


def test_an_event_that_bears_an_earlier_time_than_those_before_it_is_found_by_its_own(adk, other):
    session = adk.create()
    for n in range(70):
        adk.append(session, said(str(n), at=1000.0 - n, delta={"n": n}))
    adk.get()
    for n, at in enumerate((5.0, 990.0, 7.0), 70):
        adk.append(session, said(str(n), at=at))

    assert texts(other.get(after_timestamp=990.0)) == [*map(str, range(11)), "71"]
    assert other.get(after_timestamp=990.0).state == other.get().state == {"n": 69}
    assert texts(other.get()) == [*map(str, range(73))]
