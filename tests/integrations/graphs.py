"""What tests of LangGraph's checkpointer have in common: a graph that talks."""

import os

from langchain_core.messages import AIMessage, HumanMessage
from langgraph.graph import START, MessagesState, StateGraph


def chat(checkpointer, node=None):
    """One node that answers, as an agent would."""

    def answer(state):
        return {"messages": [AIMessage(f"answer {len(state['messages'])}: " + "so it is. " * 16)]}

    graph = StateGraph(MessagesState)
    graph.add_node("answer", node or answer)
    graph.add_edge(START, "answer")
    return graph.compile(checkpointer=checkpointer)


def say(app, config, turns, first=0):
    """Ask so many questions, from number *first* on."""
    for i in range(first, first + turns):
        app.invoke({"messages": [HumanMessage(f"question {i}: " + "why? " * 8)]}, config)


def texts(messages):
    """Return who said what."""
    return [(m.type, m.content) for m in messages]


def config_of(thread, **more):
    """Return the configuration that names a thread."""
    return {"configurable": {"thread_id": thread, **more}}


def begin(work):
    """Do *work* in a process of its own."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    return child


def ended(child):
    """Wait for a process and return how it ended."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
