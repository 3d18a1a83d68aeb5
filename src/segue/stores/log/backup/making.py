"""Directories that are being made beside a store, each held by its process; those of killed ones are taken away."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from segue.stores.log import files

_WHAT = ("restoring", "recovering")


@contextmanager
def being_made(target: Path, what: str) -> Iterator[Path]:
    """Give a new directory beside *target*; what is still at its place at the end is taken away. Raises OSError."""
    made = target.parent / f".{target.name}.{what}-{os.getpid()}-{os.urandom(4).hex()}"
    made.mkdir(mode=files.DIR_MODE)
    held = _held(made)
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)
        os.close(held)


def sweep(target: Path) -> None:
    """Take away what was being made beside *target* by processes that did not live to end it. Raises OSError."""
    begins = tuple(f".{target.name}.{what}-" for what in _WHAT)
    for left in [path for path in target.parent.iterdir() if path.name.startswith(begins)]:
        with suppress(OSError):  # another has it, or took it away
            held = _held(left)
            try:
                shutil.rmtree(left, ignore_errors=True)
            finally:
                os.close(held)


def _held(directory: Path) -> int:
    """Return a descriptor with a lock on *directory*: its maker lives. Raises OSError where another has it."""
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(fd)
        raise
    return fd
