"""Faults of create, append and expect."""

import json
import time

from segue.core.errors import ExistsError, InvalidEventError, NotFoundError
from segue.core.log.codec import genesis
from segue.core.log.events import ANY, Commit, Draft
from segue.core.log.ids import is_uuid, named_uuid
from segue.stores.memory import Change, MemoryStore

from .registry import fails


@fails("a_created_log_holds_its_drafts_numbered_from_one")
class KeepsOnlyTheFirst(MemoryStore):
    def create(self, session, drafts, *, fork=None):
        return super().create(session, drafts[:1], fork=fork)


@fails("a_log_is_not_begun_without_an_event")
class BeginsEmpty(MemoryStore):
    def create(self, session, drafts, *, fork=None):
        return super().create(session, drafts or [Draft("session.created", {})], fork=fork)


@fails("a_log_that_cannot_begin_whole_does_not_begin")
class BeginsBitByBit(MemoryStore):
    def create(self, session, drafts, *, fork=None):
        super().create(session, drafts[:1], fork=fork)
        return self.append(session, drafts[1:])


@fails("a_log_begins_once")
class BeginsAgain(MemoryStore):
    def create(self, session, drafts, *, fork=None):
        try:
            return super().create(session, drafts, fork=fork)
        except ExistsError:
            return self.append(session, drafts)


@fails("a_log_begins_with_what_is_derived_from_its_session")
class BeginsAllAlike(MemoryStore):
    def _prev(self, log):
        return log.fork.digest if log.fork else genesis("")


@fails("a_sessions_id_that_is_no_uuid_is_refused")
class TakesAnyId(MemoryStore):
    def create(self, session, drafts, *, fork=None):
        return super().create(session if is_uuid(session) else named_uuid(session), drafts, fork=fork)


@fails("an_append_returns_each_drafts_place_and_the_new_head")
class ReturnsNoPlaces(MemoryStore):
    def append(self, *args, **kwargs):
        return super().append(*args, **kwargs)._replace(entries=())


@fails("what_was_appended_is_there_for_all_and_after_reopening")
class ShowsTheLastEventLate(MemoryStore):
    def read(self, session, *, upto=None, **kwargs):
        end = self.info(session).head.seq - 1
        return super().read(session, upto=end if upto is None else min(upto, end), **kwargs)


@fails("every_field_of_a_draft_is_kept")
class DropsTheSource(MemoryStore):
    def append(self, session, drafts, **kwargs):
        return super().append(session, [d._replace(source=None) for d in drafts], **kwargs)


@fails("event_ids_are_uuids_and_never_the_same")
class GivesOneIdToAll(MemoryStore):
    def __init__(self, *, clock, ids):
        one = ids.uuid7()
        ids.uuid7 = lambda: one
        super().__init__(clock=clock, ids=ids)


@fails("a_body_comes_back_as_it_was")
class TakesNulOut(MemoryStore):
    def create(self, session, drafts, *, fork=None):
        plain = [d._replace(body=json.loads(json.dumps(d.body).replace("\\u0000", ""))) for d in drafts]
        return super().create(session, plain, fork=fork)


@fails("an_append_of_a_thousand_events_is_one_append")
class WritesShort(MemoryStore):
    def append(self, session, drafts, **kwargs):
        return super().append(session, drafts[:500], **kwargs)


@fails("the_order_is_that_of_appends_and_never_the_clocks")
class SortsByTime(MemoryStore):
    def read(self, *args, **kwargs):
        return iter(sorted(super().read(*args, **kwargs), key=lambda e: e.at))


@fails("a_draft_that_cannot_be_written_takes_its_append_with_it", "refuse_writes_nothing_of_the_append")
class WritesHalfBatches(MemoryStore):
    def append(self, session, drafts, **kwargs):
        commits = [super(WritesHalfBatches, self).append(session, [d], **kwargs) for d in drafts]
        return Commit(tuple(c.entries[0] for c in commits), commits[-1].head)


@fails("an_append_to_an_unknown_session_is_refused")
class BeginsByItself(MemoryStore):
    def append(self, session, drafts, **kwargs):
        try:
            return super().append(session, drafts, **kwargs)
        except NotFoundError:
            return self.create(session, drafts)


@fails("an_append_of_nothing_is_no_write")
class WritesNothings(MemoryStore):
    def append(self, session, drafts, **kwargs):
        return super().append(session, drafts or [Draft("record", {"type": "nothing"})], **kwargs)


@fails("an_append_at_the_expected_head_is_written")
class ExpectsTheNextHead(MemoryStore):
    def append(self, session, drafts, *, expect=ANY, **kwargs):
        return super().append(session, drafts, expect=expect if expect == ANY else expect - 1, **kwargs)


@fails("an_append_at_another_head_is_refused_and_names_both", "threads_that_expect_a_head_lose_no_step")
class IgnoresExpect(MemoryStore):
    def append(self, session, drafts, *, expect=ANY, **kwargs):
        time.sleep(0.001 if expect != ANY else 0)  # so that others expect the same head meanwhile, surely
        return super().append(session, drafts, **kwargs)


@fails("a_refused_append_changes_no_scope")
class AppliesScopesFirst(MemoryStore):
    def append(self, session, drafts, **kwargs):
        for draft in drafts:
            for name, delta in (draft.scopes or {}).items() if isinstance(draft.scopes, dict) else ():
                self._scopes.setdefault(name, []).append(Change(session, (), [delta]))
        return super().append(session, [d._replace(scopes=None) for d in drafts], **kwargs)


@fails("a_fork_begins_with_an_event_of_its_own")
class BeginsWithARepetition(MemoryStore):
    def create(self, session, drafts, *, fork=None):
        try:
            return super().create(session, drafts, fork=fork)
        except InvalidEventError:
            return super().create(session, [d._replace(key=None) for d in drafts], fork=fork)
