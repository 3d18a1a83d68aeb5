"""What is in a backup: `manifest.jsonl`, written last. A backup without a whole one is none.

JSON Lines: first what the backup is, then a line for each file (its size, its hash, and what tells whether the store's own file
has changed since), for each file of what is kept beside the store, and for each log (where it ended), last the sums, and a hash
of all lines before. Hashes are BLAKE2b, 32 bytes.
"""

import json
import os
from collections.abc import Iterator, Mapping
from hashlib import blake2b
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from segue.core.errors import DamagedError, StoreTooNewError
from segue.ports.backups import Backup
from segue.stores.log import files

NAME: Final = "manifest.jsonl"
STORE: Final = "store"
"""The directory of a backup that is a store."""
BESIDE: Final = "workspaces"
"""The directory of a backup that has what is kept beside the store."""
VERSION: Final = 2
_END: Final = 4096


class Copied(NamedTuple):
    """A file of a backup. `stamp`: the store's own file at that time, empty where it was not copied to its end."""

    size: int
    hash: str
    stamp: str


class Tip(NamedTuple):
    """Where a log ended."""

    seq: int
    digest: str
    at: str


class Manifest(NamedTuple):
    """All that a backup says of itself."""

    store: str
    at: str
    files: Mapping[str, Copied]
    tips: Mapping[str, Tip]
    """Session -> where its log ended. Deleted ones are not among them."""
    beside: Mapping[str, Copied] = MappingProxyType({})
    """The files of what is kept beside the store."""


def new_hash() -> Any:
    """Return the hash of a file, to be fed."""
    return blake2b(digest_size=32)


def write(backup: Path, manifest: Manifest, *, events: int, copied: int) -> None:
    """Write the manifest of *backup*, durably."""
    digest = new_hash()
    fd = files.create(backup / NAME)
    try:
        for record in _records(manifest):
            line = json.dumps(record, separators=(",", ":")).encode() + b"\n"
            digest.update(line)
            files.write_all(fd, line)
        sums = {
            "sessions": len(manifest.tips),
            "events": events,
            "newest": max((tip.at for tip in manifest.tips.values()), default=""),
            "files": len(manifest.files) + len(manifest.beside),
            "bytes": sum(one.size for one in (*manifest.files.values(), *manifest.beside.values())),
            "beside": len(manifest.beside),
            "copied": copied,
            "hash": digest.hexdigest(),
        }
        files.write_all(fd, json.dumps(sums).encode() + b"\n")
        os.fsync(fd)
    finally:
        os.close(fd)


def about(backup: Path) -> Backup:
    """Return what a backup says of itself, by the first line and the last; what is no backup is `damaged`."""
    try:
        head, sums = _first_and_last(backup / NAME)
        if int(head["segue-backup"]) > VERSION:
            return _unusable(backup, f"a newer program wrote it (version {head['segue-backup']})", head)
        return Backup(
            backup.name,
            str(backup),
            str(head["store"]),
            str(head["at"]),
            int(sums["sessions"]),
            int(sums["events"]),
            str(sums["newest"]),
            int(sums["files"]),
            int(sums["bytes"]),
            int(sums["copied"]),
            snapshots=int(sums.get("beside", 0)),
        )
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as e:
        return _unusable(backup, f"its manifest cannot be read: {e}", {})


def read(backup: Path) -> Manifest:
    """Return the manifest of *backup*, its hash checked. Raises DamagedError, StoreTooNewError."""
    try:
        data = files.read_file(backup / NAME)
        at = data.rstrip(b"\n").rfind(b"\n") + 1
        sums, lines = json.loads(data[at:]), data[:at]
        digest = new_hash()
        digest.update(lines)
        records = [json.loads(line) for line in lines.splitlines()]
        if int(records[0]["segue-backup"]) > VERSION:
            raise StoreTooNewError(str(backup), int(records[0]["segue-backup"]), VERSION)
        if sums["hash"] != digest.hexdigest():
            raise DamagedError(f"backup {backup.name!r}", "its manifest does not have its hash")
        return _manifest(records)
    except (OSError, ValueError, KeyError, TypeError, IndexError, RecursionError) as e:
        raise DamagedError(f"backup {backup.name!r}", f"its manifest cannot be read: {e}") from e


def _records(manifest: Manifest) -> Iterator[dict[str, Any]]:
    yield {"segue-backup": VERSION, "store": manifest.store, "at": manifest.at}
    for name in sorted(manifest.files):
        yield {"file": name, **manifest.files[name]._asdict()}
    for name in sorted(manifest.beside):
        yield {"beside": name, **manifest.beside[name]._asdict()}
    for session in sorted(manifest.tips):
        yield {"log": session, **manifest.tips[session]._asdict()}


def _manifest(records: list[dict[str, Any]]) -> Manifest:
    copied: dict[str, dict[str, Copied]] = {"file": {}, "beside": {}}
    tips = {}
    for record in records[1:]:
        which = "file" if "file" in record else "beside"
        if which in record:
            copied[which][_inside(record[which])] = Copied(int(record["size"]), str(record["hash"]), str(record["stamp"]))
        else:
            tips[str(record["log"])] = Tip(int(record["seq"]), str(record["digest"]), str(record["at"]))
    return Manifest(str(records[0]["store"]), str(records[0]["at"]), copied["file"], tips, copied["beside"])


def _inside(name: Any) -> str:
    """Return the path of a file within the store. Raises ValueError for what leads elsewhere."""
    if not isinstance(name, str) or "\0" in name or any(part in {"", ".", ".."} for part in name.split("/")):
        raise ValueError(f"{name!r} is not a file of a store")
    return name


def _first_and_last(path: Path) -> tuple[Any, Any]:
    fd = files.open_read(path)
    try:
        size = os.fstat(fd).st_size
        first = files.read_all(fd, 0, min(size, _END)).partition(b"\n")[0]
        last = files.read_all(fd, max(size - _END, 0), size)
        if not last.endswith(b"}\n"):
            raise ValueError("it is cut short")
        return json.loads(first), json.loads(last[:-1].rpartition(b"\n")[2])
    finally:
        os.close(fd)


def _unusable(backup: Path, why: str, head: Mapping[str, Any]) -> Backup:
    return Backup(backup.name, str(backup), str(head.get("store", "")), str(head.get("at", "")), 0, 0, "", 0, 0, 0, why)
