"""Faults of erasure."""

from segue.core.log.codec import erase_line
from segue.core.log.events import Draft
from segue.ports import Snapshot
from segue.stores.memory import MemoryStore

from .registry import fails


@fails("an_erased_event_keeps_its_place_and_nothing_else", "what_was_erased_before_adds_nothing")
class OnlyTellsOfErasures(MemoryStore):
    def erase(self, session, seqs, note):
        self.append(session, [Draft("erased", {**note, "seqs": [[seq, seq] for seq in seqs]})])
        return len(seqs)


@fails("the_log_tells_of_an_erasure")
class TellsNobody(MemoryStore):
    def _erase(self, log, seqs, note):
        for seq in seqs:
            log.lines[seq - log.base - 1] = erase_line(log.lines[seq - log.base - 1])
        return len(seqs)


@fails("what_was_erased_before_adds_nothing")
class TellsAgain(MemoryStore):
    def erase(self, session, seqs, note):
        done = super().erase(session, seqs, note)
        if not done:
            self.append(session, [Draft("erased", {**note, "seqs": []})])
        return done


@fails("an_event_that_is_not_there_is_refused")
class ErasesWhatThereIs(MemoryStore):
    def erase(self, session, seqs, note):
        head = self.info(session).head.seq
        return super().erase(session, [seq for seq in seqs if 0 < seq <= head], note)


@fails("what_a_fork_shares_is_erased_for_all", "no_snapshot_from_before_an_erasure_is_given")
class DoesNotThinkOfForks(MemoryStore):
    def _forks(self, log, seq):
        return []


@fails("the_key_of_an_erased_event_stays_taken")
class ForgetsTheKeys(MemoryStore):
    def _erase(self, log, seqs, note):
        log.keys.clear()
        return super()._erase(log, seqs, note)


@fails("no_snapshot_from_before_an_erasure_is_given")
class TakesLateSnapshots(MemoryStore):
    def put_snapshot(self, session, snapshot, *, alone=False):
        self._log(session).forbidden = range(0)
        super().put_snapshot(session, snapshot, alone=alone)


@fails("no_snapshot_from_before_an_erasure_is_given")
class TakesNoSnapshotAnyMore(MemoryStore):
    def put_snapshot(self, session, snapshot: Snapshot, *, alone=False):
        if not self._log(session).forbidden:
            super().put_snapshot(session, snapshot, alone=alone)


@fails("a_large_value_goes_with_the_last_event_that_refers_to_it")
class KeepsLargeValues(MemoryStore):
    def erase(self, session, seqs, note):
        kept = dict(self._blobs)
        done = super().erase(session, seqs, note)
        self._blobs = kept
        return done


@fails("a_large_value_goes_with_the_last_event_that_refers_to_it")
class TakesLargeValuesFromOthers(MemoryStore):
    def erase(self, session, seqs, note):
        done = super().erase(session, seqs, note)
        self._blobs = {}
        return done


@fails("what_an_erased_event_changed_in_shared_state_is_gone")
class LeavesSharedState(MemoryStore):
    def erase(self, session, seqs, note):
        kept = {name: list(changes) for name, changes in self._scopes.items()}
        done = super().erase(session, seqs, note)
        self._scopes = kept
        return done


@fails("an_append_that_changed_shared_state_twice_counts_twice_when_it_is_erased")
class CountsWhatWasErasedOnce(MemoryStore):
    def erase(self, session, seqs, note):
        done = super().erase(session, seqs, note)
        for changes in self._scopes.values():
            changes[:] = [change if any(change.deltas) else change._replace(deltas=[{}]) for change in changes]
        return done


@fails("an_equal_change_of_shared_state_by_another_append_stays")
class ErasesEqualChangesOfOthers(MemoryStore):
    def erase(self, session, seqs, note):
        before = {name: list(changes) for name, changes in self._scopes.items()}
        done = super().erase(session, seqs, note)
        for name, changes in self._scopes.items():
            gone = [old.deltas for old, new in zip(before[name], changes, strict=True) if old != new]
            changes[:] = [one._replace(deltas=[{} for _ in one.deltas]) if one.deltas in gone else one for one in changes]
        return done
