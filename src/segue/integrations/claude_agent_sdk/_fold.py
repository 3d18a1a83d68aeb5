"""What is known of a session's transcripts when the next records come: folded from its log."""

import json
from collections.abc import Iterator
from typing import Any, Final, cast

from claude_agent_sdk import SessionStoreEntry, __version__, fold_session_summary
from claude_agent_sdk.types import SessionKey, SessionSummaryEntry

from segue.core.log.events import Event, Head
from segue.engine.capture.carrying import link_of
from segue.integrations.claude_agent_sdk._entries import entry_of, raw_of
from segue.integrations.claude_agent_sdk._names import Name, stands
from segue.ports import Snapshot, Store
from segue.transcripts._reading import File, Handed
from segue.transcripts._records import Place
from segue.transcripts.claude_code.reader import ClaudeCode

READER: Final = ClaudeCode()
_SCHEMA: Final = f"claude_agent_sdk.1/{__version__}"
_EVERY: Final = 256
"""After this many events what is known is kept as a snapshot."""


class Fold:
    """A session up to `seq`: how far each of its transcripts is, and the summary that the SDK folds of the main one."""

    def __init__(self, store: Store, session: str, name: Name, *, begun: bool = True) -> None:
        """Begin with nothing. *name* is the main transcript's; a session that was not *begun* is not there."""
        self._store, self._session, self._name = store, session, name
        self.link = link_of(store, session, READER.agent, name.session) if begun else None
        self.said: set[str | None] = set()
        """Keys of what the session says once, as far as that is known."""
        self._reset()

    def _reset(self) -> None:
        self.seq = self._kept = 0
        self._digest = ""
        self._begun = 0  # what was before is known from a snapshot
        self.states: dict[str, dict[str, Any]] = {}
        self.summary: SessionSummaryEntry | None = None
        self._uuids: dict[str, set[str]] = {}
        self._earlier: dict[str, set[str]] | None = None

    def follow(self) -> None:
        """Go on to the head of the log. Raises NotFoundError: it is no more."""
        if not self.seq:
            self._take_up()
        handed: dict[str, Handed] = {}
        for event in self._store.read(self._session, after=self.seq):
            if event.kind == "erased":  # what was folded may hold what is gone
                self._reset()
                self._follow_all()
                return
            self._take(event, handed)
        self._settle(handed)

    def _follow_all(self) -> None:
        handed: dict[str, Handed] = {}
        for event in self._store.read(self._session):
            self._take(event, handed)
        self._settle(handed)

    def _settle(self, handed: dict[str, Handed]) -> None:
        self.states |= {subpath: one.state() for subpath, one in handed.items()}
        if self.seq - self._kept >= _EVERY:
            data = json.dumps({"states": self.states, "summary": self.summary}).encode()
            self._store.put_snapshot(self._session, Snapshot(self.seq, self._digest, _SCHEMA, data), alone=True)
            self._kept = self.seq

    def _take_up(self) -> None:
        kept = self._store.snapshot(self._session, _SCHEMA)
        known = _known(kept.data) if kept is not None else None
        if kept is not None and known is not None:
            self.states, self.summary = known["states"], known["summary"]
            self.seq = self._kept = self._begun = kept.seq
            self._digest = kept.digest

    def _take(self, event: Event, handed: dict[str, Handed]) -> None:
        self.seq, self._digest = event.seq, event.digest
        place = stands(event.source, self._name.session)
        data = raw_of(event.source or {})
        if place is None or data is None or event.erased or place.is_meta:
            if place is not None and place.is_meta:
                self.states.setdefault(place.subpath, {})
            return
        if place.subpath not in handed:
            handed[place.subpath] = self.handed(self._name._replace(subpath=place.subpath))
        if "piece" not in event.body:
            handed[place.subpath].take(data)
        self._note(place.subpath, data)

    def go_on(self, subpath: str, handed: Handed, data: bytes, head: Head) -> None:
        """Take in the record *data* of a transcript, which *handed* took, as `follow` would: its append made the head *head*."""
        self.seq, self._digest = head
        self._note(subpath, data)
        self._settle({subpath: handed})

    def _note(self, subpath: str, data: bytes) -> None:
        entry = entry_of(data) or {}
        if isinstance(uuid := entry.get("uuid"), str):
            self._uuids.setdefault(subpath, set()).add(uuid)
        if not subpath and entry:
            key = SessionKey(project_key=self._name.project, session_id=self._name.session)
            self.summary = fold_session_summary(self.summary, key, [cast("SessionStoreEntry", entry)])

    def handed(self, name: Name) -> Handed:
        """Return one of the session's transcripts as far as it is known, to be gone on with."""

        def before(needle: bytes) -> Iterator[tuple[Place, dict[str, Any]]]:
            uuid = needle.decode("utf-8", "replace")
            if any(uuid in known.get(name.subpath, ()) for known in (self._uuids, self._known_earlier())):
                yield Place(name.file, 0, b""), {"uuid": uuid}

        return READER.handed(File(name.read_as, name.session, before), self.states.get(name.subpath, {}))

    def _known_earlier(self) -> dict[str, set[str]]:
        """Return the ids of the records that the snapshot stands for: read when one is asked for that came before it."""
        if self._earlier is None:
            self._earlier = {}
            for event in self._store.read(self._session, upto=self._begun) if self._begun else ():
                if (place := stands(event.source, self._name.session)) is not None and not event.erased:
                    self._earlier.setdefault(place.subpath, set()).add((event.source or {}).get("record", ""))
        return self._earlier


def _known(data: bytes) -> dict[str, Any] | None:
    """Return what a snapshot says; None where it says nothing that can be believed."""
    try:
        known = json.loads(data)
        states, summary = known["states"], known["summary"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return None
    whole = isinstance(states, dict) and all(isinstance(state, dict) for state in states.values())
    return known if whole and (summary is None or (isinstance(summary, dict) and "session_id" in summary)) else None
