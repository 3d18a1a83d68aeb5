"""ATIF trajectories: what they say, and whatever state they are in."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from segue.core.log.codec import encode_content
from segue.core.log.kinds import is_node, validate
from segue.core.session.state import fold
from segue.core.session.tree import active_chain
from segue.engine.capture.importing import import_paths
from segue.host.clock import SystemIds
from segue.ports import Destination
from segue.stores.log import LogStore
from segue.testing import FakeClock
from segue.testing.writers import conversation, plain, turn
from segue.transcripts import transcripts
from segue.transcripts.atif.reader import Atif
from segue.transcripts.atif.writer import AtifWriter
from tests.unit.transcripts.test_any_shape import spoilt

SAMPLE = Path(__file__).parents[2] / "fixtures" / "transcripts" / "atif" / "trajectory.json"
TOLD = json.loads(SAMPLE.read_text())
RUN = TOLD["session_id"]


def read(path):
    return [d for batch in Atif().read(str(path), RUN) for d in batch.drafts]


def steps(drafts, stream="main"):
    """Return the steps that a stream's records are of."""
    kept = [d for d in drafts if d.stream == stream and d.kind != "loss" and "raw" in d.source]
    return [json.loads(d.source["raw"]) for d in kept if d.node != "trajectory"]


@pytest.fixture
def segue(tmp_path):
    return LogStore(tmp_path / "store", clock=FakeClock(), ids=SystemIds())


def test_a_trajectory_is_in_the_log_as_it_was_said(segue):
    report = import_paths(segue, transcripts(), [str(SAMPLE)], clock=FakeClock())
    assert [(s.agent, s.foreign_id, s.losses) for s in report.sessions] == [("atif", RUN, ())]
    chain = [e for e in active_chain(segue.read(report.sessions[0].id)) if e.kind == "message"]
    assert [(e.body["role"], [p["type"] for p in e.body["parts"]]) for e in chain] == [
        ("system", ["text"]),
        ("user", ["text", "uri"]),
        ("assistant", ["reasoning", "text", "tool_call", "tool_call"]),
        ("tool", ["tool_call_response", "tool_call_response"]),
        ("assistant", ["tool_call"]),
        ("tool", ["tool_call_response"]),
        ("assistant", ["text"]),
    ]
    assert chain[5].body["parts"] == [{"type": "tool_call_response", "id": "call_3", "response": "exit code 1", "is_error": True}]
    assert [e.body.get("model") for e in chain if e.body["role"] == "assistant"] == [
        "claude-sonnet-4-5",
        "claude-opus-4-5",
        "claude-sonnet-4-5",
    ]
    child = [
        e.body["parts"][0]["content"] for e in active_chain(segue.read(report.sessions[0].id), "child") if e.kind == "message"
    ]
    assert child == ["look around", "nothing to see"]


def test_what_it_cost_is_what_the_trajectory_counted(segue):
    state = fold(segue.read(import_paths(segue, transcripts(), [str(SAMPLE)], clock=FakeClock()).sessions[0].id))
    total = TOLD["final_metrics"]
    assert (state.metrics["tokens"]["input"], state.metrics["tokens"]["output"]) == (
        total["total_prompt_tokens"],
        total["total_completion_tokens"],
    )
    assert state.metrics["cost_usd"] == pytest.approx(0.002)


def test_every_step_is_kept_byte_for_byte():
    text = SAMPLE.read_text()
    drafts = read(SAMPLE)
    assert steps(drafts) == TOLD["steps"]
    assert steps(drafts, "child") == TOLD["subagent_trajectories"][0]["steps"]
    assert all(d.source["raw"] in text for d in drafts if "raw" in d.source and d.node != "trajectory")
    rest = next(json.loads(d.source["raw"]) for d in drafts if d.node == "trajectory" and d.stream == "main")
    assert rest == {k: v for k, v in TOLD.items() if k not in {"steps", "subagent_trajectories"}}


def test_every_event_is_sound_and_has_a_name_and_key_of_its_own():
    drafts = read(SAMPLE)
    for draft in drafts:
        validate(draft.kind, draft.body)
    names = [(d.stream, d.node) for d in drafts if is_node(d.kind)]
    assert len(set(names)) == len(names)
    assert len({d.key for d in drafts}) == len(drafts)


def test_importing_again_adds_nothing_and_a_longer_trajectory_what_is_new(segue, tmp_path):
    file = tmp_path / "trajectory.json"
    file.write_text(json.dumps({**TOLD, "steps": TOLD["steps"][:4], "final_metrics": None}))
    first = import_paths(segue, transcripts(), [str(file)], clock=FakeClock()).sessions[0]
    assert import_paths(segue, transcripts(), [str(file)], clock=FakeClock()).sessions[0].new_events == 0
    file.write_text(json.dumps(TOLD))
    second = import_paths(segue, transcripts(), [str(file)], clock=FakeClock()).sessions[0]
    assert second.id == first.id
    said = [e for e in active_chain(segue.read(first.id)) if e.kind == "message"]
    assert said[-1].body["parts"] == [{"type": "text", "content": "There are three."}]


@pytest.mark.parametrize(
    "head",
    [b"", b"{}", b'{"schema_version": 3}', b'{"schema_version": "1.0", "steps": []}', b"[1]", b'["schema_version": "ATIF-v1.4"]'],
)
def test_a_strangers_file_is_not_its_own(head):
    assert not Atif().sniff("trajectory.json", head)


@pytest.mark.parametrize("version", ["ATIF-v1.0", "ATIF-v1.4", "ATIF-v1.8", "ATIF-v2.0"])
def test_a_trajectory_is_known_by_its_version_whatever_it_is(version):
    assert Atif().sniff("x", json.dumps({**TOLD, "schema_version": version}).encode())


# --- damage


def test_a_torn_trajectory_gives_every_step_before_the_tear(tmp_path):
    file = tmp_path / "trajectory.json"
    whole = json.dumps(TOLD)
    ends = [whole.index(json.dumps(step)) + len(json.dumps(step)) for step in TOLD["steps"]]
    for number, end in enumerate(ends):
        for cut in (end, end + 20 if number < 4 else end + 1):
            file.write_text(whole[:cut])
            drafts = read(file)
            assert steps(drafts) == TOLD["steps"][: number + 1]
            assert [d.kind for d in drafts].count("loss") == 1


@pytest.mark.parametrize("garbage", ["\x00\x00", "}", "{", '"', "]", '{"id": ', "\ud800", "nonsense "])
def test_garbage_before_a_step_hides_no_step(tmp_path, garbage):
    texts = [json.dumps(step) for step in TOLD["steps"]]
    for place in range(len(texts)):
        broken = ", ".join([*texts[:place], garbage + texts[place], *texts[place + 1 :]])
        file = tmp_path / "trajectory.json"
        whole = f'{{"schema_version": "ATIF-v1.8", "agent": {{}}, "steps": [{broken}]}}'
        file.write_bytes(whole.encode("utf-8", "surrogatepass"))
        drafts = read(file)
        assert steps(drafts) == TOLD["steps"], place
        assert [d for d in drafts if d.kind == "loss"] != []


def test_an_empty_file_is_noted(tmp_path):
    file = tmp_path / "trajectory.json"
    file.write_bytes(b" \n")
    assert [n.reason for b in Atif().read(str(file), RUN) for n in b.noted] == ["empty file"]


@settings(deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_steps_of_any_shape_are_events_or_named_losses(tmp_path_factory, data):
    whole = json.loads(SAMPLE.read_text())
    for i in data.draw(st.lists(st.sampled_from(range(len(whole["steps"]))), min_size=1, max_size=3, unique=True)):
        whole["steps"][i] = data.draw(spoilt(whole["steps"][i]))
    for name in data.draw(st.lists(st.sampled_from(["agent", "notes", "extra", "subagent_trajectories"]), max_size=2)):
        whole[name] = data.draw(spoilt({"it": whole.get(name)}))
    file = tmp_path_factory.mktemp("any") / "trajectory.json"
    file.write_text(json.dumps(whole))
    drafts = read(file)
    kept = {d.source["raw"] for d in drafts if "raw" in d.source}
    assert kept >= {json.dumps(step) for step in whole["steps"]}
    for draft in drafts:
        validate(draft.kind, draft.body)
        encode_content(draft, "0" * 32)


# --- writing


def test_what_the_model_used_and_thought_is_carried(tmp_path):
    usage = {"input_tokens": 5, "output_tokens": 2, "cache_read_tokens": 1, "cost_usd": 0.1}
    thought = {"type": "reasoning", "content": "hm"}
    given_turns = conversation(
        turn("system", "Be good."), turn("user", "a"), turn("assistant", thought, "b", usage=usage, model="m")
    )
    written = AtifWriter().write(given_turns, Destination(str(tmp_path), "/w"))
    step = json.loads(Path(written.files[0]).read_text())["steps"][2]
    assert step["metrics"] == {"prompt_tokens": 5, "completion_tokens": 2, "cached_tokens": 1, "cost_usd": 0.1}
    assert (step["reasoning_content"], step["message"], step["model_name"]) == ("hm", "b", "m")
    assert written.carried == ()
    assert AtifWriter().validate(written.files[0]) == []


def test_the_sample_is_sound():
    assert AtifWriter().validate(str(SAMPLE)) == []


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda d: d.update(schema_version="ATIF-v9.0"), "the version 'ATIF-v9.0' is not known"),
        (lambda d: d["agent"].pop("version"), "agent.version is missing"),
        (lambda d: d.update(mood="good"), "'mood' is not a field of a trajectory"),
        (lambda d: d["steps"][0].update(mood="good"), "'mood' is not a field of a step"),
        (lambda d: d["steps"][1].update(step_id=7), "step_id is 7: steps are numbered from 1 without gaps"),
        (lambda d: d["steps"][0].update(model_name="m"), "model_name is only for steps of the agent"),
        (lambda d: d["steps"][0].pop("message"), "message is missing"),
        (lambda d: d["steps"][0].update(timestamp="noon"), "timestamp is not a time in ISO 8601"),
        (lambda d: d["steps"][1]["tool_calls"][0].update(arguments="x"), "a call's arguments are not an object"),
        (
            lambda d: d["steps"][1]["observation"]["results"][0].update(source_call_id="x"),
            "a result names the call 'x', which is not in its step",
        ),
        (lambda d: d["steps"][0].update(message=[{"type": "poem"}]), "message has a part of the type 'poem' that is not sound"),
        (lambda d: d.update(steps=[]), "it has no steps"),
    ],
)
def test_what_a_validator_would_refuse_is_found(tmp_path, spoil, reason):
    document = json.loads(Path(AtifWriter().write(plain(), Destination(str(tmp_path), "/w")).files[0]).read_text())
    spoil(document)
    file = tmp_path / "spoilt.json"
    file.write_text(json.dumps(document))
    assert reason in {noted.reason for noted in AtifWriter().validate(str(file))}
