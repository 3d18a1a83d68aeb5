"""The Python API: an open store and its sessions as objects."""

import os

import pytest

from segue.app import App
from segue.core.errors import AmbiguousError, IllegalTransitionError, InvalidEventError, NotFoundError, UsageError, WithdrawnError
from segue.core.log.events import Commit, Draft
from segue.core.session.state import SCHEMA, fold
from segue.ports import Asked

HELLO = {"role": "user", "parts": [{"type": "text", "content": "sell pears, never plums"}]}


@pytest.fixture(params=["memory://", "log"])
def store(request, tmp_path):
    import segue

    with segue.open(request.param if "://" in request.param else tmp_path / "store") as found:
        yield found


def test_a_session_is_created_appended_to_read_and_folded(store):
    session = store.create(task="sell pears", project="shop", tags=["fruit"])
    appended = session.append("message", HELLO, actor="ann")
    assert (appended.seq, appended.new) == (3, True)
    events = list(session.events())
    assert [(e.seq, e.kind, e.actor) for e in events][2:] == [(3, "message", "ann")]
    assert session.state() == fold(events, session=session.id)
    assert session.state().header["project"] == "shop"
    assert [e.seq for e in session.conversation()] == [3]


def test_the_state_at_a_position_is_the_fold_up_to_there_with_snapshots_or_without(store):
    session = store.create(task="count")
    session.append_all([Draft("metric", {"name": "n"}) for _ in range(1200)])
    whole = session.state()
    events = list(session.events())
    for at in (1, 2, 100, 1000, 1001, 1150, 1202):
        assert session.state(at=at) == fold(events[:at], session=session.id)
    store.port.drop_snapshots(session.id)
    assert session.state() == whole


def test_loading_by_a_snapshot_reads_only_the_tail(store):
    session = store.create(task="count")
    session.append_all([Draft("metric", {"name": "n"}) for _ in range(500)])
    session.state()
    session.append("metric", {"name": "n"})
    kept = store.port.snapshot(session.id, SCHEMA)
    assert kept is not None
    assert kept.seq == 502


def test_a_session_is_found_by_every_form_of_reference(store):
    session = store.create(task="sell pears", foreign_ids=["thread-77-abcdef"])
    made = session.checkpoint("before", name="prices")
    state = session.state()
    for ref in (session.id, session.id[:20], state.header["name"], state.header["slug"], "thread-77-abcdef", "last", made):
        assert store.session(ref).id == session.id
    assert store.session(made).position == 2
    assert store.session(made).state().seq == 2
    with pytest.raises(NotFoundError):
        store.session("SESSION-990101-001")
    store.create(task="another")
    with pytest.raises(AmbiguousError):
        store.session("0")


def test_a_fork_goes_its_own_way(store):
    session = store.create(task="sell pears")
    session.append("message", HELLO)
    fork = session.fork(at=2, title="plums")
    fork.append("decision.made", {"title": "plums after all"})
    assert [e.kind for e in fork.events()] == [
        "session.created",
        "session.activated",
        "session.forked",
        "session.activated",
        "decision.made",
    ]
    assert fork.state().lineage["parent"]["session"] == session.id
    assert session.state().work["decisions"] == {}
    assert fork.name != session.name


def test_a_context_is_restored_within_its_budget(store):
    session = store.create(task="sell pears")
    session.append("message", HELLO)
    context = session.restore(budget=500)
    assert "never plums" in context.text
    assert context.size.upper <= context.budget == 500


def test_a_session_is_paused_resumed_and_ended(store):
    session = store.create(task="sell pears")
    assert session.pause("user", "lunch").status == "paused"
    with pytest.raises(IllegalTransitionError):
        session.pause()
    assert session.resume().status == "active"
    assert session.end().status == "ended"


def test_a_body_that_is_not_of_its_kind_is_refused_and_nothing_is_written(store):
    session = store.create(task="sell pears")
    with pytest.raises(InvalidEventError):
        session.append_all([Draft("x.y", {}), Draft("message", {"role": "user"})])
    assert session.state().seq == 2


def test_what_was_said_is_found(store):
    session = store.create(task="sell pears")
    session.append("message", HELLO)
    assert [(h.session, h.seq) for h in store.search("plums").hits] == [(session.id, 3)]
    assert [r.id for r in store.sessions(text="pears")] == [session.id]
    assert store.verify() == []


def test_a_watch_begins_behind_the_head(store):
    session = store.create(task="sell pears")
    watch = session.watch(after=2, stop=lambda: True)
    session.append("message", HELLO)
    assert [e.seq for e in watch] == [3]


def test_a_deleted_session_is_not_found(store):
    session = store.create(task="sell pears")
    session.delete()
    with pytest.raises(NotFoundError):
        session.state()
    assert store.sessions() == []


def test_changes_by_many_threads_are_each_decided_on_what_is_there(store):
    from concurrent.futures import ThreadPoolExecutor

    session = store.create(task="sell pears")
    with ThreadPoolExecutor(4) as pool:
        names = list(pool.map(lambda n: session.checkpoint(f"number {n}"), range(12)))
    assert len(set(names)) == 12
    assert set(session.state().checkpoints) == set(names)


def test_a_level_that_there_is_not_is_a_usage_error(store):
    with pytest.raises(UsageError, match="there is no level 'huge'"):
        store.create().restore(level="huge")


@pytest.mark.parametrize("at", [0, -1])
def test_positions_begin_at_one(store, at):
    session = store.create(task="x")
    for ask in (session.state, lambda at: session.restore(500, at=at)):
        with pytest.raises(UsageError, match=f"there is no position {at}"):
            ask(at=at)


@pytest.mark.parametrize("header", [{"tags": "x"}, {"task": 7}, {"agents": ["a"]}, {"foreign_ids": "f"}])
def test_a_header_of_another_type_is_refused_and_takes_no_number(store, header):
    session = store.create(task="x")
    for call in (store.create, session.update, session.fork):
        with pytest.raises(UsageError):
            call(**header)
    assert store.create(task="y").name.endswith("-002")
    assert len(store.sessions()) == 2


def test_a_closed_store_does_nothing_any_more(store):
    session = store.create(task="x")
    store.close()
    store.close()
    for call in (
        lambda: session.append("message", HELLO),
        session.state,
        lambda: list(session.events()),
        session.checkpoint,
        session.delete,
        session.pause,
        lambda: store.create(task="y"),
        store.sessions,
        lambda: store.search("x"),
        lambda: store.session("last"),
        lambda: store.port,
    ):
        with pytest.raises(UsageError, match="is closed"):
            call()
    assert repr(store).startswith("<segue store ")


@pytest.mark.parametrize("steps", [["session.resumed"], ["session.recovering"], ["session.archived", "session.resumed"]])
def test_a_superseded_session_is_not_taken_up_by_an_event_that_is_written_by_hand(store, steps):
    session = store.create(task="x")
    session.append("session.ended", {"reason": "superseded", "by": store.create(task="y").id})
    with pytest.raises(IllegalTransitionError):
        session.append_all([Draft(kind, {}) for kind in steps])
    assert session.append("message", HELLO).seq == 4  # what was said is kept
    assert session.state().status == "ended"


def test_steps_of_the_lifecycle_that_are_written_by_hand_follow_each_other(store):
    session = store.create(task="x")
    for steps in (["session.resumed"], ["session.paused", "session.paused"], ["session.created"], ["session.unarchived"]):
        with pytest.raises(UsageError if steps == ["session.created"] else IllegalTransitionError):
            session.append_all([Draft(kind, {}) for kind in steps])
    paused = Draft("session.paused", {"reason": "user"}, key="p")
    session.append_all([Draft("session.activated", {}), paused, Draft("session.archived", {})])
    assert session.append(paused).new is False  # a repeated append writes nothing
    session.append_all([Draft("session.unarchived", {}), Draft("session.resumed", {})])
    assert session.state().status == "active"


def test_a_session_goes_back_to_a_checkpoint_and_back_again(tmp_path):
    project = tmp_path / "project"
    project.mkdir()
    env = {"SEGUE_HOME": str(tmp_path / "home"), "PATH": os.environ["PATH"], "HOME": str(tmp_path), "SEGUE_UPKEEP": "off"}
    with App(env, cwd=str(project)).opened() as store:
        session = store.create(task="price the plums")
        session.append("task.set", {"id": "plums", "title": "price the plums", "status": "pending"})
        (project / "a.txt").write_text("one")
        name = session.checkpoint("one", workspace=True)
        session.append("task.set", {"id": "plums", "status": "active"})
        (project / "a.txt").write_text("two")

        plan = session.plan_restore(name)
        assert ([c.path for c in plan.code.writes], plan.what) == (["a.txt"], ("code", "conversation"))
        assert (project / "a.txt").read_text() == "two"

        done = session.restore_checkpoint(name)
        assert ((project / "a.txt").read_text(), session.state().work["tasks"]["plums"]["status"]) == ("one", "pending")
        assert (done.session, session.settle_restore("undo")) == (session.id, None)

        session.restore_checkpoint()  # the last one is that of what was there before
        assert ((project / "a.txt").read_text(), session.state().work["tasks"]["plums"]["status"]) == ("two", "active")
        with pytest.raises(NotFoundError):
            session.restore_checkpoint("RECOVERY-991231-001-000000")


def test_several_appends_are_each_for_itself_and_a_step_of_the_lifecycle_among_them_must_be_allowed(store):
    session = store.create(task="sell pears")
    hello = Asked([Draft("message", HELLO)])
    found = session.append_each(
        [
            hello,
            Asked([Draft("session.paused", {"reason": "user"})]),
            hello,
            Asked([Draft("session.paused", {"reason": "user"})]),
            Asked([Draft("session.resumed", {})], begins=lambda: False),
            hello,
        ]
    )
    assert [type(one) for one in found] == [Commit, Commit, Commit, IllegalTransitionError, WithdrawnError, Commit]
    assert [e.kind for e in session.events(after=2)] == ["message", "session.paused", "message", "message"]
    found = session.append_each([hello, Asked([Draft("message", {"role": 7})]), hello])
    assert [type(one) for one in found] == [Commit, InvalidEventError, Commit]
    assert session.state().seq == 8


def test_the_five_steps_are_gone_through_from_python(store):
    session = store.create(task="sell pears", workspace="")
    session.append("message", HELLO)
    outcome = session.protocol("emergency", 1_000)
    assert (outcome.protocol, outcome.status, [step.status for step in outcome.steps][2]) == ("emergency", "success", "skipped")
    assert "never plums" in outcome.restored.context.text
    assert session.protocol(task="sell apples").restored.state.seq == 3
