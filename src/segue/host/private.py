"""Directories and files for this user alone."""

import os
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
