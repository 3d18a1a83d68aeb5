"""Contents taken away for good: the lines stay, each with its number, head and digest, and the log tells of it.

    <log>/erased.json    {"first": n, "until": m, "seqs": [[...]], "doing": {"id", "seqs", "blobs", "note"} or null}

All of it happens under the log's lock, in this order: what is intended becomes durable (`doing`), the lines are rewritten, state
snapshots go, an event `erased` tells of it. Whatever comes between, upkeep and the next erasure go on with `doing`. It
names numbers and blobs, never contents.

A fold that began before may still hold contents, and be kept late: snapshots of positions from `first` up to `until`, the head
when the lines were rewritten, are refused for ever. Forks read the lines that they share from their parent: they get the event
and the mark too. A large value goes when no line refers to it any more.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from segue.core.errors import DamagedError, GoneError, NotFoundError, SegueError
from segue.core.log.codec import BadLine, blob_name, blob_refs, decode_line, erase_line
from segue.core.log.events import Body, Draft, Event
from segue.core.log.needles import Needle
from segue.core.log.rejoining import Range, united
from segue.stores.log import rewriting, segments, snapshots
from segue.stores.log.blobs import Blobs
from segue.stores.log.journal import Journal
from segue.stores.log.logs import Logs
from segue.stores.log.marks import Doing, is_deleted, read_erased, read_fork, write_erased
from segue.stores.log.scopes import Scopes

KIND = "erased"


class Erasing:
    """Erases in the logs of one store."""

    def __init__(self, store: Path, logs: Logs, scopes: Scopes) -> None:
        """Name them."""
        self._store, self._logs, self._scopes, self._env = store, logs, scopes, logs.env

    def logs(self) -> Iterator[Journal]:
        """Yield all logs of the store that hold lines."""
        return all_logs(self._store, self._logs, self._scopes)

    def erase(self, session: str, seqs: Collection[int], note: Body) -> int:
        """Take the contents of events away, also of those that a fork shares, where they are; return how many had any.

        A session may be a deleted one that forks need, or `scope:` and a scope's name.

        Raises:
            NotFoundError: there is no such event; nothing was erased.
        """
        if session.startswith("scope:"):
            log = self._scopes.log(session.removeprefix("scope:"))
            return self._erase_scope(log, {*seqs}) if log is not None else 0
        head = self._logs.any(session).head().seq
        for seq in seqs:
            if not 0 < seq <= head:
                raise NotFoundError("event", str(seq), hint=f"segue log {session}")
        log = self._logs.any(session)
        left, done = {*seqs}, 0
        while log is not None and left:
            own = {seq for seq in left if seq > log.base.seq}
            left -= own
            done += self._erase(log, own, dict(note)) if own else 0
            log = log.parent
        return done

    def finish(self, session: str) -> None:
        """Go on with an erasure that was interrupted."""
        journal = self._logs.any(session)
        if read_erased(journal.directory).doing is not None:
            self._erase(journal, (), {})

    def go_on(self, needle: Needle) -> None:
        """Finish what was interrupted: erasures; large values that hold *needle*, and that no line came to name, go."""
        for journal in self.logs():
            if not journal.session.startswith("scope:"):
                self.finish(journal.session)
        self._drop_blobs({blob_name(data) for data in self._env.blobs.contents() if needle.is_in(data)})

    # --- one log

    def _erase(self, journal: Journal, seqs: Collection[int], note: dict[str, Any]) -> int:
        doing, changes = self._intend(journal, seqs, note)
        if doing is None:
            return 0
        for seq, change in changes:  # before the session's lock: scopes come first
            self._erase_deltas(journal.session, seq, change)
        with journal.lock.exclusive():
            wanted = {*doing.seqs}
            changed = rewriting.rewrite(journal, lambda line: _erased(line, wanted))
            self._forbid(journal, min(wanted), journal.head().seq)
            self._forbid(journal, min(wanted), self._tell(journal, doing))
        for fork in descendants(self._logs, journal.session, min(wanted)):
            self._tell_fork(self._logs.any(fork), journal.session, doing)
        self._drop_blobs(doing.blobs)
        with journal.lock.exclusive():
            now = read_erased(journal.directory)
            if now.doing == doing:
                write_erased(journal.directory, now._replace(doing=None))
        return changed

    def _intend(
        self, journal: Journal, seqs: Collection[int], note: dict[str, Any]
    ) -> tuple[Doing | None, list[tuple[int, Mapping[str, Mapping[str, Any]]]]]:
        """Write down what is to be done, with what an earlier one left; return it, and what the events changed in scopes."""
        with journal.lock.exclusive():
            mark = read_erased(journal.directory)
            before = mark.doing
            wanted = {*seqs, *(before.seqs if before else ())}
            lines = [(seq, line) for seq, line in self._lines(journal, wanted) if not decode_line(line).erased]
            if not lines and before is None:
                return None, []
            doing = Doing(
                before.id if before else self._env.ids.uuid7(),
                tuple(sorted({*(seq for seq, _ in lines), *(before.seqs if before else ())})),
                tuple(sorted({*self._blobs_of(line for _, line in lines), *(before.blobs if before else ())})),
                note or (before.note if before else {}),
            )
            gone = united([*mark.seqs, *ranges(doing.seqs)])
            write_erased(journal.directory, mark._replace(doing=doing, seqs=tuple(gone)))
            self._env.rolled(journal.session)  # upkeep goes on with it, should this be the last that is heard of us
        return doing, [(event.seq, event.scopes) for event in (decode_line(line) for _, line in lines) if event.scopes]

    def _forbid(self, journal: Journal, first: int, until: int) -> None:
        """Let no snapshot from *first* to *until* be believed, or be put. The log's lock must be held."""
        mark = read_erased(journal.directory)
        write_erased(journal.directory, mark._replace(first=min(first, mark.first or first), until=max(until, mark.until)))
        snapshots.drop(journal.directory)

    def _lines(self, journal: Journal, seqs: Collection[int]) -> Iterator[tuple[int, bytes]]:
        wanted = {*seqs}
        for line in own_lines(journal) if wanted else ():
            seq = segments.seq_of(line)
            if seq in wanted:
                with suppress(BadLine):
                    erase_line(line)
                    yield seq, line

    def _tell(self, journal: Journal, doing: Doing, more: Mapping[str, Any] | None = None) -> int:
        """Append the event that tells of it, once; return the number of the event before it."""
        body = {**doing.note, "seqs": [list(one) for one in ranges(doing.seqs)], **(more or {})}
        try:
            with journal.exclusive():
                request = self._env.request([Draft(KIND, body, key=f"erased:{doing.id}")])
                journal.commit([request])
                return request.result().entries[0].seq - 1
        except GoneError:  # nobody reads it but its forks
            return journal.head().seq

    def _tell_fork(self, journal: Journal, parent: str, doing: Doing) -> None:
        """Let a fork know that something of what it shares was erased."""
        first = min(doing.seqs)
        with journal.lock.exclusive():
            self._forbid(journal, first, journal.head().seq)
            self._forbid(journal, first, self._tell(journal, doing, {"session": parent}))

    # --- large values

    def _blobs_of(self, lines: Iterable[bytes]) -> set[str]:
        return {name for line in lines for name in all_refs(line, self._env.blobs)}

    def _drop_blobs(self, names: Collection[str]) -> None:
        """Unlink those large values to which no line refers; who is about to refer to one waits."""
        if not names:
            return
        left = {*names}
        with self._env.blobs.alone():
            for journal in all_logs(self._store, self._logs, self._scopes):
                for line in own_lines(journal):
                    if b'"$blob"' in line:
                        left -= all_refs(line, self._env.blobs)
            for name in left:
                self._env.blobs.drop(name)

    # --- shared state

    def _erase_deltas(self, session: str, seq: int, changes: Mapping[str, Mapping[str, Any]]) -> None:
        """Erase what an event changed in shared state, with all that its append changed there."""
        for name, change in changes.items():
            log = self._scopes.log(name)
            if log is not None:
                events = list(log.read(0, None, on_damage=lambda _: None))
                never = _never(events)
                own = (event for event in events if event.body.get("session") == session)
                found = {event.seq for event in own if _is_of(event.body, seq, change, happened=event.seq not in never)}
                self._erase_scope(log, found)

    def _erase_scope(self, log: Journal, seqs: set[int]) -> int:
        if not seqs:
            return 0
        with log.lock.exclusive():
            self._scopes.pass_by(log)  # what is in doubt is settled before the answer goes
            wanted = {*seqs}
            events = list(log.read(0, None, on_damage=lambda _: None))
            never = _never(events)
            for seq in sorted(never, reverse=True):  # an erased change says that the one before counts: what does not goes too
                if seq + 1 in wanted:
                    wanted.add(seq)
            mark = read_erased(log.directory)
            counts = dict(mark.counts) | {
                event.seq: 0 if event.seq in never else len(event.body["delta"])
                for event in events
                if event.seq in wanted and not event.erased
            }
            kept = tuple(sorted((seq, count) for seq, count in counts.items() if count != 1))
            write_erased(log.directory, mark._replace(seqs=tuple(united([*mark.seqs, *ranges(wanted)])), counts=kept))
            blobs = self._blobs_of(line for _, line in self._lines(log, wanted))
            changed = rewriting.rewrite(log, lambda line: _erased(line, wanted))
            self._scopes.pass_by(log)
            self._forbid(log, min(wanted), log.head().seq - 1)
        self._drop_blobs(blobs)
        return changed


def _never(events: Iterable[Event]) -> set[int]:
    """Return which changes of a scope never happened, as the ones behind them tell."""
    return {event.seq - 1 for event in events if event.body.get("prior") == "void"}


def _is_of(body: Body, seq: int, change: Mapping[str, Any], *, happened: bool) -> bool:
    """Return whether a delta is of the append that event *seq* is of.

    One that never *happened* may be of another try of it, under other numbers; one of before 2026-11-21 does not say where its
    append ended: of these it is each that has the same *change*.
    """
    if happened and "last" in body:
        return int(body["seq"]) <= seq <= int(body["last"])
    return dict(change) in body.get("delta", ())


def own_lines(journal: Journal) -> Iterator[bytes]:
    """Yield the lines of a log's own that can be read, whatever is wrong with them."""
    for path in rewriting.segment_files(journal.directory / "log"):
        for part in rewriting.parts(path, journal.env.cipher):
            yield from filter(None, part.lines)


def all_logs(store: Path, logs: Logs, scopes: Scopes) -> Iterator[Journal]:
    """Yield all logs of a store that hold lines: of sessions, deleted ones that forks need too, and of shared state."""
    for directory in sorted((store / "sessions").iterdir()):
        if (directory / "log").is_dir():
            with suppress(SegueError):
                yield logs.any(directory.name)
    for where in scopes.directories():
        with suppress(SegueError):
            yield scopes.open(where)


def all_refs(line: bytes, blobs: Blobs) -> set[str]:
    """Return the names of the large values that a line refers to, and of those to which these do."""
    found: set[str] = set()
    waiting = [*blob_refs(line).items()]
    while waiting:
        name, is_json = waiting.pop()
        if name not in found:
            found.add(name)
            if is_json:
                with suppress(SegueError, OSError):
                    waiting += blob_refs(blobs.get(name)).items()
    return found


def descendants(logs: Logs, parent: str, seq: int) -> list[str]:
    """Return the sessions that share event *seq* or a later one of *parent*."""
    children: dict[str, list[tuple[str, int]]] = {}
    for directory in sorted(logs.directory.iterdir()):  # a deleted one may have forks
        with suppress(DamagedError, NotADirectoryError):
            point = read_fork(directory)
            if point is not None:
                children.setdefault(point.session, []).append((directory.name, point.seq))
    found: list[str] = []
    waiting = [parent]
    while waiting:
        for child, at in children.get(waiting.pop(), ()):
            if at >= seq:
                found.append(child)
                waiting.append(child)
    return [child for child in found if not is_deleted(logs.directory / child)]


def ranges(seqs: Iterable[int]) -> list[Range]:
    """Return numbers as ranges."""
    return united((seq, seq) for seq in seqs)


def _erased(line: bytes, seqs: Collection[int]) -> bytes:
    if segments.seq_of(line) in seqs:
        with suppress(BadLine):
            return erase_line(line)
    return line
