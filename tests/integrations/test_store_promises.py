"""What the adapters ask of a store, beyond what its port promised before they ran."""

import subprocess
import sys

import pytest

from segue.core.errors import ExistsError, FencedError, GoneError, HeadMovedError, NotFoundError
from segue.core.log.events import Commit, Draft, ForkPoint
from segue.core.log.ids import named_uuid

S, T = (named_uuid(name) for name in "ST")


def begin(store, session=S):
    return store.create(session, [Draft("session.created", {})]).head


def test_an_append_that_is_repeated_as_it_was_gives_what_it_wrote(store):
    head = begin(store)
    drafts = [Draft("metric", {"name": "a"}, key="a"), Draft("metric", {"name": "b"}, key="b")]
    first = store.append(S, drafts, expect=head.seq)
    last = store.append(S, [Draft("metric", {"name": "other"})])

    again = store.append(S, drafts, expect=head.seq)

    assert again == Commit(tuple(e._replace(new=False) for e in first.entries), last.head)


def test_a_driver_that_lost_its_lease_may_repeat_what_it_wrote_but_write_nothing_new(store):
    begin(store)
    lease = store.acquire(S, "one", 60)
    first = store.append(S, [Draft("metric", {"name": "a"}, key="a")], fence=lease.token)
    store.acquire(S, "two", 60, take_over=True)

    again = store.append(S, [Draft("metric", {"name": "a"}, key="a")], fence=lease.token)

    assert again.entries == (first.entries[0]._replace(new=False),)
    with pytest.raises(FencedError):
        store.append(S, [Draft("metric", {"name": "b"}, key="b")], fence=lease.token)


def test_an_append_that_is_partly_known_is_held_to_its_expectation(store):
    head = begin(store)
    store.append(S, [Draft("metric", {"name": "a"}, key="a")])

    with pytest.raises(HeadMovedError):
        store.append(S, [Draft("metric", {"name": n}, key=n) for n in "ab"], expect=head.seq)

    assert [e.key for e in store.read(S)] == [None, "a"]


ASKED = {
    "append": lambda store: store.append(S, [Draft("metric", {"name": "a"})]),
    "read": lambda store: list(store.read(S)),
    "info": lambda store: store.info(S),
    "stamp": lambda store: store.stamp(S),
    "lookup": lambda store: store.lookup(S, "a"),
    "delete": lambda store: store.delete(S),
    "lease": lambda store: store.lease(S),
    "fork": lambda store: store.create(T, [Draft("metric", {"name": "a"})], fork=ForkPoint(S, 1, "0" * 64)),
}


@pytest.mark.parametrize("ask", ASKED.values(), ids=ASKED)
@pytest.mark.parametrize("forked", [False, True], ids=["alone", "forked"])
def test_a_deleted_session_is_gone_and_its_id_stays_taken(store, ask, forked):
    head = begin(store)
    if forked:
        store.create(named_uuid("fork"), [Draft("session.forked", {"parent": {}})], fork=ForkPoint(S, *head))
    store.delete(S)

    with pytest.raises(GoneError):
        ask(store)
    with pytest.raises(ExistsError):
        begin(store)
    with pytest.raises(NotFoundError) as never:
        store.stamp(T)
    assert type(never.value) is NotFoundError


def test_what_a_session_changed_in_a_scope_outlives_it(store):
    store.create(S, [Draft("session.created", {}, scopes={"user": {"name": "Ada"}})])
    store.append(S, [Draft("metric", {"name": "a"}, scopes={"user": {"language": "en"}})])

    store.delete(S)

    assert store.scope("user").values == {"name": "Ada", "language": "en"}


BEGIN = """
import sys
from segue.engine.foreign import Foreign, ensure
from segue.host.clock import SystemClock, SystemIds
from segue.stores.log import LogStore
from segue.core.log.events import Draft
store = LogStore(sys.argv[1], clock=SystemClock(), ids=SystemIds())
print("ready", flush=True)
sys.stdin.readline()
session = ensure(store, Foreign("test", ("app", "thread")))
store.append(session, [Draft("metric", {"name": sys.argv[2]})])
print(session)
"""


@pytest.mark.parametrize("store", ["log"], indirect=True)
def test_many_processes_that_begin_a_name_at_once_end_in_one_session(store):
    started = [
        subprocess.Popen(
            [sys.executable, "-c", BEGIN, str(store.path), str(n)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for n in range(6)
    ]
    for process in started:
        process.stdout.readline()
    for process in started:
        process.stdin.write("\n")
        process.stdin.flush()

    ended = {process.communicate(timeout=60)[0].strip() for process in started}

    assert ended == {named_uuid("test", "app", "thread", "0")} == set(store.sessions())
    names = [e.body.get("name") for e in store.read(*ended)]
    assert sorted(filter(None, names)) == [str(n) for n in range(6)]
