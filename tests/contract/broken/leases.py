"""Faults of leases and fences."""

from segue.core.errors import FencedError
from segue.core.log.events import ANY
from segue.stores.memory import MemoryStore

from .registry import fails


@fails("a_lease_says_who_drives_until_when")
class ForgetsTheHolder(MemoryStore):
    def lease(self, session):
        held = super().lease(session)
        return held and held._replace(holder="somebody")


@fails("a_lease_that_another_holds_is_not_given", "of_threads_that_begin_one_session_one_does")
class GivesLeasesToAll(MemoryStore):
    def acquire(self, session, holder, ttl, *, take_over=False):
        return super().acquire(session, holder, ttl, take_over=True)


@fails("each_new_leases_token_is_greater_than_every_earlier_one")
class TakesTokensFromTheClock(MemoryStore):
    def acquire(self, session, holder, ttl, *, take_over=False):
        before = super().lease(session)
        lease = super().acquire(session, holder, ttl, take_over=take_over)
        if before is None or before.holder != holder:
            lease = self._log(session).lease = lease._replace(token=int(self._clock.now()))
        return lease


@fails("the_holder_who_asks_again_renews")
class GivesTheHolderAnotherToken(MemoryStore):
    def acquire(self, session, holder, ttl, *, take_over=False):
        held = self.lease(session)
        return super().acquire(session, holder, ttl, take_over=take_over or bool(held and held.holder == holder))

    def renew(self, lease, ttl):
        self._log(lease.session).lease = None
        return super().acquire(lease.session, lease.holder, ttl)


@fails(
    "a_taken_over_lease_has_ended",
    "an_expired_lease_is_held_by_nobody_and_drives_nothing",
    "a_token_that_was_never_given_drives_nothing",
)
class IgnoresTheFence(MemoryStore):
    def append(self, session, drafts, *, fence=None, **kwargs):
        return super().append(session, drafts, **kwargs)


@fails("a_taken_over_lease_has_ended")
class RenewsWhatWasTakenOver(MemoryStore):
    def renew(self, lease, ttl):
        self._log(lease.session).lease = lease
        return super().renew(lease, ttl)


@fails("an_expired_lease_is_held_by_nobody_and_drives_nothing")
class NeverExpires(MemoryStore):
    def lease(self, session):
        return self._log(session).lease


@fails("an_expired_lease_is_held_by_nobody_and_drives_nothing")
class ExpiresAMomentLate(MemoryStore):
    def lease(self, session):
        held = self._log(session).lease
        return held if held is not None and held.until >= self._clock.now() else None


@fails("an_expired_lease_can_be_renewed_while_nobody_took_it")
class NeverRenewsWhatExpired(MemoryStore):
    def renew(self, lease, ttl):
        if self.lease(lease.session) is None:
            raise FencedError(lease.session, lease.token, None)
        return super().renew(lease, ttl)


@fails("an_expired_lease_can_be_renewed_while_nobody_took_it", "a_lease_that_was_made_up_is_not_renewed")
class RenewsWhateverIsFree(MemoryStore):
    def renew(self, lease, ttl):
        if self.lease(lease.session) is None:
            self._log(lease.session).lease = lease
        return super().renew(lease, ttl)


@fails("renewing_moves_the_end_and_nothing_else")
class RenewsOnPaper(MemoryStore):
    def renew(self, lease, ttl):
        before = self._log(lease.session).lease
        renewed = super().renew(lease, ttl)
        self._log(lease.session).lease = before
        return renewed


@fails("a_released_lease_is_free")
class KeepsWhatWasReleased(MemoryStore):
    def release(self, lease):
        pass


@fails("releasing_what_no_longer_holds_is_no_error_and_does_nothing", "a_lease_is_of_one_session")
class ReleasesWhoeverHolds(MemoryStore):
    def release(self, lease):
        for log in self._logs.values():
            log.lease = None


@fails("releasing_what_no_longer_holds_is_no_error_and_does_nothing")
class ReleasesOnlyWhatHolds(MemoryStore):
    def release(self, lease):
        if self.lease(lease.session) != lease:
            raise FencedError(lease.session, lease.token, None)
        super().release(lease)


@fails("a_token_that_was_never_given_drives_nothing")
class TakesAnyGreaterToken(MemoryStore):
    def append(self, session, drafts, *, fence=None, **kwargs):
        held = self.lease(session)
        return super().append(session, drafts, fence=held.token if held and fence and fence > held.token else fence, **kwargs)


@fails("capture_needs_no_lease")
class LetsOnlyTheDriverAppend(MemoryStore):
    def append(self, session, drafts, *, expect=ANY, on_key="ignore", fence=None):
        held = self.lease(session)
        if held and fence is None:
            raise FencedError(session, 0, held.token)
        return super().append(session, drafts, expect=expect, on_key=on_key, fence=fence)


@fails("a_lease_is_of_one_session")
class LetsForksInheritTheLease(MemoryStore):
    def lease(self, session):
        log = self._log(session)
        return super().lease(session) or (super().lease(log.fork.session) if log.fork else None)
