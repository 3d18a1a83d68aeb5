"""The memory that LangGraph's threads share, on each store: as its in-memory store, and what that one has not."""

import asyncio
import json
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.store.base import (
    BaseStore,
    GetOp,
    InvalidNamespaceError,
    ListNamespacesOp,
    MatchCondition,
    PutOp,
    SearchOp,
)
from langgraph.store.memory import InMemoryStore

from segue.core.errors import InvalidEventError
from segue.engine import foreign
from segue.engine.foreign import Foreign
from segue.host.clock import SystemClock, SystemIds
from segue.integrations.langgraph import SegueStore
from segue.stores.log import LogStore
from segue.stores.memory import MemoryStore
from segue.testing.fakes import FakeClock
from tests.integrations.graphs import begin, ended

ADA, BOB = ("users", "ada"), ("users", "bob")


def embed(texts):
    """Vectors of a kind: how often each of three letters is in a text."""
    return [[float(text.count(letter)) for letter in "abc"] for text in texts]


@pytest.fixture
def memory(store):
    return SegueStore(store)


def names(found):
    return [(item.namespace, item.key) for item in found]


# --- as the framework's own

_labels = st.sampled_from(["a", "b", "c"])
_namespaces = st.lists(_labels, min_size=1, max_size=3).map(tuple)
_values = st.dictionaries(st.sampled_from("xyz"), st.integers(0, 3) | st.sampled_from(["0", "cab"]) | st.lists(st.integers(0, 2)))
_filters = st.dictionaries(
    st.sampled_from("xyz"),
    st.integers(0, 3)
    | st.dictionaries(st.sampled_from(["$eq", "$ne"]), st.integers(0, 3), min_size=1)
    | st.lists(st.integers(0, 2)),
    max_size=2,
)
_conditions = st.builds(
    MatchCondition, st.sampled_from(["prefix", "suffix"]), st.lists(_labels | st.just("*"), min_size=1, max_size=2).map(tuple)
)
_limits = st.integers(0, 12)
_ops = (
    st.builds(PutOp, _namespaces, _labels, st.none() | _values, st.none(), st.none())
    | st.builds(GetOp, _namespaces, _labels)
    | st.builds(SearchOp, st.lists(_labels, max_size=2).map(tuple), st.none() | _filters, _limits, _limits, st.none())
    | st.builds(
        SearchOp, st.lists(_labels, max_size=2).map(tuple), st.none(), st.just(100), st.just(0), st.sampled_from(["a", "bc"])
    )
    | st.builds(ListNamespacesOp, st.lists(_conditions, max_size=2).map(tuple), st.none() | st.integers(1, 3), _limits, _limits)
)


class Theirs(InMemoryStore):
    """The framework's own, without the namespaces that it lists because they were asked for, or once held something.

    It fails where one text stands twice in an item, and keeps vectors of what an item said before: neither is asked of it.
    """

    def batch(self, ops):
        for empty in [ns for ns, items in self._data.items() if not items]:
            del self._data[empty]
        (op,) = ops
        return [None] if isinstance(op, GetOp) and op.namespace not in self._data else super().batch(ops)


@settings(max_examples=80, deadline=None)
@given(st.lists(_ops, max_size=20), st.booleans())
def test_whatever_is_asked_it_answers_as_the_frameworks_own_store(ops, indexed):
    index = {"dims": 3, "embed": embed, "fields": ["$"]} if indexed else None
    store = MemoryStore(clock=FakeClock(), ids=SystemIds())
    ours, theirs = SegueStore(store, index=index), Theirs(index=index)
    for op in ops:
        (found,), (expected,) = ours.batch([op]), theirs.batch([op])
        assert _plain(found) == _plain(expected)
    everything = SearchOp((), None, 1000)
    assert [_plain(one.batch([everything])[0]) for one in (ours, SegueStore(store))] == [
        _plain(theirs.batch([everything])[0])
    ] * 2


def _plain(found):
    if isinstance(found, list) and found and not isinstance(found[0], tuple):
        # what is equally near has no order: theirs keeps the order of the vectors
        scored = any(item.score is not None for item in found)
        rows = [(item.namespace, item.key, item.value, item.score and round(item.score, 6)) for item in found]
        return sorted(rows, key=repr) if scored else rows
    return found if found is None or isinstance(found, list) else (found.namespace, found.key, found.value)


def test_a_batch_reads_what_was_there_before_it_and_its_last_put_counts(memory):
    memory.put(ADA, "likes", {"n": 0})
    put, get = PutOp(ADA, "likes", {"n": 2}), GetOp(ADA, "likes")
    results = memory.batch([PutOp(ADA, "likes", {"n": 1}), get, put, SearchOp(("users",)), ListNamespacesOp()])
    assert [results[0], results[1].value, results[2], results[3][0].value, results[4]] == [None, {"n": 0}, None, {"n": 0}, [ADA]]
    assert memory.get(ADA, "likes").value == {"n": 2}


@pytest.mark.parametrize(
    ("wanted", "fitting"),
    [
        ({"n": 5}, ["five"]),
        ({"n": {"$gt": 5}}, ["ten", "text"]),
        ({"n": {"$gte": 5, "$lt": 10}}, ["five"]),
        ({"n": {"$lte": 5}}, ["five", "one"]),
        ({"n": {"$ne": 5}}, ["none", "one", "ten", "text"]),
        ({"n": {"$eq": 10}}, ["ten"]),
        ({"t": {"$gt": "b"}}, ["ten"]),
        ({"deep": {"in": {"$gt": 1}}}, ["ten"]),
        ({"deep": {"in": 1}, "n": 5}, ["five"]),
    ],
)
def test_filters_compare(memory, wanted, fitting):
    memory.put(ADA, "one", {"n": 1, "t": "a"})
    memory.put(ADA, "five", {"n": 5, "deep": {"in": 1}})
    memory.put(ADA, "ten", {"n": 10, "t": "c", "deep": {"in": 2}})
    memory.put(ADA, "text", {"n": "50"})
    memory.put(ADA, "none", {})
    assert sorted(item.key for item in memory.search((), filter=wanted)) == fitting


def test_an_operator_that_there_is_not_is_an_error(memory):
    memory.put(ADA, "k", {"n": 1})
    with pytest.raises(ValueError, match=r"no operator '\$like'"):
        memory.search((), filter={"n": {"$like": 1}})


@pytest.mark.parametrize("op", [PutOp(("a.b",), "k", {}), GetOp(("",), "k"), SearchOp(("a\0",)), PutOp(("a", 1), "k", None)])
def test_a_namespace_that_is_none_is_refused_in_a_batch_as_well(memory, op):
    with pytest.raises(InvalidNamespaceError):
        memory.batch([PutOp(ADA, "k", {}), op])
    assert memory.search(()) == []


def test_what_is_no_json_is_refused_whole(memory):
    with pytest.raises(InvalidEventError):
        memory.batch([PutOp(ADA, "good", {"n": 1}), PutOp(ADA, "bad", {"n": object()})])
    assert memory.search(()) == []


def test_an_item_is_the_callers_own(memory):
    value = {"list": [1]}
    memory.put(ADA, "k", value)
    value["list"].append(2)
    memory.get(ADA, "k").value["list"].append(3)
    assert memory.get(ADA, "k").value == {"list": [1]}


def test_the_asynchronous_methods_do_the_same(store):
    memory = SegueStore(store, index={"dims": 3, "embed": embed})

    async def talk():
        await asyncio.gather(*(memory.aput(ADA, f"{n}", {"text": "a" * n + "b"}) for n in range(4)))
        await memory.adelete(ADA, "0")
        return [(item.key, round(item.score, 3)) for item in await memory.asearch(ADA, query="a", limit=2)]

    assert asyncio.run(talk()) == [("3", 0.949), ("2", 0.894)]
    assert sorted(item.key for item in SegueStore(store).search(ADA)) == ["1", "2", "3"]


def test_a_graph_remembers_across_threads(store):
    def note(state, *, store: BaseStore):
        seen = len(store.search(ADA))
        store.put(ADA, state["messages"][-1].content, {"seen": seen})
        return {}

    graph = StateGraph(MessagesState)
    graph.add_node("note", note)
    graph.add_edge(START, "note")
    for n in range(2):
        graph.compile(store=SegueStore(store)).invoke({"messages": [("user", f"m{n}")]})
    assert [(item.key, item.value) for item in SegueStore(store).search(ADA)] == [("m0", {"seen": 0}), ("m1", {"seen": 1})]


# --- what ends


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture(params=["memory", "log"])
def timed(request, clock, tmp_path):
    kinds = {"memory": lambda: MemoryStore(clock=clock, ids=SystemIds())}
    opened = kinds.get(request.param, lambda: LogStore(tmp_path / "store", clock=clock, ids=SystemIds()))()
    yield opened
    opened.close()


def held(store):
    session = foreign.find(store, Foreign("langgraph-store", ("memory",)))
    return json.dumps([event.body for event in store.read(session)])


def test_an_item_ends_when_nobody_read_it_for_its_time(timed, clock):
    memory = SegueStore(timed, clock=clock, ttl={"default_ttl": 10})
    memory.put(ADA, "read", {"n": 1})
    memory.put(ADA, "looked at", {"n": 2})
    memory.put(ADA, "kept", {"n": 3}, ttl=None)
    clock.advance(9 * 60)
    memory.get(ADA, "read")
    memory.get(ADA, "looked at", refresh_ttl=False)
    clock.advance(9 * 60)

    assert [item.key for item in SegueStore(timed, clock=clock).search(())] == ["read", "kept"]
    clock.advance(10 * 60)
    assert memory.get(ADA, "read") is None
    assert memory.list_namespaces() == [ADA]


def test_reads_put_nothing_off_where_they_are_not_to(timed, clock):
    memory = SegueStore(timed, clock=clock, ttl={"refresh_on_read": False})
    memory.put(ADA, "k", {}, ttl=2)
    clock.advance(90)
    memory.search(ADA)
    clock.advance(31)
    assert memory.get(ADA, "k") is None


def test_a_sweep_takes_away_what_has_ended_and_its_contents_out_of_the_log(timed, clock):
    memory = SegueStore(timed, clock=clock)
    memory.batch([PutOp(ADA, "a", {"t": "canary-1"}, ttl=1), PutOp(ADA, "b", {"t": "pear"}, ttl=60)])
    memory.put(BOB, "c", {"t": "canary-2"})
    memory.put(BOB, "c", {"t": "canary-3"})
    memory.delete(BOB, "c")
    created = memory.get(ADA, "b").created_at
    clock.advance(61)

    assert memory.sweep_ttl() == 1

    assert "canary" not in held(timed)
    for one in (memory, SegueStore(timed, clock=clock)):
        assert [(i.key, i.value, i.created_at) for i in one.search(())] == [("b", {"t": "pear"}, created)]
    assert memory.sweep_ttl() == 0
    clock.advance(3600)
    assert memory.search(()) == []


def test_what_is_dead_is_erased_by_and_by(timed, clock):
    memory = SegueStore(timed, clock=clock)
    memory.put(ADA, "kept", {"t": "pear"})
    for n in range(300):
        memory.put(ADA, "k", {"n": f"canary-{n}."})
    assert "canary-0." not in held(timed)
    assert SegueStore(timed, clock=clock).get(ADA, "k").value == {"n": "canary-299."}
    assert SegueStore(timed, clock=clock).get(ADA, "kept").value == {"t": "pear"}


def test_a_snapshot_and_the_tail_are_the_memory(timed, clock):
    memory = SegueStore(timed, clock=clock)
    for n in range(520):
        memory.put((f"n{n % 7}",), f"{n}", {"n": n}, ttl=n or None)
    memory.batch([PutOp((f"n{n % 7}",), f"{n}", None) for n in range(0, 520, 3)])
    session = foreign.find(timed, Foreign("langgraph-store", ("memory",)))
    assert timed.snapshot(session, "langgraph.memory.1") is not None

    again = SegueStore(timed, clock=clock).search((), limit=1000)

    timed.drop_snapshots(session)
    from_log = SegueStore(timed, clock=clock).search((), limit=1000)
    assert again == from_log == memory.search((), limit=1000)
    assert len(again) == 346


def test_a_sweeper_runs_until_it_is_stopped(timed, clock):
    memory = SegueStore(timed, clock=clock)
    swept = threading.Event()
    sweep = memory.sweep_ttl
    memory.sweep_ttl = lambda: (sweep(), swept.set())
    memory.put(ADA, "k", {"t": "canary"}, ttl=1)
    clock.advance(61)
    memory.start_ttl_sweeper(0.0001)
    memory.start_ttl_sweeper(0.0001)
    assert swept.wait(60)
    assert memory.stop_ttl_sweeper(60)
    assert memory.stop_ttl_sweeper()
    assert "canary" not in held(timed)


def test_two_memories_of_one_store_know_nothing_of_each_other(store):
    one, two = SegueStore(store, name="one"), SegueStore(store, name="two")
    one.put(ADA, "k", {"n": 1})
    assert (two.search(()), one.get(ADA, "k").value) == ([], {"n": 1})


def test_a_memory_that_was_deleted_begins_anew(store):
    memory = SegueStore(store)
    memory.put(ADA, "k", {"n": 1})
    store.delete(foreign.find(store, Foreign("langgraph-store", ("memory",))))
    assert memory.get(ADA, "k") is None
    memory.put(ADA, "k", {"n": 2})
    assert SegueStore(store).get(ADA, "k").value == {"n": 2}


def test_each_field_and_each_element_has_a_vector_and_the_nearest_counts(store):
    memory = SegueStore(store, index={"dims": 3, "embed": embed, "fields": ["title", "parts[*].text"]})
    memory.put(ADA, "deep", {"title": "b", "parts": [{"text": "c"}, {"text": "aaa"}]})
    memory.put(ADA, "mixed", {"title": "ab"})
    memory.put(ADA, "none", {"title": "aaa"}, index=False)
    memory.put(ADA, "other", {"title": "c", "body": "a"}, index=["body"])
    found = SegueStore(store, index={"dims": 3, "embed": embed}).search((), query="a")
    assert [(item.key, item.score and round(item.score, 2)) for item in found] == [
        ("deep", 1.0),
        ("other", 1.0),
        ("mixed", 0.71),
        ("none", None),
    ]
    assert names(memory.search((), query="a", limit=2, offset=2)) == [(ADA, "mixed"), (ADA, "none")]


# --- many processes


def put_ten(place, who):
    memory = SegueStore(LogStore(place, clock=SystemClock(), ids=SystemIds()))
    for n in range(10):
        memory.put(("shared", who), f"{n}", {"n": n})
        memory.put(("shared",), "last", {"by": who, "n": n})


def test_what_four_processes_put_at_once_is_all_there(tmp_path):
    place = tmp_path / "store"
    children = [begin(lambda who=f"p{i}": put_ten(place, who)) for i in range(4)]
    assert [ended(child) for child in children] == [0] * 4
    memory = SegueStore(LogStore(place, clock=SystemClock(), ids=SystemIds()))
    found = memory.search(("shared",), limit=1000)
    assert sorted((*item.namespace, item.value["n"]) for item in found if item.key != "last") == [
        ("shared", f"p{i}", n) for i in range(4) for n in range(10)
    ]
    assert memory.get(("shared",), "last").value["n"] == 9
    memory.store.close()
