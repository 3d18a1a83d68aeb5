"""What agents' hooks spooled comes into the log: the transcripts that it names, and the payloads themselves.

A payload is kept as a record beside the conversation (stream `hooks`), since some of what it says stands nowhere else: why a
session ended, that a compaction is about to come. One whose session is not known yet waits in its spool.
"""

import base64
import json
import re
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import Any, Final, NamedTuple, Protocol

from segue.core.errors import InvalidEventError, NotFoundError, SegueError
from segue.core.log.events import Draft
from segue.core.log.times import seconds
from segue.engine.capture.attending import STREAM, Attendance
from segue.engine.capture.importing import Importer
from segue.engine.foreign import Foreign, find, latest
from segue.ports import Clock, Store, Transcripts
from segue.ports.running import Processes

_PATHS = ("transcript_path", "agent_transcript_path")
_TRANSCRIPT: Final = re.compile(r"\.(jsonl|json|db(#[\w-]+)?)\Z")
_PATIENCE: Final = 86400.0
"""Seconds that a payload waits for a session that nobody knows."""
_IDS = ("session_id", "thread-id", "thread_id")


class SpooledFrame(Protocol):
    """One payload: whose, of which event, when, and its bytes."""

    agent: str
    event: str
    at: str
    payload: bytes
    process: str


class SpooledFile(Protocol):
    """What was spooled since the last time: whole frames, and pieces that a crash left."""

    @property
    def frames(self) -> Sequence[Any]:
        """Whole ones: see `SpooledFrame`."""
        ...

    @property
    def broken(self) -> Sequence[tuple[int, bytes]]:
        """Where pieces stand, and what they are."""
        ...


class Spools(Protocol):
    """Where hooks' payloads wait."""

    def is_empty(self) -> bool:
        """Return whether nothing waits."""
        ...

    def is_new(self) -> bool:
        """Return whether something came since the last `take`."""
        ...

    def take(self) -> Sequence[SpooledFile]:
        """Return what waits."""
        ...

    def done(self, taken: Any, waiting: Sequence[Any] = ()) -> None:
        """Let go of it, but for the frames that are *waiting* for their session."""
        ...

    def dropped(self) -> int:
        """Return how many payloads found no room since the last call."""
        ...


class Ingested(NamedTuple):
    """What was taken in."""

    payloads: int
    events: int
    waiting: int
    """Payloads whose session is not known yet."""
    broken: int
    """Payloads that name no session or, after a day, none that there is; pieces that a killed hook left; and those that found
    no room. The transcript has what they were about."""


class Intake:
    """Takes spools in, and knows which transcripts are being written."""

    def __init__(
        self, store: Store, spools: Spools, transcripts: Transcripts, *, clock: Clock, hosts: Processes | None = None
    ) -> None:
        """Open nothing yet. With *hosts* the agents' processes are noted."""
        self.importer = Importer(store, clock=clock)
        self.live: dict[str, float] = {}
        """The transcripts that payloads named: when the last one was spooled, in seconds since 1970."""
        self.ended: set[str] = set()
        """Those of them whose session ended."""
        self._store, self._spools, self._transcripts, self._clock = store, spools, transcripts, clock
        self._attendance = Attendance(store, hosts)
        self._failed: SegueError | None = None

    def take(self) -> Ingested:
        """Take in what waits and return how much it was. Repeatable; several processes may do it at once.

        Raises:
            SegueError: the store does not take something now; it waits on, and all the rest is in.
        """
        self._failed = None
        total = Ingested(0, 0, 0, 0)
        for taken in self._spools.take():
            total = Ingested(*map(sum, zip(total, self._take(taken), strict=True)))
        if self._failed is not None:
            raise self._failed
        return total._replace(broken=total.broken + self._spools.dropped())

    def _take(self, taken: SpooledFile) -> Ingested:
        payloads = broken = 0
        waiting = []
        read = [(frame, _parsed(frame.payload)) for frame in taken.frames]
        events = self._import({path: None for frame, payload in read for path in self._note(frame, payload)})
        for frame, payload in read:
            foreign = _foreign(payload)
            try:
                added = self._keep(frame, foreign)
            except SegueError as e:
                self._failed = self._failed or e
                waiting.append(frame)
                continue
            if added is not None:
                payloads, events = payloads + 1, events + added
            elif foreign is not None and self._clock.now() - seconds(frame.at) < _PATIENCE:
                waiting.append(frame)
            else:
                broken += 1
        self._spools.done(taken, waiting)
        return Ingested(payloads, events, len(waiting), broken + len(taken.broken))

    def _keep(self, frame: SpooledFrame, foreign: str | None) -> int | None:
        """Append a payload to the session that it is about; return how many events that was. None: nobody knows the session."""
        session = find(self._store, Foreign(frame.agent, (foreign,))) if foreign else None
        if session is None:
            return None
        session = latest(self._store, session)
        return _keep(self._store, session, frame) + self._attendance.note(session, frame)

    def _note(self, frame: SpooledFrame, payload: dict[str, Any] | None) -> list[str]:
        """Return the transcripts that a payload names, and note that they are being written."""
        paths, at = list(_named(payload)), seconds(frame.at)
        for path in paths:
            if at <= self.live.get(path, 0.0):
                continue  # one that waits is seen again and again
            self.live[path] = at
            if frame.event == "SessionEnd":
                self.ended.add(path)
            else:
                self.ended.discard(path)
        return paths

    def _import(self, paths: Iterable[str]) -> int:
        new = 0
        for file in self._transcripts.find(paths):
            try:
                new += sum(one.new_events for one in self.importer.take(file))
            except OSError:
                continue  # it is not there yet, or no more
            except SegueError as e:
                self._failed = self._failed or e
        self.importer.homeless()
        return new


def ingest(store: Store, spools: Spools, transcripts: Transcripts, *, clock: Clock, hosts: Processes | None = None) -> Ingested:
    """Take in what waits and return how much it was. Repeatable; several processes may do it at once. Raises: see `Intake`."""
    return Intake(store, spools, transcripts, clock=clock, hosts=hosts).take()


def _keep(store: Store, session: str, frame: SpooledFrame) -> int:
    digest = blake2b(frame.payload, digest_size=16).hexdigest()
    source: dict[str, Any] = {"agent": frame.agent}
    try:
        source["raw"] = frame.payload.decode()
    except UnicodeDecodeError:
        source["raw_b64"] = base64.b64encode(frame.payload).decode()
    name = f"{frame.event}@{frame.at}"
    draft = Draft(
        "record",
        {"type": f"hook:{frame.event}"},
        frame.agent,
        stream=STREAM,
        at=frame.at,
        key=f"{frame.agent}:hook:{name}:{digest}",
        source=source,
    )
    try:
        return sum(entry.new for entry in store.append(session, [draft]).entries)
    except (NotFoundError, InvalidEventError):
        return 0  # the session went meanwhile, or no log can have it


def _parsed(payload: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(payload)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _named(payload: dict[str, Any] | None) -> Iterable[str]:
    """Yield the transcripts that a payload names: files of a transcript's kind only, whatever else it says."""
    for name in _PATHS:
        path = (payload or {}).get(name)
        if isinstance(path, str) and _TRANSCRIPT.search(path):
            yield path


def _foreign(payload: dict[str, Any] | None) -> str | None:
    """Return the agent's own id of the session that a payload is about."""
    return next((payload[name] for name in _IDS if payload and isinstance(payload.get(name), str) and payload[name]), None)
