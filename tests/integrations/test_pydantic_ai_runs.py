"""Pydantic AI's own agents on conversations in a store: killed in the middle, and many processes at once."""

import asyncio

import pytest
from pydantic_ai import Conversation
from pydantic_ai.conversation_store import ConversationConflict
from pydantic_ai.messages import ModelMessagesTypeAdapter, ModelRequest, UserPromptPart

import segue
from segue.integrations.pydantic_ai import SegueConversationStore
from tests.forking import Forked
from tests.integrations import pydantic_run


def said(store):
    """What is in a conversation, without what no two runs have in common."""
    messages = asyncio.run(SegueConversationStore(store).load("work")).messages
    plain = ModelMessagesTypeAdapter.dump_python(messages, mode="json")
    own = {"timestamp", "run_id", "conversation_id"}
    return [
        {
            **{k: v for k, v in m.items() if k not in own},
            "parts": [{k: v for k, v in p.items() if k not in own} for p in m["parts"]],
        }
        for m in plain
    ]


def go_on(say, path):
    with segue.open(path) as store:
        asyncio.run(pydantic_run.work(store, 3, 2, say))


def add(say, path, name):
    async def work(store):
        kept = SegueConversationStore(store)
        for n in range(15):
            while True:
                conversation = await kept.load("shared") or Conversation(conversation_id="shared")
                conversation.messages.append(ModelRequest([UserPromptPart(f"{name}.{n}")]))
                try:
                    await kept.save(conversation)
                    break
                except ConversationConflict:
                    say("refused")

    with segue.open(path) as store:
        asyncio.run(work(store))


def test_a_run_that_was_killed_goes_on_to_the_same_end(tmp_path):
    whole, cut = (str(tmp_path / name) for name in ("whole", "cut"))
    with segue.open(whole) as store:
        asyncio.run(pydantic_run.work(store, 3))
        expected = said(store)
    child = Forked(go_on, cut)
    assert child.said.readline() == "waiting\n"
    child.kill()

    with segue.open(cut) as store:
        left = said(store)
        asyncio.run(pydantic_run.work(store, 3))

        assert left == expected[:4]
        assert said(store) == expected
        state = store.session("work").state()
        assert (state.metrics["tokens"]["input"], state.metrics["counts"]["tool_calls"]) == (1200, 3)
        assert state.usage["context_tokens"] == 310
        assert list(store.port.verify()) == []


def test_of_what_four_processes_save_none_is_lost_and_the_late_ones_are_told(tmp_path):
    path = str(tmp_path / "store")
    told = [child.end() for child in [Forked(add, path, name) for name in range(4)]]

    with segue.open(path) as store:
        kept = SegueConversationStore(store)
        messages = asyncio.run(kept.load("shared")).messages
        found = [m.parts[0].content for m in messages]
        assert sorted(found) == sorted(f"{p}.{n}" for p in range(4) for n in range(15))
        for p in range(4):
            assert [f for f in found if f.startswith(f"{p}.")] == [f"{p}.{n}" for n in range(15)]
        assert {line for one in told for line in one} <= {"refused"}
        stale = asyncio.run(kept.load("shared"))
        asyncio.run(kept.save(asyncio.run(kept.load("shared"))))
        with pytest.raises(ConversationConflict):
            asyncio.run(kept.save(stale))
