"""From a state document to the events of a new session. The document is data from anywhere: what does not fit is left out."""

from collections.abc import Iterator
from typing import Any, Final

from segue.core.errors import UsageError
from segue.core.log.events import MAIN, Draft, Event
from segue.core.log.times import seconds, stamp
from segue.core.session.document import FORMAT, VERSION
from segue.core.session.metrics import TOKEN_KINDS, Metrics
from segue.core.session.sections import Header
from segue.core.session.state import State, fold
from segue.core.session.values import count, items, mapping, number, plain, text

_ENTRIES: Final = (
    ("actions", "action.next", ("id", "text")),
    ("blockers", "blocker.raised", ("id", "text")),
    ("preferences", "preference.set", ("id", "text")),
    ("constraints", "constraint.set", ("id", "text")),
    ("threads", "thread.set", ("topic", "status", "notes")),
    ("decisions", "decision.made", ("id", "title", "reason", "major")),
)
_LAST: Final = {
    "paused": "session.paused",
    "recovering": "session.recovering",
    "emergency": "session.emergency",
    "ended": "session.ended",
    "archived": "session.ended",
}
_NANO: Final = 10**9


def from_document(doc: Any) -> list[Draft]:
    """Return the events of a new session with the state of *doc*, the first of them `session.created`.

    The new session's id is the caller's; the old one's is kept as a foreign id.

    Raises:
        UsageError: not a state document, or one of a newer version.
    """
    if not isinstance(doc, dict) or doc.get("format") != FORMAT:
        raise UsageError("this is not a state document: its format is not 'segue-state'", hint="segue show --format json")
    if count(doc.get("version")) > VERSION:
        raise UsageError(f"the state document is of version {doc['version']}, this program knows up to {VERSION}")
    try:
        doc = plain(doc)
    except ValueError as e:
        raise UsageError(f"the state document cannot be read: {e}") from e
    drafts, end = [*_beginning(doc), *_said(doc), *_work(doc), *_tables(doc)], _end(doc)
    return [*drafts, *_figures(doc, drafts + end), *end]


def _beginning(doc: dict[str, Any]) -> Iterator[Draft]:
    session, life = mapping(doc, "session"), mapping(doc, "lifecycle")
    body = {name: session[name] for name in Header.__annotations__ if session.get(name)}
    if old := text(session, "id", 200):
        body["foreign_ids"] = [*(f for f in items(session, "foreign_ids") if isinstance(f, str)), old]
    if predecessor := text(mapping(doc, "lineage"), "predecessor", 200):
        body["predecessor"] = predecessor
    created = _time(life.get("created"))
    yield Draft("session.created", body, at=created)
    if text(life, "status") != "created" or _said(doc):
        yield Draft("session.activated", {}, at=created)
        end = created and _later(created, max(number(life.get("active_seconds")), 0))
        yield Draft("session.paused", {"reason": "other", "note": "imported"}, at=end or created)


def _said(doc: dict[str, Any]) -> list[Draft]:
    found: list[Draft] = []
    talk = mapping(doc, "conversation")
    said = [("user", s) for s in items(talk, "instructions")] + [("assistant", talk.get("last_reply"))]
    for role, entry in said:
        if isinstance(entry, dict) and text(entry, "text"):
            parts = [{"type": "text", "content": text(entry, "text")}]
            found.append(Draft("message", {"role": role, "parts": parts}, at=_time(entry.get("at"))))
    return found


def _work(doc: dict[str, Any]) -> Iterator[Draft]:
    work = mapping(doc, "work")
    if focus := mapping(work, "focus"):
        yield Draft("focus.set", _fields(focus, ("path", "note", "position")), at=_time(focus.get("at")))
    yield from _tasks(work)
    if plan := items(work, "plan"):
        yield Draft("plan.set", {"steps": [_fields(s, ("text", "status", "id")) if isinstance(s, dict) else s for s in plan]})
    for done in _objects(work, "completed_steps"):
        yield Draft("step.completed", {"text": text(done, "text"), "task": text(done, "id")}, at=_time(done.get("at")))
    if work.get("progress") is not None:
        yield Draft("progress.set", {"percent": number(work["progress"])})
    for name, kind, fields in _ENTRIES:
        for entry in _objects(work, name):
            yield Draft(kind, _fields(entry, fields), at=_time(entry.get("at")))
    for entry in (*_objects(work, "answered"), *_objects(work, "questions")):
        yield from _question(entry)
    if changes := mapping(work, "changes"):
        yield Draft("changes.seen", _fields(changes, ("files", "branch", "commit")), at=_time(changes.get("at")))


def _tasks(work: dict[str, Any]) -> Iterator[Draft]:
    tasks = _objects(work, "tasks")
    own = {text(t, "id") for t in tasks if t.get("status") == "done"}
    for done in _objects(work, "recent_completions"):
        if text(done, "id") not in own:
            body = {"id": text(done, "id"), "title": text(done, "text"), "status": "done"}
            yield Draft("task.set", body, at=_time(done.get("at")))
    current = text(mapping(work, "task"), "id") if isinstance(work.get("task"), dict) else None
    for task in sorted(tasks, key=lambda t: text(t, "id") == current):  # the current one is named last
        body = _fields(task, ("id", "title", "status", "phase", "step", "depends_on"))
        yield Draft("task.set", body, at=_time(task.get("at")))


def _question(entry: dict[str, Any]) -> Iterator[Draft]:
    at = _time(entry.get("at"))
    yield Draft("question.asked", _fields(entry, ("id", "text", "to")), at=at)
    if entry.get("answer"):
        yield Draft("question.answered", {"question": text(entry, "id"), "answer": text(entry, "answer")}, at=at)


def _tables(doc: dict[str, Any]) -> Iterator[Draft]:
    facts = (
        ("project.set", mapping(mapping(doc, "project"), "facts")),
        ("conversation.set", mapping(mapping(doc, "conversation"), "facts")),
        ("context.set", mapping(doc, "context")),
    )
    for kind, values in facts:
        if values:
            yield Draft(kind, {"set": values})
    tables = (
        ("agents", "agent.set", ("name", "type", "status", "set")),
        ("memory", "memory.set", ("path", "value")),
        ("items", "note.used", ("id", "kind", "path", "tokens", "hash", "uses")),
    )
    for name, kind, fields in tables:
        for entry in _objects(doc, name):
            yield Draft(kind, _fields(entry, fields), at=_time(entry.get("at")))


def _figures(doc: dict[str, Any], before: list[Draft]) -> list[Draft]:
    """Return the events that bring the metrics to the document's, after those that *before* counts already."""
    want, have = mapping(doc, "metrics"), _metrics_of(before)
    agents, models = mapping(want, "agents"), mapping(want, "models")
    drafts = [
        Draft("usage", usage | ({"model": model} if model else {}), actor=agent)
        for agent, model, usage in _pairs(want, agents, models)
    ]
    left = dict(mapping(want, "counts"))
    for agent, figures in agents.items():
        known = have["agents"].get(agent)
        for name, value in mapping(figures, "counts").items() if isinstance(figures, dict) else ():
            by = number(value) - (known["counts"].get(name, 0) if known else 0)
            left[name] = number(left.get(name)) - by
            if by:
                drafts.append(Draft("metric", {"name": name, "by": by, "agent": agent}))
    rest = {name: number(left.get(name)) - have["counts"].get(name, 0) for name in {**left, **have["counts"]}}
    drafts += [Draft("metric", {"name": name, "by": by}) for name, by in rest.items() if by]
    drafts += [Draft("metric", {"name": f"tool:{name}", "by": number(by)}) for name, by in mapping(want, "tools").items()]
    if anchor := mapping(doc, "usage"):
        body = {"context_tokens": count(anchor.get("context_tokens")), "model": text(anchor, "model", 100)}
        if message := text(anchor, "message_id", 200):
            body["message_id"] = message
        drafts.append(Draft("usage", body, at=_time(anchor.get("at"))))
    return drafts


def _pairs(want: dict[str, Any], agents: dict[str, Any], models: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield usage by agent and model whose sums are the document's, of the whole and of each (the north-west corner rule)."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for field, of in [*((f, _token(k)) for k, f in TOKEN_KINDS.items()), ("cost_usd", _cost)]:
        total = of(want)
        rows, columns = _split(total, agents, of), _split(total, models, of)
        while rows and columns:
            by = min(rows[-1][1], columns[-1][1])
            if by:
                value = by / _NANO if field == "cost_usd" else by
                found.setdefault((rows[-1][0], columns[-1][0]), {})[field] = value
            rows[-1][1] -= by
            columns[-1][1] -= by
            if not rows[-1][1]:
                rows.pop()
            if columns and not columns[-1][1]:
                columns.pop()
    yield from ((agent, model, usage) for (agent, model), usage in found.items())


def _split(total: int, table: dict[str, Any], of: Any) -> list[list[Any]]:
    parts = [[name, of(figures)] for name, figures in table.items() if isinstance(figures, dict)]
    rest = total - sum(value for _, value in parts)
    return [p for p in [["", max(rest, 0)], *parts] if p[1]]


def _token(kind: str) -> Any:
    return lambda figures: count(mapping(figures, "tokens").get(kind))


def _cost(figures: dict[str, Any]) -> int:
    return max(round(number(figures.get("cost_usd")) * _NANO), 0)


def _end(doc: dict[str, Any]) -> list[Draft]:
    life = mapping(doc, "lifecycle")
    status = text(life, "status")
    body = {name: text(life, name) for name in ("reason", "note", "by") if text(life, name)}
    at = _time(mapping(doc, "position").get("last_activity")) or _time(life.get("since"))
    if status == "active":
        return [Draft("session.resumed", body, at=at)]
    if status == "created" and _said(doc):  # a fork that nobody has worked in yet
        return [Draft("session.created", {}, at=at)]
    drafts = [Draft(_LAST[status], body, at=at)] if status in _LAST else []
    return [*drafts, Draft("session.archived", body, at=at)] if status == "archived" else drafts


def _metrics_of(drafts: list[Draft]) -> Metrics:
    events = (
        Event(1, i, f"n{i}", "", d.kind, d.actor, MAIN, f"n{i}", None, None, 0, "", "", dict(d.body))
        for i, d in enumerate(drafts, 1)
    )
    return fold(events, State()).metrics


def _fields(entry: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: entry[name] for name in names if entry.get(name) not in (None, "", [])}


def _objects(body: dict[str, Any], name: str) -> list[dict[str, Any]]:
    return [entry for entry in items(body, name) if isinstance(entry, dict)]


def _time(value: Any) -> str | None:
    try:
        return stamp(seconds(value)) if isinstance(value, str) and value.endswith("Z") else None
    except (ValueError, OverflowError, TypeError):
        return None


def _later(at: str, by: float) -> str | None:
    try:
        return stamp(seconds(at) + by)
    except (ValueError, OverflowError):
        return None
