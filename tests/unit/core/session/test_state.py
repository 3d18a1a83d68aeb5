"""State is a fold: of the whole log, or of what is new from where it was."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segue.core.errors import DamagedError
from segue.core.log.events import Draft
from segue.core.session.catalogue import place_rows, session_row
from segue.core.session.document import document
from segue.core.session.state import State, fold
from segue.testing.events import SESSION, written
from segue.testing.strategies import stories

BEGIN = Draft(
    "session.created",
    {
        "name": "SESSION-260115-001",
        "task": "ship it",
        "tags": ["x"],
        "foreign_ids": ["f1"],
        "agents": [{"name": "coder", "type": "implementer", "capabilities": ["code"]}],
    },
)


def said(role, text, **more):
    return Draft("message", {"role": role, "parts": [{"type": "text", "content": text}], **more})


def used(message, **usage):
    return Draft(
        "message", {"role": "assistant", "parts": [], "message_id": message, "model": "m1", "usage": usage}, actor="coder"
    )


def folded(*more):
    return fold(written([BEGIN, *more]), session=SESSION)


# --- the fold


@given(stories(wild=True), st.integers(0, 40))
def test_folding_in_two_steps_through_a_snapshot_is_folding_at_once(more, cut):
    events = written(more)
    first = fold(events[:cut], session=SESSION)
    again = State.from_bytes(json.dumps(first.to_json()).encode())
    assert fold(events[cut:], again).to_bytes() == fold(events, session=SESSION).to_bytes()


@given(stories(wild=True), stories(wild=True))
def test_the_given_state_is_not_changed(before, after):
    events = written(before + after)
    state = fold(events[: len(before)])
    as_it_was = state.to_bytes()
    fold(events[len(before) :], state)
    assert state.to_bytes() == as_it_was


@given(stories(wild=True))
def test_folding_again_what_was_folded_changes_nothing(more):
    events = written(more)
    state = fold(events)
    assert fold(events, state) == state


@given(stories(wild=True))
def test_whatever_a_body_holds_there_is_a_state_a_row_and_a_document(more):
    state = fold(written([BEGIN, *more]), session=SESSION)
    assert (state.seq, session_row(state).head) == (len(more) + 1, len(more) + 1)
    assert json.loads(json.dumps(document(state)))["position"]["seq"] == len(more) + 1
    assert place_rows(state) == [p for p in place_rows(state) if p.session == SESSION]


def test_a_snapshot_of_another_schema_or_shape_is_refused():
    good = folded().to_json()
    for bad in (
        None,
        [],
        {},
        {**good, "schema": "segue-state-0"},
        {**good, "work": []},
        {k: v for k, v in good.items() if k != "usage"},
    ):
        with pytest.raises(DamagedError):
            State.from_json(bad)
    with pytest.raises(DamagedError):
        State.from_bytes(b'{"schema": "segue-st')


def test_the_size_of_a_state_does_not_grow_with_the_conversation():
    kinds = ("step.completed", "decision.made", "question.asked", "question.answered", "thread.set", "loss", "checkpoint.created")
    fields = {
        "text": "t{}",
        "title": "t{}",
        "question": "t{}",
        "answer": "a",
        "topic": "t{}",
        "where": "w{}",
        "reason": "r",
        "name": "N{}",
    }

    def long(turns):
        more = []
        for i in range(turns):
            body = {k: v.format(i) for k, v in fields.items()}
            more += [Draft(kind, {**body, "position": i, "percent": 1}) for kind in kinds]
            more.append(used(f"m{i}", input_tokens=i))
            more.append(
                Draft(
                    "message", {"role": "assistant", "parts": [], "effects": [{"op": "edit", "path": f"f{i}"}]}, stream=f"sub-{i}"
                )
            )
            more.append(Draft("agent.set", {"name": f"a{i}", "set": {"x": "y" * 500}}))
            more.append(Draft(f"kind-{i}", {}))
        return len(folded(*more).to_bytes())

    half, whole = long(700), long(1400)
    assert whole <= half * 1.02


def test_large_values_are_cut_and_lead_to_their_event():
    state = folded(
        Draft("decision.made", {"title": "t", "reason": "r" * 100_000}),
        Draft("memory.set", {"path": "/big", "value": ["v" * 5_000]}),
        Draft("project.set", {"set": {"deep": json.loads("[" * 100 + "]" * 100), "ok": [1]}}),
    )
    assert len(state.work["decisions"]["t"]["reason"]) == 2_000
    assert state.memory == {"/big": {"seq": 3, "value": {"seq": 3, "bytes": 5_004}}}
    assert state.work["project"] == {"deep": {"seq": 4}, "ok": [1]}


# --- metrics


def test_of_several_usage_records_of_a_message_the_last_counts_once():
    state = folded(
        used("m1", input_tokens=10, output_tokens=1),
        used("m2", input_tokens=20, output_tokens=2, cache_read_tokens=15, cost_usd=0.25),
        used("m1", input_tokens=100, output_tokens=7, reasoning_tokens=3),
    )
    tokens = {"input": 120, "output": 9, "cache_read": 15, "cache_write": 0, "reasoning": 3}
    assert state.metrics["tokens"] == tokens
    assert (state.metrics["agents"]["coder"]["tokens"], state.metrics["models"]["m1"]["tokens"]) == (tokens, tokens)
    assert state.metrics["cost_usd"] == 0.25


def test_a_revision_contributes_the_difference():
    call = {"type": "tool_call", "name": "Edit", "id": "1"}
    failed = {"type": "tool_call_response", "id": "1", "is_error": True}
    first = Draft("message", {"role": "assistant", "parts": [call]}, node="n")
    second = Draft(
        "message",
        {"role": "assistant", "parts": [call, failed], "effects": [{"op": "edit", "path": "a.py", "added": 3}]},
        node="n",
    )
    metrics = folded(first, second).metrics
    assert metrics["counts"] == {"messages": 1, "tool_calls": 1, "errors": 1, "files_edited": 1, "lines_added": 3}
    assert metrics["tools"] == {"Edit": 1}


def test_injected_text_is_not_an_instruction_of_the_user():
    state = folded(said("user", "do it"), said("user", "<environment>", meta=True), said("assistant", "done"))
    assert [s["text"] for s in state.work["instructions"]] == ["do it"]
    assert state.work["last_reply"] == {"text": "done", "seq": 4, "at": "2026-01-15T09:03:00.000000Z"}
    assert state.metrics["counts"]["user_messages"] == 1


def test_the_usage_anchor_is_of_the_main_line_and_ends_where_it_is_left():
    usage = {"input_tokens": 900, "output_tokens": 100}
    main = used("m1", **usage)
    state = folded(main, main._replace(stream="sub", body={**main.body, "message_id": "m2", "usage": {"input_tokens": 5}}))
    assert state.usage == {
        "context_tokens": 1000,
        "model": "m1",
        "message_id": "m1",
        "seq": 2,
        "at": "2026-01-15T09:01:00.000000Z",
    }
    assert folded(main, Draft("head.moved", {"to": None})).usage is None
    assert folded(main, Draft("compaction", {"trigger": "auto"})).usage is None
    assert folded(main, Draft("compaction", {"post_tokens": 300})).usage == {
        "context_tokens": 300,
        "model": "m1",
        "message_id": "",
        "seq": 3,
        "at": "2026-01-15T09:02:00.000000Z",
    }


# --- working state


def test_an_answer_that_is_written_down_late_says_nothing_of_how_full_the_context_is_now():
    notes = [Draft("usage", {"message_id": m, "model": "m1", "input_tokens": size}) for m, size in (("a1", 10), ("a2", 900))]
    state = folded(*notes, used("a1", input_tokens=11, output_tokens=1))
    assert (state.usage["context_tokens"], state.usage["seq"], state.metrics["tokens"]["input"]) == (900, 3, 911)


def test_what_is_known_better_of_the_last_call_later_is_how_full_the_context_is():
    state = folded(used("a1", input_tokens=10), used("a2", input_tokens=20), used("a2", input_tokens=20, output_tokens=5))
    assert (state.usage["context_tokens"], state.usage["message_id"], state.usage["seq"]) == (25, "a2", 4)


def test_the_working_state_is_what_was_said_last():
    work = folded(
        Draft("task.set", {"title": "own", "phase": "build"}),
        Draft("task.set", {"id": "T1", "title": "first", "status": "pending", "depends_on": ["T0"]}),
        Draft("task.set", {"id": "T1", "status": "active", "step": "2 of 3"}),
        Draft("plan.set", {"steps": ["one", {"text": "two", "status": "in_progress"}]}),
        Draft("step.completed", {"text": "one", "task": "T1"}),
        Draft("question.asked", {"text": "why?", "id": "Q1"}),
        Draft("question.asked", {"text": "when?"}),
        Draft("question.answered", {"question": "Q1", "answer": "because"}),
        Draft("decision.made", {"title": "use B", "id": "D1"}),
        Draft("decision.made", {"title": "use C", "id": "D2", "supersedes": "D1", "major": True}),
        Draft("thread.set", {"topic": "cache", "notes": "measure"}),
        Draft("thread.set", {"topic": "done one"}),
        Draft("thread.set", {"topic": "done one", "status": "closed"}),
        Draft("blocker.raised", {"text": "no access"}),
        Draft("constraint.set", {"text": "no network", "id": "c1"}),
        Draft("constraint.set", {"text": "python 3.11"}),
        Draft("constraint.dropped", {"id": "c1"}),
        Draft("focus.set", {"path": "a.py", "position": 12}),
        Draft("progress.set", {"percent": 250}),
        Draft("changes.seen", {"files": ["a.py"], "branch": "main"}),
    ).work
    assert (work["task"], work["tasks"]["T1"]["status"], work["tasks"]["T1"]["depends_on"]) == ("T1", "active", ["T0"])
    assert work["plan"] == [
        {"text": "one", "status": "completed", "id": "", "begun": 5, "ended": 6},
        {"text": "two", "status": "in_progress", "id": "", "begun": 5, "ended": 0},
    ]
    assert ([*work["questions"]], [(q["text"], q["answer"]) for q in work["answered"]]) == (["when?"], [("why?", "because")])
    assert [(d["title"], d["major"]) for d in work["decisions"].values()] == [("use C", True)]
    assert ([*work["threads"]], [*work["blockers"]], [*work["constraints"]]) == (["cache"], ["no access"], ["python 3.11"])
    assert (work["focus"]["path"], work["focus"]["position"], work["progress"]) == ("a.py", 12, 100)


def test_a_task_that_is_done_is_no_longer_the_current_one():
    work = folded(Draft("task.set", {"id": "T1", "title": "one"}), Draft("task.set", {"id": "T1", "status": "done"})).work
    assert (work["task"], work["tasks"], [e["text"] for e in work["recent_completions"]]) == ("", {}, ["one"])


def test_header_fields_take_new_values_and_foreign_ids_are_added():
    state = folded(Draft("session.updated", {"title": "new", "tags": ["y"], "foreign_ids": ["f2", "f1"]}))
    assert (state.header["title"], state.header["tags"], state.header["foreign_ids"]) == ("new", ["y"], ["f1", "f2"])
    assert (state.header["task"], state.agents["coder"]["set"]) == ("ship it", {"capabilities": ["code"]})


def test_memory_agents_losses_and_imports_are_kept():
    state = folded(
        Draft("memory.set", {"path": "/tasks/1", "value": {"a": 1}}),
        Draft("memory.set", {"path": "/gone", "value": 1}),
        Draft("memory.set", {"path": "/gone", "value": None}),
        Draft("agent.set", {"name": "coder", "status": "busy", "set": {"mode": "x"}}),
        Draft("loss", {"where": "f:3", "reason": "torn"}),
        Draft("import.advanced", {"agent": "claude", "foreign_id": "f1", "path": "/t", "position": {"offset": 9}, "records": 2}),
    )
    assert state.memory == {"/tasks/1": {"seq": 2, "value": {"a": 1}}}
    assert (state.agents["coder"]["status"], state.agents["coder"]["type"]) == ("busy", "implementer")
    assert state.agents["coder"]["set"] == {"capabilities": ["code"], "mode": "x"}
    assert state.losses == {"count": 1, "recent": [{"where": "f:3", "reason": "torn", "seq": 6}]}
    assert state.imports["claude:f1:/t"]["position"] == {"offset": 9}


def test_checkpoints_are_found_by_name_until_they_are_forgotten():
    state = folded(
        Draft("checkpoint.created", {"name": "RECOVERY-260115-001-090000", "position": 1, "description": "before"}),
        Draft("checkpoint.created", {"name": "RECOVERY-260115-001-AUTO-SAVE-1", "position": 2, "automatic": True}),
        Draft("continuation.set", {"name": "CONTINUATION-260115-001-STEP-003", "step": 3, "note": "here"}),
        Draft("checkpoint.forgotten", {"name": "RECOVERY-260115-001-090000"}),
    )
    assert [(p.name, p.position, p.automatic) for p in place_rows(state)] == [
        ("RECOVERY-260115-001-AUTO-SAVE-1", 2, True),
        ("CONTINUATION-260115-001-STEP-003", 4, False),
    ]
    assert (state.metrics["counts"]["checkpoints"], state.metrics["counts"]["autosaves"]) == (2, 1)


def test_a_fork_knows_what_its_parent_knew_and_counts_for_itself():
    parent = {"session": "p", "seq": 5, "digest": "d"}
    state = folded(
        used("m1", input_tokens=10, output_tokens=1),
        Draft("decision.made", {"title": "use B"}),
        Draft("checkpoint.created", {"name": "RECOVERY-260115-001-090000", "position": 1}),
        Draft("session.paused", {}),
        Draft("session.forked", {"parent": parent, "name": "SESSION-260115-002", "task": "try it"}),
        Draft("continuation.set", {"name": "CONTINUATION-260115-002-HERE"}),
    )
    assert (state.header["name"], state.header["task"], state.header["tags"], state.header["foreign_ids"]) == (
        "SESSION-260115-002",
        "try it",
        ["x"],
        [],
    )
    assert (state.status, state.metrics["tokens"]["input"], [*state.work["decisions"]]) == ("created", 0, ["use B"])
    assert (state.lineage["parent"], session_row(state).parent) == (parent, "p")
    assert ([*state.checkpoints], [p.name for p in place_rows(state)]) == (
        ["RECOVERY-260115-001-090000"],
        ["CONTINUATION-260115-002-HERE"],
    )


def test_an_unknown_kind_is_counted_and_changes_nothing_else():
    state, plain = folded(Draft("next.year", {"text": "x"})), folded()
    assert state.unknown == {"next.year": 1}
    assert (state.work, state.metrics, state.lifecycle) == (plain.work, plain.metrics, plain.lifecycle)
