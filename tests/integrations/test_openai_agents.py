"""A session of the OpenAI Agents SDK in a store: what is added, read, popped, cleared, condensed; and what the rest of segue sees."""

import asyncio
from types import SimpleNamespace

import pytest
from agents import SessionSettings, Usage
from agents.extensions.memory.encrypt_session import EncryptedSession
from agents.memory import OpenAIResponsesCompactionSession
from agents.memory.session import Session, is_openai_responses_compaction_aware_session
from agents.run_context import RunContextWrapper
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import segue
from segue.core.errors import NotFoundError
from segue.core.session.tree import active_chain
from segue.engine import foreign
from segue.engine.foreign import Foreign
from segue.integrations.openai_agents import SegueSession, messages


def user(text):
    return {"role": "user", "content": text}


def answer(text):
    return {
        "id": f"m-{text}",
        "type": "message",
        "role": "assistant",
        "status": "completed",
        "content": [{"type": "output_text", "text": text, "annotations": []}],
    }


def call(n, name="look"):
    return {"type": "function_call", "call_id": f"c{n}", "name": name, "arguments": f'{{"n": {n}}}'}


def output(n, text="seen"):
    return {"type": "function_call_output", "call_id": f"c{n}", "output": text}


def run(awaitable):
    return asyncio.run(awaitable)


def at(store, session_id="s"):
    return foreign.find(store, Foreign("openai_agents", (session_id,)))


def conversation(store, session_id="s"):
    return [(e.body["role"], e.body["parts"]) for e in active_chain(store.read(at(store, session_id))) if e.kind == "message"]


@pytest.fixture
def session(store):
    return SegueSession("s", store)


@pytest.fixture
def other(store):
    """Another process's."""
    return SegueSession("s", store)


def test_it_is_a_session_of_the_sdk_and_aware_of_compaction_only_when_asked(store, session):
    async def nothing(_items):
        return None

    assert isinstance(session, Session)
    assert not is_openai_responses_compaction_aware_session(session)
    assert is_openai_responses_compaction_aware_session(SegueSession("s", store, condense=nothing))


def test_a_session_begins_with_its_first_item_and_reading_begins_none(store, session):
    assert run(session.get_items()) == []
    assert run(session.pop_item()) is None
    run(session.clear_session())
    run(session.add_items([]))

    assert list(store.sessions()) == []


def test_items_come_back_as_they_were_in_the_order_in_which_they_were_added(session, other):
    said = [
        user("one"),
        {"type": "reasoning", "id": "r", "summary": [], "encrypted_content": "x"},
        call(1),
        output(1),
        answer("two"),
    ]

    run(session.add_items(said[:3]))
    run(other.add_items(said[3:]))

    assert run(session.get_items()) == run(other.get_items()) == said


def test_a_call_is_one_append_and_a_session_is_begun_by_it(store, session, monkeypatch):
    done = []
    for name in ("create", "append"):
        plain = getattr(store, name)
        monkeypatch.setattr(store, name, lambda *a, _p=plain, _n=name, **k: (done.append(_n), _p(*a, **k))[1])

    run(session.add_items([user("one"), answer("two")]))
    run(session.add_items([user("three"), answer("four"), user("five")]))

    assert done == ["create", "append"]


@pytest.mark.parametrize(
    ("limit", "expected"), [(0, []), (1, ["c"]), (2, ["b", "c"]), (9, ["a", "b", "c"]), (-1, ["a", "b", "c"])]
)
def test_a_limit_takes_the_newest(session, other, limit, expected):
    run(session.add_items([user("a"), user("b"), user("c")]))

    assert [i["content"] for i in run(other.get_items(limit))] == expected
    assert [i["content"] for i in run(session.get_items(limit))] == expected


def test_the_settings_limit_what_is_read_where_the_call_does_not(store):
    session = SegueSession("s", store, session_settings={"limit": 1})
    run(session.add_items([user("a"), user("b")]))

    assert session.session_settings == SessionSettings(limit=1)
    assert (run(session.get_items()), run(session.get_items(5))) == ([user("b")], [user("a"), user("b")])


def test_what_a_caller_does_to_his_items_changes_nothing_that_is_stored(session):
    said = [{"role": "user", "content": [{"type": "input_text", "text": "hello"}]}]
    run(session.add_items(said))
    said[0]["content"][0]["text"] = "changed"
    run(session.get_items())[0]["content"][0]["text"] = "changed too"

    assert run(session.get_items()) == [{"role": "user", "content": [{"type": "input_text", "text": "hello"}]}]


def test_the_newest_is_popped_until_nothing_is_left_and_stays_in_the_log(store, session, other):
    run(session.add_items([user("a"), user("b"), user("c")]))

    popped = [run(s.pop_item()) for s in (session, other, session, other)]
    run(session.add_items([user("d")]))

    assert popped == [user("c"), user("b"), user("a"), None]
    assert run(other.get_items()) == run(other.get_items(9)) == [user("d")]
    assert [e.source["record"]["content"] for e in store.read(at(store)) if e.kind == "message"] == ["a", "b", "c", "d"]
    assert conversation(store) == [("user", [{"type": "text", "content": "d"}])]


def test_a_session_that_was_cleared_begins_anew_and_its_past_is_in_the_log(store, session, other):
    run(session.add_items([user("a")]))
    run(other.clear_session())
    run(session.add_items([user("b")]))

    assert run(session.get_items()) == run(SegueSession("s", store).get_items(5)) == [user("b")]
    assert conversation(store) == [("user", [{"type": "text", "content": "b"}])]
    assert [e.kind for e in store.read(at(store)) if e.kind in {"message", "head.moved"}] == ["message", "head.moved", "message"]


def test_a_session_that_was_deleted_by_another_begins_anew(store, session):
    run(session.add_items([user("a")]))
    store.delete(at(store))
    assert run(session.get_items()) == run(session.get_items(3)) == []

    run(session.add_items([user("b")]))

    assert run(session.get_items()) == [user("b")]


def test_an_erased_item_is_left_out_and_does_not_count(store, session, other):
    run(session.add_items([user("a"), user("secret"), user("c")]))
    seq = next(e.seq for e in store.read(at(store)) if e.kind == "message" and e.source["record"]["content"] == "secret")
    store.erase(at(store), [seq], {"reason": "asked for"})

    assert run(other.get_items()) == run(SegueSession("s", store).get_items(2)) == [user("a"), user("c")]


def test_calls_that_are_made_at_once_are_done_in_their_order(session):
    async def talk():
        await asyncio.gather(*(session.add_items([user(str(n))]) for n in range(20)))
        return await session.get_items()

    assert run(talk()) == [user(str(n)) for n in range(20)]


def test_an_append_is_whole_however_often_its_caller_is_cancelled(session):
    async def talk():
        task = asyncio.ensure_future(session.add_items([user("a"), user("b")]))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return await session.get_items()

    assert run(talk()) == [user("a"), user("b")]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=12,
    )
)
def test_whatever_has_a_form_in_json_comes_back(store, told):
    session = SegueSession("odd", store)
    item = {"role": "user", "content": told, "type": "message"}
    other = {"type": "computer_call", "action": told, "output": told}

    run(session.add_items([item, other]))

    assert run(session.get_items(2)) == [item, other]


def test_what_has_no_form_in_json_is_refused_whole(session):
    with pytest.raises(TypeError):
        run(session.add_items([user("a"), {"role": "user", "content": object()}]))

    assert run(session.get_items()) == []


# --- what others see


def test_what_was_said_reads_as_messages(store, session):
    thought = {"type": "reasoning", "id": "r", "summary": [{"type": "summary_text", "text": "hm"}]}
    picture = {"type": "input_image", "image_url": "data:image/png;base64,iVBORw0KGgo=", "detail": "auto"}
    hosted = {"type": "web_search_call", "id": "w", "status": "completed", "action": {"type": "search", "query": "pears"}}
    said = [
        {"role": "user", "content": [{"type": "input_text", "text": "what is it?"}, picture]},
        thought,
        hosted,
        call(1),
        output(1),
        answer("a pear"),
        {"type": "compaction", "encrypted_content": "x"},
    ]
    run(session.add_items(said))

    assert conversation(store) == [
        (
            "user",
            [
                {"type": "text", "content": "what is it?"},
                {"type": "blob", "modality": "image", "mime_type": "image/png", "content": "iVBORw0KGgo="},
            ],
        ),
        ("assistant", [{"type": "reasoning", "content": "hm"}]),
        (
            "assistant",
            [
                {
                    "type": "tool_call",
                    "id": "w",
                    "name": "web_search",
                    "arguments": {"action": {"type": "search", "query": "pears"}},
                }
            ],
        ),
        ("assistant", [{"type": "tool_call", "id": "c1", "name": "look", "arguments": {"n": 1}}]),
        ("tool", [{"type": "tool_call_response", "id": "c1", "response": "seen"}]),
        ("assistant", [{"type": "text", "content": "a pear"}]),
    ]


def test_each_request_of_a_run_is_counted_once(store, session):
    usage = Usage()
    wrapper = RunContextWrapper(context=None, usage=usage)
    run(session.get_items(wrapper=wrapper))
    run(session.add_items([user("a")], wrapper=wrapper))
    for n in (1, 2):
        usage.add(Usage(requests=1, input_tokens=10 * n, output_tokens=n, total_tokens=11 * n))
        run(session.add_items([answer(str(n))], wrapper=wrapper))
    run(session.store_run_usage(SimpleNamespace(context_wrapper=wrapper)))
    run(session.store_run_usage(SimpleNamespace(context_wrapper=wrapper)))

    told = [e.body for e in store.read(at(store)) if e.kind == "usage"]
    assert [(u["input_tokens"], u["output_tokens"]) for u in told] == [(10, 1), (20, 2)]
    assert {k: v for k, v in run(session.get_turn_usage(1)).items() if "details" not in k} == {
        "requests": 2,
        "input_tokens": 30,
        "output_tokens": 3,
        "total_tokens": 33,
    }


def test_what_a_run_used_before_it_was_resumed_here_is_not_counted_again(store, session):
    usage = Usage()
    usage.add(Usage(requests=1, input_tokens=10, output_tokens=1, total_tokens=11))
    wrapper = RunContextWrapper(context=None, usage=usage)

    run(session.get_items(wrapper=wrapper))
    run(session.add_items([user("a")], wrapper=wrapper))

    assert [e.kind for e in store.read(at(store)) if e.kind == "usage"] == []


def test_the_rest_of_segue_finds_and_reads_the_session(tmp_path):
    with segue.open(tmp_path / "store") as store:
        run(SegueSession("trip", store, header={"project": "travel"}).add_items([user("to Oslo, by train"), answer("booked")]))

        session = store.session("trip")

        assert (session.state().header["project"], session.state().status) == ("travel", "active")
        assert [hit.session for hit in store.search("Oslo").hits] == [session.id]
        assert "to Oslo, by train" in session.restore(budget=2_000).text
        assert messages(session) == [user("to Oslo, by train"), {"role": "assistant", "content": "booked"}]


def test_a_restored_checkpoint_takes_the_session_back(tmp_path):
    with segue.open(tmp_path / "store") as store:
        session = SegueSession("trip", store)
        run(session.add_items([user("a"), answer("b")]))
        place = store.session("trip").checkpoint(description="before")
        run(session.add_items([user("c")]))
        run(session.pop_item())
        run(session.pop_item())

        store.session("trip").restore_checkpoint(place, conversation=True)

        assert run(session.get_items()) == run(SegueSession("trip", store).get_items(9)) == [user("a"), answer("b")]


# --- compaction


def test_a_summary_replaces_what_it_was_made_of_and_the_whole_past_stays_in_sight(store):
    async def condense(items):
        return [{"role": "user", "content": f"summary of {len(items)}"}] if len(items) > 2 else None

    session = SegueSession("s", store, condense=condense)
    run(session.add_items([user("a"), answer("b")]))
    run(session.run_compaction())
    before = run(session.get_items())
    run(session.add_items([user("c")]))
    run(session.run_compaction({"force": True}))

    assert before == [user("a"), answer("b")]
    assert run(session.get_items()) == run(SegueSession("s", store).get_items(9)) == [user("summary of 3")]
    assert [parts[0]["content"] for _, parts in conversation(store)] == ["a", "b", "c", "summary of 3"]


def test_a_snapshot_replaces_only_what_is_still_as_it_was(session, other):
    async def talk():
        await session.add_items([user(str(n)) for n in range(4)])
        snapshot = await session._get_compaction_snapshot(3)
        late = await session._get_compaction_snapshot(3)
        first = await snapshot.replace_suffix(1, [user("new")])
        await other.add_items([user("more")])
        return snapshot.items, snapshot.complete, first, await late.replace_suffix(0, []), await session.get_items()

    assert run(talk()) == (
        [user("1"), user("2"), user("3")],
        False,
        True,
        False,
        [user("0"), user("1"), user("new"), user("more")],
    )


def test_it_works_within_the_sdks_own_wrappers(store, session):
    class Compacts:
        def __init__(self):
            self.responses = self

        async def compact(self, **_):
            return SimpleNamespace(output=[user("compacted")], usage=None)

    inner = OpenAIResponsesCompactionSession("s", session, client=Compacts(), compaction_mode="input")
    sealed = EncryptedSession("s", inner, encryption_key="synthetic-key")

    async def talk():
        await sealed.add_items([user("a"), answer("b")])
        plain = await sealed.get_items()
        await sealed.run_compaction({"force": True})
        return plain, await sealed.get_items()

    assert run(talk()) == ([user("a"), answer("b")], [user("compacted")])
    assert "compacted" not in str([e.source for e in store.read(at(store))])


def test_without_the_sdks_private_class_there_is_no_snapshot(session, monkeypatch):
    monkeypatch.setattr("segue.integrations.openai_agents._CompactionSnapshot", None)

    assert run(session._get_compaction_snapshot(5)) is None


def test_nothing_is_found_under_another_id(store, session):
    run(session.add_items([user("a")]))

    assert run(SegueSession("t", store).get_items()) == []
    with pytest.raises(NotFoundError):
        store.stamp("019a0000-0000-7000-8000-000000000000")
