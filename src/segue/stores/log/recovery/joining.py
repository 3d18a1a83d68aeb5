"""One log put together from its copies, and written into its place where that is not what the store has."""

import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from segue.core.errors import DamagedError, SegueError
from segue.core.log.codec import decode_line
from segue.core.log.events import Event, Head
from segue.core.log.ids import uuid7, uuid7_ms
from segue.core.log.rejoining import Branch, Node, Range, united
from segue.ports import Clock, Finding, Ids
from segue.ports.recovery import Repaired, Split
from segue.stores.log import files
from segue.stores.log.kinds import SCOPE
from segue.stores.log.marks import (
    NOTHING_ERASED,
    Erased,
    Lost,
    is_given_up,
    mark_deleted,
    read_erased,
    read_fork,
    read_lost,
    write_erased,
    write_fork,
    write_lost,
)
from segue.stores.log.recovery.around import Around
from segue.stores.log.recovery.gathering import Gathered, gather, scope_name
from segue.stores.log.recovery.lines import Lines
from segue.stores.log.recovery.rebuilding import loss_line, stamp_of, told, write
from segue.stores.log.recovery.values import name_of
from segue.stores.log.swapping import lock_of, swap

Stamp = tuple[tuple[str, int], ...]
_WORDS: Final = 3
_WHY: Final = {"behind": "a copy of it goes on behind its end", "split": "a copy of it went on separately"}


class Moved(Exception):  # noqa: N818  (no error: it is looked at again)
    """Somebody appended to the log while its copies were looked at."""


class Means(NamedTuple):
    """What a log is put together with."""

    store: Path
    around: Around
    clock: Clock
    ids: Ids
    dry_run: bool


class Joined(NamedTuple):
    """What became of a log, and what else is to be told."""

    repaired: Repaired | None
    """None where nothing was wrong with it."""
    before: int
    """How many intact events the store had."""
    splits: Sequence[Split]
    others: Sequence[str]


class Joining:
    """Puts one log together."""

    def __init__(self, means: Means, name: str) -> None:
        """Name the log."""
        self._means, self._name = means, name
        self._directory, self._cipher = means.store / name, means.around.cipher
        self._erased = NOTHING_ERASED

    def run(
        self,
        bad: Sequence[Finding],
        copies: Sequence[tuple[str, Path]],
        known_end: Callable[[int], int],
        let_go: Callable[[], None],
    ) -> Joined:
        """Join the log's *copies* (a source's place and a directory, the store's own first).

        Args:
            bad: what is wrong with the store's own.
            copies: where its lines are.
            known_end: gives the last number that anything tells of, no less than a given one.
            let_go: is called before others may see another log in its place.

        Raises Moved.
        """
        stamp = stamp_of(self._directory)
        self._erased = _erased(directory for _, directory in copies)
        found = gather(self._name, self._means.around.owner(self._name), copies, self._means.around, self._cipher)
        live, main, lost = found.copies[0], found.joined.main.nodes, read_lost(self._directory)
        others: list[str] = []
        splits = [one for one in (self._split(branch, found, others) for branch in found.joined.branches) if one is not None]
        missing = _missing(found, known_end(found.base.seq))
        same = bool(main) and [n.digest for n in main] == [n.digest for n in live.nodes] and not live.damaged
        if same and set(missing) <= set(lost.events) and not bad and not splits:
            return Joined(None, len(live.nodes), (), others)
        if not main and is_given_up(self._directory):
            return Joined(None, 0, (), others)
        aside = ""
        if not self._means.dry_run:
            if main or found.fork is not None:  # a fork still has what it shares
                aside = self._rebuild(found, missing, lost, stamp, same=same)
            else:
                aside = self._nothing_left()
            let_go()
        repaired = Repaired(
            session=self._directory.name,
            was="missing" if not live.nodes else "damaged" if bad else "split" if splits else "behind",
            before=len(live.nodes),
            after=len(main),
            sources=_sources(found),
            lost=tuple(missing),
            blobs=tuple(sorted({name_of(one) for one in bad} - {""})),
            aside=aside,
            why="; ".join(dict.fromkeys(one.reason for one in bad[:_WORDS])),
        )
        repaired = repaired._replace(why=repaired.why or _WHY.get(repaired.was, ""))
        return Joined(repaired, len(live.nodes), splits, others)

    def _rebuild(self, found: Gathered, missing: Sequence[Range], known: Lost, stamp: Stamp, *, same: bool) -> str:
        """Write the log and put it in its place; return where the old one is kept."""
        new = [one for one in missing if not known.has(*one)]
        nodes: Sequence[Node] = found.joined.main.nodes
        head = Head(nodes[-1].seq, nodes[-1].digest) if nodes else found.base
        partial = bool(nodes) and found.where[head.digest].more > 0
        if same and not new and not partial:
            self._beside(found)
            write_lost(self._directory, Lost(tuple(missing)))
            return ""
        is_session = self._name.startswith("sessions/")
        for part in (self._directory, *([self._directory / "forks"] if is_session else [])):
            files.make_dir(part)
        last_seq = max([head.seq, *(high for _, high in missing)]) + 1
        reason = told(new) if new else "the end of a write is in no copy"
        tells = is_session and (new or partial)
        last = loss_line(head, last_seq, reason, self._means.clock, self._means.ids) if tells else b""
        lock = lock_of(self._directory)
        made = self._means.store / "incoming" / f"{self._directory.name}.{os.getpid()}.{os.urandom(4).hex()}"
        try:
            with lock.exclusive():
                self._check_unmoved(stamp)
                write(made, nodes, found.where, last, last_seq, self._cipher, self._erased.has)
                self._beside(found)
                kept = swap(self._directory, made)
                write_lost(self._directory, Lost(tuple(missing)))  # not before the log itself tells of it
                lock.bump()
                lock.bump()
        except BaseException:
            shutil.rmtree(made, ignore_errors=True)
            raise
        finally:
            lock.close()
        files.sync_dir(self._directory.parent)
        return str(kept or "")

    def _check_unmoved(self, stamp: Stamp) -> None:
        if stamp_of(self._directory) != stamp:
            raise Moved

    def _beside(self, found: Gathered) -> None:
        """Write what stands beside a log: its fork header, a scope's name, what is erased."""
        fork = found.fork
        with suppress(DamagedError):
            if self._erased.seqs and not read_erased(self._directory).seqs:
                write_erased(self._directory, self._erased)
        try:
            fork = None if read_fork(self._directory) == fork else fork
        except DamagedError:
            if fork is None:  # nothing tells what it followed
                files.make_dir(self._directory / "aside")
                (self._directory / "fork.json").rename(self._directory / "aside" / f"fork.json-{os.urandom(4).hex()}")
        if fork is not None:
            write_fork(self._directory, fork)
        if self._name.startswith("scopes/") and not scope_name([self._directory], self._cipher):
            name = self._means.around.owner(self._name).removeprefix("scope:")
            self._cipher.write(self._directory / "name", name.encode(), SCOPE)

    def _nothing_left(self) -> str:
        """Take a log away of which no copy has an intact event; what is there of it is kept."""
        directory, aside = self._directory, self._means.store / "aside"
        files.make_dir(aside)
        kept = aside / f"{directory.name}-{os.urandom(4).hex()}" if directory.exists() else None
        if kept is not None:
            directory.rename(kept)
        if directory.parent.name == "sessions":
            for part in (directory, directory / "log"):  # its forks look here for what they share
                files.make_dir(part)
            lock_of(directory).close()
            write_lost(directory, Lost(((1, max([1, *self._means.around.fork_points(directory.name)])),)))
            mark_deleted(directory)  # its id is not used again
        return str(kept or "")

    def _split(self, branch: Branch, found: Gathered, others: list[str]) -> Split | None:
        """Return what went on separately, unless it is kept as a fork already. Scopes have no forks: theirs is told of."""
        if self._name.startswith("scopes/"):
            others.append(f"shared state {self._name} went on separately in a copy: the longer one counts")
            return None
        lines = Lines(self._cipher)
        events = [_decoded(lines.get(found.where[node.digest]), self._means.around.blob) for node in branch.line.nodes]
        digest = bytes.fromhex(branch.line.nodes[-1].digest)
        fork = uuid7(uuid7_ms(events[0].id), digest[:10])
        if (self._means.store / "sessions" / fork).exists():
            return None
        return Split(self._directory.name, branch.after, events, fork)


def _erased(directories: Iterable[Path]) -> Erased:
    """Return what any copy knows of erasures."""
    found = NOTHING_ERASED
    for directory in directories:
        with suppress(DamagedError, OSError):
            one = read_erased(directory)
            seqs = tuple(united([*found.seqs, *one.seqs]))
            counts = tuple(sorted({*found.counts, *one.counts}))
            found = Erased(min(one.first, found.first or one.first), max(one.until, found.until), None, seqs, counts)
    return found


def _missing(found: Gathered, end: int) -> list[Range]:
    """Return the numbers that no copy has, up to the last one that anything tells of."""
    main = found.joined.main
    if not main.nodes:
        return [(found.base.seq + 1, max(end, found.base.seq + 1))]
    last = main.nodes[-1].seq
    return united([*main.lost, *([(last + 1, end)] if end > last else [])])


def _sources(found: Gathered) -> tuple[str, ...]:
    """Return the places of the copies that have what the store has not."""
    own = found.copies[0].where.keys()
    return tuple(dict.fromkeys(copy.source for copy in found.copies[1:] if copy.where.keys() - own))


def _decoded(line: bytes, load_blob: Callable[[str], bytes]) -> Event:
    try:
        return decode_line(line, load_blob)
    except SegueError:
        return decode_line(line)
