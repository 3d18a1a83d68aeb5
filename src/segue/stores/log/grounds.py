"""The store, and the copies of it, as places in which contents may stand. They pass for `ports.erasing.Ground`."""

from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from segue.core.log.codec import BadLine, verify_line
from segue.core.log.needles import Needle
from segue.ports.erasing import Left, Scan, Tell, untold
from segue.ports.keys import Keys
from segue.stores.log import finding, rewriting, segments
from segue.stores.log.backup import Series
from segue.stores.log.backup.manifest import BESIDE
from segue.stores.log.backup.restoring import ASIDE
from segue.stores.log.cipher import Cipher
from segue.stores.log.clearing import changing, clear, clear_aside, digests, unlink
from segue.stores.log.erasing import own_lines
from segue.stores.log.store import LogStore

Look = Callable[[Path, Needle], Scan]


class StoreGround:
    """A store of files."""

    name = "store"

    def __init__(self, store: LogStore) -> None:
        """Name it."""
        self._store = store

    def find(self, needle: Needle) -> Mapping[str, set[int]]:
        """See `Searched.find`. Logs that were deleted, and that forks need, are among them."""
        holds = finding.Holding(needle, self._store.blobs)
        found: dict[str, set[int]] = {}
        for log in self._store.erasing.logs():
            seqs = {segments.seq_of(line) for line in own_lines(log) if finding.is_event(line) and holds(line)}
            if seqs:
                found[log.session] = {seq for seq in seqs if seq is not None}
        return found

    def erase(self, session: str, seqs: Collection[int], note: Mapping[str, Any]) -> int:
        """See `Searched.erase`."""
        return self._store.erasing.erase(session, seqs, note)

    def purge(self, needle: Needle, tell: Tell = untold) -> int:
        """See `Ground.purge`: what crashes and recovery set aside, lines that are damaged, files that were never finished."""
        self._store.erasing.go_on(needle)
        cipher, path = self._store.cipher.refresh(), self._store.path
        holds = finding.Holding(needle, self._store.blobs)
        done = 0
        erased = self.erased()
        for log in self._store.erasing.logs():
            done += rewriting.rewrite(log, lambda line: needle.blanked(line) if not _is_whole(line) else line)
        done += len(clear_aside(path, changing(needle, erased, holds), needle, cipher))
        for left in finding.walk(path):
            if left.name.startswith(".") and left.name.count(".") > 2 and needle.is_in(left.read_bytes()):
                unlink(left)  # never finished
                done += 1
        return done

    def erased(self) -> set[str]:
        """Return the digests of all events that are erased."""
        return {digest for log in self._store.erasing.logs() for digest in digests(own_lines(log))}

    def scan(self, needle: Needle) -> Scan:
        """See `Ground.scan`."""
        return finding.scan(self._store.path, needle, self._store.cipher.refresh())


class CopiesGround:
    """Backups of a store in their usual place, and what was moved aside for another store."""

    name = "backups"

    def __init__(self, store: LogStore, series: Series, keys: Keys | None, look: Look | None = None) -> None:
        """Name them; *look* looks at what was kept beside the store, in a directory of a backup."""
        self._store, self._series, self._keys = store, series, keys
        self._look: Look = look or (lambda _place, _needle: Scan(0, 0, [], []))

    def purge(self, needle: Needle, tell: Tell = untold) -> int:
        """See `Ground.purge`."""
        erased = StoreGround(self._store).erased()
        done = self._series.clear(needle, erased, lambda beside: not _is_clean(self._look(beside, needle)))
        return done + sum(len(clear(path, needle, erased, self._cipher(path))) for path in self._aside())

    def scan(self, needle: Needle) -> Scan:
        """See `Ground.scan`."""
        seen = [(root, self._cipher(root)) for root in self._aside()]
        seen += [(backup, self._cipher(backup / "store")) for backup in self._series.own()]
        scans = []
        for root, cipher in seen:
            with suppress(FileNotFoundError):
                scans.append(finding.scan(root, needle, cipher, (root / BESIDE,)))
                if (root / BESIDE).is_dir():
                    scans.append(self._look(root / BESIDE, needle))
        return total(scans)

    def _aside(self) -> list[Path]:
        path = self._store.path
        return sorted(one for one in path.parent.glob(f"{path.name}{ASIDE}*") if one.is_dir())

    def _cipher(self, root: Path) -> Cipher:
        return Cipher(root, self._keys).refresh()


def total(scans: list[Scan]) -> Scan:
    """Return several scans as one."""
    left: list[Left] = [one for scan in scans for one in scan.left]
    unread: list[Left] = [one for scan in scans for one in scan.unread]
    return Scan(sum(scan.files for scan in scans), sum(scan.bytes for scan in scans), left, unread)


def _is_clean(scan: Scan) -> bool:
    """Return whether nothing stands in a place, as far as is known: what could not be looked into may hold anything."""
    return not scan.left and not scan.unread


def _is_whole(line: bytes) -> bool:
    try:
        verify_line(line)
    except BadLine:
        return False
    return True
