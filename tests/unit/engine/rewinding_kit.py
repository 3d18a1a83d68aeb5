"""A store, a home with agents in it, and what going back to a checkpoint takes."""

from contextlib import contextmanager

from segue.core.context.tokens import Estimator
from segue.core.session.tree import active_chain
from segue.engine.capture.importing import import_paths
from segue.engine.loading import Desk
from segue.engine.recovery.validating import validate
from segue.engine.restores import find, line_of
from segue.engine.resuming.agents import Means as Going
from segue.engine.saving.checkpoints import create
from segue.engine.saving.rewinding import Means, Wish, carry_out
from segue.host.keeping import Keeping
from segue.stores.log.store import LogStore
from segue.testing import FakeClock, FakeIds
from segue.testing.builders import created
from segue.transcripts import transcripts, writers
from segue.transcripts.places import Machine


class Kit:
    """A store, and a home with agents in it."""

    def __init__(self, place):
        self.home = place / "home"
        self.home.mkdir()
        self.place = place
        self.clock, self.ids = FakeClock(), FakeIds()
        self.store = LogStore(place / "store", clock=self.clock, ids=self.ids)
        self.desk = Desk(self.store, self.clock, self.ids)
        env = {"HOME": str(self.home), "PATH": ""}
        able = {w.agent: w for w in writers()}
        going = Going(
            self.desk, able, transcripts(), Machine(env), env, lambda _: Estimator(), Keeping(place / "ours"), self.scratch,
            str(place),
        )  # fmt: skip
        self.seen = []
        self.means = Means(going, self.no_workspace, self.take, self.seen.append)

    @contextmanager
    def scratch(self):
        yield str(self.place / "scratch")

    def no_workspace(self, directory):
        raise AssertionError(directory)

    def take(self, session, *, description="", trigger="user", root=""):
        self.clock.advance(1)
        return create(self.desk, session, description=description, trigger=trigger)

    def begin(self, *drafts, **header):
        session = self.ids.uuid7()
        self.store.create(session, [created(name="SESSION-260115-001", **header), *drafts])
        return session

    def back(self, name, *what, session=None):
        """Restore a checkpoint as the command does."""
        found = find(self.store, session or self.where(name), name)
        return carry_out(self.means, line_of(self.store, found), found, Wish(what))

    def where(self, name):
        return next(
            s for s in self.store.sessions()
            if any(e.kind == "checkpoint.created" and e.body["name"] == name for e in self.own(s))
        )  # fmt: skip

    def own(self, session):
        return list(self.store.read(session, after=self.store.info(session).first - 1))

    def line(self, session, at=None):
        return [(e.node, e.digest) for e in active_chain(self.store.read(session, upto=at)) if e.kind == "message"]

    def words(self, session, at=None):
        found = [e.body for e in active_chain(self.store.read(session, upto=at)) if e.kind == "message"]
        return [p["content"] for body in found for p in body["parts"] if p["type"] == "text" and not body.get("meta")]

    def unsound(self):
        """What validation finds; times of fixtures are not the clock's."""
        return [f for f in validate(self.store)[1] if f.severity != "stale"]

    def import_(self, *paths, agent=None):
        done = import_paths(self.store, self.means.going.transcripts, map(str, paths), clock=self.clock, agent=agent)
        return done.sessions[0].id
