"""What agents' hooks spooled comes into the log: the transcripts that it names, and the payloads themselves.

A payload is kept as a record beside the conversation (stream `hooks`), since some of what it says stands nowhere else: why a
session ended, that a compaction is about to come. One whose session is not known yet waits in its spool.
"""

import base64
import json
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import Any, NamedTuple, Protocol

from segue.core.errors import SegueError
from segue.core.log.events import Draft
from segue.engine.foreign import Foreign, find
from segue.engine.importing import import_paths
from segue.ports import Clock, Store, Transcripts

STREAM = "hooks"
_PATHS = ("transcript_path", "agent_transcript_path")
_IDS = ("session_id", "thread-id", "thread_id")


class SpooledFrame(Protocol):
    """One payload: whose, of which event, when, and its bytes."""

    agent: str
    event: str
    at: str
    payload: bytes


class SpooledFile(Protocol):
    """What was spooled since the last time: whole frames, and pieces that a crash left."""

    frames: list[Any]
    broken: list[tuple[int, bytes]]


class Spools(Protocol):
    """Where hooks' payloads wait."""

    def is_empty(self) -> bool:
        """Return whether nothing waits."""
        ...

    def take(self) -> Sequence[Any]:
        """Return what waits."""
        ...

    def done(self, taken: Any) -> None:
        """Let go of it."""
        ...


class Ingested(NamedTuple):
    """What was taken in."""

    payloads: int
    events: int
    waiting: int
    """Payloads whose session is not known yet."""
    broken: int
    """Payloads that name no session, and pieces that a killed hook left; the transcript has what they were about."""


def ingest(store: Store, spools: Spools, transcripts: Transcripts, *, clock: Clock) -> Ingested:
    """Take in what waits and return how much it was. Repeatable; several processes may do it at once."""
    payloads = events = waiting = broken = 0
    for taken in spools.take():
        read = [(frame, _parsed(frame.payload)) for frame in taken.frames]
        paths = sorted({path for _, payload in read for path in _named(payload)})
        found = import_paths(store, transcripts, paths, clock=clock)
        events += sum(one.new_events for one in found.sessions)
        homeless = 0
        for frame, payload in read:
            foreign = _foreign(payload)
            session = find(store, Foreign(frame.agent, (foreign,))) if foreign else None
            if session is not None:
                payloads += 1
                events += _keep(store, session, frame)
            elif foreign is not None:
                homeless += 1
            else:
                broken += 1
        broken += len(taken.broken)
        waiting += homeless
        if not homeless:
            spools.done(taken)
    return Ingested(payloads, events, waiting, broken)


def _keep(store: Store, session: str, frame: SpooledFrame) -> int:
    digest = blake2b(frame.payload, digest_size=16, person=b"segue hook").hexdigest()
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
    except SegueError:
        return 0  # the session went meanwhile


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
        if isinstance(path, str) and path.endswith((".jsonl", ".json")):
            yield path


def _foreign(payload: dict[str, Any] | None) -> str | None:
    """Return the agent's own id of the session that a payload is about."""
    return next((payload[name] for name in _IDS if payload and isinstance(payload.get(name), str) and payload[name]), None)
