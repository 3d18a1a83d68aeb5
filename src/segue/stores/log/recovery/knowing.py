"""What is known of a log in the store without putting it together: what is wrong with it, how long it was, who has more."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from segue.core.errors import SegueError
from segue.core.log.events import Head
from segue.ports import Finding
from segue.stores.log import snapshots, verify
from segue.stores.log.backup.checking import BAD
from segue.stores.log.journal import Journal
from segue.stores.log.keytable import KeyTable
from segue.stores.log.logs import Logs
from segue.stores.log.marks import read_lost
from segue.stores.log.recovery.lines import scan
from segue.stores.log.recovery.places import Place
from segue.stores.log.scopes import Scopes


class Known:
    """The store's own log of one name."""

    def __init__(self, store: Path, name: str, logs: Logs) -> None:
        """Name it; it need not be there."""
        self.directory, self._store, self._name, self._logs = store / name, store, name, logs

    def findings(self) -> list[Finding]:
        """Return what is damaged or missing."""
        own = self.directory.name
        if not (self.directory / "log").is_dir():
            return [Finding("gap", own, self._name, "the store does not have it")]
        try:
            return [one for one in verify.log(self._journal()) if one.severity in BAD]
        except (SegueError, OSError) as e:
            return [Finding("damage", own, self._name, str(e))]

    def lacks(self, place: Place) -> bool:
        """Return whether a copy may have what this log, which is intact, has not."""
        if not place.has(self._name):
            return False
        tips = place.tips(self._name)
        if tips is None:
            tips = [self._last(directory) for directory in place.directories(self._name)]
        return any(not self._has(tip) for tip in tips)

    def end(self, places: Sequence[Place], base: int) -> int:
        """Return the number of the last event that anything tells of: caches beside the log, other copies."""
        keys = KeyTable(self.directory, self._logs.env.cipher)
        keys.load(base + 1)
        tips = [tip.seq for place in places for tip in place.tips(self._name) or ()]
        lost = [high for _, high in read_lost(self.directory).events]
        return max(keys.covered, snapshots.last(self.directory), *tips, *lost, base)

    def events(self) -> int:
        """Return how many events of its own it has, where it is intact."""
        if self._name.startswith("sessions/"):
            with suppress(SegueError, OSError):
                journal = self._journal()
                return journal.head().seq - journal.base.seq - read_lost(self.directory).size
        return 0

    def _has(self, tip: Head) -> bool:
        try:
            journal = self._journal()
            if tip.seq <= journal.base.seq:
                return True
            event = journal.event(tip.seq)
        except (SegueError, OSError):
            return False
        return event is not None and tip.digest in self._logs.env.cipher.names(event.digest)

    def _journal(self) -> Journal:
        if self._name.startswith("sessions/"):
            return self._logs.any(self.directory.name)
        return Scopes(self._store / "scopes", self._logs).open(self.directory)

    def _last(self, directory: Path) -> Head:
        nodes = scan("", directory / "log", self._logs.env.cipher).nodes
        return Head(nodes[-1].seq, nodes[-1].digest) if nodes else Head(0, "")
