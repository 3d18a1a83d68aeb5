"""Clauses: a fork shares its parent's past by reference, and nothing that happens to the parent changes it."""

from collections.abc import Callable

import pytest

from segue.core.errors import HeadMovedError, InvalidEventError, NotFoundError
from segue.core.log.events import ForkPoint
from segue.ports import Store
from segue.testing.builders import user
from segue.testing.contract.base import NOBODY, A, B, C, Clauses, begin, point, refused, seqs, words


class Forking(Clauses):
    """create with a fork, delete."""

    def test_a_fork_shares_the_events_up_to_its_point(self, store: Store, reopen: Callable[[Store], Store]) -> None:
        """The very same events; its own first event's number follows the fork point's."""
        begin(store, A, user("1"), user("2"), user("3"))
        past = list(store.read(A, upto=2))
        commit = begin(store, B, user("b"), fork=point(store, A, 2))
        assert seqs(commit.entries) == [3]
        for at in (store, reopen(store)):
            events = list(at.read(B))
            assert events[:2] == past
            assert (events[2].seq, events[2].prev, words(events[2:])) == (3, past[1].digest, ["b"])

    def test_a_fork_copies_no_event(self, store: Store) -> None:
        """Its own bytes do not grow with its parent's."""
        begin(store, A, *(user(f"{i:0200}") for i in range(200)))
        begin(store, B, user("b"), fork=point(store, A, 1))
        begin(store, C, user("b"), fork=point(store, A, 200))
        assert store.info(C).size < store.info(B).size + 200
        assert store.info(C).first == 201

    def test_a_fork_is_not_changed_by_what_its_parent_goes_on_to_do(self, store: Store, other: Store) -> None:
        """Nor the parent by what the fork does."""
        begin(store, A, user("1"), user("2"))
        begin(other, B, user("b"), fork=point(store, A, 2))
        stamp = store.stamp(B)
        store.append(A, [user("3")])
        assert store.stamp(B) == stamp
        other.append(B, [user("c")])
        store.append(A, [user("4")])
        assert words(store.read(A)) == ["1", "2", "3", "4"]
        assert words(store.read(B)) == words(other.read(B)) == ["1", "2", "b", "c"]

    @pytest.mark.parametrize("at", [1, 2, 3, 4, 5])
    def test_a_fork_of_a_fork_shares_both_pasts(self, store: Store, reopen: Callable[[Store], Store], at: int) -> None:
        """Its point may lie in its parent's own part, or in what that shares with its own parent."""
        begin(store, A, user("1"), user("2"), user("3"))
        begin(store, B, user("4"), user("5"), fork=point(store, A, 3))
        store.append(A, [user("not shared"), user("not shared")])
        begin(store, C, user("c"), fork=point(store, B, at))
        store.append(B, [user("not shared")])
        for opened in (store, reopen(store)):
            assert words(opened.read(C)) == [*(str(n) for n in range(1, at + 1)), "c"]
            assert words(opened.read(C, reverse=True))[1:] == [str(n) for n in range(at, 0, -1)]
            assert opened.info(C).parent == point(opened, B, at)

    def test_the_lineage_of_a_fork_goes_to_its_root(self, store: Store, reopen: Callable[[Store], Store]) -> None:
        """The points as they were given, those of deleted sessions too."""
        begin(store, A, user("1"), user("2"), user("3"))
        begin(store, B, user("b"), fork=point(store, A, 2))
        begin(store, C, user("c"), fork=point(store, B, 1))
        points = (point(store, B, 1), point(store, A, 2))
        store.delete(A)
        store.delete(B)
        for at in (store, reopen(store)):
            assert at.lineage(C) == points
            for gone in (A, B, NOBODY):
                with refused(at, NotFoundError):
                    at.lineage(gone)

    def test_a_session_that_is_no_fork_has_no_lineage(self, store: Store) -> None:
        """It is empty, whoever forked from it."""
        begin(store, A, user("1"))
        begin(store, B, user("b"), fork=point(store, A, 1))
        assert store.lineage(A) == ()

    def test_a_fork_may_leave_its_parent_in_the_middle_of_an_append(self, store: Store, reopen: Callable[[Store], Store]) -> None:
        """Any event is a place to fork from."""
        begin(store, A, *(user(str(i)) for i in range(1, 6)))
        begin(store, B, user("b"), fork=point(store, A, 3))
        assert words(reopen(store).read(B)) == ["1", "2", "3", "b"]

    def test_deleting_the_parent_never_harms_a_fork(self, store: Store, other: Store, reopen: Callable[[Store], Store]) -> None:
        """Forks keep what they share, for as long as they live: large bodies, keys, and room to go on."""
        begin(store, A, user("1", key="k"), user("é" * 100_000), user("3"))
        begin(store, B, user("b"), fork=point(store, A, 2))
        begin(store, C, user("c"), fork=point(store, B, 2))
        before = list(store.read(B))
        store.delete(A)
        for at in (store, other, reopen(store)):
            assert list(at.read(B)) == before
            assert words(at.read(C, after=2)) == ["c"]
            entry = at.lookup(C, "k")
            assert entry is not None
            assert entry.seq == 1
            at.append(B, [user("on")])
            before = list(at.read(B))
            assert words(before)[-1] == "on"

    def test_deleting_a_fork_harms_neither_its_parent_nor_its_own_fork(
        self, store: Store, reopen: Callable[[Store], Store]
    ) -> None:
        """In whatever order they go, those that live read the same."""
        begin(store, A, user("1"), user("2"))
        begin(store, B, user("b"), fork=point(store, A, 2))
        begin(store, C, user("c"), fork=point(store, B, 3))
        store.delete(B)
        store = reopen(store)
        assert words(store.read(A)) == ["1", "2"]
        assert words(store.read(C)) == ["1", "2", "b", "c"]
        store.delete(A)
        store = reopen(store)
        assert words(store.read(C)) == ["1", "2", "b", "c"]
        assert list(store.sessions()) == [C]
        assert list(store.verify()) == []

    def test_a_fork_of_an_unknown_or_deleted_session_does_not_begin(self, store: Store) -> None:
        """NotFoundError."""
        begin(store, A)
        at = point(store, A, 1)
        with refused(store, NotFoundError):
            begin(store, B, fork=at._replace(session=NOBODY))
        store.delete(A)
        with refused(store, NotFoundError):
            begin(store, B, fork=at)

    @pytest.mark.parametrize("seq", [-1, 0, 1, 3, 4])
    def test_a_fork_point_that_the_parent_has_not_is_refused(self, store: Store, seq: int) -> None:
        """HeadMovedError: no event of that number and digest; no log begins."""
        begin(store, A, user("1"), user("2"), user("3"))
        begin(store, C, user("c"), fork=point(store, A, 2))
        for session in (A, C):
            with refused(store, HeadMovedError):
                begin(store, B, fork=ForkPoint(session, seq, point(store, A, 2).digest))
        with refused(store, HeadMovedError):
            begin(store, B, fork=ForkPoint(A, 2, "0" * 64))

    def test_a_fork_begins_with_an_event_of_its_own(self, store: Store) -> None:
        """A key of the shared past cannot stand for it."""
        begin(store, A, user("1", key="k"))
        with refused(store, InvalidEventError):
            begin(store, B, user("1", key="k"), fork=point(store, A, 1))

    def test_a_forks_head_is_expected_by_its_own_number(self, store: Store) -> None:
        """A fork's head counts from its parent's."""
        begin(store, A, user("1"), user("2"))
        begin(store, B, user("b"), fork=point(store, A, 1))
        assert store.append(B, [user("c")], expect=2).head.seq == 3
        with refused(store, HeadMovedError):
            store.append(B, [user("d")], expect=2)
