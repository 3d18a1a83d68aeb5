"""Deleting a log whose past others may share.

A fork leaves a mark in its parent before it exists (`forks/<uuid>`). A parent that is deleted while marks are left is only
hidden, and what lies behind its last fork point goes; with its last fork it goes altogether. Going is a rename into
`trash/`, durable at once, and an unlinking that may be interrupted and is taken up again. Its id is kept in `gone/`, since
an id is used once.
"""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from segue.core.errors import GoneError
from segue.stores.log import files, segments
from segue.stores.log.journal import Journal, read_fork

LookUp = Callable[[str], Journal]


def is_deleted(directory: Path) -> bool:
    """Return whether a log is hidden, kept for its forks only."""
    return (directory / "deleted").exists()


def is_gone(store: Path, session: str) -> bool:
    """Return whether there was a log of that id that nothing needs any more."""
    return (store / "gone" / session).exists()


def mark_fork(parent: Journal, child: str) -> None:
    """Make it known to *parent* that *child* shares its past."""
    with parent.lock.exclusive():
        if is_deleted(parent.directory) or not parent.directory.exists():
            raise GoneError("session", parent.session)
        marks = parent.directory / "forks"
        files.make_dir(marks)
        os.close(files.open_or_create(marks / child))
        files.sync_dir(marks)


def unmark_fork(parent: Journal, child: str) -> None:
    """Take the mark of *child* away."""
    (parent.directory / "forks" / child).unlink(missing_ok=True)


def delete(store: Path, journal: Journal, look_up: LookUp) -> None:
    """Take a log away, or hide it while forks need it; then the hidden ancestors that nothing needs any more."""
    with journal.lock.exclusive():
        forks = _forks(store, journal)
        if forks:
            files.replace(journal.directory / "deleted", b"")
            _trim(journal, max(forks))
            journal.lock.bump()
            return
        journal.lock.bump()
        parent = journal.fork.session if journal.fork else None
        _bin(store, journal.directory)
    if parent is not None:
        above = look_up(parent)
        unmark_fork(above, journal.session)
        if is_deleted(above.directory):
            delete(store, above, look_up)


def sweep(directory: Path) -> None:
    """Unlink what was binned or never finished."""
    shutil.rmtree(directory, ignore_errors=True)


def _forks(store: Path, journal: Journal) -> list[int]:
    """Return the fork points of the forks that are there."""
    try:
        marks = os.listdir(journal.directory / "forks")
    except FileNotFoundError:
        return []
    points = [read_fork(store / "sessions" / child) for child in marks if (store / "sessions" / child).is_dir()]
    return [point.seq for point in points if point is not None]


def _trim(journal: Journal, last: int) -> None:
    """Unlink the segments that lie wholly behind event *last*."""
    behind = [s for s in segments.listed(journal.directory / "log") if s.first > last]
    for segment in reversed(behind):
        segment.path.unlink()
    if behind:
        files.sync_dir(journal.directory / "log")


def _bin(store: Path, directory: Path) -> None:
    os.close(files.open_or_create(store / "gone" / directory.name))
    files.sync_dir(store / "gone")
    target = store / "trash" / f"{directory.name}.{os.urandom(4).hex()}"
    os.rename(directory, target)
    files.sync_dir(store / "sessions")
    sweep(target)
