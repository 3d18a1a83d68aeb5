"""Retention over the sessions of a store."""

import fcntl
import os

import pytest

from segue.core.log.times import seconds, stamp
from segue.core.session.retention import Policy
from segue.engine.forks import fork
from segue.engine.loading import Desk, load
from segue.engine.saving.checkpoints import create
from segue.engine.saving.forgetting import Forgetting
from segue.engine.saving.releasing import Releasing
from segue.engine.sessions import start
from segue.host.workspace.snapshots import GitSnapshots
from segue.stores.index.index import SqliteIndex
from segue.stores.log.store import LogStore
from segue.testing.fakes import FakeClock, FakeIds

HOUR = 3600.0
FEW = Policy(last=1, daily=0, weekly=0, automatic=1)


class Shop:
    """A store whose sessions take checkpoints as time goes by."""

    def __init__(self, path):
        self.clock = FakeClock()
        self.ids = _Ids(self.clock)
        self.store = LogStore(path, clock=self.clock, ids=self.ids, lock_timeout=0.05)
        self.index = SqliteIndex(self.store, ":memory:")
        self.desk = Desk(self.store, self.clock, self.ids)
        self.policy = FEW
        self.snapshots = GitSnapshots(path / "ours", os.environ)

    def start(self, task="sell pears"):
        return start(self.desk, {"task": task}).id

    def take(self, session, count=1, **more):
        names = []
        for _ in range(count):
            self.clock.advance(HOUR)
            names.append(create(self.desk, session, automatic=not more, **more).name)
        return names

    @property
    def forgetting(self):
        return Forgetting(self.store, self.index, self.policy, Releasing(self.store, self.index, self.snapshots))

    def left(self, session):
        return list(load(self.store, session).checkpoints)


class _Ids(FakeIds):
    """Ids of the time that the clock says, as real ones are."""

    def __init__(self, clock):
        super().__init__()
        self._clock = clock

    def uuid7(self):
        self._at = int(self._clock.now() * 1000)
        return super().uuid7()


@pytest.fixture
def shop(tmp_path):
    found = Shop(tmp_path / "store")
    yield found
    found.index.close()
    found.store.close()


def test_what_a_plan_says_is_what_is_forgotten_and_the_log_keeps_what_was_named(shop):
    session = shop.start()
    named = shop.take(session, description="before the sale")
    names = shop.take(session, 5)
    planned = shop.forgetting.plan(session)
    before = list(shop.store.read(session))
    assert shop.left(session) == [*named, *names]
    assert shop.forgetting.forget(session) == planned
    assert [v.checkpoint.name for v in planned.gone] == names[:3][::-1]
    assert shop.left(session) == [*named, *names[3:]]
    assert list(shop.store.read(session, upto=len(before))) == before


def test_to_forget_again_appends_nothing(shop):
    session = shop.start()
    shop.take(session, 5)
    shop.forgetting.forget(session)
    head = shop.store.info(session).head
    assert shop.forgetting.forget(session).gone == []
    assert shop.store.info(session).head == head


def test_the_checkpoint_that_a_fork_left_from_stays(shop):
    session = shop.start()
    names = shop.take(session, 6)
    position = load(shop.store, session).checkpoints[names[1]]["position"]
    fork(shop.desk, session, position)
    shop.forgetting.forget(session)
    assert shop.left(session) == [names[1], *names[4:]]


def test_all_sessions_are_looked_at_and_one_that_fails_keeps_no_other(shop):
    first, second = shop.start(), shop.start()
    shop.take(first, 4)
    shop.take(second, 4)
    quiet = shop.start()
    shop.take(quiet)
    shop.index.catch_up()
    failed = []
    with (shop.store.path / "sessions" / first / "lock").open("ab") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        found = shop.forgetting.forget_all(lambda session, error: failed.append((session, error.code)))
    assert [(one.session, len(one.gone)) for one in found] == [(second, 2)]
    assert failed == [(first, "busy")]


def test_a_clock_years_ahead_has_nothing_forgotten_that_was_kept(shop):
    session = shop.start()
    shop.policy = Policy()
    shop.take(session, 60)
    shop.forgetting.forget(session)
    left = shop.left(session)
    shop.clock.at = seconds("2046-01-15T09:30:00Z")
    assert shop.forgetting.forget(session).gone == []
    shop.clock.at = seconds("1969-07-20T20:17:00Z")
    assert shop.forgetting.forget(session).gone == []
    assert shop.left(session) == left
    assert stamp(shop.clock.now()).startswith("1969")
