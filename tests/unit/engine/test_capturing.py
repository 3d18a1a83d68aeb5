"""Capture: hooks tell of a session, its transcript is followed, and the worker leaves when nothing more is to be expected."""

import json

import pytest

from segue.core.errors import StorageFullError
from segue.engine.capture.capturing import capture
from segue.host.clock import SystemIds
from segue.host.spool import Spools
from segue.stores.memory import MemoryStore
from segue.testing.fakes import FakeClock
from segue.transcripts import transcripts

SESSION = "5e0f1f0e-0000-4000-8000-000000000001"


class Refusing(MemoryStore):
    """A store that takes nothing of what has certain words in it."""

    words = ""

    def append(self, session, drafts, **options):
        if self.words and any(self.words in repr(draft) for draft in drafts):
            raise StorageFullError("disk full")
        return super().append(session, drafts, **options)


class Scene:
    """A home, an agent that writes, and a worker that is told when to look."""

    def __init__(self, place):
        self.home = place / "home"
        (self.home / "spool").mkdir(parents=True)
        self.session = SESSION
        self.projects = place / "projects"
        self.projects.mkdir()
        self.clock = FakeClock()
        self.store = Refusing(clock=self.clock, ids=SystemIds())
        self.wrote = 0

    @property
    def file(self):
        return self.projects / f"{self.session}.jsonl"

    def write(self, text, uuid=None):
        self.wrote += 1
        record = {
            "type": "user",
            "uuid": uuid or f"0a4f6a0c-0000-4000-8000-{self.wrote:012}",
            "parentUuid": f"0a4f6a0c-0000-4000-8000-{self.wrote - 1:012}" if self.wrote > 1 else None,
            "sessionId": self.session,
            "timestamp": "2026-01-15T10:00:00.000Z",
            "cwd": "/shop",
            "message": {"role": "user", "content": text},
        }
        with self.file.open("a") as file:
            file.write(json.dumps(record) + "\n")

    def hook(self, event, session=None):
        payload = {"session_id": session or self.session, "transcript_path": str(self.file), "hook_event_name": event}
        data = json.dumps(payload).encode()
        with (self.home / "spool" / "claude-code").open("ab") as file:  # as `segue.hooks` does, by this scene's clock
            file.write(b"segue-spool 1 %d %s %d\n%s\n" % (self.clock.now() * 1e9, event.encode(), len(data), data))

    def run(self, *steps, stop=lambda: False):
        """Work until it leaves; before the n-th look the n-th of *steps* happens. Return how many seconds it took."""
        began = self.clock.now()
        waiting = list(steps)

        def wait(seconds):
            self.clock.advance(seconds)
            if waiting:
                waiting.pop(0)()

        capture(self.store, Spools(self.home), transcripts(), clock=self.clock, stop=stop, wait=wait)
        return self.clock.now() - began

    def said(self):
        return [
            event.body["parts"][0]["content"]
            for session in self.store.sessions()
            for event in self.store.read(session)
            if event.kind == "message"
        ]

    def hooked(self):
        return [e.body["type"] for s in self.store.sessions() for e in self.store.read(s) if e.stream == "hooks"]


@pytest.fixture
def scene(tmp_path):
    return Scene(tmp_path)


def test_what_is_written_after_the_hook_is_there_at_the_next_look(scene):
    seen = []
    scene.write("first")
    scene.hook("SessionStart")
    scene.run(lambda: scene.write("second"), lambda: seen.append(scene.said()), lambda: scene.hook("SessionEnd"))
    assert seen == [["first", "second"]]
    assert scene.hooked() == ["hook:SessionStart", "hook:SessionEnd"]


def test_a_session_that_began_before_its_transcript_is_followed_from_its_first_record(scene):
    scene.hook("SessionStart")
    seen = []
    steps = [lambda: scene.write("first"), *[lambda: seen.append(scene.said())] * 6, lambda: scene.hook("SessionEnd")]
    scene.run(*steps)
    assert seen[-1] == ["first"]
    assert scene.hooked() == ["hook:SessionStart", "hook:SessionEnd"]
    assert Spools(scene.home).is_empty()


def test_it_stays_a_while_after_the_end_since_agents_write_then_and_leaves(scene):
    scene.write("first")
    scene.hook("SessionEnd")
    took = scene.run(*[lambda: None] * 5, lambda: scene.write("last words"))
    assert scene.said() == ["first", "last words"]
    assert 5 <= took < 15


def test_an_agent_that_was_killed_is_given_up_after_ten_minutes(scene):
    scene.write("first")
    scene.hook("PreToolUse")
    assert 600 <= scene.run() < 620


def test_with_nothing_to_do_it_leaves_at_once(scene):
    assert 5 <= scene.run() < 7
    assert scene.said() == []


def test_it_stops_when_it_is_told_to(scene):
    scene.hook("SessionStart")
    asked = iter([False, False, True])
    assert scene.run(stop=lambda: next(asked)) < 1


def test_a_payload_whose_session_never_was_is_let_go_of_after_a_day(scene):
    scene.hook("SessionStart")
    scene.run()
    assert not Spools(scene.home).is_empty()
    scene.clock.advance(86400)
    scene.run()
    assert Spools(scene.home).is_empty()


def test_only_the_payloads_that_wait_for_their_session_are_kept(scene):
    scene.write("first")
    scene.hook("Stop")
    scene.hook("Stop", session="5e0f1f0e-0000-4000-8000-00000000dead")
    scene.run()
    (left,) = Spools(scene.home).take()
    assert [json.loads(frame.payload)["session_id"][-4:] for frame in left.frames] == ["dead"]
    assert scene.hooked() == ["hook:Stop"]


def test_what_the_disk_had_no_room_for_is_there_when_it_has(scene):
    scene.write("first")
    scene.hook("SessionStart")
    scene.store.words = "second"
    took = scene.run(
        lambda: scene.write("second"),
        *[lambda: None] * 10,
        lambda: setattr(scene.store, "words", ""),
        lambda: scene.hook("SessionEnd"),
    )
    assert scene.said() == ["first", "second"]
    assert scene.hooked() == ["hook:SessionStart", "hook:SessionEnd"]
    assert took > 100  # it is tried again less and less often


def test_a_payload_that_the_log_has_no_room_for_waits_and_hinders_no_other(scene):
    scene.write("first")
    scene.run(lambda: scene.hook("SessionStart"), lambda: scene.hook("SessionEnd"))
    scene.store.words = "hook:Stop"
    scene.run(lambda: scene.hook("Stop"), lambda: scene.hook("UserPromptSubmit"), lambda: scene.hook("SessionEnd"))
    assert scene.hooked() == ["hook:SessionStart", "hook:SessionEnd", "hook:UserPromptSubmit", "hook:SessionEnd"]
    scene.store.words = ""
    scene.run()
    assert scene.hooked()[4:] == ["hook:Stop"]
    assert Spools(scene.home).is_empty()


def test_a_session_that_takes_nothing_more_hinders_no_other(scene, tmp_path):
    scene.write("first")
    scene.hook("SessionStart")
    (tmp_path / "other").mkdir()
    other = Scene(tmp_path / "other")
    other.home, other.store, other.clock, other.session = scene.home, scene.store, scene.clock, SESSION[:-1] + "2"
    other.write("elsewhere")
    other.hook("SessionStart")
    scene.store.words = "refused"
    scene.run(
        lambda: scene.write("refused"),
        lambda: other.write("taken"),
        *[lambda: None] * 3,
        lambda: scene.hook("SessionEnd"),
        lambda: other.hook("SessionEnd"),
    )
    assert sorted(scene.said()) == ["elsewhere", "first", "taken"]
