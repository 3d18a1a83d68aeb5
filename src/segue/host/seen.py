"""The cache of files that imports have seen: one JSON line a sighting, the last one of a path counts.

Any number of processes may append to it. A line that is damaged or cut short is passed over: its file is opened again.
"""

import json
import os
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

from segue.host.beside import beside
from segue.ports.seen import Sighting

_SLACK: Final = 4096
"""So many superseded lines are kept before the file is written anew."""


class SeenFile:
    """Sightings in a file below segue's home, for one store and one set of readers. See `ports.Seen`."""

    def __init__(self, home: Path, store: str, readers: str) -> None:
        """Name the store, and the readers by agent and version: what others could not read, these may."""
        self._readers = readers
        self._file = home / "seen" / f"{blake2b(store.encode(), digest_size=8).hexdigest()}.jsonl"
        self._known: dict[str, Sighting] | None = None

    def get(self, path: str) -> Sighting | None:
        """See `Seen.get`."""
        return self._all().get(path)

    def put(self, path: str, sighting: Sighting) -> None:
        """See `Seen.put`."""
        known = self._all()
        if known.get(path) == sighting:
            return
        known[path] = sighting
        with suppress(OSError):
            self._append(_line([path, *sighting]))

    def _all(self) -> dict[str, Sighting]:
        if self._known is None:
            self._known = self._load()
        return self._known

    def _load(self) -> dict[str, Sighting]:
        found: dict[str, Sighting] = {}
        lines = 0
        try:
            with self._file.open("rb") as file:
                if _parsed(file.readline()) != [self._readers]:
                    self._rewrite(found)
                    return found
                for lines, data in enumerate(file, 1):  # noqa: B007
                    match _parsed(data):
                        case [str(path), str(stamp), str(agent), str(foreign_id), str(session)]:
                            found[path] = Sighting(stamp, agent, foreign_id, session)
        except FileNotFoundError:
            self._rewrite(found)
        except OSError:
            return found
        if lines > len(found) + _SLACK:
            self._rewrite(found)
        return found

    def _rewrite(self, known: dict[str, Sighting]) -> None:
        temporary = beside(self._file)
        with suppress(OSError):
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600), "wb") as file:
                file.write(_line([self._readers]))
                file.writelines(_line([path, *sighting]) for path, sighting in known.items())
            temporary.replace(self._file)

    def _append(self, data: bytes) -> None:
        fd = os.open(self._file, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW)
        try:
            os.write(fd, data)
        finally:
            os.close(fd)


def _line(values: list[str]) -> bytes:
    return json.dumps(values, separators=(",", ":")).encode() + b"\n"


def _parsed(data: bytes) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None
