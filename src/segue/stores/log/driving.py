"""Taking, renewing and giving back the lease of a session, under its log's lock."""

from segue.core.errors import FencedError, LeaseHeldError
from segue.core.log.events import Draft
from segue.core.log.times import stamp
from segue.ports import Lease
from segue.stores.log import leases
from segue.stores.log.journal import Journal


def held(journal: Journal) -> Lease | None:
    """Return the lease that holds now, or None."""
    last = leases.read(journal.directory, journal.session, journal.env.cipher)
    return last if last is not None and last.until > journal.env.clock.now() else None


def acquire(journal: Journal, holder: str, ttl: float, *, take_over: bool) -> Lease:
    """See `Store.acquire`. The event comes first: its number is the token."""
    with journal.exclusive():
        now = held(journal)
        if now is not None and now.holder == holder:
            return _keep(journal, now, ttl)
        if now is not None and not take_over:
            raise LeaseHeldError(journal.session, now.holder, stamp(now.until))
        request = journal.env.request([Draft("lease.taken", {"holder": holder})])
        journal.commit([request])
        return _keep(journal, Lease(journal.session, holder, request.result().head.seq, 0.0), ttl)


def renew(journal: Journal, lease: Lease, ttl: float) -> Lease:
    """See `Store.renew`."""
    with journal.exclusive():
        last = leases.read(journal.directory, journal.session, journal.env.cipher)
        if last is None or last.token != lease.token:
            raise FencedError(lease.session, lease.token, last.token if last else None)
        return _keep(journal, lease, ttl)


def release(journal: Journal, lease: Lease) -> None:
    """See `Store.release`."""
    with journal.exclusive():
        last = leases.read(journal.directory, journal.session, journal.env.cipher)
        if last is not None and last.token == lease.token:
            leases.clear(journal.directory)


def _keep(journal: Journal, lease: Lease, ttl: float) -> Lease:
    kept = lease._replace(until=journal.env.clock.now() + ttl)
    leases.write(journal.directory, kept, journal.env.cipher)
    return kept
