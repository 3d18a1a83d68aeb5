"""A transcript is loaded from what was kept of it and what came after: whatever becomes of that, it is what the log says."""

import pytest

from segue.core.log.events import Draft
from segue.core.log.texts import pack
from segue.engine import kept
from segue.integrations.claude_agent_sdk import SegueSessionStore
from segue.ports import Snapshot
from tests.integrations.claude import AGENT, LIVE, key, live, run, write

SCHEMA = "claude_agent_sdk.entries.1"
SAID = [{"type": "user", "uuid": f"u{n}", "message": {"role": "user", "content": f"said {n} " * 9}} for n in range(270)]
MODE = {"type": "mode", "mode": "plan"}


def loaded(store, subpath=None):
    """Return what another process loads."""
    return run(SegueSessionStore(store).load(key(subpath=subpath)))


@pytest.fixture
def at(store):
    """What a session is called of whose transcript 270 entries were loaded once."""
    run(SegueSessionStore(store).append(key(), SAID))
    assert loaded(store) == SAID
    (at,) = store.sessions()
    return at


def test_who_comes_next_reads_only_what_others_appended_since(at, store, monkeypatch):
    late = [MODE, {"type": "user", "uuid": "late", "message": {"role": "user", "content": "late", "of": 1.5}}]
    revised = SAID[7] | {"message": {"role": "user", "content": "again"}}
    run(SegueSessionStore(store).append(key(), [*late, revised]))
    read, seen = store.read, []
    monkeypatch.setattr(store, "read", lambda *a, **k: (seen.append(e.seq) or e for e in read(*a, **k)))

    assert loaded(store) == [*SAID[:7], revised, *SAID[8:], *late]
    assert len({*seen}) < 10


@pytest.mark.parametrize("store_kind", ["memory", "log"])
def test_whatever_is_handed_over_in_between_what_was_kept_gives_what_the_whole_log_gives(store, tmp_path, monkeypatch):
    monkeypatch.setattr(kept, "_FIRST", 1)
    main, subagent, meta = live()
    write(tmp_path, main[:-1], subagent, meta)
    sdk = SegueSessionStore(store)
    steps = [
        lambda: sdk.append(key(), [MODE, *main[:9], MODE]),
        lambda: sdk.append(key(subpath=AGENT), [meta, *subagent[:3], MODE]),
        lambda: sdk.append(key(), [*main[12:20], main[3] | {"changed": True}, {"type": "odd", "of": [float("inf")]}]),
        lambda: sdk.reconcile(LIVE, local=tmp_path),
        lambda: sdk.append(key(), [main[-1], MODE]),
        lambda: sdk.delete(key(subpath=AGENT)),
        lambda: sdk.append(key(subpath=AGENT), subagent[2:5]),
    ]
    for step in steps:
        run(step())
        found = [(loaded(store, subpath), loaded(store, subpath)) for subpath in (None, AGENT)]
        (at,) = store.sessions()
        store.drop_snapshots(at)
        assert [(loaded(store, subpath),) * 2 for subpath in (None, AGENT)] == found


@pytest.mark.parametrize("store_kind", ["memory"])
def test_an_entry_of_which_only_a_piece_was_there_when_it_was_kept_is_whole_when_the_rest_is(at, store, monkeypatch):
    monkeypatch.setattr(kept, "_FIRST", 1)
    source = next(e.source for e in store.read(at) if e.source)
    for piece, raw in enumerate(['{"type":"user",', '"uuid":"whole"', "}"], 1):
        store.append(at, [Draft("note", {})] * 600)
        store.append(at, [Draft("loss", {"piece": piece}, source=source | {"raw": raw})])
        assert loaded(store)[270:] == ([{"type": "user", "uuid": "whole"}] if piece == 3 else [])
        assert store.snapshot(at, SCHEMA).seq == store.info(at).head.seq


def test_what_is_erased_is_in_nothing_that_is_kept(at, store):
    before = store.snapshot(at, SCHEMA)
    (seq,) = (e.seq for e in store.read(at) if e.source and "said 250 " in str(e.source.get("raw")))
    store.erase(at, [seq], {"reason": "asked for"})
    store.put_snapshot(at, before)  # by one who had read it all before
    store.append(at, [Draft("note", {})] * 300)

    assert loaded(store) == loaded(store) == SAID[:250] + SAID[251:]
    assert b"said 250 " in before.data
    assert b"said 250 " not in store.snapshot(at, SCHEMA).data


def test_nothing_is_kept_of_a_transcript_that_is_not_there(at, store):
    assert loaded(store, "subagents/none") is None
    assert store.snapshot(at, f"{SCHEMA}/subagents/none") is None


WRONG = {
    "empty": b"",
    "a list": pack([1, 2]),
    "no records": pack({"pieces": []}),
    "no pieces": pack({"pieces": ["é"], "records": []}),
    "no entries": pack({"pieces": [], "records": [["a"], [None], [7], [""], [True]]}),
    "too few columns": pack({"pieces": [], "records": [["a"], [None]]}),
    "torn columns": pack({"pieces": [], "records": [["a", "b"], [None]]}),
    "cut short": pack({"pieces": [], "records": [["a" * 60]]})[:-1],
}


@pytest.mark.parametrize("store_kind", ["memory"])
@pytest.mark.parametrize("data", WRONG.values(), ids=WRONG.keys())
def test_what_is_kept_and_is_no_transcript_is_as_if_it_were_not_there(store, data):
    run(SegueSessionStore(store).append(key(), SAID[:3]))
    (at,) = store.sessions()
    head = store.info(at).head
    store.put_snapshot(at, Snapshot(head.seq, head.digest, SCHEMA, data))

    assert loaded(store) == SAID[:3]
