"""Agents' transcripts come into the log: once, as they are, and from where the last import stopped.

What makes an import repeatable: each record's event has a key made of the agent, the session, the record's id and its
content, so a record that is known adds nothing, whoever else imports at the same time. How far a file was read stands in
the log as well (`import.advanced`), so only what is new is read.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Any, Final, NamedTuple

from segue.core.errors import DamagedError, ExistsError, InvalidEventError, NotFoundError
from segue.core.log.events import Draft
from segue.engine.capture.carrying import link_of
from segue.engine.capture.gathering import Gathered
from segue.engine.capture.handed import is_handed, without_handed
from segue.engine.capture.limits import save_at_limit
from segue.engine.capture.opening import news, opening
from segue.engine.capture.positions import Positions, advances
from segue.engine.foreign import Foreign, begin, latest, place
from segue.engine.moving import CommitOf, note, remember
from segue.ports import Batch, Clock, Found, Noted, Sealing, Store, Transcripts
from segue.ports.redaction import Redacts
from segue.ports.seen import Seen, Sighting

Find = Callable[[str, str], str | None]
"""Which session is this, of that agent, under the agent's own id? None: not one that is known."""

_ADVANCE_EVERY: Final = 20


class Imported(NamedTuple):
    """What an import made of one session."""

    id: str
    foreign_id: str
    agent: str
    events: int
    """Events of the session now."""
    new_events: int
    losses: tuple[Noted, ...]
    """What could not be read, as far as this import met it."""
    redacted: tuple[tuple[str, int], ...] = ()
    """How many secrets of each kind were taken out of what is new."""

    def to_json(self) -> dict[str, Any]:
        """Return the shape that `--json` prints."""
        shape = {**self._asdict(), "losses": [n._asdict() for n in self.losses], "redacted": dict(self.redacted)}
        return shape if self.redacted else {name: value for name, value in shape.items() if name != "redacted"}

    def added_to(self, before: "Imported | None") -> "Imported":
        """Return this together with what became of the session before, in the same import."""
        if before is None:
            return self
        return self._replace(
            new_events=before.new_events + self.new_events,
            losses=before.losses + self.losses,
            redacted=tuple((Counter(dict(before.redacted)) + Counter(dict(self.redacted))).items()),
        )


class Import(NamedTuple):
    """What an import made of all that it was given."""

    sessions: tuple[Imported, ...]
    losses: tuple[Noted, ...]
    """Files that belong to no session: not a transcript, empty, not readable."""

    def to_json(self) -> dict[str, Any]:
        """Return the shape that `--json` prints."""
        return {"sessions": [s.to_json() for s in self.sessions], "losses": [n._asdict() for n in self.losses]}


def import_paths(
    store: Store,
    transcripts: Transcripts,
    paths: Iterable[str],
    *,
    clock: Clock,
    agent: str | None = None,
    commit_of: CommitOf | None = None,
    seen: Seen | None = None,
    tell: Callable[[Found], None] = lambda _: None,
) -> Import:
    """Import the transcripts that *paths* name or hold into *store*, and return what became of each session.

    Repeatable: a second import adds nothing. Several processes may import the same files at once. One file that cannot be
    read, or is not there, never hides another. What was appended stays, also when the import is broken off; the next one
    goes on there.

    Args:
        store: where they go.
        transcripts: who finds and reads them.
        paths: files and directories.
        clock: the time of a session that does not tell when it began.
        agent: whose they are, whatever they look like.
        commit_of: at which commit a workspace is; noted once in each session, so that a moved project is found.
        seen: is told of every file that was taken in.
        tell: is called with each file before it is read.

    Raises:
        UsageError: there is no reader for *agent*.
        StorageFullError, OutcomeUnknownError, ...: the store cannot take more.
    """
    importer = Importer(store, clock=clock, commit_of=commit_of)
    found: dict[str, Imported] = {}
    losses: list[Noted] = []
    for file in transcripts.find(paths, agent):
        tell(file)
        losses += take_into(found, importer, file, transcripts.stamp(file.path), seen)
    return Import(importer.finished(found.values()), tuple(losses))


def take_into(found: dict[str, Imported], importer: "Importer", file: Found, stamp: str, seen: Seen | None) -> list[Noted]:
    """Import one file, add what became of its sessions to *found*, and return what belongs to none.

    *seen* is told what became of the file as it was at *stamp*, unless it could not be read.
    """
    taken = ""
    try:
        for one in importer.take(file):
            taken = taken or one.id
            found[one.id] = one.added_to(found.get(one.id))
    except OSError as e:
        return [Noted(file.path, f"cannot be read: {e.strerror or e}")]
    finally:
        importer.forget(file)
    if seen is not None and file.reader is not None:
        seen.put(file.path, Sighting(stamp, file.reader.agent, file.foreign_id, taken))
    return importer.homeless()


class Importer:
    """Takes files into a store, one after another."""

    def __init__(self, store: Store, *, clock: Clock, find: Find | None = None, commit_of: CommitOf | None = None) -> None:
        """Ask *find* for the sessions that the store has; without it their first events are read, once."""
        self._store = store
        self._clock = clock
        self._commit_of = cache(commit_of) if commit_of else None
        self._begun: set[str] = set()
        self._noted: set[str] = set()
        """The sessions that were begun with the commit of their workspace, where it has one."""
        self._known: dict[tuple[str, str], str] = {}
        self._roots: dict[tuple[str, str], str] = {}
        self._scanned = False
        self._find = find or self._scan
        self._positions = Positions(store)
        self._homeless: list[Noted] = []

    def homeless(self) -> list[Noted]:
        """Return what was noted since the last call and belongs to no session."""
        noted, self._homeless = self._homeless, []
        return noted

    def take(self, file: Found, *, trusted: bool = False) -> Iterator[Imported]:
        """Import one file, and yield what became of each session in it.

        Raises:
            OSError: it cannot be opened or read; what was read of it before is in the log.
        """
        reader = file.reader
        if reader is None:
            self._homeless.append(Noted(file.path, file.reason))
            return
        session = self._session(reader.agent, file.foreign_id)
        position = self._positions.of(session, file) if session else None
        gathered: dict[str, Gathered] = {}
        pending: Batch | None = None
        count = 0
        try:
            for batch in reader.read(file.path, file.foreign_id, position, trusted=trusted):
                one = self._gather(gathered, file, batch)
                if one is not None and batch.position is not None:
                    pending, count = batch, count + 1
                    if count % _ADVANCE_EVERY == 0:
                        self._advance(one, file, batch)
        except OSError:
            if pending is not None:
                self._advance(gathered[pending.foreign_id], file, pending)
            raise
        if pending is not None:
            self._advance(gathered[pending.foreign_id], file, pending)
        if session and file.foreign_id not in gathered:
            gathered[file.foreign_id] = Gathered(self._store, session)
        for foreign_id, one in gathered.items():
            if one.limited:
                save_at_limit(self._store, one.session, clock=self._clock)
            head = one.head if one.head and not one.limited else self._store.info(one.session).head.seq
            taken = self._store.taken_out(one.session) if isinstance(self._store, Redacts) else {}
            yield Imported(one.session, foreign_id, reader.agent, head, one.new, one.told(), tuple(sorted(taken.items())))

    def session_of(self, file: Found) -> str | None:
        """Return the session that a file's records are in, or None."""
        return self._session(file.reader.agent, file.foreign_id) if file.reader is not None else None

    def position_of(self, session: str, file: Found) -> dict[str, Any] | None:
        """Return how far a file was read into the session; None: it was not."""
        return self._positions.of(session, file)

    def read_to(self, session: str, file: Found) -> int:
        """Return how many bytes of a file the session has."""
        offset = (self.position_of(session, file) or {}).get("offset")
        return offset if isinstance(offset, int) else 0

    def forget(self, file: Found) -> None:
        """Let go of what is remembered of a file for the next time: the log has it."""
        self._positions.forget(file)

    def finished(self, found: Iterable[Imported]) -> tuple[Imported, ...]:
        """End an import: sessions that it began rest, the others get the commit of their workspace, and that is counted."""
        sessions = tuple(found)
        if isinstance(self._store, Sealing):
            for session in self._begun:  # mostly its agent has ended it long ago
                self._store.rest(session)
        if self._commit_of is None:
            return sessions
        new = (s.id for s in sessions if s.new_events and s.id not in self._noted)
        noted = remember(self._store, new, self._commit_of)
        return tuple(s._replace(events=s.events + 1, new_events=s.new_events + 1) if s.id in noted else s for s in sessions)

    # --- sessions

    def _session(self, agent: str, foreign_id: str) -> str | None:
        """Return the session of that foreign id: begun by an import, or by somebody else."""
        known = self._known.get((agent, foreign_id))
        if known is None:
            session, there = place(self._store, Foreign(agent, (foreign_id,)))
            known = session if there else self._find(agent, foreign_id)
            if known is not None:
                self._known[agent, foreign_id] = known
        return None if known is None else latest(self._store, known)

    def _scan(self, agent: str, foreign_id: str) -> str | None:
        """Look into the first event of every session: what is done where nobody knows the sessions' foreign ids."""
        if not self._scanned:
            self._scanned = True
            for session in self._store.sessions():
                self._look_at(session)
        return self._known.get((agent, foreign_id))

    def _look_at(self, session: str) -> None:
        try:
            first = self._store.info(session).first
            event = next(self._store.read(session, after=first - 1, upto=first, blobs=False), None)
        except (NotFoundError, DamagedError):
            return
        agent = event.body.get("agent") if event is not None else None
        if event is None or not isinstance(agent, str):
            return
        foreign_ids, root = event.body.get("foreign_ids"), event.body.get("root")
        for foreign_id in foreign_ids if isinstance(foreign_ids, list) else ():
            if isinstance(foreign_id, str):
                self._known.setdefault((agent, foreign_id), session)
        if isinstance(root, str):
            self._roots.setdefault((agent, root), session)

    def _begin(self, file: Found, agent: str, batch: Batch) -> tuple[Gathered, bool]:
        """Return the session of a transcript that nobody knows, and whether it began with all of *batch*: one append.

        Of several processes that import the same file one begins the session, the others find it there.
        """
        foreign = Foreign(agent, (batch.foreign_id,))
        session, there = place(self._store, foreign)
        if not there:
            beginning = self._beginning(agent, batch, session)
            told = advances(file, batch) if batch.foreign_id == file.foreign_id else []
            rest = [*batch.drafts, *told]
            for drafts in ([*beginning, *rest], beginning):  # one event that cannot be written hides no other
                try:
                    begun = begin(self._store, foreign, *drafts)
                except ExistsError:
                    session = place(self._store, foreign)[0]
                    break
                except (InvalidEventError, RecursionError):
                    if drafts is beginning:
                        raise
                    continue
                one = Gathered(self._store, begun.session)
                one.add(drafts, begun.commit)
                whole = drafts is not beginning
                one.position = batch.position if told and whole else None
                self._begun.add(begun.session)
                if "workspace" in batch.facts:
                    self._noted.add(begun.session)
                return one, whole
        return Gathered(self._store, session), False

    def _beginning(self, agent: str, batch: Batch, session: str) -> list[Draft]:
        """Return the events that begin a session: what is known of it, that it is there, and at which commit its workspace is."""
        root, parent = batch.facts.get("root"), None
        if isinstance(root, str) and "forked_from" not in batch.facts:
            parent = self._roots.setdefault((agent, root), session)
        workspace = batch.facts.get("workspace")
        noted = note(workspace, self._commit_of, batch.began) if isinstance(workspace, str) and self._commit_of else None
        copied = parent if parent != session else None  # the agent copied the conversation under a new id
        return [*opening(self._store, self._clock, agent, batch, session, copied), *([noted] if noted else [])]

    # --- events

    def _gather(self, gathered: dict[str, Gathered], file: Found, batch: Batch) -> Gathered | None:
        """Append a batch to its session, which begins with it if need be. A batch without events begins none."""
        agent = file.reader.agent if file.reader is not None else ""
        # a record without a time, before the first one that has one, is not of today
        batch = batch._replace(drafts=[d if d.at or not batch.began else d._replace(at=batch.began) for d in batch.drafts])
        one, is_in = gathered.get(batch.foreign_id), False
        if one is None:
            session = self._session(agent, batch.foreign_id)
            if session is None and not batch.drafts:
                self._homeless += batch.noted
                return None
            one, is_in = (Gathered(self._store, session), False) if session is not None else self._begin(file, agent, batch)
            gathered[batch.foreign_id] = one
            if not is_in:
                one.link = link_of(self._store, one.session, agent, batch.foreign_id)
            self._known[agent, batch.foreign_id] = one.session
        if not is_in:
            self._continue(one, agent, batch)
        for noted in batch.noted:
            one.lose(noted)
        return one

    def _continue(self, one: Gathered, agent: str, batch: Batch) -> None:
        if is_handed(self._store, one.session, agent):
            batch = without_handed(self._store, one.session, batch)
        drafts = list(batch.drafts)
        if one.link is not None:  # we wrote how the transcript begins: the words are in the log
            drafts = one.link.apply(drafts)
        if batch.facts and drafts:
            drafts.append(news(self._store, one.session, agent, batch, drafts[-1].at))
        if drafts:
            one.append(drafts)

    def _advance(self, one: Gathered, file: Found, batch: Batch) -> None:
        """Record how far the file was read, unless the session was begun with that."""
        if one.position is not None and one.position is batch.position:
            self._positions.remember(one.session, file, one.position)
        elif commit := self._positions.advance(one.session, file, batch):
            one.new += 1
            one.head = commit.head.seq
