"""What is known of a conversation in memory is never more than its log says: not of what was erased, cut off or damaged since."""

import asyncio

import pytest
from pydantic_ai import Conversation
from pydantic_ai.conversation_store import ConversationConflict
from pydantic_ai.messages import ModelRequest, SystemPromptPart, UserPromptPart

from segue.engine import foreign
from segue.engine.foreign import Foreign
from segue.integrations.pydantic_ai import SegueConversationStore
from tests.integrations.conftest import open_store


def run(awaitable):
    return asyncio.run(awaitable)


def say(kept, *texts):
    """Save so many messages, each on its own; return the conversation."""
    conversation = run(kept.load("c")) or Conversation(conversation_id="c")
    for text in texts:
        conversation.messages.append(ModelRequest(parts=[UserPromptPart(text)]))
        run(kept.save(conversation))
    return conversation


def texts(conversation):
    return [message.parts[0].content for message in conversation.messages]


def session_of(store):
    return foreign.find(store, Foreign("pydantic_ai", ("c",)))


def test_a_record_that_was_erased_is_not_remembered(store):
    kept = SegueConversationStore(store)
    say(kept, "one")
    before = run(kept.read_record("c"))
    say(kept, "two")

    store.erase(session_of(store), [store.info(session_of(store)).head.seq], {"reason": "asked for"})

    assert run(kept.read_record("c")) == before
    assert run(SegueConversationStore(store).read_record("c")) == before


@pytest.mark.parametrize("number", [0, 1, 2], ids=["the first", "one in between", "the last"])
def test_a_message_that_was_erased_is_left_out_and_the_conversation_goes_on(store, number):
    kept = SegueConversationStore(store)
    two = ModelRequest(parts=[SystemPromptPart("be brief"), UserPromptPart("two")])  # two events, the second has the entry
    conversation = Conversation(conversation_id="c")
    for message in (ModelRequest(parts=[UserPromptPart("one")]), two, ModelRequest(parts=[UserPromptPart("three")])):
        conversation.messages.append(message)
        run(kept.save(conversation))
    left = [name for at, name in enumerate(["one", "be brief", "three"]) if at != number]
    entries = [e.seq for e in store.read(session_of(store)) if e.kind == "message" and e.source]

    store.erase(session_of(store), [entries[number]], {"reason": "asked for"})

    assert [texts(run(at.load("c"))) for at in (kept, SegueConversationStore(store))] == [left] * 2
    assert texts(run(SegueConversationStore(store).load("c", limit=1))) == left[-1:]
    say(SegueConversationStore(store), "four")
    assert texts(run(kept.load("c"))) == [*left, "four"]
    assert texts(run(kept.fork("c", new_conversation_id="d"))) == [*left, "four"]


def test_a_conversation_that_ends_in_what_cannot_be_read_is_gone_on_with_from_its_last_record(tmp_path, ids_and_clock):
    store = open_store("log", tmp_path, *ids_and_clock)
    say(SegueConversationStore(store), "one", "two")
    store.close()
    (log,) = (tmp_path / "store").glob("sessions/*/log/*.jsonl")
    *lines, last = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(b"".join([*lines, last.replace(b'"body"', b'"BODY"')]))
    store = open_store("log", tmp_path, *ids_and_clock)
    kept = SegueConversationStore(store)

    conversation = run(kept.load("c"))
    late = run(kept.load("c"))
    conversation.messages.append(ModelRequest(parts=[UserPromptPart("again")]))
    run(kept.save(conversation))

    assert texts(run(SegueConversationStore(store).load("c"))) == ["one", "again"]
    with pytest.raises(ConversationConflict):
        run(kept.save(late))
    store.close()


def test_what_is_saved_by_turns_from_two_stores_is_one_conversation(store):
    one, two = SegueConversationStore(store), SegueConversationStore(store)
    for n in range(4):
        say(one, f"one {n}")
        say(two, f"two {n}")

    assert texts(run(one.load("c"))) == texts(run(two.load("c"))) == [f"{who} {n}" for n in range(4) for who in ("one", "two")]
