"""What stands beside the logs of a store, brought back: numbers that were given, marks of forks and of what is gone."""

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from segue.core.errors import DamagedError, SegueError
from segue.core.log.ids import is_uuid
from segue.stores.log import files
from segue.stores.log.cipher import MAGIC, SCHEME, read_scheme
from segue.stores.log.marks import is_deleted, mark_deleted, read_fork
from segue.stores.log.recovery.places import Place

_BEGINNING: Final = 80


def scheme(store: Path, others: Sequence[Place], *, dry_run: bool, others_told: list[str]) -> Path:
    """Return the directory whose `encryption.json` counts: the store's; where it lost it, that of a copy, which is brought back.

    One is brought back only where something in the store, or in that copy, is encrypted.
    """
    if _is_scheme(store / SCHEME):
        return store
    for place in others:
        if _is_scheme(place.root / SCHEME) and (_is_boxed(store) or not any(_first_bytes(store))):
            if not dry_run:
                files.replace(store / SCHEME, files.read_file(place.root / SCHEME))
                others_told.append(f"encryption.json is as {place.where} has it")
            return store if not dry_run else place.root
    return store


def deleted(store: Path) -> Iterator[str]:
    """Mark the sessions as deleted again of which only the directory is left: their ids stay taken. Yield what was done."""
    for directory in (store / "sessions").iterdir():
        if is_uuid(directory.name) and not (directory / "log").is_dir() and not is_deleted(directory):
            mark_deleted(directory)
            yield f"session {directory.name} has no log in any copy: it counts as deleted"


def marks(store: Path) -> None:
    """Make it known to each parent which forks share its past."""
    for directory in (store / "sessions").iterdir():
        with suppress(DamagedError, OSError):
            fork = read_fork(directory)
            parent = store / "sessions" / fork.session if fork else None
            if parent is not None and parent.is_dir() and not is_deleted(directory):
                files.make_dir(parent / "forks")
                os.close(files.open_or_create(parent / "forks" / directory.name))


def numbers(store: Path, others: Sequence[Place]) -> Iterator[str]:
    """Bring back numbers that were given: the longest file of each prefix counts. Yield what was done."""
    for place in others:
        with suppress(OSError):
            for path in sorted((place.root / "numbers").iterdir()):
                own = store / "numbers" / path.name
                if path.name[0] != "." and path.stat().st_size > (own.stat().st_size if own.exists() else 0):
                    files.replace(own, files.read_file(path))
                    yield f"numbers of {path.name} are as {place.where} has them"


def _is_scheme(path: Path) -> bool:
    try:
        return path.exists() and bool(read_scheme(path).key)
    except SegueError:
        return False


def _is_boxed(store: Path) -> bool:
    return any(data.startswith(MAGIC) or b',"box":"' in data for data in _first_bytes(store))


def _first_bytes(store: Path) -> Iterator[bytes]:
    """Yield how the segments of a store's sessions begin."""
    for path in (store / "sessions").glob("*/log/*.jsonl*"):
        with suppress(OSError), path.open("rb") as file:
            yield file.read(_BEGINNING)
