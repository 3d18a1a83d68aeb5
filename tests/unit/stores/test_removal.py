"""A deletion that was interrupted is finished by upkeep."""

from unittest import mock

import pytest

from segue.core.errors import GoneError
from segue.core.log.events import ForkPoint
from segue.ports import Snapshot
from segue.stores.log import ending
from segue.testing import builders as b
from segue.testing.fakes import session_id


def test_what_a_killed_delete_left_goes_with_the_next_upkeep_and_the_fork_is_unmarked(shop):
    shop.fill()
    fork = shop.store.path / "sessions" / session_id(3)
    mark = shop.store.path / "sessions" / session_id(1) / "forks" / session_id(3)
    assert mark.exists()
    (fork / "deleted").touch()  # killed right behind it
    shop.store.close()
    shop.clock.advance(7200)
    shop.open("store").upkeep()
    assert sorted(path.name for path in fork.iterdir()) == ["deleted", "lock"]
    assert not mark.exists()
    assert list(shop.open("store").sessions()) == [session_id(1), session_id(2)]


def test_what_no_fork_needs_of_a_deleted_log_goes_with_what_was_computed_from_it(shop):
    with mock.patch.object(ending, "SEGMENT_BYTES", 1000):
        first = shop.begin(1, b.user("pears", key="k"))
        event = next(shop.store.read(first, after=1))
        shop.store.create(session_id(2), [b.created()], fork=ForkPoint(first, event.seq, event.digest))
        shop.say(1, count=20)
    head = shop.store.info(first).head
    shop.store.put_snapshot(first, Snapshot(head.seq, head.digest, "test.1", b"what was said"))

    shop.store.delete(first)

    left = shop.store.path / "sessions" / first
    assert sorted(path.name for path in left.iterdir()) == ["deleted", "forks", "lock", "log"]
    assert [path.name for path in (left / "log").iterdir()] == ["000001.jsonl"]
    assert [found for found in shop.open("store").verify() if found.severity != "orphan"] == []
    assert [e.body for e in shop.store.read(session_id(2))][1] == event.body


@pytest.mark.parametrize("told", [None, []])
@pytest.mark.parametrize("reverse", [False, True])
def test_a_log_that_is_deleted_while_it_is_read_is_gone_and_not_damaged(shop, told, reverse):
    with mock.patch.object(ending, "SEGMENT_BYTES", 1000):
        first = shop.begin(1)
        shop.say(1, count=40)
    events = shop.store.read(first, reverse=reverse, on_damage=None if told is None else told.append)
    next(events)
    shop.open("store").delete(first)
    with pytest.raises(GoneError):
        list(events)
    assert told in (None, [])
