"""A conversation with each framework, for the tests of what all of them gain: how it is put in, and read back.

A framework is one row of `FRAMEWORKS`.
"""

import asyncio
from collections.abc import Callable
from typing import Any, NamedTuple


class Framework(NamedTuple):
    """How a framework keeps a conversation in a store."""

    agent: str
    """What its sessions say of whose they are."""
    messages: Callable[..., list[Any]]
    """Any session of ours in the framework's own form."""
    keep: Callable[[Any, str, list[Any]], None]
    """Keeps messages of the framework under an id in a store: as the framework itself would."""
    load: Callable[[Any, str], list[Any]]
    """Returns them, as the framework itself does."""


def _langgraph() -> Framework:
    from langgraph.graph import START, MessagesState, StateGraph

    from segue.integrations.langgraph import SegueSaver, messages

    def app(store):
        graph = StateGraph(MessagesState)
        graph.add_node("rest", lambda _: {})
        graph.add_edge(START, "rest")
        return graph.compile(checkpointer=SegueSaver(store))

    def keep(store, name, said):
        compiled, config = app(store), {"configurable": {"thread_id": name}}
        for message in said:
            compiled.invoke({"messages": [message]}, config)

    def load(store, name):
        return app(store).get_state({"configurable": {"thread_id": name}}).values["messages"]

    return Framework("langgraph", messages, keep, load)


def _google_adk() -> Framework:
    from segue.integrations.google_adk import SegueSessionService, messages

    def keep(store, name, said):
        async def run():
            service = SegueSessionService(store)
            session = await service.create_session(app_name="app", user_id="ada", session_id=name)
            for event in said:
                await service.append_event(session, event)

        asyncio.run(run())

    def load(store, name):
        session = asyncio.run(SegueSessionService(store).get_session(app_name="app", user_id="ada", session_id=name))
        return session.events

    return Framework("google_adk", messages, keep, load)


FRAMEWORKS = {"langgraph": _langgraph, "google_adk": _google_adk}
