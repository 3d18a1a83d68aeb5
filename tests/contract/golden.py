"""Builds the golden store: `python -m tests.contract.golden` (only while formats are provisional; later ones get a new number)."""

import json
import shutil
from pathlib import Path

from segue.core.log.events import Draft, ForkPoint
from segue.ports import Snapshot
from segue.stores.log import LogStore
from segue.testing import FakeClock, FakeIds
from segue.testing.builders import assistant, created, decision, forked, tool, tool_call, tool_result, user
from segue.testing.fakes import session_id
from tests.encryption import KEY, OTHER, Ring

GOLDEN = Path(__file__).parent.parent / "golden" / "store-1"
ENCRYPTED = GOLDEN.with_name("store-1-encrypted")
MAIN, FORK, PARENT, CHILD, DELETED = (session_id(n) for n in range(1, 6))
ODD = {"lone": "\ud800", "nul": "\0", "mark": {"$blob": "0" * 64}, "literal": {"$literal": [1.0, -0.0, 10**30]}, "é": "🙂"}


def open_golden(place: Path) -> LogStore:
    """Return the store at *place*, with a clock and ids that stand still."""
    return LogStore(place, clock=FakeClock(), ids=FakeIds(1), keys=Ring(KEY))


def build(place: Path) -> None:
    """Make the store: everything that format 1 can hold, in small."""
    store = open_golden(place)
    store.create(MAIN, [created(title="golden", tags=["a"], name="SESSION-260115-001"), user("hello", key="k1")])
    store.append(
        MAIN, [assistant("on it", tool_call("bash", command="ls"), model="m", usage={"input_tokens": 3, "output_tokens": 5})]
    )
    store.append(MAIN, [tool(tool_result("large " * 8500), key="k2", source={"agent": "generic", "record": {"n": 1}})])
    store.seal(MAIN, whole=True)
    store.append(MAIN, [Draft("of.next.year", ODD, actor="coder", stream="sub", node="n", parent=None)])
    store.append(MAIN, [user("hello, revised", key="k1")], on_key="replace")
    store.append(MAIN, [decision("use files", scopes={"app:x": {"colour": "red", "gone": 1}, "user:x/ann": {"tz": "UTC"}})])
    store.append(MAIN, [user("more", scopes={"app:x": {"gone": None, "n": [1, 2]}}), user("and more")])
    _fork(store, FORK, MAIN, 3)
    store.create(PARENT, [created(title="deleted, but a fork lives on it"), user("shared"), user("not shared")])
    _fork(store, CHILD, PARENT, 2)
    store.create(DELETED, [created(title="deleted")])
    for session in (PARENT, DELETED):
        store.delete(session)
    store.acquire(FORK, "me", 10**9)
    for _ in range(3):
        store.number("SESSION-260115", MAIN)
    store.put_blob(b"a blob of its own")
    _snapshot(store)
    store.close()


def encrypt(place: Path) -> None:
    """Put the store at *place* under one key, and then under another: what an encrypted store can hold, in small."""
    for key in (OTHER, KEY):
        store = LogStore(place, clock=FakeClock(), ids=FakeIds(1), keys=Ring(KEY, OTHER))
        store.encryption.begin(key, "environment")
        store.encryption.run(lambda *_: None)
        _snapshot(store)
        store.close()


def _snapshot(store: LogStore) -> None:
    last = next(store.read(MAIN, reverse=True))
    store.put_snapshot(MAIN, Snapshot(last.seq, last.digest, "golden", b"a fold"))


def _fork(store: LogStore, session: str, parent: str, seq: int) -> None:
    (event,) = store.read(parent, after=seq - 1, upto=seq)
    point = ForkPoint(parent, seq, event.digest)
    store.create(session, [forked(point._asdict(), title="a fork"), user("in the fork")], fork=point)


def reading(store: LogStore) -> dict:
    """Return all that the golden store says, as JSON."""
    sessions = {}
    for session in store.sessions():
        info, lease = store.info(session), store.lease(session)
        sessions[session] = {
            "head": list(info.head),
            "first": info.first,
            "parent": info.parent and list(info.parent),
            "lease": lease and list(lease),
            "keys": {key: store.lookup(session, key) for key in ("k1", "k2", "k3")},
            "events": [event._asdict() for event in store.read(session)],
        }
    found = {
        "sessions": sessions,
        "scopes": {name: list(store.scope(name)) for name in store.scopes()},
        "next number": store.number("SESSION-260115", MAIN),
        "snapshot": store.snapshot(MAIN, "golden").data.decode(),
        "blob": store.blob(store.put_blob(b"a blob of its own")).decode(),
    }
    return json.loads(json.dumps(found))


def main() -> None:
    """Write the golden store and what it must read as."""
    shutil.rmtree(GOLDEN / "store", ignore_errors=True)
    GOLDEN.mkdir(parents=True, exist_ok=True)
    build(GOLDEN / "store")
    scratch = GOLDEN / "scratch"
    shutil.copytree(GOLDEN / "store", scratch)
    store = open_golden(scratch)
    (GOLDEN / "reading.json").write_text(json.dumps(reading(store), indent=1) + "\n")
    store.close()
    shutil.rmtree(scratch)


if __name__ == "__main__":
    main()
