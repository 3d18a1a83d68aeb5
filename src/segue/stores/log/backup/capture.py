"""What is copied in which order, so that a store which others append to is copied as it was at one moment, or newer.

- Sessions first. A log is copied as far as it is durable; a fork that is listed was made of events that were there before.
- Then, under the locks of all scopes, the sessions that moved meanwhile once more, and the scopes: no append that changes shared
  state comes between a session and its scope. Without scopes nothing is locked.
- Then blobs: they are durable before the events that name them. Then numbers: they are given before they are used.

What can be made anew is left out: index, state snapshots, key tables, leases, locks.
"""

import os
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from segue.core.errors import ConflictError, NotFoundError
from segue.core.log.ids import is_uuid
from segue.stores.log import files, segments
from segue.stores.log.backup.copying import Copying
from segue.stores.log.cipher import SCHEME
from segue.stores.log.journal import Journal
from segue.stores.log.logs import Logs
from segue.stores.log.marks import is_deleted
from segue.stores.log.scopes import Scopes

TRIES: Final = 8
_BESIDE: Final = ("fork.json", "lost.json", "deleted", "name", "erased.json")
_FOLDERS: Final = ("log", "aside", "forks")

Progress = Callable[[int, int], None]


class Capture:
    """Copies one store."""

    def __init__(self, path: Path, logs: Logs, scopes: Scopes, copying: Copying) -> None:
        """Name the store and where its copy is made."""
        self._path, self._logs, self._scopes, self._copying = path, logs, scopes, copying
        self._seen: dict[str, str] = {}

    def run(self, progress: Progress) -> None:
        """Copy everything."""
        self._copying.take(self._path / "format.json", "format.json")
        if (self._path / SCHEME).exists():
            self._copying.take(self._path / SCHEME, SCHEME)
        names = self._sessions()
        for done, name in enumerate(names):
            progress(done, len(names))
            self._session(name)
        for _ in range(TRIES):
            if self._scopes_copied():
                break
        else:
            raise ConflictError("the store cannot be copied: shared state is being made faster than it can be locked")
        for path in sorted((self._path / "blobs").glob("??/*.zst")):
            if not path.name.startswith("."):
                self._copying.take(path, f"blobs/{path.parent.name}/{path.name}")
        for path in sorted((self._path / "numbers").iterdir()):
            if not path.name.startswith("."):
                self._copying.take(path, f"numbers/{path.name}")

    def _sessions(self) -> list[str]:
        return sorted(filter(is_uuid, os.listdir(self._logs.directory)))

    def _session(self, name: str) -> None:
        directory = self._logs.directory / name
        self._seen[name] = _stamp(directory)
        try:
            if self._copying.take_same(f"sessions/{name}", _contents(f"sessions/{name}", directory)):
                return
            self._log(f"sessions/{name}", self._logs.any(name))
        except (FileNotFoundError, NotFoundError):
            if not is_deleted(directory):
                raise
            self._copying.put(b"", f"sessions/{name}/deleted")  # its bytes are gone, its id stays taken

    def _scopes_copied(self) -> bool:
        """Copy the scopes, and once more what moved before they were locked; return whether none came up meanwhile."""
        directories = self._scopes.directories()
        if not directories:
            return True
        logs = {where.name: self._scopes.open(where) for where in directories}
        with ExitStack() as stack:
            for _, log in sorted((log.session, log) for log in logs.values()):
                stack.enter_context(log.exclusive())
            for name in self._sessions():
                if self._seen.get(name) != _stamp(self._logs.directory / name):
                    self._copying.drop(f"sessions/{name}")
                    self._session(name)
            if self._scopes.directories() != directories:
                return False
            for name, log in logs.items():
                self._log(f"scopes/{name}", log)
        return True

    def _log(self, name: str, journal: Journal) -> None:
        """Copy one log. A segment that is sealed, or a log that is deleted, while it is copied is looked at again."""
        for tries in range(TRIES):
            try:
                self._files(name, journal)
            except (FileNotFoundError, NotFoundError):
                self._copying.drop(name)
                if tries == TRIES - 1:
                    raise
            else:
                return

    def _files(self, name: str, journal: Journal) -> None:
        view, directory = journal.view(), journal.directory
        for segment in view.segments:
            last = segment == view.segments[-1]
            self._copying.take(segment.path, f"{name}/log/{segment.path.name}", view.end if last and view.end >= 0 else None)
            if last and not segments.is_as_seen(segment, view.generation):  # it may be another file than the one that was seen
                raise FileNotFoundError(segment.path.name)
        for other in sorted(os.listdir(directory / "log")):  # one whose sealed form is there, or that is no segment
            if segments.is_segment(other) and f"{name}/log/{other}" not in self._copying.files and other.endswith(".zst"):
                raise FileNotFoundError(other)
        for other, source in _contents(name, directory).items():
            if not other.startswith(f"{name}/log/"):
                self._copying.take(source, other)


def _contents(name: str, directory: Path) -> dict[str, Path]:
    """Return the files of a log that a backup has, by their names in it."""
    found = {f"{name}/{one}": directory / one for one in _BESIDE if (directory / one).is_file()}
    for folder in _FOLDERS:
        if (directory / folder).is_dir():
            found |= {f"{name}/{folder}/{one}": directory / folder / one for one in files.sizes(directory / folder)}
    return found


def _stamp(directory: Path) -> str:
    """Return what changes whenever the log does."""
    try:
        last = max(os.listdir(directory / "log"))
        return f"{last}:{(directory / 'log' / last).stat().st_size}:{(directory / 'lock').stat().st_size}"
    except (OSError, ValueError):
        return str(is_deleted(directory))
