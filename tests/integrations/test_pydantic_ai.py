"""Pydantic AI's conversations in a store: saved, branched, forked, deleted; and what the rest of segue sees."""

import asyncio
import dataclasses

import pytest
from pydantic_ai import Conversation
from pydantic_ai.conversation_store import ConversationConflict, ConversationRecord
from pydantic_ai.exceptions import UserError
from pydantic_ai.messages import (
    BinaryContent,
    CachePoint,
    ModelMessagesTypeAdapter,
    ModelRequest,
    ModelResponse,
    SpeechPart,
    SystemPromptPart,
    TextPart,
    ThinkingPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)
from pydantic_ai.usage import RequestUsage

import segue
from segue.core.session.tree import active_chain
from segue.engine import foreign
from segue.engine.foreign import Foreign
from segue.integrations.pydantic_ai import SegueConversationStore


def run(awaitable):
    return asyncio.run(awaitable)


def asked(text):
    return ModelRequest(parts=[UserPromptPart(text)])


def answered(text, **more):
    return ModelResponse(parts=[TextPart(text)], **more)


def turn(n):
    return [asked(f"question {n}"), answered(f"answer {n}")]


def texts(conversation):
    return [part.content for message in conversation.messages for part in message.parts]


def at(store, conversation_id="c"):
    return foreign.find(store, Foreign("pydantic_ai", (conversation_id,)))


def seen(store, conversation_id="c"):
    events = active_chain(store.read(at(store, conversation_id)))
    return [part["content"] for e in events if e.kind == "message" for part in e.body["parts"]]


@pytest.fixture
def kept(store):
    return SegueConversationStore(store)


@pytest.fixture
def other(store):
    """Another process's."""
    return SegueConversationStore(store)


def talk(kept, *turns, conversation_id="c", **more):
    """Save so many turns, each on its own; return the conversation."""
    conversation = run(kept.load(conversation_id)) or Conversation(conversation_id=conversation_id)
    for n in turns:
        conversation.messages += turn(n)
        run(kept.save(conversation, **more))
    return conversation


def test_a_conversation_that_was_saved_is_loaded_elsewhere(kept, other):
    saved = talk(kept, 1, 2)

    loaded = run(other.load("c"))

    assert (loaded.messages, loaded.revision) == (saved.messages, saved.revision)
    assert run(other.load("d")) is None


def test_a_save_appends_what_is_new_in_one_append(store, kept, other, monkeypatch):
    talk(kept, 1)
    done = []
    plain = store.append
    monkeypatch.setattr(store, "append", lambda *a, **k: (done.append(len(a[1])), plain(*a, **k))[1])

    talk(other, 2)

    assert done == [3]  # two messages and the record
    assert texts(run(kept.load("c", limit=3))) == ["answer 1", "question 2", "answer 2"]


def test_a_writer_that_is_late_is_told_and_nothing_of_his_is_stored(kept, other):
    talk(kept, 1)
    late = run(other.load("c"))
    talk(kept, 2)
    late.messages += turn(3)

    with pytest.raises(ConversationConflict):
        run(other.save(late))
    with pytest.raises(ConversationConflict):
        run(other.save(Conversation(conversation_id="c", messages=turn(4))))

    assert texts(run(other.load("c"))) == ["question 1", "answer 1", "question 2", "answer 2"]


def test_a_revision_is_asked_for_with_each_change(kept, other):
    talk(kept, 1)
    record = run(kept.read_record("c"))
    newer = dataclasses.replace(record, revision="r2")

    for expected in (None, "r0", "r2"):
        with pytest.raises(ConversationConflict):
            run(other.write_record(newer, expected_revision=expected))
        with pytest.raises(ConversationConflict):
            run(other.delete_record("c", expected_revision=str(expected)))
    with pytest.raises(ConversationConflict):
        run(other.write_record(dataclasses.replace(record, conversation_id="d"), expected_revision="r2"))
    with pytest.raises(ConversationConflict):
        run(other.delete_record("d", expected_revision="r2"))
    run(other.write_record(newer, expected_revision=record.revision))

    assert run(kept.read_record("c")) == newer
    assert run(kept.read_record("d")) is None


def test_a_branch_is_left_and_taken_up_again(store, kept, other):
    conversation = talk(kept, 1, 2)
    again = run(other.branch("c", at=2, expected_revision=conversation.revision))
    again.messages += turn(3)
    run(other.save(again))
    on_branch = seen(store)
    (left,) = run(kept.read_record("c")).branches
    back = run(kept.branch("c", from_entry=left, expected_revision=again.revision))

    assert on_branch == ["question 1", "answer 1", "question 3", "answer 3"]
    assert texts(back) == seen(store) == ["question 1", "answer 1", "question 2", "answer 2"]


def test_a_fork_shares_its_past_and_copies_nothing(store, kept):
    talk(kept, *range(8))
    fork = run(kept.fork("c", at=8, new_conversation_id="f"))
    talk(kept, 9, conversation_id="f")

    info = store.info(at(store, "f"))
    assert info.parent.session == at(store, "c")
    assert [e.kind for e in store.read(at(store, "f"), after=info.first - 1) if e.source] == ["message", "message"]
    assert texts(run(kept.load("f"))) == [*texts(fork), "question 9", "answer 9"] == seen(store, "f")
    assert len(run(kept.load("c")).messages) == 16


def test_a_fork_outlives_its_parent_and_what_it_does_not_reach_is_gone(store, kept, other):
    conversation = talk(kept, 1, 2)
    branched = run(kept.branch("c", at=2, expected_revision=conversation.revision))
    branched.messages += turn(3)
    entries = run(kept.save(branched))
    (left,) = run(kept.read_record("c")).branches
    run(kept.fork("c", new_conversation_id="f"))
    run(kept.fork("c", at=2, new_conversation_id="g"))
    session = at(store, "f")

    run(other.delete("c"))

    assert run(kept.load("c")) is None
    assert texts(run(other.load("f"))) == ["question 1", "answer 1", "question 3", "answer 3"]
    assert run(kept.read_entry(entries[0].id)).message.parts[0].content == "question 3"
    with pytest.raises(LookupError):
        run(kept.read_entry(left))
    assert "question 2" not in str(list(store.read(session)))
    run(other.delete("f"))
    assert texts(run(kept.load("g"))) == ["question 1", "answer 1"]
    with pytest.raises(LookupError):
        run(SegueConversationStore(store).read_entry(entries[0].id))


def test_a_fork_of_anybody_elses_keeps_what_it_shares(tmp_path):
    with segue.open(tmp_path / "store") as store:
        kept = SegueConversationStore(store)
        talk(kept, 1)
        fork = store.session("c").fork()
        run(kept.fork("c", at=0, new_conversation_id="f"))
        run(kept.delete("c"))

        assert "question 1" in str(list(fork.events()))


def test_a_conversation_that_was_deleted_begins_anew(store, kept, other):
    stale = talk(kept, 1)
    run(other.delete("c"))
    stale.messages += turn(2)
    with pytest.raises(ConversationConflict):
        run(kept.save(stale))

    talk(kept, 3)

    assert texts(run(other.load("c"))) == ["question 3", "answer 3"]


def test_a_deletion_that_was_cut_short_is_finished_by_whoever_comes_next(store, kept, other, monkeypatch):
    talk(kept, 1)

    def cut(_session):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(store, "delete", cut)
        with pytest.raises(KeyboardInterrupt):
            run(kept.delete("c"))

    assert run(other.load("c")) is None
    talk(other, 2)
    assert texts(run(kept.load("c"))) == ["question 2", "answer 2"]


def test_scopes_keep_conversations_apart_and_the_last_one_saved_is_listed_first(kept, other):
    for name, scope in (("a", "ada"), ("b", "bob"), ("c", "ada")):
        talk(kept, 1, conversation_id=name, scope=scope)
    talk(kept, 2, conversation_id="a", scope="ada")

    assert [r.conversation_id for r in run(other.list_conversations())] == ["a", "c", "b"]
    assert [r.conversation_id for r in run(other.list_conversations(scope="ada", limit=1))] == ["a"]
    assert run(other.load("a", scope="bob")) is None


def test_a_record_may_not_point_at_what_is_nowhere(kept):
    with pytest.raises(ConversationConflict):
        run(kept.write_record(ConversationRecord(conversation_id="c", head_id="nowhere"), expected_revision=None))
    assert run(kept.read_record("c")) is None


def test_a_record_may_point_at_another_conversations_entries(kept, other):
    talk(kept, 1, conversation_id="a")
    talk(kept, 2, conversation_id="b")
    a, b = (run(kept.read_record(name)) for name in "ab")
    moved = dataclasses.replace(a, head_id=b.head_id, revision="r2")

    run(kept.write_record(moved, expected_revision=a.revision))
    run(kept.delete("b"))

    assert texts(run(other.load("a"))) == ["question 2", "answer 2"]


def test_what_was_said_reads_as_messages_and_comes_back_as_it_was(store, kept, other):
    picture = BinaryContent(b"\x89PNG\xff", media_type="image/png")
    usage = RequestUsage(input_tokens=10, output_tokens=4, cache_read_tokens=2)
    said = [
        ModelRequest(parts=[SystemPromptPart("be kind"), UserPromptPart(["what is it?", picture])]),
        ModelResponse(
            parts=[ThinkingPart("hm"), ToolCallPart("look", {"n": 1}, "c1")],
            usage=usage,
            model_name="m",
            provider_response_id="r1",
        ),
        ModelRequest(parts=[ToolReturnPart("look", {"found": "a pear"}, "c1")]),
        ModelResponse(parts=[ToolCallPart("look", '{"n": 2}', "c2")]),
        ModelRequest(parts=[ToolReturnPart("look", "no such n", "c2", outcome="retried"), UserPromptPart("and?")]),
    ]
    run(kept.save(Conversation(conversation_id="c", messages=said)))

    as_json = ModelMessagesTypeAdapter.dump_json(said)  # media have another class after it, the framework's own doing
    assert run(other.load("c")).messages == ModelMessagesTypeAdapter.validate_json(as_json)
    assert [e.body for e in active_chain(store.read(at(store)))] == [
        {"role": "system", "parts": [{"type": "text", "content": "be kind"}]},
        {
            "role": "user",
            "parts": [
                {"type": "text", "content": "what is it?"},
                {"type": "blob", "modality": "image", "mime_type": "image/png", "content": "iVBOR/8="},
            ],
        },
        {
            "role": "assistant",
            "parts": [
                {"type": "reasoning", "content": "hm"},
                {"type": "tool_call", "id": "c1", "name": "look", "arguments": {"n": 1}},
            ],
            "model": "m",
            "message_id": "r1",
            "usage": {
                "input_tokens": 10,
                "output_tokens": 4,
                "cache_read_tokens": 2,
                "cache_write_tokens": 0,
                "reasoning_tokens": 0,
            },
        },
        {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "response": {"found": "a pear"}}]},
        {"role": "assistant", "parts": [{"type": "tool_call", "id": "c2", "name": "look", "arguments": {"n": 2}}]},
        {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c2", "response": "no such n", "is_error": True}]},
        {"role": "user", "parts": [{"type": "text", "content": "and?"}]},
    ]


def test_what_is_spoken_is_said_and_what_is_for_the_provider_alone_is_not(store, kept):
    sound = BinaryContent(b"RIFF", media_type="audio/wav")
    said = [
        ModelRequest(
            parts=[UserPromptPart(["listen", CachePoint()]), SpeechPart(speaker="user", transcript="hello", audio=sound)]
        ),
        ModelResponse(parts=[SpeechPart(speaker="assistant", transcript="good day")]),
    ]
    run(kept.save(Conversation(conversation_id="c", messages=said)))

    heard = {"type": "blob", "modality": "audio", "mime_type": "audio/wav", "content": "UklGRg=="}
    assert [(e.body["role"], e.body["parts"]) for e in active_chain(store.read(at(store)))] == [
        ("user", [{"type": "text", "content": "listen"}, {"type": "text", "content": "hello"}, heard]),
        ("assistant", [{"type": "text", "content": "good day"}]),
    ]


def test_the_rest_of_segue_finds_and_reads_a_conversation(tmp_path):
    with segue.open(tmp_path / "store") as store:
        talk(SegueConversationStore(store), 1, conversation_id="trip")

        session = store.session("trip")

        assert session.state().status == "active"
        assert [hit.session for hit in store.search("question").hits] == [session.id]
        assert "answer 1" in session.restore(budget=2_000).text


def test_what_is_loaded_is_the_callers_own(kept):
    talk(kept, 1)
    first = run(kept.load("c"))
    first.messages[0].parts[0].content = "changed"

    assert texts(run(kept.load("c"))) == ["question 1", "answer 1"]
    with pytest.raises(UserError):
        run(kept.load("c", limit=-1))
    assert run(kept.load("c", limit=0)).messages == []
