"""All logs of a store, each out of all copies; then what stands beside them: large values, numbers, marks of forks."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from segue.core.errors import NotFoundError
from segue.ports import Clock, Finding, Ids
from segue.ports.keys import Keys
from segue.ports.recovery import Progress, Recovered, Repaired, Split
from segue.stores.log import files
from segue.stores.log.backup.checking import logs_of
from segue.stores.log.backup.making import being_made, sweep
from segue.stores.log.cipher import Cipher
from segue.stores.log.locks import BusyError
from segue.stores.log.logs import Logs
from segue.stores.log.marks import is_deleted, is_given_up, mark_deleted, read_lost, write_lost
from segue.stores.log.recovery import beside
from segue.stores.log.recovery.around import Around
from segue.stores.log.recovery.comparing import compare
from segue.stores.log.recovery.joining import Joining, Means, Moved
from segue.stores.log.recovery.knowing import Known
from segue.stores.log.recovery.opening import ensure_place
from segue.stores.log.recovery.places import Others, places
from segue.stores.log.recovery.values import Values, name_of
from segue.stores.log.swapping import finish

_TRIES: Final = 5


class StoreRecovery:
    """Recovery of the store at one path. Passes for `ports.Recovery`."""

    def __init__(
        self,
        store: Path,
        others: Others,
        *,
        clock: Clock,
        ids: Ids,
        force: bool = False,
        progress: Progress | None = None,
        keys: Keys | None = None,
    ) -> None:
        """Look at nothing yet.

        Args:
            store: its directory.
            others: where its other copies are.
            clock: for what is told in a log.
            ids: the same.
            force: what is in the store's place and does not open is moved aside, instead of an error.
            progress: is told how far it is.
            keys: give the key where the store is encrypted.
        """
        self.keys = keys
        self.store, self.others, self.clock, self.ids = store.absolute(), others, clock, ids
        self.force, self.progress = force, progress or _quiet

    def run(self, *, dry_run: bool = False, alone: bool = False, session: str | None = None) -> Recovered:
        """See `Recovery.run`."""
        try:
            with _room(self.store) as room:
                return _Run(self, room, dry_run=dry_run, alone=alone).all(session)
        except OSError as e:
            raise files.refusal(f"store {str(self.store)!r}", e) from e

    def compare(self, session: str | None = None) -> list[Finding]:
        """See `Recovery.compare`."""
        try:
            with _room(self.store) as room:
                logs = logs_of(self.store, self.clock, self.ids, self.keys)
                try:
                    return list(compare(logs, places(self.store, self.others, room)[1:], session))
                finally:
                    logs.close()
        except OSError as e:
            raise files.refusal(f"store {str(self.store)!r}", e) from e


class _Run:
    """One recovery."""

    def __init__(self, owner: StoreRecovery, room: Path, *, dry_run: bool, alone: bool) -> None:
        self.store, self.clock, self.ids, self.progress = owner.store, owner.clock, owner.ids, owner.progress
        self.dry_run, self.keys = dry_run, owner.keys
        self.missing = not self.store.exists()
        self.others = ensure_place(self.store, dry_run=dry_run, force=owner.force)
        for directory in () if dry_run else [*(self.store / "sessions").glob("*"), *(self.store / "scopes").glob("*")]:
            finish(directory)
        self.own, *self.copies = places(self.store, None if alone else owner.others, room)
        scheme = beside.scheme(self.store, self.copies, dry_run=dry_run, others_told=self.others)
        self.cipher = Cipher(scheme, owner.keys).refresh()
        self.around = Around([self.own, *self.copies], self.cipher)
        self.values = Values(self.store, [place.root for place in self.copies], dry_run=dry_run, cipher=self.cipher)
        self.splits: list[Split] = []
        self.shared: set[str] = set()

    def all(self, session: str | None) -> Recovered:
        held = sum(1 for name in self.own.logs() if name.startswith("sessions/"))
        repaired = self._logs(self._names(session))
        self.others += self.values.told
        if session is None and not self.dry_run:
            self.others += beside.deleted(self.store)
            beside.marks(self.store)
            self.others += beside.numbers(self.store, self.copies)
        for place in self.copies:
            place.count()
        hurt = any(one.was in {"damaged", "missing"} for one in repaired)
        own = self.own.told(damaged=hurt, missing=self.missing)._replace(sessions=held)
        return Recovered([own, *(place.told() for place in self.copies)], repaired, self.splits, self.others, self.sound)

    def _names(self, session: str | None) -> list[str]:
        names = sorted({name for place in self.around.places for name in place.logs()}, reverse=True)  # sessions first
        if session is None:
            return [*self._shared(names), *names]
        if f"sessions/{session}" not in names:
            raise NotFoundError("session", session, hint="segue recover --dry-run")
        return [f"sessions/{session}"]

    def _shared(self, names: Sequence[str]) -> list[str]:
        """Return the sessions that were deleted and whose forks need them, where the store has nothing of them any more."""
        found = {name for place in self.copies for name in place.shared()} - {*names}
        missing = sorted(name for name in found if not (self.store / name).exists())
        for name in missing if not self.dry_run else ():
            files.make_dir(self.store / name)
            mark_deleted(self.store / name)
        self.shared = set(missing)
        return missing

    def _logs(self, names: Sequence[str]) -> list[Repaired]:
        logs = logs_of(self.store, self.clock, self.ids, self.keys)
        try:
            found = []
            for done, name in enumerate(names):
                self.progress("looking at logs", done, len(names))
                found.append(self._log(name, logs))
        finally:
            logs.close()
        self.sound = found.count(None)
        return [one for one in found if one is not None]

    def _log(self, name: str, logs: Logs) -> Repaired | None:
        """Put one log together; return what became of it, None where nothing was wrong with it."""
        directory = self.store / name
        given_up = is_given_up(directory)
        if is_deleted(directory) and not given_up and name not in self.shared:
            return None
        known = Known(self.store, name, logs)
        findings = known.findings()
        copies = [place for place in self.copies if findings or read_lost(directory).events or known.lacks(place)]
        others = [(place.where, path) for place in copies for path in place.directories(name)]
        self.values.mend(findings)
        bad = [one for one in findings if not self.values.is_mended(one)]
        if not bad and not read_lost(directory).events and not any(known.lacks(place) for place in copies):
            self.own.events += known.events()
            return None
        joining = Joining(Means(self.store, self.around, self.clock, self.ids, self.dry_run), name)
        for _ in range(_TRIES):
            with suppress(Moved):
                found = joining.run(
                    bad,
                    [(self.own.where, directory), *others],
                    lambda base: known.end(self.copies, base),
                    lambda: logs.drop(directory.name),
                )
                self.own.events += found.before
                self.splits += found.splits
                self.others += found.others
                if given_up and found.repaired and not self.dry_run:
                    (directory / "deleted").unlink()
                return found.repaired and self._with_values(found.repaired, known)
        raise BusyError(f"log {name!r} cannot be put together: others append to it all the time", hint="try again")

    def _with_values(self, found: Repaired, known: Known) -> Repaired:
        """Bring back the large values that a log written anew refers to; return what is lost of them as well."""
        if self.dry_run or not found.after:
            return found
        missing: set[str] = set()
        for _ in range(_TRIES):  # a large value may refer to others
            findings = [one for one in known.findings() if name_of(one)]
            self.values.mend(findings)
            missing = {name_of(one) for one in findings if not self.values.is_mended(one)}
            if all(not self.values.is_mended(one) for one in findings):
                break
        lost = read_lost(known.directory)
        write_lost(known.directory, lost._replace(blobs=lost.blobs & missing | missing))
        return found._replace(blobs=tuple(sorted(missing)))


@contextmanager
def _room(store: Path) -> Iterator[Path]:
    """Give a directory for what is written to be read, on the store's disk, and take it away; also those of who was killed."""
    if os.access(store.parent, os.W_OK):
        sweep(store)
        with being_made(store, "recovering") as room:
            yield room
    else:
        with TemporaryDirectory(prefix="segue-") as elsewhere:
            yield Path(elsewhere)


def _quiet(_what: str, _done: int, _of: int) -> None:
    """Is told, and shows nothing."""
