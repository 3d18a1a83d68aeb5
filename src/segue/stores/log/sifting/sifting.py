"""All files of a heap, and the sessions that the lines in them make. Nothing is changed."""

import json
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from segue.core.errors import DamagedError, MirrorError, NotFoundError, SegueError
from segue.core.log.codec import BadLine, blob_refs, decode_line, split_line
from segue.core.log.events import Event
from segue.core.log.ids import is_uuid
from segue.core.log.piecing import Pieced, Sight, piece
from segue.core.log.rejoining import Node
from segue.core.session.lifecycle import BEGINNINGS
from segue.ports.keys import Keys
from segue.ports.mirror import BESIDE, Mirror
from segue.ports.recovery import Piece, Sifted
from segue.stores.log.cipher import SCHEME, Cipher
from segue.stores.log.sifting import reading

_SHARED: Final = "scope.delta"


class Sifter:
    """Finds what is left of sessions. Passes for `ports.recovery.Sifter`."""

    def __init__(self, mirror_at: Callable[[str], Mirror], keys: Keys | None = None) -> None:
        """*mirror_at* gives the mirror in the git repository at a path; *keys* those of encrypted stores."""
        self._mirror_at, self._keys = mirror_at, keys

    def sift(self, paths: Sequence[str]) -> Sifted:
        """See `ports.recovery.Sifter.sift`."""
        heap = _Heap(self._keys)
        with TemporaryDirectory(prefix="segue-sifting-") as room:
            for number, path in enumerate(paths):
                if not os.path.lexists(path):
                    raise NotFoundError("file or directory", path)
                heap.take(Path(path), Path(room) / str(number), self._mirror_at)
            return heap.sifted()


class _Heap:
    """What was found so far."""

    def __init__(self, keys: Keys | None) -> None:
        self._keys = keys
        self._ciphers: dict[Path, Cipher] = {}
        self._sights: list[Sight] = []
        self._lines: dict[str, bytes] = {}
        self._values: dict[str, Path] = {}
        self._strangers: list[str] = []
        self._unread: dict[str, str] = {}
        self._damaged = self._shared = self._mirrors = 0

    def take(self, path: Path, room: Path, mirror_at: Callable[[str], Mirror]) -> None:
        """Look at a file, or at all below a directory; what is in a mirror is written into *room*."""
        if not path.is_dir() or path.is_symlink():
            self._file(path, str(path))
            return
        for directory, names, found in os.walk(path):
            names.sort()
            here = Path(directory)
            if "HEAD" in found and {"objects", "refs"} <= {*names}:
                names.clear()
                if not (here / "segue").is_dir():  # somebody's repository
                    continue
                self._mirrors += 1
                self._mirror(mirror_at(directory), room / str(self._mirrors))
                continue
            for name in sorted(found):
                if not (here / name).is_symlink():
                    self._file(here / name, str(here / name))

    def sifted(self) -> Sifted:
        """Return the sessions that it makes."""
        logs = [self._piece(one) for one in piece(self._sights)]
        return Sifted(logs, self._strangers, self._unread, self._damaged, self._shared)

    def _mirror(self, mirror: Mirror, room: Path) -> None:
        try:
            for number, one in enumerate(mirror.logs()):
                within = room / f"parted-{number}" if one.parted else room
                mirror.export(one, str(within if one.log == BESIDE else within / one.log))
        except MirrorError as e:
            self._unread[mirror.place] = str(e.fields["reason"])
        for directory, _, names in os.walk(room):
            for name in sorted(names):
                self._file(Path(directory, name), mirror.place)

    def _file(self, path: Path, shown: str) -> None:
        cipher = self._cipher(path.parent)
        try:
            found = reading.read(path, cipher)
        except (OSError, ValueError, SegueError) as e:
            self._unread[shown] = str(getattr(e, "strerror", "") or e)
            return
        self._damaged += found.damaged
        if found.value:
            self._values.setdefault(found.value, path)
        elif not found.lines and not found.damaged and not _is_ours(path):
            self._strangers.append(str(path))
        home = _home(path)
        for line in found.lines:
            with suppress(ValueError, KeyError, TypeError, RecursionError):
                self._line(line, shown, home)

    def _line(self, line: bytes, file: str, home: str) -> None:
        head: dict[str, Any] = json.loads(split_line(line)[0] + b"}")
        if head["kind"] == _SHARED:
            self._shared += 1
            return
        node = Node(int(head["seq"]), str(head["prev"]), split_line(line)[1])
        self._lines.setdefault(node.digest, line)
        self._sights.append(Sight(node, file, home, head["kind"] in BEGINNINGS))

    def _piece(self, found: Pieced) -> Piece:
        missing = set[str]()
        events = [self._event(self._lines[node.digest], missing) for node in found.nodes]
        return Piece(found.session, events, tuple(found.lost), tuple(sorted(missing)), tuple(found.files))

    def _event(self, line: bytes, missing: set[str]) -> Event:
        try:
            return decode_line(line, self._value)
        except (SegueError, BadLine):
            missing.update(name for name in blob_refs(line) if name not in self._values)
            return decode_line(line)

    def _value(self, name: str) -> bytes:
        path = self._values.get(name)
        if path is None:
            raise NotFoundError("large value", name)
        try:
            return reading.value_in(path, self._cipher(path.parent))
        except (OSError, ValueError) as e:
            raise DamagedError(f"large value {name!r}", str(e)) from e

    def _cipher(self, directory: Path) -> Cipher:
        """Return the cipher of the store that a directory is in."""
        if directory not in self._ciphers:
            above = next((one for one in (directory, *directory.parents) if (one / SCHEME).is_file()), None)
            found = self._ciphers.get(above) if above and above != directory else None
            if found is None:
                found = Cipher(above, self._keys)
                with suppress(SegueError):
                    found.refresh()
                if above is not None:
                    self._ciphers[above] = found
            self._ciphers[directory] = found
        return self._ciphers[directory]


def _home(path: Path) -> str:
    """Return the id of the session in whose directory a file is; empty where it is in none."""
    return next((name for name in reversed(path.parts[:-1]) if is_uuid(name)), "")


def _is_ours(path: Path) -> bool:
    """Return whether a file is one that a store has beside its lines and large values."""
    names = {
        "format.json",
        SCHEME,
        "fork.json",
        "lost.json",
        "deleted",
        "lock",
        "worker.lock",
        "lease.json",
        "name",
        "manifest.jsonl",
    }
    ours = {"keys", "snapshots", "numbers", "forks", "todo", "incoming", "objects", "refs"}
    return path.name in names or path.name.startswith(("keys", "index.sqlite")) or bool(ours & {*path.parts[:-1]})
