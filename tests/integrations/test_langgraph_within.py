"""A graph within a graph has a context of its own: its models fill and cross nothing of the outer one's."""

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langgraph.graph import START, MessagesState, StateGraph

import segue
from segue.integrations.langgraph import BudgetHandler, SegueSaver
from tests.integrations.talks import MODEL


class Reads(BaseChatModel):
    """A model that reads so many tokens."""

    size: int
    id: str
    named: str = "model_name"

    def _generate(self, *_, **__):
        used = {"input_tokens": self.size, "output_tokens": 1, "total_tokens": self.size + 1}
        said = AIMessage("so", usage_metadata=used, response_metadata={self.named: MODEL}, id=self.id)
        return ChatResult(generations=[ChatGeneration(message=said)])

    @property
    def _llm_type(self):
        return "reads"


def chain(*nodes):
    graph, before = StateGraph(MessagesState), START
    for n, node in enumerate(nodes):
        graph.add_node(str(n), node)
        graph.add_edge(before, str(n))
        before = str(n)
    return graph


def asks(size, name, **more):
    return lambda state, config: {"messages": [Reads(size=size, id=name, **more).invoke(state["messages"], config)]}


def within(inner):
    """A node that has another graph answer, and keeps of it what a tool would."""
    graph = inner.compile()

    def node(state, config):
        graph.invoke({"messages": [("user", "look")]}, config)
        return {"messages": [("user", "it was looked")]}

    return node


@pytest.fixture
def told():
    return []


def work(told, graph):
    with segue.open("memory://") as store:
        session = store.ensure("langgraph", "trip")
        with session.running(on_crossing=lambda crossing: told.append(crossing["band"])) as run:
            config = {"configurable": {"thread_id": "trip"}, "callbacks": [BudgetHandler(run)]}
            graph.compile(checkpointer=SegueSaver(store)).invoke({"messages": [("user", "go")]}, config)
        return session.budget.position().used, session.state().metrics


def test_what_is_asked_within_crosses_nothing_again_and_is_paid_for(told):
    inner = [within(chain(asks(500, name))) for name in ("i1", "i2")]
    used, metrics = work(told, chain(asks(125_000, "o1"), inner[0], asks(126_000, "o2"), inner[1], asks(127_000, "o3")))
    assert (told, used, metrics["tokens"]["input"]) == (["disclosure"], 127_001, 379_000)
    assert metrics["models"][MODEL]["tokens"]["input"] == 379_000


def test_a_model_that_is_named_as_anthropics_are_is_known_at_once(told):
    used, _ = work(told, chain(asks(125_000, "o1", named="model"), lambda _: {"messages": [("user", str(told))]}))
    assert (told, used) == (["disclosure"], 125_001)


def test_where_only_graphs_within_ask_it_is_their_context(told):
    used, _ = work(told, chain(within(chain(asks(125_000, "i1"))), within(chain(asks(126_000, "i2")))))
    assert (told, used) == (["disclosure"], 126_001)
