"""What a session's log makes of it: its own state, and its events, in one pass over no more of the log than is needed."""

import json
from collections.abc import Iterator
from itertools import islice
from typing import Any, Final, NamedTuple

from google.adk.events.event import Event as AdkEvent
from google.adk.sessions.base_session_service import GetSessionConfig

from segue.core.log.events import Event
from segue.core.log.times import seconds
from segue.engine.kept import Kept, OutdatedError, check, is_worth, keep, recall
from segue.integrations.google_adk._state import StateValues, is_scoped
from segue.ports import Snapshot, Store

AGENT: Final = "google_adk"
_SCHEMA: Final = "google_adk.state.2"
_RECORDS: Final = "google_adk.records.1"
"""The records of all of ADK's events, in their order, in one list: who loads them all does not read each event."""
_EVERY: Final = 64
"""After this many events a session's folded state is kept as a snapshot."""
_STRIDE: Final = 1_000
"""A long fold leaves one on the way in so many events: nothing before it is read for what came after a time."""


class Folded(NamedTuple):
    """A session's own state at a head, when ADK last updated it, and the events that were asked for."""

    state: StateValues
    seq: int
    updated: float
    events: list[AdkEvent]


def is_ours(event: Event) -> bool:
    """Return whether *event* is one of ADK's, its record still there."""
    return event.source is not None and event.source.get("agent") == AGENT and not event.erased


def record_of(event: Event) -> dict[str, Any]:
    """Return the record of one of ADK's."""
    record: dict[str, Any] = (event.source or {})["record"]
    return record


def folded(store: Store, at: str, wanted: GetSessionConfig | None) -> Folded:
    """Return the session as it is now, with those of its events that are *wanted*; None: with none."""
    try:
        return _folded(_Fold(store, at), store, at, wanted)
    except (OutdatedError, ValueError):  # what was kept is no event: the log has it
        return _folded(_Fold(store, at, anew=True), store, at, wanted)


def _folded(fold: "_Fold", store: Store, at: str, wanted: GetSessionConfig | None) -> Folded:
    if wanted is None or wanted.num_recent_events is not None:
        for event in store.read(at, after=fold.seq):
            fold.take(event)
        events = newest(store, at, wanted, fold.seq)[::-1] if wanted else []
    elif wanted.after_timestamp is None:
        events = fold.follow()
    else:
        events = fold.follow_since(wanted.after_timestamp)
    fold.keep()
    return Folded(fold.state, fold.seq, fold.updated, events)


def newest(store: Store, at: str, wanted: GetSessionConfig, upto: int | None = None) -> list[AdkEvent]:
    """Return the last of ADK's events that are *wanted*, the last one first. The log is read from its end."""
    if wanted.num_recent_events == 0:
        return []
    since = wanted.after_timestamp
    begin = 0 if since is None else _before(store, at, since)
    records = (record_of(e) for e in store.read(at, after=begin, upto=upto, reverse=True) if is_ours(e))
    found = (record for record in records if since is None or record["timestamp"] >= since)
    return [AdkEvent.model_validate(record) for record in islice(found, wanted.num_recent_events)]


def _before(store: Store, at: str, time: float) -> int:
    """Return a position up to which, as snapshots know, no event is of *time* or later; 0 where none knows one."""
    upto: int | None = None
    while upto != 0 and (kept := store.snapshot(at, _SCHEMA, upto)) is not None:
        if (told := _told(kept)) is not None and told["latest"] < time:
            return kept.seq
        upto = kept.seq - 1
    return 0


class _Fold:
    """A session's own state: from a snapshot, and the events behind it; *anew*: from all events."""

    def __init__(self, store: Store, at: str, *, anew: bool = False) -> None:
        self._store, self._at, self._anew = store, at, anew
        kept = None if anew else store.snapshot(at, _SCHEMA)
        told = kept and _told(kept)
        if told is None:
            kept, told = None, {"state": {}, "updated": 0.0, "latest": 0.0}
        self.state: StateValues = told["state"]
        self.updated: float = told["updated"]
        self._latest: float = told["latest"]
        """The latest of all times of ADK's events: their order is that of their appends, not of their times."""
        self.seq, self._digest = (kept.seq, kept.digest) if kept else (0, "")
        self._begun = self._kept = self.seq

    def take(self, event: Event) -> None:
        """Take in the next event. Raises OutdatedError."""
        check(event, self._begun)
        if event.kind == "session.created":
            self.state |= event.body.get("state", {})
            self.updated = seconds(event.at)
        elif is_ours(event):
            record = record_of(event)
            delta = record.get("actions", {}).get("state_delta")
            if delta:
                self.state |= {key: value for key, value in delta.items() if not is_scoped(key)}
            self.updated = record["timestamp"]
            self._latest = max(self._latest, self.updated)
        self.seq, self._digest = event.seq, event.digest
        if self.seq - self._kept >= _STRIDE:
            self.keep()

    def follow(self) -> list[AdkEvent]:
        """Take in what is new, and return all of ADK's events, old ones too. Where many were read, they are kept for the next."""
        kept = Kept(0, "", []) if self._anew else _records(self._store, self._at)
        records: list[dict[str, Any]] = kept.value
        for event in self._taken(kept.seq):
            check(event, kept.seq)
            if is_ours(event):
                records.append(record_of(event))
        if is_worth(self.seq, kept.seq):
            keep(self._store, self._at, _RECORDS, Kept(self.seq, self._digest, records))
        return [AdkEvent.model_validate(record) for record in records]

    def follow_since(self, time: float) -> list[AdkEvent]:
        """Take in what is new, and return ADK's events of a time on."""
        begin = 0 if self._anew else _before(self._store, self._at, time)
        records = (record_of(event) for event in self._taken(begin) if is_ours(event))
        return [AdkEvent.model_validate(record) for record in records if record["timestamp"] >= time]

    def _taken(self, begin: int) -> Iterator[Event]:
        """Yield the events behind *begin*, and take in what is new. Raises OutdatedError."""
        known = self.seq
        for event in self._store.read(self._at, after=min(begin, known)):
            if event.seq > known:
                self.take(event)
            if event.seq > begin:
                yield event

    def keep(self) -> None:
        """Leave a snapshot, where it is worth one."""
        if self.seq - self._kept >= _EVERY:
            data = json.dumps({"state": self.state, "updated": self.updated, "latest": self._latest}).encode()
            self._store.put_snapshot(self._at, Snapshot(self.seq, self._digest, _SCHEMA, data))
            self._kept = self.seq


def _told(kept: Snapshot) -> dict[str, Any] | None:
    """Return what a snapshot says of the state; None where it says nothing that can be believed."""
    try:
        told = json.loads(kept.data)
    except (ValueError, RecursionError):
        return None
    types: dict[str, Any] = {"state": dict, "updated": (int, float), "latest": (int, float)}
    return told if isinstance(told, dict) and all(isinstance(told.get(n), t) for n, t in types.items()) else None


def _records(store: Store, at: str) -> Kept:
    """Return the records that were kept last; none, as before the first event, where there are none that can be read."""
    kept = recall(store, at, _RECORDS, shared=True)
    if kept is not None and isinstance(kept.value, list) and all(isinstance(record, dict) for record in kept.value):
        return kept
    return Kept(0, "", [])
