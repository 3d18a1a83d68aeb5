"""What is said in a thread is in its session as messages, once; in one whose state is ciphered nothing of it can be read."""

import json
import os
from typing import Annotated

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, RemoveMessage, SystemMessage, ToolMessage
from langgraph.channels.delta import DeltaChannel
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.graph.message import REMOVE_ALL_MESSAGES, add_messages
from langgraph.types import interrupt

from segue.core.session.tree import active_chain, branches
from segue.engine import foreign
from segue.engine.foreign import Foreign
from segue.integrations.langgraph import SegueSaver
from segue.integrations.langgraph._said import draft, recovered
from tests.integrations.graphs import chat, config_of, say, texts


def events(store, thread="t"):
    return list(store.read(foreign.find(store, Foreign("langgraph", (thread,)))))


def line(store, stream="main"):
    """The conversation as everything else of segue sees it: the first word of each message."""
    return [event.body["parts"][0]["content"].split()[0] for event in active_chain(events(store), stream)]


def echo(state):
    return {"messages": [AIMessage(f"re-{state['messages'][-1].content}")]}


def ask(app, config, *words):
    for word in words:
        app.invoke({"messages": [HumanMessage(word)]}, config)


def test_what_is_said_is_the_line_of_the_session(store):
    app = chat(SegueSaver(store), echo)
    ask(app, config_of("t"), "one", "two")
    found = [(e.body["role"], e.actor, e.body["parts"]) for e in active_chain(events(store))]
    assert found == [
        ("user", "user", [{"type": "text", "content": "one"}]),
        ("assistant", "langgraph", [{"type": "text", "content": "re-one"}]),
        ("user", "user", [{"type": "text", "content": "two"}]),
        ("assistant", "langgraph", [{"type": "text", "content": "re-two"}]),
    ]


def test_a_text_stands_in_its_message_and_no_checkpoint_repeats_it(store):
    say(chat(SegueSaver(store)), config_of("t"), 3)
    state = chat(SegueSaver(store)).get_state(config_of("t")).values["messages"]
    for message in state:
        holders = [e.kind for e in events(store) if message.content in f"{e.body} {e.source}" and "__start__" not in f"{e.body}"]
        assert holders.count("message") == 1
        assert "langgraph.checkpoint" not in holders
        assert message.content not in f"{[e.source for e in events(store)]}"


def test_a_fork_from_an_earlier_checkpoint_is_the_line_and_the_other_one_is_kept(store):
    app = chat(SegueSaver(store), echo)
    ask(app, config_of("t"), "one", "two", "three")
    early = next(s for s in app.get_state_history(config_of("t")) if len(s.values.get("messages", [])) == 2)

    ask(app, early.config, "other")

    assert line(store) == ["one", "re-one", "other", "re-other"]
    assert [(b.active, b.length) for b in branches(events(store))] == [(True, 4), (False, 6)]
    ask(chat(SegueSaver(store), echo), config_of("t"), "more")
    assert line(store) == ["one", "re-one", "other", "re-other", "more", "re-more"]


def test_a_fork_from_the_very_beginning_is_a_line_of_its_own(store):
    app = chat(SegueSaver(store), echo)
    ask(app, config_of("t"), "one", "two")
    first = list(app.get_state_history(config_of("t")))[-1]
    ask(app, first.config, "anew")
    assert line(store) == ["anew", "re-anew"]


def test_a_message_that_is_replaced_is_revised_and_one_that_is_removed_was_said(store):
    app = chat(SegueSaver(store), echo)
    ask(app, config_of("t"), "one", "two")
    messages = app.get_state(config_of("t")).values["messages"]
    app.update_state(config_of("t"), {"messages": [HumanMessage("ONE", id=messages[0].id), RemoveMessage(messages[1].id)]})
    ask(app, config_of("t"), "three")
    assert line(store) == ["ONE", "re-one", "two", "re-two", "three", "re-three"]
    assert [m.content for m in app.get_state(config_of("t")).values["messages"]] == ["ONE", "two", "re-two", "three", "re-three"]


def test_a_summary_that_takes_the_place_of_all_follows_what_was_said(store):
    app = chat(SegueSaver(store), echo)
    ask(app, config_of("t"), "one", "two")
    app.update_state(config_of("t"), {"messages": [RemoveMessage(REMOVE_ALL_MESSAGES), SystemMessage("summary")]})
    ask(app, config_of("t"), "three")
    assert line(store) == ["one", "re-one", "two", "re-two", "summary", "three", "re-three"]


def test_messages_of_another_channel_have_a_stream_of_their_own(store):
    class State(MessagesState):
        plan: Annotated[list[AnyMessage], add_messages]

    graph = StateGraph(State)
    graph.add_node("answer", lambda s: echo(s) | {"plan": [AIMessage(f"plan-{len(s['plan'])}")]})
    graph.add_edge(START, "answer")
    ask(graph.compile(checkpointer=SegueSaver(store)), config_of("t"), "one", "two")
    assert line(store) == ["one", "re-one", "two", "re-two"]
    assert line(store, "#plan") == ["plan-0", "plan-1"]


def test_a_subgraph_shares_the_messages_that_it_is_given(store):
    inner = StateGraph(MessagesState)
    inner.add_node("deep", lambda s: {"messages": [AIMessage(interrupt("deep?"))]})
    inner.add_edge(START, "deep")
    app = chat(SegueSaver(store), inner.compile())
    say(chat(SegueSaver(store), echo), config_of("t"), 20)

    app.invoke({"messages": [HumanMessage("go")]}, config_of("t"))

    (deep,) = {e.stream for e in events(store)} - {"main"}
    held = SegueSaver(store).get_tuple(config_of("t", checkpoint_ns=deep)).checkpoint["channel_values"]["messages"]
    assert len(held) == 41
    (spec,) = [e.body["values"]["messages"] for e in events(store) if e.stream == deep and "messages" in e.body.get("values", {})]
    assert spec["items"] in ([[0, 41]], [[0, 40], {"ahead": 1}])  # whichever of the two was saved first


@pytest.mark.filterwarnings("ignore")  # the channel says that it is beta
def test_what_is_written_to_a_channel_that_stores_changes_is_said_at_once_and_once(store):
    class State(MessagesState):
        messages: Annotated[
            list, DeltaChannel(lambda s, writes: add_messages(s, [m for w in writes for m in w]), snapshot_frequency=3)
        ]

    graph = StateGraph(State)
    graph.add_node("answer", lambda s: {"messages": [AIMessage(f"re-{s['messages'][-1].content}", id=f"a{len(s['messages'])}")]})
    graph.add_edge(START, "answer")
    for n in range(4):
        message = {"messages": [HumanMessage(f"q{n}", id=f"h{n}")]}
        graph.compile(checkpointer=SegueSaver(store)).invoke(message, config_of("t"))
    assert line(store) == [f"{who}q{n}" for n in range(4) for who in ("", "re-")]
    assert sum(e.kind == "message" for e in events(store)) == 8


# --- what cannot be read by everybody


class Cipher:
    """Not a cipher, but like one: the same text never gives the same bytes."""

    def encrypt(self, plaintext):
        nonce = os.urandom(16)
        return "x", nonce + bytes(b ^ nonce[i % 16] for i, b in enumerate(plaintext))

    def decrypt(self, ciphername, ciphertext):
        return bytes(b ^ ciphertext[i % 16] for i, b in enumerate(ciphertext[16:]))


class Own(JsonPlusSerializer):
    """A serialiser of somebody's own, of which nothing is known."""

    def dumps_typed(self, obj):
        kind, data = super().dumps_typed(obj)
        return kind, bytes(b ^ 0x55 for b in data)

    def loads_typed(self, data):
        return super().loads_typed((data[0], bytes(b ^ 0x55 for b in data[1])))


class Ciphered(JsonPlusSerializer):
    """A serialiser of somebody's own that encrypts."""

    def dumps_typed(self, obj):
        kind, data = super().dumps_typed(obj)
        return kind, Cipher().encrypt(data)[1]

    def loads_typed(self, data):
        return super().loads_typed((data[0], Cipher().decrypt("x", data[1])))


@pytest.mark.parametrize("serde", [EncryptedSerializer(Cipher()), Own(), Ciphered()], ids=["encrypted", "own", "ciphered"])
def test_nothing_that_was_said_can_be_read_where_the_serialiser_hides_it(store, serde):
    app = chat(SegueSaver(store, serde=serde), echo)
    ask(app, config_of("t") | {"metadata": {"note": "canary-meta"}}, "canary-one", "canary-two")
    saver = SegueSaver(store, serde=serde)
    saver.prune(["t"])
    saver.copy_thread("t", "copy")

    assert texts(chat(saver).get_state(config_of("copy")).values["messages"])[-1] == ("ai", "re-canary-two")
    log = json.dumps([[e.body, e.source] for thread in ("t", "copy") for e in events(store, thread)])
    assert "canary" not in log
    assert b"canary".hex() not in log
    assert not any(e.kind == "message" for e in events(store))


def test_a_list_of_which_a_cipher_makes_other_bytes_each_time_is_one_value(store):
    app = chat(SegueSaver(store, serde=Ciphered()), echo)
    ask(app, config_of("t"), "one", "two")
    app.update_state(config_of("t"), {})

    found = [e.body for e in events(store) if e.kind == "langgraph.checkpoint"]
    lists = [body["values"]["messages"] for body in found if "messages" in body["values"]]
    assert lists
    assert not any("items" in one for one in lists)
    assert "messages" in found[-1]["same"]  # what did not change is shared
    said = texts(chat(SegueSaver(store, serde=Ciphered())).get_state(config_of("t")).values["messages"])
    assert said == [("human", "one"), ("ai", "re-one"), ("human", "two"), ("ai", "re-two")]


# --- any message

_text = st.text(max_size=60) | st.text("ab \n€", min_size=20, max_size=80)
_json = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats(allow_nan=True) | _text,
    lambda s: st.lists(s, max_size=3) | st.dictionaries(_text, s, max_size=3),
    max_leaves=6,
)
_block = (
    st.fixed_dictionaries({"type": st.just("text"), "text": _text})
    | st.fixed_dictionaries({"type": st.just("reasoning"), "reasoning": _text})
    | st.fixed_dictionaries(
        {"type": st.sampled_from(["image", "file"]), "base64": st.just("aGk=" * 9), "mime_type": st.just("a/b")}
    )
    | st.dictionaries(_text, _json, max_size=3)
)
_content = _text | st.lists(_text | _block, max_size=3)
_calls = st.lists(
    st.builds(
        lambda name, args, i: {"name": name, "args": args, "id": i, "type": "tool_call"},
        _text,
        st.dictionaries(_text, _json, max_size=3),
        _text,
    ),
    max_size=2,
)
_messages = (
    st.builds(HumanMessage, _content, id=st.none() | _text, name=st.none() | _text)
    | st.builds(AIMessage, _content, tool_calls=_calls, id=st.none() | _text)
    | st.builds(ToolMessage, _content, tool_call_id=_text, status=st.sampled_from(["success", "error"]))
)


IMAGE = {"type": "blob", "modality": "image", "mime_type": "image/png", "content": "aGk=" * 9}
DATA = "data:image/png;base64," + "aGk=" * 9


@pytest.mark.parametrize(
    ("block", "part"),
    [
        ({"type": "image", "base64": "aGk=" * 9, "mime_type": "image/png"}, IMAGE),
        ({"type": "image_url", "image_url": {"url": DATA}}, IMAGE),
        ({"type": "image_url", "image_url": DATA}, IMAGE),
        ({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGk=" * 9}}, IMAGE),
        ({"type": "image", "source_type": "base64", "mime_type": "image/png", "data": "aGk=" * 9}, IMAGE),
        ({"type": "media", "mime_type": "image/png", "data": "aGk=" * 9}, IMAGE),
        (
            {"type": "image_url", "image_url": {"url": "https://x/y.png"}},
            {"type": "uri", "modality": "image", "mime_type": None, "uri": "https://x/y.png"},
        ),
        (
            {"type": "input_audio", "input_audio": {"data": "aGk=", "format": "wav"}},
            {"type": "blob", "modality": "audio", "mime_type": "audio/wav", "content": "aGk="},
        ),
        (
            {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,aGk="}},
            {"type": "blob", "modality": "document", "mime_type": "application/pdf", "content": "aGk="},
        ),
        ({"type": "image"}, {"type": "image", "mime_type": None}),
        ({"type": "next_years"}, {"type": "next_years"}),
    ],
)
def test_a_medium_is_told_whichever_providers_form_it_has(store, block, part):
    app = chat(SegueSaver(store))

    app.invoke({"messages": [HumanMessage([block])]}, config_of("t"))

    (asked,) = (event for event in events(store) if event.kind == "message" and event.body["role"] == "user")
    assert asked.body["parts"] == [part]
    assert SegueSaver(store).get_tuple(config_of("t")).checkpoint["channel_values"]["messages"][0].content == [block]


@settings(max_examples=60, deadline=None)
@given(_messages)
def test_any_message_comes_back_as_the_serialiser_made_it(message):
    plain = JsonPlusSerializer().dumps_typed(message)
    made = draft(message, plain, channel="messages", stream="main", key="k")
    body, source = json.loads(json.dumps([made.body, made.source], sort_keys=True))
    assert recovered(body, source) == plain
    assert json.dumps(made.body, allow_nan=False)
