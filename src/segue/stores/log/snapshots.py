"""Cached folds beside a log: `snapshots/<seq>.<schema hash>.zst`. Disposable: never synced, believed only when they fit.

The latest `RECENT` are kept, and before them one in about `SPACING` events, so that a state at any position is near one.
"""

import hashlib
import json
import os
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


def put(directory: Path, snapshot: Snapshot, cipher: Cipher = PLAIN) -> None:
    """Keep *snapshot*. Failing is no harm."""
    where = directory / "snapshots"
    lock = LogLock(directory / "lock", timeout=1.0)
    header = {"seq": snapshot.seq, "digest": snapshot.digest, "schema": snapshot.schema, "hash": _hash(snapshot.data)}
    try:
        packed = zstd.compress(json.dumps(header).encode() + b"\n" + snapshot.data)
        with lock.shared():  # no erasure comes between the look at its mark and the file
            if read_erased(directory).forbids(snapshot.seq):
                return
            where.mkdir(mode=files.DIR_MODE, exist_ok=True)
            cipher.refresh().write(where / f"{snapshot.seq:08d}.{_tag(snapshot.schema)}.zst", packed, SNAPSHOT, durable=False)
        _thin(where, _tag(snapshot.schema))
    except (OSError, SegueError):
        return
    finally:
        lock.close()


def latest(journal: Journal, schema: str, upto: int | None) -> Snapshot | None:
    """Return the latest snapshot of *schema* at or before *upto* that fits the log, or None."""
    where = journal.directory / "snapshots"
    erased = read_erased(journal.directory)
    for seq in reversed(_numbers(where, _tag(schema))):
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
        header, _, data = zstd.decompress(cipher.read(path, SNAPSHOT), _LIMIT).partition(b"\n")
        found = json.loads(header)
        if found["schema"] != schema or found["hash"] != _hash(data):
            return None
        return Snapshot(int(found["seq"]), str(found["digest"]), schema, data)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _thin(where: Path, tag: str) -> None:
    numbers = _numbers(where, tag)
    kept = 0
    for seq in numbers[:-RECENT]:
        if seq - kept >= SPACING:
            kept = seq
        else:
            (where / f"{seq:08d}.{tag}.zst").unlink(missing_ok=True)


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


def _hash(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=16).hexdigest()
