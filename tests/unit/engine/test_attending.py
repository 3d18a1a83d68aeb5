"""Who is at work in a session, as agents' hooks tell."""

import pytest

from segue.core.log.events import Draft
from segue.engine.capture.attending import Attendance, ending, why_ended
from segue.engine.loading import load
from segue.host.spool import Frame
from segue.stores.memory import MemoryStore
from segue.testing.builders import created
from segue.testing.events import written
from segue.testing.fakes import FakeClock, FakeIds, session_id


class Processes:
    """Processes of this machine: those of the numbers given are there."""

    def __init__(self, *there):
        self.there = there

    def known(self, pid, start):
        return {"pid": pid, "start": start, "boot": "b"} if pid in self.there else None


@pytest.fixture
def store():
    found = MemoryStore(clock=FakeClock(), ids=FakeIds())
    found.create(session_id(1), [created(), Draft("session.activated", {})])
    return found


def frame(event, process="7.100", at="2026-01-15T10:00:00Z"):
    return Frame("codex", event, at, b"{}", 0, process)


def told(store):
    state = load(store, session_id(1))
    agent = state.agents.get("codex")
    return state.status, (agent["status"], agent["set"].get("process", {}).get("pid")) if agent else None


def test_the_process_of_an_agent_is_noted_once(store):
    attendance = Attendance(store, Processes(7))
    new = [attendance.note(session_id(1), frame(event)) for event in ("SessionStart", "UserPromptSubmit", "Stop", "SessionEnd")]
    new.append(Attendance(store, Processes(7)).note(session_id(1), frame("Stop")))

    assert (new, told(store)) == ([1, 0, 0, 0, 0], ("active", ("running", 7)))


def test_another_process_takes_the_place_of_the_one_before(store):
    attendance = Attendance(store, Processes(7, 8))
    attendance.note(session_id(1), frame("SessionStart"))
    attendance.note(session_id(1), frame("Stop", "8.200"))
    assert told(store) == ("active", ("running", 8))


@pytest.mark.parametrize("process", ["", "9.100", "7", "x.1", "."])
def test_a_process_that_is_not_there_is_not_noted(store, process):
    assert Attendance(store, Processes(7) if process != "7" else Processes()).note(session_id(1), frame("Stop", process)) == 0
    assert told(store) == ("active", None)


@pytest.mark.parametrize(
    ("event", "at", "status"),
    [
        ("SessionStart", "2026-01-15T10:00:00Z", "active"),
        ("UserPromptSubmit", "2026-01-15T10:00:00Z", "active"),
        ("PostToolUse", "2026-01-15T10:00:00Z", "paused"),
        ("SessionEnd", "2026-01-15T10:00:00Z", "paused"),
        ("SessionStart", "2026-01-15T08:00:00Z", "paused"),
    ],
)
def test_a_paused_session_goes_on_when_its_user_does_and_not_for_what_was_before(store, event, at, status):
    store.append(session_id(1), [Draft("session.paused", {"reason": "user"}, at="2026-01-15T09:00:00Z")])
    attendance = Attendance(store, Processes(7))
    for _ in range(2):
        attendance.note(session_id(1), frame(event, at=at))
    assert told(store) == (status, ("running", 7) if status == "active" else None)


def test_without_a_machine_to_ask_a_session_goes_on_all_the_same(store):
    store.append(session_id(1), [Draft("session.paused", {"reason": "user"}, at="2026-01-15T09:00:00Z")])
    Attendance(store, None).note(session_id(1), frame("UserPromptSubmit"))
    assert told(store) == ("active", None)


def test_a_session_that_is_gone_is_no_error(store):
    assert Attendance(store, Processes(7)).note(session_id(2), frame("SessionStart")) == 0


def record(event, raw='{"reason": "exit"}'):
    return Draft("record", {"type": f"hook:{event}"}, stream="hooks", source={"agent": "codex", "raw": raw})


@pytest.mark.parametrize(
    ("drafts", "ended"),
    [
        ([record("SessionEnd")], True),
        ([record("SessionEnd"), record("Stop")], True),
        ([record("SessionEnd"), record("SessionStart")], False),
        ([record("SessionEnd"), Draft("session.paused", {})], False),
        ([Draft("record", {"type": "hook:SessionEnd"})], False),
        ([Draft("record", {"type": "x"}, stream="hooks")], False),
    ],
)
def test_an_agent_has_ended_when_it_said_so_and_nothing_else_since(drafts, ended):
    assert (ending(written([created(), *drafts]), None) is not None) is ended


@pytest.mark.parametrize(
    ("raw", "why"),
    [('{"reason": "exit"}', "user"), ('{"reason": 7}', "other"), ("[", "other"), ("[]", "other"), ('{"reason": "x"}', "other")],
)
def test_why_it_ended_is_what_the_hook_said_whatever_that_is(raw, why):
    assert why_ended(written([created(), record("SessionEnd", raw)])[1]).reason == why
