"""A session of the OpenAI Agents SDK in a store: what is added, read, popped, cleared, condensed; and what the rest of segue sees."""

import asyncio

import pytest
from agents import SessionSettings
from agents.memory.session import Session, is_openai_responses_compaction_aware_session
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from segue.core.log.events import Draft
from segue.core.log.texts import pack
from segue.integrations.openai_agents import SegueSession
from segue.integrations.openai_agents._lines import SCHEMA, Lines
from segue.ports import Snapshot
from tests.integrations.openai_items import answer, at, call, conversation, output, run, user


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


def test_what_one_had_read_that_is_erased_is_neither_given_nor_kept_for_others(store, session, other):
    secret = "secret " * 10
    run(session.add_items([user(secret), user("b")]))
    assert len(run(session.get_items())) == 2
    (seq,) = (e.seq for e in store.read(at(store)) if e.source and e.source["record"]["content"] == secret)
    store.erase(at(store), [seq], {"reason": "asked for"})
    more = [user(str(n)) for n in range(260)]
    run(other.add_items(more))

    assert run(session.get_items()) == [user("b"), *more]
    assert secret.encode() not in store.snapshot(at(store), SCHEMA).data


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


def test_a_long_session_is_loaded_from_a_snapshot_and_the_tail(store, session, monkeypatch):
    said = [user(str(n)) for n in range(600)]
    run(session.add_items(said[:500]))
    run(session.create_branch_from_turn(3, "b"))
    run(session.switch_to_branch("main"))
    run(session.pop_item())
    run(session.get_items())
    run(session.add_items(said[499:]))
    read, seen = store.read, []
    monkeypatch.setattr(store, "read", lambda *a, **k: (seen.append(e.seq) or e for e in read(*a, **k)))

    assert run(SegueSession("s", store).get_items()) == said
    assert len(seen) == 104  # behind the 502 that were there when a branch was begun
    assert run(SegueSession("s", store, branch="b").get_items()) == said[:2]

    store.drop_snapshots(at(store))
    assert run(SegueSession("s", store).get_items()) == said


def test_of_a_session_that_grows_one_snapshot_is_kept(store):
    kept = []
    for n in range(4):
        run(SegueSession("s", store).add_items([user(f"{n}.{i}") for i in range(300)]))
        run(SegueSession("s", store).get_items())
        last = store.snapshot(at(store), SCHEMA).seq
        kept.append((last, store.snapshot(at(store), SCHEMA, last - 1)))

    assert kept == [(302, None), (602, None), (902, None), (1202, None)]


def test_a_snapshot_that_is_none_of_ours_is_not_believed(store, session):
    run(session.add_items([user("a")]))
    head = store.info(at(store)).head
    store.put_snapshot(at(store), Snapshot(head.seq, head.digest, SCHEMA, b'{"seq": 1}'))

    assert run(SegueSession("s", store).get_items()) == [user("a")]


def test_a_snapshot_that_says_it_is_of_another_event_is_not_believed(store, session):
    run(session.add_items([user("a")]))
    head = store.info(at(store)).head
    told = Lines(lambda _: Lines(None)).to_json() | {"seq": [1]}
    store.put_snapshot(at(store), Snapshot(head.seq, head.digest, SCHEMA, pack(told)))

    assert run(SegueSession("s", store).get_items()) == [user("a")]


def test_events_that_only_look_like_ours_harm_nothing(store, session):
    run(session.add_items([user("a")]))
    odd = [
        Draft("head.moved", {"to": None, "openai_agents": {"branch": 7}}, stream="elsewhere"),
        Draft("compaction", {"openai_agents": "x"}),
        Draft("openai_agents.pruned", {"branch": "main", "upto": "all"}),
        Draft("openai_agents.turn", {}),
        Draft("message", {"role": "user", "parts": []}, source={"agent": "openai_agents", "record": 7, "branch": []}),
    ]
    store.append(at(store), odd)

    assert run(session.get_items()) == run(SegueSession("s", store).get_items(9)) == [user("a"), 7]
    assert run(session.get_session_usage()) is None
    assert [t["content"] for t in run(session.get_conversation_turns())] == ["a"]
