"""Channels that store their changes only: what they are rebuilt from, and that nothing empties them."""

import asyncio
from typing import Annotated, TypedDict

import pytest
from langgraph.channels.delta import DeltaChannel
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph
from langgraph.graph.state import CompiledStateGraph

from segue.integrations.langgraph import SegueSaver
from tests.integrations.graphs import config_of


class Line:
    """A thread of a saver, written by hand: checkpoints with or without values, and writes."""

    def __init__(self, saver):
        self.saver = saver

    def put(self, name, parent=None, **values):
        config = config_of("t", checkpoint_ns="", **({"checkpoint_id": parent} if parent else {}))
        versions = {"log": int(name), "other": int(name)}
        checkpoint = {**empty_checkpoint(), "id": name, "channel_values": values, "channel_versions": versions}
        self.saver.put(config, checkpoint, {"step": int(name)}, versions)

    def write(self, name, *values, task="task", path="", channel="log"):
        config = config_of("t", checkpoint_ns="", checkpoint_id=name)
        self.saver.put_writes(config, [(channel, value) for value in values], task, path)

    def history(self, name=None, channels=("log",)):
        more = {"checkpoint_id": name} if name else {}
        return _short(self.saver.get_delta_channel_history(config=config_of("t", **more), channels=channels))


def _short(history):
    return {
        channel: ([value for _, _, value in entry["writes"]], *([entry["seed"]] if "seed" in entry else []))
        for channel, entry in history.items()
    }


@pytest.fixture
def line(store):
    return Line(SegueSaver(store))


def test_writes_come_oldest_first_and_those_of_the_checkpoint_itself_are_pending(line):
    line.put("1")
    line.write("1", "a", "b")
    line.put("2", "1")
    line.write("2", "c")
    line.put("3", "2")
    line.write("3", "pending")
    assert line.history() == line.history("3") == {"log": (["a", "b", "c"],)}


def test_the_way_ends_at_the_nearest_value_whose_own_writes_count(line):
    line.put("1", log=["old"])
    line.write("1", "before")
    line.put("2", "1", log=["seed"])
    line.write("2", "a")
    line.put("3", "2")
    line.write("3", "b")
    line.put("4", "3")
    assert line.history() == {"log": (["a", "b"], ["seed"])}


def test_each_channel_has_a_way_of_its_own(line):
    line.put("1", other="there")
    line.write("1", "a")
    line.write("1", "x", channel="other", task="task2")
    line.put("2", "1", log=[1])
    line.write("2", "b")
    line.write("2", "y", channel="other", task="task2")
    line.put("3", "2")
    assert line.history(channels=["log", "other", "never"]) == {
        "log": (["b"], [1]),
        "other": (["x", "y"], "there"),
        "never": ([],),
    }


def test_a_fork_has_only_what_is_on_its_own_way(line):
    line.put("1", log=[])
    line.write("1", "shared")
    line.put("2", "1")
    line.write("2", "abandoned")
    line.put("3", "2")
    line.put("4", "1")
    assert (line.history("3"), line.history("4")) == ({"log": (["shared", "abandoned"], [])}, {"log": (["shared"], [])})


def test_tasks_that_ran_at_once_are_in_the_order_in_which_they_are_applied(line):
    line.put("1")
    line.write("1", "third", task="a", path="p2")
    line.write("1", "second", "second too", task="b", path="p1")
    line.write("1", "first", task="z")
    line.put("2", "1")
    assert line.history() == {"log": (["first", "second", "second too", "third"],)}


def test_nothing_is_asked_or_nothing_is_there(line):
    line.put("1")
    assert line.history(channels=[]) == {}
    assert line.history("7") == {"log": ([],)}
    assert Line(SegueSaver(line.saver.store)).saver.get_delta_channel_history(config=config_of("unknown"), channels=["log"]) == {
        "log": {"writes": []}
    }


def test_a_value_that_is_null_ends_the_way_too(line):
    line.put("1", log=["before"])
    line.put("2", "1", log=None)
    line.write("2", "a")
    line.put("3", "2")
    assert line.history() == {"log": (["a"], None)}


def test_the_asynchronous_history_is_the_same(line):
    line.put("1", log=[0])
    line.write("1", "a")
    line.put("2", "1")
    found = asyncio.run(line.saver.aget_delta_channel_history(config=config_of("t"), channels=["log"]))
    assert _short(found) == line.history() == {"log": (["a"], [0])}


# --- graphs


def gather(state, writes):
    return [*(state or []), *(x for write in writes for x in write)]


def graph(saver, frequency=100) -> CompiledStateGraph:
    class State(TypedDict):
        log: Annotated[list, DeltaChannel(gather, snapshot_frequency=frequency)]
        turn: int

    built = StateGraph(State)
    for name in "ba":
        built.add_node(name, lambda state, name=name: {"log": [f"{name}{len(state['log'])}"]})
        built.add_edge(START, name)
    return built.compile(checkpointer=saver)


def turns(app, first, last, config=None):
    for n in range(first, last):
        app.invoke({"log": [f"in{n}"], "turn": n}, config or config_of("t"))


@pytest.mark.filterwarnings("ignore")  # the channel says that it is beta
@pytest.mark.parametrize("frequency", [100, 4])
def test_a_thread_that_is_pruned_again_and_again_goes_on_as_one_that_never_was(store, frequency):
    theirs = graph(InMemorySaver(), frequency)
    for first in (0, 4, 8):
        turns(theirs, first, first + 4)
        turns(graph(SegueSaver(store), frequency), first, first + 4)

        SegueSaver(store).prune(["t"])

        app = graph(SegueSaver(store), frequency)
        assert app.get_state(config_of("t")).values == theirs.get_state(config_of("t")).values
        assert len(list(SegueSaver(store).list(config_of("t")))) == 1
    assert len(app.get_state(config_of("t")).values["log"]) == 36


@pytest.mark.filterwarnings("ignore")  # as above
def test_after_a_prune_state_can_be_updated_and_forked_as_without(store):
    ours, theirs = graph(SegueSaver(store)), graph(InMemorySaver())
    ends = []
    for app in (ours, theirs):
        turns(app, 0, 3)
        if app is ours:
            SegueSaver(store).prune(["t"])
        kept = app.get_state(config_of("t")).config
        app.update_state(config_of("t"), {"log": ["by hand"]}, as_node="a")
        turns(app, 3, 5)
        branch = app.update_state(kept, {"log": ["branch"]}, as_node="b")
        turns(app, 5, 6, branch)
        ends.append((app.get_state(config_of("t")).values, app.get_state(kept).values))
    assert ends[0] == ends[1]
    assert ends[0][0]["log"][-4:-2] == ["branch", "in5"]


@pytest.mark.filterwarnings("ignore")  # as above
def test_a_thread_that_begins_with_an_update_keeps_its_first_write(store):
    ends = []
    for app in (graph(SegueSaver(store)), graph(InMemorySaver())):
        app.update_state(config_of("t"), {"log": ["first"]}, as_node="a")
        turns(app, 0, 2)
        if not ends:
            SegueSaver(store).prune(["t"])
        ends.append(app.get_state(config_of("t")).values)
    assert ends[0] == ends[1]
    assert ends[0]["log"][0] == "first"


@pytest.mark.filterwarnings("ignore")  # as above
def test_runs_are_taken_out_of_the_middle_and_every_state_that_is_left_is_what_it_was(store):
    app = graph(SegueSaver(store), 5)
    for n in range(6):
        turns(app, n, n + 1, config_of("t", run_id=f"run{n}"))
    before = {s.config["configurable"]["checkpoint_id"]: s for s in app.get_state_history(config_of("t"))}
    runs = {name: s.metadata["run_id"] for name, s in before.items()}

    SegueSaver(store).delete_for_runs(["run1", "run3", "run4", "unknown"])

    after = {s.config["configurable"]["checkpoint_id"]: s for s in graph(SegueSaver(store), 5).get_state_history(config_of("t"))}
    assert {runs[name] for name in after} == {"run0", "run2", "run5"}
    assert {name: s.values for name, s in after.items()} == {name: before[name].values for name in after}
