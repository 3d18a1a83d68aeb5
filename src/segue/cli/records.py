"""The shapes that `--json` prints. Scripts rely on them: a field may be added, none may change."""

from typing import Any

from segue.core.log.events import ABSENT, Event
from segue.core.session.catalogue import PlaceRow
from segue.engine.checkpoints import Made
from segue.engine.sessions import Begun
from segue.ports import Finding


def begun(session: Begun, **more: Any) -> dict[str, Any]:
    """A session that was begun."""
    return {**session._asdict(), **more}


def event(e: Event) -> dict[str, Any]:
    """An event of a log, and its place in the conversation; `parent` where one was given (null: a root)."""
    shape = {
        "seq": e.seq,
        "id": e.id,
        "at": e.at,
        "kind": e.kind,
        "actor": e.actor,
        "body": e.body,
        "source": e.source,
        "digest": e.digest,
        "stream": e.stream,
        "node": e.node,
        "parent": e.parent,
        "key": e.key,
    }
    if e.parent == ABSENT:
        del shape["parent"]
    return shape


def checkpoint(made: Made) -> dict[str, Any]:
    """A checkpoint that was taken."""
    return made._asdict()


def place(row: PlaceRow) -> dict[str, Any]:
    """A checkpoint or continuation of the catalogue."""
    return row._asdict()


def finding(f: Finding) -> dict[str, Any]:
    """Something that validation saw."""
    return f._asdict()
