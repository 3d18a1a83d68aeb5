"""Faults that show when many are at work: locks that keep nobody out."""

import contextlib
import time

from segue.stores.log import LogStore, files, locks
from segue.stores.memory import MemoryStore

from .registry import fails


def slowly(_fd=None):
    """Give the others time to come in between."""
    time.sleep(0.001)


def late(write):
    """Return a `write` that lets the others come in between."""

    def write_late(fd, data):
        slowly()
        write(fd, data)

    return write_late


@fails(
    "threads_interleave_whole_appends",
    "threads_that_expect_a_head_lose_no_step",
    "threads_with_one_key_write_it_once",
    "of_threads_that_begin_one_session_one_does",
    "threads_are_given_different_numbers",
)
class HasNoLock(MemoryStore):
    def __init__(self, *, clock, ids):
        super().__init__(clock=clock, ids=ids)
        self._lock = contextlib.nullcontext()

    def _write(self, log, planned, contents):
        head = self._head(log)
        slowly()
        log.lines[head.seq - log.base :] = []  # what was meant to go there goes there
        return super()._write(log, planned, contents)

    def number(self, prefix, owner):
        before = self._numbers.get(prefix, 0)
        slowly()
        self._numbers[prefix] = before
        return super().number(prefix, owner)


@fails("threads_change_shared_state_together")
class ChangesScopesWithoutALock(MemoryStore):
    def append(self, session, drafts, **kwargs):
        before = {name: list(self._scopes.get(name, [])) for d in drafts for name in d.scopes or {}}
        slowly()
        self._scopes.update(before)
        return super().append(session, drafts, **kwargs)


@fails(
    "processes_interleave_whole_appends",
    "processes_that_expect_a_head_lose_no_step",
    "processes_with_one_key_write_it_once",
    "of_processes_that_begin_one_session_one_does",
    "processes_are_given_different_numbers",
    "processes_change_shared_state_together",
    shared=True,
)
class LocksKeepNobodyOut(LogStore):
    def __init__(self, path, *, clock, ids):
        super().__init__(path, clock=clock, ids=ids, sync=slowly)

    @staticmethod
    def sabotage(patch):
        patch.setattr(locks.LogLock, "_acquire", lambda self, how: self._open())
        patch.setattr(files, "write_all", late(files.write_all))


@fails("a_child_that_inherited_an_open_store_appends_beside_its_parent", shared=True)
class ChildrenInheritTheLock(LogStore):
    def __init__(self, path, *, clock, ids):
        super().__init__(path, clock=clock, ids=ids, sync=slowly)

    def after_fork(self):
        pass

    @staticmethod
    def sabotage(patch):
        patch.setattr(locks.LogLock, "after_fork", lambda self: None)
        patch.setattr(files, "write_all", late(files.write_all))
