"""Faults of numbers, snapshots and blobs."""

from segue.core.errors import NotFoundError
from segue.core.log.codec import blob_name, blob_refs
from segue.stores.memory import MemoryStore

from .registry import fails


@fails("numbers_count_from_one_for_each_prefix")
class CountsAllPrefixesTogether(MemoryStore):
    def number(self, prefix, owner):
        return super().number("", owner)


@fails("a_number_is_never_given_twice")
class GivesNumbersOfDeletedSessionsAgain(MemoryStore):
    def delete(self, session):
        super().delete(session)
        self._numbers.clear()


@fails("a_number_is_never_given_twice")
class GivesAnOwnerOneNumber(MemoryStore):
    def number(self, prefix, owner):
        kept = self.__dict__.setdefault("_kept", {})
        return kept.setdefault((prefix, owner), len(kept) + 1)


@fails("numbers_go_on_past_a_thousand")
class HasThreeDigits(MemoryStore):
    def number(self, prefix, owner):
        return min(super().number(prefix, owner), 999)


@fails("the_latest_snapshot_at_or_before_a_position_comes_back", "a_fork_has_snapshots_of_its_own")
class GivesTheLatestSnapshotOnly(MemoryStore):
    def snapshot(self, session, schema, upto=None):
        return super().snapshot(session, schema)


@fails("a_snapshot_of_another_schema_is_not_returned")
class ConfusesSchemas(MemoryStore):
    def snapshot(self, session, schema, upto=None):
        found = [
            super(ConfusesSchemas, self).snapshot(session, s, upto)
            for s, _ in self._log(session).snapshots
            if s.startswith(schema)
        ]
        return max(filter(None, found), default=None)


@fails("a_snapshot_that_does_not_fit_the_log_is_not_returned")
class TrustsSnapshots(MemoryStore):
    def snapshot(self, session, schema, upto=None):
        fits = [x for (s, q), x in self._log(session).snapshots.items() if s == schema and (upto is None or q <= upto)]
        return max(fits, default=None, key=lambda x: x.seq)


@fails("a_snapshot_that_does_not_fit_the_log_is_not_returned")
class LooksAtTheLatestSnapshotOnly(MemoryStore):
    def snapshot(self, session, schema, upto=None):
        found = super().snapshot(session, schema, upto)
        latest = max((q for s, q in self._log(session).snapshots if s == schema and (upto is None or q <= upto)), default=0)
        return found if found and found.seq == latest else None


@fails("a_snapshot_put_again_takes_the_others_place")
class KeepsTheFirstSnapshot(MemoryStore):
    def put_snapshot(self, session, snapshot, *, alone=False):
        self._log(session).snapshots.setdefault((snapshot.schema, snapshot.seq), snapshot)


@fails("a_fork_has_snapshots_of_its_own")
class SharesSnapshots(MemoryStore):
    def put_snapshot(self, session, snapshot, *, alone=False):
        for other in self.sessions():
            super().put_snapshot(other, snapshot, alone=alone)


@fails("a_snapshot_put_alone_takes_the_place_of_all_others_of_its_schema")
class KeepsTheOthers(MemoryStore):
    def put_snapshot(self, session, snapshot, *, alone=False):
        super().put_snapshot(session, snapshot)


@fails("a_snapshot_put_alone_takes_the_place_of_all_others_of_its_schema")
class TakesAllSchemasAway(MemoryStore):
    def put_snapshot(self, session, snapshot, *, alone=False):
        if alone:
            self._log(session).snapshots.clear()
        super().put_snapshot(session, snapshot)


@fails("dropped_snapshots_are_gone_and_nothing_else_is")
class DropsOneSnapshot(MemoryStore):
    def drop_snapshots(self, session):
        if self._log(session).snapshots:
            self._log(session).snapshots.popitem()


@fails("a_blob_comes_back_as_it_was")
class CutsNulsOff(MemoryStore):
    def blob(self, name):
        return super().blob(name).rstrip(b"\0")


@fails("the_same_bytes_have_one_name_and_others_another")
class NamesBlobsByTheirNumber(MemoryStore):
    def put_blob(self, data):
        name = blob_name(b"%d" % len(self._blobs))
        self._blobs[name] = data
        return name


@fails("a_blob_that_is_not_there_is_not_found")
class FindsEmptyBlobs(MemoryStore):
    def blob(self, name):
        try:
            return super().blob(name)
        except NotFoundError:
            return b""


@fails("blobs_outlive_the_sessions_that_share_them", "deleting_the_parent_never_harms_a_fork")
class DeletesBlobsWithTheirSession(MemoryStore):
    def delete(self, session):
        for line in self._log(session).lines:
            for name in blob_refs(line):
                self._blobs.pop(name, None)
        super().delete(session)
