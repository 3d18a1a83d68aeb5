"""Which files agents touched: known as long as every tool says it, else nobody knows."""

from itertools import count

import pytest

from segue.core.log.events import Draft
from segue.core.session.touched import touched
from segue.stores.memory import MemoryStore
from segue.testing.builders import assistant, created, tool, tool_call, tool_result, user
from segue.testing.fakes import FakeClock, FakeIds, session_id

numbers = count(1)


def did(name, op, path=None, **more):
    """Return a call of a tool and its answer, with the effect that the reader of its agent notes."""
    call = f"call-{next(numbers)}"
    effect = {"op": op, **({"path": path} if path else {}), "call": call, **more}
    return [assistant(tool_call(name, call)), tool(tool_result("ok", call), effects=[effect])]


def silent(name):
    """Return a call of a tool whose answer says nothing of files."""
    call = f"call-{next(numbers)}"
    return [assistant(tool_call(name, call)), tool(tool_result("ok", call))]


def of(*drafts):
    store = MemoryStore(clock=FakeClock(), ids=FakeIds())
    store.create(session_id(1), [created(), *drafts])
    return touched(store.read(session_id(1), after=1))


WRITE, EDIT = did("Write", "write", "/shop/a.py"), did("Edit", "edit", "/shop/b.py")
READ, SEARCH = did("Read", "read", "/shop/c.py"), did("Grep", "search")


def test_files_that_were_written_edited_and_deleted_are_known_and_those_that_were_read_are_not_among_them():
    drafts = [*WRITE, *READ, *EDIT, *SEARCH, *did("apply_patch", "delete", "/shop/d.py"), *silent("TodoWrite"), *EDIT]
    assert of(*drafts) == ["/shop/a.py", "/shop/b.py", "/shop/d.py"]


def test_what_an_agent_says_before_it_goes_on_ends_no_turn():
    assert of(assistant("I write it."), *WRITE) == ["/shop/a.py"]


def test_where_nothing_happened_nothing_was_touched():
    assert of(Draft("note", {"text": "x"})) == []


@pytest.mark.parametrize(
    "after",
    [
        did("Bash", "run"),
        did("exec_command", "run", exit_code=0),
        did("commit", "commit"),
        did("apply_patch", "edit", "b.py"),
        did("Edit", "edit"),
        silent("mcp__shop__price"),
        silent("Task"),
        [assistant(tool_call("Bash", "at work"))],
        [tool(tool_result("done", "begun before"))],
        [assistant("That is all.")],
        [user("now the plums")],
        [Draft("loss", {"where": "transcript", "reason": "torn"})],
        [tool(tool_result("ok", "x"), effects=["?"])],
    ],
    ids=lambda drafts: f"{drafts[-1].kind} {drafts[-1].body.get('effects', drafts[-1].body.get('parts'))}"[:60],
)
def test_after_that_nobody_knows(after):
    assert of(*WRITE, *after) is None
    assert of(*WRITE, *after, *EDIT) is None or after[-1].body.get("parts", [{}])[0].get("content") == "That is all."
