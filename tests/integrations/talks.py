"""A conversation with each framework, for the tests of what all of them gain: how it is put in, and read back.

A framework is one row of `FRAMEWORKS`.
"""

import asyncio
from collections.abc import Callable
from typing import Any, NamedTuple

MODEL = "claude-opus-4-5"
"""A model whose window is known: 200,000 tokens."""


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
    work: Any
    """Lets an agent answer "go on", within a run: its scripted model calls a tool each time but the last, and each answer tells
    how many tokens it read. `work.asked` is how often the model was asked.
    """
    ids: Callable[[str], tuple[str, ...]] = lambda name: (name,)
    """The framework's own id of what is kept under a name, in its parts."""


def _langgraph() -> Framework:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import AIMessage, ToolMessage
    from langchain_core.outputs import ChatGeneration, ChatResult
    from langgraph.graph import END, START, MessagesState, StateGraph

    from segue.integrations.langgraph import BudgetHandler, SegueSaver, messages

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

    def work(store, name, run, reads):
        asked = []

        class Scripted(BaseChatModel):
            def _generate(self, *_, **__):
                n = len(asked)
                asked.append(n)
                calls = [{"name": "look", "args": {"n": n}, "id": f"c{n}"}] if n + 1 < len(reads) else []
                used = {"input_tokens": reads[n], "output_tokens": 1, "total_tokens": reads[n] + 1}
                model = {"model_name": MODEL}
                said = AIMessage(f"answer {n}", tool_calls=calls, usage_metadata=used, response_metadata=model, id=f"a{n}")
                return ChatResult(generations=[ChatGeneration(message=said)])

            @property
            def _llm_type(self):
                return "scripted"

        def answer(state, config):
            return {"messages": [Scripted().invoke(state["messages"], config)]}

        def look(state):
            return {"messages": [ToolMessage("seen", tool_call_id=c["id"]) for c in state["messages"][-1].tool_calls]}

        graph = StateGraph(MessagesState)
        graph.add_node("answer", answer)
        graph.add_node("look", look)
        graph.add_edge(START, "answer")
        graph.add_conditional_edges("answer", lambda s: "look" if s["messages"][-1].tool_calls else END)
        graph.add_edge("look", "answer")
        config = {"configurable": {"thread_id": name}, "callbacks": [BudgetHandler(run)]}
        try:
            graph.compile(checkpointer=SegueSaver(store)).invoke({"messages": [("user", "go on")]}, config)
        finally:
            work.asked = len(asked)

    return Framework("langgraph", messages, keep, load, work)


def _google_adk() -> Framework:
    from google.adk.agents import Agent
    from google.adk.apps import App
    from google.adk.models import BaseLlm, LlmResponse
    from google.adk.runners import Runner
    from google.genai import types

    from segue.integrations.google_adk import BudgetPlugin, SegueSessionService, messages

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

    def work(store, name, run, reads):
        asked = []

        class Scripted(BaseLlm):
            async def generate_content_async(self, *_, **__):
                n = len(asked)
                asked.append(n)
                parts = [types.Part(text=f"answer {n}")]
                if n + 1 < len(reads):
                    parts.append(types.Part(function_call=types.FunctionCall(id=f"c{n}", name="look", args={"n": n})))
                used = types.GenerateContentResponseUsageMetadata(prompt_token_count=reads[n], candidates_token_count=1)
                said = types.Content(role="model", parts=parts)
                yield LlmResponse(content=said, usage_metadata=used, model_version=MODEL)

        def look(n: int) -> str:
            return "seen"

        async def go():
            service = SegueSessionService(store)
            agent = Agent(name="pricer", model=Scripted(model=MODEL), tools=[look])
            runner = Runner(app=App(name="app", root_agent=agent, plugins=[BudgetPlugin(run)]), session_service=service)
            said = types.Content(role="user", parts=[types.Part(text="go on")])
            async for _ in runner.run_async(user_id="ada", session_id=name, new_message=said):
                pass

        try:
            asyncio.run(go())
        finally:
            work.asked = len(asked)

    return Framework("google_adk", messages, keep, load, work, lambda name: ("app", "ada", name))


FRAMEWORKS = {"langgraph": _langgraph, "google_adk": _google_adk}
