"""What is written down late, twice or in another stream says nothing of now, and is counted once, for whom it belongs to."""

from segue.core.log.events import Draft
from segue.core.session.state import fold
from segue.testing.events import SESSION, written

BEGIN = Draft("session.created", {"title": "late"})


def folded(*more):
    return fold(written([BEGIN, *more]), session=SESSION)


def noted(message, size, model="pear", **more):
    return Draft("usage", {"message_id": message, "model": model, "input_tokens": size}, actor="run", **more)


def answered(message, size, model="pear", **more):
    body = {"role": "assistant", "parts": [], "message_id": message, "model": model, "usage": {"input_tokens": size}}
    return Draft("message", body, actor="graph", **more)


def said(role, text, node):
    return Draft("message", {"role": role, "parts": [{"type": "text", "content": text}]}, node=node)


def listed(node, **statuses):
    todos = [{"content": text, "status": status} for text, status in statuses.items()]
    part = {"type": "tool_call", "id": node, "name": "TodoWrite", "arguments": {"todos": todos}}
    return Draft("message", {"role": "assistant", "parts": [part]}, node=node)


# --- how full the context is


def test_an_answer_that_another_stream_told_of_first_fills_the_context_when_it_comes_into_the_main_line():
    sizes = {"m1": 100, "m2": 200, "m3": 700}
    drafts = [d for m, size in sizes.items() for d in (answered(m, size, stream="inner", node=f"i{m}"), answered(m, size))]
    assert [folded(*drafts[:n]).usage["context_tokens"] for n in (2, 4, 6)] == [100, 200, 700]


def test_an_inner_answer_that_comes_late_into_the_main_line_is_no_later_than_the_call_behind_it():
    late = [noted("inner", 10, stream="inner"), noted("outer", 700), answered("inner", 10), answered("outer", 701)]
    assert [folded(*late[:n]).usage["context_tokens"] for n in (2, 3, 4)] == [700, 700, 701]


def test_an_answer_of_before_a_compaction_that_comes_behind_it_does_not_fill_the_context_again():
    assert folded(noted("a1", 900), Draft("compaction", {"post_tokens": 50}), answered("a1", 900)).usage["context_tokens"] == 50


# --- what was used


def test_a_call_that_is_told_of_again_is_counted_where_the_later_record_says():
    metrics = folded(noted("a1", 900, model=""), answered("a1", 901, model="pear")).metrics
    assert (metrics["tokens"]["input"], metrics["models"]["pear"]["tokens"]["input"]) == (901, 901)
    assert {name: agent["tokens"]["input"] for name, agent in metrics["agents"].items()} == {"run": 0, "graph": 901}


def test_a_later_record_that_names_no_model_leaves_the_call_with_the_one_that_was_named():
    metrics = folded(noted("a1", 900), answered("a1", 901, model="")).metrics
    assert metrics["models"]["pear"]["tokens"]["input"] == 901


def test_a_crowd_of_answers_that_are_written_down_together_is_counted_once():
    crowd = [f"a{n}" for n in range(600)]
    metrics = folded(*(noted(m, 10) for m in crowd), *(answered(m, 10) for m in crowd)).metrics
    assert metrics["tokens"]["input"] == 6_000


# --- what was said


def test_an_older_answer_that_is_written_anew_is_not_the_last_one():
    story = [said("assistant", "looking", "a"), said("assistant", "done", "b")]
    assert folded(*story, said("assistant", "looking!", "a")).work["last_reply"]["text"] == "done"
    assert folded(*story, said("assistant", "done!", "b")).work["last_reply"]["text"] == "done!"


def test_an_instruction_that_is_written_anew_is_still_one_instruction_at_its_place():
    story = [said("user", "sow", "a"), said("user", "reap", "b")]
    assert [s["text"] for s in folded(*story, said("user", "sow.", "a")).work["instructions"]] == ["sow", "reap"]
    assert [s["text"] for s in folded(*story, said("user", "reap.", "b")).work["instructions"]] == ["sow", "reap."]


def test_all_that_is_written_anew_by_a_better_reader_is_said_once():
    story = [said("user", "sow", "a"), said("assistant", "sown", "b"), said("user", "reap", "c")]
    work = folded(*story, *story).work
    assert ([s["text"] for s in work["instructions"]], work["last_reply"]["text"]) == (["sow", "reap"], "sown")


def test_an_older_plan_that_is_written_anew_takes_nothing_back():
    story = [listed("a", sow="in_progress", reap="pending"), listed("b", sow="completed", reap="in_progress")]
    work = folded(*story, story[0]).work
    assert [(s["text"], s["status"]) for s in work["plan"]] == [("sow", "completed"), ("reap", "in_progress")]
    assert [s["text"] for s in folded(*story, *story).work["completed_steps"]] == ["sow"]


def test_a_plan_that_somebody_set_outlives_an_older_list_that_is_written_anew():
    told = Draft("plan.set", {"steps": ["weigh"]})
    old = listed("a", sow="pending")
    assert [s["text"] for s in folded(old, told, old).work["plan"]] == ["weigh"]


def test_a_step_that_is_added_by_a_message_written_anew_is_one_step():
    part = {"type": "tool_call", "id": "c", "name": "TaskCreate", "arguments": {"subject": "sow"}}
    added = Draft("message", {"role": "assistant", "parts": [part]}, node="a")
    assert [s["text"] for s in folded(added, added).work["plan"]] == ["sow"]


def test_what_is_written_anew_of_a_branch_that_was_left_is_not_what_was_said_last():
    events = written([BEGIN, said("user", "sow", "a"), said("user", "burn", "b")])
    past = fold(events[:2], session=SESSION)
    more = [said("user", "sow", "a"), said("user", "burn", "b"), Draft("head.moved", {"to": "a", "position": 2})]
    state = fold(written([BEGIN, *more, said("user", "burn!", "b")]), session=SESSION, recall=lambda _: past)
    assert [s["text"] for s in state.work["instructions"]] == ["sow"]
