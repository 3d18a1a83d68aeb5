"""Faults of idempotency keys."""

from segue.core.errors import DuplicateKeyError
from segue.core.log.codec import decode_line
from segue.core.log.events import ANY, Appended, Commit
from segue.core.log.keys import Known
from segue.stores.memory import MemoryStore

from .registry import fails


def known(event):
    return Known(event.seq, event.id, event.node, event.stream)


@fails(
    "a_known_key_adds_nothing_and_gives_the_known_event",
    "a_key_that_another_appended_is_known_whatever_one_appended_oneself",
    "threads_with_one_key_write_it_once",
)
class KnowsNoKeys(MemoryStore):
    def _find(self, log, key):
        return None


@fails("new_drafts_beside_known_ones_are_written_in_order")
class OneKnownKeyExcusesAll(MemoryStore):
    def append(self, session, drafts, **kwargs):
        if any(d.key and self.lookup(session, d.key) for d in drafts):
            return Commit((), self.info(session).head)
        return super().append(session, drafts, **kwargs)


@fails("a_key_twice_in_one_append_is_written_once", "a_key_twice_in_a_logs_beginning_is_written_once")
class LooksKeysUpInTheLogOnly(MemoryStore):
    def _write(self, log, planned, contents):
        return super()._write(
            log, [p._replace(draft=p.draft or self._drafts[i], same_as=None) for i, p in enumerate(planned)], contents
        )

    def _encode(self, drafts):
        self._drafts = drafts
        return super()._encode(drafts)


@fails("a_key_of_one_session_is_free_in_another", "lookup_of_an_unknown_key_gives_none")
class SharesKeysBetweenSessions(MemoryStore):
    def _find(self, log, key):
        hits = (super(SharesKeysBetweenSessions, self)._find(each, key) for each in [log, *self._logs.values()])
        return next((hit for hit in hits if hit), None)


@fails("replace_adds_a_revision_in_the_known_events_node_and_stream")
class ReplacesWithoutRevising(MemoryStore):
    def append(self, session, drafts, *, on_key="ignore", **kwargs):
        self._blind = on_key == "replace"
        return super().append(session, drafts, on_key=on_key, **kwargs)

    def _find(self, log, key):
        return None if getattr(self, "_blind", False) else super()._find(log, key)


@fails("replace_within_one_append_revises_the_first")
class RevisesOnlyWhatIsInTheLog(MemoryStore):
    def _write(self, log, planned, contents):
        return super()._write(log, [p._replace(same_as=None) if p.draft else p for p in planned], contents)


@fails("replace_writes_what_is_unknown")
class ReplacesOnlyWhatIsKnown(MemoryStore):
    def append(self, session, drafts, *, on_key="ignore", **kwargs):
        if on_key == "replace":
            drafts = [d for d in drafts if self.lookup(session, d.key)]
        return super().append(session, drafts, on_key=on_key, **kwargs)


@fails("refuse_names_the_event_that_has_the_key")
class NamesTheWrongEvent(MemoryStore):
    def append(self, session, drafts, **kwargs):
        try:
            return super().append(session, drafts, **kwargs)
        except DuplicateKeyError as e:
            raise DuplicateKeyError(session, e.fields["key"], 1) from e


@fails("a_policy_that_there_is_not_is_refused")
class GuessesThePolicy(MemoryStore):
    def append(self, session, drafts, *, on_key="ignore", **kwargs):
        return super().append(session, drafts, on_key=on_key if on_key in {"replace", "refuse"} else "ignore", **kwargs)


@fails("an_append_that_is_repeated_as_it_was_gives_what_it_wrote", "an_append_of_nothing_is_no_write")
class AsksForTheHeadFirst(MemoryStore):
    def append(self, session, drafts, *, expect=ANY, fence=None, **kwargs):
        self._check(session, self.info(session).head, expect, fence)
        return super().append(session, drafts, expect=expect, fence=fence, **kwargs)


@fails("where_something_is_left_to_write_the_head_and_the_lease_are_asked")
class AsksForTheHeadOnlyOfStrangers(MemoryStore):
    def append(self, session, drafts, *, expect=ANY, fence=None, **kwargs):
        if any(d.key and self.lookup(session, d.key) for d in drafts):
            return super().append(session, drafts, **kwargs)
        return super().append(session, drafts, expect=expect, fence=fence, **kwargs)


@fails("a_key_of_the_shared_past_is_known_in_the_fork", "deleting_the_parent_never_harms_a_fork")
class KnowsItsOwnKeysOnly(MemoryStore):
    def _find(self, log, key):
        hit = super()._find(log, key)
        return hit if hit and hit.seq > log.base else None


@fails("a_key_that_the_parent_took_later_is_free_in_the_fork", "lookup_in_a_fork_sees_its_past_and_not_its_parents_future")
class KnowsItsParentsFuture(MemoryStore):
    def _find(self, log, key):
        return super()._find(log, key) or (log.fork and self._find(self._logs[log.fork.session], key))


@fails("lookup_gives_the_latest_event_of_a_key")
class LooksUpTheFirst(MemoryStore):
    def lookup(self, session, key):
        for event in self.read(session):
            if event.key == key:
                return Appended(event.seq, event.id, new=False)
        return None


@fails("lookup_of_an_unknown_key_gives_none")
class LooksUpBeginnings(MemoryStore):
    def lookup(self, session, key):
        for line in reversed(self._all_lines(self._log(session))):
            event = decode_line(line)
            if event.key and event.key.startswith(key):
                return Appended(event.seq, event.id, new=False)
        return None


@fails("any_text_is_a_key")
class CutsKeysShort(MemoryStore):
    def append(self, session, drafts, **kwargs):
        return super().append(session, [d._replace(key=d.key and d.key[:100]) for d in drafts], **kwargs)
