"""A call that is cancelled is whole or absent, and says which: at every step, and while the disk has it."""

import asyncio
import fcntl
import os

import pytest

from segue import aio
from segue.aio import _lanes
from segue.core.errors import OutcomeUnknownError, UsageError
from segue.testing.builders import said, user
from tests.unit.aio.conftest import texts, turns


async def cancelled(task):
    """Return what *task*, which was cancelled, ended with."""
    with pytest.raises(asyncio.CancelledError) as caught:
        await task
    return caught.value


# --- at every step of the loop


async def one(session):
    await session.append(user("a"))


async def several(session):
    await session.append_all([user("a"), user("b")])


async def together(session):
    async with asyncio.TaskGroup() as group:
        for text in "abc":
            group.create_task(session.append(user(text)))


async def verbs(session):
    await session.append(user("a"))
    await session.checkpoint("here", name="here")
    await session.pause("user")
    await session.resume()
    await session.update(title="pears")
    await session.fork()


async def in_a_run(session):
    async with session.running() as run:
        await session.append(user("a"))
        await run.check()
        await session.append(user("b"))


async def bounded(session):
    async with asyncio.timeout(None):
        await session.append(user("a"))


STORIES = [one, several, together, verbs, in_a_run, bounded]


def story_at(store, story, steps):
    """Tell *story* to a session, cancelled after *steps* steps of the loop; return the session, and how it ended."""

    async def main():
        session = await store.create(task="sell pears")
        task = asyncio.ensure_future(story(session))
        await turns(steps)
        done = task.done()
        task.cancel()
        (task,), _ = await asyncio.wait([task])
        await turns()
        return session, done, _raised(task)

    return asyncio.run(main())


def _raised(task):
    """Return the CancelledError that *task* ended with, or None. It is handed out once: the next one is another."""
    try:
        task.result()
    except asyncio.CancelledError as e:
        return e
    return None


@pytest.mark.usefixtures("stepwise")
@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_what_is_cancelled_at_any_step_is_whole_or_absent_and_says_which(store, story):
    ends = set()
    for steps in range(1_000):
        session, done, error = story_at(store, story, steps)
        found = aio.outcome(error)
        state = session.sync.state()
        whole = texts(session)
        assert whole in ([], ["a"], ["a", "b"], ["a", "b", "c"])
        assert story is not several or len(whole) != 1
        if found is not None and story in {one, several, bounded}:
            assert found.state == ("whole" if whole else "absent")
            assert found.state in error.__notes__[0]
            assert found.state == "absent" or found.result.entries[-1].seq == state.seq
        if error is None and story in {one, several, together}:
            assert whole == [*"abc"][: {one: 1, several: 2, together: 3}[story]]
        if story is in_a_run and error is not None and "run ended" not in triggers(state) and "agent" in state.agents:
            assert (state.status, state.lifecycle["reason"]) == ("paused", "other")
        assert list(session.sync._store.verify(session.id)) == []
        ends.add(found.state if found else "nothing begun" if error else "done")
        if done:
            break
    assert done
    assert ends <= {"nothing begun", "absent", "whole", "done"}
    assert {"nothing begun", "done"} <= ends
    assert story in {together, in_a_run} or {"absent", "whole"} <= ends


def triggers(state):
    return [place["trigger"] for place in state.checkpoints.values()]


# --- while the disk has it


def test_a_caller_whose_append_is_being_written_hears_its_outcome(store, disk):
    async def main():
        session = await store.create(task="sell pears")
        under_way = disk.hold()
        task = asyncio.create_task(session.append(user("a")))
        await under_way.wait()
        task.cancel()
        await turns()
        task.cancel()  # being cancelled again changes nothing
        await turns()
        assert not task.done()
        disk.let_go()
        error = await cancelled(task)
        found = aio.outcome(error)
        assert (found.state, found.result.entries[0].seq) == ("whole", 3)
        assert error.__notes__ == [f"<segue outcome of append to {session.id}: whole: it is on disk>"]
        assert texts(session) == ["a"]

    asyncio.run(main())


def test_a_disk_that_hangs_does_not_hold_a_cancelled_caller_for_ever_and_the_outcome_can_be_asked_for(store, disk, monkeypatch):
    monkeypatch.setattr(_lanes, "PATIENCE", 0.01)

    async def main():
        session = await store.create(task="sell pears")
        under_way = disk.hold()
        task = asyncio.create_task(session.append(user("a")))
        await under_way.wait()
        task.cancel()
        found = aio.outcome(await cancelled(task))
        assert (found.state, found.result, found.error) == ("unknown", None, None)
        assert "still going on" in repr(found)
        disk.let_go()
        assert (await found.settled()).state == "whole"
        assert texts(session) == ["a"]

    asyncio.run(main())


def test_who_waits_for_its_turn_is_let_go_at_once_and_nothing_is_written(store, disk):
    async def main():
        session = await store.create(task="sell pears")
        under_way = disk.hold()
        first = asyncio.create_task(session.append(user("a")))
        await under_way.wait()
        second, third = (asyncio.create_task(session.append(user(text))) for text in "bc")
        await turns()
        second.cancel()
        found = aio.outcome(await cancelled(second))
        assert (found.state, (await found.settled()).state) == ("absent", "absent")
        assert not first.done()
        disk.let_go()
        assert [(await first).seq, (await third).seq] == [3, 4]
        assert texts(session) == ["a", "c"]

    asyncio.run(main())


@pytest.mark.parametrize("scopes", [None, {"app:x": {"k": 1}}], ids=["plain", "shared"])
def test_who_waits_for_a_lock_of_another_process_is_let_go_at_once(store, tmp_path, scopes):
    async def main():
        session = await store.create(task="sell pears")
        fd = os.open(tmp_path / "store" / "sessions" / session.id / "lock", os.O_RDWR)
        fcntl.flock(fd, fcntl.LOCK_EX)
        task = asyncio.create_task(session.append(user("a")))
        await asyncio.sleep(0.02)  # it may wait for the lock by then, or not yet: neither makes a difference
        task.cancel()
        assert aio.outcome(await cancelled(task)).state == "absent"
        os.close(fd)
        await session.append(user("b", scopes=scopes))
        assert texts(session) == ["b"]

    asyncio.run(main())


def test_where_the_disk_does_not_confirm_the_same_key_makes_it_safe_to_do_it_again(store, disk):
    async def main():
        session = await store.create(task="sell pears")
        under_way = disk.hold()
        task = asyncio.create_task(session.append(user("a", key="k")))
        await under_way.wait()
        task.cancel()
        await turns()
        disk.let_go(fails=True)
        found = aio.outcome(await cancelled(task))
        assert (found.state, type(found.error)) == ("unknown", OutcomeUnknownError)
        disk.fails = False
        again = [await session.append(user("a", key="k")) for _ in range(2)]
        assert [one.seq for one in again] == [3, 3]
        assert texts(session) == ["a"]

    asyncio.run(main())


async def by_timeout(session):
    async with asyncio.timeout(0.01):
        await session.append(user("b"))


async def by_wait_for(session):
    await asyncio.wait_for(session.append(user("b")), 0.01)


@pytest.mark.parametrize("ask", [by_timeout, by_wait_for])
def test_a_timeout_says_what_became_of_the_append(store, disk, ask):
    async def main():
        session = await store.create(task="sell pears")
        under_way = disk.hold()
        first = asyncio.create_task(session.append(user("a")))
        await under_way.wait()
        with pytest.raises(TimeoutError) as caught:
            await ask(session)
        assert aio.outcome(caught.value).state == "absent"
        disk.let_go()
        await first
        assert texts(session) == ["a"]

    asyncio.run(main())


def test_a_task_group_that_fails_leaves_no_append_half_done(store, disk):
    async def main():
        session = await store.create(task="sell pears")
        ends = []

        async def append(text):
            try:
                await session.append(user(text))
            except asyncio.CancelledError as e:
                ends.append((text, aio.outcome(e).state))
                raise

        async def fail(under_way):
            await under_way.wait()
            asyncio.get_running_loop().call_later(0.01, disk.let_go)
            raise ValueError("x")

        under_way = disk.hold()
        with pytest.raises(ExceptionGroup):  # noqa: PT012 - the group is what raises it
            async with asyncio.TaskGroup() as group:
                group.create_task(fail(under_way))
                for text in "abc":
                    group.create_task(append(text))
        assert sorted(text for text, state in ends if state == "whole") == texts(session)
        assert {state for _, state in ends} <= {"whole", "absent"}
        assert ("a", "whole") in ends

    asyncio.run(main())


def test_a_loop_that_ends_with_appends_on_their_way_waits_for_what_is_being_written(store, disk):
    async def main():
        session = await store.create(task="sell pears")
        under_way = disk.hold()
        tasks = [asyncio.create_task(session.append(user(text))) for text in "ab"]
        await under_way.wait()
        asyncio.get_running_loop().call_later(0.01, disk.let_go)
        return session, tasks  # asyncio.run cancels them

    session, tasks = asyncio.run(main())
    ends = [aio.outcome(_raised(task)).state for task in tasks]
    assert ends[0] == "whole"
    assert texts(session) == [text for text, end in zip("ab", ends, strict=True) if end == "whole"]


def test_a_loop_that_is_closed_under_an_append_loses_nothing_that_was_being_written(store, disk):
    loop, port = asyncio.new_event_loop(), store.port
    session = loop.run_until_complete(store.create(task="sell pears"))

    async def begin():
        under_way = disk.hold()
        coroutine = session.append(user("a"))
        future = asyncio.ensure_future(coroutine)
        await under_way.wait()
        return future

    future = loop.run_until_complete(begin())
    future._log_destroy_pending = False  # that it is left pending is what is tried here
    loop.close()
    disk.let_go()
    del future

    asyncio.run(store.close())  # waits for all that was asked
    assert [said(event.body) for event in port.read(session.id, after=2)] == ["a"]


def test_a_closed_store_takes_nothing_more_and_closing_waits_for_what_was_asked(store, disk):
    async def main():
        session = await store.create(task="sell pears")
        under_way = disk.hold()
        tasks = [asyncio.create_task(session.append(user(text))) for text in "abc"]
        await under_way.wait()
        closing = asyncio.create_task(store.close())
        await turns()
        assert not closing.done()
        disk.let_go()
        await closing
        assert [(await task).seq for task in tasks] == [3, 4, 5]
        for call in (session.append(user("d")), session.state(), store.create(), session.checkpoint()):
            with pytest.raises(UsageError, match="closed"):
                await call
        await store.close()

    asyncio.run(main())
