"""The tools that note something: each an event of a session that says who did it, and through which client."""

from collections.abc import Mapping
from typing import Any, Final

from segue.core.context.quoting import line
from segue.core.errors import NotFoundError, UsageError
from segue.core.log.events import Draft
from segue.mcp.call import Call, framed, head
from segue.mcp.scope import Meant

_SHOWN: Final = 10
_MOST_OF_A_NOTE: Final = 60_000
"""Characters of a note that are read."""


def checkpoint(call: Call, given: Mapping[str, Any]) -> str:
    """Take a checkpoint, the files of the workspace included."""
    meant = call.scope.to_write(given.get("session", ""))
    call.progress(1, 2, "saving the files of the workspace")
    made = call.app.saving.take(
        meant.session,
        description=given.get("description", ""),
        trigger="agent",
        continuation=given.get("name") or None,
        actor=call.actor,
        source=call.source("checkpoint"),
    )
    call.progress(2, 2, "done")
    also = f" and {made.continuation}" if made.continuation else ""
    return f"{head(meant)}\ncheckpoint {made.name}{also} at event {made.position}; {_saved(made.workspace)}\n"


def decision(call: Call, given: Mapping[str, Any]) -> str:
    """Note a decision."""
    body = _some(given, "title", "reason", "supersedes", "major")
    meant = _append(call, given, "decision", ("decision.made", body))
    return f"{head(meant)}\ndecision noted: {line(given['title'], 200)}\n"


def thread(call: Call, given: Mapping[str, Any]) -> str:
    """Open, change or close a thread."""
    body = _some(given, "topic", "status", "notes")
    meant = _append(call, given, "thread", ("thread.set", body))
    return f"{head(meant)}\nthread {given.get('status', 'noted')}: {line(given['topic'], 200)}\n"


def question(call: Call, given: Mapping[str, Any]) -> str:
    """Ask a question, or answer one."""
    if given.get("answer"):
        event = ("question.answered", _some(given, "question", "answer"))
    else:
        event = ("question.asked", {"text": given["question"], **_some(given, "to")})
    meant = _append(call, given, "question", event)
    return f"{head(meant)}\nquestion {'answered' if given.get('answer') else 'noted'}: {line(given['question'], 200)}\n"


def task(call: Call, given: Mapping[str, Any]) -> str:
    """Set a task, and how far it is; what is not given stays as it is."""
    events: list[tuple[str, dict[str, Any]]] = []
    body = _some(given, "id", "title", "status")
    if given.get("current_step"):
        body["step"] = given["current_step"]
    if body:
        events.append(("task.set", body))
    if given.get("completed_step"):
        events.append(("step.completed", {"text": given["completed_step"], **({"task": given["id"]} if given.get("id") else {})}))
    events += [
        (kind, {"text": given[name]})
        for name, kind in (("next_action", "action.next"), ("blocker", "blocker.raised"))
        if given.get(name)
    ]
    if "percent" in given:
        events.append(("progress.set", {"percent": given["percent"]}))
    if not events:
        raise UsageError("it was not said what to note", hint="title, status, current_step, completed_step, next_action, ...")
    meant = _append(call, given, "task", *events)
    return f"{head(meant)}\ntask noted: {', '.join(name for name in given if name != 'session')}\n"


def memory(call: Call, given: Mapping[str, Any]) -> str:
    """Find, read or write notes of the library."""
    does = {"find": _find, "read": _read, "write": _write}
    return does[given["action"]](call, given)


def _find(call: Call, given: Mapping[str, Any]) -> str:
    library, query = call.app.library, given.get("query", "")
    if query.strip():
        found = [(one.note, one.snippet) for one in library.search(query, limit=_SHOWN)]
    else:
        notes = sorted(library.notes(), key=lambda note: (-note.mtime, note.folder, note.path))
        found = [(note, "") for note in notes[:_SHOWN]]
    if not found:
        return f"no note fits, in {', '.join(library.folders) or 'no folder'}\n"
    return framed(f"{note.id}  {line(note.title, 200)}  {line(snippet, 200)}".rstrip() for note, snippet in found) + "\n"


def _read(call: Call, given: Mapping[str, Any]) -> str:
    from segue.engine.notes import find

    content = call.app.library.content(find(call.app.library, _needed(given, "note", "read")))
    _used(call, content.note, "loaded", content.text)
    text, note = content.text, content.note
    cut = (
        f"\n[... {len(text) - _MOST_OF_A_NOTE:,} characters more: segue note show {note.id}]"
        if len(text) > _MOST_OF_A_NOTE
        else ""
    )
    return f"note {note.id} at {line(note.path)}\n{framed([text[:_MOST_OF_A_NOTE] + cut])}\n"


def _write(call: Call, given: Mapping[str, Any]) -> str:
    from segue.app.library import is_structured
    from segue.engine.notes import Change, Place, edit, find, make, place_of_new

    app, text, also = call.app, _needed(given, "text", "write"), ""
    if given.get("note"):
        note, action = edit(app.library, app.clock, find(app.library, given["note"]), Change(append=text)), "updated"
    else:
        kind = given.get("kind", "note")
        place = Place(app.config["organisation"] or "default", app.header["project"])
        directory = place_of_new(place, kind, structured=is_structured(app))
        title = _needed(given, "title", "write")
        same = [one.id for one in app.library.notes() if one.title.casefold() == title.strip().casefold()][:_SHOWN]
        note, action = make(app.library, app.clock, title, kind, directory, body=text), "created"
        also = f"that title has also {', '.join(same)}: to add to a note, say which as `note`\n" if same else ""
    _used(call, note, action)
    return f"note {note.id} {action} at {line(note.path)}\n{also}"


def _used(call: Call, note: Any, action: Any, text: str = "") -> None:
    """Note in the session that is at work, if one is, what was done with a note."""
    from segue.engine.notes import use

    try:
        meant = call.scope.to_write("")
    except NotFoundError:
        return
    use(call.app.store, meant.session, note, action, text, actor=call.actor, source=call.source("memory"))


def _append(call: Call, given: Mapping[str, Any], tool: str, *events: tuple[str, dict[str, Any]]) -> Meant:
    from segue.engine.sessions import append

    meant = call.scope.to_write(given.get("session", ""))
    drafts = [
        Draft(kind, body, call.actor, key=f"mcp:{call.key}:{number}", source=call.source(tool))
        for number, (kind, body) in enumerate(events)
    ]
    append(call.app.store, meant.session, drafts)
    return meant


def _some(given: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: given[name] for name in names if given.get(name)}


def _needed(given: Mapping[str, Any], name: str, action: str) -> str:
    if not given.get(name):
        raise UsageError(f"{action} needs {name}", hint="find lists notes; read takes note; write takes text, and note or title")
    return str(given[name])


def _saved(workspace: Mapping[str, Any] | None) -> str:
    if workspace is None:
        return "without files, as the settings say"
    if "missing" in workspace:
        return f"without the files of the workspace: {line(workspace['missing'], 200)}"
    left = workspace["left_out_count"]
    return "with the files of the workspace" + (f", {left} left out" if left else "")
