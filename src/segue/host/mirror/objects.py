"""git's objects as bytes: their names, trees, and packs of whole objects (git's documentation: gitformat-pack, gitglossary)."""

import struct
import zlib
from collections.abc import Mapping
from hashlib import sha1
from typing import Final, Literal, NamedTuple

Kind = Literal["commit", "tree", "blob"]
_NUMBERS: Final[Mapping[Kind, int]] = {"commit": 1, "tree": 2, "blob": 3}
DIRECTORY: Final = "40000"
FILE: Final = "100644"
_PACKED: Final = b"\x28\xb5\x2f\xfd"
"""How what is compressed with zstd begins."""


class Entry(NamedTuple):
    """Something in a tree."""

    id: str
    directory: bool


def object_id(kind: Kind, data: bytes) -> str:
    """Return the name of an object."""
    return sha1(b"%s %d\0" % (kind.encode(), len(data)) + data, usedforsecurity=False).hexdigest()


def tree_data(entries: Mapping[str, Entry]) -> bytes:
    """Return the content of a tree."""
    ordered = sorted(entries.items(), key=lambda item: f"{item[0]}/" if item[1].directory else item[0])
    return b"".join(
        f"{DIRECTORY if entry.directory else FILE} {name}".encode() + b"\0" + bytes.fromhex(entry.id) for name, entry in ordered
    )


def tree_entries(data: bytes) -> dict[str, Entry]:
    """Return what a tree says. Raises ValueError where it is none."""
    found, at = {}, 0
    while at < len(data):
        end = data.index(b"\0", at)
        mode, _, name = data[at:end].decode().partition(" ")
        at = end + 21
        if len(data) < at or not name or "/" in name or name in {".", ".."}:
            raise ValueError("not a tree of ours")
        found[name] = Entry(data[end + 1 : at].hex(), mode == DIRECTORY)
    return found


class Pack:
    """A pack of whole objects, in the making."""

    def __init__(self) -> None:
        """Begin with none."""
        self._ids: set[str] = set()
        self._parts: list[bytes] = []
        self.size = 0

    def add(self, kind: Kind, data: bytes) -> str:
        """Take an object in, once, and return its name."""
        name = object_id(kind, data)
        if name not in self._ids:
            self._ids.add(name)
            packed = zlib.compress(data, 0 if data.startswith(_PACKED) else 6)
            self._parts += (_header(_NUMBERS[kind], len(data)), packed)
            self.size += len(packed)
        return name

    def data(self) -> bytes:
        """Return the pack; empty where it has no object."""
        if not self._ids:
            return b""
        body = b"".join((b"PACK", struct.pack(">II", 2, len(self._ids)), *self._parts))
        return body + sha1(body, usedforsecurity=False).digest()


def _header(number: int, size: int) -> bytes:
    """Return an object's type and size: four bits of the size first, then seven in each byte."""
    byte, size = number << 4 | size & 15, size >> 4
    out = bytearray()
    while size:
        out.append(byte | 0x80)
        byte, size = size & 0x7F, size >> 7
    out.append(byte)
    return bytes(out)
