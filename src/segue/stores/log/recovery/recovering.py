"""All logs of a store, each out of all copies; then what stands beside them: large values, numbers, marks of forks."""

import os
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Final, Literal

from segue.core.errors import DamagedError, NotFoundError, SegueError
from segue.core.log.codec import decode_line, genesis
from segue.core.log.events import Event, Head
from segue.core.log.ids import is_uuid, uuid7, uuid7_ms
from segue.core.log.rejoining import Branch, Range, united
from segue.ports import Clock, Finding, Ids
from segue.ports.backups import Backups
from segue.ports.keys import Keys
from segue.ports.recovery import Progress, Recovered, Repaired, Split
from segue.stores.log import files, snapshots, verify
from segue.stores.log.backup.checking import BAD, logs_of
from segue.stores.log.blobs import Blobs
from segue.stores.log.cipher import Cipher
from segue.stores.log.keytable import KeyTable
from segue.stores.log.locks import BusyError
from segue.stores.log.logs import Logs
from segue.stores.log.marks import Lost, is_deleted, mark_deleted, read_fork, read_lost, write_fork, write_lost
from segue.stores.log.recovery.gathering import Gathered, gather, scope_name, scopes_in
from segue.stores.log.recovery.lines import Lines, scan
from segue.stores.log.recovery.opening import ensure_place
from segue.stores.log.recovery.places import Place, places
from segue.stores.log.recovery.rebuilding import lock_of, loss_line, stamp_of, swap, told, write
from segue.stores.log.recovery.values import Values, name_of
from segue.stores.log.scopes import KIND as SCOPE
from segue.stores.log.scopes import Scopes, places_of

State = Literal["damaged", "missing", "behind", "split"]
Stamp = tuple[tuple[str, int], ...]
_TRIES: Final = 5


class _Moved(Exception):  # noqa: N818  (no error: it is looked at again)
    """Somebody appended to the log while its copies were looked at."""


class StoreRecovery:
    """Recovery of the store at one path. Passes for `ports.Recovery`."""

    def __init__(
        self,
        store: Path,
        backups: Backups,
        *,
        clock: Clock,
        ids: Ids,
        any_store: bool = False,
        force: bool = False,
        progress: Progress | None = None,
        keys: Keys | None = None,
    ) -> None:
        """Look at nothing yet.

        Args:
            store: its directory.
            backups: of it.
            clock: for what is told in a log.
            ids: the same.
            any_store: backups of other stores count too, for a store that was elsewhere.
            force: what is in the store's place and does not open is moved aside, instead of an error.
            progress: is told how far it is.
            keys: give the key where the store is encrypted.
        """
        self.keys = keys
        self.store, self.backups, self.clock, self.ids = store.absolute(), backups, clock, ids
        self.any_store, self.force, self.progress = any_store, force, progress or _quiet

    def run(self, *, dry_run: bool = False, alone: bool = False, session: str | None = None) -> Recovered:
        """See `Recovery.run`."""
        try:
            return _Run(self, dry_run=dry_run, alone=alone).all(session)
        except OSError as e:
            raise files.refusal(f"store {str(self.store)!r}", e) from e


class _Run:
    """One recovery."""

    def __init__(self, owner: StoreRecovery, *, dry_run: bool, alone: bool) -> None:
        self.store, self.clock, self.ids, self.progress = owner.store, owner.clock, owner.ids, owner.progress
        self.dry_run = dry_run
        self.missing, self.keys = not self.store.exists(), owner.keys
        self.others = ensure_place(self.store, dry_run=dry_run, force=owner.force)
        self.cipher = Cipher(self.store, owner.keys).refresh()
        self.places = places(self.store, None if alone else owner.backups, any_store=owner.any_store)
        self.events = dict.fromkeys(range(len(self.places)), 0)
        self.hurt: set[int] = set()
        self.splits: list[Split] = []

    def all(self, session: str | None) -> Recovered:
        names = sorted({name for place in self.places for name in place.logs()}, reverse=True)  # sessions first
        if session is not None:
            names = [name for name in names if name == f"sessions/{session}"]
            if not names:
                raise NotFoundError("session", session, hint="segue recover --dry-run")
        logs = logs_of(self.store, self.clock, self.ids, self.keys)
        repaired, sound = [], 0
        try:
            values = Values(self.store, [place.root for place in self.places[1:]], dry_run=self.dry_run, cipher=self.cipher)
            for done, name in enumerate(names):
                self.progress("looking at logs", done, len(names))
                found = self._log(name, logs, values)
                sound += found is None
                repaired += [found] if found else []
        finally:
            logs.close()
        self.others += values.told
        if session is None and not self.dry_run:
            self._deleted()
            self._marks()
            self._numbers()
        for i, place in enumerate(self.places):
            for name in place.logs() if place.tips is not None else ():
                self.events[i] += self._tip_events(place, name)
        sources = [
            place.told(self.events[i], damaged=i in self.hurt, missing=not i and self.missing)
            for i, place in enumerate(self.places)
        ]
        return Recovered(sources, repaired, self.splits, self.others, sound)

    # --- one log

    def _log(self, name: str, logs: Logs, values: Values) -> Repaired | None:
        """Put one log together; return what became of it, None where nothing was wrong with it."""
        directory = self.store / name
        if is_deleted(directory):
            return None
        findings = self._findings(name, logs)
        values.mend(findings)
        bad = [one for one in findings if not values.is_mended(one)]
        lost = read_lost(directory)
        others = [place for place in self.places[1:] if (place.root / name / "log").is_dir()]
        if not bad and not lost.events and not any(self._tells_more(place, name, logs) for place in others):
            self.events[0] += self._own(name, logs)
            return None
        for _ in range(_TRIES):
            with suppress(_Moved):
                found = self._joined(name, bad, lost, others, logs)
                return found and self._with_values(name, found, logs, values)
        raise BusyError(f"log {name!r} cannot be put together: others append to it all the time", hint="try again")

    def _with_values(self, name: str, found: Repaired, logs: Logs, values: Values) -> Repaired:
        """Bring back the large values that a log written anew refers to; return what is lost of them as well."""
        directory = self.store / name
        if self.dry_run or not found.after:
            return found
        missing: set[str] = set()
        for _ in range(_TRIES):  # a large value may refer to others
            findings = [one for one in self._findings(name, logs) if name_of(one)]
            values.mend(findings)
            missing = {name_of(one) for one in findings if not values.is_mended(one)}
            if all(not values.is_mended(one) for one in findings):
                break
        lost = read_lost(directory)
        write_lost(directory, lost._replace(blobs=lost.blobs & missing | missing))
        return found._replace(blobs=tuple(sorted(missing)))

    def _joined(self, name: str, bad: Sequence[Finding], lost: Lost, others: Sequence[Place], logs: Logs) -> Repaired | None:
        directory = self.store / name
        copies = [(str(place.root), place.root / name) for place in (self.places[0], *others)]
        stamp = stamp_of(directory)
        found = gather(name, self._owner(name), copies, self, self.cipher)
        live = found.copies[0]
        main = found.joined.main
        splits = [one for one in (self._split(name, branch, found) for branch in found.joined.branches) if one is not None]
        end = self._known_end(name, found)
        missing = united([*main.lost, *([(main.nodes[-1].seq + 1, end)] if main.nodes and end > main.nodes[-1].seq else [])])
        same = bool(main.nodes) and [n.digest for n in main.nodes] == [n.digest for n in live.nodes] and not live.damaged
        if same and set(missing) <= set(lost.events) and not bad and not splits:
            self.events[0] += len(live.nodes)
            return None
        before = len(live.nodes)
        gave = tuple(copy.source for copy in found.copies[1:] if {n.digest for n in copy.nodes} - set(live.where))
        was: State = "missing" if not live.nodes else "damaged" if bad else "split" if splits else "behind"
        why = "; ".join(dict.fromkeys(one.reason for one in bad[:3]))
        aside = ""
        if not main.nodes:
            missing = [(found.base.seq + 1, max(end, found.base.seq + 1))]
        if not self.dry_run:
            if main.nodes or found.fork is not None:  # a fork still has what it shares
                aside = self._rebuild(name, found, missing, Lost(tuple(missing)), lost, stamp, same=same)
            else:
                aside = self._nothing_left(directory)
            logs.drop(directory.name)
        self.splits += splits
        self.events[0] += before
        if bad:
            self.hurt.add(0)
        return Repaired(
            directory.name,
            was,
            before,
            len(main.nodes),
            gave,
            tuple(missing),
            tuple(sorted({name_of(one) for one in bad} - {""})),
            aside,
            why,
        )

    def _rebuild(
        self, name: str, found: Gathered, missing: list[Range], lost: Lost, before: Lost, stamp: Stamp, *, same: bool
    ) -> str:
        """Write the log and put it in its place; return where the old one is kept."""
        directory = self.store / name
        new = [one for one in missing if not before.has(*one)]
        nodes = found.joined.main.nodes
        head = Head(nodes[-1].seq, nodes[-1].digest) if nodes else found.base
        partial = bool(nodes) and found.where[head.digest].more > 0
        if same and not new and not partial:
            self._beside(name, found)
            write_lost(directory, lost)
            return ""
        for part in (directory, directory / "forks"):
            if name.startswith("sessions/") or part == directory:
                files.make_dir(part)
        lock = lock_of(directory)
        made = self.store / "incoming" / f"{directory.name}.{os.getpid()}.{os.urandom(4).hex()}"
        try:
            with lock.exclusive():
                _check_unmoved(directory, stamp)
                last_seq = max([head.seq, *(high for _, high in missing)]) + 1
                tells = name.startswith("sessions/") and (new or partial)
                reason = told(new) if new else "the end of a write is in no copy"
                last = loss_line(head, last_seq, reason, self.clock, self.ids) if tells else b""
                write(made, nodes, found.where, last, last_seq, self.cipher)
                self._beside(name, found)
                write_lost(directory, lost)
                kept = swap(directory, made)
                lock.bump()
                lock.bump()
        except BaseException:
            shutil.rmtree(made, ignore_errors=True)
            raise
        finally:
            lock.close()
        files.sync_dir(directory.parent)
        return str(kept or "")

    def _beside(self, name: str, found: Gathered) -> None:
        """Write what stands beside a log: its fork header, a scope's name."""
        directory = self.store / name
        with suppress(DamagedError):
            if read_fork(directory) == found.fork:
                found = found._replace(fork=None)
        if found.fork is not None:
            write_fork(directory, found.fork)
        if name.startswith("scopes/") and not scope_name([directory], self.cipher):
            self.cipher.write(directory / "name", self._owner(name).removeprefix("scope:").encode(), SCOPE)

    def _owner(self, name: str) -> str:
        """Return what the first event of a log follows from."""
        kind, _, own = name.partition("/")
        if kind == "sessions":
            return own
        return f"scope:{scope_name((place.root / name for place in self.places), self.cipher) or self._scope_names.get(own, '')}"

    @cached_property
    def _scope_names(self) -> dict[str, str]:
        """Directory -> name, of all scopes that any session's events changed. Asked only where no copy says a scope's name."""
        logs = (place.root / name / "log" for place in self.places for name in place.logs() if name.startswith("sessions/"))
        named = {scope for log in logs for scope in scopes_in(log, self.cipher)}
        return {place: scope for scope in named for place in places_of(scope, self.cipher)}

    def _nothing_left(self, directory: Path) -> str:
        """Take a log away of which no copy has an intact event; what is there of it is kept."""
        aside = self.store / "aside"
        files.make_dir(aside)
        kept = aside / f"{directory.name}-{os.urandom(4).hex()}"
        directory.rename(kept)
        if directory.parent.name == "sessions":
            for part in (directory, directory / "log"):  # its forks look here for what they share
                files.make_dir(part)
            lock_of(directory).close()
            write_lost(directory, Lost(((1, max([1, *self._fork_points(directory.name)])),)))
            mark_deleted(directory)  # its id is not used again
        return str(kept)

    def _fork_points(self, session: str) -> list[int]:
        """Return where forks left *session*."""
        found = []
        for place in self.places:
            for name in place.logs():
                with suppress(DamagedError, OSError):
                    fork = read_fork(place.root / name)
                    found += [fork.seq] if fork and fork.session == session else []
        return found

    def _split(self, name: str, branch: Branch, found: Gathered) -> Split | None:
        """Return what went on separately, unless it is kept as a fork already. Scopes have no forks: theirs is told of."""
        if name.startswith("scopes/"):
            self.others.append(f"shared state {name} went on separately in a copy: the longer one counts")
            return None
        lines, blobs = Lines(self.cipher), self._blob
        events = [_with_blobs(lines.get(found.where[node.digest]), blobs) for node in branch.line.nodes]
        digest = bytes.fromhex(branch.line.nodes[-1].digest)
        fork = uuid7(uuid7_ms(events[0].id), digest[:10])
        if (self.store / "sessions" / fork).exists():
            return None
        return Split(name.partition("/")[2], branch.after, events, fork)

    # --- what is known of a log without joining it

    def _findings(self, name: str, logs: Logs) -> list[Finding]:
        directory = self.store / name
        if not (directory / "log").is_dir():
            return [Finding("gap", directory.name, name, "the store does not have it")]
        try:
            scopes = Scopes(self.store / "scopes", logs)
            journal = logs.any(directory.name) if name.startswith("sessions/") else scopes.open(directory)
            return [one for one in verify.log(journal) if one.severity in BAD]
        except (SegueError, OSError) as e:
            return [Finding("damage", directory.name, name, str(e))]

    def _tells_more(self, place: Place, name: str, logs: Logs) -> bool:
        """Return whether a copy may have what the store's own log, which is intact, has not."""
        tip = (place.tips or {}).get(name.partition("/")[2])
        if tip is None or name.startswith("scopes/"):
            nodes = scan("", place.root / name / "log", self.cipher).nodes
            if not nodes:
                return False
            seq, digest = nodes[-1].seq, nodes[-1].digest
        else:
            seq, digest = tip.seq, tip.digest
        try:
            if name.startswith("scopes/"):
                journal = Scopes(self.store / "scopes", logs).open(self.store / name)
            else:
                journal = logs.any(name.partition("/")[2])
            event = journal.event(seq) if seq > journal.base.seq else None
        except (SegueError, OSError):
            return True
        return seq > journal.base.seq and (event is None or event.digest != digest)

    def _known_end(self, name: str, found: Gathered) -> int:
        """Return the number of the last event that anything tells of: caches beside the log, manifests of backups."""
        directory = self.store / name
        keys = KeyTable(directory, self.cipher)
        keys.load(found.base.seq + 1)
        tips = [place.tips[directory.name].seq for place in self.places if place.tips and directory.name in place.tips]
        lost = [high for _, high in read_lost(directory).events]
        return max(keys.covered, snapshots.last(directory), *tips, *lost, found.base.seq)

    def _own(self, name: str, logs: Logs) -> int:
        with suppress(SegueError, OSError):
            if name.startswith("sessions/"):
                journal = logs.any(name.partition("/")[2])
                return journal.head().seq - journal.base.seq - read_lost(self.store / name).size
        return 0

    def _tip_events(self, place: Place, name: str) -> int:
        tip = (place.tips or {}).get(name.partition("/")[2])
        if tip is None:
            return 0
        with suppress(SegueError, OSError):
            fork = read_fork(place.root / name)
            return tip.seq - (fork.seq if fork else 0) - read_lost(place.root / name).size
        return tip.seq

    def is_foreign(self, name: str, digest: str) -> bool:
        """See `Asked.is_foreign`."""
        return self._owners.get(digest, name) != name

    def is_fork(self, session: str, parent: str) -> bool:
        """See `Asked.is_fork`: each parent has a mark for each fork, made before the fork was."""
        parents = [place.root / "sessions" / parent for place in self.places]
        return any((one / "forks" / session).exists() for one in parents) or not any(one.is_dir() for one in parents)

    def parent_of(self, session: str) -> str:
        """See `Asked.parent_of`."""
        marks = {mark.parent.parent.name for place in self.places for mark in place.root.glob(f"sessions/*/forks/{session}")}
        return marks.pop() if len(marks) == 1 else ""

    def digest_at(self, session: str, seq: int) -> str:
        """See `Asked.digest_at`."""
        for place in self.places:
            for node in scan("", place.root / "sessions" / session / "log", self.cipher).nodes:
                if node.seq == seq:
                    return node.digest
        return ""

    @cached_property
    def _owners(self) -> dict[str, str]:
        """Event -> the log that it follows the beginning of, for all logs of all copies. Asked where a run has no beginning."""
        found: dict[str, str] = {}
        for place in self.places:
            for name in place.logs():
                fork = None
                with suppress(DamagedError, OSError):
                    fork = read_fork(place.root / name)
                base = fork.digest if fork else genesis(self._owner(name))
                follows, copy = {base}, scan("", place.root / name / "log", self.cipher)
                for node in copy.nodes:
                    if node.prev in follows and (node.prev == base or node.digest not in copy.begins):
                        follows.add(node.digest)
                        found.setdefault(node.digest, name)
        return found

    def _blob(self, name: str) -> bytes:
        for place in self.places:
            with suppress(SegueError, OSError):
                return Blobs(place.root / "blobs", _no_sync, self.cipher).get(name)
        raise NotFoundError("blob", name)

    # --- beside the logs

    def _deleted(self) -> None:
        """Mark the sessions as deleted again of which only the directory is left: their ids stay taken."""
        for directory in (self.store / "sessions").iterdir():
            if is_uuid(directory.name) and not (directory / "log").is_dir() and not is_deleted(directory):
                mark_deleted(directory)
                self.others.append(f"session {directory.name} has no log in any copy: it counts as deleted")

    def _marks(self) -> None:
        """Make it known to each parent which forks share its past."""
        for directory in (self.store / "sessions").iterdir():
            with suppress(DamagedError, OSError):
                fork = read_fork(directory)
                parent = self.store / "sessions" / fork.session if fork else None
                if parent is not None and parent.is_dir() and not is_deleted(directory):
                    files.make_dir(parent / "forks")
                    os.close(files.open_or_create(parent / "forks" / directory.name))

    def _numbers(self) -> None:
        """Bring back numbers that were given: the longest file of each prefix counts."""
        for place in self.places[1:]:
            with suppress(OSError):
                for path in sorted((place.root / "numbers").iterdir()):
                    own = self.store / "numbers" / path.name
                    if path.name[0] != "." and path.stat().st_size > (own.stat().st_size if own.exists() else 0):
                        files.replace(own, files.read_file(path))
                        self.others.append(f"numbers of {path.name} are as {place.root} has them")


def _check_unmoved(directory: Path, stamp: Stamp) -> None:
    if stamp_of(directory) != stamp:
        raise _Moved


def _with_blobs(line: bytes, load_blob: Callable[[str], bytes]) -> Event:
    try:
        return decode_line(line, load_blob)
    except SegueError:
        return decode_line(line)


def _no_sync(_: int) -> None:
    """Nothing is written."""


def _quiet(_what: str, _done: int, _of: int) -> None:
    """Is told, and shows nothing."""
