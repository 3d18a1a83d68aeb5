"""The repository of snapshots beside an encrypted store: in boxes on the disk, and in memory while somebody works with it.

    workspaces/sealed/<name>.box   one unit: a box that says which, then its files as a row of boxes
    workspaces/segue/lock          held by the one who works with it

Units are `pack/<pack>` and `idx/<pack>` for each pack, `own/<workspace>` (its index and what is known of it), and `refs` (refs
and all the rest). What is opened lies in one directory, private and in memory, of the same path each time; what a killed
process left there is removed by the next one. Changed units are written back before the work counts as done, packs first.

To take a snapshot git only asks which objects are there, and the index of a pack tells that. So of a large pack no more than that
is opened; the pack itself is *hollow*, its head and its end, until `fill` is called. A snapshot stays cheap, whatever all weigh.

A repository that is in the open goes into boxes when it is first worked with, and out of them when there is no key any more. Its
unit `refs` is written last and taken away first: where it is, the boxes count, else what is in the open.
"""

import fcntl
import os
import shutil
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from hashlib import blake2b
from itertools import chain
from pathlib import Path
from typing import Final

from segue.core.errors import SegueError, WorkspaceError
from segue.host import boxing, memory
from segue.host.private import make
from segue.host.workspace.units import REFS, SEALED, Files, files_of, ordered, packed, stamp, unpacked
from segue.ports.boxes import CLEAR, Boxes

SMALL: Final = 256 << 10
"""Bytes of a pack that is opened at once."""
_WAIT: Final = 120.0
_NAME: Final = "snapshots: unit"
_DIRECTORIES: Final = ("objects/pack", "objects/info", "refs/heads", "refs/segue", "info", "segue")
"""Those that git and we look for, though there be nothing in them."""
_LAST: Final = ("objects", "HEAD")
"""While one of them is in the open, something may be: it goes when all else is gone."""
_FIXED: Final = ("pack/", "idx/")
"""They never change, though git sets their times; and a hollow one must not take the place of what it stands for."""
_NO_MEMORY: Final = "name a directory whose content may be read for that moment: segue config set snapshots.scratch DIRECTORY"

_open: "dict[tuple[str, int], Vault]" = {}
"""Who works with a repository, by its place and the thread."""


class Vault:
    """One repository of snapshots, wherever it is. Where nothing is encrypted it stands in the open, and nothing is done."""

    def __init__(self, place: Path, boxes: Boxes = CLEAR, env: Mapping[str, str] | None = None, scratch: str = "") -> None:
        """Keep what is at *place* in *boxes*, and work in memory, or in the directory *scratch*."""
        self.place = place
        self._boxes = boxes.refresh()
        self._tag = boxes.tag
        self._base = Path(scratch) if scratch else memory.place(env or {})
        tag = blake2b(os.fsencode(place), digest_size=8).hexdigest()
        self._room = (self._base or place / "nowhere") / f"snapshots-{tag}"
        self._known: dict[str, Files] = {}
        self._hollow: set[str] = set()
        self.closed: list[Path] = []
        """Boxes that could not be opened, while it is `opened`."""
        self._units: dict[str, Path] = {}

    @property
    def path(self) -> Path:
        """Where the repository is while it is `opened`."""
        return self._room / "workspaces" if self._tag else self.place

    @contextmanager
    def opened(self, own: str = "", *, whole: bool = False, make: bool = False, wait: bool = True) -> Iterator[None]:
        """Have the repository at `path`, and what was changed in it durable in the end, unless that is an error.

        Args:
            own: the workspace that is worked with, by its name in there.
            whole: have every pack opened, and every workspace.
            make: where there is none, there will be.
            wait: wait for another who is at work.

        Raises:
            WorkspaceError: it cannot be opened, or another is at work for two minutes.
        """
        if self._boxes.refresh().tag != self._tag:
            raise WorkspaceError(str(self.place), "the key of the store was changed meanwhile", hint="try again")
        if not self._tag:
            if (self.place / SEALED).exists():
                with self._locked(wait=wait):
                    self._into_the_open()
            yield
            return
        holder = _open.get(self._me)
        if holder is not None:
            holder.bring(own)
            if whole:
                holder.fill()
            yield
        elif self.place.is_dir() or make:
            with self._locked(wait=wait):
                yield from self._work(own, whole=whole)
        else:
            yield

    def fill(self) -> bool:
        """Open every pack and every workspace; return whether there was one that was not."""
        holder = _open.get(self._me)
        if holder is not self:
            return holder.fill() if holder else False
        hollow, self._hollow = self._hollow, set()
        for unit in hollow:
            (self.path / "objects" / unit).with_suffix(".pack").unlink(missing_ok=True)
        missing = [unit for unit in self._units if unit in hollow or unit not in self._known]
        for unit in missing:
            self._load(unit)
        return bool(missing)

    def flush(self) -> None:
        """Bring what was changed to the disk. Raises WorkspaceError, OSError."""
        holder = _open.get(self._me)
        if holder is self:
            self._write_back()
        elif holder is not None:
            holder.flush()

    @property
    def is_sealed(self) -> bool:
        """Whether it is in boxes."""
        return bool(self._tag)

    @contextmanager
    def captured(self) -> Iterator[dict[str, str]]:
        """Give the paths of boxes as they are at one moment, by the names that they get in a copy; they stay so until the end."""
        if not self.place.is_dir():
            yield {}
            return
        aside = self.place / "segue" / "capturing"
        try:
            with self._locked(wait=True):
                self._into_boxes()
                shutil.rmtree(aside, ignore_errors=True)  # of one who was killed
                aside.mkdir(mode=0o700)
                boxes = sorted((self.place / SEALED).glob("*.box"))
                for path in boxes:
                    _link(path, aside / path.name)
            yield {f"{SEALED}/{path.name}": str(aside / path.name) for path in boxes}
        finally:
            shutil.rmtree(aside, ignore_errors=True)

    @contextmanager
    def reading(self, copy: Path) -> Iterator[Path | None]:
        """Give a directory that has a copy of a repository in the open, for the time being; None where its key is not at hand.

        Raises WorkspaceError. A box that is damaged: ValueError.
        """
        if not (copy / SEALED).is_dir():
            yield copy
            return
        found, locked = self._catalogue(copy)
        if locked:
            yield None
            return
        if self._base is None:
            raise WorkspaceError(str(copy), "it is encrypted, and there is no place in memory", hint=_NO_MEMORY)
        with memory.room(self._base) as room:
            for unit, path in found.items():
                with self._content(unit, path) as content:
                    unpacked(content, room)
            yield room

    def rekey(self) -> list[str]:
        """Bring all under the newest key, or into the open where there is none; return what stays as it is, and why.

        Each unit is whole in its old form or in its new one. Raises WorkspaceError.
        """
        if not self.place.is_dir():
            return []
        if not self._tag:
            with self.opened():
                return []
        with self._locked(wait=True):
            self._into_boxes()
            found, locked = self._catalogue()
            for unit, path in found.items():
                if not boxing.is_current(self._boxes, path):
                    with self._content(unit, path) as content:
                        self._write(unit, content)
                    if path != self._file(unit):
                        path.unlink()
        return [f"{path}: it is under another key" for path in locked]

    # --- at work

    @property
    def _me(self) -> tuple[str, int]:
        return str(self.place), threading.get_ident()

    def _work(self, own: str, *, whole: bool) -> Iterator[None]:
        if self._base is None:
            raise WorkspaceError(str(self.place), "the store is encrypted, and there is no place in memory", hint=_NO_MEMORY)
        self._into_boxes()
        shutil.rmtree(self._room, ignore_errors=True)  # of one who was killed
        make(self._room)
        _open[self._me] = self
        try:
            if not memory.is_ours(self._room):
                raise WorkspaceError(str(self.place), f"{str(self._room)!r} is not this user's alone")
            self._known, self._hollow = {}, set()
            self._units, locked = self._catalogue()
            self.closed = [*locked]
            if locked and REFS not in self._units:
                raise WorkspaceError(str(self.place), f"its snapshots are under another key than {self._tag}")
            for name in _DIRECTORIES if REFS in self._units else ():
                make(self.path / name)
            for unit in sorted(self._units):  # idx before pack
                if unit == REFS or unit.startswith("idx/"):
                    self._load(unit)
                elif unit.startswith("pack/"):
                    self._load(unit) if self._units[unit].stat().st_size <= SMALL else self._hollow_out(unit)
            self.bring(own)
            if whole:
                self.fill()
            yield
            self._write_back()
        finally:
            del _open[self._me]
            shutil.rmtree(self._room, ignore_errors=True)

    def bring(self, own: str) -> None:
        """Open the workspace *own* as well."""
        unit = f"own/{own}"
        if unit in self._units and unit not in self._known:
            self._load(unit)

    def _load(self, unit: str) -> None:
        """Open a unit. One that is damaged is as if it were not there: git tells which snapshots miss it."""
        try:
            with self._content(unit, self._units[unit]) as content:
                self._known[unit] = unpacked(content, self.path)
        except ValueError:
            if unit == REFS:
                raise WorkspaceError(str(self.place), "its list of snapshots is damaged", hint="segue recover") from None
            self._known[unit] = {}
            self.closed.append(self._units[unit])
            for name in files_of(self.path).get(unit, {}):
                (self.path / name).unlink()

    def _hollow_out(self, unit: str) -> None:
        """Have what git looks for in a pack before it reads an object of it."""
        path = (self.path / "objects" / unit).with_suffix(".pack")
        with suppress(OSError):
            index = path.with_suffix(".idx").read_bytes()
            path.write_bytes(b"PACK" + (2).to_bytes(4, "big") + index[8 + 255 * 4 : 8 + 256 * 4] + index[-40:-20])
            self._hollow.add(unit)
            self._known[unit] = {path.relative_to(self.path).as_posix(): stamp(path)}

    def _write_back(self) -> None:
        now = files_of(self.path)
        for unit in ordered(now):
            known = self._known.get(unit)
            if now[unit] != known and not (known and unit.startswith(_FIXED)):
                self._write(unit, packed(self.path, now[unit]))
                before = self._units.get(unit)
                self._units[unit], self._known[unit] = self._file(unit), now[unit]
                if before is not None and before != self._file(unit):
                    before.unlink(missing_ok=True)
        for unit in self._known.keys() - now.keys():
            if self._known.pop(unit):  # one that is damaged stays
                self._units.pop(unit).unlink(missing_ok=True)
        if now:
            boxing.sync(self.place / SEALED)

    # --- on the disk

    @contextmanager
    def _locked(self, *, wait: bool) -> Iterator[None]:
        try:
            make(self.place / "segue")
            descriptor = os.open(self.place / "segue" / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                until = time.monotonic() + _WAIT
                while True:
                    try:
                        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                        break
                    except BlockingIOError as e:
                        if not wait or time.monotonic() > until:
                            busy = "another process is at work on its snapshots"
                            raise WorkspaceError(str(self.place), busy, hint="try again") from e
                    time.sleep(0.02)
                for path in (self.place / SEALED).glob(".*.box.*"):  # of one who was killed
                    path.unlink()
                yield
            finally:
                os.close(descriptor)
        except OSError as e:
            hint = _NO_MEMORY if str(self._room) in str(e) else None
            raise WorkspaceError(str(self.place), str(e), hint=hint) from e

    def _catalogue(self, place: Path | None = None) -> tuple[dict[str, Path], list[Path]]:
        """Return the boxes by what they hold, and those that cannot be opened."""
        found: dict[str, Path] = {}
        locked = []
        for path in sorted(((place or self.place) / SEALED).glob("*.box")):
            try:
                with path.open("rb") as file:
                    unit = self._boxes.open(boxing.read_box(file), _NAME).decode()
            except (ValueError, SegueError):
                locked.append(path)
                continue
            if unit not in found or path == self._file(unit):
                found[unit] = path
        return found, locked

    def _file(self, unit: str) -> Path:
        return self.place / SEALED / f"{self._boxes.name(unit, 16)}.box"

    def _write(self, unit: str, content: Iterable[bytes]) -> None:
        path = self._file(unit)
        path.parent.mkdir(mode=0o700, exist_ok=True)
        name = self._boxes.box(unit.encode(), _NAME)
        boxing.replace(path, chain([name], boxing.boxed(self._boxes, content, f"snapshots: {unit}")))

    @contextmanager
    def _content(self, unit: str, path: Path) -> Iterator[Iterator[bytes]]:
        with path.open("rb") as file:
            boxing.read_box(file)
            yield boxing.opened(self._boxes, file, f"snapshots: {unit}")

    # --- into boxes and out of them

    def _into_boxes(self) -> None:
        """Put what is in the open into boxes. Repeatable at any point."""
        if not (self.place / "HEAD").exists() and not (self.place / "objects").exists():
            return
        if REFS not in self._catalogue()[0]:
            found = files_of(self.place)
            for unit in ordered(found, last=REFS):
                self._write(unit, packed(self.place, found[unit]))
        for path in sorted(self.place.iterdir(), key=lambda path: path.name in _LAST):
            if path.name == "segue":
                for one in path.iterdir():
                    _remove(one) if one.name != "lock" else None
            elif path.name != SEALED:
                _remove(path)
        boxing.sync(self.place)

    def _into_the_open(self) -> None:
        """Put what is in boxes into the open. Repeatable at any point. Raises WorkspaceError."""
        found, locked = self._catalogue()
        if locked:
            raise WorkspaceError(
                str(self.place), f"its snapshots are encrypted, and the key of {locked[0].name!r} is not at hand"
            )
        if REFS in found:
            for unit in ordered(found, last=REFS):
                try:
                    with self._content(unit, found[unit]) as content:
                        unpacked(content, self.place, durable=True)
                except ValueError as e:
                    if unit == REFS:
                        raise WorkspaceError(str(self.place), f"its list of snapshots is damaged: {e}") from e
            found.pop(REFS).unlink()
            boxing.sync(self.place / SEALED)
        shutil.rmtree(self.place / SEALED)


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:  # a file system without links
        shutil.copy2(source, target)


def _remove(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)
