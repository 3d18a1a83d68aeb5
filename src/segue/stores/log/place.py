"""The directory of a store: made where there is nothing, refused where it is not ours or cannot hold one."""

import json
import os
from pathlib import Path
from typing import Any

from segue.core.errors import DamagedError, OutcomeUnknownError, StoreTooNewError, StoreUnusableError
from segue.stores.log import files, locks

FORMAT = 1
_PARTS = ("sessions", "scopes", "blobs", "numbers", "incoming", "todo")
_FILES = ("format.json", "lock", "worker.lock", "encryption.json")
ASIDE = "aside"
"""What recovery took out of the store, kept."""


def is_ours(name: str) -> bool:
    """Return whether a store may have an entry of that name."""
    return name in _PARTS or name in _FILES or name == ASIDE or name.startswith((".", "index.sqlite"))


def rebuilt(path: Path) -> str:
    """Return why the store's `format.json` was made anew; empty where it was not."""
    found = json.loads(files.read_file(path / "format.json"))
    return str(found.get("rebuilt", ""))


def open_place(path: Path) -> None:
    """Make the store's directories, or check that they are a store of ours that we can use."""
    try:
        path.mkdir(mode=files.DIR_MODE, parents=True, exist_ok=True)
        _check_owner(path)
        _check_format(path)
        _check_sessions(path)
        if os.access(path, os.W_OK):
            for part in _PARTS:
                files.make_dir(path / part)
            locks.check_locks_work(path / "lock")
    except (NotADirectoryError, FileExistsError) as e:
        raise StoreUnusableError(f"store {str(path)!r} cannot be opened: it is not a directory") from e
    except OSError as e:
        refusal = files.refusal(f"store {str(path)!r}", e)
        if isinstance(refusal, OutcomeUnknownError):  # nothing was asked to be stored
            refusal = StoreUnusableError(f"store {str(path)!r} cannot be opened: {(e.strerror or str(e)).lower()}")
        raise refusal from e


def _check_owner(path: Path) -> None:
    if os.name == "nt":
        return
    stat = path.stat()
    if stat.st_uid not in {os.geteuid(), 0}:
        raise StoreUnusableError(f"store {str(path)!r} cannot be trusted: it belongs to user {stat.st_uid}")
    if stat.st_mode & 0o022 and not stat.st_mode & 0o1000:
        raise StoreUnusableError(
            f"store {str(path)!r} cannot be trusted: other users may write to it", hint=f"chmod 700 {str(path)!r}"
        )


def _check_format(path: Path) -> None:
    where = path / "format.json"
    try:
        data = files.read_file(where)
    except FileNotFoundError:
        return _found_store(path, where, "it was missing")
    if not data.strip():
        return _found_store(path, where, "it was empty")
    try:
        version = _version(json.loads(data))
    except (ValueError, KeyError, TypeError) as e:
        error = DamagedError(f"store {str(path)!r}", f"format.json: {e}")
        error.hint = f"mv {where} {where}.damaged    (it is made anew; the sessions stay as they are)"
        raise error from e
    if version > FORMAT:
        raise StoreTooNewError(str(path), version, FORMAT)
    return None


def _version(found: Any) -> int:
    version = found["segue"]
    if type(version) is not int or version < 1:
        raise ValueError(f"there is no format {version!r}")
    return version


def refuse_other(path: Path) -> None:
    """Raise StoreUnusableError where a directory without a header holds something that no store has."""
    names = os.listdir(path)
    ours = {*_PARTS, *_FILES, ASIDE, *(n for n in names if n.startswith((".format", "format.json.")))}
    ours.update(n for n in names if n.startswith("index.sqlite") and "sessions" in names)
    if others := sorted({*names} - ours):
        raise StoreUnusableError(
            f"store {str(path)!r} cannot be opened: the directory holds something else, {others[0]!r}",
            hint="name a directory of its own: SEGUE_STORE=log:///directory",
        )


def _found_store(path: Path, where: Path, lost: str) -> None:
    """Write `format.json`, also for a store that has lost it: all else in it must be of ours, then it is of this format."""
    refuse_other(path)
    if not os.access(path, os.W_OK):
        raise StoreUnusableError(f"store {str(path)!r} cannot be made: the directory is read-only")
    files.sync_dir(path.parent)
    had = {"rebuilt": lost} if _is_used(path) else {}
    files.replace(where, json.dumps({"segue": FORMAT, **had}).encode() + b"\n")


def _check_sessions(path: Path) -> None:
    if not (path / "sessions").exists() and _is_used(path):
        error = DamagedError(f"store {str(path)!r}", "its sessions are gone: the directory was removed by something else")
        error.hint = "see what backups and transcripts hold of them: segue recover --dry-run"
        raise error


def _is_used(path: Path) -> bool:
    """Return whether something was ever stored here."""
    for part in _PARTS[:4]:
        try:
            if any(not name.startswith(".") for name in os.listdir(path / part)):
                return True
        except FileNotFoundError:
            continue
    return False
