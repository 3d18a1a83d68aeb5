"""An agent with a scripted model in processes of its own: killed anywhere, it goes on to the same end; four at once lose nothing."""

import json
import os
import signal
from itertools import count

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph

from segue.core.session.tree import active_chain
from segue.engine import foreign
from segue.engine.foreign import Foreign
from segue.host.clock import SystemClock, SystemIds
from segue.integrations.langgraph import SegueSaver
from segue.stores.log import LogStore
from tests.integrations.graphs import begin, config_of, ended, texts

QUESTIONS = ["What do the pears cost?", "And the plums?"]


def agent(checkpointer):
    """A model that calls a tool for every question and then answers."""

    def model(state):
        last, number = state["messages"][-1], sum(m.type == "human" for m in state["messages"])
        if last.type == "tool":
            return {"messages": [AIMessage(f"{number}: {last.content}", id=f"a{number}")]}
        call = {"name": "price", "args": {"of": last.content}, "id": f"c{number}", "type": "tool_call"}
        return {"messages": [AIMessage("I look.", tool_calls=[call], id=f"call{number}")]}

    def tools(state):
        (call,) = state["messages"][-1].tool_calls
        return {"messages": [ToolMessage(f"price of {call['args']['of']}", tool_call_id=call["id"], id=f"t{call['id']}")]}

    graph = StateGraph(MessagesState)
    graph.add_node("model", model)
    graph.add_node("tools", tools)
    graph.add_edge(START, "model")
    graph.add_conditional_edges("model", lambda s: "tools" if s["messages"][-1].tool_calls else END)
    graph.add_edge("tools", "model")
    return graph.compile(checkpointer=checkpointer)


def go_on(app, durability):
    """Finish what was begun, then ask what was not asked yet."""
    config = config_of("t")
    for number, question in enumerate(QUESTIONS, 1):
        if app.get_state(config).created_at is not None:
            app.invoke(None, config, durability=durability)  # of what is done already nothing is done again
        if sum(m.type == "human" for m in app.get_state(config).values.get("messages", [])) < number:
            app.invoke({"messages": [HumanMessage(question, id=f"q{number}")]}, config, durability=durability)


def open_log(place):
    return LogStore(place, clock=SystemClock(), ids=SystemIds())


def mortal(place, number, *, before):
    """A store whose process is killed at its *number*th append: before it, or right after."""
    store = open_log(place)
    append, calls = store.append, count(1)

    def counted(*args, **options):
        call = next(calls)
        if call == number and before:
            os.kill(os.getpid(), signal.SIGKILL)
        commit = append(*args, **options)  # one that met another head wrote nothing: the next one counts
        if call >= number:
            os.kill(os.getpid(), signal.SIGKILL)
        return commit

    store.append = counted
    return store


@pytest.mark.parametrize("durability", ["sync", "async"])
@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
def test_an_agent_that_is_killed_goes_on_to_the_same_end(tmp_path, durability, before):
    theirs = agent(InMemorySaver())
    go_on(theirs, "sync")
    expected = texts(theirs.get_state(config_of("t")).values["messages"])
    code, number = -signal.SIGKILL, 0
    while code == -signal.SIGKILL:
        number += 7 if durability == "async" else 5
        place = tmp_path / f"{number}"

        code = ended(begin(lambda p=place, n=number: go_on(agent(SegueSaver(mortal(p, n, before=before))), durability)))
        if code:
            assert ended(begin(lambda p=place: go_on(agent(SegueSaver(open_log(p))), durability))) == 0

        store = open_log(place)
        assert texts(agent(SegueSaver(store)).get_state(config_of("t")).values["messages"]) == expected
        said = [e.node for e in active_chain(store.read(foreign.find(store, Foreign("langgraph", ("t",)))))]
        assert said == ["q1", "call1", "tc1", "a1", "q2", "call2", "tc2", "a2"]
        assert list(store.verify()) == []
        store.close()
    assert code == 0
    assert number > 10


def talk(place, who):
    """Ask five questions on a thread that others use, too; return the checkpoints that were told of."""
    app, told = agent(SegueSaver(open_log(place))), []
    for n in range(5):
        app.invoke({"messages": [HumanMessage(f"{who}.{n}", id=f"{who}.{n}")]}, config_of("t"), durability="sync")
        told += [s.config["configurable"]["checkpoint_id"] for s in app.get_state_history(config_of("t"), limit=3)]
    place.with_suffix(f".{who}").write_text(json.dumps(told))


def test_four_processes_on_one_thread_lose_nothing(tmp_path):
    place = tmp_path / "store"
    children = [begin(lambda who=who: talk(place, who)) for who in range(4)]
    assert [ended(child) for child in children] == [0] * 4

    store = open_log(place)
    found = list(SegueSaver(store).list(config_of("t")))
    ids = [t.checkpoint["id"] for t in found]
    told = {name for who in range(4) for name in json.loads(place.with_suffix(f".{who}").read_text())}
    asked = {m.id for t in found for m in t.checkpoint["channel_values"].get("messages", []) if m.type == "human"}
    assert len(ids) == len(set(ids)) >= 20 * 5
    assert told <= {*ids}
    assert asked == {f"{who}.{n}" for who in range(4) for n in range(5)}
    assert list(store.verify()) == []
    store.close()
