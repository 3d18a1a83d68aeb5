"""Clearing a copy of a store of what is erased: the store's own files beside its logs, a backup, a store that was moved aside.

A line is the same event wherever it stands, by its digest: what is erased in the store is erased in each copy.
"""

import shutil
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from pathlib import Path

from segue.core.log.codec import BadLine, erase_line, is_erased, split_line
from segue.core.log.needles import Needle
from segue.stores.log import files, rewriting
from segue.stores.log.blobs import Blobs
from segue.stores.log.cipher import Cipher
from segue.stores.log.erasing import all_refs
from segue.stores.log.finding import Holding, walk

CACHES = ("index.sqlite*", "sessions/*/snapshots", "scopes/*/snapshots", "incoming/*")
"""What a copy can do without."""


def digests(lines: Iterator[bytes]) -> set[str]:
    """Return the digests of those *lines* that are erased."""
    found = set()
    for line in lines:
        with suppress(BadLine):
            if is_erased(line):
                found.add(split_line(line)[1])
    return found


def clear(copy: Path, needle: Needle, erased: Collection[str], cipher: Cipher) -> set[Path]:
    """Erase in the logs of a whole *copy*, which nobody else uses; return the files that were changed or went."""
    blobs = Blobs(copy / "blobs", _no_sync, cipher)
    change = changing(needle, erased, Holding(needle, blobs))
    logs = [log for kind in ("sessions", "scopes") for log in sorted(copy.glob(f"{kind}/*/log"))]
    before = {name for log in logs for line in _lines(log, cipher) for name in _refs(line, blobs)}
    found = {path for log in logs for path in rewriting.segment_files(log) if rewriting.rewrite_segment(path, change, cipher)}
    found |= clear_aside(copy, change, needle, cipher)
    if found:
        after = {name for log in logs for line in _lines(log, cipher) for name in _refs(line, blobs)}
        for name in before - after:
            found |= {path for path in blobs.paths(name) if path.exists()}
            blobs.drop(name)
    for pattern in CACHES:
        for path in copy.glob(pattern):
            found.add(path)
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
    return found


def changing(needle: Needle, erased: Collection[str], holds: Callable[[bytes], bool]) -> rewriting.Change:
    """Return what becomes of a line: erased where it is elsewhere or holds what is looked for; what is no line is blanked."""

    def change(line: bytes) -> bytes:
        try:
            digest = split_line(line)[1]
        except BadLine:
            return needle.blanked(line)
        return erase_line(line) if digest in erased or holds(line) else line

    return change


def clear_aside(copy: Path, change: rewriting.Change, needle: Needle, cipher: Cipher) -> set[Path]:
    """Erase in what crashes and recovery set aside: logs as they were, torn ends, damaged large values."""
    found = set()
    for aside in [copy / "aside", *copy.glob("sessions/*/aside"), *copy.glob("scopes/*/aside")]:
        for path in walk(aside):
            if path.suffix in {".jsonl", ".zst"} and ".jsonl" in path.name:
                if rewriting.rewrite_segment(path, change, cipher):
                    found.add(path)
            elif "snapshots" in path.parts or path.name.startswith("keys") or _is_found(path, needle, cipher):
                path.unlink()
                found.add(path)
    return found


def _is_found(path: Path, needle: Needle, cipher: Cipher) -> bool:
    """Return whether what was set aside holds it, in whatever form; what cannot be opened may."""
    from segue.stores.log.finding import scan

    seen = scan(path.parent, needle, cipher, tuple(one for one in path.parent.iterdir() if one != path))
    return bool(seen.left or seen.unread)


def _lines(log: Path, cipher: Cipher) -> Iterator[bytes]:
    for path in rewriting.segment_files(log):
        for part in rewriting.parts(path, cipher):
            yield from filter(None, part.lines)


def _refs(line: bytes, blobs: Blobs) -> set[str]:
    return all_refs(line, blobs) if b'"$blob"' in line else set()


def _no_sync(_: int) -> None:
    """Nothing is written."""


def unlink(path: Path) -> None:
    """Take a file away, durably."""
    with suppress(FileNotFoundError):
        path.unlink()
        files.sync_dir(path.parent)
