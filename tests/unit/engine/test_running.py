"""A run of an agent: whatever ends it, its session has a checkpoint, a reason and a way to go on."""

# ruff: noqa: PT012 - a run is ended by what leaves it: the error is raised within

import asyncio
import io
import json
import os
import resource
from pathlib import Path

import pytest

import segue
from segue.app import App
from segue.cli.frame import Frame
from segue.cli.main import run
from segue.core.errors import InterruptionError, StorageFullError, UsageError
from segue.core.log.events import Draft
from segue.core.session.interruptions import Interrupt
from segue.engine.saving import interrupting
from segue.engine.saving.interrupting import Moment, interrupt, record, rescue, settle, time_out
from segue.host.emergency import EmergencyFiles, ReserveFile, places
from segue.ports import Asked
from segue.testing.builders import assistant, user
from segue.testing.fakes import FakeClock, FakeIds


@pytest.fixture
def app(tmp_path):
    env = {"SEGUE_HOME": str(tmp_path / "home"), "XDG_RUNTIME_DIR": str(tmp_path / "run"), "SEGUE_UPKEEP": "off"}
    return App(env, cwd=str(tmp_path), clock=FakeClock(), ids=FakeIds())


@pytest.fixture
def session(app):
    return app.opened().create(task="sell pears")


def told(session):
    """Return why a session stands still, and its checkpoints: name and trigger."""
    state = session.state()
    life = state.lifecycle
    return life["status"], life["reason"], life["note"], [(p["trigger"], p["position"]) for p in state.checkpoints.values()]


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (ValueError("no pears"), ("error", "ValueError: no pears")),
        (KeyboardInterrupt(), ("user", "KeyboardInterrupt")),
        (TimeoutError("late"), ("timeout", "TimeoutError: late")),
        (asyncio.CancelledError(), ("other", "CancelledError")),
        (SystemExit(3), ("error", "SystemExit: 3")),
        (MemoryError(), ("error", "MemoryError")),
    ],
    ids=repr,
)
def test_an_error_that_leaves_the_run_pauses_the_session_and_goes_on_unchanged(session, error, why):
    with pytest.raises(type(error)) as caught, session.running() as run:
        session.append(user("hello"))
        raise error

    assert (caught.value is error, getattr(error, "__notes__", [])) == (True, [])
    assert told(session) == ("paused", *why, [(f"pause: {why[0]}", 4)])
    assert run.interruption.command == f"segue resume {session.name}"


@pytest.mark.parametrize("code", [None, 0])
def test_an_exit_without_a_complaint_is_no_interruption(session, code):
    with pytest.raises(SystemExit), session.running():
        raise SystemExit(code)

    assert told(session) == ("active", "", "", [("run ended", 3)])


def test_a_run_notes_its_process_and_leaves_no_trace_of_it(session, app):
    with session.running(agent="ann"):
        agent = session.state().agents["ann"]
        assert (agent["status"], agent["set"]["process"]["pid"]) == ("running", os.getpid())
        assert len(list((app.config.home / "emergency").iterdir())) == 1
    agent = session.state().agents["ann"]
    assert (agent["status"], agent["set"]) == ("idle", {})
    assert list((app.config.home / "emergency").iterdir()) == []


def test_a_session_that_stands_still_is_taken_up_by_a_run(session):
    session.pause()
    with session.running():
        assert session.state().status == "active"


def test_a_run_that_spends_its_budget_is_told_so_and_the_session_is_paused(session):
    with pytest.raises(InterruptionError) as caught, session.running(budget=100) as run:
        session.append(assistant("hm", usage={"input_tokens": 60, "output_tokens": 39}, message_id="1"))
        run.check()
        session.append(assistant("ah", usage={"input_tokens": 1, "output_tokens": 0}, message_id="2"))
        run.check()

    assert told(session) == ("paused", "budget", "100 of 100 tokens are used", [("pause: budget", 5)])
    assert (caught.value.exit_code, caught.value.hint) == (130, f"segue resume {session.name}")


def test_what_models_of_known_prices_cost_counts_though_nobody_says_it(session):
    def ask():
        session.append(assistant("so", model="claude-opus-4-5", usage={"input_tokens": 100_000, "output_tokens": 0}))

    ask()  # $0.50, before the run
    with pytest.raises(InterruptionError) as caught, session.running(cost=0.9) as run:
        ask()
        run.check()
        ask()
        run.check()
    assert (caught.value.fields["reason"], told(session)[2]) == ("budget", "$1.00 of $0.90 are spent")


def test_what_was_used_before_the_run_does_not_count(session):
    session.append(assistant("hm", usage={"input_tokens": 600, "output_tokens": 39}, message_id="1"))
    with session.running(budget=100, cost=1.0, timeout=60) as run:
        run.check()
    assert session.state().status == "active"


def test_a_run_that_is_silent_too_long_is_interrupted(session, app):
    with pytest.raises(InterruptionError), session.running(timeout=60) as run:
        app.clock.advance(61)
        run.check()
    assert told(session)[:3] == ("paused", "timeout", "nothing happened for 61 s")


def test_a_run_interrupts_itself_once(session):
    with session.running() as run:
        run.interrupt("user", "lunch")
        run.interrupt("error", "later")
        with pytest.raises(InterruptionError):
            run.check()
    assert told(session) == ("paused", "user", "lunch", [("pause: user", 3)])


def test_the_summary_is_given_to_whoever_asked_for_it(session):
    heard = []
    with pytest.raises(ValueError, match="x"), session.running(on_interrupt=heard.append):
        raise ValueError("x")
    assert [(one.status, one.reason, one.command) for one in heard] == [("paused", "error", f"segue resume {session.name}")]


def test_a_function_is_a_run_each_time_it_is_called(session):
    @session.running(agent="ann")
    def work(fail: bool) -> str:
        """Work."""
        if fail:
            raise ValueError("x")
        return session.state().agents["ann"]["status"]

    assert (work(False), work(False), work.__doc__) == ("running", "running", "Work.")
    with pytest.raises(ValueError, match="x"):
        work(True)
    assert told(session)[:2] == ("paused", "error")


def test_a_coroutine_function_is_a_run_as_well(session):
    @session.running()
    async def work() -> str:
        await asyncio.sleep(0)
        raise ValueError("x")

    with pytest.raises(ValueError, match="x"):
        asyncio.run(work())
    assert told(session)[:2] == ("paused", "error")


def test_a_cancelled_task_leaves_its_session_paused(session):
    async def work() -> None:
        async with session.running():
            await asyncio.sleep(3600)

    async def cancel() -> None:
        task = asyncio.create_task(work())
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])

    asyncio.run(cancel())
    assert told(session)[:2] == ("paused", "other")


def test_a_run_is_used_once(session):
    run = session.running()
    with run:
        pass
    with pytest.raises(UsageError, match="begun already"), run:
        pass


def test_a_process_with_many_files_open_runs_as_well(session):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
    many = [os.dup(0) for _ in range(1100)]
    try:
        with pytest.raises(ValueError, match="no pears"), session.running():
            raise ValueError("no pears")
    finally:
        for descriptor in many:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert told(session)[:2] == ("paused", "error")


def test_two_sessions_run_in_one_process(app):
    store = app.opened()
    one, two = store.create(task="a"), store.create(task="b")
    with pytest.raises(ValueError, match="x"), one.running(), two.running():
        raise ValueError("x")
    assert (told(one)[:2], told(two)[:2]) == (("paused", "error"), ("paused", "error"))


def test_what_the_disk_refuses_is_kept_and_taken_in_once(app, session, monkeypatch):
    def full(*_args, **_more):
        raise StorageFullError("event cannot be stored: no space left on device")

    with pytest.raises(StorageFullError) as caught, session.running():
        session.append(user("before"))
        monkeypatch.setattr(app.store, "append", full)
        session.append(user("at the end"))

    assert "kept in" in caught.value.hint
    (path,) = (app.config.home / "emergency").iterdir()
    assert (str(path), path.stat().st_mode & 0o777) == (caught.value.fields["kept"], 0o600)
    monkeypatch.undo()
    again = [rescue(app.desk, EmergencyFiles(app.config.home, {})) for _ in range(2)]
    assert [(r.files, r.events, r.interruptions, r.waiting) for r in again] == [(1, 1, 1, 0), (0, 0, 0, 0)]
    assert [e.body["parts"][0]["content"] for e in session.events() if e.kind == "message"] == ["before", "at the end"]
    assert told(session)[:3] == ("paused", "error", "StorageFullError: event cannot be stored: no space left on device")


def test_of_several_appends_at_once_what_the_disk_refuses_is_kept_and_the_others_are_there(app, session, monkeypatch):
    store = app.store
    each = store.append_each

    def full(session, asked):
        full = StorageFullError("event cannot be stored: no space left on device")
        return [*each(session, asked[:1]), full, full.own()]

    with session.running():
        monkeypatch.setattr(store, "append_each", full)
        done, *refused = session.append_each([Asked([user(text)]) for text in ("one", "two", "three")])

    assert (done.entries[0].new, [type(e) for e in refused]) == (True, [StorageFullError, StorageFullError])
    assert [e.fields["kept"] for e in refused] == [str(path) for path in (app.config.home / "emergency").iterdir()] * 2
    monkeypatch.undo()
    assert rescue(app.desk, EmergencyFiles(app.config.home, {})).events == 2
    assert [e.body["parts"][0]["content"] for e in session.events() if e.kind == "message"] == ["one", "two", "three"]


def test_what_was_stored_all_the_same_is_not_taken_in_twice(app, session):
    """The disk did not confirm, the process kept the events, and they were there."""
    draft = user("hello", key="run:1")
    session.append(draft)
    keep(app, record(app.store.url, session.id, [draft]))

    assert rescue(app.desk, app.emergencies).events == 0
    assert [e.key for e in session.events() if e.kind == "message"] == ["run:1"]


def test_the_next_opening_takes_in_what_was_kept(app, session):
    keep(app, record(app.store.url, session.id, [user("hello", key="k", actor="ann", parent=None, source={"agent": "x"})]))
    app.close()

    store = App(app.env, cwd=app.cwd, clock=app.clock, ids=FakeIds(1)).opened()
    (event,) = [e for e in store.session(session.id).events() if e.kind == "message"]
    assert (event.actor, event.parent, event.key, event.source) == ("ann", None, "k", {"agent": "x"})
    assert list((app.config.home / "emergency").iterdir()) == []


def test_what_belongs_to_another_store_waits_for_it(app, session):
    keep(app, record("log:///elsewhere", session.id, [user("hello", key="k")]))

    assert rescue(app.desk, app.emergencies) == (0, 0, 0, 1, 0)
    (kept,) = (app.config.home / "emergency").iterdir()
    out = io.StringIO()
    run(["doctor", "--json"], Frame(env=app.env, cwd=app.cwd, stdout=out))
    assert [c["what"] for c in json.loads(out.getvalue())["checks"] if c["check"] == "emergency"] == [
        f"1 emergency file waiting to be taken in: {kept}"
    ]


def test_what_a_run_of_a_deleted_session_still_had_to_say_goes_with_it(app, session):
    keep(app, record(app.store.url, session.id, [user("hello", key="k")], Interrupt("error", "it broke"), key="run:1"))
    app.store.delete(session.id)

    assert rescue(app.desk, app.emergencies) == (1, 0, 0, 0, 0)
    assert list((app.config.home / "emergency").iterdir()) == []


def test_a_step_that_the_session_does_not_allow_is_told_as_a_loss(app, session):
    keep(app, record(app.store.url, session.id, [segue.Draft("session.resumed", {}, key="k")]))

    assert rescue(app.desk, app.emergencies).files == 1
    assert session.state().losses["recent"][0]["where"] == "emergency file"


@pytest.mark.parametrize("payload", [b"{", b"[]", b'{"segue_emergency": 2}', b'{"segue_emergency": 1, "store": 1}'])
def test_a_record_that_is_not_known_waits(app, session, payload):
    keep(app, payload)

    assert rescue(app.desk, app.emergencies).waiting == 1


def test_an_interruption_of_before_the_session_went_on_does_not_stop_it(app, session):
    at = session.state().at
    app.clock.advance(60)
    session.pause()
    app.clock.advance(60)
    session.resume()
    keep(app, record(app.store.url, session.id, (), Interrupt("system", "SIGTERM"), key="run:1", at=at))

    assert rescue(app.desk, app.emergencies).interruptions == 0
    assert session.state().status == "active"


def test_code_and_conversation_are_kept_together_where_that_is_asked_for(app):
    shop = Path(app.cwd) / "shop"
    shop.mkdir()
    (shop / "price.txt").write_text("2 a pear\n")
    session = app.opened().create(task="sell pears", workspace=str(shop))
    session.checkpoint("before", workspace=True)
    with pytest.raises(ValueError, match="x"), session.running(workspace=True):
        raise ValueError("x")

    kept = [e.body["workspace"] for e in session.events() if e.kind == "checkpoint.created"]
    assert (len(kept), {one["tree"] for one in kept}) == (2, {kept[0]["tree"]})


class Processes:
    """Processes of which some are gone."""

    def __init__(self, gone):
        self.gone = gone

    def me(self):
        return {"pid": 1, "boot": "b"}

    def is_gone(self, process):
        return self.gone


def begin(session, pid=77, boot="b"):
    session.append("agent.set", {"name": "ann", "status": "running", "set": {"process": {"pid": pid, "boot": boot}}})


@pytest.mark.parametrize(
    ("boot", "why"), [("b", ("unknown", "process 77 is gone without a word")), ("a", ("system", "the machine was started anew"))]
)
def test_an_agent_that_is_gone_without_a_word_is_noticed_once(app, session, boot, why):
    begin(session, boot=boot)
    last = session.state().activity
    app.clock.advance(3600)

    found = [settle(app.desk, [session.id], Processes(gone=True)) for _ in range(2)]

    assert [len(one) for one in found] == [1, 0]
    assert told(session) == ("paused", *why, [(f"pause: {why[0]}", 3)])
    assert (session.state().activity, session.state().agents["ann"]["status"]) == (last, "interrupted")


def test_an_agent_that_told_of_its_end_is_not_gone_without_a_word_though_nobody_paused_its_session_yet(app, session):
    begin(session)
    source = {"agent": "ann", "raw": '{"reason": "prompt_input_exit"}'}
    session.append(Draft("record", {"type": "hook:SessionEnd"}, "ann", stream="hooks", source=source))

    settle(app.desk, [session.id], Processes(gone=True))

    assert told(session)[:3] == ("paused", "user", "its agent ended (prompt_input_exit)")


@pytest.mark.parametrize(("late", "commits"), [(60, ["a", "b"]), (3_600, ["a"])])
def test_what_is_uncommitted_when_an_end_is_noticed_late_is_not_taken_for_what_the_agent_left(app, session, late, commits):
    begin(session)
    session.append("changes.seen", {"files": [], "commit": "a"})
    app.clock.advance(late)
    settle(app.desk, [session.id], Processes(gone=True), lambda _: Moment({"git": {}}, {"files": [], "commit": "b"}))
    assert [event.body["commit"] for event in session.events() if event.kind == "changes.seen"] == commits


@pytest.mark.parametrize("gone", [False, None])
def test_an_agent_that_is_there_or_on_another_machine_is_left_alone(app, session, gone):
    begin(session)

    assert settle(app.desk, [session.id], Processes(gone=gone)) == []
    assert session.state().status == "active"


def test_a_session_in_which_nothing_happens_times_out_unless_its_process_is_there(app, session):
    begin(session)
    app.clock.advance(86_400)

    assert time_out(app.desk, [session.id], 86_400, Processes(gone=False)) == []
    assert [one.reason for one in time_out(app.desk, [session.id], 86_400, Processes(gone=None))] == ["timeout"]
    assert session.state().active_seconds == 0


def test_an_interruption_is_one_append(app, session):
    before = session.state().seq
    done = interrupt(app.desk, session.id, Interrupt("system", "SIGTERM"), "k")

    kinds = [(e.kind, e.more) for e in session.events(after=before)]
    assert kinds == [("checkpoint.created", 1), ("session.paused", 0)]
    assert (done.status, interrupt(app.desk, session.id, Interrupt("error"), "k2")) == ("paused", None)


def keep(app, payload):
    """Leave what a process that was killed kept."""
    reserve = ReserveFile(places(Path(app.config.home), {}))
    reserve.put(payload)
    reserve.close()


def test_every_field_of_an_event_is_kept(app, session):
    draft = segue.Draft("x.y", {"a": 1}, "ann", "sub", "n", "p", "k", "2026-01-15T09:30:00Z", {"s": 1}, {"user": {"a": 1}})
    line = json.loads(record("u", "s", [draft]))["events"][0]

    assert line == {**draft._asdict()}
    assert interrupting._line(segue.Draft("x.y", {})) == {"kind": "x.y", "body": {}, "stream": "main"}


def test_a_run_within_another_one_leaves_the_outer_one_its_appends(session):
    told = []
    with session.running(on_crossing=lambda crossing: told.append(crossing["band"])):
        with session.running(agent="inner"):
            session.append_all([user("within")])
        session.append_all([assistant("so", model="pear", usage={"input_tokens": 1}, window=1)])
        session.append("usage", {"input_tokens": 700, "window": 1_000})
    assert told == ["disclosure"]


def test_an_append_that_finds_a_run_is_done_though_the_run_ends_meanwhile(session):
    first, second = session.running(), session.running()
    with first:
        with second:
            found = session._run()
            assert found is second
        assert found.append(lambda drafts: session._store.append(session.id, drafts), [user("late")]).head.seq
        assert session._run() is first
    assert session._run() is None


def test_a_run_that_two_threads_end_tells_of_its_interruption_once(session):
    summaries = []
    run = session.running(on_interrupt=summaries.append)
    with run:
        run.interrupt("user")
        run._end()  # as the end of the interpreter does while the run's own thread comes to it
    assert len(summaries) == 1
