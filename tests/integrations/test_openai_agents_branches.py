"""Branches of a session of the OpenAI Agents SDK: they share their past, and answer as the SDK's own advanced session does."""

import asyncio
from types import SimpleNamespace

import pytest
from agents import Usage
from agents.extensions.memory.advanced_sqlite_session import AdvancedSQLiteSession
from agents.run_context import RunContextWrapper
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from segue.core.session.tree import active_chain
from segue.engine import foreign, kept
from segue.engine.foreign import Foreign
from segue.host.clock import SystemClock, SystemIds
from segue.integrations.openai_agents import SegueSession
from segue.stores.memory import MemoryStore


def run(awaitable):
    return asyncio.run(awaitable)


def turn(n, tool="look"):
    return [
        {"role": "user", "content": f"question {n}"},
        {"type": "function_call", "call_id": f"c{n}", "name": tool, "arguments": "{}"},
        {"type": "function_call_output", "call_id": f"c{n}", "output": "seen"},
        {"role": "assistant", "content": f"answer {n}"},
    ]


def said(items):
    return [i["content"] for i in items if "content" in i]


def seen(store):
    """What who reads the session's conversation sees."""
    events = active_chain(store.read(foreign.find(store, Foreign("openai_agents", ("s",)))))
    return said([e.source["record"] for e in events if e.kind == "message"])


@pytest.fixture
def session(store):
    found = SegueSession("s", store)
    for n in (1, 2, 3):
        run(found.add_items(turn(n)))
    return found


def test_a_branch_shares_what_was_before_its_turn_and_copies_nothing(store, session):
    before = store.info(next(store.sessions())).head.seq
    name = run(session.create_branch_from_turn(3, "other"))
    run(session.add_items([{"role": "user", "content": "instead"}]))

    assert (name, session.branch) == ("other", "other")
    assert store.info(next(store.sessions())).head.seq == before + 2
    assert said(run(session.get_items())) == ["question 1", "answer 1", "question 2", "answer 2", "instead"]
    assert said(run(session.get_items(branch_id="main"))) == [f"{w} {n}" for n in (1, 2, 3) for w in ("question", "answer")]


def test_who_reads_the_session_sees_the_branch_that_was_used_last(store, session):
    run(session.create_branch_from_content("QUESTION 2", "other"))
    run(session.add_items([{"role": "user", "content": "instead"}]))
    on_branch = seen(store)
    run(session.switch_to_branch("main"))
    switched = seen(store)
    run(SegueSession("s", store, branch="other").add_items([{"role": "user", "content": "more"}]))
    elsewhere = seen(store)
    run(session.add_items([{"role": "user", "content": "on"}]))

    assert on_branch == ["question 1", "answer 1", "instead"]
    assert switched == [f"{w} {n}" for n in (1, 2, 3) for w in ("question", "answer")]
    assert elsewhere == [*on_branch, "more"]
    assert seen(store) == [*switched, "on"] == said(run(session.get_items())) == said(run(SegueSession("s", store).get_items(99)))


def test_popping_into_the_shared_past_leaves_it_to_the_others(store, session):
    run(session.create_branch_from_turn(2, "other"))
    run(session.pop_item())
    run(session.create_branch_from_turn(1, "third"))
    run(session.switch_to_branch("other"))

    assert len(run(session.get_items())) == 3
    assert len(run(session.get_items(branch_id="main"))) == len(run(SegueSession("s", store).get_items(99))) == 12


def test_a_branch_that_is_cleared_elsewhere_is_left(store, session):
    run(session.create_branch_from_turn(2, "other"))
    run(SegueSession("s", store).clear_session())
    run(session.add_items([{"role": "user", "content": "new"}]))

    assert (session.branch, said(run(session.get_items()))) == ("main", ["new"])


@pytest.mark.parametrize(
    ("ask", "told"),
    [
        (lambda s: s.create_branch_from_turn(9), "Turn 9 does not contain a user message in branch 'main'"),
        (lambda s: s.create_branch_from_turn(1, " "), "Branch name cannot be empty"),
        (lambda s: s.create_branch_from_turn(1, "main"), "Branch ID 'main' has already been used. Choose a new branch ID."),
        (lambda s: s.create_branch_from_content("nowhere"), "No user turns found containing 'nowhere'"),
        (lambda s: s.switch_to_branch("x"), "Branch 'x' does not exist"),
        (lambda s: s.delete_branch("y"), "Branch 'y' does not exist"),
        (lambda s: s.delete_branch(" "), "Branch ID cannot be empty"),
        (lambda s: s.delete_branch("main"), "Cannot delete the 'main' branch"),
    ],
)
def test_what_cannot_be_is_refused_as_the_sdk_does(session, ask, told):
    theirs = AdvancedSQLiteSession(session_id="s", create_tables=True)
    run(theirs.add_items(turn(1)))
    errors = []
    for found in (session, theirs):
        with pytest.raises(ValueError, match=r".") as caught:
            run(ask(found))
        errors.append(str(caught.value))
    theirs.close()

    assert errors == [told, told]


def test_a_deleted_branch_is_gone_and_its_name_stays_taken(session):
    run(session.create_branch_from_turn(2, "other"))
    with pytest.raises(ValueError, match="Use force=True"):
        run(session.delete_branch("other"))
    run(session.delete_branch("other", force=True))

    assert session.branch == "main"
    assert [b["branch_id"] for b in run(session.list_branches())] == ["main"]
    with pytest.raises(ValueError, match="already been used"):
        run(session.create_branch_from_turn(2, "other"))


def test_names_that_are_made_are_new(session):
    names = [run(session.create_branch_from_turn(1)) for _ in range(1)]
    run(session.switch_to_branch("main"))
    names += [run(session.create_branch_from_turn(1))]

    assert len(set(names)) == 2


def result(tokens):
    usage = Usage(requests=1, input_tokens=tokens, output_tokens=1, total_tokens=tokens + 1)
    return SimpleNamespace(context_wrapper=RunContextWrapper(context=None, usage=usage))


class Both:
    """The SDK's advanced session and ours, asked the same: their answers must be equal."""

    def __init__(self, store):
        self.theirs = AdvancedSQLiteSession(session_id="s", create_tables=True)
        self.store, self.ours = store, SegueSession("s", store)
        self.number = 0

    async def ask(self, what, *args, **more):
        answers = []
        for session in (self.theirs, self.ours):
            try:
                answers.append(await getattr(session, what)(*args, **more))
            except ValueError as e:
                answers.append(str(e))
        assert _timeless(answers[0]) == _timeless(answers[1]), (what, args)

    async def step(self, what, n):
        if what == "add":
            self.number += 1
            await self.ask("add_items", turn(self.number)[: n + 1])
        elif what == "pop":
            await self.ask("pop_item")
        elif what == "branch":
            await self.ask("create_branch_from_turn", n, f"b{n}-{self.number}")
        elif what == "switch":
            for branch in await self.theirs.list_branches():
                if branch["user_turns"] == n:
                    await self.ask("switch_to_branch", branch["branch_id"])
        elif what == "delete":
            known = {b["branch_id"] for b in await self.theirs.list_branches()} - {"main", self.theirs._current_branch_id}
            for branch in sorted(known)[:1]:
                await self.ask("delete_branch", branch)
        elif what == "use":
            await self.ask("store_run_usage", result(n + 1))
        elif what == "clear":
            await self.ask("clear_session")
        await self.look(n)

    async def look(self, n):
        for name in ("get_items", "get_conversation_turns", "get_conversation_by_turns", "get_session_usage", "get_turn_usage"):
            await self.ask(name)
        await self.ask("get_items", n)
        for limit in (None, n):  # read by another process: from a snapshot, and backwards
            assert await SegueSession("s", self.store).get_items(limit) == await self.theirs.get_items(limit, branch_id="main")
        assert sorted(await self.theirs.get_tool_usage()) == sorted(await self.ours.get_tool_usage())
        assert self.theirs._current_branch_id == self.ours.branch


def _timeless(value):
    """Answers without what the SDK does not tell alike: times, and details that its own releases differ in."""
    if isinstance(value, dict):
        loose = {"timestamp", "created_at", "input_tokens_details", "output_tokens_details"}
        return {k: _timeless(v) for k, v in value.items() if k not in loose}
    return [_timeless(v) for v in value] if isinstance(value, list) else value


STEPS = st.tuples(st.sampled_from(["add", "add", "pop", "branch", "switch", "delete", "use", "clear"]), st.integers(1, 3))


def compare(store, steps):
    async def talk():
        both = Both(store)
        await both.step("add", 3)
        for what, n in steps:
            await both.step(what, n)
        both.theirs.close()

    run(talk())


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(STEPS, max_size=10))
def test_whatever_is_done_the_answers_are_those_of_the_sdks_advanced_session(monkeypatch, steps):
    monkeypatch.setattr(kept, "_FIRST", 1)
    compare(MemoryStore(clock=SystemClock(), ids=SystemIds()), steps)
