"""What is done as a context fills: noted once, carried out once, gone on with after a crash; and the successor that takes over."""

import json
from contextlib import suppress

import pytest

from segue.app import App
from segue.app.budgets import keeper
from segue.core.context.tokens import estimate
from segue.core.log.events import Draft
from segue.engine.budget.crossing import Keeper, choose, note, remark
from segue.engine.budget.succeeding import condense, succeed, text_of
from segue.engine.capture.importing import Importer
from segue.engine.capture.spooling import ingest
from segue.engine.foreign import Foreign, find, latest
from segue.host.notifying import notifier
from segue.testing.fakes import FakeClock, FakeIds

CLAUDE = "7dcc6b33-a8e7-41fa-a76f-5d0f155f452e"
WINDOW = {"SEGUE_WINDOWS": "pear-model=1000", "SEGUE_PRICES": "pear-model=1000/1000"}


class Spool:
    """What hooks spooled: frames that are taken once."""

    def __init__(self, *frames):
        self.waiting = [type("File", (), {"frames": list(frames), "broken": []})] if frames else []

    def take(self):
        return self.waiting

    def done(self, taken, waiting=()):
        self.waiting = []

    def dropped(self):
        return 0


class Scene:
    """Claude Code at work in a session that is captured, with a model whose window is 1,000 tokens."""

    def __init__(self, place, **settings):
        self.place, self.clock = place, FakeClock()
        env = {"SEGUE_HOME": str(place / "home"), "SEGUE_UPKEEP": "off", **WINDOW, **settings}
        self.app = App(env, flags={"store": "memory://"}, cwd=str(place), clock=self.clock, ids=FakeIds())
        self.store = self.app.store
        self.file = place / f"{CLAUDE}.jsonl"
        self.number, self.parent = 0, None
        self.importer = Importer(self.store, clock=self.clock)
        self.say("user", "sell pears, never plums", model=None)
        self.hook("SessionStart")
        self.session = find(self.store, Foreign("claude-code", (CLAUDE,)))

    def say(self, role, text, *, used=0, model="pear-model", **more):
        self.number += 1
        self.clock.advance(1)
        uuid = f"00000000-0000-4000-8000-{self.number:012d}"
        content = [{"type": "text", "text": text}] if model else text
        message = {"role": role, "content": content}
        if model:
            message |= {"model": model, "id": f"msg_{self.number}", "usage": {"input_tokens": used, "output_tokens": 0}}
        record = {"type": role, "uuid": uuid, "parentUuid": self.parent, "sessionId": CLAUDE, "cwd": "/shop", "message": message}
        record |= {"timestamp": f"2026-01-15T09:30:{self.number:02d}Z", **more}
        self.parent = uuid
        with self.file.open("a") as file:
            file.write(json.dumps(record) + "\n")
        self.take_in()

    def take_in(self):
        for file in self.app.transcripts.find([str(self.file)]):
            list(self.importer.take(file))

    def hook(self, event):
        payload = json.dumps({"session_id": CLAUDE, "hook_event_name": event}).encode()
        frame = type(
            "Frame", (), {"agent": "claude-code", "event": event, "at": "2026-01-15T09:31:00Z", "payload": payload, "process": ""}
        )
        ingest(self.store, Spool(frame), self.app.transcripts, clock=self.clock)

    def keeper(self, notify=None):
        made = keeper(self.app)
        return Keeper(made._tools._replace(notify=notify)) if notify else made

    def events(self, kind, session=None):
        session = session or self.session
        return [e.body for e in self.store.read(session, after=self.store.info(session).first - 1) if e.kind == kind]

    def state(self, session=None):
        from segue.engine.loading import load

        return load(self.store, session or self.session)


@pytest.fixture
def scene(tmp_path):
    return Scene(tmp_path)


def test_a_crossing_is_one_however_many_look_and_however_often(scene):
    scene.say("assistant", "selling", used=700)
    for _ in range(3):
        scene.keeper().keep(scene.session)
        note(scene.app.desk, scene.session, scene.app.budgets)
    assert [(c["frm"], c["band"], c["percent"], c["window"]) for c in scene.events("budget.crossed")] == [
        ("normal", "disclosure", 70.0, 1000)
    ]
    assert [h["outcome"] for h in scene.events("budget.handled")] == ["done"]


def test_a_command_is_run_once_for_each_threshold_and_told_all_about_it(scene):
    told = []
    scene.say("assistant", "selling", used=760)
    scene.keeper(notify=lambda message: told.append(message) or "").keep(scene.session)
    scene.keeper(notify=lambda message: told.append(message) or "").keep(scene.session)
    assert [(m["from"], m["band"], m["percent"], m["used"], m["workspace"], m["successor"]) for m in told] == [
        ("normal", "disclosure", 76.0, 760, "/shop", ""),
        ("disclosure", "summarisation", 76.0, 760, "/shop", ""),
    ]


def test_what_a_crash_cut_off_is_done_again_under_the_same_name(scene):
    told = []

    def crash(message):
        told.append(message["crossing"])
        raise KeyboardInterrupt

    scene.say("assistant", "selling", used=700)
    with pytest.raises(KeyboardInterrupt):
        scene.keeper(notify=crash).keep(scene.session)
    scene.keeper(notify=lambda message: told.append(message["crossing"]) or "").keep(scene.session)
    assert (len(told), len(set(told)), len(scene.events("budget.crossed"))) == (2, 1, 1)


def test_a_command_that_fails_is_told_and_not_run_again(scene):
    scene.say("assistant", "selling", used=700)
    scene.keeper(notify=lambda _: "it ended with 3").keep(scene.session)
    scene.keeper(notify=lambda _: "again").keep(scene.session)
    assert [(h["outcome"], h["reason"]) for h in scene.events("budget.handled")] == [("failed", "it ended with 3")]


def test_at_the_second_threshold_a_condensed_context_is_at_hand_with_what_it_frees(scene):
    for _ in range(40):
        scene.say("user", "weigh them again, " + "pound by pound " * 8, model=None)
    scene.say("assistant", "selling", used=760)
    scene.keeper().keep(scene.session)
    (found,) = scene.events("budget.condensed")
    assert (found["before"], found["applied"], found["freed"]) == (760, False, max(760 - found["after"], 0))
    text = text_of(scene.store, scene.session, found, scene.app.counter)
    assert ("sell pears, never plums" in text, estimate(text, found["family"]) <= found["budget"]) == (True, True)
    assert scene.state().budget["condensed"]["after"] == found["after"]
    assert scene.state().usage["context_tokens"] == 760  # the agent's own context is as it was


def test_when_it_is_full_a_successor_takes_over_and_the_agents_work_goes_on_in_it(scene):
    scene.say("assistant", "selling", used=900)
    before = scene.store.info(scene.session).head.seq
    on = scene.keeper().keep(scene.session)
    old, new = scene.state(), scene.state(on)
    assert on != scene.session
    assert (old.status, old.lifecycle["reason"], old.lifecycle["by"]) == ("ended", "superseded", on)
    assert (new.status, new.lineage["predecessor"], new.lineage["parent"]["session"]) == ("active", scene.session, scene.session)
    assert [place["trigger"] for place in old.checkpoints.values()] == ["the context is full"]
    assert (new.metrics["tokens"]["input"], new.header["foreign_ids"]) == (0, [CLAUDE])
    scene.say("user", "and quinces?", model=None)
    assert [e.body["parts"][0]["content"] for e in scene.store.read(on, after=new.seq) if e.kind == "message"] == ["and quinces?"]
    assert not [e for e in scene.store.read(scene.session, after=before) if e.kind == "message"]
    assert scene.app.index.resolve(CLAUDE).session == on


def test_it_takes_over_once_until_the_context_is_another(scene):
    scene.say("assistant", "selling", used=900)
    on = scene.keeper().keep(scene.session)
    scene.say("assistant", "still selling", used=910)
    scene.hook("PreCompact")
    assert scene.keeper().keep(on) == on
    scene.say(
        "system",
        "",
        model=None,
        subtype="compact_boundary",
        compactMetadata={"trigger": "auto", "preTokens": 910, "postTokens": 100},
        content="x",
    )
    scene.say("assistant", "anew", used=120)
    assert scene.keeper().keep(on) == on
    scene.say("assistant", "full again", used=900)
    third = scene.keeper().keep(on)
    assert (third != on, latest(scene.store, scene.session), scene.state(third).lineage["predecessor"]) == (True, third, on)


def test_an_agent_that_announces_its_own_compaction_is_taken_over_before(scene):
    scene.say("assistant", "selling", used=300)
    scene.hook("PreCompact")
    on = scene.keeper().keep(scene.session)
    assert [place["trigger"] for place in scene.state().checkpoints.values()] == ["the agent compacts"]
    assert scene.events("budget.condensed", on)[0]["before"] == 300
    assert scene.state(on).budget["inherited"]


@pytest.mark.parametrize("setting", [{"SEGUE_BUDGET_SUCCESSOR": "off"}])
def test_without_that_wish_no_successor_takes_over(tmp_path, setting):
    scene = Scene(tmp_path, **setting)
    scene.say("assistant", "selling", used=990)
    scene.hook("PreCompact")
    assert scene.keeper().keep(scene.session) == scene.session
    assert scene.state().status == "active"


@pytest.mark.parametrize("at", range(1, 9))
def test_a_succession_that_was_cut_off_anywhere_is_gone_on_with(scene, at, monkeypatch):
    scene.say("assistant", "selling", used=900)
    desk, store = scene.app.desk, scene.store
    left = [at]

    def cut(call):
        def counted(*args, **kwargs):
            left[0] -= 1
            if left[0] == 0:
                raise KeyboardInterrupt
            return call(*args, **kwargs)

        return counted

    with monkeypatch.context() as patched:
        for name in ("append", "create"):
            patched.setattr(store, name, cut(getattr(store, name)))
        with suppress(KeyboardInterrupt):
            succeed(desk, scene.session, "full", scene.app.budgets, scene.app.counter)
    done = succeed(desk, scene.session, "full", scene.app.budgets, scene.app.counter)
    again = succeed(desk, scene.session, "full", scene.app.budgets, scene.app.counter)
    assert done == again
    assert len(list(store.sessions())) == 2
    assert (len(scene.state().checkpoints), scene.state().lifecycle["by"]) == (1, done.successor)


def test_one_that_goes_on_from_the_condensed_context_has_that_alone(scene):
    scene.say("assistant", "selling", used=900)
    done = succeed(scene.app.desk, scene.session, "full", scene.app.budgets, scene.app.counter, applied=True)
    state = scene.state(done.successor)
    assert state.usage["context_tokens"] == done.condensed["after"]
    assert "sell pears, never plums" in done.text
    assert state.header["foreign_ids"] == []


def test_a_session_that_is_over_for_another_reason_has_no_successor(scene):
    from segue.engine.sessions import move

    move(scene.app.desk, scene.session, "end")
    assert succeed(scene.app.desk, scene.session, "full", scene.app.budgets, scene.app.counter) is None
    assert len(list(scene.store.sessions())) == 1


def test_what_was_erased_is_in_no_condensed_context_either(scene):
    scene.say("assistant", "selling", used=760)
    scene.keeper().keep(scene.session)
    (found,) = scene.events("budget.condensed")
    assert "never plums" not in json.dumps(found)  # the log has it once


def test_condensing_writes_nothing(scene):
    head = scene.store.info(scene.session).head
    condense(scene.store, scene.session, "look", scene.app.budgets, scene.app.counter)
    assert scene.store.info(scene.session).head == head


def test_a_spending_limit_is_reached_once_and_raised(tmp_path):
    scene = Scene(tmp_path, SEGUE_BUDGET_LIMIT="0.5")
    scene.say("assistant", "selling", used=500)
    for _ in range(2):
        scene.keeper().keep(scene.session)
    assert [(s["limit"], s["spent"], s["reached"]) for s in scene.events("budget.spending")] == [(0.5, 0.5, True)]
    assert "limit of $0.50 reached" in remark(scene.state())
    choose(scene.app.desk, scene.session, "raise", 2.0)
    scene.keeper().keep(scene.session)
    assert (scene.state().budget["limit"], scene.state().budget["reached"], len(scene.events("budget.spending"))) == (
        2.0,
        None,
        2,
    )


def test_going_on_with_less_makes_the_agents_react_only_until_it_is_raised(tmp_path):
    scene = Scene(tmp_path, SEGUE_BUDGET_LIMIT="0.5", SEGUE_BUDGET_THEN="continue")
    scene.store.append(scene.session, [Draft("agent.set", {"name": "coder", "set": {"mode": "proactive"}})])
    scene.say("assistant", "selling", used=500)
    scene.keeper().keep(scene.session)
    assert (scene.state().agents["coder"]["set"]["mode"], scene.state().budget["choice"]) == ("reactive", "continue")
    choose(scene.app.desk, scene.session, "raise", 2.0)
    assert scene.state().agents["coder"]["set"].get("mode") in (None, "")


def test_pausing_at_the_limit_saves_and_says_why(tmp_path):
    scene = Scene(tmp_path, SEGUE_BUDGET_LIMIT="0.5", SEGUE_BUDGET_THEN="pause")
    scene.say("assistant", "selling", used=500)
    scene.keeper().keep(scene.session)
    state = scene.state()
    assert (state.status, state.lifecycle["reason"], state.lifecycle["note"]) == (
        "paused",
        "budget",
        "the limit of $0.50 is reached",
    )
    assert len(state.checkpoints) == 1


def test_what_the_status_line_tells_of_the_window_is_taken_in_once(tmp_path):
    scene = Scene(tmp_path, SEGUE_WINDOWS="")
    live = tmp_path / "home" / "live"
    live.mkdir(parents=True)
    told = {"session": CLAUDE, "used": 900, "window": 1000, "model": "pear-model", "at": scene.clock.now()}
    (live / f"claude-code~{CLAUDE}.json").write_text(json.dumps(told))
    (live / "claude-code~nobody.json").write_text(json.dumps(told))
    (live / "claude-code~broken.json").write_text("{")
    for _ in range(2):
        scene.keeper().take_live()
    assert [e["window"] for e in scene.events("usage")] == [1000]
    scene.say("assistant", "selling", used=700)
    scene.keeper().keep(scene.session)
    assert scene.state().budget["band"] == "disclosure"


def test_a_users_command_gets_the_crossing_as_json_and_as_variables(tmp_path):
    run = notifier(f"cat > {tmp_path}/said; echo $SEGUE_BAND $SEGUE_SESSION >> {tmp_path}/said", {"PATH": "/usr/bin:/bin"})
    assert run({"band": "disclosure", "session": "s"}) == ""
    assert (tmp_path / "said").read_text() == '{"band": "disclosure", "session": "s"}disclosure s\n'


@pytest.mark.parametrize(
    ("command", "reason"), [("exit 3", "it ended with 3"), ("sleep 60 & sleep 60", "it took longer than 0.2 seconds")]
)
def test_a_users_command_that_fails_or_hangs_is_said_to(command, reason):
    assert notifier(command, {"PATH": "/usr/bin:/bin"}, 0.2)({}) == reason


def test_after_the_agents_own_compaction_it_is_told_what_the_summary_forgot(scene):
    scene.say("user", "never deliver on Sundays", model=None)
    scene.say("system", "", model=None, subtype="compact_boundary", compactMetadata={"trigger": "auto"}, content="x")
    said = "This session is being continued from a previous conversation. They sell pears, never plums."
    scene.say("user", said, model=None, isCompactSummary=True)
    for _ in range(2):
        scene.keeper().keep(scene.session)
    (found,) = scene.events("budget.forgotten")
    (seq,) = found["seqs"]
    assert (found["counts"], scene.app.opened().session(scene.session).state().seq >= seq) == ({"instruction": 1}, True)
    assert remark(scene.state()).startswith("the agent's summary says nothing of 1 instruction: segue budget ")
