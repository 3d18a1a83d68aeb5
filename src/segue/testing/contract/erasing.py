"""Clauses: contents taken away for good."""

from collections.abc import Callable

import pytest

from segue.core.errors import NotFoundError
from segue.core.log.events import Draft, Event
from segue.ports import Snapshot, Store
from segue.testing.builders import forked, user
from segue.testing.contract.base import A, B, C, Clauses, begin, point, words

ONCE = "correct horse battery staple"
SCHEMA = "state-1"
NOTE = {"by": "somebody", "why": "a test"}


def lines(store: Store, session: str = A) -> list[Event]:
    """Return the events of a session."""
    return list(store.read(session))


def shape(event: Event) -> Event:
    """Return what no erasure changes of an event."""
    return event._replace(body={}, source=None, scopes=None, erased=False)


class Erasing(Clauses):
    """erase."""

    def test_an_erased_event_keeps_its_place_and_nothing_else(
        self, store: Store, other: Store, reopen: Callable[[Store], Store]
    ) -> None:
        """Whoever reads, from then on."""
        begin(store, A, *(user(f"word {i}", source={"agent": "x", "raw": f"raw {i}"}) for i in range(40)))
        before = lines(other)
        assert store.erase(A, [3, 17], NOTE) == 2
        for opened in (store, other, reopen(store)):
            after = lines(opened)
            assert [shape(event) for event in after[:40]] == [shape(event) for event in before]
            gone = [event for event in after if event.erased]
            assert [(event.seq, event.body, event.source) for event in gone] == [(3, {}, None), (17, {}, None)]
            assert [event for event in after[:40] if not event.erased] == [event for event in before if event.seq not in {3, 17}]
            assert list(opened.verify()) == []

    def test_the_log_tells_of_an_erasure(self, store: Store) -> None:
        """Of which events, and what the caller says of it; once."""
        begin(store, A, *(user(str(i)) for i in range(9)))
        store.erase(A, [2, 3, 4, 8], NOTE)
        told = [(event.seq, event.body) for event in lines(store) if event.kind == "erased"]
        assert told == [(10, {**NOTE, "seqs": [[2, 4], [8, 8]]})]

    def test_what_was_erased_before_adds_nothing(self, store: Store) -> None:
        """Nor does an erasure of no event."""
        begin(store, A, user("1"), user("2"))
        store.erase(A, [2], NOTE)
        before = lines(store)
        assert (store.erase(A, [2], NOTE), store.erase(A, [], NOTE)) == (0, 0)
        assert lines(store) == before

    @pytest.mark.parametrize("seq", [0, 4, -1])
    def test_an_event_that_is_not_there_is_refused(self, store: Store, seq: int) -> None:
        """Then nothing is erased."""
        begin(store, A, user("1"), user("2"), user("3"))
        before = lines(store)
        with pytest.raises(NotFoundError):
            store.erase(A, [1, seq], NOTE)
        with pytest.raises(NotFoundError):
            store.erase(B, [1], NOTE)
        assert lines(store) == before

    def test_what_a_fork_shares_is_erased_for_all(self, store: Store) -> None:
        """Asked in a fork, in its parent and in its other forks; each is told."""
        begin(store, A, *(user(f"word {i}") for i in range(4)))
        for session in (B, C):
            begin(store, session, forked({}), user("own"), fork=point(store, A, 3))
        assert store.erase(B, [2, 5], NOTE) == 2
        assert [[event.seq for event in lines(store, session) if event.erased] for session in (A, B, C)] == [[2], [2, 5], [2]]
        told = [[event.body["seqs"] for event in lines(store, session) if event.kind == "erased"] for session in (A, B, C)]
        assert [sorted(one) for one in told] == [[[[2, 2]]], [[[2, 2]], [[5, 5]]], [[[2, 2]]]]
        assert words(event for event in lines(store, C) if not event.erased) == ["word 0", "word 2", "own"]

    def test_the_key_of_an_erased_event_stays_taken(self, store: Store) -> None:
        """To append it again adds nothing: an import does not bring it back."""
        begin(store, A, user("first"), user(ONCE, key="k"))
        store.erase(A, [2], NOTE)
        commit = store.append(A, [user(ONCE, key="k")])
        assert [(entry.seq, entry.new) for entry in commit.entries] == [(2, False)]
        assert words(event for event in lines(store) if not event.erased) == ["first"]

    def test_no_snapshot_from_before_an_erasure_is_given(self, store: Store) -> None:
        """Neither one that was there nor one that is put late; not in a fork either. Later ones are."""
        begin(store, A, *(user(str(i)) for i in range(5)))
        begin(store, B, forked({}), fork=point(store, A, 4))
        kept = {(s, n): Snapshot(n, point(store, s, n).digest, SCHEMA, b"data") for s, n in ((A, 5), (B, 5))}
        for (session, _), snapshot in kept.items():
            store.put_snapshot(session, snapshot)
        store.erase(A, [3], NOTE)
        assert [store.snapshot(session, SCHEMA) for session in (A, B)] == [None, None]
        for (session, _), snapshot in kept.items():
            store.put_snapshot(session, snapshot)
        assert [store.snapshot(session, SCHEMA) for session in (A, B)] == [None, None]
        later = Snapshot(6, point(store, A, 6).digest, SCHEMA, b"data")
        store.put_snapshot(A, later)
        assert store.snapshot(A, SCHEMA) == later

    def test_a_large_value_goes_with_the_last_event_that_refers_to_it(self, store: Store) -> None:
        """Not before; and it can be appended again."""
        large, data = "large " * 30_000, ("large " * 30_000).encode()
        begin(store, A, user("small"), user(large))
        begin(store, B, user(large))
        begin(store, C)
        name = store.put_blob(data)
        store.erase(A, [2], NOTE)
        assert store.blob(name) == data
        store.erase(B, [1], NOTE)
        with pytest.raises(NotFoundError):
            store.blob(name)
        store.append(C, [user(large)])
        assert words(lines(store, C)) == [large]
        assert list(store.verify()) == []

    def test_what_an_erased_event_changed_in_shared_state_is_gone(self, store: Store, other: Store) -> None:
        """Later changes stay, earlier ones come back, and the number of changes is what it was."""
        begin(store, A, user("1", scopes={"shop": {"a": "old", "b": 1}}))
        store.append(A, [Draft("message", user(ONCE).body, scopes={"shop": {"a": ONCE, "c": ONCE}})])
        store.append(A, [user("3", scopes={"shop": {"d": 4}})])
        store.erase(A, [2], NOTE)
        for opened in (store, other):
            scope = opened.scope("shop")
            assert (scope.values, scope.head) == ({"a": "old", "b": 1, "d": 4}, 3)
        store.append(A, [user("4", scopes={"shop": {"e": 5}})])
        assert store.scope("shop").values == {"a": "old", "b": 1, "d": 4, "e": 5}
        assert list(store.verify()) == []

    def test_an_append_that_changed_shared_state_twice_counts_twice_when_it_is_erased(self, store: Store, other: Store) -> None:
        """The number of changes is what it was, whatever each of them did."""
        begin(store, A, user("1", scopes={"shop": {"a": 1}}))
        store.append(A, [user(ONCE, scopes={"shop": {"a": 2}}), user("no change"), user("3", scopes={"shop": {}})])
        store.append(A, [user("4", scopes={"shop": {"d": 4}})])
        store.erase(A, [2], NOTE)
        for opened in (store, other):
            scope = opened.scope("shop")
            assert (scope.values, scope.head) == ({"a": 1, "d": 4}, 4)
        store.append(A, [user("5", scopes={"shop": {"e": 5}})])
        assert (store.scope("shop").head, list(store.verify())) == (5, [])

    def test_an_equal_change_of_shared_state_by_another_append_stays(self, store: Store, other: Store) -> None:
        """It is the erased event's own change that goes."""
        begin(store, A, user("1", scopes={"shop": {"a": ONCE}}))
        store.append(A, [user("2", scopes={"shop": {"b": 1}})])
        store.append(A, [user("3"), user("4", scopes={"shop": {"b": 1}})])
        store.erase(A, [2], NOTE)
        for opened in (store, other):
            scope = opened.scope("shop")
            assert (scope.values, scope.head) == ({"a": ONCE, "b": 1}, 3)
        store.erase(A, [4], NOTE)
        assert (store.scope("shop").values, store.scope("shop").head) == ({"a": ONCE}, 3)
        assert list(store.verify()) == []
