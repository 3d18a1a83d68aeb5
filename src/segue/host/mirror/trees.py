"""The directories of a commit, each read when it is asked for, and written where something in it changed."""

import os
from typing import Protocol

from segue.core.errors import DamagedError, NotFoundError
from segue.host.mirror.objects import Entry, Kind, object_id, tree_data, tree_entries
from segue.ports.mirror import Part


class Objects(Protocol):
    """Where objects are."""

    def get(self, id: str) -> bytes:
        """Return an object. Raises MirrorError."""
        ...

    def put(self, kind: Kind, data: bytes) -> str:
        """Take an object in, and return its name. Raises MirrorError."""
        ...


class Tree:
    """A directory with what is in it, to be changed. Passes for `ports.mirror.Files`."""

    def __init__(self, objects: Objects, id: str = "") -> None:
        """Show the tree *id*, or an empty one. `id` is what it was read from or written as."""
        self._objects, self.id = objects, id
        self._read: dict[str, Entry] | None = None if id else {}
        self._open: dict[str, Tree] = {}

    def names(self, directory: str) -> list[str]:
        """See `Files.names`."""
        found = self.at(directory)
        return sorted(found.entries()) if found else []

    def content(self, path: str) -> bytes:
        """See `Files.content`."""
        entry = self._entry(path)
        if entry is None or entry.directory:
            raise NotFoundError("file of the mirror", path)
        return self._objects.get(entry.id)

    def same(self, path: str, data: bytes) -> bool:
        """See `Files.same`."""
        entry = self._entry(path)
        return entry is not None and entry.id == object_id("blob", data)

    def put(self, path: str, what: Part | bytes) -> None:
        """See `Files.put`."""
        first, _, rest = path.partition("/")
        if rest:
            self._within(first).put(rest, what)
            return
        entry = Entry(self._objects.put("blob", _bytes(what) if isinstance(what, Part) else what), directory=False)
        self.remove(first)
        self._own[first] = entry

    def remove(self, path: str) -> None:
        """See `Files.remove`."""
        first, _, rest = path.partition("/")
        if rest:
            within = self.at(first)
            if within is not None:
                within.remove(rest)
            return
        self._open.pop(first, None)
        self._own.pop(first, None)

    def entries(self) -> dict[str, Entry]:
        """Return what is in it; the names of directories that were changed are those before."""
        return self._own | {name: Entry(within.id, directory=True) for name, within in self._open.items() if within.entries()}

    def write(self) -> Entry | None:
        """Write what is new, and return where the tree is now; None where nothing is in it."""
        if self._read is None:
            return Entry(self.id, directory=True)
        for name, within in self._open.items():
            self._own.pop(name, None)
            written = within.write()
            if written:
                self._own[name] = written
        if not self._own:
            return None
        data = tree_data(self._own)
        if object_id("tree", data) != self.id:
            self.id = self._objects.put("tree", data)
        return Entry(self.id, directory=True)

    @property
    def _own(self) -> dict[str, Entry]:
        if self._read is None:
            self._read = tree_entries(self._objects.get(self.id))
        return self._read

    def _entry(self, path: str) -> Entry | None:
        above, _, name = path.rpartition("/")
        found = self.at(above) if above else self
        return found.entries().get(name) if found else None

    def at(self, directory: str) -> "Tree | None":
        """Return a directory in it; None where there is none."""
        first, _, rest = directory.partition("/")
        if first not in self._open:
            entry = self._own.get(first)
            if entry is None or not entry.directory:
                return None
            self._open[first] = Tree(self._objects, entry.id)
        return self._open[first].at(rest) if rest else self._open[first]

    def _within(self, name: str) -> "Tree":
        found = self.at(name)
        if found is None:
            self.remove(name)
            found = self._open[name] = Tree(self._objects)
        return found


def _bytes(part: Part) -> bytes:
    fd = os.open(part.file, os.O_RDONLY | os.O_CLOEXEC | getattr(os, "O_NOFOLLOW", 0))
    with os.fdopen(fd, "rb") as file:
        file.seek(part.start)
        data = file.read(part.end - part.start)
    if len(data) != part.end - part.start:
        raise DamagedError(f"file {part.file!r}", f"it ends at {part.start + len(data)}, {part.end} bytes were there")
    return data
