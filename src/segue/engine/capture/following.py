"""Transcripts are followed: what an agent writes is in the log within a second, whoever told of it."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from segue.core.errors import SegueError
from segue.engine.capture.importing import Find, Imported, Importer
from segue.ports import Clock, Found, Store, Transcripts

_QUIET: Final = 10.0
"""Seconds after which a file that did not change is looked at less often."""


class Follower:
    """Looks at files in turns, and imports what is new in them."""

    def __init__(self, importer: Importer, transcripts: Transcripts, agent: str | None = None) -> None:
        """Take only the transcripts of *agent*, where one is given."""
        self._importer = importer
        self._transcripts = transcripts
        self._agent = agent
        self._files: dict[str, Found] = {}
        self._stamps: dict[str, str] = {}
        self._changed: dict[str, float] = {}

    def look(self, paths: Iterable[str], now: float) -> Iterator[Imported]:
        """Find the transcripts that *paths* name or hold, and import what is new in all of them.

        Raises:
            SegueError: the store does not take one of them now; the others are in.
        """
        found = self._transcripts.find(paths, self._agent, known=self._files)
        self._files.update((file.path, file) for file in found if file.reader is not None)
        self._changed = {path: at for path, at in self._changed.items() if now - at < _QUIET}
        yield from self._take(list(self._files), now)

    def glance(self, now: float) -> Iterator[Imported]:
        """Import what is new in the files that changed lately. Raises: see `look`."""
        yield from self._take(list(self._changed), now)

    def leave(self, path: str) -> None:
        """Look no more at the file or directory *path*."""
        for name in [n for n in self._files if n == path or n.startswith(f"{path}/")]:
            for known in (self._files, self._stamps, self._changed):
                known.pop(name, None)

    def _take(self, paths: list[str], now: float) -> Iterator[Imported]:
        failed: SegueError | None = None
        for path in paths:
            stamp, before = self._transcripts.stamp(path), self._stamps.get(path, "")
            if stamp in {before, ""}:
                continue
            self._stamps[path], self._changed[path] = stamp, now
            try:
                yield from (one for one in self._importer.take(self._files[path], trusted=bool(before)) if one.new_events)
            except OSError:  # it went away, or cannot be read now: looked at again, though it may not change any more
                self._stamps[path] = before
            except SegueError as e:  # one session that cannot take more hinders no other
                self._stamps[path], failed = before, failed or e
        if failed is not None:
            raise failed


def follow(
    store: Store,
    transcripts: Transcripts,
    paths: Sequence[str],
    stop: Callable[[], bool],
    *,
    clock: Clock,
    agent: str | None = None,
    find: Find | None = None,
    poll: float = 0.1,
) -> Iterator[Imported]:
    """Import what *paths* name or hold, then what is written to them, until *stop* returns true; yield what is new.

    A record is in the log within a few *poll* seconds of being written. New files, and those that have not changed for ten
    seconds, are looked at once a second.
    """
    follower = Follower(Importer(store, clock=clock, find=find), transcripts, agent)
    second = max(round(1 / poll), 1) if poll > 0 else 1
    turn = 0
    while True:
        last = stop()  # what was written before the call to stop is still taken in
        now = turn * poll
        yield from follower.look(paths, now) if turn % second == 0 or last else follower.glance(now)
        if last:
            return
        turn += 1
        time.sleep(poll)
