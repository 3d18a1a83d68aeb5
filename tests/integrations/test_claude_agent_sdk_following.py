"""What a handle knows of a session that it writes to is what another finds in the log, and so is what it writes next."""

import pytest

from segue.integrations.claude_agent_sdk import SegueSessionStore
from segue.stores.memory import MemoryStore
from tests.integrations.claude import AGENT, PROJECT, key, live, run, told


def handed_over():
    """Return a session's entries in the order of their times, each with its key; some twice, some odd, one of nothing."""
    main, subagent, meta = live()
    found = [(key(), entry) for entry in main[:14]]
    found += [(key(subpath=AGENT), entry) for entry in (*subagent[:5], meta)]
    odd = [{"type": "mode", "mode": "a\0b"}, {"type": "mode", "mode": "a\0b"}, {"uuid": 7, "type": "user", "message": None}]
    odd += [
        {"type": "user", "uuid": "u-1", "message": {"role": "user", "content": 3}},
        {"type": "custom-title", "customTitle": "é"},
    ]
    found += [(key(), entry) for entry in odd]
    found += [(key(), entry) for entry in (*main[10:13], *main[-14:])]
    return found


def summaries(sdk):
    return [{**told, "mtime": 0} for told in run(sdk.list_session_summaries(PROJECT))]


def test_one_handle_writes_what_a_handle_for_each_entry_writes(ids_and_clock):
    ids, clock = ids_and_clock
    one, many = (MemoryStore(clock=clock, ids=ids) for _ in range(2))
    kept = SegueSessionStore(one)

    for where, entry in handed_over():
        run(kept.append(where, [entry]))
        run(SegueSessionStore(many).append(where, [entry]))

    assert told(one) == told(many)
    assert summaries(kept) == summaries(SegueSessionStore(one)) == summaries(SegueSessionStore(many))
    for where in (key(), key(subpath=AGENT)):
        assert run(kept.load(where)) == run(SegueSessionStore(many).load(where))


@pytest.mark.parametrize("store_kind", ["log"], indirect=True)
def test_entries_of_others_in_between_are_known_to_a_handle(store, ids_and_clock):
    mine, other = SegueSessionStore(store), SegueSessionStore(store)
    entries = [entry for where, entry in handed_over() if where == key()]
    alone = MemoryStore(clock=ids_and_clock[1], ids=ids_and_clock[0])

    for n, entry in enumerate(entries):
        run((mine if n % 3 else other).append(key(), [entry]))
        run(SegueSessionStore(alone).append(key(), [entry]))

    assert told(store) == told(alone)
    assert summaries(mine) == summaries(other) == summaries(SegueSessionStore(alone))
