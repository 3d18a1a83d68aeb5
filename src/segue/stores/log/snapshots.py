"""Cached folds beside a log: `snapshots/<seq>.<schema hash>.zst`. Disposable: never synced, believed only when they fit.

Two frames, each with a checksum: a line of JSON that says of what it is a fold, and the fold as it was given. Older
ones have both in one frame, and the oldest a hash of the fold in that line instead of a checksum.

The latest `RECENT` are kept, and before them one in about `SPACING` events, so that a state at any position is near one. Of what
is of use at the end of a log only, and as large as the log, who puts it has one kept alone.
"""

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

from segue.core.errors import SegueError
from segue.ports import Snapshot
from segue.stores.log import files, zstd
from segue.stores.log.cipher import PLAIN, Cipher
from segue.stores.log.journal import Journal
from segue.stores.log.kinds import SNAPSHOT
from segue.stores.log.locks import LogLock
from segue.stores.log.marks import read_erased

SPACING = 1000
RECENT = 8
_LIMIT = 1 << 30
_QUICK = 1
"""The level of compression: a snapshot is written often and read often, and a seventh larger so (of messages)."""


def put(directory: Path, snapshot: Snapshot, cipher: Cipher = PLAIN, *, alone: bool = False) -> None:
    """Keep *snapshot*; *alone*: and no other of its schema. Failing is no harm."""
    where = directory / "snapshots"
    lock = LogLock(directory / "lock", timeout=1.0)
    header = {"seq": snapshot.seq, "digest": snapshot.digest, "schema": snapshot.schema}
    try:
        parts = json.dumps(header).encode() + b"\n", snapshot.data
        packed = b"".join([zstd.compress(part, level=_QUICK, checksum=True) for part in parts])
        with lock.shared():  # no erasure comes between the look at its mark and the file
            if read_erased(directory).forbids(snapshot.seq):
                return
            where.mkdir(mode=files.DIR_MODE, exist_ok=True)
            cipher.refresh().write(where / f"{snapshot.seq:08d}.{_tag(snapshot.schema)}.zst", packed, SNAPSHOT, durable=False)
        _thin(where, _tag(snapshot.schema), snapshot.seq if alone else None)
    except (OSError, SegueError):
        return
    finally:
        lock.close()


def latest(journal: Journal, schema: str, upto: int | None) -> Snapshot | None:
    """Return the latest snapshot of *schema* at or before *upto* that fits the log, or None.

    Where another takes the place of all that were there while we look, it is found.
    """
    where = journal.directory / "snapshots"
    seen: list[int] = []
    while (numbers := _numbers(where, _tag(schema))) != seen:
        seen, erased = numbers, read_erased(journal.directory)
        for seq in reversed(numbers):
            if (upto is not None and seq > upto) or erased.forbids(seq):
                continue
            found = _read(where / f"{seq:08d}.{_tag(schema)}.zst", schema, journal.env.cipher)
            if found is None or found.seq != seq:
                continue
            event = journal.event(seq)
            if event is not None and event.digest == found.digest:
                return found
    return None


def last(directory: Path) -> int:
    """Return the number of the last event that a snapshot was taken of, 0 without one."""
    names = (name.partition(".")[0] for name in _names(directory / "snapshots"))
    return max((int(name) for name in names if name.isdigit()), default=0)


def drop(directory: Path) -> None:
    """Take all snapshots of a log away."""
    for name in _names(directory / "snapshots"):
        (directory / "snapshots" / name).unlink(missing_ok=True)


def _read(path: Path, schema: str, cipher: Cipher) -> Snapshot | None:
    try:
        frames = cipher.read(path, SNAPSHOT)
        first, second = zstd.split(frames, _LIMIT)
        header, _, rest = first.partition(b"\n")
        found = json.loads(header)
        if found["schema"] != schema or not (second or rest):
            return None
        fold = zstd.decompress(second, _LIMIT) if second else rest
        checked = zstd.has_checksum(frames) and (not second or zstd.has_checksum(second))
        if not checked and found.get("hash") != _hash(fold):
            return None
        return Snapshot(int(found["seq"]), str(found["digest"]), schema, fold)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _hash(fold: bytes) -> str:
    return hashlib.blake2b(fold, digest_size=16).hexdigest()


def _thin(where: Path, tag: str, only: int | None) -> None:
    numbers = _numbers(where, tag)
    for seq in _needless(numbers) if only is None else [seq for seq in numbers if seq != only]:
        (where / f"{seq:08d}.{tag}.zst").unlink(missing_ok=True)


def _needless(numbers: list[int]) -> Iterator[int]:
    kept = 0
    for seq in numbers[:-RECENT]:
        if seq - kept >= SPACING:
            kept = seq
        else:
            yield seq


def _numbers(where: Path, tag: str) -> list[int]:
    ending = f".{tag}.zst"
    return sorted(int(n.removesuffix(ending)) for n in _names(where) if n.endswith(ending) and n[0] != ".")


def _names(where: Path) -> list[str]:
    try:
        return os.listdir(where)
    except FileNotFoundError:
        return []


def _tag(schema: str) -> str:
    return hashlib.blake2b(schema.encode(), digest_size=4).hexdigest()
