"""The files of the repository of snapshots, by units: what is put into boxes together, and comes out of them together."""

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Final

from segue.host import boxing
from segue.host.private import make

SEALED: Final = "sealed"
"""Where the boxes are."""
REFS: Final = "refs"
"""The unit of refs, and of all that belongs to no other."""
_PASSING: Final = ("lock", "index.new", "theirs", "nothing")

Files = dict[str, tuple[int, int, int]]
"""Path in the repository -> what tells whether a file was changed: its inode, its size, its time."""


def ordered(units: Iterable[str], last: str = "own/") -> list[str]:
    """Return *units* so that what is written relies on nothing that comes after it: packs, refs, indexes.

    With *last* = `refs` those come at the end.
    """
    return sorted(units, key=lambda unit: (unit.startswith(last), unit == REFS or unit.startswith("own/"), unit))


def files_of(base: Path) -> dict[str, Files]:
    """Return the units of a repository that is in the open, and the files of each."""
    found: dict[str, Files] = {}
    for above, directories, names in os.walk(base):
        directories[:] = [name for name in directories if name not in {SEALED, "incoming", "capturing"}]
        for name in names:
            path = Path(above, name)
            unit = _unit(path.relative_to(base))
            if unit:
                found.setdefault(unit, {})[path.relative_to(base).as_posix()] = stamp(path)
    return found


def stamp(path: Path) -> tuple[int, int, int]:
    """Return what tells whether a file was changed."""
    found = path.stat()
    return (found.st_ino, found.st_size, found.st_mtime_ns)


def _unit(path: Path) -> str:
    """Return what a file belongs to; nothing where it is there for a moment only."""
    if path.name in _PASSING or path.name.startswith((".", "tmp_")) or path.suffix == ".lock":
        return ""
    if path.parts[:2] == ("objects", "pack"):
        return f"{path.suffix[1:]}/{path.stem}" if path.suffix in {".pack", ".idx"} else ""
    if path.parts[0] == "segue" and len(path.parts) > 2:
        return f"own/{path.parts[1]}"
    return "loose" if path.parts[0] == "objects" else REFS


def packed(base: Path, files: Files) -> Iterator[bytes]:
    """Yield files as one content: a line that says which, then their bytes."""
    names = sorted(files, key=lambda name: (name == "HEAD", name))  # it makes a repository one
    waiting = json.dumps([[name, *files[name][1:]] for name in names]).encode() + b"\n"
    for name in names:
        with (base / name).open("rb") as file:
            for part in boxing.parts(file):
                if len(waiting) + len(part) > boxing.PART:
                    yield waiting
                    waiting = b""
                waiting += part
    yield waiting


def unpacked(content: Iterator[bytes], base: Path, *, durable: bool = False) -> Files:
    """Write the files of such a content below *base*, with their times: git judges files by that of its index. Return them.

    Raises ValueError: it is none, or is not as it was written.
    """
    head = b""
    while b"\n" not in head:
        head += next(content, b"\n")
    line, _, left = head.partition(b"\n")
    found = {}
    for name, size, at in json.loads(line):
        path = base / name
        make(path.parent)
        with _new(path) as file:
            lacking = size
            while lacking:
                left = left or next(content, b"")
                if not left:
                    raise ValueError("its end is missing")
                part, left = left[:lacking], left[lacking:]
                lacking -= file.write(part)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        os.utime(path, ns=(at, at))
        found[name] = stamp(path)
        if durable:
            boxing.sync(path.parent)
    return found


def _new(path: Path) -> IO[bytes]:
    path.unlink(missing_ok=True)
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb")
