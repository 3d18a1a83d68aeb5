"""The asynchronous API has all that the synchronous one has, with the same parameters, for type checkers too."""

import asyncio
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import segue
from segue import aio
from segue.aio._budget import SessionBudget as AioBudget
from segue.core.errors import DuplicateKeyError, FencedError, HeadMovedError, InvalidEventError
from segue.engine.api_budget import SessionBudget as Budget
from segue.engine.runs.running import Run
from segue.testing.builders import user

ROOT = Path(__file__).parents[3]
CLASSES = {
    "Store": (segue.Store, aio.Store),
    "Session": (segue.Session, aio.Session),
    "Run": (Run, aio.Run),
    "SessionBudget": (Budget, AioBudget),
}
OTHERWISE = {
    "Session.name": "a property that reads: awaited, and so called",
    "Session.watch": "nobody needs to say when it stops",
}
INSIDE = {"append", "append_each", "begin", "finish", "again"}
"""What of a synchronous run is for others of segue."""


def public(kind):
    return {name: made for name, made in vars(kind).items() if not name.startswith("_")}


def parameters(function):
    return [one.replace(annotation=one.empty) for name, one in inspect.signature(function).parameters.items() if name != "self"]


def test_every_public_name_has_a_twin_or_is_the_same():
    names = [name for name in segue.__all__ if name != "__version__"]
    assert [name for name in names if name not in aio.__all__] == []
    twins = {name for name in names if getattr(aio, name) is not getattr(segue, name)}
    assert twins == {"Session", "Store", "open"}
    assert aio.__all__ == sorted(aio.__all__)
    assert [name for name in aio.__all__ if not getattr(aio, name).__doc__] == []


@pytest.mark.parametrize("name", CLASSES)
def test_a_twin_has_every_public_method_and_its_parameters(name):
    sync, twin = CLASSES[name]
    wanted = {one: made for one, made in public(sync).items() if name != "Run" or one not in INSIDE}
    assert [one for one in wanted if not hasattr(twin, one)] == [], "one line each in segue.aio._store: name = reads(api...)"
    calls = {one: made for one, made in wanted.items() if callable(made) and f"{name}.{one}" not in OTHERWISE}
    assert {one: parameters(getattr(twin, one)) for one in calls} == {one: parameters(made) for one, made in calls.items()}
    odd = [one for one in calls if not (inspect.iscoroutinefunction(getattr(twin, one)) or one in {"events", "running"})]
    assert odd == []
    assert [one for one in public(twin) if not inspect.getdoc(getattr(twin, one))] == []


def test_opening_takes_the_same_parameters():
    assert parameters(aio.open) == parameters(segue.open)


def test_an_append_hands_on_every_parameter(store):
    async def main():
        session = await store.create(task="sell pears")
        first = await session.append("message", user("a").body, actor="ann", key="k", stream="side", expect=2)
        assert (first.seq, first.new) == (3, True)
        (event,) = session.sync.events(after=2)
        assert (event.kind, event.actor, event.key, event.stream) == ("message", "ann", "k", "side")
        with pytest.raises(DuplicateKeyError):
            await session.append("message", user("a").body, key="k", on_key="refuse")
        with pytest.raises(HeadMovedError):
            await session.append_all([user("b")], expect=2)
        with pytest.raises(FencedError):
            await session.append(user("b"), fence=7)
        with pytest.raises(InvalidEventError):
            await session.append("message", {"role": 7})
        with pytest.raises(TypeError):
            await session.append("message", wrong=1)
        assert session.sync.state().seq == 3

    asyncio.run(main())


def test_a_successor_is_an_asynchronous_session(store):
    async def main():
        session = await store.create(task="sell pears")
        await session.append(user("sell pears"))
        assert (await session.budget.position()).used == 0
        after = await session.budget.succeed()
        assert (type(after.session), (await session.state()).status) == (aio.Session, "ended")
        assert (await after.session.state()).status == "active"

    asyncio.run(main())


TYPED = """
import asyncio
from collections.abc import AsyncIterator
from typing import assert_type

from segue import aio
from segue.core.log.events import Appended, Commit

async def main() -> None:
    async with aio.open("memory://") as store:
        assert_type(store, aio.Store)
        session = await store.create(task="x")
        assert_type(session, aio.Session)
        assert_type(await session.append("message", {}, key="k"), Appended)
        assert_type(await session.append_all([aio.Draft("message", {})], expect=3), Commit)
        assert_type(await session.state(at=3), aio.State)
        assert_type(await session.checkpoint("x", workspace=True), str)
        assert_type(await session.fork(3, title="x"), aio.Session)
        assert_type(session.events(after=1), AsyncIterator[aio.Event])
        assert_type(session.running(budget=3), aio.Run)
        async with session.running() as run:
            assert_type(run, aio.Run)

        @session.running()
        async def work(n: int) -> str:
            return str(n)

        assert_type(await work(3), str)
    assert_type(await aio.open(), aio.Store)

async def wrong(store: aio.Store, session: aio.Session) -> None:
    await session.append(3)
    await session.append("x", {}, expects=3)
    await session.state(at="x")
    await store.session()
    session.events(before=3)
"""


EACH = """
from segue.aio._budget import SessionBudget as AioBudget
from segue.engine.api_budget import SessionBudget as Budget
from segue.engine.runs.running import Run
import segue
"""
SAME = {
    "segue.engine.api_session.Session": "Session",
    "segue.aio._store.Session": "Session",
    "segue.engine.runs.running.Run": "Run",
    "segue.aio._runs.Run": "Run",
    "segue.engine.api_budget.Successor": "Successor",
    "segue.aio._budget.Successor": "Successor",
}
SHORT = {"Store": ("segue.Store", "aio.Store"), "Session": ("segue.Session", "aio.Session"), "Run": ("Run", "aio.Run"),
         "SessionBudget": ("Budget", "AioBudget")}  # fmt: skip


@pytest.fixture(scope="module")
def checked(tmp_path_factory):
    """What mypy says of a user's program, and of every call and its twin."""
    calls = [f"{kind}.{one}" for kind, (sync, _) in CLASSES.items() for one, made in public(sync).items()
             if callable(made) and f"{kind}.{one}" not in OTHERWISE and (kind != "Run" or one not in INSIDE)]  # fmt: skip
    pairs = [f"reveal_type({side}.{one.partition('.')[2]})" for one in calls for side in SHORT[one.partition(".")[0]]]
    program = tmp_path_factory.mktemp("typed") / "user.py"
    program.write_text(TYPED + EACH + "\n".join(pairs))
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file", str(ROOT / "pyproject.toml"), str(program)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    lines = [line.partition("user.py:")[2] for line in done.stdout.splitlines() if "user.py:" in line]
    return calls, lines, done.stdout + done.stderr


def test_types_survive_for_users(checked):
    _, lines, said = checked
    begin = TYPED[: TYPED.index("await session.append(3)")].count("\n") + 1
    assert [int(line.partition(":")[0]) - begin for line in lines if ": error:" in line] == [0, 1, 2, 3, 4], said


def test_every_call_takes_and_gives_what_its_twin_does(checked):
    calls, lines, said = checked
    types = [line.partition('type is "')[2].rstrip('"') for line in lines if "Revealed type" in line]
    assert len(types) == 2 * len(calls) > 60, said
    twins = dict(zip(calls, zip(map(alike, types[::2]), map(alike, types[1::2]), strict=True), strict=True))
    assert {one: pair for one, pair in twins.items() if pair[0] != pair[1]} == {}


def alike(kind):
    """Return a type without what an asynchronous twin has otherwise: whose it is, that it is awaited, and whose what it gives is."""
    for one, name in SAME.items():
        kind = kind.replace(one, name)
    kind = re.sub(r"TypedDict\([\w.]+, ", "TypedDict(", kind)  # of some mypy says the name
    kind += " -> None" if kind.endswith(")") else ""  # mypy leaves it out
    takes, _, gives = re.sub(r"^def \((self: )?[\w.]+(\[[\w.]+\])?(, )?", "def (", kind).rpartition(") -> ")
    awaited = re.fullmatch(r"typing\.Coroutine\[Any, Any, (.+)\]", gives)
    return takes, (awaited[1] if awaited else gives).replace("typing.AsyncIterator", "typing.Iterator")


def test_importing_it_loads_no_driver():
    program = "import sys; from segue import aio; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert {"sqlite3", "zstandard", "click", "segue.stores.log.store"} & set(done.stdout.split()) == set()
