"""Clauses: what lies beside the logs: numbers for names, snapshots of state, blobs."""

from collections.abc import Callable

import pytest

from segue.core.errors import NotFoundError
from segue.ports import Snapshot, Store
from segue.testing.builders import user
from segue.testing.contract.base import A, B, Clauses, begin, picture, point
from segue.testing.fakes import FakeClock

SCHEMA = "state-1"
DATA = b"\0\xff\r\n{}" * 1000


def at(store: Store, seq: int, schema: str = SCHEMA, data: bytes = DATA) -> Snapshot:
    """Return a snapshot of session A that fits its log."""
    return Snapshot(seq, point(store, A, seq).digest, schema, data)


class Beside(Clauses):
    """number, put_snapshot, snapshot, drop_snapshots, put_blob, blob."""

    def test_numbers_count_from_one_for_each_prefix(self, store: Store, clock: FakeClock) -> None:
        """The next free number, whoever asks and whatever the time."""
        first = [store.number("SESSION-260115", A) for _ in range(3)]
        clock.advance(-86400)
        assert [*first, store.number("SESSION-260115", B)] == [1, 2, 3, 4]
        assert [store.number(prefix, A) for prefix in ("SESSION-260116", "SESSION-26011", "session-260115")] == [1, 1, 1]

    def test_a_number_is_never_given_twice(self, store: Store, other: Store, reopen: Callable[[Store], Store]) -> None:
        """Not after reopening, not to the same owner, not when its owner was deleted."""
        begin(store, A)
        numbers = [store.number("SESSION-260115", A), other.number("SESSION-260115", A)]
        store.delete(A)
        store = reopen(store)
        numbers += [store.number("SESSION-260115", B), other.number("SESSION-260115", B)]
        assert len(set(numbers)) == 4

    def test_numbers_go_on_past_a_thousand(self, store: Store) -> None:
        """A fourth digit comes after 999."""
        assert [store.number("P", A) for _ in range(1002)] == list(range(1, 1003))

    def test_the_latest_snapshot_at_or_before_a_position_comes_back(self, store: Store, reopen: Callable[[Store], Store]) -> None:
        """Its bytes as they were; None before the first. Those before the last two may have vanished."""
        begin(store, A, *(user(str(i)) for i in range(6)))
        kept = {seq: at(store, seq, data=b"%d" % seq + DATA) for seq in (4, 2, 5)}
        for snapshot in kept.values():
            store.put_snapshot(A, snapshot)
        for opened in (store, reopen(store)):
            assert [opened.snapshot(A, SCHEMA, upto) for upto in (None, 100, 6, 5, 4)] == [kept[5]] * 4 + [kept[4]]
            assert all(opened.snapshot(A, SCHEMA, upto) in {kept[2], None} for upto in (3, 2))
            assert [opened.snapshot(A, SCHEMA, upto) for upto in (1, 0, -1)] == [None] * 3

    def test_a_snapshot_of_another_schema_is_not_returned(self, store: Store) -> None:
        """Another program's fold is not this one's."""
        begin(store, A, user("1"), user("2"))
        store.put_snapshot(A, at(store, 1, "state-1"))
        store.put_snapshot(A, at(store, 2, "state-2"))
        assert store.snapshot(A, "state-1") == at(store, 1, "state-1")
        assert store.snapshot(A, "state-2") == at(store, 2, "state-2")
        assert [store.snapshot(A, name) for name in ("state", "state-11", "", "../x")] == [None] * 4

    def test_a_snapshot_that_does_not_fit_the_log_is_not_returned(self, store: Store, reopen: Callable[[Store], Store]) -> None:
        """Another digest, another log's, one of an event that is not there: an earlier one that fits is."""
        begin(store, A, user("1"), user("2"))
        begin(store, B, user("x"), user("y"), user("z"))
        fits = at(store, 1)
        wrong = [
            at(store, 2)._replace(digest=point(store, B, 2).digest),
            at(store, 2)._replace(digest=""),
            Snapshot(3, point(store, B, 3).digest, SCHEMA, DATA),
            at(store, 2)._replace(seq=0),
        ]
        for snapshot in wrong:
            store.put_snapshot(A, snapshot)
            assert store.snapshot(A, SCHEMA) is None
        for snapshot in wrong:
            store.drop_snapshots(A)
            store.put_snapshot(A, fits)
            store.put_snapshot(A, snapshot)
            assert store.snapshot(A, SCHEMA) == fits
        store = reopen(store)
        store.append(A, [user("3")])
        assert store.snapshot(A, SCHEMA) == fits

    def test_a_snapshot_put_again_takes_the_others_place(self, store: Store) -> None:
        """The newest fold of a position counts."""
        begin(store, A, user("1"))
        for data in (b"old", b"new", b""):
            store.put_snapshot(A, at(store, 1, data=data))
            assert store.snapshot(A, SCHEMA) == at(store, 1, data=data)

    def test_a_snapshot_put_alone_takes_the_place_of_all_others_of_its_schema(
        self, store: Store, reopen: Callable[[Store], Store]
    ) -> None:
        """Earlier ones and later ones; those of other schemas and other sessions stay, and what is put after it counts."""
        for session in (A, B):
            begin(store, session, *(user(str(i)) for i in range(5)))
            for seq in (2, 3, 5):
                store.put_snapshot(session, Snapshot(seq, point(store, session, seq).digest, SCHEMA, DATA))
        store.put_snapshot(A, at(store, 2, "state-2"))
        store.put_snapshot(A, at(store, 4), alone=True)
        for opened in (store, reopen(store)):
            assert [opened.snapshot(A, SCHEMA, upto) for upto in (None, 4, 3)] == [at(store, 4), at(store, 4), None]
            assert opened.snapshot(A, "state-2") == at(store, 2, "state-2")
            assert [getattr(opened.snapshot(B, SCHEMA, upto), "seq", None) for upto in (None, 4)] == [5, 3]
        store.put_snapshot(A, at(store, 5))
        assert [store.snapshot(A, SCHEMA, upto) for upto in (5, 4)] == [at(store, 5), at(store, 4)]

    def test_a_fork_has_snapshots_of_its_own(self, store: Store) -> None:
        """Also of a position in its shared past; its parent's later ones never."""
        begin(store, A, user("1"), user("2"), user("3"))
        begin(store, B, user("b"), fork=point(store, A, 2))
        store.put_snapshot(A, at(store, 3))
        assert store.snapshot(B, SCHEMA) is None
        mine = Snapshot(3, point(store, B, 3).digest, SCHEMA, b"mine")
        for snapshot in (at(store, 2), mine):
            store.put_snapshot(B, snapshot)
        assert [store.snapshot(B, SCHEMA, n) for n in (3, 2, 1)] == [mine, at(store, 2), None]
        assert store.snapshot(A, SCHEMA) == at(store, 3)

    def test_dropped_snapshots_are_gone_and_nothing_else_is(self, store: Store, reopen: Callable[[Store], Store]) -> None:
        """All of one session's; whatever was computed from the log can be again."""
        begin(store, A, user("1"), user("2"))
        begin(store, B, fork=point(store, A, 1))
        before = picture(store)
        for session in (A, B):
            store.put_snapshot(session, at(store, 1))
        store.put_snapshot(A, at(store, 2, "state-2"))
        store.drop_snapshots(A)
        store = reopen(store)
        assert [store.snapshot(A, SCHEMA), store.snapshot(A, "state-2"), store.snapshot(B, SCHEMA)] == [None, None, at(store, 1)]
        assert picture(store) == before
        store.drop_snapshots(A)

    @pytest.mark.parametrize("size", [0, 1, 1000, 5_000_000])
    def test_a_blob_comes_back_as_it_was(self, store: Store, other: Store, reopen: Callable[[Store], Store], size: int) -> None:
        """Any bytes, by the name that was returned."""
        data = (b"\0\xff\r\n" + DATA) * (size // 1000) + bytes(size % 1000)
        name = store.put_blob(data)
        for opened in (store, other, reopen(store)):
            assert opened.blob(name) == data

    def test_the_same_bytes_have_one_name_and_others_another(self, store: Store, reopen: Callable[[Store], Store]) -> None:
        """Once: by content."""
        one, two = store.put_blob(b"one"), store.put_blob(b"two")
        assert one != two
        store = reopen(store)
        assert (store.put_blob(b"one"), store.blob(two)) == (one, b"two")

    @pytest.mark.parametrize("name", ["0" * 64, "", "x", "../../etc/passwd", "0" * 63, "\0"])
    def test_a_blob_that_is_not_there_is_not_found(self, store: Store, name: str) -> None:
        """NotFoundError; a name cannot point elsewhere."""
        store.put_blob(b"one")
        with pytest.raises(NotFoundError):
            store.blob(name)

    def test_blobs_outlive_the_sessions_that_share_them(self, store: Store, reopen: Callable[[Store], Store]) -> None:
        """A body stored once is there for as long as anybody refers to it."""
        for session in (A, B):
            begin(store, session, user("é" * 100_000))
        before = list(store.read(B))
        store.delete(A)
        assert list(reopen(store).read(B)) == before
