"""A long conversation is loaded from what was kept of it and what came after: whatever becomes of that, it is what the log says."""

import asyncio
import dataclasses

import pytest
from pydantic_ai import Conversation
from pydantic_ai.messages import BinaryContent, ModelRequest, ModelResponse, ToolCallPart, ToolReturnPart, UserPromptPart

from segue.core.log.events import Draft
from segue.core.log.texts import pack
from segue.engine import foreign
from segue.engine.foreign import Foreign
from segue.integrations.pydantic_ai import SegueConversationStore
from segue.integrations.pydantic_ai._conversation import SCHEMA
from segue.ports import Snapshot

SAID = [f"said {n} " + "ü" * 60 for n in range(270)]


def run(awaitable):
    return asyncio.run(awaitable)


def asked(text):
    return ModelRequest(parts=[UserPromptPart(text)])


def texts(conversation):
    return [message.parts[0].content for message in conversation.messages]


def fresh(store):
    """Return what another process has that opens the store now."""
    return SegueConversationStore(store)


def loaded(store, name="c"):
    return run(fresh(store).load(name))


@pytest.fixture
def at(store):
    """What a session is called in which a conversation of 270 messages was loaded once."""
    run(fresh(store).save(Conversation(conversation_id="c", messages=[asked(text) for text in SAID])))
    assert texts(loaded(store)) == SAID
    return foreign.find(store, Foreign("pydantic_ai", ("c",)))


def test_who_comes_next_reads_only_what_others_appended_since(at, store, monkeypatch):
    picture = BinaryContent(b"\x89PNG\xff", media_type="image/png")
    conversation = loaded(store)
    conversation.messages += [
        ModelRequest(parts=[UserPromptPart(["what is it?", picture])]),
        ModelResponse(parts=[ToolCallPart("look", {"n": 1}, "c1")], model_name="m"),
        ModelRequest(parts=[ToolReturnPart("look", {"found": "a pear", "at": "2026-11-22"}, "c1")]),
    ]
    run(fresh(store).save(conversation))
    read, seen = store.read, []
    monkeypatch.setattr(store, "read", lambda *a, **k: (seen.append(e.seq) or e for e in read(*a, **k)))

    found = loaded(store)

    assert (found.messages[:270], len(found.messages), len({*seen})) == (conversation.messages[:270], 273, 5)  # and whose it is
    store.drop_snapshots(at)
    assert loaded(store) == found


def test_a_branch_a_fork_and_a_copy_of_what_was_kept_are_what_they_are_without_it(at, store):
    left = loaded(store)
    branch = loaded(store)
    branch.messages = [*branch.messages[:100], asked("elsewhere")]
    run(fresh(store).save(branch))
    run(fresh(store).save(Conversation(conversation_id="b", messages=[asked("another")])))
    a, b = (run(fresh(store).read_record(name)) for name in "cb")
    run(fresh(store).write_record(dataclasses.replace(b, head_id=a.head_id, revision="r2"), expected_revision=b.revision))

    assert texts(left) == SAID
    assert texts(loaded(store)) == texts(loaded(store, "b")) == [*SAID[:100], "elsewhere"]
    store.drop_snapshots(at)
    assert texts(loaded(store)) == [*SAID[:100], "elsewhere"]


def test_what_is_erased_is_in_nothing_that_is_kept_and_not_in_memory(at, store):
    near = fresh(store)
    run(near.load("c"))
    before = store.snapshot(at, SCHEMA)
    first, gone = (next(e for e in store.read(at) if e.source and SAID[n] in str(e.source)) for n in (0, 250))
    store.erase(at, [gone.seq], {"reason": "asked for"})
    store.put_snapshot(at, before)  # by one who had read it all before
    store.append(at, [Draft("note", {})] * 300)

    for one in (near, fresh(store)):
        assert run(one.read_entry(first.node)).message.parts[0].content == SAID[0]
        with pytest.raises(LookupError):
            run(one.read_entry(gone.node))
        assert texts(run(one.load("c"))) == SAID[:250] + SAID[251:]
    assert SAID[250].encode() in before.data
    assert SAID[250].encode() not in store.snapshot(at, SCHEMA).data


WRONG = {
    "empty": b"",
    "no value": b"x",
    "a list": pack([1, 2]),
    "no entries": pack({"id": "c"}),
    "another's": pack({"id": "d", "head": None, "record": None, "deleted": True, "entries": []}),
    "torn columns": pack({"id": "c", "head": None, "record": None, "deleted": False, "entries": [[1, 2], ["a"]]}),
    "too few columns": pack({"id": "c", "head": None, "record": None, "deleted": False, "entries": [[1], ["a"]]}),
    "cut short": pack(SAID)[:-1],
}


@pytest.mark.parametrize("store_kind", ["memory"])
@pytest.mark.parametrize("data", WRONG.values(), ids=WRONG.keys())
def test_what_is_kept_and_is_no_conversation_is_as_if_it_were_not_there(store, data):
    run(fresh(store).save(Conversation(conversation_id="c", messages=[asked("hello")])))
    (at,) = store.sessions()
    head = store.info(at).head
    store.put_snapshot(at, Snapshot(head.seq, head.digest, SCHEMA, data))

    assert texts(loaded(store)) == ["hello"]
