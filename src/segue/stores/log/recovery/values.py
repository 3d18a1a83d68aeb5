"""Large values that are damaged or missing, from any copy of the store that has them."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from segue.core.errors import SegueError
from segue.ports import Finding
from segue.stores.log import files
from segue.stores.log.blobs import Blobs
from segue.stores.log.cipher import PLAIN, Cipher


class Values:
    """Brings blobs back."""

    def __init__(self, store: Path, others: Sequence[Path], *, dry_run: bool, cipher: Cipher = PLAIN) -> None:
        """Name the store, and copies of it."""
        self._store, self._dry_run = store, dry_run
        self._own = Blobs(store / "blobs", files.system_sync, cipher)
        self._others = [Blobs(other / "blobs", files.system_sync, cipher) for other in others]
        self._back: set[str] = set()
        self.told: list[str] = []
        """What was done, a sentence each."""

    def mend(self, findings: Iterable[Finding]) -> None:
        """Bring back the blobs that *findings* name, and those that these refer to."""
        for name in {name_of(one) for one in findings} - {"", *self._back}:
            self._mend(name)

    def is_mended(self, finding: Finding) -> bool:
        """Return whether a finding was about a blob that is back, or would be."""
        return name_of(finding) in self._back

    def _mend(self, name: str) -> None:
        for other in self._others:
            with suppress(SegueError, OSError):
                data = other.get(name)
                if not self._dry_run:
                    self._aside(name)
                    self._own.path(name).parent.mkdir(mode=files.DIR_MODE, parents=True, exist_ok=True)
                    self._own.put(name, data)
                self._back.add(name)
                self.told.append(f"large value {name[:16]}... is back from another copy")
                return

    def _aside(self, name: str) -> None:
        """Keep what stands in the place of a blob."""
        for path in self._own.paths(name):
            if path.exists():
                files.make_dir(self._store / "aside")
                path.rename(self._store / "aside" / f"{path.name}-{len(self.told)}")


def name_of(finding: Finding) -> str:
    """Return the name of the blob that a finding is about; empty where it is about something else."""
    where = finding.where
    return where.rpartition("/")[2].removesuffix(".zst") if where.startswith("blobs/") else ""
