"""Reads opencode's sessions: from its database, from exports, and from the file tree of versions before 1.2.

A session in a database has the path `<database>#<id>`. Sessions of subagents belong to the one that began them.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, Final

from segue.ports import Batch, Noted
from segue.transcripts._lines import read_head
from segue.transcripts.opencode import files
from segue.transcripts.opencode.records import AGENT, VERSION

if TYPE_CHECKING:
    from segue.transcripts.opencode.database import Database

_SESSION = re.compile(r"ses_[^#/\s\0]{1,200}\Z")
_HEAD: Final = 64 * 1024
_MAGIC: Final = b"SQLite format 3\0"
_DATABASE = re.compile(r"opencode[\w.-]*\.db\Z")


class OpenCode:
    """Reads opencode's sessions. See `ports.TranscriptReader`."""

    agent = AGENT
    version = VERSION

    def __init__(self) -> None:
        self._stamps: dict[str, tuple[str, dict[str, int]]] = {}

    def sniff(self, path: str, head: bytes) -> bool:
        """See `TranscriptReader.sniff`: a database is known by its name or its tables."""
        if not head.startswith(_MAGIC):
            return files.is_export(head) or files.is_tree(path, head)
        if _DATABASE.search(PurePath(path).name):
            return True
        try:
            with closing(_open(path)) as db:
                return db.is_ours()
        except OSError:
            return False

    def identify(self, path: str, head: bytes) -> str:
        """See `TranscriptReader.identify`."""
        database, _, session = path.rpartition("#")
        if not _SESSION.match(session) or not database:
            return path if head.startswith(_MAGIC) else files.identify(path, head)
        with closing(_open(database)) as db:
            return _root(session, dict(db.sessions()))

    def sessions(self, path: str) -> list[tuple[str, str]]:
        """See `ports.ManySessions.sessions`."""
        head = read_head(path, _HEAD)
        if not head.startswith(_MAGIC):
            return [(path, files.identify(path, head))]
        with closing(_open(path)) as db:
            begun = dict(db.sessions())
            found = [(f"{path}#{session}", _root(session, begun)) for session in begun if _SESSION.match(session)]
            if not found and (begun or db.flaws):
                return [(path, path)]  # what is wrong with it is told where it is read
        return found

    def stamp(self, path: str) -> str:
        """See `ports.ManySessions.stamp`: by opencode's count of the session's events; it counts none for what was imported."""
        database, _, session = path.rpartition("#")
        files = " ".join(_stat(f"{database}{suffix}") for suffix in ("", "-wal"))
        known = self._stamps.get(database)
        if known is None or known[0] != files:
            try:
                with closing(_open(database)) as db:
                    known = files, db.sequence()
            except OSError:
                return ""
            self._stamps[database] = known
        count = known[1].get(session)
        return files if count is None else str(count)

    def size(self, path: str) -> int:
        """See `ports.ManySessions.size`."""
        database, _, session = path.rpartition("#")
        with closing(_open(database)) as db:
            return db.weight(session)

    def read(
        self, path: str, foreign_id: str, position: Mapping[str, Any] | None = None, *, trusted: bool = False
    ) -> Iterator[Batch]:
        """See `TranscriptReader.read`. A position stands behind all that was read; what was broken off is read again."""
        del trusted
        file, _, session = path.rpartition("#")
        if not file or not _SESSION.match(session):
            head = read_head(path, _HEAD)
            if head.startswith(_MAGIC):
                yield from self._all(path)
            else:
                found = files.Files(path, foreign_id)
                yield from found.tree() if files.is_tree(path, head) else found.export()
            return
        from segue.transcripts.opencode.rows import Reading

        with closing(_open(file)) as db:
            yield from Reading(db, session, foreign_id, position or {}).batches()

    def _all(self, path: str) -> Iterator[Batch]:
        """Yield what is in a whole database, each time from its beginning."""
        for address, root in self.sessions(path):
            if address != path:
                yield from (batch._replace(position=None) for batch in self.read(address, root))
                continue
            with closing(_open(path)) as db:
                named = [f"a session's id that is none: {session[:80]!r}" for session, _ in db.sessions()]
                reasons = [f.reason for f in db.flaws] + named
                yield Batch(path, (), None, {}, noted=tuple(Noted(path, reason) for reason in reasons[:1]))


def _root(session: str, begun: Mapping[str, str | None]) -> str:
    """Return the session that began the one that began ... *session*."""
    seen = {session}
    while (parent := begun.get(session)) and parent not in seen:
        seen.add(parent)
        session = parent
    return session


def _open(path: str) -> "Database":
    """Open a database; its driver is not loaded before."""
    from segue.transcripts.opencode.database import Database

    return Database(path)


def _stat(path: str) -> str:
    try:
        found = Path(path).stat()
    except (OSError, ValueError):
        return "-"
    return f"{found.st_ino}:{found.st_size}:{found.st_mtime_ns}"
