"""What is folded of a long session, kept for who opens it next."""

import pytest

from segue.core.log.events import Draft
from segue.core.log.texts import pack
from segue.engine.kept import Kept, OutdatedError, check, is_worth, keep, recall
from segue.ports import Snapshot
from segue.stores.memory import MemoryStore
from segue.testing.fakes import FakeClock, FakeIds

SESSION = "01900000-0000-7000-8000-00000000000a"


@pytest.fixture
def store():
    """A store with a session of one event."""
    store = MemoryStore(clock=FakeClock(), ids=FakeIds())
    store.create(SESSION, [Draft("session.created", {})])
    return store


def test_what_was_kept_last_is_given_with_its_place(store):
    head = store.info(SESSION).head
    kept = Kept(head.seq, head.digest, [{"said": "a" * 100}])
    keep(store, SESSION, "a.1", kept)

    assert [recall(store, SESSION, schema) for schema in ("a.1", "a.2")] == [kept, None]


@pytest.mark.parametrize("data", [b"", b"not packed", pack(["a" * 60])[:-1], b'{"a": 1}', b"[" * 100_000], ids=range(5))
def test_what_cannot_be_read_is_as_if_it_were_not_there(store, data):
    store.put_snapshot(SESSION, Snapshot(1, store.info(SESSION).head.digest, "a.1", data))

    assert recall(store, SESSION, "a.1") is None


def test_what_is_no_json_is_refused(store):
    with pytest.raises(TypeError):
        keep(store, SESSION, "a.1", Kept(1, store.info(SESSION).head.digest, object()))


def test_what_json_has_no_number_for_is_not_kept(store):
    keep(store, SESSION, "a.1", Kept(1, store.info(SESSION).head.digest, [float("nan")]))

    assert recall(store, SESSION, "a.1") is None


def test_what_is_written_while_a_session_grows_is_together_no_larger_than_eight_of_the_last():
    kept = [0]
    for seq in range(1, 20_000):
        if is_worth(seq, kept[-1]):
            kept.append(seq)

    assert (kept[:3], len(kept), sum(kept) <= 8 * kept[-1]) == ([0, 256, 512], 26, True)


@pytest.mark.parametrize("seqs", [[[2, 2]], [[9, 9], [1, 3]], [[3, 8]], None, "x", [1], [["a", "b"]]])
def test_an_erasure_of_what_was_taken_in_is_told(store, seqs):
    store.append(SESSION, [Draft("message", {})] * 4 + [Draft("erased", {"seqs": seqs})])
    *others, event = store.read(SESSION)
    for one in others:
        check(one, 3)

    with pytest.raises(OutdatedError):
        check(event, 3)


@pytest.mark.parametrize(("seqs", "upto"), [([[4, 4]], 3), ([], 3), ([[1, 1]], 0), ([[1, 1]], 6), ("x", 6)])
def test_an_erasure_of_what_comes_behind_or_that_was_known_when_it_was_taken_in_is_none(store, seqs, upto):
    store.append(SESSION, [Draft("message", {})] * 4 + [Draft("erased", {"seqs": seqs})])

    for event in store.read(SESSION):
        check(event, upto)
