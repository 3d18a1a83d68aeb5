"""Many tasks, loops, threads and processes at once; watching; reading; and threads that end."""

import asyncio
import subprocess
import sys
import threading

import pytest

from segue import aio
from segue.core.errors import DamagedError, NotFoundError, UsageError
from segue.host.threads import Threads, threads
from segue.testing.builders import user
from tests.unit.aio.conftest import texts, turns

MANY = 600


def test_appends_of_many_tasks_are_in_the_order_in_which_they_were_asked(store):
    async def main():
        session = await store.create(task="sell pears")
        found = await asyncio.gather(*(session.append(user(str(n))) for n in range(MANY)))
        assert [one.seq for one in found] == list(range(3, MANY + 3))
        assert texts(session) == [str(n) for n in range(MANY)]

    asyncio.run(main())


def test_appends_that_wait_for_one_that_is_written_are_one_sync(store, disk):
    async def main():
        session = await store.create(task="sell pears")
        before = disk.count
        under_way = disk.hold()
        first = asyncio.create_task(session.append(user("first")))
        await under_way.wait()
        others = [asyncio.create_task(session.append(user(str(n)))) for n in range(100)]
        await turns()
        disk.let_go()
        await asyncio.gather(first, *others)
        assert disk.count - before == 2

    asyncio.run(main())


def test_other_verbs_keep_their_place_among_appends(store):
    async def main():
        session = await store.create(task="sell pears")
        calls = [session.append(user("a")), session.pause(), session.append(user("b")), session.resume(), session.end()]
        await asyncio.gather(*map(asyncio.ensure_future, calls))
        kinds = [event.kind for event in session.sync.events(after=2)]
        assert kinds == ["message", "session.paused", "message", "session.resumed", "session.ended"]

    asyncio.run(main())


def test_each_append_of_a_crowd_has_its_own_outcome(store, disk):
    async def main():
        session = await store.create(task="sell pears")
        under_way = disk.hold()
        first = asyncio.create_task(session.append(user("first")))
        await under_way.wait()
        calls = [session.append(user("a")), session.append("message", {"role": 7}), session.append(user("b"), expect=99)]
        crowd = asyncio.gather(*calls, return_exceptions=True)
        await turns()
        disk.let_go()
        found = await crowd
        assert [getattr(one, "code", "") or one.seq for one in found] == [4, "invalid-event", "head-moved"]
        assert (await first).seq == 3

    asyncio.run(main())


def test_several_loops_in_several_threads_use_one_store(store):
    session = asyncio.run(store.create(task="sell pears"))
    numbers = []

    def work(name):
        async def main():
            found = await asyncio.gather(*(session.append(user(f"{name}{n}")) for n in range(20)))
            numbers.extend(one.seq for one in found)

        asyncio.run(main())

    crew = [threading.Thread(target=work, args=(name,)) for name in "abc"]
    for thread in crew:
        thread.start()
    for thread in crew:
        thread.join()
    assert sorted(numbers) == list(range(3, 63))
    for name in "abc":
        assert [text for text in texts(session) if text[0] == name] == [f"{name}{n}" for n in range(20)]


FORKING = """
import asyncio, os, sys, warnings
from segue import aio

warnings.simplefilter("ignore", DeprecationWarning)  # that other threads are there is what is tried

async def say(session, who):
    await asyncio.gather(*(session.append("metric", {"name": who}) for _ in range(20)))

async def begin():
    store = await aio.open(sys.argv[1])
    session = await store.create(task="sell pears")
    await say(session, "before")
    return store, session

store, session = asyncio.run(begin())
child = os.fork()
asyncio.run(say(session, "child" if not child else "parent"))
if not child:
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
asyncio.run(store.close())
import segue
with segue.open(sys.argv[1]) as store:
    names = [event.body["name"] for event in store.session("last").events() if event.kind == "metric"]
    print({name: names.count(name) for name in sorted(set(names))})
"""


def test_a_forked_child_goes_on_with_its_parents_store(tmp_path):
    done = subprocess.run([sys.executable, "-c", FORKING, str(tmp_path / "s")], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("{'before': 20, 'child': 20, 'parent': 20}\n", "")


# --- reading


def test_events_are_read_some_at_a_time_in_both_directions_and_a_loop_can_be_left(store):
    async def main():
        session = await store.create(task="sell pears")
        await session.append_all([user(str(n)) for n in range(100)])
        assert [event.seq async for event in session.events()] == list(range(1, 103))
        assert [event.seq async for event in session.events(10, 90, reverse=True)] == list(range(90, 10, -1))
        events = session.events()
        async for event in events:
            if event.seq == 5:
                break
        await events.aclose()
        assert [event.seq for event in await session.conversation()] == list(range(3, 103))
        with pytest.raises(NotFoundError):
            await store.session("nowhere")

    asyncio.run(main())


def test_damage_is_told_in_its_place_and_comes_behind_the_events_before_it(store, tmp_path):
    async def main():
        session = await store.create(task="sell pears")
        await session.append_all([user(f"text-{n}") for n in range(10)])
        (segment,) = (tmp_path / "store" / "sessions" / session.id / "log").iterdir()
        segment.write_bytes(segment.read_bytes().replace(b"text-4", b"test-4"))
        told = []
        seqs = [event.seq async for event in session.events(on_damage=lambda damage: told.append((len(seen), damage.seq)))
                if seen.append(event.seq) is None]  # fmt: skip
        assert seqs == [1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12]
        assert told == [(6, 7)]
        before = []
        with pytest.raises(DamagedError):
            await read(session, before)
        assert before == [1, 2, 3, 4, 5, 6]

    seen = []
    asyncio.run(main())


async def read(session, into):
    async for event in session.events():
        into += [event.seq]


def test_who_reads_is_let_go_at_once_when_cancelled(store, disk):
    async def main():
        session = await store.create(task="sell pears")
        task = asyncio.create_task(session.state())
        await turns(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError) as caught:
            await task
        assert aio.outcome(caught.value) is None
        assert (await session.state()).status == "active"

    asyncio.run(main())


# --- watching


@pytest.mark.parametrize("after", [None, 0])
def test_watching_yields_what_comes_and_ends_when_it_is_cancelled(store, after):
    async def main():
        session = await store.create(task="sell pears")
        seen, enough = [], asyncio.Event()

        async def watch():
            async for event in session.watch(after):
                seen.append(event.seq)
                if event.seq == 102:
                    enough.set()

        task = asyncio.create_task(watch())
        while not seen:
            await session.append(user("again"))  # until the watcher has taken its first step
            await asyncio.sleep(0.01)
        head = session.sync.state().seq
        await session.append_all([user(str(n)) for n in range(102 - head)])
        await enough.wait()
        assert seen == list(range(seen[0], 103))
        assert seen[0] == 1 if after == 0 else seen[0] >= 3
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        while len(threads._parked) < threads._alive:  # noqa: ASYNC110 - none of them waits for what is watched
            await asyncio.sleep(0.01)

    asyncio.run(main())


def test_a_loop_over_what_is_watched_can_be_left(store):
    async def main():
        session = await store.create(task="sell pears")
        watched = session.watch(after=0)
        assert [(await anext(watched)).seq, (await anext(watched)).seq] == [1, 2]
        await watched.aclose()
        gone = session.watch()
        await session.delete()
        with pytest.raises(NotFoundError):
            await anext(gone)

    asyncio.run(main())


# --- runs


def test_a_coroutine_function_is_a_run_each_time_it_is_called(store):
    async def main():
        session = await store.create(task="sell pears")

        @session.running(agent="ann")
        async def work(text):
            """Work."""
            await session.append(user(text))
            return session.sync.state().agents["ann"]["status"]

        assert (await work("a"), await work("b"), work.__doc__) == ("running", "running", "Work.")
        state = session.sync.state()
        assert [place["trigger"] for place in state.checkpoints.values()] == ["run ended", "run ended"]
        assert (state.agents["ann"]["status"], texts(session)) == ("idle", ["a", "b"])
        with pytest.raises(UsageError, match="no coroutine function"):
            session.running()(print)

    asyncio.run(main())


def test_an_error_that_leaves_a_run_pauses_the_session_and_goes_on_unchanged(store):
    async def main():
        session = await store.create(task="sell pears")
        heard = []
        run = session.running(on_interrupt=heard.append)
        with pytest.raises(ValueError, match="no pears"):
            async with run:
                raise ValueError("no pears")
        life = session.sync.state().lifecycle
        assert (life["status"], life["reason"], life["note"]) == ("paused", "error", "ValueError: no pears")
        assert heard == [run.interruption]
        with pytest.raises(UsageError, match="begun already"):
            async with run:
                pass

    asyncio.run(main())


def test_a_run_that_cannot_begin_leaves_nothing_listening(store):
    import signal

    async def main():
        session = await store.create(task="sell pears")
        run = session.running()
        await session.delete()
        before = signal.getsignal(signal.SIGTERM)
        with pytest.raises(NotFoundError):
            async with run:
                pass
        assert signal.getsignal(signal.SIGTERM) is before

    asyncio.run(main())


# --- opening, and threads


def test_a_store_is_opened_with_await_and_with_async_with(tmp_path):
    async def main():
        async with aio.open(tmp_path / "s") as store:
            session = await store.create(task="sell pears")
            assert (await session.name()).startswith("SESSION-")
        store = await aio.open(tmp_path / "s")
        assert [row.id for row in await store.sessions()] == [session.id]
        found = await store.session("last")
        assert (found.id, found.position, store.url) == (session.id, None, f"log://{tmp_path / 's'}")
        await store.close()
        with pytest.raises(UsageError):
            await aio.open("nothing://such")

    asyncio.run(main())


def test_threads_are_as_many_as_are_needed_up_to_a_limit_and_end_when_idle():
    pool = Threads(limit=3, idle=0.01)
    go, begun, done = threading.Event(), threading.Semaphore(0), threading.Semaphore(0)

    def job():
        begun.release()
        go.wait(60)
        done.release()

    for _ in range(5):
        pool.submit(job)
    for _ in range(3):
        assert begun.acquire(timeout=60)
    assert (pool._alive, len(pool._jobs)) == (3, 2)
    go.set()
    for _ in range(5):
        assert done.acquire(timeout=60)
    ended = threading.Event()
    for _ in range(6_000):
        if not pool._alive:
            break
        ended.wait(0.01)
    assert (pool._alive, len(pool._parked), len(pool._jobs)) == (0, 0, 0)
    pool.submit(done.release)
    assert done.acquire(timeout=60)


def test_what_is_asked_outside_of_a_loop_is_refused_by_python_itself(store):
    coroutine = store.create(task="x")
    with pytest.raises(RuntimeError, match="no running event loop"):
        coroutine.send(None)


def test_a_process_that_ends_with_a_lock_that_hangs_does_not_wait_for_it(tmp_path):
    program = """
import asyncio, fcntl, os, sys
from segue import aio
from segue.stores.log import LogStore
LogStore.__init__.__kwdefaults__["lock_timeout"] = 1e9
async def main():
    store = await aio.open(sys.argv[1])
    session = await store.create(task="x")
    fd = os.open(f"{sys.argv[1]}/sessions/{session.id}/lock", os.O_RDWR)
    fcntl.flock(fd, fcntl.LOCK_EX)
    try:
        async with asyncio.timeout(0.05):
            await session.append("metric", {"name": "n"})
    except TimeoutError as e:
        print(aio.outcome(e).state)
asyncio.run(main())
"""
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "s")], capture_output=True, text=True, check=False, timeout=200
    )
    assert (done.stdout, done.stderr, done.returncode) == ("absent\n", "", 0)
