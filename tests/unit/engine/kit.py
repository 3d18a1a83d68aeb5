"""What tests of `resume --in` have in common: a store, a home with agents in it, and what an agent does there."""

import json
from contextlib import contextmanager
from pathlib import Path

from segue.core.context.tokens import Estimator
from segue.core.session.tree import active_chain
from segue.engine.capture.importing import import_paths
from segue.engine.loading import Desk
from segue.engine.resuming.agents import Means
from segue.engine.resuming.conversion import resume_in
from segue.engine.resuming.resumption import Wish
from segue.host.keeping import Keeping
from segue.stores.log.store import LogStore
from segue.testing import FakeClock, FakeIds
from segue.transcripts import transcripts, writers
from segue.transcripts.places import Machine
from tests.unit.transcripts.json_lines import records_in

FIXTURES = Path(__file__).parents[2] / "fixtures" / "transcripts"
PLAN = FIXTURES / "claude" / "headless-plan.jsonl"


class Kit:
    """A store, and a home with agents in it."""

    def __init__(self, place):
        """Make both at *place*."""
        (place / "home").mkdir()
        self.__dict__ |= self.bare(place, LogStore(place / "store", clock=FakeClock(), ids=FakeIds()), place / "scratch")

    @staticmethod
    def bare(place, store, room):
        """Return what a kit has: at *place*, with *store*, which writes what it tries into *room*."""
        env = {"HOME": str(place / "home"), "PATH": ""}

        @contextmanager
        def scratch():
            room.mkdir()
            yield str(room)

        desk = Desk(store, FakeClock(), FakeIds())
        able = {w.agent: w for w in writers()}
        keeping = Keeping(place / "ours")
        means = Means(desk, able, transcripts(), Machine(env), env, lambda model: Estimator(), keeping, scratch, str(place))
        return {"home": place / "home", "store": store, "desk": desk, "means": means}

    def take(self, *paths, agent=None):
        """Import transcripts, and return what became of their session."""
        done = import_paths(self.store, self.means.transcripts, [str(p) for p in paths], clock=self.desk.clock, agent=agent)
        return done.sessions[0]

    def go(self, session, agent="claude-code", **more):
        """Go on with a session in an agent."""
        return resume_in(self.means, session, Wish(agent, **more))

    def said(self, session):
        """What stands in the conversation of a session, part by part."""
        return [
            (event.body["role"], part)
            for event in active_chain(self.store.read(session))
            if event.kind == "message" and not event.body.get("meta")
            for part in event.body["parts"]
        ]

    def heads(self):
        """How long the sessions are."""
        return {session: self.store.info(session).head.seq for session in self.store.sessions()}


def reply(path, text, parent=None):
    """Go on in a transcript of Claude Code's as the agent does."""
    last = [r for r in records_in(path) if "uuid" in r][-1]
    more = {
        **{k: last[k] for k in ("sessionId", "cwd", "version", "userType", "isSidechain")},
        "type": "user",
        "uuid": f"00000000-0000-4000-8000-{abs(hash(text)) % 10**12:012d}",
        "parentUuid": parent or last["uuid"],
        "timestamp": "2026-11-21T09:00:00.000Z",
        "message": {"role": "user", "content": text},
    }
    with Path(path).open("a") as file:
        file.write(json.dumps(more) + "\n")


def native(kit):
    """A session that Claude Code has where its resume command looks."""
    workspace = "/home/dev/project"
    first = next(r for r in records_in(PLAN) if "sessionId" in r)
    path = kit.home / ".claude" / "projects" / "-home-dev-project" / f"{first['sessionId']}.jsonl"
    path.parent.mkdir(parents=True)
    path.write_bytes(PLAN.read_bytes())
    return kit.take(path).id, path, workspace
