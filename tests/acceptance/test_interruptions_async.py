"""Asynchronous Python agents that are stopped from outside: saved and paused, and ended or cancelled as asyncio does it."""

import fcntl
import os
import signal
import subprocess

import pytest

import segue
from tests.acceptance.interruption_kit import PATIENCE, agent, told

ASYNC = """
import asyncio
from segue import aio

async def main():
    async with aio.open() as store:
        session = await store.session("last")
        async with session.running() as run:
            await session.append("step.completed", {"text": "weighed"})
            say("ready")
            HERE
asyncio.run(main())
"""
ASYNC_PLACES = {
    "waits": "await asyncio.sleep(300)",
    "computes": "time.sleep(300)",
    "appends": "while True: await session.append('metric', {'name': 'n'})",
}
ASYNC_ENDINGS = [(signal.SIGTERM, where) for where in ASYNC_PLACES] + [(signal.SIGINT, "waits"), (signal.SIGINT, "appends")]


@pytest.mark.parametrize(("number", "where"), ASYNC_ENDINGS, ids=[f"{n.name}-{where}" for n, where in ASYNC_ENDINGS])
def test_a_signal_saves_pauses_and_ends_an_asynchronous_program(lived_in, number, where):
    with agent(ASYNC.replace("HERE", ASYNC_PLACES[where]), stderr=subprocess.DEVNULL) as process:
        process.send_signal(number)
        assert process.wait(PATIENCE) == (143 if number == signal.SIGTERM else -signal.SIGINT)

    status, why, note, triggers, agent_status = told()
    reason = "system" if number == signal.SIGTERM else "user"
    assert (status, why, note, agent_status) == ("paused", reason, number.name, "interrupted")
    assert [one for one in triggers if one != "signal"] == [f"pause: {reason}"]  # asyncio handles Ctrl-C: a checkpoint as well
    assert list((lived_in / "emergency").iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda n: n.name)
def test_a_lock_that_hangs_does_not_keep_an_asynchronous_program_and_nothing_is_lost(lived_in, number):
    with segue.open() as store:
        session = store.session("last").id
    (lock,) = (lived_in / "store" / "sessions" / session).glob("lock")
    with agent(ASYNC.replace("HERE", "await asyncio.sleep(300)"), hangs=True, stderr=subprocess.DEVNULL) as process:
        fd = os.open(lock, os.O_RDWR)
        fcntl.flock(fd, fcntl.LOCK_EX)
        process.send_signal(number)
        code = process.wait(PATIENCE)
        os.close(fd)

    assert code == (143 if number == signal.SIGTERM else -signal.SIGINT)
    reason = "system" if number == signal.SIGTERM else "user"
    status, why, note, triggers, agent_status = told()
    assert (status, why, note, agent_status) == ("paused", reason, number.name, "interrupted")
    assert f"pause: {reason}" in triggers


@pytest.mark.parametrize("inside", [True, False], ids=["within the loop", "around the loop"])
def test_an_asyncio_program_is_cancelled_by_ctrl_c_as_ever(lived_in, inside):
    program = """
import asyncio
async def work():
    async with session.running() as run:
        say("ready")
        await asyncio.sleep(300)
async def bare():
    say("ready")
    await asyncio.sleep(300)
"""
    program += "asyncio.run(work())" if inside else "with session.running() as run:\n    asyncio.run(bare())"
    with agent(program, stderr=subprocess.DEVNULL) as process:
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE) == -signal.SIGINT

    assert told() == ("paused", "user", "SIGINT", ["pause: user"], "interrupted") or told()[:2] == ("paused", "user")


def test_a_loop_that_handles_a_signal_itself_still_gets_it(lived_in):
    program = """
import asyncio
async def work():
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    with session.running() as run:
        say("ready")
        await stop.wait()
    say("stopped")
asyncio.run(work())
"""
    with agent(program) as process:
        process.send_signal(signal.SIGTERM)
        assert process.stdout.readline() == "stopped\n"
        assert process.wait(PATIENCE) == 0

    assert told()[0] == "active"
