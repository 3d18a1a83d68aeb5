"""A thread of LangGraph's is a session: whoever begins it, deletes it, lists it or writes to it meanwhile."""

import asyncio
import threading

import pytest
from langgraph.checkpoint.base import empty_checkpoint

from segue.core.log.events import Draft
from segue.core.session.state import fold
from segue.integrations.langgraph import SegueSaver
from segue.testing.fakes import FakeClock
from tests.integrations.graphs import config_of


def puts(saver, thread, name="1", parent=None):
    checkpoint = {**empty_checkpoint(), "id": name}
    more = {"checkpoint_id": parent} if parent else {}
    return saver.put(config_of(thread, checkpoint_ns="", **more), checkpoint, {"source": "loop", "step": 0}, {})


def test_a_threads_session_has_a_name_and_is_found_by_the_threads_id(store):
    puts(SegueSaver(store, clock=FakeClock()), "my thread")

    (session,) = store.sessions()
    state = fold(store.read(session))
    assert (state.header["name"], state.status) == ("SESSION-260115-001", "active")
    assert (state.header["agent"], state.header["foreign_ids"]) == ("langgraph", ["my thread"])


def test_many_writers_that_begin_a_thread_at_once_end_in_one_session(store):
    savers, gate = [SegueSaver(store) for _ in range(8)], threading.Barrier(8)

    def begin(saver, n):
        gate.wait()
        puts(saver, "same", name=str(n))

    threads = [threading.Thread(target=begin, args=(s, n)) for n, s in enumerate(savers)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()

    assert len(list(store.sessions())) == 1
    assert sorted(t.checkpoint["id"] for t in savers[0].list(config_of("same"))) == [str(n) for n in range(8)]


def test_the_threads_of_one_program_that_begin_a_thread_at_once_use_one_number_up(store):
    saver, gate = SegueSaver(store, clock=FakeClock()), threading.Barrier(8)

    def begin(n):
        gate.wait()
        puts(saver, "same", name=str(n))

    threads = [threading.Thread(target=begin, args=(n,)) for n in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()

    (session,) = store.sessions()
    assert fold(store.read(session)).header["name"] == "SESSION-260115-001"
    assert len(list(saver.list(config_of("same")))) == 8


def test_a_deleted_thread_begins_anew_for_every_saver_that_knew_it(store):
    first, second = SegueSaver(store), SegueSaver(store)
    puts(first, "t", name="1")
    assert second.get_tuple(config_of("t")) is not None

    first.delete_thread("t")
    assert second.get_tuple(config_of("t")) is None
    puts(second, "t", name="2")
    first.delete_thread("t")
    puts(first, "t", name="3")

    assert [t.checkpoint["id"] for t in second.list(config_of("t"))] == ["3"]
    assert len(list(store.sessions())) == 1


def test_all_threads_are_listed_newest_checkpoint_first(store):
    saver = SegueSaver(store)
    for n, thread in enumerate(["a", "b", "a"]):
        puts(saver, thread, name=f"{n}")
    store.create("01890000-0000-7000-8000-000000000001", [Draft("session.created", {})])

    listed = [(t.config["configurable"]["thread_id"], t.checkpoint["id"]) for t in SegueSaver(store).list(None)]

    assert listed == [("a", "2"), ("b", "1"), ("a", "0")]


def test_a_thread_id_can_be_any_text_and_never_meets_another(store):
    saver = SegueSaver(store)
    ids = ["", "0", "a/b", "a\0b", "ä" * 2000, "\ud800", "../../etc", "SESSION-260115-001"]
    for thread in ids:
        puts(saver, thread, name=f"id of {thread[:9]!r}")

    assert [saver.get_tuple(config_of(thread)).checkpoint["id"] for thread in ids] == [f"id of {t[:9]!r}" for t in ids]


def test_writes_may_come_before_their_checkpoint_and_after_the_next(store):
    saver = SegueSaver(store)
    place = config_of("t", checkpoint_ns="", checkpoint_id="1")

    saver.put_writes(place, [("c", "early")], "task-b")
    puts(saver, "t", name="1")
    puts(saver, "t", name="2", parent="1")
    saver.put_writes(place, [("c", "late")], "task-a", "path")
    saver.put_writes(place, [("c", "again")], "task-b")

    assert saver.get_tuple(place).pending_writes == [
        ("task-b", "c", "early"),
        ("task-a", "c", "late"),
    ]


def test_a_listing_goes_on_while_the_thread_is_written(store):
    saver = SegueSaver(store)
    for n in range(3):
        puts(saver, "t", name=f"{n}")

    listed = []
    for found in saver.list(config_of("t")):
        puts(saver, "t", name=f"9{found.checkpoint['id']}")
        listed.append(found.checkpoint["id"])

    assert listed == ["2", "1", "0"]


def test_a_value_whose_parent_is_unknown_is_stored_whole(store):
    saver = SegueSaver(store)
    checkpoint = {
        **empty_checkpoint(),
        "id": "2",
        "channel_values": {"c": [1, 2]},
        "channel_versions": {"c": 4},
    }

    saver.put(config_of("t", checkpoint_ns="", checkpoint_id="never stored"), checkpoint, {}, {})

    assert SegueSaver(store).get_tuple(config_of("t")).checkpoint["channel_values"] == {"c": [1, 2]}


def test_a_cancelled_save_is_whole_before_the_cancellation_goes_on(store):
    saver, entered, go = SegueSaver(store), threading.Event(), threading.Event()
    append = store.append

    def slow(*args, **kwargs):
        entered.set()
        go.wait(120)
        return append(*args, **kwargs)

    store.append = slow

    async def main():
        checkpoint = {**empty_checkpoint(), "id": "1"}
        task = asyncio.create_task(saver.aput(config_of("t", checkpoint_ns=""), checkpoint, {}, {}))
        await asyncio.to_thread(entered.wait, 120)
        task.cancel()
        asyncio.get_running_loop().call_later(0.01, go.set)
        with pytest.raises(asyncio.CancelledError):
            await task
        return saver.get_tuple(config_of("t"))

    assert asyncio.run(main()).checkpoint["id"] == "1"


def test_writes_without_a_checkpoint_are_refused(store):
    with pytest.raises(ValueError, match="no checkpoint_id"):
        SegueSaver(store).put_writes(config_of("t"), [("c", 1)], "task")
    assert list(store.sessions()) == []
