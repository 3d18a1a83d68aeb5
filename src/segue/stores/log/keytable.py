"""Which idempotency keys a log has: a file of 16-byte entries beside it, found by searching bytes, not by loading a table.

An entry is a key's 8-byte hash, the event's number (6 bytes), and a check of both (2 bytes); an all-zero hash only says how
far the table goes. The table is a cache: never synced, cut at its first wrong entry, made longer from the log where it
lags, and a hit is believed only when the event it names has that key. In an encrypted store the hashes are HMACs.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from zlib import crc32

from segue.core.errors import StorageFullError
from segue.stores.log import files
from segue.stores.log.cipher import PLAIN, Cipher

_SIZE = 16
_NONE = bytes(8)
_SEARCHES = 32
"""Searches after which a table by hash is made: a program that asks often pays once, one that asks seldom never."""


def path_of(directory: Path, tag: str) -> Path:
    """Return where the table of a log is: one for each key that the store may be encrypted with."""
    return directory / (f"keys-{tag}" if tag else "keys")


class KeyTable:
    """The keys of one log's own events."""

    def __init__(self, directory: Path, cipher: Cipher = PLAIN) -> None:
        """Name the log; the file is read by `load`."""
        self._directory, self._cipher, self._tag = directory, cipher, ""
        self._path = path_of(directory, "")
        self._data = bytearray()
        self._table: dict[bytes, tuple[int, ...]] | None = None
        self._searches = 0
        self.covered = 0
        self._filed = 0
        """The last event that the file knew of when it was read or written."""
        self._loaded = False

    def fits(self) -> bool:
        """Return whether it is loaded, and its hashes are of the kind that is written now."""
        return self._loaded and self._tag == self._cipher.tag

    def load(self, first: int) -> None:
        """Read the file; `covered` is the last event it knows of, at least *first* - 1."""
        self._tag = self._cipher.tag
        self._path = path_of(self._directory, self._tag)
        try:
            data = files.read_file(self._path)
        except OSError:
            data = b""
        self._data, self._table, self._searches = bytearray(data[: _intact(data)]), None, 0
        self.covered = self._filed = max(first - 1, _last(self._data))
        self._loaded = True

    def reset(self, covered: int) -> None:
        """Begin anew: nothing is known but that there is nothing up to *covered*."""
        self._data, self._table, self.covered, self._filed = bytearray(), None, covered, covered

    def add(self, seq: int, key: str | None) -> None:
        """Note the event *seq*, which comes after all that were noted before."""
        if key is not None:
            hashed = self._hash(key)
            self._data += _entry(hashed, seq)
            if self._table is not None:
                self._table[hashed] = (*self._table.get(hashed, ()), seq)
        self.covered = seq

    def find(self, key: str, upto: int | None = None) -> Iterator[int]:
        """Yield the numbers of the events that may have *key*, latest first."""
        wanted, end = self._hash(key), len(self._data)
        self._searches += 1
        if self._table is None and self._searches > _SEARCHES:
            self._table = _table(self._data)
        if self._table is not None:
            yield from (seq for seq in reversed(self._table.get(wanted, ())) if upto is None or seq <= upto)
            return
        while True:
            at = self._data.rfind(wanted, 0, end)
            if at < 0:
                return
            if at % _SIZE == 0:
                seq = _seq(self._data, at)
                if upto is None or seq <= upto:
                    yield seq
            end = at + len(wanted) - 1

    def save(self, before: int) -> None:
        """Write what is new since event *before*. Failing is no harm: the table is made again from the log.

        A file that covers more than *before* is that of a write which a crash cut off: others have its numbers now.
        """
        self._mark()
        try:
            if not self._append(before):
                files.replace(self._path, bytes(self._data), durable=False)
        except (OSError, StorageFullError):
            self._path.unlink(missing_ok=True)

    @property
    def lag(self) -> int:
        """How many events' keys were read from the log because the file did not know of them."""
        return self.covered - self._filed

    def keep(self) -> None:
        """Put the whole table in the place of the file, so that the next to ask need not read the log. Failing is no harm."""
        self._mark()
        with suppress(OSError, StorageFullError):
            files.replace(self._path, bytes(self._data), durable=False)

    def _mark(self) -> None:
        self._filed = self.covered
        if _last(self._data) < self.covered:
            self._data += _entry(_NONE, self.covered)

    def _hash(self, key: str) -> bytes:
        name = self._cipher.name(key, 8) if self._tag else blake2b(key.encode(), digest_size=8).hexdigest()
        return bytes.fromhex(name) if name != _NONE.hex() else b"\1" * 8

    def _append(self, before: int) -> bool:
        """Add to the file what it lacks, whoever wrote it; return False where it cannot be gone on with."""
        fd = files.open_or_create(self._path)
        try:
            size = os.fstat(fd).st_size
            end = files.read_all(fd, max(size - _SIZE, 0), size)
            covered = _last(end) if _intact(end) else 0
            if size % _SIZE or (size and not covered) or covered > before:
                return False
            start = len(self._data)
            while start and _seq(self._data, start - _SIZE) > covered:
                start -= _SIZE
            files.write_all(fd, bytes(self._data[start:]))
            return True
        finally:
            os.close(fd)


def _entry(hashed: bytes, seq: int) -> bytes:
    body = hashed + seq.to_bytes(6, "big")
    return body + (crc32(body) & 0xFFFF).to_bytes(2, "big")


def _table(data: bytearray) -> dict[bytes, tuple[int, ...]]:
    found: dict[bytes, tuple[int, ...]] = {}
    for at in range(0, len(data), _SIZE):
        hashed = bytes(data[at : at + 8])
        found[hashed] = (*found.get(hashed, ()), _seq(data, at))
    return found


def _last(data: bytearray | bytes) -> int:
    return _seq(data, len(data) - _SIZE) if data else 0


def _seq(data: bytearray | bytes, at: int) -> int:
    return int.from_bytes(data[at + 8 : at + 14], "big")


def _intact(data: bytes) -> int:
    """Return how many bytes from the start are whole entries in order."""
    end, before = 0, 0
    for at in range(0, len(data) - _SIZE + 1, _SIZE):
        body = data[at : at + 14]
        seq = int.from_bytes(body[8:], "big")
        if seq < before or crc32(body) & 0xFFFF != int.from_bytes(data[at + 14 : at + 16], "big"):
            break
        end, before = at + _SIZE, seq
    return end
