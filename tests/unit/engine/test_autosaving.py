"""The worker's turns: what is due is saved, what fails is tried again, who is gone is noticed."""

import json
from itertools import pairwise

import pytest

from segue.app import App
from segue.core.context.tokens import Estimator
from segue.core.errors import StorageFullError
from segue.core.log.events import Draft
from segue.core.session.autosave import Intervals
from segue.engine.context.restoring import Wanted, restore
from segue.engine.saving import checkpoints
from segue.engine.saving.autosaving import Autosaver, Means
from segue.engine.saving.interrupting import NOTHING
from segue.testing.builders import assistant, user
from segue.testing.fakes import FakeClock, FakeIds


class Processes:
    """Processes of this machine: those of the numbers given are there."""

    def __init__(self):
        self.there = set()

    def me(self):
        return {"pid": 1, "boot": "b"}

    def is_gone(self, process):
        return process["pid"] not in self.there


class Over:
    """Is over after so many turns."""

    def __init__(self, turns):
        self.turns = turns

    def wait(self, _seconds):
        self.turns -= 1
        return self.turns < 0


class Scene:
    """A store with a session, and a worker that takes a turn when it is told to."""

    def __init__(self, place):
        self.clock, self.processes = FakeClock(), Processes()
        env = {"SEGUE_HOME": str(place / "home"), "XDG_RUNTIME_DIR": str(place / "run"), "SEGUE_UPKEEP": "off"}
        self.app = App(env, flags={"store": "memory://"}, cwd=str(place), clock=self.clock, ids=FakeIds())
        self.store = self.app.opened()
        self.session = self.store.create(task="sell pears")
        self.full = False
        self.looked = []

    def worker(self, timeout=86_400.0, intervals=Intervals()):  # noqa: B008
        means = Means(
            self.app.desk,
            self.app.index,
            self.processes,
            self.app.saving.autosaves,
            self.take,
            lambda _: NOTHING,
            self.looked.append,
        )
        return Autosaver(means, intervals, timeout)

    def take(self, session, why):
        if self.full:
            raise StorageFullError("event cannot be stored: no space left on device")
        checkpoints.create(self.app.desk, session, trigger=why, automatic=True)

    def pass_(self, worker, seconds, step=1.0, doing=lambda: None):
        for _ in range(int(seconds / step)):
            self.clock.advance(step)
            doing()
            worker.turn()

    def taken(self):
        return [place["trigger"] for place in self.session.state().checkpoints.values()]

    def say(self):
        self.session.append(user("hm"))


@pytest.fixture
def scene(tmp_path):
    return Scene(tmp_path)


def test_a_session_at_work_gets_a_checkpoint_when_it_begins_and_every_fifteen_then_ten_minutes(scene):
    worker = scene.worker()
    scene.pass_(worker, 7_200, 30.0, scene.say)

    times = [place["at"][11:16] for place in scene.session.state().checkpoints.values()]
    assert (scene.taken()[0], set(scene.taken()[1:])) == ("session start", {"interval"})
    minutes = [int(t[:2]) * 60 + int(t[3:]) for t in times]
    assert [b - a for a, b in pairwise(minutes)] == [15, 15, *[10] * 9]


def test_a_session_in_which_nothing_happens_gets_none(scene):
    worker = scene.worker()
    scene.pass_(worker, 3_000, 10.0)
    assert scene.taken() == ["session start"]


def test_a_completed_task_is_a_checkpoint_at_once_and_an_edit_only_after_a_while(scene):
    worker = scene.worker()
    worker.turn()
    scene.session.append(assistant("x", effects=[{"op": "edit", "path": "a"}]))
    scene.pass_(worker, 10)
    scene.session.append("task.set", {"status": "done"})
    scene.pass_(worker, 10)
    scene.session.append(assistant("x", effects=[{"op": "edit", "path": "a"}]))
    scene.pass_(worker, 100)
    before = scene.taken()
    scene.pass_(worker, 20)

    assert (before, scene.taken()[2:]) == (["session start", "task completed"], ["file modified"])


def test_a_save_that_fails_is_recorded_shown_and_tried_again(scene):
    worker = scene.worker()
    scene.full = True
    scene.pass_(worker, 1)
    failed = scene.app.saving.autosaves.read(scene.session.id).failed["checkpoint"]
    scene.pass_(worker, 25)
    again = scene.app.saving.autosaves.read(scene.session.id).failed["checkpoint"]
    scene.full = False
    scene.pass_(worker, 30)

    assert (failed["times"], failed["reason"]) == (1, "event cannot be stored: no space left on device")
    assert again["times"] == 2
    assert scene.app.saving.autosaves.read(scene.session.id).failed == {}
    assert scene.taken() == ["interval"]


def test_the_project_is_looked_at_every_five_minutes(scene):
    scene.pass_(scene.worker(), 3_000, 30.0, scene.say)
    assert scene.looked == [scene.session.id] * 9


def test_at_the_end_of_a_turn_the_project_is_looked_at_but_not_for_each_of_many_short_ones(scene):
    worker = scene.worker()
    scene.pass_(worker, 30)
    scene.session.append(assistant("x", {"type": "tool_call", "id": "1", "name": "Bash", "arguments": {}}))
    scene.pass_(worker, 30)
    working = list(scene.looked)
    scene.session.append(assistant("done"))
    scene.pass_(worker, 2)
    ended = list(scene.looked)
    scene.session.append(user("more"))
    scene.session.append(assistant("done again"))
    scene.pass_(worker, 10)
    soon = list(scene.looked)
    scene.pass_(worker, 60)
    assert [len(found) for found in (working, ended, soon, scene.looked)] == [0, 1, 1, 2]


def test_a_worker_stays_for_a_process_that_works_and_leaves_when_it_is_silent_or_gone(scene):
    worker = scene.worker()
    assert worker.is_busy()  # it has not looked yet
    worker.turn()
    assert not worker.is_busy()
    scene.processes.there = {7}
    scene.session.append("agent.set", {"name": "ann", "status": "running", "set": {"process": {"pid": 7, "boot": "b"}}})
    scene.pass_(worker, 20)
    working = worker.is_busy()
    scene.pass_(worker, 700, 10.0)
    silent = worker.is_busy()
    scene.processes.there = set()
    scene.pass_(worker, 20)

    assert (working, silent, worker.is_busy()) == (True, False, False)
    life = scene.session.state().lifecycle
    assert (life["status"], life["reason"]) == ("paused", "unknown")


def hook(scene, event, reason="prompt_input_exit"):
    raw = json.dumps({"session_id": "x", "reason": reason})
    scene.session.append(
        Draft("record", {"type": f"hook:{event}"}, "codex", stream="hooks", source={"agent": "codex", "raw": raw})
    )


def test_an_agent_that_told_of_its_end_leaves_a_paused_session_with_the_reason(scene):
    worker = scene.worker()
    scene.say()
    hook(scene, "SessionEnd")
    worker.run(Over(1))

    life = scene.session.state().lifecycle
    assert (life["status"], life["reason"], life["note"]) == ("paused", "user", "its agent ended (prompt_input_exit)")
    assert scene.taken() == ["pause: user"]


def test_an_agent_that_began_again_at_once_has_not_ended(scene):
    worker = scene.worker()
    hook(scene, "SessionEnd")
    hook(scene, "SessionStart")
    scene.pass_(worker, 5)
    assert scene.session.state().status == "active"


def test_what_was_not_saved_when_a_session_falls_silent_is_saved_then(scene):
    worker = scene.worker()
    worker.turn()
    scene.say()
    scene.pass_(worker, 620, 10.0)
    assert scene.taken() == ["session start", "session end"]


def test_a_day_of_silence_pauses_what_was_begun_here_and_nothing_that_was_imported(scene):
    imported = scene.store.create(task="old")
    imported.append("import.advanced", {"agent": "codex", "foreign_id": "x", "path": "/x", "position": {}})
    scene.clock.advance(86_400)
    scene.worker().turn()

    assert (scene.session.state().lifecycle["reason"], imported.state().status) == ("timeout", "active")


def test_a_record_that_is_damaged_is_none(scene):
    worker = scene.worker()
    worker.turn()
    (file,) = (scene.app.config.home / "autosave").iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    for spoilt in ("", "[]", "{", json.dumps({scene.session.id: 7}), json.dumps({scene.session.id: {"saved": 1}})):
        file.write_text(spoilt)
        assert scene.app.saving.autosaves.read(scene.session.id) is None


def test_a_worker_that_leaves_takes_its_records_along_but_for_what_failed(scene):
    scene.full = True
    scene.worker().run(Over(1))
    assert scene.app.saving.autosaves.read(scene.session.id).failed["checkpoint"]["times"] == 1
    scene.full = False
    scene.worker().run(Over(1))
    assert not (scene.app.config.home / "autosave").exists()


def test_a_store_that_is_not_there_does_not_end_the_worker(scene, monkeypatch):
    worker = scene.worker()

    def broken(*_args, **_more):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(scene.app.index, "sessions", broken)
    scene.pass_(worker, 20)
    monkeypatch.undo()
    scene.pass_(worker, 20)
    assert scene.taken() == ["session start"]


class Budgets:
    """Notes whose budgets are looked after; `on` is where a session goes on."""

    def __init__(self):
        self.kept, self.on = [], {}

    def keep(self, session):
        self.kept.append(session)
        return self.on.get(session, session)

    def take_live(self):
        pass


def test_budgets_are_looked_after_when_something_came_and_once(scene):
    budgets, worker = Budgets(), scene.worker()
    worker._means = worker._means._replace(budgets=budgets)
    scene.pass_(worker, 3)
    known = len(budgets.kept)
    scene.session.append(user("sell quinces"))
    scene.pass_(worker, 1)
    assert len(budgets.kept) == known + 1
    scene.pass_(worker, 5)  # what was saved meanwhile is something that came, too
    known = len(budgets.kept)
    scene.pass_(worker, 5)
    assert len(budgets.kept) == known


def test_the_budget_of_a_session_whose_agent_came_and_went_between_two_looks_is_looked_after(scene):
    budgets, worker = Budgets(), scene.worker()
    worker._means = worker._means._replace(budgets=budgets)
    scene.session.append(Draft("agent.set", {"name": "a", "status": "running", "set": {"process": {"pid": 7, "boot": "b"}}}))
    scene.pass_(worker, 1)
    assert (budgets.kept, scene.session.state().status) == ([scene.session.id], "paused")


def test_a_session_that_a_successor_took_over_from_is_left_alone(scene):
    budgets, worker = Budgets(), scene.worker()
    worker._means = worker._means._replace(budgets=budgets)
    budgets.on[scene.session.id] = "another"
    scene.session.append(user("sell quinces"))
    scene.pass_(worker, 2)
    assert (scene.taken(), worker._watched) == ([], {})


def test_the_first_context_of_a_session_at_work_is_made_without_reading_its_log_again(scene):
    scene.session.append_all([assistant(f"step {n}") for n in range(6_000)])
    store, name = scene.app.store, scene.session.id
    read = Reads(store)

    scene.pass_(scene.worker(), 40)
    read.events = 0
    context = restore(read, name, Wanted(budget=5_000), lambda _: Estimator("o200k"))

    assert context == restore(store, name, Wanted(budget=5_000), lambda _: Estimator("o200k"))
    assert read.events < 4_000  # the newest part, and what came behind the outline; not the 6,000


class Reads:
    """A store that counts the events that are read from it."""

    def __init__(self, store):
        self._store = store
        self.events = 0

    def __getattr__(self, name):
        return getattr(self._store, name)

    def read(self, *args, **kwargs):
        """See `Store.read`."""
        for event in self._store.read(*args, **kwargs):
            self.events += 1
            yield event
