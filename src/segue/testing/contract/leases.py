"""Clauses: who drives a session now, for how long, and that a stale driver's append is refused."""

from collections.abc import Callable

import pytest

from segue.core.errors import FencedError, LeaseHeldError
from segue.ports import Lease, Store
from segue.testing.builders import user
from segue.testing.contract.base import A, B, Clauses, begin, point, refused, words
from segue.testing.fakes import FakeClock


class Leases(Clauses):
    """acquire, renew, release, lease, fence."""

    def test_a_lease_says_who_drives_until_when(
        self, store: Store, other: Store, clock: FakeClock, reopen: Callable[[Store], Store]
    ) -> None:
        """Everybody sees it; it outlives the handle it was taken with."""
        begin(store, A)
        assert store.lease(A) is None
        lease = store.acquire(A, "me", 60)
        assert lease == (A, "me", lease.token, clock.now() + 60)
        assert store.lease(A) == other.lease(A) == lease
        assert reopen(store).lease(A) == lease

    def test_a_lease_that_another_holds_is_not_given(self, store: Store, other: Store, clock: FakeClock) -> None:
        """LeaseHeldError names the holder and the end, until its last moment."""
        begin(store, A)
        store.acquire(A, "me", 60)
        clock.advance(59)
        with refused(store, LeaseHeldError) as caught:
            other.acquire(A, "you", 60)
        assert isinstance(caught.value, LeaseHeldError)
        assert (caught.value.fields["holder"], caught.value.fields["until"]) == ("me", "2026-01-15T09:31:00.000000Z")

    def test_each_new_leases_token_is_greater_than_every_earlier_one(
        self, store: Store, clock: FakeClock, reopen: Callable[[Store], Store]
    ) -> None:
        """After expiry, release, take-over, with a clock that steps back, and after reopening."""
        begin(store, A)
        tokens = [store.acquire(A, "one", 60).token]
        clock.advance(61)
        lease = store.acquire(A, "two", 60)
        tokens.append(lease.token)
        store.release(lease)
        store = reopen(store)
        tokens.append(store.acquire(A, "two", 60).token)
        clock.advance(-3600)
        tokens.append(store.acquire(A, "three", 60, take_over=True).token)
        store.append(A, [user("x")])
        store = reopen(store)
        tokens.append(store.acquire(A, "one", 60, take_over=True).token)
        assert tokens == sorted(set(tokens))
        assert tokens[0] > 0

    def test_the_holder_who_asks_again_renews(self, store: Store, clock: FakeClock) -> None:
        """The same lease with a new end: no new token, nothing written."""
        begin(store, A)
        lease = store.acquire(A, "me", 60)
        stamp = store.stamp(A)
        clock.advance(30)
        again = store.acquire(A, "me", 60)
        assert again == lease._replace(until=clock.now() + 60)
        assert (store.lease(A), store.stamp(A)) == (again, stamp)
        assert store.acquire(A, "me", 5, take_over=True) == lease._replace(until=clock.now() + 5)

    def test_a_taken_over_lease_has_ended(self, store: Store, other: Store) -> None:
        """Take-over: the one who had it can neither append under it nor renew it."""
        begin(store, A)
        mine = store.acquire(A, "me", 60)
        yours = other.acquire(A, "you", 60, take_over=True)
        with refused(store, FencedError) as caught:
            store.append(A, [user("stale")], fence=mine.token)
        assert isinstance(caught.value, FencedError)
        assert (caught.value.fields["token"], caught.value.fields["current"]) == (mine.token, yours.token)
        with refused(store, FencedError):
            store.renew(mine, 60)
        other.append(A, [user("driven")], fence=yours.token)
        assert words(store.read(A)) == ["driven"]

    def test_an_expired_lease_is_held_by_nobody_and_drives_nothing(self, store: Store, clock: FakeClock) -> None:
        """Expired is refused, from the very moment of its end."""
        begin(store, A)
        lease = store.acquire(A, "me", 60)
        clock.advance(60)
        assert store.lease(A) is None
        with refused(store, FencedError) as caught:
            store.append(A, [user("late")], fence=lease.token + 1)
        assert isinstance(caught.value, FencedError)
        assert caught.value.fields["current"] is None, "nobody drives it, so nobody is named"
        with refused(store, FencedError):
            store.append(A, [user("late")], fence=lease.token)

    def test_an_expired_lease_can_be_renewed_while_nobody_took_it(
        self, store: Store, clock: FakeClock, reopen: Callable[[Store], Store]
    ) -> None:
        """A driver whose machine slept goes on; but not once another drove."""
        begin(store, A)
        lease = store.acquire(A, "me", 60)
        clock.advance(3600)
        store = reopen(store)
        renewed = store.renew(lease, 60)
        assert renewed == lease._replace(until=clock.now() + 60)
        store.append(A, [user("on")], fence=renewed.token)
        clock.advance(3600)
        store.acquire(A, "you", 60)
        with refused(store, FencedError):
            store.renew(renewed, 60)
        clock.advance(3600)
        with refused(store, FencedError):
            store.renew(renewed, 60)

    def test_renewing_moves_the_end_and_nothing_else(self, store: Store, other: Store, clock: FakeClock) -> None:
        """It holds on, for everybody."""
        begin(store, A)
        lease = store.acquire(A, "me", 60)
        clock.advance(50)
        renewed = store.renew(lease, 60)
        clock.advance(50)
        assert other.lease(A) == renewed == lease._replace(until=clock.now() + 10)
        with refused(other, LeaseHeldError):
            other.acquire(A, "you", 60)
        other.append(A, [user("x")], fence=lease.token)

    def test_a_released_lease_is_free(self, store: Store, other: Store) -> None:
        """For anybody; its token drives nothing any more, and it cannot be renewed."""
        begin(store, A)
        lease = store.acquire(A, "me", 60)
        store.release(lease)
        assert other.lease(A) is None
        for ask in (lambda: store.append(A, [user("x")], fence=lease.token), lambda: store.renew(lease, 60)):
            with refused(store, FencedError):
                ask()
        assert other.acquire(A, "you", 60).holder == "you"

    def test_releasing_what_no_longer_holds_is_no_error_and_does_nothing(self, store: Store, clock: FakeClock) -> None:
        """Expired, taken over, released before, session deleted."""
        begin(store, A)
        expired = store.acquire(A, "one", 60)
        clock.advance(61)
        store.release(expired)
        taken = store.acquire(A, "two", 60)
        holding = store.acquire(A, "three", 60, take_over=True)
        for lease in (expired, taken, taken):
            store.release(lease)
        assert store.lease(A) == holding
        store.delete(A)
        store.release(holding)

    @pytest.mark.parametrize("wrong", [0, -5, 1, 10**12])
    def test_a_token_that_was_never_given_drives_nothing(self, store: Store, wrong: int) -> None:
        """FencedError; whether somebody holds a lease or nobody does."""
        begin(store, A)
        with refused(store, FencedError):
            store.append(A, [user("x")], fence=wrong)
        store.acquire(A, "me", 60)
        with refused(store, FencedError):
            store.append(A, [user("x")], fence=wrong)

    def test_capture_needs_no_lease(self, store: Store, other: Store) -> None:
        """Without a fence anybody appends, whoever drives."""
        begin(store, A)
        lease = store.acquire(A, "me", 60)
        other.append(A, [user("captured")])
        store.append(A, [user("driven")], fence=lease.token)
        assert words(store.read(A)) == ["captured", "driven"]

    def test_a_lease_is_of_one_session(self, store: Store) -> None:
        """Not of a fork, nor of the parent: its past holds the parent's leases, but nobody drives it."""
        begin(store, A)
        lease = store.acquire(A, "me", 60)
        begin(store, B, user("b"), fork=point(store, A, store.info(A).head.seq))
        assert store.lease(B) is None
        with refused(store, FencedError):
            store.append(B, [user("x")], fence=lease.token)
        yours = store.acquire(B, "you", 60)
        assert yours.token > lease.token
        assert store.lease(A) == lease
        store.release(lease)
        assert store.lease(B) == yours

    def test_a_lease_that_was_made_up_is_not_renewed(self, store: Store) -> None:
        """FencedError: it never held."""
        begin(store, A)
        with refused(store, FencedError):
            store.renew(Lease(A, "me", 1, 10**10), 60)
