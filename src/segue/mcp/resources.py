"""Resources: `session://`, the project's sessions; one's state; what was said in it, a page at a time."""

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from segue.core.context.quoting import line
from segue.core.errors import SegueError
from segue.mcp.call import Call, framed, head
from segue.mcp.messages import INVALID_PARAMS, RESOURCE_NOT_FOUND, RpcError, text_of
from segue.mcp.paging import page
from segue.mcp.scope import OWN
from segue.mcp.tools import told

if TYPE_CHECKING:
    from segue.core.log.events import Event
    from segue.core.session.catalogue import SessionRow

LIST: Final = "session://"
JSON: Final = "application/json"
MARKDOWN: Final = "text/markdown"
EVENTS: Final = 50
"""Events of a page of a transcript."""
_MOST: Final = 60_000
"""Characters of such a page."""
_LONGEST: Final = 4_000
"""Characters of one event of it."""
_MOST_SESSIONS: Final = 200
_URI: Final = re.compile(
    r"session://(?P<session>[^/?#\s]{1,200})(?P<transcript>/transcript(?:/(?P<first>\d{1,9})-(?P<last>\d{1,9}))?)?", re.IGNORECASE
)

TEMPLATES: Final = (
    {
        "uriTemplate": "session://{session}",
        "name": "session",
        "title": "State of a session",
        "description": "Its state as a document. {session}: a name, an id, mine or previous.",
        "mimeType": JSON,
    },
    {
        "uriTemplate": "session://{session}/transcript/{first}-{last}",
        "name": "transcript",
        "title": "What was said and done in a session",
        "description": f"Events first to last of its log, at most {EVENTS} a page; each page names the next.",
        "mimeType": MARKDOWN,
    },
)


def listed(call: Call, params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the result of `resources/list`: the list itself, and the sessions, latest activity first."""
    first = {"uri": LIST, "name": "sessions", "title": "Sessions of this project", "mimeType": JSON}
    return page([first, *(_resource(row) for row in call.scope.rows)], params, "resources")


def templates(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the result of `resources/templates/list`."""
    return page(TEMPLATES, params, "resourceTemplates")


def read(call: Call, params: Mapping[str, Any], missing: int = RESOURCE_NOT_FOUND) -> dict[str, Any]:
    """Return the result of `resources/read`. Raises RpcError: of the code *missing* where there is no such resource."""
    uri = text_of(params, "uri")
    found = _meant(uri, missing)
    if found is None:
        return _contents(uri, JSON, _json(_sessions(call)))
    try:
        if found["transcript"]:
            return _contents(uri, MARKDOWN, _transcript(call, found["session"], found["first"], found["last"]))
        return _contents(uri, JSON, _json(_state(call, found["session"])))
    except SegueError as e:
        raise RpcError(missing, told(e), {"uri": line(uri, 200)}) from e


def session_of(call: Call, uri: str) -> str | None:
    """Return which session a resource is about; None: it is the list of them. Raises RpcError: there is no such resource."""
    found = _meant(uri, RESOURCE_NOT_FOUND)
    try:
        return found and call.scope.to_read(found["session"]).session
    except SegueError as e:
        raise RpcError(RESOURCE_NOT_FOUND, told(e), {"uri": line(uri, 200)}) from e


def names(call: Call, begin: str) -> list[str]:
    """Return names of sessions that begin so, for completion."""
    known = [OWN, "previous", *(row.name or row.id for row in call.scope.rows)]
    return [name for name in known if name.lower().startswith(begin.lower())]


def _meant(uri: str, missing: int) -> "re.Match[str] | None":
    """Return the parts of a URI; None: it is that of the list. Raises RpcError."""
    if uri.lower() in {LIST, LIST + "/"}:
        return None
    found = _URI.fullmatch(uri)
    if found is None:
        raise RpcError(missing, "there is no such resource; session:// lists the sessions", {"uri": line(uri, 200)})
    return found


def _resource(row: "SessionRow") -> dict[str, Any]:
    about = ", ".join(filter(None, (row.agent, row.status, row.last_activity[:16].replace("T", " "))))
    title = line(row.title or row.task, 120)
    found = {"uri": f"session://{row.id}", "name": row.name or row.id, "description": about, "mimeType": JSON}
    return found | ({"title": title} if title else {})


def _sessions(call: Call) -> dict[str, Any]:
    mine, rows = call.scope.mine, call.scope.rows
    fields = ("id", "name", "title", "task", "agent", "status", "created", "last_activity", "head", "messages", "workspace")
    return {
        "directories": list(call.scope.directories),
        "mine": mine.row.id if mine else None,
        "count": len(rows),
        "sessions": [{name: getattr(row, name) for name in fields} for row in rows[:_MOST_SESSIONS]],
    }


def _state(call: Call, ref: str) -> Any:
    from segue.core.session.document import document
    from segue.mcp.looking import state_of

    return document(state_of(call, call.scope.to_read(ref)))


def _transcript(call: Call, ref: str, first: str | None, last: str | None) -> str:
    meant = call.scope.to_read(ref)
    store = call.app.store
    end = meant.position or store.info(meant.session).head.seq
    start = int(first) if first else 1
    stop = min(int(last) if last else end, start + EVENTS - 1, end)
    if start < 1 or start > end or (last and int(last) < start):
        raise RpcError(INVALID_PARAMS, f"the session has events 1 to {end}")
    damage: list[Any] = []
    shown: list[str] = []
    size, at = 0, start - 1
    for event in store.read(meant.session, after=start - 1, upto=stop, on_damage=damage.append):
        text = _told(event)
        if text and size + len(text) > _MOST and shown:
            break
        at = event.seq
        if text:
            shown.append(text)
            size += len(text)
    else:
        at = stop
    above = [f"{head(meant)}, events {start} to {at} of {end}", *(f"damaged: {line(str(one), 200)}" for one in damage)]
    more = [f"next: session://{meant.session}/transcript/{at + 1}-{min(at + EVENTS, end)}"] if at < end else []
    return "\n".join([*above, framed(shown), *more]) + "\n"


def _told(event: "Event") -> str:
    """Return what an event says, with its number; empty where it says nothing."""
    from segue.core.session.words import role_of, shown_of, words_of

    if words_of(event) is None:
        return ""
    text = shown_of(event).strip()
    cut = f" [... {len(text) - _LONGEST:,} characters more]" if len(text) > _LONGEST else ""
    return f"## {event.seq} {event.at[:19]} {role_of(event) or event.kind}\n{text[:_LONGEST]}{cut}"


def _contents(uri: str, kind: str, text: str) -> dict[str, Any]:
    return {"contents": [{"uri": uri, "mimeType": kind, "text": text}]}


def _json(document: Any) -> str:
    return json.dumps(document, ensure_ascii=False, indent=1)
