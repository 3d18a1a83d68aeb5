"""What `segue init` and `segue mcp off` did to others' files: written down before it is done, to be undone after any crash."""

import json
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from segue.core.errors import DamagedError
from segue.host.beside import beside
from segue.host.install.files import sync

_NAME = "installed.json"


class Entry(NamedTuple):
    """One file that was changed or made."""

    agent: str
    path: str
    place: str
    """`user`, or the root of the project; of a server that was switched off, its name."""
    kind: str
    """`hooks`, `trust`: pieces in a file of the user's; `server`: our MCP server alone in one; `file`: a file of ours; `mcp`: a
    server of the user's that was switched off.
    """
    made: bool = False
    """The file was not there."""
    pieces: tuple[str, ...] = ()
    """What was put into it, word for word; of a server, what was taken out."""
    digest: str = ""
    """BLAKE2b of a file of ours, or of the user's as we left it."""
    backup: str = ""
    """The name of the copy of what was there before."""
    server: tuple[str, ...] = ()
    """Our MCP server, as it was put in word for word."""


class Receipt:
    """The entries of one home of segue, by path."""

    def __init__(self, home: Path, folder: str = "init") -> None:
        """Read what was written in a folder of the home of segue.

        Raises:
            DamagedError: it cannot be understood.
        """
        self.directory = home / folder
        self.directories: list[str] = []
        """Directories that were made, each behind those in it."""
        self._entries: dict[tuple[str, str], Entry] = {}
        try:
            text = (self.directory / _NAME).read_text(encoding="utf-8")
        except FileNotFoundError:
            return
        try:
            document = json.loads(text)
            self.directories = [str(name) for name in document["directories"]]
            for found in document["files"]:
                known: dict[str, Any] = {
                    k: tuple(v) if isinstance(v, list) else v for k, v in found.items() if k in Entry._fields
                }
                entry = Entry(**known)
                self._entries[entry.place, entry.path] = entry
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as e:
            raise DamagedError("list of installed files", f"{self.directory / _NAME}: {e}") from e

    def __iter__(self) -> Iterator[Entry]:
        return iter(list(self._entries.values()))

    def get(self, place: str, path: Path) -> Entry | None:
        """Return what was done to a file."""
        return self._entries.get((place, str(path)))

    def keep(self, entry: Entry, before: bytes | None) -> Entry:
        """Write an entry down, and a copy of what was in its file *before* unless there is one; durable on return."""
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if before is not None and not entry.made and not entry.backup and entry.kind != "file":
            entry = entry._replace(backup=self._copy(entry.path, before))
        self._entries[entry.place, entry.path] = entry
        self._write()
        return entry

    def forget(self, entry: Entry) -> None:
        """Drop an entry and its copy; the last one takes the whole list with it."""
        self._entries.pop((entry.place, entry.path), None)
        if self._entries:
            self._write()
        if entry.backup:
            (self.directory / entry.backup).unlink(missing_ok=True)
        if not self._entries:
            (self.directory / _NAME).unlink(missing_ok=True)
            if self.directory.exists() and not any(self.directory.iterdir()):
                self.directory.rmdir()

    def tidy(self) -> None:
        """Take away the directories that were made and are empty."""
        for name in list(self.directories):
            with suppress(OSError):  # somebody's files are in it
                Path(name).rmdir()
                self.directories.remove(name)
        if self._entries:
            self._write()

    def _copy(self, path: str, before: bytes) -> str:
        number = 1
        while True:
            name = f"{number}-{Path(path).name}"
            try:
                fd = os.open(self.directory / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            except FileExistsError:
                number += 1
                continue
            with os.fdopen(fd, "wb") as file:
                file.write(before)
                file.flush()
                os.fsync(fd)
            return name

    def _write(self) -> None:
        document: dict[str, Any] = {
            "v": 1,
            "files": [entry._asdict() for entry in self._entries.values()],
            "directories": self.directories,
        }
        temporary = beside(self.directory / _NAME)
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            json.dump(document, file, ensure_ascii=False, indent=1)
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(self.directory / _NAME)
        sync(self.directory)
