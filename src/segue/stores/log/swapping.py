"""A log put into the place of another, which is kept, in steps that a crash may come between.

    log.new/           the log that is to be: whole and durable
    log/ -> aside/log-N/
    log.new/ -> log/

Between the last two there is no log. Whoever opens it next finds `log.new`, and takes the last step.
"""

import os
import shutil
from pathlib import Path
from typing import Final

from segue.stores.log import files, snapshots
from segue.stores.log.locks import LogLock

NEXT: Final = "log.new"


def lock_of(directory: Path) -> LogLock:
    """Return the lock of the log in *directory*, made where it is missing."""
    os.close(files.open_or_create(directory / "lock"))
    return LogLock(directory / "lock")


def swap(directory: Path, made: Path) -> Path | None:
    """Put the log *made* into the place of that in *directory*, and return where the old one is kept; None where there was none.

    The log's lock must be held. Every process that knows the old one looks again.
    """
    log, new = directory / "log", directory / NEXT
    shutil.rmtree(new, ignore_errors=True)  # one that never got as far as its last steps
    made.rename(new)
    files.sync_dir(directory)
    kept = _keep(log, directory / "aside") if log.exists() else None
    _take_place(directory)
    return kept


def finish(directory: Path) -> None:
    """Take the last step of a swap that was interrupted before it; nothing else is done. Raises OSError."""
    if not (directory / NEXT).is_dir() or (directory / "log").exists():
        return
    lock = lock_of(directory)
    try:
        with lock.exclusive():
            if not (directory / "log").exists():
                _take_place(directory)
                lock.bump()
                lock.bump()
    finally:
        lock.close()


def _take_place(directory: Path) -> None:
    for table in directory.glob("keys*"):  # caches of the log that was
        table.unlink()
    snapshots.drop(directory)
    (directory / NEXT).rename(directory / "log")
    files.sync_dir(directory)


def _keep(log: Path, aside: Path) -> Path:
    files.make_dir(aside)
    number = 1
    while (kept := aside / f"log-{number}").exists():
        number += 1
    log.rename(kept)
    files.sync_dir(aside)
    return kept
