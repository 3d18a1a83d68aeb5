"""Where copies of a store are: the store itself, its backups, its mirror, and stores that were moved aside."""

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal, NamedTuple

from segue.core.errors import DamagedError, MirrorError, SegueError
from segue.core.log.events import Head
from segue.core.log.ids import is_uuid
from segue.ports.backups import Backups
from segue.ports.mirror import BESIDE, Mirror, Mirrored
from segue.ports.recovery import Source
from segue.stores.log.backup import manifest as manifests
from segue.stores.log.backup.restoring import ASIDE
from segue.stores.log.marks import is_deleted, read_fork, read_lost

KINDS = ("sessions", "scopes")
"""Directories of a store that hold logs."""
State = Literal["intact", "damaged", "unreadable", "missing"]


class Place:
    """A copy of the store on disk: the store itself, or one that was moved aside."""

    kind: Literal["store", "backup", "aside", "mirror"]

    def __init__(self, kind: Literal["store", "aside"], root: Path) -> None:
        """Name the directory; it need not be there."""
        self.kind, self.root, self.where = kind, root, str(root)
        self.newest = self.reason = ""
        self.events = 0
        """How many intact events it is known to have."""

    def logs(self) -> Iterator[str]:
        """Yield its logs, as `sessions/<id>` and `scopes/<hash>`; deleted ones are left out."""
        for kind in KINDS:
            try:
                names = sorted(os.listdir(self.root / kind))
            except OSError:
                continue
            for name in names:
                directory = self.root / kind / name
                if (kind == "scopes" or is_uuid(name)) and not is_deleted(directory) and (directory / "log").is_dir():
                    yield f"{kind}/{name}"

    def shared(self) -> Iterator[str]:
        """Yield the sessions that were deleted, and stay for their forks."""
        for directory in (self.root / "sessions").glob("*/deleted"):
            if any((directory.parent / "log").glob("*.jsonl*")):
                yield f"sessions/{directory.parent.name}"

    def has(self, name: str) -> bool:
        """Return whether there is a copy of a log, deleted or not."""
        return (self.root / name / "log").is_dir()

    def directories(self, name: str) -> Sequence[Path]:
        """Return the directories of its copies of a log."""
        return [self.root / name] if self.has(name) else []

    def tips(self, name: str) -> Sequence[Head] | None:
        """Return where its copies of a log end, None where only reading them tells."""
        return None

    def count(self) -> None:
        """Find out how many events it has, where that can be known without reading it."""

    def told(self, *, damaged: bool = False, missing: bool = False) -> Source:
        """Return what is reported of it."""
        sessions = sum(1 for one in self.logs() if one.startswith("sessions/"))
        state: State = "missing" if missing else "damaged" if damaged or self.reason else "intact"
        return Source(self.kind, self.where, state, sessions, self.events, self.newest, self.reason)


class BackupPlace(Place):
    """A backup, whose manifest tells where its logs end."""

    def __init__(self, path: Path, newest: str) -> None:
        """Read the manifest."""
        super().__init__("aside", path / manifests.STORE)
        self.kind, self.newest = "backup", newest
        self._tips: dict[str, manifests.Tip] | None = None
        try:
            self._tips = dict(manifests.read(path).tips)
        except SegueError as e:
            self.reason = e.message

    def tips(self, name: str) -> Sequence[Head] | None:
        """See `Place.tips`."""
        tip = (self._tips or {}).get(name.partition("/")[2])
        return None if tip is None or name.startswith("scopes/") else [Head(tip.seq, tip.digest)]

    def count(self) -> None:
        """See `Place.count`."""
        for name in self.logs() if self._tips is not None else ():
            for tip in self.tips(name) or ():
                self.events += tip.seq
                with suppress(DamagedError, OSError):
                    fork = read_fork(self.root / name)
                    self.events -= (fork.seq if fork else 0) + read_lost(self.root / name).size


class MirrorPlace(Place):
    """A mirror, out of which logs are written into a directory when they are asked for."""

    def __init__(self, mirror: Mirror, root: Path) -> None:
        """Ask what it has; *root* is a directory of our own."""
        super().__init__("aside", root)
        self.kind, self.where, self._mirror = "mirror", mirror.place, mirror
        self._logs: dict[str, list[Mirrored]] = {}
        self._there: dict[str, list[Path]] = {}
        try:
            for one in mirror.logs():
                self._logs.setdefault(one.log, []).append(one)
        except MirrorError as e:
            self.reason = str(e.fields["reason"])
        for one in self._logs.pop(BESIDE, ()):
            self._write(one, root)
        found = [one for copies in self._logs.values() for one in copies]
        self.newest = max((one.at for one in found), default="")
        self.events = sum(one.events for one in found if not one.parted)

    def logs(self) -> Iterator[str]:
        """See `Place.logs`."""
        return iter(sorted(name for name, copies in self._logs.items() if not copies[0].deleted))

    def shared(self) -> Iterator[str]:
        """See `Place.shared`."""
        return iter(sorted(name for name, copies in self._logs.items() if copies[0].deleted))

    def has(self, name: str) -> bool:
        """See `Place.has`."""
        return name in self._logs

    def directories(self, name: str) -> Sequence[Path]:
        """See `Place.directories`."""
        if name not in self._there:
            self._there[name] = []
            for i, one in enumerate(self._logs.get(name, ())):
                directory = (self.root / f"parted-{i}" if i else self.root) / name
                self._write(one, directory)
                self._take_blobs(directory / "blobs")
                if (directory / "log").is_dir():
                    self._there[name].append(directory)
        return self._there[name]

    def tips(self, name: str) -> Sequence[Head] | None:
        """See `Place.tips`."""
        return [Head(one.seq, one.digest) for one in self._logs.get(name, ())]

    def _write(self, one: Mirrored, directory: Path) -> None:
        try:
            if self._mirror.export(one, str(directory)):
                self.reason = self.reason or "objects of it are damaged or missing"
        except MirrorError as e:
            self.reason = self.reason or str(e.fields["reason"])

    def _take_blobs(self, directory: Path) -> None:
        """Move a log's large values to where a store has them."""
        for path in directory.glob("??/*.zst"):
            target = self.root / "blobs" / path.parent.name / path.name
            target.parent.mkdir(parents=True, exist_ok=True)
            path.replace(target)


class Others(NamedTuple):
    """Where other copies of a store are looked for."""

    backups: Backups
    mirrors: Sequence[Mirror] = ()
    any_store: bool = False
    """Whether backups of other stores count too, for a store that was elsewhere."""


def places(store: Path, others: Others | None, room: Path) -> list[Place]:
    """Return the copies of *store*, itself first.

    Args:
        store: its directory.
        others: where the others are; None: none is asked.
        room: an empty directory, for what has to be written to be read.
    """
    found = [Place("store", store)]
    if others is None:
        return found
    ours = (one for one in others.backups.all() if one.store == f"log://{store}" or others.any_store)
    found += [BackupPlace(Path(one.path), one.newest) for one in ours]
    found += [Place("aside", path) for path in _moved(store)]
    found += [MirrorPlace(mirror, room / str(i)) for i, mirror in enumerate(others.mirrors) if mirror.exists]
    return found


def _moved(store: Path) -> list[Path]:
    prefix = f"{store.name}{ASIDE}"
    found = [p for p in store.parent.glob(f"{store.name}{ASIDE}*") if p.is_dir() and p.name[len(prefix) :].isdigit()]
    return sorted(found, key=lambda path: -int(path.name[len(prefix) :]))
