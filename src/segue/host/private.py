"""Directories and files for this user alone."""

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO


def make(path: Path) -> None:
    """Make a directory, and those above it that are missing, for this user alone. Raises OSError."""
    if not path.parent.exists():
        make(path.parent)
    path.mkdir(mode=0o700, exist_ok=True)


def new(path: Path) -> BinaryIO:
    """Return *path*, empty and for this user alone, for writing. Raises OSError."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb")


def replace(path: Path, temporary: Path, content: Iterable[bytes], *, durably: bool = True) -> None:
    """Give the file *path* a new content by way of *temporary* beside it, whole or not at all.

    What is not written *durably* may be empty after a power loss. Raises OSError; nothing is left of *temporary*.
    """
    temporary.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | getattr(os, "O_NOFOLLOW", 0)
    try:
        with os.fdopen(os.open(temporary, flags, 0o600), "wb") as file:
            file.writelines(content)
            if durably:
                file.flush()
                os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def bytes_below(directory: Path) -> int:
    """Return how many bytes the files below *directory* have; one that goes meanwhile has none."""
    total = 0
    for above, _, names in os.walk(directory):
        for name in names:
            with suppress(FileNotFoundError):
                total += os.lstat(os.path.join(above, name)).st_size  # noqa: PTH118
    return total
