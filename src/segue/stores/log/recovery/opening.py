"""A store's directory that does not open: what is missing of it is made, what is damaged is set aside."""

import json
import os
from pathlib import Path

from segue.core.errors import DamagedError, StoreUnusableError
from segue.stores.log import files
from segue.stores.log.backup.restoring import move_aside
from segue.stores.log.place import ASIDE, open_place, refuse_other


def ensure_place(store: Path, *, dry_run: bool, force: bool) -> list[str]:
    """Make the directory of a store open again, and return what was done, a sentence each.

    With *force* what does not open is moved aside as a whole, unless a newer program wrote it.

    Raises:
        StoreUnusableError, StoreTooNewError: there is something else in its place, or a newer program's.
    """
    done = []
    header, sessions = store / "format.json", store / "sessions"
    other = _is_other(store, force=force)
    if other and dry_run:
        return ["what is in the store's place would be moved aside: it is no store"]
    if not store.exists():
        done.append("the store was not there: it is made anew")
    elif not sessions.is_dir() and not other:
        done.append("the store's sessions were gone: the directory is made anew")
    if header.is_file() and not _is_header(header):
        done.append("format.json was damaged: it is made anew, the damaged one is kept")
    if dry_run:
        return done
    if header.is_file() and not _is_header(header):
        files.make_dir(store / ASIDE)
        header.rename(store / ASIDE / f"format.json-{os.urandom(4).hex()}")
    if store.exists() and not sessions.exists() and not other:
        sessions.mkdir(mode=files.DIR_MODE)
    try:
        open_place(store)
    except (StoreUnusableError, DamagedError):
        if not force:
            raise
        done.append(f"what was in the store's place is in {move_aside(store)}: it did not open")
        open_place(store)
    return done


def _is_other(store: Path, *, force: bool) -> bool:
    """Return whether something else is in the store's place. Raises StoreUnusableError, unless *force*."""
    if not store.exists() or (store / "format.json").is_file():
        return False
    try:
        refuse_other(store)
    except StoreUnusableError as e:
        if not force:
            e.hint = "segue recover --force-recovery moves it aside and begins from all copies that there are"
            raise
        return True
    return False


def _is_header(path: Path) -> bool:
    try:
        return not (data := files.read_file(path)).strip() or int(json.loads(data)["segue"]) > 0
    except (ValueError, KeyError, TypeError, DamagedError):
        return False
