"""A store that is worked in, and its backups."""

import os

import pytest

from segue.core.log.events import Draft, ForkPoint
from segue.host.mirror.repository import GitMirror
from segue.stores.log.backup import Series
from segue.stores.log.mirroring import Mirroring
from segue.stores.log.recovery import Others, StoreRecovery
from segue.stores.log.store import LogStore
from segue.testing import builders as b
from segue.testing.fakes import FakeClock, FakeIds, session_id


class Shop:
    """A store with sessions in it, beside it a place for backups."""

    def __init__(self, home):
        self.home = home
        self.clock, self.ids = FakeClock(), FakeIds()
        self.store = self.open("store")

    def open(self, name):
        return LogStore(self.home / name, clock=self.clock, ids=self.ids)

    def series(self, keep=5, place="backups", store="store"):
        return Series(self.home / store, self.home / place, keep=keep, clock=self.clock, ids=self.ids)

    def mirror(self, **env):
        return GitMirror(self.home / "mirror", self.clock, {**os.environ, **env})

    def mirrored(self, **env):
        """Bring what is new into the mirror."""
        return Mirroring(self.home / "store", self.mirror(**env), clock=self.clock, ids=self.ids).run()

    def recovery(self, **more):
        others = Others(self.series(), [self.mirror(), *self.mirror().aside()])
        return StoreRecovery(self.home / "store", others, clock=self.clock, ids=self.ids, **more)

    def begin(self, n, *drafts):
        self.store.create(session_id(n), [b.created(task=f"sell pears {n}"), *drafts])
        return session_id(n)

    def say(self, n, text="pears", count=1):
        for i in range(count):
            self.store.append(session_id(n), [b.user(f"{text} {i}")])

    def fill(self):
        """Three sessions, one with a large value and a sealed segment, a fork, one that was deleted, shared state, a number."""
        first = self.begin(1)
        self.say(1, "large " * 40_000)
        self.say(1, count=30)
        self.store.seal(first, whole=True)
        self.say(1, count=3)
        self.begin(2, Draft("memory.set", {"path": "/a", "value": 1}, scopes={"shop": {"pears": 7}}))
        event = next(self.store.read(first, after=9, upto=10))
        point = ForkPoint(first, event.seq, event.digest)
        origin = {"session": first, "seq": event.seq, "digest": event.digest}
        self.store.create(session_id(3), [b.forked(origin), b.user("plums")], fork=point)
        self.store.delete(self.begin(4))
        self.store.number("SESSION-260115-", first)
        return self

    @staticmethod
    def told(store):
        """Return all that a store says: events, forks, shared state, large values inside the events."""
        return {
            "events": {session: list(store.read(session)) for session in store.sessions()},
            "lineage": {session: store.lineage(session) for session in store.sessions()},
            "scopes": {name: store.scope(name) for name in store.scopes()},
        }


@pytest.fixture
def shop(tmp_path):
    found = Shop(tmp_path)
    yield found
    found.store.close()
