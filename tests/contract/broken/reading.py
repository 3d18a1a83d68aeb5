"""Faults of read, info, stamp, sessions, delete, watch, verify, close."""

import copy
import time

from segue.core.errors import NotFoundError, SegueError
from segue.core.log.events import Damage
from segue.ports import Finding
from segue.stores.memory import MemoryStore

from .registry import fails


@fails("a_range_is_after_one_number_up_to_another")
class IncludesAfter(MemoryStore):
    def read(self, session, *, after=0, **kwargs):
        return super().read(session, after=after - 1, **kwargs)


@fails("a_range_is_after_one_number_up_to_another")
class ExcludesUpto(MemoryStore):
    def read(self, session, *, upto=None, **kwargs):
        return super().read(session, upto=upto and upto - 1, **kwargs)


@fails("a_range_is_after_one_number_up_to_another", "a_fork_of_a_fork_shares_both_pasts")
class ReversesEachLogByItself(MemoryStore):
    def read(self, session, *, after=0, upto=None, reverse=False, **kwargs):
        events = list(super().read(session, after=after, upto=upto, **kwargs))
        base = self._logs[session].base
        if reverse:
            events = [e for e in events if e.seq <= base][::-1] + [e for e in events if e.seq > base][::-1]
        return iter(events)


@fails("every_event_names_its_predecessors_digest", "a_fork_shares_the_events_up_to_its_point")
class BreaksTheChainAtTheFork(MemoryStore):
    def _prev(self, log):
        return "0" * 64 if log.fork else super()._prev(log)


@fails("without_blobs_large_values_stay_references")
class AlwaysLoadsBlobs(MemoryStore):
    def read(self, session, *, blobs=True, **kwargs):
        return super().read(session, **kwargs)


@fails("an_iterator_that_is_looked_at_slowly_holds_up_nobody")
class HoldsItsLockWhileReading(MemoryStore):
    def read(self, *args, **kwargs):
        with self._lock:
            yield from super().read(*args, **kwargs)


@fails("a_running_iterator_sees_whole_appends_or_nothing_of_them")
class StartsAgainWhenTheLogGrows(MemoryStore):
    def read(self, session, **kwargs):
        head = self.info(session).head
        yield from super().read(session, **kwargs)
        if self.info(session).head != head:
            yield from super().read(session, **kwargs)


@fails("what_a_reader_does_to_an_event_is_seen_by_nobody")
class HandsOutItsOwnEvents(MemoryStore):
    def read(self, session, **kwargs):
        kept = self.__dict__.setdefault("_kept", {})
        return (kept.setdefault(e.digest, e) for e in super().read(session, **kwargs))


@fails("a_sound_log_reports_no_damage")
class CriesWolf(MemoryStore):
    def read(self, session, *, on_damage=None, **kwargs):
        if on_damage:
            on_damage(Damage(session, "somewhere", None, "something"))
        return super().read(session, **kwargs)


@fails("an_unknown_session_is_not_found", "a_deleted_session_is_gone_and_stays_gone")
class ReadsNothingOfTheUnknown(MemoryStore):
    def read(self, session, **kwargs):
        try:
            return super().read(session, **kwargs)
        except NotFoundError:
            return iter(())


@fails("info_says_where_a_log_begins_and_ends", "a_fork_copies_no_event")
class SaysThatAllBeginAtOne(MemoryStore):
    def info(self, session):
        return super().info(session)._replace(first=1)


@fails("the_size_of_a_log_grows_with_what_is_appended")
class SaysThatAllIsOneByte(MemoryStore):
    def info(self, session):
        return super().info(session)._replace(size=1)


@fails("a_fork_copies_no_event")
class CopiesItsParentsBytes(MemoryStore):
    def info(self, session):
        return super().info(session)._replace(size=sum(map(len, self._all_lines(self._logs[session]))))


@fails("the_stamp_changes_whenever_the_log_does")
class StampsEverySecondEvent(MemoryStore):
    def stamp(self, session):
        return str(self.info(session).head.seq // 2)


@fails("the_stamp_changes_whenever_the_log_does")
class StampsTheWholeStore(MemoryStore):
    def stamp(self, session):
        return str([len(log.lines) for log in self._logs.values()] if self._log(session) else "")


@fails("sessions_come_in_the_order_of_their_ids")
class ListsSessionsAsTheyCame(MemoryStore):
    def sessions(self):
        return (s for s, log in self._logs.items() if not log.deleted)


@fails("a_deleted_session_is_gone_and_stays_gone", "an_unknown_session_is_not_found")
class HidesDeletedSessionsFromTheListOnly(MemoryStore):
    def sessions(self):
        return (s for s in super().sessions() if s not in self.__dict__.setdefault("_hidden", set()))

    def delete(self, session):
        self.__dict__.setdefault("_hidden", set()).add(session)


@fails("the_id_of_a_deleted_session_stays_taken")
class GivesIdsOfDeletedSessionsAgain(MemoryStore):
    def delete(self, session):
        super().delete(session)
        if not any(log.fork and log.fork.session == session for log in self._logs.values()):
            del self._logs[session]


@fails("watch_goes_on_with_what_comes")
class WatchesOnce(MemoryStore):
    def watch(self, session, *, after=0, stop, poll=0.05):
        return self.read(session, after=after)


@fails("watch_from_the_beginning_gives_the_whole_log_of_a_fork")
class WatchesItsOwnPartOnly(MemoryStore):
    def watch(self, session, *, after=0, **kwargs):
        return super().watch(session, after=max(after, self.info(session).first - 1), **kwargs)


@fails("watch_from_the_head_or_beyond_gives_only_what_comes_behind")
class WatchesFromTheEnd(MemoryStore):
    def watch(self, session, *, after=0, **kwargs):
        return super().watch(session, after=min(after, self.info(session).head.seq), **kwargs)


@fails("watch_goes_on_with_what_comes")
class NeverHearsOfTheEnd(MemoryStore):
    def watch(self, session, *, after=0, stop, poll=0.05):
        while True:
            for event in self.read(session, after=after):
                after = event.seq
                yield event
            if stop():
                yield from self.read(session, upto=1)
                return
            time.sleep(poll)


@fails("verify_finds_nothing_on_a_sound_store_and_changes_nothing", "threads_interleave_whole_appends")
class SeesGhosts(MemoryStore):
    def verify(self, session=None):
        return iter([Finding("damage", session, "somewhere", "something")])


@fails("verify_finds_nothing_on_a_sound_store_and_changes_nothing")
class RepairsWhileItLooks(MemoryStore):
    def verify(self, session=None):
        found = list(super().verify(session))
        for log in self._logs.values():
            log.lines.append(copy.copy(log.lines[-1]))
        return iter(found)


@fails("closing_twice_is_closing_once")
class ClosesOnce(MemoryStore):
    def close(self):
        if self.__dict__.get("_closed"):
            raise SegueError("it is closed")
        self._closed = True
