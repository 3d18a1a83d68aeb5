"""Faults of several appends at once."""

from itertools import takewhile

from segue.core.errors import NotFoundError, SegueError
from segue.stores.memory import MemoryStore

from .registry import fails


@fails("each_of_several_appends_is_written_in_their_order", "appends_that_change_shared_state_stand_among_others")
class WritesBackwards(MemoryStore):
    def append_each(self, session, asked):
        return super().append_each(session, asked[::-1])[::-1]


@fails("what_is_refused_keeps_none_of_the_others_from_being_written")
class StopsAtTheFirstError(MemoryStore):
    def append_each(self, session, asked):
        found = (super(StopsAtTheFirstError, self).append_each(session, [one])[0] for one in asked)
        done = list(takewhile(lambda one: not isinstance(one, SegueError), found))
        return done + [SegueError("stopped")] * (len(asked) - len(done))


@fails("what_is_not_wanted_any_more_is_not_begun", "each_is_asked_whether_it_is_wanted")
class AsksNobody(MemoryStore):
    def append_each(self, session, asked):
        return super().append_each(session, [one._replace(begins=lambda: True) for one in asked])


@fails("nothing_can_be_appended_to_a_session_that_is_not_there")
class KnowsEverySession(MemoryStore):
    def append_each(self, session, asked):
        try:
            return super().append_each(session, asked)
        except NotFoundError as e:
            return [e for _ in asked]
