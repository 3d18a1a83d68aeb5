"""Adapters take what `segue.open` returns, and what they store is seen by the rest of segue."""

import asyncio

import pytest
from google.adk.events import Event, EventActions
from langgraph.checkpoint.base import empty_checkpoint

import segue
from segue.integrations.google_adk import SegueSessionService
from segue.integrations.langgraph import SegueSaver


@pytest.fixture
def store(tmp_path):
    with segue.open(tmp_path / "store") as found:
        yield found


def test_a_langgraph_thread_is_a_session_of_the_open_store(store):
    saver = SegueSaver(store)
    config = {"configurable": {"thread_id": "thread-1", "checkpoint_ns": ""}}
    saver.put(config, empty_checkpoint(), {"source": "input", "step": -1}, {})
    assert saver.get_tuple(config) is not None
    assert store.session("thread-1").state().header["foreign_ids"] == ["thread-1"]


def test_an_adk_session_is_a_session_of_the_open_store(store):
    service = SegueSessionService(store)

    async def talk():
        session = await service.create_session(app_name="app", user_id="ada", session_id="adk-session-1")
        await service.append_event(
            session, Event(author="user", invocation_id="i", actions=EventActions(state_delta={"pears": 7}))
        )

    asyncio.run(talk())
    assert store.session("adk-session-1").state().header["foreign_ids"] == ["adk-session-1"]
    assert [row.id for row in store.sessions()] == [store.session("adk-session-1").id]
