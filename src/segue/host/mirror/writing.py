"""One change of a mirror: objects are collected in packs, and refs move at the end."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from segue.host.mirror.commits import commit_data, find_commit
from segue.host.mirror.exporting import export
from segue.host.mirror.objects import Kind, Pack
from segue.host.mirror.reading import Reader
from segue.host.mirror.trees import Tree
from segue.ports.mirror import Files, Mirrored

REFS: Final = "refs/segue/"
PARTED: Final = "refs/segue/parted/"
_FULL: Final = 32 << 20
"""A pack of so many bytes is written before the next object."""


class Writing:
    """Passes for `ports.mirror.Writing`, and for `trees.Objects`."""

    def __init__(
        self, reader: Reader, refs: Mapping[str, str], known: dict[str, Any], take_in: Callable[[Pack], None], now: float
    ) -> None:
        """Begin a change of a repository whose refs are *refs*; *take_in* makes a pack durable."""
        self._reader, self._refs, self._known, self._take_in, self._now = reader, refs, known, take_in, now
        self._pack = Pack()
        self.moves: dict[str, tuple[str, str]] = {}
        """Ref -> the commit that it names, empty where there is none, and the one that it is to name."""

    def at(self, log: str) -> Mirrored | None:
        """See `Writing.at`."""
        commit = self._refs.get(REFS + log)
        return find_commit(self._reader, commit)[1] if commit else None

    def files(self, log: str, *, anew: bool = False) -> Files:
        """See `Writing.files`."""
        return Tree(self) if anew else Tree(self, find_commit(self._reader, self._refs[REFS + log])[0])

    def keep(self, mirrored: Mirrored, files: Files, *, part: bool = False) -> None:
        """See `Writing.keep`."""
        assert isinstance(files, Tree)  # noqa: S101  (this gave them)
        entry = files.write()
        if entry is None:
            return
        ref = REFS + mirrored.log
        before = self._refs.get(ref, "")
        if part and before:
            self.moves[PARTED + before] = ("", before)
        self.moves[ref] = (before, self.put("commit", commit_data(entry.id, mirrored, self._now)))

    def export(self, mirrored: Mirrored, to: str) -> int:
        """See `Mirror.export`."""
        return export(Tree(self, find_commit(self._reader, mirrored.id)[0]), Path(to))

    def known(self) -> dict[str, Any]:
        """See `Mirror.known`."""
        return self._known

    def remember(self, what: Mapping[str, Any]) -> None:
        """See `Writing.remember`."""
        self._known = dict(what)

    def get(self, id: str) -> bytes:
        """See `Objects.get`."""
        return self._reader.get(id)

    def put(self, kind: Kind, data: bytes) -> str:
        """See `Objects.put`."""
        name = self._pack.add(kind, data)
        if self._pack.size >= _FULL:
            self.flush()
        return name

    def flush(self) -> None:
        """Make durable what was taken in."""
        pack, self._pack = self._pack, Pack()
        self._take_in(pack)
