"""The OpenAI Agents SDK's own runner on sessions in a store: killed in the middle, and many processes at once."""

import asyncio

import segue
from segue.integrations.openai_agents import SegueSession
from tests.forking import Forked
from tests.integrations import openai_run


def add(say, path, name):
    async def work(store):
        session = SegueSession("shared", store)
        for n in range(25):
            await session.add_items(
                [{"role": "user", "content": f"{name}.{n}"}, {"role": "assistant", "content": f"{name}.{n}!"}]
            )

    with segue.open(path) as store:
        asyncio.run(work(store))


def pop(say, path):
    async def work(store):
        session = SegueSession("shared", store)
        while (item := await session.pop_item()) is not None:
            say(item["content"])

    with segue.open(path) as store:
        asyncio.run(work(store))


def go_on(say, path):
    with segue.open(path) as store:
        asyncio.run(openai_run.work(store, 3, 2, say))


def items(store, session_id="work"):
    return asyncio.run(SegueSession(session_id, store).get_items())


def test_a_run_that_was_killed_goes_on_to_the_same_end(tmp_path):
    whole, cut = (str(tmp_path / name) for name in ("whole", "cut"))
    with segue.open(whole) as store:
        asyncio.run(openai_run.work(store, 3))
        expected = items(store)
    child = Forked(go_on, cut)
    assert child.said.readline() == "waiting\n"
    child.kill()

    with segue.open(cut) as store:
        left = items(store)
        asyncio.run(openai_run.work(store, 3))

        assert expected[: len(left) - 1] == left[:-1]
        assert len(left) < len(expected)
        assert items(store) == expected
        assert store.session("work").state().metrics["tokens"]["input"] >= 100 * 2 * (1 + 2 + 3)
        assert list(store.port.verify()) == []


def test_a_session_of_a_run_has_what_was_said_done_and_used(tmp_path):
    with segue.open(tmp_path / "store") as store:
        asyncio.run(openai_run.work(store, 2))
        state = store.session("work").state()

        assert [i.get("type") or i["role"] for i in items(store)] == [
            "user", "function_call", "function_call_output", "message",
            "user", "function_call", "function_call_output", "message",
        ]  # fmt: skip
        assert (state.metrics["tokens"]["input"], state.metrics["tokens"]["output"]) == (600, 40)
        assert state.usage["context_tokens"] == 210
        assert state.metrics["counts"]["tool_calls"] == 2
        turns = store.session("work").convert().conversation.turns
        assert [t.role for t in turns] == ["user", "assistant", "tool", "assistant"] * 2


def test_of_what_four_processes_add_to_a_session_none_is_lost_and_each_is_popped_once(tmp_path):
    path = str(tmp_path / "store")
    for child in [Forked(add, path, name) for name in range(4)]:
        child.end()

    with segue.open(path) as store:
        said = [i["content"] for i in items(store, "shared")]
        assert sorted(said) == sorted(f"{p}.{n}{end}" for p in range(4) for n in range(25) for end in ("", "!"))
        assert all(b == f"{a}!" for a, b in zip(said[::2], said[1::2], strict=True))
        for p in range(4):
            own = [s for s in said if s.startswith(f"{p}.")]
            assert own == [f"{p}.{n}{end}" for n in range(25) for end in ("", "!")]
        popped = [child.end() for child in [Forked(pop, path) for _ in range(4)]]
        assert sorted(s for one in popped for s in one) == sorted(said)
        assert items(store, "shared") == []
