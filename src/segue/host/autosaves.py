"""The worker's record of its autosaves: a file in the home of segue, or where there is no room, elsewhere."""

import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import Any

from segue.host.beside import beside
from segue.ports.autosaves import Record


class AutosaveFile:
    """See `ports.autosaves.Autosaves`."""

    def __init__(self, places: Sequence[Path], store: str) -> None:
        """Name the places, the best one first, and the store that is saved to; nothing is made there."""
        name = f"autosave-{blake2b(store.encode('utf-8', 'surrogateescape'), digest_size=8).hexdigest()}.json"
        self._files = [place / name for place in places]

    def write(self, records: Mapping[str, Record]) -> None:
        """See `Autosaves.write`. It never fails: there is nobody to tell."""
        if not records:
            self._remove()
            return
        data = json.dumps({session: record._asdict() for session, record in records.items()}).encode()
        for at, file in enumerate(self._files):
            with suppress(OSError):
                _replace(file, data)
                for other in self._files[at + 1 :]:
                    other.unlink(missing_ok=True)
                return

    def _remove(self) -> None:
        for file in filter(_is_ours, self._files):
            with suppress(OSError):
                file.unlink()
                file.parent.rmdir()

    def read(self, session: str) -> Record | None:
        """See `Autosaves.read`."""
        known = [file for file in self._files if _is_ours(file)]
        for file in sorted(known, key=lambda file: file.stat().st_mtime, reverse=True):
            with suppress(OSError, ValueError):
                return _parsed(json.loads(file.read_bytes()), session)
        return None


def _replace(file: Path, data: bytes) -> None:
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = beside(file)
    try:
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600), "wb") as out:
            out.write(data)
        temporary.replace(file)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def _is_ours(file: Path) -> bool:
    try:
        return file.lstat().st_uid == os.geteuid() and file.parent.lstat().st_uid == os.geteuid()
    except OSError:
        return False


def _parsed(found: Any, session: str) -> Record | None:
    record = found.get(session) if isinstance(found, dict) else None
    match record:
        case {"saved": dict(saved), "failed": dict(failed), "notice": str(notice)}:
            return Record(saved, {k: v for k, v in failed.items() if isinstance(v, dict)}, notice)
    return None
