"""Google ADK on a segue store: `SegueSessionService(store)` is a session service.

An ADK session (app, user, id) is a session of ours. Each ADK event is one event: its record verbatim in `source`, beside it what
was said as a message, so that everything that reads messages reads ADK sessions too. The session's own state is folded
from its events; `app:` and `user:` state are scopes, changed with the event that changes them.

What differs from ADK's own services, on purpose: a stale writer is refused by the log's head, not by comparing times; the same
event again adds nothing; order is the order of appends; a session that another used meanwhile for something else than ADK's
events (a checkpoint, a lease) is not stale.
"""

from segue.host.extras import needs

needs("google.adk.sessions", extra="google-adk")

import json
from contextlib import suppress
from hashlib import blake2b
from typing import Any, Final, NamedTuple

from google.adk.errors import StaleSessionError
from google.adk.errors.already_exists_error import AlreadyExistsError
from google.adk.errors.session_not_found_error import SessionNotFoundError
from google.adk.events.event import Event as AdkEvent
from google.adk.events.event_actions import EventActions
from google.adk.platform import uuid as adk_uuid
from google.adk.sessions import BaseSessionService, Session, State
from google.adk.sessions.base_session_service import GetSessionConfig, ListSessionsResponse

from segue.core.errors import ExistsError, HeadMovedError, NotFoundError
from segue.core.log.events import MAIN, Commit, Draft
from segue.core.log.kinds import is_node
from segue.engine import foreign
from segue.engine.foreign import Foreign
from segue.engine.forks import fork
from segue.engine.loading import Desk
from segue.host.clock import SystemClock, SystemIds
from segue.host.collecting import put_off
from segue.host.threads import in_thread
from segue.integrations.google_adk._budget import BudgetPlugin
from segue.integrations.google_adk._fold import AGENT, folded, is_ours, newest, record_of
from segue.integrations.google_adk._messages import messages
from segue.integrations.google_adk._said import SUMMARIES, said, used
from segue.integrations.google_adk._state import StateValues, app_scope, from_scope, json_state, split, user_scope
from segue.ports import Clock, Opened, Store, port_of

__all__ = ["BudgetPlugin", "SegueSessionService", "messages"]

_STALE: Final = "The session was changed by another since it was read: get it again."


class SegueSessionService(BaseSessionService):
    """An ADK session service on an open store, for many tasks and processes at once. What was appended is on disk.

    The store stays the caller's: closing it is his.
    """

    def __init__(self, store: Store | Opened, *, clock: Clock | None = None) -> None:
        """Keep sessions in *store*; *clock* dates their names."""
        self.store = port_of(store)
        self._clock = clock or SystemClock()

    async def create_session(
        self, *, app_name: str, user_id: str, state: dict[str, Any] | None = None, session_id: str | None = None
    ) -> Session:
        """Create a session, its `app:` and `user:` state with it, and return it.

        Raises:
            AlreadyExistsError: there is one of that id.
        """
        return await in_thread(self._create, app_name, user_id, state or {}, (session_id or "").strip() or adk_uuid.new_uuid())

    async def get_session(
        self, *, app_name: str, user_id: str, session_id: str, config: GetSessionConfig | None = None
    ) -> Session | None:
        """Return a session with its events (those that *config* asks for) and its state, all three scopes; or None."""
        return await in_thread(self._get, app_name, user_id, (session_id or "").strip(), config or GetSessionConfig())

    async def list_sessions(self, *, app_name: str, user_id: str | None = None) -> ListSessionsResponse:
        """Return the sessions of a user, or of all, without events, the one that was updated last at the end."""
        return await in_thread(self._list, app_name, user_id)

    async def delete_session(self, *, app_name: str, user_id: str, session_id: str) -> None:
        """Take a session and its events away. What it changed in `app:` and `user:` state stays."""
        await in_thread(self._delete, app_name, user_id, (session_id or "").strip())

    async def get_user_state(self, *, app_name: str, user_id: str) -> dict[str, Any]:
        """Return a user's state, keys without their prefix."""
        return await in_thread(self._scope, user_scope(app_name, user_id))

    async def append_event(self, session: Session, event: AdkEvent) -> AdkEvent:
        """Append *event* to the log and to *session*, and return it. A partial one is only returned.

        Raises:
            SessionNotFoundError: there is no such session, or no more.
            StaleSessionError: another appended to it since *session* was read.
        """
        if event.partial:
            return event
        self._apply_temp_state(session, event)
        event = self._trim_temp_delta_state(event)
        if await in_thread(self._append, session, event):
            self._commit_event_to_session(session, event)
            session.last_update_time = event.timestamp
        return event

    async def fork_session(
        self,
        *,
        app_name: str,
        user_id: str,
        session_id: str,
        new_session_id: str | None = None,
        before_invocation_id: str | None = None,
    ) -> Session:
        """Create a session that shares the past of another up to an invocation (all of it by default), and return it.

        Nothing is copied, however long that is, and neither changes the other from then on, nor does deleting it. State of the
        user and the app is what it is now, for both. ADK itself has no forks; this method is ours.

        Raises:
            SessionNotFoundError: there is no such session.
            AlreadyExistsError: there is one of the new id.
            ValueError: the session has no such invocation.
        """
        new_id = (new_session_id or "").strip() or adk_uuid.new_uuid()
        return await in_thread(self._fork, app_name, user_id, (session_id or "").strip(), new_id, before_invocation_id)

    # --- each, in a thread

    def _create(self, app: str, user: str, state: dict[str, Any], session_id: str) -> Session:
        own, scopes = split(app, user, json_state(EventActions(state_delta=state)))
        created = Draft("session.created", {"state": own}, actor=AGENT, scopes=scopes or None)
        try:
            begun = foreign.begin(self.store, _foreign(app, user, session_id), created, clock=self._clock)
        except ExistsError as e:
            raise AlreadyExistsError(f"Session with id {session_id} already exists.") from e
        return self._session(begun.session, _foreign(app, user, session_id))

    def _get(self, app: str, user: str, session_id: str, config: GetSessionConfig) -> Session | None:
        name = _foreign(app, user, session_id)
        at = foreign.find(self.store, name)
        if at is None:
            return None
        try:
            return self._session(at, name, config)
        except NotFoundError:  # deleted meanwhile
            return None

    def _list(self, app: str, user: str | None) -> ListSessionsResponse:
        found: list[Session] = []
        for at, name in foreign.sessions_of(self.store, AGENT):
            if name.parts[0] == app and user in {None, name.parts[1]}:
                with suppress(NotFoundError):  # deleted meanwhile
                    found.append(self._session(at, name))
        return ListSessionsResponse(sessions=sorted(found, key=lambda s: (s.last_update_time, s.user_id, s.id)))

    def _delete(self, app: str, user: str, session_id: str) -> None:
        at = foreign.find(self.store, _foreign(app, user, session_id))
        if at is not None:
            with suppress(NotFoundError):  # another was faster
                self.store.delete(at)

    def _append(self, session: Session, event: AdkEvent) -> bool:
        """Append *event* at the place where *session* was read; return whether it is new to it."""
        name = _foreign(session.app_name, session.user_id, session.id)
        at, expect = self._place(session, name)
        drafts = [_draft(name, event)]
        try:
            if rewound := event.actions.rewind_before_invocation_id:
                drafts = [*self._rewound(at, rewound, drafts[0].key), *drafts]
            while True:
                try:
                    commit = self.store.append(at, drafts, expect=expect)
                except HeadMovedError:
                    expect = self._unmoved(at, expect)
                else:
                    return self._appended(session, event, _Marker(at, expect, name), commit)
        except NotFoundError as e:
            if foreign.find(self.store, name) is not None:
                raise StaleSessionError(_STALE) from e
            raise SessionNotFoundError(f"Session {session.id} not found.") from e

    def _appended(self, session: Session, event: AdkEvent, marker: "_Marker", commit: Commit) -> bool:
        entry = commit.entries[-1]
        if not entry.new and any(known.id == event.id for known in session.events):
            return False
        if entry.new or self._unmoved(marker.at, marker.seq, upto=entry.seq - 1) >= 0:
            marker._replace(seq=entry.seq).put(session)
        return True

    def _unmoved(self, at: str, seq: int, upto: int | None = None) -> int:
        """Return the head, if since *seq* nothing of ADK's was appended.

        Raises:
            StaleSessionError: something was.
        """
        for event in self.store.read(at, after=seq, upto=upto):
            if is_ours(event):
                raise StaleSessionError(_STALE)
            seq = event.seq
        return seq

    def _rewound(self, at: str, invocation: str, key: str | None) -> list[Draft]:
        """Return the event by which the conversation is what it was before an *invocation*; none where that is not there."""
        before = self._before(at, invocation)
        if before is None:
            return []
        return [Draft("head.moved", {"to": before.node, "reason": "rewound"}, AGENT, key=f"{key}:rewound")]

    def _before(self, at: str, invocation: str) -> "_Before | None":
        """Return what is before an invocation; None: there is no such invocation."""
        found: _Before | None = None
        for event in self.store.read(at):
            if not is_ours(event):
                found = found or _Before(event.seq, None)
            elif record_of(event).get("invocation_id") == invocation:
                return found
            else:
                node = event.node if is_node(event.kind) else found and found.node
                found = _Before(event.seq, node)
        return None

    def _fork(self, app: str, user: str, session_id: str, new_id: str, before: str | None) -> Session:
        at = foreign.find(self.store, _foreign(app, user, session_id))
        if at is None:
            raise SessionNotFoundError(f"Session {session_id} not found.")
        point = self._before(at, before) if before is not None else None
        if before is not None and point is None:
            raise ValueError(f"Session {session_id} has no invocation {before}.")
        name = _foreign(app, user, new_id)
        session, _ = foreign.place(self.store, name)  # where one is there, it is not forked again
        header = {"agent": AGENT, "foreign_ids": [new_id], "foreign": list(name.parts)}
        try:
            fork(Desk(self.store, self._clock, SystemIds()), at, point and point.seq, header, session=session)
        except ExistsError as e:
            raise AlreadyExistsError(f"Session with id {new_id} already exists.") from e
        except NotFoundError as e:  # deleted meanwhile
            raise SessionNotFoundError(f"Session {session_id} not found.") from e
        return self._session(session, name, GetSessionConfig())

    def _place(self, session: Session, name: Foreign) -> tuple[str, int]:
        """Return the log that *session* was read from, and the head that it was read at."""
        marker = _Marker.of(session)
        if marker is not None and marker.name == name:
            return marker.at, marker.seq  # where that is gone, the append says so
        at = foreign.find(self.store, name)
        if at is None:
            raise SessionNotFoundError(f"Session {session.id} not found.")
        if marker is None and ((last := self._last(at)) is None or (session.events and session.events[-1].id == last.id)):
            return at, self.store.info(at).head.seq  # made by hand, and it has what there is
        raise StaleSessionError(_STALE)

    # --- folding

    def _session(self, at: str, name: Foreign, config: GetSessionConfig | None = None) -> Session:
        """Return the session as it is now; without *config* it has no events."""
        app, user, session_id = name.parts
        with put_off():
            state, seq, updated, events = folded(self.store, at, config)
        for prefix, scope in ((State.APP_PREFIX, app_scope(app)), (State.USER_PREFIX, user_scope(app, user))):
            state |= {prefix + key: value for key, value in self._scope(scope).items()}
        session = Session(app_name=app, user_id=user, id=session_id, state=state, events=events, last_update_time=updated)
        _Marker(at, seq, name).put(session)
        return session

    def _last(self, at: str) -> AdkEvent | None:
        return next(iter(newest(self.store, at, GetSessionConfig(num_recent_events=1))), None)

    def _scope(self, name: str) -> StateValues:
        return {key: from_scope(value) for key, value in self.store.scope(name).values.items()}


def _foreign(app: str, user: str, session_id: str) -> Foreign:
    return Foreign(AGENT, (app, user, session_id))


class _Before(NamedTuple):
    """ADK's last event before an invocation, or what the session began with, and the last node of the conversation up to it."""

    seq: int
    node: str | None


class _Marker(NamedTuple):
    """Where a session object was read: the log, its head then, and whose it was."""

    at: str
    seq: int
    name: Foreign

    @classmethod
    def of(cls, session: Session) -> "_Marker | None":
        """Return where *session* was read; None where it was made by hand."""
        text = session._storage_update_marker  # noqa: SLF001  (where ADK's own services keep theirs)
        if text is None:
            return None
        try:
            at, seq, *parts = json.loads(text)
            return cls(str(at), int(seq), _foreign(*parts))
        except (ValueError, TypeError):  # another service's
            return cls("", 0, Foreign("", ()))

    def put(self, session: Session) -> None:
        """Note it in *session*."""
        session._storage_update_marker = json.dumps([self.at, self.seq, *self.name.parts])  # noqa: SLF001  (as above)


def _draft(name: Foreign, event: AdkEvent) -> Draft:
    """Return an ADK event as an event: what it says as a message, its record verbatim."""
    text = event.model_dump_json(exclude_none=True)
    record = json.loads(text)
    delta = record.get("actions", {}).get("state_delta")
    scopes = split(name.parts[0], name.parts[1], delta)[1] if delta else None
    kind, body = "message", said(record)
    if body is None:
        kind, body = ("usage", counted) if (counted := used(record)) else ("record", {"type": "event"})
    return Draft(
        kind,
        body,
        actor=event.author.replace("\0", "")[:200] or AGENT,
        stream=SUMMARIES if kind == "usage" and "compaction" in record.get("actions", {}) else MAIN,
        key=f"{AGENT}:{blake2b(text.encode(), digest_size=16).hexdigest()}",
        source={"agent": AGENT, "id": event.id, "record": record},
        scopes=scopes or None,
    )
