"""A session whose transcript was handed over record by record, and the agent's own file of it.

Records that have an id have the same keys either way. Those without one (titles, modes, notes of the program's own) are called by
their content where they are handed over, and by their line where a file is read: here the two are joined.
"""

import re
from typing import Any, Final

from segue.core.log.events import Damage, Draft
from segue.ports import Batch, Store

_BY_LINE: Final = re.compile(r"(?P<before>.*[:/])@\d+(?P<about>:.*|):(?P<digest>[0-9a-f]+)", re.DOTALL)


def mark(agent: str) -> str:
    """Return the key of the event by which a session says that an agent's transcript is handed over to it."""
    return f"{agent}:handed-over"


def is_handed(store: Store, session: str, agent: str) -> bool:
    """Return whether an agent's transcript is handed over to *session*."""
    return store.lookup(session, mark(agent)) is not None


def without_handed(store: Store, session: str, batch: Batch) -> Batch:
    """Return what a stretch of the agent's file adds to what was handed over.

    A record without an id that says what one of those says which were handed over is that one. So a program's note that stands in
    the file more often than it was handed over is left out as well; it says nothing new.
    """
    drafts = [d for d in batch.drafts if not _was_handed(store, session, d.key) and not _was_told(store, session, d)]
    told: dict[str, Any] = {}
    if batch.facts:
        for event in store.read(session, blobs=False, on_damage=_pass):
            if event.kind in {"session.created", "session.updated"}:
                told |= event.body
    return batch._replace(drafts=drafts, facts={name: value for name, value in batch.facts.items() if told.get(name) != value})


def _was_handed(store: Store, session: str, key: str | None) -> bool:
    found = _BY_LINE.fullmatch(key) if key else None
    if found is None:
        return False
    before, about, digest = found["before"], found["about"], found["digest"]
    return store.lookup(session, f"{before}={digest}.1{about}:{digest}") is not None


def _was_told(store: Store, session: str, draft: Draft) -> bool:
    """Return whether the session says the same of an agent as *draft* does: its file is in another order of fields."""
    if draft.kind != "agent.set":
        return False
    for event in store.read(session, reverse=True, blobs=False, on_damage=_pass):
        if event.kind == "agent.set" and event.body.get("name") == draft.body.get("name"):
            return event.body == draft.body
    return False


def _pass(_damage: Damage) -> None:
    """Damage is for `validate`."""
