"""What sessions hold is in the files of a store in the clear, and nowhere in those of an encrypted one."""

import base64
import os
import signal

import pytest

from segue.app.wiring import App
from segue.core.log.events import Draft
from segue.stores.log.store import LogStore
from segue.testing.builders import assistant, decision, text, tool, tool_call, tool_result, user
from segue.testing.fakes import FakeClock, FakeIds
from tests.canary import canaries, traces
from tests.encryption import KEY, Ring, encrypted

HEADER = ("title", "task", "project", "organisation", "owner", "model", "own field")
SAID = ("user text", "reply", "reasoning", "tool name", "argument", "output", "large", "noise")
ENVELOPE = ("actor", "stream", "node", "key", "source", "scope", "scope key", "scope value", "kind")
BESIDE = ("tag", "agent", "foreign id", "decision", "description", "continuation", "holder", "prefix", "pause", "killed")
WORDS = canaries(*HEADER, *SAID, *ENVELOPE, *BESIDE)


def one(place):
    """A canary where no spaces may stand."""
    return WORDS[place].split()[0]


def live(store, home):
    """Do with a store what there is to do."""
    env = {"SEGUE_HOME": str(home), "PATH": os.environ["PATH"]}
    app = App(env=env, store=store, cwd=str(home))
    opened = app.opened()
    session = opened.create(
        **{name.replace(" ", "_"): WORDS[name] for name in HEADER},
        tags=[WORDS["tag"]],
        agents=[{"name": one("agent")}],
        foreign_ids=[one("foreign id")],
    )
    session.append_all(
        [
            user(WORDS["user text"], actor=one("actor"), key=WORDS["key"], source={"record": WORDS["source"]}),
            assistant(
                text(WORDS["reply"]),
                {"type": "reasoning", "content": WORDS["reasoning"]},
                tool_call(one("tool name"), path=WORDS["argument"]),
            ),
            tool(tool_result(f"done: {WORDS['output']}")),
            user("aside", stream=one("stream"), node=one("node")),
            tool(tool_result(f"{WORDS['large']} " * 20_000)),
            tool(tool_result(base64.b64encode(os.urandom(90_000)).decode() + WORDS["noise"])),
            decision(WORDS["decision"], "it is short"),
            Draft(f"x.{one('kind')}", {}, scopes={one("scope"): {one("scope key"): WORDS["scope value"]}}),
            *[user(f"filling {n}") for n in range(300)],  # enough for a cached state
        ]
    )
    store.number(f"{one('prefix').upper()}-", session.id)
    lease = store.acquire(session.id, one("holder"), ttl=60.0)
    session.checkpoint(WORDS["description"], name=one("continuation").upper())
    found = [opened.search(WORDS[place]).hits[0].session for place in ("user text", "reply", "output")]
    assert found == [session.id] * 3
    assert [row.id for row in opened.sessions(text=WORDS["title"])] == [session.id]
    session.restore(budget=2_000)
    session.fork(at=5)
    session.pause(note=WORDS["pause"])
    assert store.scope(one("scope")).values == {one("scope key"): WORDS["scope value"]}
    store.release(lease)
    app.index.catch_up()
    store.rest(session.id)
    store.upkeep()
    session.append("message", {"role": "user", "parts": [text(WORDS["user text"])]})
    store.acquire(session.id, one("holder"), ttl=60.0)
    app.index.catch_up()
    return session.id


def killed_in_mid_write(store, home, session, writes):
    """Another process appends, indexes and seals, and is killed after so many *writes* were said to be done."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            own = LogStore(store.path, clock=FakeClock(), ids=FakeIds(seed=writes), durability="relaxed", keys=Ring(KEY))
            app = App(env={"SEGUE_HOME": str(home)}, store=own, cwd=str(home))
            while True:
                own.append(session, [user(f"{WORDS['killed']} " * 500, scopes={one("scope"): {one("killed"): 1}})])
                os.write(writing, b".")
                app.index.catch_up()
                own.rest(session)
                own.upkeep()
        finally:
            os._exit(1)
    os.close(writing)
    done = 0
    while done < writes:
        done += len(os.read(reading, 1)) or pytest.fail("the writer ended by itself")
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    os.close(reading)


@pytest.fixture(params=["in the clear", "encrypted"])
def store(request, tmp_path):
    clock, ids = FakeClock(), FakeIds()
    if request.param == "encrypted":
        made = encrypted(LogStore, tmp_path, clock, ids, durability="relaxed")
    else:
        made = LogStore(tmp_path / "store", clock=clock, ids=ids, durability="relaxed")
    yield made
    made.close()


def test_no_byte_of_an_encrypted_store_tells_what_it_holds(store, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    session = live(store, home)
    for writes in (1, 3, 8):
        killed_in_mid_write(store, home, session, writes)

    found = traces(store.path, WORDS)

    names = {path.name for path in store.path.rglob("*")}
    index = sorted(name for name in names if name.startswith("index.sqlite") and name.endswith(("-wal", "-shm")))
    assert len(index) == 2, "the connection of a killed process leaves them, and they are looked at"
    if store.cipher.tag:
        assert found == set()
    else:
        assert {trace.word for trace in found} == set(WORDS), "each of them would be found where it can be read"
