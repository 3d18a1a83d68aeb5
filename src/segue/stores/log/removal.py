"""Deleting a log whose past others may share.

A log is deleted by a mark (`deleted`), durable at once; the mark stays, since an id is used once. Its bytes go when nothing
needs them: a fork leaves a mark in its parent before it exists (`forks/<uuid>`), and while one is left only what lies behind
the last fork point goes. With its last fork a deleted parent's bytes go too. All of it may be interrupted: upkeep goes on.
"""

import os
from contextlib import suppress
from pathlib import Path

from segue.core.errors import GoneError
from segue.ports import Clock
from segue.stores.log import files, segments
from segue.stores.log.journal import Journal, LookUp
from segue.stores.log.marks import is_deleted, mark_deleted, read_fork

_MAKING = 600.0
"""A fork that is not there this many seconds after it was marked never will be."""
_ALL = 1 << 60
_STAYS = {"deleted", "lock"}
_FORK = "fork.json"


def mark_fork(parent: Journal, child: str) -> None:
    """Make it known to *parent* that *child* shares its past. Raises GoneError."""
    with parent.lock.exclusive():
        if is_deleted(parent.directory):
            raise GoneError("session", parent.session)
        marks = parent.directory / "forks"
        files.make_dir(marks)
        os.close(files.open_or_create(marks / child))
        files.sync_dir(marks)


def unmark_fork(parent: Journal, child: str) -> None:
    """Take the mark of *child* away."""
    (parent.directory / "forks" / child).unlink(missing_ok=True)


def delete(store: Path, journal: Journal, look_up: LookUp, clock: Clock) -> None:
    """Delete a log, and reclaim what nothing needs. Raises GoneError where another was first."""
    with journal.lock.exclusive():
        if is_deleted(journal.directory):
            raise GoneError("session", journal.session)
        mark_deleted(journal.directory)
        journal.lock.bump()
    reclaim(store, journal, look_up, clock)


def reclaim(store: Path, journal: Journal, look_up: LookUp, clock: Clock) -> None:
    """Unlink the bytes of a deleted log that no fork needs, then those of its deleted ancestors. Repeatable."""
    with journal.lock.exclusive():
        forks = _forks(store, journal, clock)
        if forks:
            (store / "todo" / journal.session).touch(mode=files.FILE_MODE)
            _trim(journal, max(forks))
            journal.lock.bump()
            return
        for name in sorted(os.listdir(journal.directory)):
            if name not in {*_STAYS, _FORK}:
                _unlink(journal.directory / name)
        journal.lock.bump()
    above = None if journal.parent is None else look_up(journal.parent.session)
    if above is not None:
        unmark_fork(above, journal.session)
    (journal.directory / _FORK).unlink(missing_ok=True)  # last: without it nobody knows whose mark is to be taken away
    if above is not None and is_deleted(above.directory):
        reclaim(store, above, look_up, clock)


def unfinished(directory: Path) -> bool:
    """Return whether a session was deleted and has still more than what stays of it."""
    return is_deleted(directory) and any(name not in _STAYS for name in os.listdir(directory))


def sweep(directory: Path) -> None:
    """Unlink what was never finished."""
    _rmtree(directory, ignore_errors=True)


def _forks(store: Path, journal: Journal, clock: Clock) -> list[int]:
    """Return the fork points of the forks that are there, or are just being made."""
    points = []
    for mark in _marks(journal.directory / "forks"):
        child = store / "sessions" / mark.name
        point = read_fork(child)
        if point is not None:
            points.append(point.seq)
        elif not child.exists():
            with suppress(FileNotFoundError):  # who was making it has given up
                points += [_ALL] if clock.now() - mark.stat().st_mtime < _MAKING else []
    return points


def _marks(directory: Path) -> list[Path]:
    try:
        return list(directory.iterdir())
    except FileNotFoundError:
        return []


def _trim(journal: Journal, last: int) -> None:
    """Unlink the segments that lie wholly behind event *last*, and first what was computed from them."""
    for cache in (*journal.directory.glob("keys*"), journal.directory / "snapshots"):
        _unlink(cache)
    behind = [s for s in segments.listed(journal.directory / "log") if s.first > last]
    for segment in reversed(behind):
        segment.path.unlink()
    if behind:
        files.sync_dir(journal.directory / "log")


def _unlink(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        _rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _rmtree(path: Path, *, ignore_errors: bool = False) -> None:
    from shutil import rmtree  # not loaded where nothing is removed

    rmtree(path, ignore_errors=ignore_errors)
