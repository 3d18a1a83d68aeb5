"""A conversation with each framework, for the tests of what all of them gain: how it is put in, and read back.

A framework is one row of `FRAMEWORKS`.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from segue.core.errors import InterruptionError
from segue.testing import builders as b

MODEL = "claude-opus-4-5"
"""A model whose window is known: 200,000 tokens."""


PIXEL = "iVBORw0KGgo="


def told(store, tail=""):
    """A session of a coding agent that was killed while a tool was at work."""
    session = store.create(agent="claude-code", workspace="/home/dev/pears", model="claude-opus-4-5")
    usage = {"input_tokens": 120, "output_tokens": 30, "cache_read_tokens": 100, "reasoning_tokens": 4}
    picture = {"type": "blob", "modality": "image", "mime_type": "image/png", "content": PIXEL}
    session.append_all(
        [
            b.system("You price fruit."),
            b.user("What do the pears cost?", picture),
            b.assistant(
                "I look.", b.tool_call("Read", "c1", file_path="/p.txt"), b.tool_call("Bash", "c2", command="ls"), model="m"
            ),
            b.tool(b.tool_result("pears: 3", "c1")),
            b.tool(b.tool_result("no such place", "c2", is_error=True)),
            b.assistant("Three.", model="claude-opus-4-5", usage=usage, message_id="a2"),
            b.user("And the plums?" + tail),
            b.assistant(b.tool_call("Read", "c1", file_path="/q.txt")),
        ]
    )
    return session


def turns(session):
    """What is said in a session, in nobody's form."""
    return [
        (
            turn.role,
            [{k: v for k, v in part.items() if k != "id"} for part in turn.parts],
            turn.model,
            turn.usage and {k: v for k, v in turn.usage.items() if v},
        )
        for turn in session.convert().conversation.turns
    ]


class Framework(NamedTuple):
    """How a framework keeps a conversation in a store."""

    agent: str
    """What its sessions say of whose they are."""
    messages: Callable[..., list[Any]]
    """Any session of ours in the framework's own form."""
    keep: Callable[[Any, str, list[Any]], str]
    """Keeps messages of the framework under an id in a store, as the framework itself would, and returns that id (the messages'
    own, where they have one)."""
    load: Callable[[Any, str], list[Any]]
    """Returns them, as the framework itself does."""
    work: Any
    """Lets an agent answer "go on", within a run: its scripted model calls a tool each time but the last, and each answer tells
    how many tokens it read. `work.asked` is how often the model was asked.
    """
    ids: Callable[[str], tuple[str, ...]] = lambda name: (name,)
    """The framework's own id of what is kept under a name, in its parts."""
    counts: bool = True
    """Its messages tell what they used, and of which model they are."""
    fails: bool = True
    """Its messages tell that a tool failed."""
    rewinds: bool = False
    """A checkpoint of segue's brings its conversation back."""
    folds: bool = False
    """What the system says is said by the user there."""


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
        return name

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
        return name

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

    return Framework("google_adk", messages, keep, load, work, lambda name: ("app", "ada", name), folds=True)


def _openai_agents() -> Framework:
    from agents import Agent, RunConfig, Runner, function_tool
    from agents.items import ModelResponse
    from agents.models.interface import Model
    from agents.usage import Usage
    from openai.types.responses import ResponseFunctionToolCall, ResponseOutputMessage, ResponseOutputText

    from segue.integrations.openai_agents import BudgetHooks, SegueSession, messages

    def keep(store, name, said):
        asyncio.run(SegueSession(name, store).add_items(said))
        return name

    def load(store, name):
        return asyncio.run(SegueSession(name, store).get_items())

    def work(store, name, run, reads):
        asked = []

        class Scripted(Model):
            async def get_response(self, *_, **__):
                n = len(asked)
                asked.append(n)
                text = ResponseOutputText(text=f"answer {n}", type="output_text", annotations=[])
                output = [ResponseOutputMessage(id=f"m{n}", content=[text], role="assistant", status="completed", type="message")]
                if n + 1 < len(reads):
                    arguments = f'{{"n": {n}}}'
                    output.append(
                        ResponseFunctionToolCall(call_id=f"c{n}", name="look", arguments=arguments, type="function_call")
                    )
                used = Usage(requests=1, input_tokens=reads[n], output_tokens=1, total_tokens=reads[n] + 1)
                return ModelResponse(output=output, usage=used, response_id=f"r{n}")

            def stream_response(self, *_, **__):
                raise NotImplementedError

        @function_tool
        def look(n: int) -> str:
            return "seen"

        agent = Agent(name="pricer", model=Scripted(), tools=[look])
        config = RunConfig(tracing_disabled=True)
        session = SegueSession(name, store)
        try:
            asyncio.run(Runner.run(agent, "go on", session=session, hooks=BudgetHooks(run), run_config=config))
        finally:
            work.asked = len(asked)

    return Framework("openai_agents", messages, keep, load, work, counts=False, fails=False, rewinds=True)


def _pydantic_ai() -> Framework:
    from pydantic_ai import Agent, Conversation, capture_run_messages
    from pydantic_ai.messages import ModelResponse, TextPart, ToolCallPart
    from pydantic_ai.models.function import FunctionModel
    from pydantic_ai.usage import RequestUsage

    from segue.integrations.pydantic_ai import BudgetCapability, SegueConversationStore, messages

    def keep(store, name, said):
        asyncio.run(SegueConversationStore(store).save(Conversation(messages=said, conversation_id=name)))
        return name

    def load(store, name):
        return asyncio.run(SegueConversationStore(store).load(name)).messages

    def work(store, name, run, reads):
        asked = []

        def answer(_said, _info):
            n = len(asked)
            asked.append(n)
            parts = [TextPart(f"answer {n}")]
            if n + 1 < len(reads):
                parts.append(ToolCallPart("look", {"n": n}, f"c{n}"))
            usage = RequestUsage(input_tokens=reads[n], output_tokens=1)
            return ModelResponse(parts, usage=usage, provider_response_id=f"r{n}")

        agent = Agent(FunctionModel(answer, model_name=MODEL), capabilities=[BudgetCapability(run)])

        @agent.tool_plain
        def look(n: int) -> str:
            return "seen"

        async def go():
            kept = SegueConversationStore(store)
            conversation = Conversation(conversation_id=name)
            with capture_run_messages() as said:
                try:
                    await kept.save(await agent.run("go on", conversation=conversation))
                except InterruptionError:
                    await kept.save(Conversation(messages=said, conversation_id=name))
                    raise

        try:
            asyncio.run(go())
        finally:
            work.asked = len(asked)

    return Framework("pydantic_ai", messages, keep, load, work)


_CWD = "/home/dev/pears"


def _claude_agent_sdk() -> Framework:
    from claude_agent_sdk import project_key_for_directory

    from segue.integrations.claude_agent_sdk import SegueSessionStore, messages

    def key(name):
        return {"project_key": project_key_for_directory(_CWD), "session_id": name}

    def keep(store, _, said):
        name = said[0]["sessionId"]
        asyncio.run(SegueSessionStore(store).append(key(name), said))
        return name

    def load(store, name):
        return asyncio.run(SegueSessionStore(store).load(key(name)))

    return Framework("claude-code", partial(messages, cwd=_CWD), keep, load, None, counts=False, rewinds=True, folds=True)


FRAMEWORKS = {
    "langgraph": _langgraph,
    "openai_agents": _openai_agents,
    "google_adk": _google_adk,
    "pydantic_ai": _pydantic_ai,
    "claude_agent_sdk": _claude_agent_sdk,
}
RUN = sorted(FRAMEWORKS.keys() - {"claude_agent_sdk"})
"""Those whose agents run in the test's process."""
