"""What was copied makes sense as a store: every new event follows the one before, every blob is there, and no log has become
shorter, or another, than the last backup has it.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from segue.core.errors import SegueError
from segue.core.log.events import Head
from segue.core.log.ids import is_uuid
from segue.ports import Clock, Finding, Ids
from segue.ports.keys import Keys
from segue.stores.log import segments, verify
from segue.stores.log.backup.copying import Copying
from segue.stores.log.backup.manifest import Manifest, Tip
from segue.stores.log.blobs import Blobs
from segue.stores.log.cipher import Cipher
from segue.stores.log.env import Env
from segue.stores.log.journal import Journal
from segue.stores.log.logs import Logs
from segue.stores.log.marks import is_deleted, read_lost
from segue.stores.log.scopes import Scopes

BAD = ("damage", "gap")
"""Findings that make a copy none."""

Progress = Callable[[int, int], None]


def logs_of(path: Path, clock: Clock, ids: Ids, keys: Keys | None = None) -> Logs:
    """Return the logs of the store at *path*, which nobody else knows: nothing in it is synced or indexed.

    Raises:
        WrongKeyError: it is encrypted, and *keys* has not the key.
    """
    cipher = Cipher(path, keys).refresh()
    env = Env(clock=clock, ids=ids, blobs=Blobs(path / "blobs", _no_sync, cipher), sync=_no_sync, relaxed=True, cipher=cipher)
    return Logs(path / "sessions", env)


class Checking:
    """Checks one copy, and finds out where its logs end."""

    def __init__(self, copying: Copying, logs: Logs, before: Manifest | None) -> None:
        """*before* is the manifest of the last backup, where it is to be asked."""
        self.tips: dict[str, Tip] = {}
        self.events = 0
        self._copying, self._logs, self._before = copying, logs, before
        self._used: set[str] = set()
        self._whole = False

    def run(self, progress: Progress) -> Iterator[Finding]:
        """Yield what is wrong."""
        names = sorted(filter(is_uuid, os.listdir(self._logs.directory)))
        self._whole = self._copying.lost("blobs")  # a log that has not changed may refer to what is gone
        for done, name in enumerate(names):
            progress(done, len(names))
            yield from self._session(name)
            self._logs.drop(name)
        scopes = Scopes(self._copying.target / "scopes", self._logs)
        for where in scopes.directories():
            if not self._copying.unchanged(f"scopes/{where.name}"):
                yield from _bad(verify.log(scopes.open(where), self._used))
        for session in sorted(set(self._before.tips if self._before else ()) - {*names}):
            yield Finding("gap", session, f"sessions/{session}", "the last backup has this session, the store does not")

    def _session(self, name: str) -> Iterator[Finding]:
        if is_deleted(self._logs.directory / name):
            return
        before = self._before.tips.get(name) if self._before else None
        try:
            if before is not None and not self._whole and self._copying.unchanged(f"sessions/{name}"):
                self._note(name, self._logs.any(name).base.seq, before)
                return
            journal = self._logs.any(name)
            yield from _bad(verify.log(journal, self._used, self._checked_before(name, journal)))
            yield from _continues(journal, before)
            head = journal.head()
            event = journal.event(head.seq)
            self._note(name, journal.base.seq, Tip(head.seq, head.digest, event.at if event else ""))
        except SegueError as e:
            yield Finding("damage", name, f"sessions/{name}", e.message)

    def _note(self, name: str, base: int, tip: Tip) -> None:
        self.tips[name] = tip
        self.events += tip.seq - base - read_lost(self._logs.directory / name).size

    def _checked_before(self, name: str, journal: Journal) -> Head | None:
        """Return the last event that stands in files of the last backup, which was verified: it is gone on from there."""
        last = 0
        for segment in segments.listed(journal.directory / "log"):
            if f"sessions/{name}/log/{segment.path.name}" not in self._copying.linked:
                last = segment.first - 1
                break
        known = self._before is not None and not self._whole and last > journal.base.seq
        event = journal.event(last) if known else None
        return Head(event.seq, event.digest) if event else None


def _continues(journal: Journal, before: Tip | None) -> Iterator[Finding]:
    """Ask whether the log still has what the last backup has: a store that was rolled back looks sound by itself."""
    if before is None or before.seq <= journal.base.seq:
        return
    head = journal.head()
    if head.seq < before.seq:
        reason = f"events {head.seq + 1} to {before.seq} are in the last backup: the store is an older copy, or lost its end"
        yield Finding("gap", journal.session, "the end of the log", reason, head.seq + 1)
        return
    event = journal.event(before.seq)
    if event is None or event.digest != before.digest:
        reason = f"event {before.seq} is another in the last backup: the store went on separately"
        yield Finding("gap", journal.session, f"event {before.seq}", reason, before.seq)


def _bad(findings: Iterator[Finding]) -> Iterator[Finding]:
    return (one for one in findings if one.severity in BAD)


def _no_sync(_: int) -> None:
    """What is looked at only need not be made durable."""
