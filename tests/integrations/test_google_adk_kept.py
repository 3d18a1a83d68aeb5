"""A long session of Google ADK's is loaded from what was kept of it and what came after: whatever becomes of that, it is the log's."""

import pytest
from google.adk.errors import StaleSessionError

from segue.core.log.texts import pack
from segue.integrations.google_adk import SegueSessionService, _fold
from segue.ports import Snapshot
from tests.integrations.adk import Client, many, said, texts
from tests.integrations.conftest import open_store

SCHEMA = "google_adk.records.1"
SAID = [f"said {n}" for n in range(260)]


@pytest.fixture
def at(adk, store):
    """What a session is called of which 260 events were loaded once."""
    at = many(store, adk, SAID)
    assert texts(adk.get()) == SAID
    return at


def seq_of(store, at, number):
    """Return the number of the event that says something."""
    return next(event.seq for event in store.read(at) if event.key == SAID[number])


def seen_by(store, monkeypatch):
    """Return the numbers of the events that are read from now on."""
    read, seen = store.read, []
    monkeypatch.setattr(store, "read", lambda *a, **k: (seen.append(e.seq) or e for e in read(*a, **k)))
    return seen


def test_who_comes_next_reads_only_what_others_appended_since(at, adk, other, store, monkeypatch):
    session = other.get()
    for n in range(3):
        other.append(session, said(f"late {n}", at=2.0, delta={"n": n}, custom_metadata={"of": [n]}))
    seen = seen_by(store, monkeypatch)

    found = adk.get()

    assert texts(found) == [*SAID, "late 0", "late 1", "late 2"]
    assert (found.state, found.last_update_time, found.events[-1].custom_metadata) == ({"n": 2}, 2.0, {"of": [2]})
    assert len(seen) == 3
    store.drop_snapshots(at)
    assert adk.get() == found


@pytest.mark.parametrize("store_kind", ["memory"])
def test_what_a_caller_does_to_what_he_got_is_not_in_what_the_next_one_gets(at, adk, other):
    found = adk.get()
    found.events[0].content.parts[0].text = "changed"
    found.events.pop()

    assert texts(other.get()) == SAID


@pytest.mark.parametrize("store_kind", ["memory"])
def test_a_stale_writer_is_told_behind_what_was_kept_too(at, adk, other):
    late = adk.get()
    other.append(other.get(), said("first"))

    with pytest.raises(StaleSessionError):
        adk.append(late, said("late"))
    assert texts(adk.get()) == [*SAID, "first"]


def test_what_is_erased_is_in_nothing_that_is_kept(at, adk, other, store):
    before = store.snapshot(at, SCHEMA)
    store.erase(at, [seq_of(store, at, 250)], {"reason": "asked for"})
    store.put_snapshot(at, before)  # by one who had read it all before

    assert texts(other.get()) == texts(adk.get()) == SAID[:250] + SAID[251:]
    assert SAID[250].encode() in before.data
    assert SAID[250].encode() not in store.snapshot(at, SCHEMA).data


@pytest.mark.parametrize("store_kind", ["memory"])
def test_what_is_erased_between_the_look_at_what_was_kept_and_the_reading_of_the_log_is_not_given(at, adk, store, monkeypatch):
    seq, find = seq_of(store, at, 250), store.snapshot

    def erased_meanwhile(session, schema, upto=None):
        found = find(session, schema, upto)
        if schema == SCHEMA:
            store.erase(at, [seq], {"reason": "asked for"})
        return found

    monkeypatch.setattr(store, "snapshot", erased_meanwhile)

    assert texts(adk.get()) == SAID[:250] + SAID[251:]
    assert SAID[250].encode() not in find(at, SCHEMA).data


@pytest.mark.parametrize("store_kind", ["log"])
def test_what_is_erased_in_a_session_is_in_nothing_that_is_kept_of_its_forks(at, adk, other, store):
    adk.fork("s", "f")
    assert texts(adk.get("f")) == SAID
    store.erase(at, [seq_of(store, at, 0)], {"reason": "asked for"})

    assert texts(other.get("f")) == texts(other.get()) == SAID[1:]


@pytest.mark.parametrize("store_kind", ["log"])
def test_a_fork_begins_with_what_is_kept_of_its_parent_and_keeps_no_copy_of_it(at, adk, other, store, monkeypatch):
    adk.append(adk.get(), said("late"))
    adk.fork("s", "f")
    adk.fork("f", "g")
    adk.append(adk.get("g"), said("own"))
    seen = seen_by(store, monkeypatch)

    assert texts(other.get("g")) == [*SAID, "late", "own"]
    assert len(seen) < 10
    assert [session for session in store.sessions() if store.snapshot(session, SCHEMA)] == [at]
    adk.delete("s")
    assert texts(other.get("g")) == [*SAID, "late", "own"]


@pytest.mark.parametrize("store_kind", ["memory"])
def test_a_fork_that_shares_less_than_what_is_kept_of_its_parent_has_none_of_the_rest(at, adk, other, store):
    before = other.fork("s", "f", before="i")
    adk.append(before, said("own"))

    assert texts(other.get("f")) == ["own"]


@pytest.mark.parametrize("store_kind", ["memory"])
def test_a_session_rewound_or_forked_behind_what_was_kept_is_what_it_is_without_it(at, adk, other, store):
    session = adk.get()
    adk.append(session, said("again", at=3.0))
    adk.append(session, said("answer", author="agent", at=4.0))
    forked = adk.fork("s", "f", before="i")
    kept = adk.get()
    store.drop_snapshots(at)

    assert (other.get(), texts(other.get("f")), forked.events) == (kept, [], [])


@pytest.mark.parametrize("store_kind", ["memory"])
@pytest.mark.parametrize(
    "data",
    [b"", b"x", b"{}", pack({"records": []}), pack([1, 2]), pack([{"id": "x"}])[:-1], pack([{"content": 3}])],
    ids=["empty", "no value", "JSON", "an object", "numbers", "cut short", "no event"],
)
def test_what_is_kept_and_is_no_list_of_records_is_as_if_it_were_not_there(adk, other, store, data):
    at = many(store, adk, SAID[:20])
    head = store.info(at).head
    store.put_snapshot(at, Snapshot(head.seq, head.digest, SCHEMA, data))

    assert texts(other.get()) == SAID[:20]


@pytest.mark.parametrize("store_kind", ["memory"])
@pytest.mark.parametrize(
    "data", [b"", b"x", b"[]", b"{}", b'{"state": [], "updated": 0, "latest": 0}', b'{"state": {}, "updated": 0}']
)
@pytest.mark.parametrize("wanted", [{}, {"num_recent_events": 3}, {"after_timestamp": 1.0}])
def test_what_is_kept_of_the_state_and_says_nothing_is_as_if_it_were_not_there(adk, other, store, data, wanted):
    at = many(store, adk, SAID[:20])
    head = store.info(at).head
    before = adk.get(**wanted)
    store.put_snapshot(at, Snapshot(head.seq, head.digest, _fold._SCHEMA, data))

    assert other.get(**wanted) == before


@pytest.mark.parametrize("store_kind", ["memory"])
def test_what_another_version_kept_is_left_alone_and_not_read(at, adk, other, store):
    head = store.info(at).head
    theirs = Snapshot(head.seq, head.digest, "google_adk.records.2", pack([{"from": "next year"}]))
    store.put_snapshot(at, theirs)

    assert texts(other.get()) == SAID
    assert store.snapshot(at, "google_adk.records.2") == theirs


@pytest.mark.parametrize(
    "spoil",
    [lambda b: b[: len(b) // 2], lambda b: b"", lambda b: b[:-9] + bytes([b[-9] ^ 1]) + b[-8:]],
    ids=["cut short", "emptied", "changed"],
)
def test_a_damaged_snapshot_is_not_believed_and_another_one_takes_its_place(tmp_path, ids_and_clock, spoil):
    store = open_store("log", tmp_path, *ids_and_clock)
    client = Client(SegueSessionService(store))
    at = many(store, client, SAID)
    client.get()
    files = list((tmp_path / "store").glob("sessions/*/snapshots/*"))
    for file in files:
        file.write_bytes(spoil(file.read_bytes()))

    assert (len(files) > 1, store.snapshot(at, SCHEMA)) == (True, None)
    assert texts(client.get()) == SAID
    assert store.snapshot(at, SCHEMA) is not None
    store.close()
