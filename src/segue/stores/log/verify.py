"""Looks at every byte of a store and changes nothing."""

import os
from collections.abc import Iterator
from pathlib import Path

from segue.core.errors import DamagedError, NotFoundError, SegueError
from segue.core.log.codec import blob_refs
from segue.core.log.events import Damage, Head
from segue.core.log.ids import is_uuid
from segue.ports import Finding
from segue.stores.log import files, numbers, place, sealing, segments, snapshots
from segue.stores.log.blobs import Blobs
from segue.stores.log.cipher import Cipher
from segue.stores.log.journal import Journal
from segue.stores.log.keytable import KeyTable
from segue.stores.log.logs import Logs
from segue.stores.log.marks import Lost, is_deleted, read_lost
from segue.stores.log.reading import Source, read_events
from segue.stores.log.scopes import Scopes
from segue.stores.log.segments import View
from segue.stores.log.swapping import NEXT

_KNOWN = {"lock", "log", NEXT, "fork.json", "lost.json", "erased.json", "aside", "keys", "snapshots", "lease.json", "forks"}
_KNOWN |= {"deleted", "name"}


def store(path: Path, logs: Logs, scopes: Scopes) -> Iterator[Finding]:
    """Yield what is found in a whole store."""
    used: set[str] = set()
    names = sorted(os.listdir(logs.directory))
    yield from _never_begun(path, names)
    for name in names:
        directory = logs.directory / name
        if not is_uuid(name):
            yield Finding("orphan", None, f"sessions/{name}", "not a session")
            continue
        if not _is_gone(directory):
            found = _of(logs, name, used)
            yield from () if _is_gone(directory) else found  # one that is deleted while it is looked at is not damaged
    for where in scopes.directories():
        try:
            yield from log(scopes.open(where), used)
        except SegueError as e:
            yield Finding("damage", None, f"scopes/{where.name}", e.message)
    yield from _beside(path, logs.env.blobs, used)


def _of(logs: Logs, name: str, used: set[str]) -> list[Finding]:
    try:
        return list(log(logs.any(name), used))
    except SegueError as e:
        return [Finding("damage", name, f"sessions/{name}", e.message)]
    except FileNotFoundError as e:  # a file that was listed: the whole log, where it was deleted
        return [Finding("gap", name, f"sessions/{name}", f"{Path(str(e.filename)).name} went while it was looked at")]


def log(journal: Journal, used: set[str] | None = None, since: Head | None = None) -> Iterator[Finding]:
    """Yield what is found in one log, behind the event *since* where one is given, and in the blobs that it refers to."""
    used = set() if used is None else used
    damages: list[Damage] = []
    refs: dict[str, tuple[int, bool]] = {}
    view, base, lost = journal.view(), since or journal.base, read_lost(journal.directory)
    for _ in read_events(Source(journal.session, view, base, lost), base.seq, None, on_damage=damages.append):
        pass
    for damage in damages:
        yield Finding("gap" if "missing" in damage.reason else "damage", journal.session, damage.where, damage.reason, damage.seq)
    first = journal.base.seq + 1
    if view.head.seq < first and not journal.session.startswith("scope:") and not lost.has(first, first):
        yield Finding(
            "gap", journal.session, "the log", "it holds no event, not even the one that it began with", journal.base.seq + 1
        )
    told = {damage.where for damage in damages}
    segment, before = "", 0
    for block in segments.blocks(view._replace(head=Head(1 << 60, "")), base.seq + 1):
        name = block.where.partition(" ")[0]
        segment, before = name, before if name == segment else 0
        for i, line in enumerate(block.lines):
            seq, where = segments.seq_of(line) or 0, f"{block.where} line {i + 1}"
            if 0 < seq <= before and where not in told:
                yield Finding("damage", journal.session, where, f"event {seq} is there twice", seq)
            before = max(seq, before)
            for blob, is_json in blob_refs(line).items():
                refs.setdefault(blob, (seq, is_json))
    yield from _known_lost(journal.session, lost)
    used |= lost.blobs
    yield from _blobs(journal, refs, used)
    yield from _files(journal, view)
    yield from _lost_end(journal)
    yield from _fork_point(journal)


def _known_lost(session: str, lost: Lost) -> Iterator[Finding]:
    for first, last in lost.events:
        what = f"event {first} is" if first == last else f"events {first} to {last} are"
        yield Finding("aside", session, "lost.json", f"{what} lost: no copy had them when the log was repaired", first)
    for name in sorted(lost.blobs):
        yield Finding("aside", session, "lost.json", f"blob {name} is lost: no copy had it when the log was repaired")


def _blobs(journal: Journal, refs: dict[str, tuple[int, bool]], used: set[str]) -> Iterator[Finding]:
    """Look at the blobs that events refer to, and those that these refer to."""
    waiting = sorted(((name, *ref) for name, ref in refs.items()), key=lambda item: item[1], reverse=True)
    while waiting:
        name, seq, is_json = waiting.pop()
        if name in used:
            continue
        used.add(name)
        try:
            data = journal.env.blobs.get(name)
        except (NotFoundError, DamagedError) as e:
            yield Finding("damage", journal.session, f"blobs/{name[:2]}/{name}.zst", e.message, seq)
            continue
        waiting += [(other, seq, more) for other, more in blob_refs(data).items()] if is_json else []


def _files(journal: Journal, view: View) -> Iterator[Finding]:
    directory = journal.directory
    for name in sorted(os.listdir(directory)):
        if name not in _KNOWN and not name.startswith((".", "keys-")):
            yield Finding("orphan", journal.session, name, "not a file of segue's")
    for name in sorted(os.listdir(directory / "log")):
        if not segments.is_segment(name) and not name.startswith("."):
            yield Finding("orphan", journal.session, f"log/{name}", "not a segment")
    for segment in view.segments:
        if segment.sealed and not _has_table(segment.path, journal.env.cipher):
            reason = "its seek table is damaged: its frames are looked for"
            yield Finding("stale", journal.session, f"log/{segment.path.name}", reason)
    for name in sorted(_names(directory / "aside")):
        kept = directory / "aside" / name
        what = f"{kept.stat().st_size} bytes that a crash cut short were set aside"
        yield Finding("aside", journal.session, f"aside/{name}", "the log before it was repaired" if kept.is_dir() else what)
    if view.end >= 0 and view.segments:
        size = files.size(view.segments[-1].path)  # nothing where it was sealed meanwhile
        if size > view.end:
            reason = f"{size - view.end} bytes at the end are no whole write"
            yield Finding("aside", journal.session, f"log/{view.segments[-1].path.name}", reason)


def _lost_end(journal: Journal) -> Iterator[Finding]:
    """Ask the caches how far the log once went: a log that was cut between two events looks sound by itself."""
    if is_deleted(journal.directory):  # what no fork needs of it went
        return
    keys = KeyTable(journal.directory, journal.env.cipher)
    keys.load(journal.base.seq + 1)
    known = max(keys.covered, snapshots.last(journal.directory))
    head = journal.head().seq  # after the caches were read: a log that grows meanwhile is no shorter than they say
    if known > head:
        reason = f"events {head + 1} to {known} were there: the log ends before them"
        yield Finding("gap", journal.session, "the end of the log", reason, head + 1)


def _fork_point(journal: Journal) -> Iterator[Finding]:
    if journal.fork is None or journal.parent is None:
        return
    event = journal.parent.event(journal.fork.seq)
    if event is None and read_lost(journal.parent.directory).has(journal.fork.seq, journal.fork.seq):
        return
    if event is None or event.digest != journal.fork.digest:
        reason = f"event {journal.fork.seq} of its parent {journal.fork.session} is not there as it was"
        yield Finding("damage", journal.session, "fork.json", reason, journal.fork.seq)


def _never_begun(path: Path, sessions: list[str]) -> Iterator[Finding]:
    """Ask who was given numbers: the directory of a session that was deleted stays."""
    missing = sorted(numbers.owners(path / "numbers") - {*sessions})
    if missing and not sessions:
        many = f"{len(missing)} sessions" if len(missing) > 1 else "a session"
        yield Finding("gap", None, "sessions", f"it is empty: {many} with a number cannot be found")
    for session in missing:
        reason = "it was given a number and is not there: it never began, or was removed by something else"
        yield Finding("orphan", session, f"sessions/{session}", reason)


def _beside(path: Path, blobs: Blobs, used: set[str]) -> Iterator[Finding]:
    if why := place.rebuilt(path):
        yield Finding("stale", None, "format.json", f"{why}, and was made anew")
    for name in sorted(os.listdir(path)):
        if not place.is_ours(name):
            yield Finding("orphan", None, name, "not a file of segue's")
    for name in blobs.unused(used):
        yield Finding("orphan", None, f"blobs/{name}", "no event refers to it")


def _is_gone(directory: Path) -> bool:
    """Return whether a log is deleted, and no fork may need what it holds."""
    return is_deleted(directory) and not ((directory / "log").exists() and bool(_names(directory / "forks")))


def _has_table(path: Path, cipher: Cipher) -> bool:
    try:
        fd = files.open_read(path)
    except FileNotFoundError:  # told of where its lines are missed
        return True
    try:
        return sealing.has_table(fd, cipher)
    finally:
        os.close(fd)


def _names(where: Path) -> list[str]:
    try:
        return os.listdir(where)
    except FileNotFoundError:
        return []
