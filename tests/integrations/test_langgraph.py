"""LangGraph's checkpointer on each store: the framework's own suite, real graphs, and what the suite does not ask."""

import asyncio
import json
import operator
import os
from typing import Annotated, TypedDict

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage, RemoveMessage
from langgraph.channels.delta import DeltaChannel
from langgraph.checkpoint.base import BaseCheckpointSaver, empty_checkpoint
from langgraph.checkpoint.conformance import checkpointer_test, validate
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import Command, interrupt

from segue.engine import foreign
from segue.engine.foreign import Foreign
from segue.host.clock import SystemClock, SystemIds
from segue.integrations.langgraph import SegueSaver
from segue.integrations.langgraph._describing import describe
from segue.integrations.langgraph._values import Codec, Element, digest, pack, unpack
from segue.stores.memory import MemoryStore
from tests.integrations.graphs import chat, config_of, say, texts

CASES = {
    "put": 17,
    "put_writes": 10,
    "get_tuple": 10,
    "list": 16,
    "delete_thread": 5,
    "delete_for_runs": 7,
    "copy_thread": 8,
    "prune": 8,
}


class SyncTwin(BaseCheckpointSaver):
    """The suite calls the asynchronous methods only: here each one is the synchronous one."""

    def __init__(self, saver):
        super().__init__()
        self.saver = saver

    async def aput(self, *args):
        return self.saver.put(*args)

    async def aput_writes(self, *args, **kwargs):
        return self.saver.put_writes(*args, **kwargs)

    async def aget_tuple(self, config):
        return self.saver.get_tuple(config)

    async def alist(self, config, **kwargs):
        for found in self.saver.list(config, **kwargs):
            yield found

    async def adelete_thread(self, thread_id):
        self.saver.delete_thread(thread_id)

    async def adelete_for_runs(self, run_ids):
        self.saver.delete_for_runs(run_ids)

    async def acopy_thread(self, *threads):
        self.saver.copy_thread(*threads)

    async def aprune(self, thread_ids, **kwargs):
        self.saver.prune(thread_ids, **kwargs)


@pytest.mark.parametrize("twin", [lambda saver: saver, SyncTwin], ids=["async", "sync"])
def test_all_81_cases_of_the_official_suite_pass(store, twin):
    @checkpointer_test(name="segue")
    async def saver():
        yield twin(SegueSaver(store))

    report = asyncio.run(validate(saver))

    assert [f for r in report.results.values() for f in r.failures] == []
    assert {name: r.tests_passed for name, r in report.results.items()} == CASES
    assert sum(CASES.values()) == 81


# --- real graphs


def test_a_conversation_reads_back_as_the_frameworks_own_saver_has_it(store):
    ours, theirs = chat(SegueSaver(store)), chat(InMemorySaver())
    for app in (ours, theirs):
        say(app, config_of("t"), 5)

    again = chat(SegueSaver(store))  # nothing in memory

    history = [(s.metadata, texts(s.values.get("messages", [])), s.next) for s in again.get_state_history(config_of("t"))]
    assert history == [
        (s.metadata, texts(s.values.get("messages", [])), s.next) for s in theirs.get_state_history(config_of("t"))
    ]
    assert len(history[0][1]) == 10


def test_an_earlier_checkpoint_can_be_forked_and_both_branches_stay(store):
    app = chat(SegueSaver(store))
    say(app, config_of("t"), 3)
    main = app.get_state(config_of("t"))
    early = next(s for s in app.get_state_history(config_of("t")) if len(s.values.get("messages", [])) == 2)

    say(app, early.config, 1, first=70)

    branch = chat(SegueSaver(store)).get_state(config_of("t"))
    assert [t[:11] for _, t in texts(branch.values["messages"])] == [
        "question 0:",
        "answer 1: s",
        "question 70",
        "answer 3: s",
    ]
    assert texts(app.get_state(main.config).values["messages"]) == texts(main.values["messages"])


def test_messages_that_are_replaced_or_removed_come_back_so(store):
    app = chat(SegueSaver(store))
    say(app, config_of("t"), 4)
    messages = app.get_state(config_of("t")).values["messages"]

    app.update_state(
        config_of("t"),
        {"messages": [HumanMessage("other", id=messages[2].id), RemoveMessage(messages[5].id)]},
    )

    expected = texts([*messages[:2], HumanMessage("other"), *messages[3:5], *messages[6:]])
    assert texts(chat(SegueSaver(store)).get_state(config_of("t")).values["messages"]) == expected


def test_an_interrupted_node_goes_on_in_another_process(store):
    def ask(state):
        return {"messages": [AIMessage("you said " + interrupt("sure?"))]}

    chat(SegueSaver(store), ask).invoke({"messages": [HumanMessage("do it")]}, config_of("t"))

    chat(SegueSaver(store), ask).invoke(Command(resume="yes"), config_of("t"))

    state = chat(SegueSaver(store)).get_state(config_of("t"))
    assert texts(state.values["messages"]) == [("human", "do it"), ("ai", "you said yes")]
    assert state.next == ()


def test_a_subgraph_has_its_own_namespace_and_stream(store):
    saver = SegueSaver(store)
    inner = StateGraph(MessagesState)
    inner.add_node("deep", lambda state: {"messages": [AIMessage(interrupt("deep?"))]})
    inner.add_edge(START, "deep")
    app = chat(saver, inner.compile(checkpointer=True))
    app.invoke({"messages": [HumanMessage("go")]}, config_of("t"))

    app.invoke(Command(resume="done"), config_of("t"))

    assert texts(app.get_state(config_of("t")).values["messages"]) == [
        ("human", "go"),
        ("ai", "done"),
    ]
    namespaces = {t.config["configurable"]["checkpoint_ns"] for t in saver.list(config_of("t"))}
    session = foreign.find(store, Foreign("langgraph", ("t",)))
    assert namespaces > {""}
    assert {e.stream for e in store.read(session)} == {ns or "main" for ns in namespaces}


def test_parallel_branches_are_restored_with_their_pending_writes(store):
    class State(TypedDict):
        found: Annotated[list[str], operator.add]

    def build(saver, fail):
        def bad(state):
            if fail:
                raise RuntimeError("broken")
            return {"found": ["bad"]}

        graph = StateGraph(State)
        graph.add_node("good", lambda s: {"found": ["good"]})
        graph.add_node("bad", bad)
        graph.add_edge(START, "good")
        graph.add_edge(START, "bad")
        return graph.compile(checkpointer=saver)

    with pytest.raises(RuntimeError, match="broken"):
        build(SegueSaver(store), fail=True).invoke({"found": ["begun"]}, config_of("t"))

    result = build(SegueSaver(store), fail=False).invoke(None, config_of("t"))

    assert result == {"found": ["begun", "bad", "good"]}


@pytest.mark.filterwarnings("ignore")  # the channel says that it is beta
def test_a_channel_that_stores_only_its_changes_is_rebuilt_as_by_the_frameworks_own_saver(store):
    def gather(state, writes):
        return [*(state or []), *(x for write in writes for x in write)]

    class State(TypedDict):
        log: Annotated[list, DeltaChannel(gather, snapshot_frequency=5)]

    def build(saver):
        graph = StateGraph(State)
        for name in "ba":
            graph.add_node(name, lambda state, name=name: {"log": [f"{name}{len(state['log'])}"]})
            graph.add_edge(START, name)
        return graph.compile(checkpointer=saver)

    ours, theirs = build(SegueSaver(store)), build(InMemorySaver())
    for n in range(9):
        for app in (ours, theirs):
            app.invoke({"log": [f"in{n}"]}, config_of("t"))

    history = [s.values for s in build(SegueSaver(store)).get_state_history(config_of("t"))]
    assert history == [s.values for s in theirs.get_state_history(config_of("t"))]
    assert len(history[0]["log"]) == 27


_numbers = st.integers(0, 5)
_put = st.tuples(st.just("put"), _numbers, st.sampled_from(["", "sub"]), st.lists(_numbers, max_size=15), st.none() | _numbers)
_write = st.tuples(st.just("write"), _numbers, st.sampled_from("ab"), st.booleans(), st.lists(_numbers, min_size=1, max_size=3))


@given(st.lists(_put | _write | st.tuples(st.just("reopen") | st.just("delete")), max_size=25))
def test_whatever_is_done_it_reads_as_with_the_frameworks_own_saver(steps):
    store = MemoryStore(clock=SystemClock(), ids=SystemIds())
    ours, theirs, placed, version = SegueSaver(store), InMemorySaver(), [], 0
    for what, *more in steps:
        if what == "put":
            parent, ns, values, other = more
            version += 1
            earlier = [c for c in placed if c["checkpoint_ns"] == ns]
            config = config_of("t", checkpoint_ns=ns)
            known = {}
            if earlier:
                config = {"configurable": earlier[parent % len(earlier)]}
                known = theirs.get_tuple(config).checkpoint
            versions, new = dict(known.get("channel_versions", {})), {"list": version}
            content = {**known.get("channel_values", {}), "list": [f"{v}" for v in values]}
            if other is not None:  # a second channel changes, or goes
                new["other"] = version
                content["other"] = other
            elif version % 3 == 0:
                versions.pop("other", None)
            versions |= new
            content = {k: v for k, v in content.items() if k in versions}
            checkpoint = {**empty_checkpoint(), "id": f"{version:04}", "channel_values": content, "channel_versions": versions}
            for saver in (ours, theirs):
                done = saver.put(config, checkpoint, {"step": version}, new)
            placed.append(done["configurable"])
        elif what == "write" and placed:
            where, task, special, values = more
            config = {"configurable": placed[where % len(placed)]}
            channels = ["__error__", "__interrupt__", "__resume__"] if special else ["c", "d", "c"]
            for saver in (ours, theirs):
                saver.put_writes(config, list(zip(channels, values, strict=False)), task, f"path-{values[0]}")
        elif what == "reopen":
            ours = SegueSaver(store)
        elif what == "delete":
            placed.clear()
            ours.delete_thread("t")
            theirs.delete_thread("t")

    assert _seen(ours) == _seen(SegueSaver(store)) == _seen(theirs)
    assert [ours.get_tuple({"configurable": c}) for c in placed] == [theirs.get_tuple({"configurable": c}) for c in placed]


def _seen(saver):
    return sorted(saver.list(config_of("t")), key=lambda t: (t.config["configurable"]["checkpoint_ns"], t.checkpoint["id"]))


# --- size


def raw_bytes(store, thread="t"):
    return store.info(foreign.find(store, Foreign("langgraph", (thread,)))).size


def test_size_grows_with_what_was_said_not_with_its_square(store):
    app, sizes = chat(SegueSaver(store)), {}
    for turns, first in ((20, 0), (20, 20), (40, 40)):
        say(app, config_of("t"), turns, first)
        sizes[first + turns] = raw_bytes(store)

    added = sizes[40] - sizes[20], (sizes[80] - sizes[40]) / 2
    assert added[1] < added[0] * 1.05, sizes
    assert sizes[80] < 80 * 12_000, sizes  # the framework's SQLite saver: 26 MB


def test_what_a_turn_reads_and_writes_does_not_grow_with_the_conversation(store, monkeypatch):
    app, counts = chat(SegueSaver(store)), {"events read": 0, "appends": 0, "bytes": 0}
    read, append = store.read, store.append

    def counted_read(*args, **options):
        for event in read(*args, **options):
            counts["events read"] += 1
            yield event

    def counted_append(session, drafts, **options):
        commit = append(session, drafts, **options)
        counts["appends"] += 1
        counts["bytes"] += sum(len(json.dumps([d.body, d.source])) for d in drafts)
        return commit

    monkeypatch.setattr(store, "read", counted_read)
    monkeypatch.setattr(store, "append", counted_append)
    seen = []
    for first, turns in ((0, 5), (5, 5), (10, 15), (25, 5)):
        counts.update(dict.fromkeys(counts, 0))
        say(app, config_of("t"), turns, first)
        seen.append(dict(counts))

    _, early, _, late = seen
    assert late["appends"] == early["appends"] == 5 * 5
    assert late["bytes"] < early["bytes"] * 1.05
    assert late["events read"] < 200  # what several threads wrote at once is read again; the whole is some 300 events


def test_messages_that_were_not_changed_are_not_serialised_again(store, monkeypatch):
    saver, dumped = SegueSaver(store), []
    dumps = saver.serde.dumps_typed
    monkeypatch.setattr(saver.serde, "dumps_typed", lambda value: dumped.append(value) or dumps(value))
    say(chat(saver), config_of("t"), 10)
    messages = [value for value in dumped if isinstance(value, (HumanMessage, AIMessage))]
    assert len(messages) < 10 * 6  # new ones, and those once more that are not known as what they are; of all, it were 300


@pytest.mark.parametrize(
    "change",
    [
        lambda m: setattr(m, "content", "other"),
        lambda m: m.additional_kwargs.update(more=1),
        lambda m: m.response_metadata.update(more=1),
        lambda m: m.additional_kwargs["deep"]["list"].append(2),
        lambda m: setattr(m, "beside", "other"),
    ],
    ids=["content", "field", "empty", "deep", "beside"],
)
def test_a_message_that_is_changed_in_place_is_stored_as_it_is_then(store, change):
    saver, message = SegueSaver(store), HumanMessage("one", additional_kwargs={"deep": {"list": [1]}}, beside="field")
    config = config_of("t", checkpoint_ns="")
    for number in range(1, 5):
        values = {"channel_values": {"messages": [message]}, "channel_versions": {"messages": number}}
        config = saver.put(config, {**empty_checkpoint(), "id": f"{number}", **values}, {}, {"messages": number})
        saver.get_tuple(config)
        if number == 3:
            change(message)

    (found,) = SegueSaver(store).get_tuple(config).checkpoint["channel_values"]["messages"]
    assert found == message
    (before,) = SegueSaver(store).get_tuple(config_of("t", checkpoint_id="3")).checkpoint["channel_values"]["messages"]
    assert (before.content, before.additional_kwargs, before.beside) == ("one", {"deep": {"list": [1]}}, "field")


def test_lists_stay_shared_when_state_is_encrypted(store):
    class Cipher:
        """Not a cipher, but like one: the same text never gives the same bytes."""

        def encrypt(self, plaintext):
            nonce = os.urandom(1)
            return "x", nonce + bytes(b ^ nonce[0] for b in plaintext)

        def decrypt(self, ciphername, ciphertext):
            assert ciphername == "x"
            return bytes(b ^ ciphertext[0] for b in ciphertext[1:])

    def saver():
        return SegueSaver(store, serde=EncryptedSerializer(Cipher()))

    say(chat(saver()), config_of("t"), 20)
    at_20 = raw_bytes(store)
    say(chat(saver()), config_of("t"), 20, first=20)

    assert len(chat(saver()).get_state(config_of("t")).values["messages"]) == 80
    assert raw_bytes(store) < at_20 * 2.1


@given(st.lists(st.lists(st.integers(0, 9), max_size=12), max_size=8))
def test_any_list_is_what_its_description_says(versions):
    codec = Codec(lambda v: ("n", str(v).encode()), lambda t: int(t[1]))
    base, seq = [], None
    for n, values in enumerate(versions):
        spec = describe(values, base, seq, codec)

        after = []
        for item in spec["items"]:
            after += [Element(item)] if isinstance(item, dict) else base[item[0] : item[1]]

        assert [codec.loads(e.plain(codec)) for e in after] == values
        known = {e.plain(codec) for e in base}
        assert all(e in base or e.plain(codec) not in known for e in after)
        base, seq = after, n


@given(st.binary(max_size=200) | st.text(max_size=80).map(str.encode))
def test_any_bytes_come_back_and_never_take_more_than_base64(data):
    packed = pack(("t", data))

    assert unpack(packed) == ("t", data)
    if "text" in packed:
        assert len(json.dumps(packed["text"], ensure_ascii=False).encode()) - 2 <= (len(data) + 2) // 3 * 4
    assert digest(("a", b"\0" + data)) != digest(("a\0", data))
