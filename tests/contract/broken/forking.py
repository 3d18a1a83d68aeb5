"""Faults of forks."""

from segue.core.errors import HeadMovedError, NotFoundError
from segue.core.log.codec import decode_line
from segue.core.log.events import ANY, Draft, ForkPoint
from segue.stores.memory import MemoryStore

from .registry import fails


@fails("a_fork_shares_the_events_up_to_its_point")
class WritesThePastAnew(MemoryStore):
    def create(self, session, drafts, *, fork=None):
        if fork is None:
            return super().create(session, drafts)
        self._check_fork(fork)
        past = [Draft(e.kind, e.body) for e in self.read(fork.session, upto=fork.seq)]
        return super().create(session, [*past, *drafts])


@fails("a_fork_is_not_changed_by_what_its_parent_goes_on_to_do", "a_fork_of_a_fork_shares_both_pasts")
class FollowsItsParent(MemoryStore):
    def _all_lines(self, log):
        return (self._all_lines(self._logs[log.fork.session]) if log.fork else []) + log.lines


@fails("a_fork_of_a_fork_shares_both_pasts")
class ForgetsItsGrandparent(MemoryStore):
    def _all_lines(self, log):
        return (self._logs[log.fork.session].lines[: log.fork.seq] if log.fork else []) + log.lines


@fails("the_lineage_of_a_fork_goes_to_its_root")
class KnowsItsParentOnly(MemoryStore):
    def lineage(self, session):
        return super().lineage(session)[:1]


@fails("the_lineage_of_a_fork_goes_to_its_root")
class TellsTheLineageOfWhatWasDeleted(MemoryStore):
    def _log(self, session):
        return self._logs.get(session) or super()._log(session)


@fails("a_session_that_is_no_fork_has_no_lineage")
class IsItsOwnParent(MemoryStore):
    def lineage(self, session):
        return super().lineage(session) or (ForkPoint(session, 1, ""),)


@fails("a_fork_may_leave_its_parent_in_the_middle_of_an_append")
class ForksBehindWholeAppendsOnly(MemoryStore):
    def _check_fork(self, fork):
        super()._check_fork(fork)
        if decode_line(self._all_lines(self._logs[fork.session])[fork.seq - 1]).more:
            raise HeadMovedError(fork.session, fork.seq, 0)


@fails("deleting_the_parent_never_harms_a_fork", "deleting_a_fork_harms_neither_its_parent_nor_its_own_fork")
class DeletesWhatForksShare(MemoryStore):
    def delete(self, session):
        super().delete(session)
        self._logs[session].lines.clear()


@fails("deleting_a_fork_harms_neither_its_parent_nor_its_own_fork")
class DeletesTheParentToo(MemoryStore):
    def delete(self, session):
        super().delete(session)
        if self._logs[session].fork:
            self._logs[self._logs[session].fork.session].deleted = True


@fails("a_fork_of_an_unknown_or_deleted_session_does_not_begin")
class ForksWhatIsNotThere(MemoryStore):
    def create(self, session, drafts, *, fork=None):
        try:
            return super().create(session, drafts, fork=fork)
        except NotFoundError:
            return super().create(session, drafts)


@fails("a_fork_of_an_unknown_or_deleted_session_does_not_begin")
class ForksWhatWasDeleted(MemoryStore):
    def _check_fork(self, fork):
        if fork.session not in self._logs:
            raise NotFoundError("session", fork.session)


@fails("a_fork_point_that_the_parent_has_not_is_refused")
class TrustsForkPoints(MemoryStore):
    def _check_fork(self, fork):
        self._log(fork.session)


@fails("a_forks_head_is_expected_by_its_own_number")
class CountsItsOwnEvents(MemoryStore):
    def append(self, session, drafts, *, expect=ANY, **kwargs):
        return super().append(session, drafts, expect=expect if expect == ANY else expect + self._log(session).base, **kwargs)
