"""Every call: those that write are whole or absent when cancelled at any step, and say which; the others write nothing."""

import asyncio
import inspect
from pathlib import Path

import pytest

from segue import aio
from segue.aio._budget import SessionBudget
from segue.testing.builders import user
from tests.unit.aio.conftest import texts, turns

CLASSES = {"Store": aio.Store, "Session": aio.Session, "Run": aio.Run, "SessionBudget": SessionBudget}
WAYS = {"_write", "_lanes", "append_all"}
"""What a call that writes goes by: in its turn, and whoever is cancelled hears of it."""
IN_A_RUN = {"Run.interrupt", "Run.note_usage"}
ONCE = {"Store.ensure", "Store.reconstruct"}
"""Asked again they find what they did."""
BACK = {"", "Session.restore_checkpoint", "Session.from_step"}
NOTHING = {"Session.settle_restore"}
"""There is nothing to settle: it changes nothing, and says so."""


async def prepared(store, name=""):
    """Return a session in which there is something to go back to, where the call *name* needs it."""
    session = await store.create(task="sell pears", workspace="")
    if name not in BACK:
        return session
    await session.append("plan.set", {"steps": ["count them", "write the prices"]})
    await session.append("step.completed", {"text": "count them"})
    await session.append(user("first"))
    await session.checkpoint("noon", name="noon")
    await session.append(user("second"))
    return session


def calls(store, session, run, log):
    """Return each call that writes, by its name."""
    return {
        "Store.create": lambda: store.create(task="sell plums"),
        "Store.ensure": lambda: store.ensure("codex", "an-id"),
        "Store.reconstruct": lambda: store.reconstruct(str(log)),
        "Session.append": lambda: session.append(user("third")),
        "Session.append_all": lambda: session.append_all([user("third"), user("fourth")]),
        "Session.append_each": lambda: session.append_each([aio.Asked((user("third"),))]),
        "Session.checkpoint": lambda: session.checkpoint("evening"),
        "Session.restore_checkpoint": lambda: session.restore_checkpoint("noon", conversation=True),
        "Session.settle_restore": lambda: session.settle_restore("undo"),
        "Session.pause": session.pause,
        "Session.resume": session.resume,
        "Session.end": session.end,
        "Session.update": lambda: session.update(title="pears"),
        "Session.delete": session.delete,
        "Session.fork": session.fork,
        "Session.from_step": lambda: session.from_step(1),
        "SessionBudget.limit": lambda: session.budget.limit(3.0),
        "SessionBudget.answer": lambda: session.budget.answer("continue"),
        "SessionBudget.succeed": session.budget.succeed,
        "Run.interrupt": lambda: run.interrupt("user", "enough"),
        "Run.note_usage": lambda: run.note_usage({"input_tokens": 3}, message_id="m"),
    }


def reading(store, session, run):
    """Return each call that only reads, by its name."""
    budget = session.budget
    return {
        "Store.session": lambda: store.session("last"),
        "Store.sessions": store.sessions,
        "Store.search": lambda: store.search("pears"),
        "Store.evidence": lambda: store.evidence("pears", budget=500),
        "Store.verify": store.verify,
        "Session.name": session.name,
        "Session.conversation": session.conversation,
        "Session.state": session.state,
        "Session.checkpoints": session.checkpoints,
        "Session.steps": session.steps,
        "Session.check": session.check,
        "Session.convert": session.convert,
        "Session.plan_restore": lambda: session.plan_restore("noon", conversation=True),
        "Session.restore": lambda: session.restore(budget=500),
        "Session.protocol": session.protocol,
        "SessionBudget.position": budget.position,
        "SessionBudget.report": budget.report,
        "SessionBudget.condense": budget.condense,
        "Run.check": run.check,
    }


CALLS = {
    f"{kind}.{name}": set(made.__code__.co_names)
    for kind, twin in CLASSES.items()
    for name, made in vars(twin).items()
    if not name.startswith("_") and inspect.iscoroutinefunction(made)
}
WRITES = {name for name, uses in CALLS.items() if WAYS & uses}


def looks(port):
    """Return what there is in a store, by its stamps."""
    return {session: port.stamp(session) for session in port.sessions()}


def test_every_call_is_tried_and_those_that_let_go_at_once_write_nothing(store):
    async def main():
        session = await prepared(store)
        run = session.running()
        assert sorted(calls(store, session, run, "")) == sorted(WRITES)
        reads = reading(store, session, run)
        assert sorted([*reads, *WRITES, "Store.close"]) == sorted(CALLS)
        wrote = []
        for name, call in reads.items():
            before = looks(store.port)
            await call()
            wrote += [name] if looks(store.port) != before else []
        assert wrote == []

    asyncio.run(main())


def told_at(store, name, steps, log):
    """Make a call, cancelled after *steps* steps of the loop; return whether it was done, its error, and whether it did something."""

    async def main():
        session = await prepared(store, name)
        if name == "Session.resume":
            await session.pause()
        run = session.running()
        if name not in IN_A_RUN:
            return await tried(session, run)
        async with run:
            return await tried(session, run)

    async def tried(session, run):
        before = looks(store.port)
        task = asyncio.ensure_future(calls(store, session, run, log)[name]())
        await turns(steps)
        done = task.done()
        task.cancel()
        await asyncio.wait([task])
        await turns()
        return done, raised(task), looks(store.port) != before

    return asyncio.run(main())


def raised(task):
    try:
        task.result()
    except asyncio.CancelledError as e:
        return e
    return None


def lost(store):
    """Return the lines of the log of a session that is deleted."""
    session = asyncio.run(prepared(store)).sync
    (segment,) = Path(store.url.removeprefix("log://"), "sessions", session.id, "log").iterdir()
    lines = segment.read_text()
    session.delete()
    return lines


@pytest.mark.usefixtures("stepwise")
@pytest.mark.parametrize("name", sorted(WRITES))
def test_a_call_that_is_cancelled_at_any_step_is_whole_or_absent_and_says_which(store, tmp_path, name):
    if name == "Store.reconstruct":
        (tmp_path / "found.jsonl").write_text(lost(store))
    ends = {}
    for steps in range(100):
        done, error, did = told_at(store, name, steps, tmp_path / "found.jsonl")
        found = aio.outcome(error)
        end = found.state if found else "done" if error is None else "nothing begun"
        ends.setdefault(end, set()).add(did)
        if done:
            break
    does = name not in NOTHING
    if name in ONCE:
        assert (ends["whole"] - {False}, ends["done"]) == ({True}, {False})
        ends |= {"whole": {True}, "done": {True}}
    assert ends == {"nothing begun": {False}, "absent": {False}, "whole": {does}, "done": {does}}


def test_it_is_told_under_anyio_too(store, disk):
    import anyio

    async def main():
        session = await store.create(task="sell pears")
        under_way, told = disk.hold(), []

        async def append(text):
            try:
                await session.append(user(text))
            except asyncio.CancelledError as e:
                told.append((text, aio.outcome(e).state))
                raise

        async with anyio.create_task_group() as group:
            group.start_soon(append, "a")
            await under_way.wait()
            group.start_soon(append, "b")
            await turns()
            group.cancel_scope.cancel()
            asyncio.get_running_loop().call_later(0.01, disk.let_go)
        assert sorted(told) == [("a", "whole"), ("b", "absent")]
        assert texts(session) == ["a"]

    anyio.run(main)
