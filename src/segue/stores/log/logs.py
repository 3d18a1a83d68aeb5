"""The logs of a store's sessions, opened when needed. A few stay open; the others open their files again when asked."""

import os
import threading
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from segue.core.errors import GoneError, NotFoundError
from segue.core.log.ids import is_uuid
from segue.stores.log.env import Env
from segue.stores.log.journal import Journal
from segue.stores.log.marks import is_deleted, read_fork
from segue.stores.log.swapping import finish

OPEN = 64
"""How many logs keep their files open (two descriptors each)."""
_PATIENCE: Final = 0.2
"""Seconds that closing waits for a thread that is at work on a log: a process that is about to end has no more."""


class Logs:
    """Gives the log of a session by its id."""

    def __init__(self, directory: Path, env: Env) -> None:
        """Name the directory that holds them, and what they have in common."""
        self.directory = directory
        self.env = env
        self._open: OrderedDict[str, Journal] = OrderedDict()
        self._mutex = threading.Lock()

    def at_hand(self, session: str) -> Journal:
        """Return what `there` does, without looking whether it was deleted: an append notices that under the log's lock."""
        return self._open.get(session) or self.there(session)

    def there(self, session: str) -> Journal:
        """Return the log of a session that is there. Raises NotFoundError, GoneError."""
        directory = self.directory / session
        if not is_uuid(session) or not directory.is_dir():
            raise NotFoundError("session", session, hint="segue list")
        if is_deleted(directory):
            self.drop(session)
            raise GoneError("session", session)
        return self.any(session)

    def any(self, session: str) -> Journal:
        """Return the log of a session, also of a deleted one that forks still need. Raises NotFoundError."""
        with self._mutex:
            journal = self._open.get(session)
            if journal is not None:
                self._open.move_to_end(session)
                return journal
        directory = self.directory / session
        if not directory.is_dir():
            raise NotFoundError("session", session, hint="segue list")
        if not (directory / "log").is_dir():
            finish(directory)
        fork = read_fork(directory)
        return self.keep(session, Journal(directory, session, self.env, fork, self.any(fork.session) if fork else None))

    def keep(self, name: str, journal: Journal) -> Journal:
        """Keep *journal* at hand under *name*, unless there is one, and return the one that is."""
        with self._mutex:
            kept = self._open.setdefault(name, journal)
            too_many = max(0, len(self._open) - OPEN)
            for other in list(self._open)[:too_many]:
                if self._open[other].rest():  # one that is at work, maybe for this very caller, stays
                    del self._open[other]
        return kept

    def kept(self, name: str) -> Journal | None:
        """Return the log that is kept under *name*, or None."""
        with self._mutex:
            journal = self._open.get(name)
            if journal is not None:
                self._open.move_to_end(name)
            return journal

    def ids(self) -> Iterator[str]:
        """Yield the ids of the sessions that are there, sorted."""
        names = sorted(filter(is_uuid, os.listdir(self.directory)))
        return (name for name in names if not is_deleted(f"{self.directory}/{name}"))

    def drop(self, session: str) -> None:
        """Let go of a log's files."""
        with self._mutex:
            journal = self._open.pop(session, None)
        if journal is not None:
            journal.close()

    def close(self) -> None:
        """Let go of all files."""
        with self._mutex:
            journals, self._open = list(self._open.values()), OrderedDict()
        for journal in journals:
            journal.close(_PATIENCE)

    def after_fork(self) -> None:
        """In a forked child: nothing of the parent's is ours."""
        self._mutex = threading.Lock()
        for journal in self._open.values():
            journal.after_fork()
