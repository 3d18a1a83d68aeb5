"""A session whose agent stopped at a limit: saved, and where hooks tell when it goes on, paused for it."""

import pytest

from segue.core.log.events import Draft
from segue.engine.capture.attending import STREAM, Attendance
from segue.engine.capture.limits import save_at_limit
from segue.engine.loading import load
from segue.stores.memory import MemoryStore
from segue.testing.builders import assistant, created, user
from segue.testing.fakes import FakeClock, FakeIds, session_id
from tests.unit.engine.test_attending import Processes, frame

S = session_id(1)
AT = "2026-01-15T09:40:00.000000Z"
LIMITED = {"name": "codex", "status": "limited", "set": {"limit": "usage", "resets_at": "2026-01-15T12:00:00.000000Z"}}


class Stopped:
    """A session in which an agent worked, and stopped at a limit at 9:40; it is 9:41."""

    def __init__(self, *, hooks):
        self.clock = FakeClock()
        self.store = MemoryStore(clock=self.clock, ids=FakeIds())
        at = {"at": "2026-01-15T09:35:00.000000Z"}
        told = [Draft("record", {"type": "hook:UserPromptSubmit"}, stream=STREAM, **at)] if hooks else []
        active = Draft("session.activated", {}, at="2026-01-15T09:30:00.000000Z")
        self.store.create(S, [created(name="SESSION-260115-001"), active, *told, user("go", **at), assistant("yes", **at)])
        self.limit()
        self.clock.advance(660)

    def limit(self, at=AT):
        self.store.append(S, [Draft("agent.set", LIMITED, "codex", at=at)])

    def save(self):
        """Save, and return what was appended by it."""
        head = self.store.info(S).head.seq
        save_at_limit(self.store, S, clock=self.clock)
        return [(e.kind, e.body.get("reason", e.body.get("trigger"))) for e in self.store.read(S, after=head)]

    @property
    def status(self):
        return load(self.store, S).status

    def hook(self, event, at):
        Attendance(self.store, Processes(7)).note(S, frame(event, at=at))


def test_without_hooks_it_gets_a_checkpoint_once():
    stopped = Stopped(hooks=False)
    assert (stopped.save(), stopped.save(), stopped.status) == ([("checkpoint.created", "limit")], [], "active")


def test_with_hooks_it_is_paused_for_the_budget_with_a_checkpoint_in_one_append_once():
    stopped = Stopped(hooks=True)
    assert stopped.save() == [("checkpoint.created", "pause: budget"), ("session.paused", "budget")]
    state = load(stopped.store, S)
    assert (state.status, state.lifecycle["since"], state.lifecycle["reason"]) == ("paused", AT, "budget")
    assert stopped.save() == []


@pytest.mark.parametrize("event", ["UserPromptSubmit", "PreToolUse", "BeforeTool"])
def test_it_goes_on_with_the_agent_and_is_not_paused_for_the_same_limit_again(event):
    stopped = Stopped(hooks=True)
    stopped.save()
    stopped.hook(event, "2026-01-15T09:50:00.000000Z")
    assert (stopped.status, stopped.save(), stopped.status) == ("active", [], "active")
    stopped.limit("2026-01-15T09:55:00.000000Z")
    stopped.save()
    assert stopped.status == "paused"


def test_a_hook_of_before_the_limit_or_of_the_agents_end_does_not_resume_it():
    stopped = Stopped(hooks=True)
    stopped.save()
    stopped.hook("PreToolUse", "2026-01-15T09:39:00.000000Z")
    stopped.hook("Stop", "2026-01-15T09:50:00.000000Z")
    assert stopped.status == "paused"


def test_an_agent_that_its_user_paused_does_not_go_on_for_a_tool():
    stopped = Stopped(hooks=True)
    stopped.store.append(S, [Draft("session.paused", {"reason": "user"}, at="2026-01-15T09:41:00.000000Z")])
    stopped.hook("PreToolUse", "2026-01-15T09:50:00.000000Z")
    assert stopped.status == "paused"


def test_a_session_that_went_on_before_the_limit_was_told_of_is_not_paused():
    stopped = Stopped(hooks=True)
    stopped.store.append(S, [Draft("session.paused", {"reason": "user"}, at="2026-01-15T09:41:00.000000Z")])
    stopped.store.append(S, [Draft("session.resumed", {}, at="2026-01-15T09:42:00.000000Z")])
    assert (stopped.save(), stopped.status) == ([("checkpoint.created", "limit")], "active")
