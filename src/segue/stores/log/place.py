"""The directory of a store: made where there is nothing, refused where it is not ours or cannot hold one."""

import json
import os
from pathlib import Path
from typing import Any

from segue.core.errors import DamagedError, OutcomeUnknownError, StoreTooNewError, StoreUnusableError
from segue.stores.log import files, locks

FORMAT = 1
_PARTS = ("sessions", "scopes", "blobs", "numbers", "incoming", "todo")


def open_place(path: Path) -> None:
    """Make the store's directories, or check that they are a store of ours that we can use."""
    try:
        path.mkdir(mode=files.DIR_MODE, parents=True, exist_ok=True)
        _check_owner(path)
        _check_format(path)
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
        found: Any = json.loads(files.read_file(where))
        version = int(found["segue"])
    except FileNotFoundError:
        _found_store(path, where)
        return
    except (ValueError, KeyError, TypeError) as e:
        raise DamagedError(f"store {str(path)!r}", f"format.json: {e}") from e
    if version > FORMAT:
        raise StoreTooNewError(str(path), version, FORMAT)


def _found_store(path: Path, where: Path) -> None:
    names = {name for name in os.listdir(path) if not name.startswith(".format")}
    if names - {"lock", *_PARTS}:
        raise StoreUnusableError(f"store {str(path)!r} cannot be opened: the directory holds something else")
    if not os.access(path, os.W_OK):
        raise StoreUnusableError(f"store {str(path)!r} cannot be made: the directory is read-only")
    files.sync_dir(path.parent)
    files.replace(where, json.dumps({"segue": FORMAT}).encode() + b"\n")
