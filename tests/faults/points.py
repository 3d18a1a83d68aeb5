"""The points of an operation: its calls that change a file or a name, counted and made to fail by a preloaded library.

The file that the library maps says which point fails and how; behind it stands, for each point, which call it was.
"""

import mmap
import os
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from tests.faults.trace import compiled

SHORT: Final = -1
BEFORE: Final = -2
AFTER: Final = -3
HOLD: Final = -4
_SIGNAL: Final = -100
_MOST: Final = 65_536
_HEAD: Final = struct.Struct("=qqiiiiii480s")  # as in points.c

SORTS: Final[Mapping[str, str]] = {
    "o": "open for writing",
    "w": "write",
    "s": "sync",
    "t": "truncate",
    "a": "allocate",
    "r": "rename",
    "l": "link",
    "u": "unlink",
    "d": "rmdir",
    "m": "mkdir",
    "R": "look at",
}


def interrupted_by(number: int) -> int:
    """Return the fault that sends a signal to the process group."""
    return _SIGNAL - number


class Fired(NamedTuple):
    """The call that was made to fail."""

    sort: str
    path: str

    def __str__(self) -> str:
        return f"{SORTS.get(self.sort, '?')} of {self.path}"


class Points:
    """The file by which points are counted and made to fail."""

    def __init__(self, path: Path) -> None:
        """Make it, or open the one that is there: the library maps it when a program starts."""
        if not path.exists():
            path.write_bytes(bytes(_HEAD.size + _MOST))
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), _HEAD.size + _MOST)

    def arm(self, at: int, fault: int = 0, *, lasting: int = 0, reads: bool = False) -> None:
        """Count anew, and let point number *at* fail. With *lasting* 1 all later ones that take room too, with 2 all.

        With *reads*, each look at a file or directory is a point as well.
        """
        _HEAD.pack_into(self._map, 0, 0, at, fault, lasting, 0, 0, int(reads), 0, b"")

    @property
    def count(self) -> int:
        """How many points there were."""
        return min(int(_HEAD.unpack_from(self._map)[0]), _MOST)

    @property
    def sorts(self) -> str:
        """Which call each point was, one letter each (`SORTS`)."""
        return self._map[_HEAD.size : _HEAD.size + self.count].decode()

    @property
    def fired(self) -> Fired | None:
        """The call that failed, None where none was reached."""
        _, _, _, _, fired, sort, _, _, path = _HEAD.unpack_from(self._map)
        return Fired(chr(sort), os.fsdecode(path.rstrip(b"\0"))) if fired else None


def environment(root: Path, control: Path) -> dict[str, str]:
    """Return what makes a program, and all that it starts, count its points under *root*."""
    return {"LD_PRELOAD": str(compiled("points.c")), "FAULTS_ROOT": str(root), "FAULTS_CONTROL": str(control)}
