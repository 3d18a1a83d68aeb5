"""The plan: how its steps stand, and with which event each began and ended."""

from hypothesis import given
from hypothesis import strategies as st

from segue.core.log.events import Draft
from segue.core.session.plan import planned
from segue.core.session.state import fold
from segue.testing.events import written


def state_of(*drafts):
    return fold(written([Draft("session.created", {}), *drafts]))


def of(*drafts, task=""):
    return [(s.text, s.status, s.begun, s.ended) for s in planned(state_of(*drafts).work, task)]


def plan(*steps, **more):
    return Draft("plan.set", {"steps": list(steps), **more})


def done(text):
    return Draft("step.completed", {"text": text})


def said(text):
    return Draft("message", {"role": "assistant", "parts": [{"type": "text", "content": text}]})


def call(name, arguments):
    part = {"type": "tool_call", "id": "1", "name": name, "arguments": arguments}
    return Draft("message", {"role": "assistant", "parts": [part]})


def todos(word, *steps):
    return [{word: text, "status": status} for text, status in steps]


def test_a_step_begins_when_it_is_the_next_one_and_ends_when_it_is_completed():
    assert of(plan("read", "count", "write"), said("reading"), done("read"), said("counting")) == [
        ("read", "completed", 2, 4),
        ("count", "pending", 4, 0),
        ("write", "pending", 0, 0),
    ]


def test_a_plan_that_is_written_anew_keeps_what_is_known_of_its_steps():
    assert of(plan("read", "count"), done("read"), plan({"text": "read", "status": "completed"}, "weigh", "count")) == [
        ("read", "completed", 2, 3),
        ("weigh", "pending", 4, 0),
        ("count", "pending", 3, 0),
    ]


def test_a_step_that_is_reopened_begins_again():
    again = plan({"text": "read", "status": "in_progress"}, "count")
    assert of(plan("read", "count"), done("read"), said("counting"), again) == [
        ("read", "in_progress", 5, 0),
        ("count", "pending", 3, 0),
    ]


def test_the_lists_of_every_coding_agent_are_plans():
    steps = (("read", "completed"), ("count", "in_progress"), ("write", "pending"))
    expected = [("read", "completed", 2, 2), ("count", "in_progress", 2, 0), ("write", "pending", 0, 0)]
    assert of(call("TodoWrite", {"todos": todos("content", *steps)})) == expected
    assert of(call("todowrite", {"todos": todos("content", *steps)})) == expected
    assert of(call("todo_write", {"todos": todos("content", *steps)})) == expected
    assert of(call("write_todos", {"todos": todos("description", *steps)})) == expected
    assert of(call("update_plan", {"plan": todos("step", *steps)})) == expected


def test_a_list_that_is_changed_one_by_one_is_a_plan():
    made = [call("TaskCreate", {"subject": text}) for text in ("read", "count", "write")]
    changes = [("1", "in_progress"), ("1", "completed"), ("2", "in_progress"), ("3", "deleted"), ("9", "completed")]
    assert of(*made, *(call("TaskUpdate", {"taskId": name, "status": status}) for name, status in changes)) == [
        ("read", "completed", 2, 6),
        ("count", "in_progress", 6, 0),
    ]


def test_what_an_agents_list_says_is_completed_is_among_what_was_done():
    first = call("TodoWrite", {"todos": todos("content", ("read", "in_progress"), ("count", "pending"))})
    then = call("TodoWrite", {"todos": todos("content", ("read", "completed"), ("count", "in_progress"))})
    work = state_of(first, then, then).work
    assert [(e["text"], e["seq"]) for e in work["completed_steps"]] == [("read", 3)]


def test_each_task_has_a_plan_of_its_own():
    def task(name):
        return Draft("task.set", {"id": name, "title": name, "status": "active"})

    story = [task("a"), plan("read", "count"), task("b"), plan("sweep"), done("sweep"), task("a"), done("read")]
    assert of(*story) == [("read", "completed", 3, 8), ("count", "pending", 8, 0)]
    assert of(*story, task="b") == [("sweep", "completed", 5, 6)]
    assert of(plan("read"), task("a"), task="a") == [("read", "pending", 2, 0)]  # it was planned before it had a name


@given(
    st.lists(
        st.one_of(
            st.builds(plan, *[st.sampled_from(["a", "b", {"text": "a", "status": "completed"}, {}, 7, None])] * 3),
            st.builds(done, st.sampled_from("ab")),
            st.builds(call, st.sampled_from(["TodoWrite", "TaskUpdate", "TaskCreate"]), st.dictionaries(
                st.sampled_from(["todos", "taskId", "subject", "status"]), st.sampled_from(["1", [{}], ["a"], "completed", 3, None])
            )),
        ),
        max_size=8,
    )
)  # fmt: skip
def test_whatever_is_planned_each_step_that_is_over_began_before_it_ended(story):
    for _, status, begun, ended in of(*story):
        assert (ended > 0) == (status in {"completed", "done", "cancelled", "dropped", "deleted"})
        assert begun <= (ended or begun)
        assert begun or not ended
