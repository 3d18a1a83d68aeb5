"""What every agent of this machine has left behind: all of it imported, or only named.

A file that has not changed since it was last taken in is not opened. What was seen is remembered file by file, so an import
that was cut off goes on where it stopped; the positions in the log see to what happened within a file.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from segue.core.errors import NotFoundError
from segue.engine.capture.importing import Find, Import, Imported, Importer, take_into
from segue.engine.moving import CommitOf
from segue.ports import Clock, Found, Noted, Places, Store, Transcripts
from segue.ports.seen import Seen, Sighting


class Roots(NamedTuple):
    """Where one agent's transcripts are."""

    agent: str
    paths: tuple[str, ...]


class Waiting(NamedTuple):
    """A transcript, or several of one session, that is not in the log as it is now."""

    agent: str
    foreign_id: str
    path: str
    """The first of its files."""
    files: int
    bytes: int
    """Of all of them; of a session in a file of many, those of its records."""
    modified: float
    """The latest of them, in seconds since 1970."""
    state: str
    """`new`: no session has it; `changed`: there is more of it than its session has."""
    session: str
    """Our own id of that session, or empty."""

    def to_json(self) -> dict[str, Any]:
        """Return the row as `--json` prints it."""
        return self._asdict()


def roots(places: Places, transcripts: Transcripts, workspaces: Iterable[str], agent: str | None = None) -> list[Roots]:
    """Return where the transcripts are that can be read, of all agents or of one, those kept in *workspaces* included."""
    directories = list(dict.fromkeys(workspaces))
    found = []
    for place in places.all():
        if place.agent in transcripts.agents and agent in {None, place.agent}:
            beside = (f"{directory.rstrip('/')}/{name}" for directory in directories for name in place.in_project)
            paths = [*places.roots(place), *(path for path in beside if transcripts.stamp(path))]
            if paths:
                found.append(Roots(place.agent, tuple(dict.fromkeys(paths))))
    return found


def import_all(
    store: Store,
    transcripts: Transcripts,
    where: Sequence[Roots],
    seen: Seen,
    *,
    clock: Clock,
    find: Find | None = None,
    commit_of: CommitOf | None = None,
    tell: Callable[[Found], None] = lambda _: None,
) -> tuple[Import, int]:
    """Import what is new or has changed below *where*; return what became of it, and how many files were unchanged.

    *tell* is called with each file that is opened. See `import_paths` for what an import promises.

    Raises:
        StorageFullError, OutcomeUnknownError, ...: the store cannot take more.
    """
    importer = Importer(store, clock=clock, find=find, commit_of=commit_of)
    unchanged = _Unchanged(store, transcripts, seen)
    sessions: dict[str, Imported] = {}
    losses: list[Noted] = []
    for root in where:
        for file, stamp in _changed(transcripts, root, unchanged):
            tell(file)
            if file.reader is None:
                if file.stranger:
                    seen.put(file.path, Sighting(stamp))
                else:
                    losses.append(Noted(file.path, file.reason))
                continue
            losses += take_into(sessions, importer, file, stamp, seen)
    return Import(importer.finished(sessions.values()), tuple(losses)), unchanged.count


def find_all(
    store: Store, transcripts: Transcripts, where: Sequence[Roots], seen: Seen, *, clock: Clock, find: Find | None = None
) -> list[Waiting]:
    """Return what lies below *where* and is not in the log, latest first. Nothing is imported; of new files the head is read.

    Whether a session in a file of many has changed is known only by what was *seen* of it.
    """
    importer = Importer(store, clock=clock, find=find)
    unchanged = _Unchanged(store, transcripts, seen)
    found: dict[tuple[str, str], Waiting] = {}
    for root in where:
        for file, _ in _changed(transcripts, root, unchanged):
            if file.reader is None:
                continue
            session = importer.session_of(file)
            if session and file.shared and not seen.get(file.path):
                continue
            size, modified = transcripts.size(file.path)
            if session and not file.shared and importer.read_to(session, file) == size:
                continue
            one = Waiting(file.reader.agent, file.foreign_id, file.path, 1, size, modified, "new", "")
            one = one._replace(state="changed", session=session) if session else one
            before = found.get((one.agent, one.foreign_id))
            found[one.agent, one.foreign_id] = _joined(before, one) if before else one
    return sorted(found.values(), key=lambda w: (-w.modified, w.path))


class _Unchanged:
    """The files that are as they were when they were last taken in: what `Transcripts.find` leaves out."""

    def __init__(self, store: Store, transcripts: Transcripts, seen: Seen) -> None:
        self._store, self._transcripts, self._seen = store, transcripts, seen
        self.count = 0

    def __contains__(self, path: object) -> bool:
        sighting = self._seen.get(path) if isinstance(path, str) else None
        if sighting is None or sighting.stamp != self._transcripts.stamp(str(path)) or not self._is_there(sighting.session):
            return False
        self.count += 1
        return True

    def _is_there(self, session: str) -> bool:
        """Return whether the session still is, in a store that may have been emptied."""
        if not session:
            return True
        try:
            self._store.stamp(session)
        except NotFoundError:
            return False
        return True


def _changed(transcripts: Transcripts, root: Roots, unchanged: _Unchanged) -> Iterator[tuple[Found, str]]:
    """Yield each file with its stamp as it was before anything of it is read on."""
    for file in transcripts.find(root.paths, root.agent, known=unchanged, others=True):
        yield file, transcripts.stamp(file.path)


def _joined(a: Waiting, b: Waiting) -> Waiting:
    return a._replace(files=a.files + 1, bytes=a.bytes + b.bytes, modified=max(a.modified, b.modified))
