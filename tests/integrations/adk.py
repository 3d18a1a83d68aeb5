"""What tests of Google ADK's session service have in common."""

import asyncio

from google.adk.events import Event, EventActions
from google.adk.sessions.base_session_service import GetSessionConfig
from google.genai import types

from segue.core.log.events import Draft

APP, USER = "app", "ada"


class Client:
    """What a caller of the service does, without the waiting."""

    def __init__(self, service):
        self.service = service

    def create(self, session_id="s", state=None, app=APP, user=USER):
        return self._run(self.service.create_session(app_name=app, user_id=user, state=state, session_id=session_id))

    def get(self, session_id="s", app=APP, user=USER, **config):
        wanted = GetSessionConfig(**config) if config else None
        return self._run(self.service.get_session(app_name=app, user_id=user, session_id=session_id, config=wanted))

    def append(self, session, event):
        return self._run(self.service.append_event(session, event))

    def list(self, app=APP, user=USER):
        return self._run(self.service.list_sessions(app_name=app, user_id=user)).sessions

    def delete(self, session_id="s"):
        self._run(self.service.delete_session(app_name=APP, user_id=USER, session_id=session_id))

    def flush(self):
        self._run(self.service.flush())

    def fork(self, session_id="s", new="f", before=None):
        how = {"session_id": session_id, "new_session_id": new, "before_invocation_id": before}
        return self._run(self.service.fork_session(app_name=APP, user_id=USER, **how))

    def user_state(self, user=USER):
        return self._run(self.service.get_user_state(app_name=APP, user_id=user))

    def _run(self, call):
        return asyncio.run(call)


def said(text="hi", author="user", at=1.0, delta=None, **more):
    """Return an event that says something."""
    return Event(
        author=author,
        invocation_id="i",
        timestamp=at,
        content=types.Content(role="user" if author == "user" else "model", parts=[types.Part(text=text)]),
        actions=EventActions(state_delta=delta or {}),
        **more,
    )


def many(store, client, texts):
    """Append an event for each of *texts* to a new session as `said` makes them, in one write; return what it is called here."""
    client.append(client.create(), said("%"))
    (at,) = store.sessions()
    (made,) = (event for event in store.read(at) if event.source)
    draft = Draft(made.kind, made.body, made.actor, source=made.source)
    store.append(at, [_of(draft, text) for text in texts])
    store.erase(at, [made.seq], {"reason": "it was a pattern"})
    return at


def _of(draft, text):
    part = {"text": text}
    record = draft.source["record"] | {"id": f"id-{text}", "content": {"role": "user", "parts": [part]}}
    return draft._replace(source=draft.source | {"record": record}, key=text)


def texts(session):
    """Return what the events of a session say."""
    return [e.content.parts[0].text for e in session.events]
