"""Which of our sessions a session of the SDK is.

It is Claude Code's session of that id, the one that hooks capture and imports make. The first project whose records are handed
over has it; another project's session of the same id is one of its own.
"""

from typing import Final

from segue.core.errors import NotFoundError
from segue.core.log.events import Draft
from segue.engine.capture.handed import mark
from segue.engine.foreign import Foreign, place
from segue.engine.loading import event_at
from segue.integrations.claude_agent_sdk._names import Name, scope_of
from segue.ports import Store
from segue.transcripts.claude_code.reader import AGENT

_PROJECT: Final = "claude_project"


def claim(name: Name) -> Draft:
    """Return the event by which a session becomes the project's."""
    return Draft("session.updated", {_PROJECT: name.project}, AGENT, key=mark(AGENT))


def listed(name: Name) -> Draft:
    """Return the event by which a session that has a main transcript stands in its project's list."""
    told = {scope_of(name.project): {name.session: True}}
    return Draft("session.updated", {}, AGENT, key=f"{mark(AGENT)}:listed", scopes=told)


def unlisted(name: Name) -> Draft:
    """Return the event by which it no longer does."""
    return Draft("session.updated", {}, AGENT, scopes={scope_of(name.project): {name.session: None}})


def find(store: Store, name: Name) -> str | None:
    """Return the session that *name* is kept in, or may be kept in; None where there is none."""
    first, there = place(store, _first(name))
    whose = project_of(store, first) if there else None
    if there and whose == name.project:
        return first
    second, is_second = place(store, _second(name))
    if is_second:
        return second
    return first if there and whose is None else None


def unused(store: Store, name: Name) -> Foreign:
    """Return what the session of *name* is to be called, which is not there yet."""
    _, there = place(store, _first(name))
    return _second(name) if there else _first(name)


def project_of(store: Store, session: str) -> str | None:
    """Return whose a session is; None: records of it were only imported, if at all."""
    try:
        known = store.lookup(session, mark(AGENT))
        found = event_at(store, session, known.seq).body.get(_PROJECT) if known is not None else None
    except NotFoundError:  # deleted meanwhile
        return None
    return found if isinstance(found, str) else None


def _first(name: Name) -> Foreign:
    return Foreign(AGENT, (name.session,))


def _second(name: Name) -> Foreign:
    return Foreign(AGENT, (name.project, name.session))
