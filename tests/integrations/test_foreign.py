"""Sessions that a framework finds again by its own id, from many processes at once."""

import subprocess
import sys

import pytest

from segue.core.errors import GoneError
from segue.core.log.events import Draft, ForkPoint
from segue.core.log.ids import named_uuid
from segue.engine.foreign import Foreign, ensure, find, sessions_of

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


@pytest.mark.parametrize("store_kind", ["log"], indirect=True)
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


def test_a_name_whose_session_was_deleted_goes_on_in_the_next_generation(store):
    name = Foreign("test", ("app", "thread"))
    first = ensure(store, name)
    store.delete(first)

    assert find(store, name) is None
    assert ensure(store, name) == named_uuid("test", "app", "thread", "1") == find(store, name)
    with pytest.raises(GoneError):
        store.stamp(first)


def test_a_fork_is_found_by_its_own_name_and_not_by_that_of_its_parent(store):
    parent = ensure(store, Foreign("one", ("app", "thread")))
    head = store.info(parent).head
    forked = named_uuid("two", "copy", "0")
    own = Draft("session.forked", {"parent": {"session": parent}, "agent": "two", "foreign": ["copy"]})
    store.create(forked, [own], fork=ForkPoint(parent, head.seq, head.digest))

    assert list(sessions_of(store, "one")) == [(parent, Foreign("one", ("app", "thread")))]
    assert list(sessions_of(store, "two")) == [(forked, Foreign("two", ("copy",)))]
